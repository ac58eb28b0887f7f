//! How far a run has come, for whoever sits in front of it.

use std::io::{IsTerminal, Write, stderr};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A line on standard error that is overwritten; nothing where that is not a terminal.
pub(super) struct Progress {
    done: AtomicUsize,
    all: usize,
    shown: bool,
}

impl Progress {
    pub fn new(all: usize, wanted: bool) -> Self {
        Self {
            done: AtomicUsize::new(0),
            all,
            shown: wanted && stderr().is_terminal(),
        }
    }

    /// One more is done.
    pub fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if self.shown {
            // Progress that nobody can see is no failure.
            let _ = write!(stderr(), "\r\x1b[K{done} of {} scenarios", self.all);
        }
    }

    /// Takes the line away.
    pub fn finish(&self) {
        if self.shown {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
