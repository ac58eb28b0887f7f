//! Ends a run early on a signal: labs are ended at once, and the results so far are reported.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, PoisonError};

use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

use crate::error::HarnessError;

/// Signals that ask for an end.
const SIGNALS: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

static STATE: Mutex<State> = Mutex::new(State {
    asked: None,
    labs: BTreeSet::new(),
});

struct State {
    asked: Option<Signal>,
    /// The inits of labs, which are children of this process.
    labs: BTreeSet<u32>,
}

/// Waits for signals from now on. The caller must be the only thread, since those that it starts leave signals to each other.
pub fn await_signals() -> Result<(), HarnessError> {
    let failed = |error: io::Error| HarnessError::new(format!("cannot await signals: {error}"));
    let mut awaited = SigSet::empty();
    let ignored = ignored().map_err(failed)?;
    for signal in SIGNALS {
        // `nohup` asks to ignore the end of the terminal.
        let is_ignored = ignored & (1 << (signal as u32 - 1)) != 0;
        if signal != Signal::SIGHUP || !is_ignored {
            awaited.add(signal);
        }
    }
    awaited
        .thread_block()
        .map_err(|error| failed(error.into()))?;
    std::thread::spawn(move || {
        while let Ok(signal) = awaited.wait() {
            let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
            if state.asked.is_some() {
                // A second signal ends the program without reports.
                std::process::exit(128 + signal as i32);
            }
            state.asked = Some(signal);
            state.labs.iter().for_each(|init| end(*init));
        }
    });
    Ok(())
}

/// The signals that this process ignores, a bit each.
fn ignored() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn end(init: u32) {
    if let Ok(pid) = i32::try_from(init) {
        // It may have ended just now.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

/// The signal that has asked for an end, if one has.
pub fn asked() -> Option<Signal> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner).asked
}

/// A lab that ends when the run is to end.
pub struct Watched(u32);

impl Watched {
    /// The lab of this init, which must not be waited for before this is dropped.
    pub fn new(init: u32) -> Self {
        let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
        state.labs.insert(init);
        if state.asked.is_some() {
            end(init);
        }
        Self(init)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
        state.labs.remove(&self.0);
    }
}
