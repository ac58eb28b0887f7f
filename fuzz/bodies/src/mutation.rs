use cnispec::internal::{Dictionary, Mutator};

/// Changes a JSON document in place by its structure, and returns its new length; none where it is no
/// document, or has become too long.
#[must_use]
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> Option<usize> {
    let mut rng = fastrand::Rng::with_seed(seed.into());
    // Bytes that mean nothing must be tried too.
    if rng.u8(..8) == 0 {
        return None;
    }
    let dictionary = Dictionary::new(b"");
    let mut mutator = Mutator {
        rng: &mut rng,
        dictionary: &dictionary,
        calls: &[],
        replies: &[],
    };
    let changed = mutator.document(&data[..size])?;
    let place = data
        .get_mut(..changed.len())
        .filter(|place| place.len() <= max_size)?;
    place.copy_from_slice(&changed);
    Some(changed.len())
}
