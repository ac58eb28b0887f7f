//! Counters of a run and its progress line.

use std::fmt;
use std::time::Duration;

use super::behaviour::Reach;
use super::executor::Outcome;

/// The phase of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// The fixture's network as it is.
    #[default]
    Fixtures,
    /// One thing at its edge at a time.
    Boundaries,
    /// Values that the plugin accepts one by one, combined.
    Combinations,
    /// Several things changed at random.
    Mutations,
    /// Calls in other courses.
    Sequences,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Fixtures => "fixtures",
            Phase::Boundaries => "boundaries",
            Phase::Combinations => "combinations",
            Phase::Mutations => "mutations",
            Phase::Sequences => "sequences",
        })
    }
}

/// The numbers of a run.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// The current phase.
    pub phase: Phase,
    /// Cases executed.
    pub cases: u64,
    /// Calls of the plugin.
    pub executions: u64,
    /// Cases that came no further than to the reading of their input.
    pub undecoded: u64,
    /// Cases in which a call succeeded.
    pub succeeded: u64,
    /// Cases in which the plugin asked its IPAM plugin.
    pub asked_ipam: u64,
    /// Broken claims so far.
    pub found: usize,
    /// From the start.
    pub elapsed: Duration,
}

impl Tally {
    /// Counts one more case.
    pub fn count(&mut self, outcome: &Outcome) {
        self.cases += 1;
        self.executions += outcome.seen.len() as u64;
        let furthest = outcome.seen.iter().map(|seen| seen.reach).max();
        self.undecoded += u64::from(furthest == Some(Reach::Decoding));
        self.succeeded += u64::from(furthest == Some(Reach::Success));
        self.asked_ipam += u64::from(outcome.seen.iter().any(|seen| seen.asked_ipam));
    }

    /// Calls in a second.
    pub fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "for people to read")]
        let executions = self.executions as f64;
        executions / self.elapsed.as_secs_f64().max(0.001)
    }

    /// The share of cases that got past the reading of their input, in percent.
    pub fn percent_decoded(&self) -> u64 {
        100 - percent(self.undecoded, self.cases)
    }
}

/// A part of a whole in percent.
pub fn percent(part: u64, whole: u64) -> u64 {
    (100 * part).checked_div(whole).unwrap_or(0)
}
