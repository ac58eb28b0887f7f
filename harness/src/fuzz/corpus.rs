//! The corpus: cases that showed new behaviour and are mutated further.

use std::collections::BTreeMap;

use super::behaviour::CallBehaviour;
use super::case::Case;

/// The most cases that are kept: more behaviour than that is echo.
const MOST: usize = 2048;

/// How many cases that the plugin took are kept, whatever they showed.
const TAKEN: usize = 1024;

struct Entry {
    case: Case,
    chosen: usize,
}

/// Cases by the behaviour that they were first to show.
#[derive(Default)]
pub struct Corpus {
    entries: Vec<Entry>,
    /// A sample of accepted cases: values accepted one by one may be rejected together.
    taken: Vec<Case>,
    offered: usize,
    /// Which entry stands for a behaviour; nothing for one that is known and not worth keeping.
    known: BTreeMap<u64, Option<usize>>,
}

impl Corpus {
    /// Takes a case up if it showed something new, or something known with less. Says whether it was new.
    pub fn offer(&mut self, case: &Case, seen: &[CallBehaviour]) -> bool {
        // Leaves out calls that hang: each mutation would wait for the deadline again.
        let hung = seen.iter().any(|seen| seen.hung);
        let mut is_new = false;
        for seen in seen {
            match self.known.get(&seen.fingerprint) {
                Some(Some(index)) => {
                    let entry = &mut self.entries[*index];
                    if case.weight() * 2 < entry.case.weight() {
                        entry.case = case.clone();
                    }
                }
                Some(None) => {}
                None if hung || is_new || self.entries.len() >= MOST => {
                    self.known.insert(seen.fingerprint, None);
                    is_new |= !hung;
                }
                None => {
                    self.known
                        .insert(seen.fingerprint, Some(self.entries.len()));
                    self.entries.push(Entry {
                        case: case.clone(),
                        chosen: 0,
                    });
                    is_new = true;
                }
            }
        }
        is_new
    }

    /// Takes a case up that the plugin did something with, in place of one of many.
    pub fn offer_taken(&mut self, case: &Case, rng: &mut fastrand::Rng) {
        self.offered += 1;
        if self.taken.len() < TAKEN {
            self.taken.push(case.clone());
        } else if let Some(place) = self.taken.get_mut(rng.usize(..self.offered)) {
            *place = case.clone();
        }
    }

    /// One of those.
    pub fn choose_taken(&self, rng: &mut fastrand::Rng) -> Option<Case> {
        (!self.taken.is_empty()).then(|| self.taken[rng.usize(..self.taken.len())].clone())
    }

    /// A case to change: mostly one of those that were changed the least.
    pub fn choose(&mut self, rng: &mut fastrand::Rng) -> Option<Case> {
        if self.entries.is_empty() {
            return None;
        }
        let candidates = 1 + rng.usize(..4);
        let best = (0..candidates)
            .map(|_| rng.usize(..self.entries.len()))
            .min_by_key(|index| self.entries[*index].chosen)?;
        self.entries[best].chosen += 1;
        Some(self.entries[best].case.clone())
    }

    /// Every case that is kept.
    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        self.entries.iter().map(|entry| &entry.case)
    }

    /// How many behaviours are known.
    pub fn behaviours(&self) -> usize {
        self.known.len()
    }
}
