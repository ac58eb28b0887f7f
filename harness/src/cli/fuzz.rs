//! `cnispec fuzz`: a plugin is given what nobody has thought of.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::arguments::FuzzArguments;
use super::failure::Failure;
use super::print;
use crate::engine::Settings;
use crate::fuzz::campaign::{Budget, Campaign, CampaignResult, Event, Listener};
use crate::fuzz::case::Case;
use crate::fuzz::examine::{Examination, Examined};
use crate::fuzz::finding::Finding;
use crate::fuzz::pool::Pool;
use crate::fuzz::report;
use crate::fuzz::seeds::Seeds;
use crate::fuzz::tally::Tally;
use crate::hex::hex;
use crate::runner::{self, Program, interruption, machine};
use crate::subject::{EMBEDDED_PTP, Subject};
use crate::transcript::Transcript;

/// How long a run takes if nobody says.
const USUAL: Duration = Duration::from_secs(60);

/// How long findings are made smaller, all of them together.
const SHRINKING: Duration = Duration::from_secs(90);

/// How long after the end of a run by time the last findings may still be tried again.
const LAST_REPLAYS: Duration = Duration::from_secs(1);

pub(super) fn run(arguments: &FuzzArguments) -> Result<u8, Failure> {
    let started = Instant::now();
    interruption::await_signals()?;
    let mut subject = Subject::new(
        arguments.plugin.as_deref(),
        arguments.network.config.as_deref(),
        arguments.network.kind(),
        arguments.network.directories(),
    )?;
    let budget = match (arguments.time, arguments.runs) {
        (_, Some(runs)) => Budget::Runs(runs),
        (time, None) => Budget::Time(time.unwrap_or(USUAL)),
    };
    let settings = Settings {
        jobs: arguments.jobs.map_or_else(machine::processors, usize::from),
        seed: arguments.seed,
        timeout: arguments.timeout,
    };
    for directory in [&arguments.findings, &arguments.corpus]
        .into_iter()
        .flatten()
    {
        fs::create_dir_all(directory).map_err(|error| unusable(directory, &error))?;
    }
    let known = match &arguments.corpus {
        Some(directory) => read_corpus(directory)?,
        None => Vec::new(),
    };
    if let Some(reason) = runner::probe(&mut subject, &settings, &Program::this())? {
        print(|out| writeln!(out, "not applicable: {reason}"))?;
        return Ok(NOTHING_RAN);
    }
    runner::versions(&subject, &[])?;

    let until = match budget {
        Budget::Time(time) => Some(started + time + LAST_REPLAYS),
        Budget::Runs(_) => None,
    };
    let pool = Pool::new(&subject, &settings, arguments.strict)?.ending(until);
    let live = Live::new(!arguments.quiet);
    let show = |tally: &Tally| live.show(tally);
    let store = Store::new(arguments, &subject);
    let keep = |news: Event<'_>| store.keep(&news);
    let binary = binary(&subject);
    let seed = arguments.seed;
    let watcher = Listener {
        on_progress: &show,
        on_event: &keep,
    };
    let campaign = Campaign::new(&subject, &pool, budget, seed, started, &binary, watcher);
    let mut found = campaign.run(known)?;
    let candidates = std::mem::take(&mut found.candidates);
    live.say(&format!("shrinking {} findings", candidates.len()));
    let plain = Seeds::new(&subject, subject.newest_version())?.calls();
    let examination = Examination {
        subject: &subject,
        pool: &pool,
        settings: &settings,
        strict: arguments.strict,
        plain: &plain,
        until: match budget {
            Budget::Time(time) => started + time,
            Budget::Runs(_) => Instant::now() + SHRINKING,
        },
    };
    let examined = examination.of(candidates, || ())?;
    live.clear();
    publish(arguments, &subject, &found, &examined, store)
}

/// Nothing was tried, since nothing can be.
const NOTHING_RAN: u8 = 4;
/// Nothing was found, and the run did not come to its end.
const INTERRUPTED: u8 = 5;

fn publish(
    arguments: &FuzzArguments,
    subject: &Subject,
    found: &CampaignResult,
    examined: &[Examined],
    store: Store<'_>,
) -> Result<u8, Failure> {
    let (sure, fleeting): (Vec<&Examined>, Vec<&Examined>) = examined
        .iter()
        .partition(|examined| examined.finding.is_sure());
    let folders: Vec<Option<PathBuf>> = sure
        .iter()
        .map(|examined| store.keep_finding(&examined.finding, examined.transcript.as_ref()))
        .collect();
    let stored = store.settle(found, &fleeting);
    print(|out| {
        for (index, examined) in sure.iter().enumerate() {
            report::finding(
                out,
                &examined.finding,
                examined.transcript.as_ref(),
                folders[index].as_deref(),
            )?;
        }
        if let Some(signal) = interruption::asked() {
            writeln!(out, "partial: interrupted by {signal}")?;
        }
        report::summary(
            out,
            subject,
            found,
            sure.len(),
            &fleeting.iter().map(|e| &e.finding).collect::<Vec<_>>(),
        )?;
        if arguments.findings.is_none() && !sure.is_empty() {
            writeln!(
                out,
                "hint: `--findings DIR` keeps each as a folder, to be replayed"
            )?;
        }
        Ok(())
    })?;
    stored?;
    Ok(match sure.len() {
        0 if interruption::asked().is_some() => INTERRUPTED,
        0 if found.tally.cases == 0 => NOTHING_RAN,
        0 => 0,
        _ => 1,
    })
}

