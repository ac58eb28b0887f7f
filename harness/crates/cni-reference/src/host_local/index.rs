//! Which attachment has which address, for stores so large that looking into every file takes long.
//!
//! The files are the truth, and the index is only a shortcut to them. Upstream's plugin works on the same store and does
//! not know the index, so it must be found out when it no longer tells the truth: the directory's time of modification
//! is set to a stamp that stands in the index, and everybody who adds or removes a file replaces it.

use std::fs::{self, File, OpenOptions};
use std::hash::Hasher;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::store::Owner;
use fnv::FnvHasher;

/// Its name is no address, so neither plugin takes it for a reservation.
const NAME: &str = ".index";
/// Changes with the form of the file.
const MAGIC: u64 = u64::from_le_bytes(*b"cnispec1");
/// Unsynced writes may be lost when the machine fails, so an index is valid for one boot.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";
/// No file is changed in this second any more.
const STAMP_SECOND: Duration = Duration::from_secs(1_000_000_000);

/// Magic, hash of the boot, stamp, number of places, number of places that are used.
const HEADER: usize = 5 * WORD;
/// Hash of the owner, 4 or 6, address.
const PLACE: usize = WORD + 1 + 16;
const WORD: usize = 8;
/// So many places are read at once.
const RUN: usize = 16;
/// Hashes that stand for no owner.
const NEVER_USED: u64 = 0;
const NO_MORE_USED: u64 = 1;

/// The index of a store that nobody else uses meanwhile.
#[derive(Debug)]
pub(crate) struct Index {
    directory: File,
    file: File,
    boot: u64,
    stamp: u64,
    places: u64,
    used: u64,
}

