//! How far a run has come, for whoever sits in front of it.

use std::io::{IsTerminal, Write, stderr};

use crate::error::Error;
use crate::report::Report;
use crate::runner::{self, Event, Request};
use crate::subject::Subject;
use crate::transcript::Transcript;

/// A line on standard error that is overwritten; nothing where that is not a terminal.
pub(super) struct Progress {
    shown: bool,
    done: usize,
    all: usize,
}

impl Progress {
    pub fn wanted(wanted: bool) -> Self {
        Self {
            shown: wanted && stderr().is_terminal(),
            done: 0,
            all: 0,
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
            Event::Finished(ran) => {
                self.step();
                if let Ok(transcript) = ran {
                    watch(transcript);
                }
            }
        });
        self.say("");
        report
    }

    fn step(&mut self) {
        self.done += 1;
        self.say(&format!("{} of {} scenarios", self.done, self.all));
    }

    fn say(&self, text: &str) {
        if self.shown {
            // Progress that nobody can see is no failure.
            let _ = write!(stderr(), "\r\x1b[K{text}");
        }
    }
}
