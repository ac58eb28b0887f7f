//! How far a run has come, for whoever waits for it: what is broken as soon as it is found, and a line that tells the rest.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use super::duration;
use crate::error::Error;
use crate::report::{Entry, Report, outcome_style, outcome_word, visible};
use crate::runner::{self, Event, Request};
use crate::subject::Subject;
use crate::transcript::Transcript;
use crate::verdict::Outcome;

/// How often progress is told where lines cannot be overwritten, as in the log of a CI job.
const INTERVAL: Duration = Duration::from_secs(30);

/// Progress on standard error.
pub(super) struct Progress {
    shown: Shown,
    began: Instant,
    told: Instant,
    done: usize,
    all: usize,
    /// The checks that were told, because they fail or warn.
    told_of: BTreeSet<(Outcome, String)>,
    /// How many of them fail.
    broken: usize,
}

/// The form of the progress display.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Nothing,
    /// A line now and then.
    Lines,
    /// A line that is overwritten.
    Overwritten,
}

impl Progress {
    pub fn wanted(wanted: bool) -> Self {
        let overwrites =
            stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self {
            shown: match wanted {
                false => Shown::Nothing,
                true if overwrites => Shown::Overwritten,
                true => Shown::Lines,
            },
            began: Instant::now(),
            told: Instant::now(),
            done: 0,
            all: 0,
            told_of: BTreeSet::new(),
            broken: 0,
        }
    }

    /// Runs what is requested and shows how far it has come. Every transcript is shown to `watch`, and then forgotten.
    pub fn execute(
        mut self,
        request: &Request,
        subject: Subject,
        mut watch: impl FnMut(&Transcript) + Send,
    ) -> Result<Report, Error> {
        let report = runner::execute(request, subject, &mut |event| match event {
            Event::Planned(all) => self.all = all,
            Event::Judged(entry) => self.judged(entry),
            Event::Finished(ran) => {
                self.step();
                if let Ok(transcript) = ran {
                    watch(transcript);
                }
            }
        });
        self.overwrite("");
        report
    }

    /// Tells of a check that fails or warns, the first time.
    fn judged(&mut self, entry: &Entry) {
        let told = [Outcome::Fail, Outcome::Warn].contains(&entry.outcome);
        if !told || !self.told_of.insert((entry.outcome, entry.check.clone())) {
            return;
        }
        self.broken += usize::from(entry.outcome == Outcome::Fail);
        if self.shown == Shown::Overwritten {
            self.overwrite("");
            let mark = outcome_style(entry.outcome);
            let mut out = anstream::stderr().lock();
            let _ = writeln!(
                out,
                "{mark}{}{mark:#} {} in {} {}",
                outcome_word(entry.outcome),
                visible(&entry.check),
                visible(&entry.scenario),
                entry.spec_version
            );
        }
    }

    fn step(&mut self) {
        self.done += 1;
        match self.shown {
            Shown::Overwritten => self.overwrite(&self.line()),
            Shown::Lines if self.told.elapsed() >= INTERVAL => {
                self.told = Instant::now();
                let _ = writeln!(stderr(), "{}", self.line());
            }
            _ => {}
        }
    }

    fn line(&self) -> String {
        let mut line = format!("{} of {} scenarios", self.done, self.all);
        match self.broken {
            0 => {}
            1 => line += ", 1 requirement broken",
            number => line += &format!(", {number} requirements broken"),
        }
        // Scenarios take about as long as each other.
        let left = self.all.saturating_sub(self.done);
        let each = self.began.elapsed().as_secs_f64() / self.done.max(1) as f64;
        if left > 0 {
            let left = Duration::from_secs_f64((each * left as f64).ceil());
            line += &format!(", about {} left", duration::in_words(left));
        }
        line
    }

    /// Writes over the line of before. Progress that nobody can see is no failure.
    fn overwrite(&self, text: &str) {
        if self.shown == Shown::Overwritten {
            let _ = write!(stderr(), "\r\x1b[K{text}");
            let _ = stderr().flush();
        }
    }
}