impl Index {
    /// The index, if there is one and it tells the truth.
    pub(crate) fn open(store: &Path) -> Option<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(store.join(NAME))
            .ok()?;
        let mut header = [0; HEADER];
        file.read_exact_at(&mut header, 0).ok()?;
        let words = header.as_chunks::<WORD>().0;
        let [magic, boot, stamp, places, used] =
            [0, 1, 2, 3, 4].map(|n| u64::from_le_bytes(words[n]));
        let directory = File::open(store).ok()?;
        let index = Self {
            directory,
            file,
            boot,
            stamp,
            places,
            used,
        };
        let unchanged = index.directory.metadata().ok()?.modified().ok()? == index.time();
        let sound = magic == MAGIC && places.is_power_of_two() && boot == this_boot()?;
        (unchanged && sound).then_some(index)
    }

    /// Writes the index of these reservations.
    pub(crate) fn build<'o>(
        store: &Path,
        reservations: impl ExactSizeIterator<Item = (&'o Owner, IpAddr)>,
    ) -> io::Result<()> {
        let places = (reservations.len() * 2).next_power_of_two();
        let mut table = vec![0; places * PLACE];
        let mut used = 0;
        for (owner, address) in reservations {
            let mut place = first_place(hash(owner), places as u64);
            while word(&table[place as usize * PLACE..]) != NEVER_USED {
                place = (place + 1) % places as u64;
            }
            let bytes = written(hash(owner), address);
            table[place as usize * PLACE..][..PLACE].copy_from_slice(&bytes);
            used += 1;
        }
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(store.join(NAME))?;
        file.write_all_at(&table, HEADER as u64)?;
        let boot = this_boot().ok_or(io::ErrorKind::NotFound)?;
        let stamp = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| u64::from(now.subsec_nanos()));
        let mut index = Self {
            directory: File::open(store)?,
            file,
            boot,
            stamp,
            places: places as u64,
            used,
        };
        index.seal()
    }

    /// The addresses that the owner may have; the hash of another owner can be the same.
    pub(crate) fn addresses_of(&self, owner: &Owner) -> io::Result<Vec<IpAddr>> {
        let mut found = Vec::new();
        // A reservation without ifname is every attachment's of its container.
        for wanted in [hash(owner), hash(&owner.without_ifname())] {
            self.walk(wanted, |_, hash, address| {
                if hash == wanted {
                    found.extend(address);
                }
                hash == NEVER_USED
            })?;
        }
        Ok(found)
    }

    /// Takes a new reservation in.
    pub(crate) fn add(&mut self, owner: &Owner, address: IpAddr) -> io::Result<()> {
        // A quarter stays free, or walks become long.
        if (self.used + 1) * 4 > self.places * 3 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let hash = hash(owner);
        let mut free = None;
        self.walk(hash, |place, hash, _| {
            free = Some(place);
            hash == NEVER_USED
        })?;
        let free = free.ok_or(io::ErrorKind::StorageFull)?;
        self.used += 1;
        self.file.write_all_at(&written(hash, address), at(free))
    }

    /// Takes a reservation out.
    pub(crate) fn remove(&mut self, owner: &Owner, address: IpAddr) -> io::Result<()> {
        let wanted = hash(owner);
        let mut found = None;
        self.walk(wanted, |place, hash, other| {
            if hash == wanted && other == Some(address) {
                found = Some(place);
            }
            hash == NEVER_USED
        })?;
        match found {
            Some(place) => self
                .file
                .write_all_at(&NO_MORE_USED.to_le_bytes(), at(place)),
            None => Ok(()),
        }
    }

    /// Makes the index valid again after the store was changed by ourselves.
    pub(crate) fn seal(&mut self) -> io::Result<()> {
        self.stamp = (self.stamp + 1) % 1_000_000_000;
        let words = [MAGIC, self.boot, self.stamp, self.places, self.used];
        self.file
            .write_all_at(words.map(u64::to_le_bytes).as_flattened(), 0)?;
        self.directory.set_modified(self.time())
    }

    fn time(&self) -> SystemTime {
        UNIX_EPOCH + STAMP_SECOND + Duration::from_nanos(self.stamp)
    }

    /// Looks at places from the first one of a hash on, until `visit` has seen enough.
    fn walk(
        &self,
        hash: u64,
        mut visit: impl FnMut(u64, u64, Option<IpAddr>) -> bool,
    ) -> io::Result<()> {
        let first = first_place(hash, self.places);
        let mut seen = 0;
        while seen < self.places {
            let start = (first + seen) % self.places;
            let run = (RUN as u64).min(self.places - start);
            let mut bytes = vec![0; run as usize * PLACE];
            self.file.read_exact_at(&mut bytes, at(start))?;
            for (place, bytes) in (start..).zip(bytes.chunks_exact(PLACE)) {
                if visit(place, word(bytes), address(&bytes[WORD..])) {
                    return Ok(());
                }
            }
            seen += run;
        }
        Ok(())
    }
}

/// Where a place stands in the file.
fn at(place: u64) -> u64 {
    HEADER as u64 + place * PLACE as u64
}

fn first_place(hash: u64, places: u64) -> u64 {
    (hash >> 8) % places
}

fn hash(owner: &Owner) -> u64 {
    let ifname = owner.ifname.as_deref();
    let parts = [owner.container_id.as_str(), ifname.unwrap_or_default()];
    // Neither part holds this byte.
    of(parts.join("\0").as_bytes()).max(NO_MORE_USED + 1)
}

/// FNV-1a, which is the same in every build of this plugin.
fn of(bytes: &[u8]) -> u64 {
    let mut hasher = FnvHasher::default();
    hasher.write(bytes);
    hasher.finish()
}

fn this_boot() -> Option<u64> {
    fs::read(BOOT).ok().map(|boot| of(&boot))
}

fn written(hash: u64, address: IpAddr) -> [u8; PLACE] {
    let mut bytes = [0; PLACE];
    bytes[..WORD].copy_from_slice(&hash.to_le_bytes());
    match address {
        IpAddr::V4(address) => {
            bytes[WORD] = 4;
            bytes[WORD + 1..][..4].copy_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            bytes[WORD] = 6;
            bytes[WORD + 1..].copy_from_slice(&address.octets());
        }
    }
    bytes
}