/// Findings and cases on disk, from the moment in which they are found.
struct Store<'a> {
    arguments: &'a FuzzArguments,
    subject: &'a Subject,
    /// Cases that this run has written.
    cases: RefCell<BTreeSet<PathBuf>>,
    /// The first thing that could not be written.
    failure: RefCell<Option<Failure>>,
}

impl<'a> Store<'a> {
    fn new(arguments: &'a FuzzArguments, subject: &'a Subject) -> Self {
        Self {
            arguments,
            subject,
            cases: RefCell::default(),
            failure: RefCell::default(),
        }
    }

    fn keep(&self, news: &Event<'_>) {
        match news {
            Event::Candidate(candidate) => {
                let (broken, case) = (candidate.broken.clone(), candidate.case.clone());
                let finding = Finding::new(self.subject, broken, case, candidate.how);
                self.keep_finding(&finding, None);
            }
            Event::Case(case) => self.keep_case(case),
        }
    }

    /// Returns the finding's folder.
    fn keep_finding(&self, finding: &Finding, transcript: Option<&Transcript>) -> Option<PathBuf> {
        let directory = self.arguments.findings.as_deref()?;
        self.done(directory, finding.write(directory, transcript))
    }

    fn keep_case(&self, case: &Case) {
        if let Some(directory) = &self.arguments.corpus
            && let Some((path, true)) = self.done(directory, write_case(directory, case))
        {
            self.cases.borrow_mut().insert(path);
        }
    }

    /// Takes away what has turned out to be worth nothing. An error if something could not be written.
    fn settle(self, found: &CampaignResult, fleeting: &[&Examined]) -> Result<(), Failure> {
        let written = self.cases.take();
        found.corpus.iter().for_each(|case| self.keep_case(case));
        if let Some(directory) = &self.arguments.corpus {
            let kept: BTreeSet<PathBuf> = found
                .corpus
                .iter()
                .flat_map(|case| path_of(directory, case))
                .collect();
            for path in written.difference(&kept) {
                let _ = fs::remove_file(path);
            }
        }
        if let Some(directory) = &self.arguments.findings {
            for examined in fleeting {
                let _ = fs::remove_dir_all(directory.join(examined.finding.name()));
            }
        }
        self.failure.into_inner().map_or(Ok(()), Err)
    }

    fn done<T>(&self, directory: &Path, done: io::Result<T>) -> Option<T> {
        done.map_err(|error| {
            let mut failure = self.failure.borrow_mut();
            failure.get_or_insert_with(|| unusable(directory, &error));
        })
        .ok()
    }
}

/// The plugin's file, for the words in it; the embedded plugins know those of the field.
fn binary(subject: &Subject) -> Vec<u8> {
    match subject.path == Path::new(EMBEDDED_PTP) {
        true => Vec::new(),
        false => fs::read(&subject.path).unwrap_or_default(),
    }
}

fn unusable(directory: &Path, error: &io::Error) -> Failure {
    Failure::environment(format!(
        "cannot use the directory `{}`: {error}",
        directory.display()
    ))
}

/// The cases of an earlier run; a file that is none is the user's to mend.
fn read_corpus(directory: &Path) -> Result<Vec<Case>, Failure> {
    let entries = fs::read_dir(directory).map_err(|error| unusable(directory, &error))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    paths.sort();
    let read = |path: &PathBuf| {
        let case = fs::read(path).and_then(|text| Ok(serde_json::from_slice(&text)?));
        case.map_err(|error| {
            Failure::usage(format!(
                "`{}` is no case of a corpus: {error}\nhint: give a directory that `cnispec fuzz --corpus` has written",
                path.display()
            ))
        })
    };
    paths.iter().map(read).collect()
}

fn path_of(directory: &Path, case: &Case) -> io::Result<PathBuf> {
    use sha2::{Digest, Sha256};
    let name = hex(&Sha256::digest(serde_json::to_vec(case)?)[..8]);
    Ok(directory.join(format!("{name}.json")))
}

/// The case's file, and whether it is new.
fn write_case(directory: &Path, case: &Case) -> io::Result<(PathBuf, bool)> {
    let path = path_of(directory, case)?;
    if path.exists() {
        return Ok((path, false));
    }
    // Whole, or not at all: what is left of an interrupted run is read by the next one.
    let beside = path.with_extension("part");
    fs::write(&beside, serde_json::to_vec(case)?)?;
    fs::rename(&beside, &path)?;
    Ok((path, true))
}

/// A line on standard error that is overwritten; nothing where that is not a terminal.
struct Live {
    shown: bool,
    last: Mutex<Option<Instant>>,
}

impl Live {
    fn new(wanted: bool) -> Self {
        Self {
            shown: wanted && stderr().is_terminal(),
            last: Mutex::default(),
        }
    }

    fn show(&self, tally: &Tally) {
        const PAUSE: Duration = Duration::from_millis(200);
        let Ok(mut last) = self.last.lock() else {
            return;
        };
        if !self.shown || last.is_some_and(|last| last.elapsed() < PAUSE) {
            return;
        }
        *last = Some(Instant::now());
        self.say(&report::progress(tally));
    }

    fn say(&self, text: &str) {
        if self.shown {
            // Progress that nobody can see is no failure.
            let _ = write!(stderr(), "\r\x1b[K{text}");
        }
    }

    fn clear(&self) {
        self.say("");
    }
}