fn word(bytes: &[u8]) -> u64 {
    bytes
        .first_chunk()
        .map_or(NEVER_USED, |word| u64::from_le_bytes(*word))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let (family, octets) = bytes.split_first()?;
    match family {
        4 => Some(Ipv4Addr::from(*octets.first_chunk()?).into()),
        6 => Some(Ipv6Addr::from(*octets.first_chunk::<16>()?).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn owner(number: usize) -> Owner {
        Owner::new(&format!("container-{number}"), "eth0")
    }

    fn ip(number: u32) -> IpAddr {
        Ipv4Addr::from(0x0a00_0000 + number).into()
    }

    fn built(store: &Path, reservations: &[(Owner, IpAddr)]) -> Index {
        let all = reservations.iter().map(|(owner, ip)| (owner, *ip));
        Index::build(store, all).unwrap();
        Index::open(store).unwrap()
    }

    #[test]
    fn addresses_of_both_families_and_of_old_stores_are_found() {
        let store = tempfile::tempdir().unwrap();
        let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
        let mut index = built(store.path(), &[(owner(1), ip(1)), (owner(1), mapped)]);
        index.add(&owner(2).without_ifname(), ip(2)).unwrap();
        let sorted = |number| {
            let mut found = index.addresses_of(&owner(number)).unwrap();
            found.sort();
            found
        };
        assert_eq!(sorted(1), [ip(1), mapped]);
        assert_eq!(sorted(2), [ip(2)]);
        assert!(sorted(3).is_empty());
    }

    #[test]
    fn whoever_changes_the_store_makes_the_index_void() {
        let store = tempfile::tempdir().unwrap();
        let mut index = built(store.path(), &[(owner(1), ip(1))]);
        std::fs::write(store.path().join("10.0.0.9"), "another").unwrap();
        assert!(Index::open(store.path()).is_none());
        index.seal().unwrap();
        assert!(Index::open(store.path()).is_some());
        std::fs::remove_file(store.path().join("10.0.0.9")).unwrap();
        assert!(Index::open(store.path()).is_none());
    }

    #[test]
    fn what_is_no_index_is_none() {
        let store = tempfile::tempdir().unwrap();
        assert!(Index::open(store.path()).is_none());
        for content in [
            &b""[..],
            &[0; 400],
            b"cnispec1 and then nothing of use, for long enough",
        ] {
            std::fs::write(store.path().join(NAME), content).unwrap();
            let directory = File::open(store.path()).unwrap();
            directory.set_modified(UNIX_EPOCH + STAMP_SECOND).unwrap();
            assert!(Index::open(store.path()).is_none());
        }
    }

    #[test]
    fn a_full_index_says_so() {
        let store = tempfile::tempdir().unwrap();
        let mut index = built(store.path(), &[(owner(0), ip(0)), (owner(1), ip(1))]);
        index.add(&owner(2), ip(2)).unwrap();
        assert!(index.add(&owner(3), ip(3)).is_err());
    }

    proptest! {
        #[test]
        fn it_knows_what_a_set_knows(changes in vec((any::<bool>(), 0usize..30, 0u32..3), 0..120)) {
            let store = tempfile::tempdir().unwrap();
            let filler: Vec<_> = (100..300).map(|n| (owner(n), ip(n as u32))).collect();
            let mut index = built(store.path(), &filler);
            let mut known = BTreeSet::new();
            for (adds, number, address) in changes {
                let entry = (number, ip(address));
                if adds && !known.contains(&entry) {
                    index.add(&owner(number), ip(address)).unwrap();
                    known.insert(entry);
                } else if !adds {
                    index.remove(&owner(number), ip(address)).unwrap();
                    known.remove(&entry);
                }
            }
            index.seal().unwrap();
            let index = Index::open(store.path()).unwrap();
            for number in 0..30 {
                let found: BTreeSet<_> = index.addresses_of(&owner(number)).unwrap().into_iter().collect();
                let wanted: BTreeSet<_> = known
                    .iter()
                    .filter(|(known, _)| *known == number)
                    .map(|(_, address)| *address)
                    .collect();
                prop_assert_eq!(found, wanted);
            }
        }
    }
}
