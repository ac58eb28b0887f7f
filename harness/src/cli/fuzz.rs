//! `cnispec fuzz`: a plugin is given what nobody has thought of.

use std::fs;
use std::io::{self, IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::arguments::FuzzArguments;
use super::failure::Failure;
use super::print;
use crate::engine::Settings;
use crate::fuzz::campaign::{Budget, Campaign, Found};
use crate::fuzz::case::Case;
use crate::fuzz::examine::{Examination, Examined};
use crate::fuzz::finding::REPLAYS;
use crate::fuzz::pool::Pool;
use crate::fuzz::report;
use crate::fuzz::seeds::Seeds;
use crate::fuzz::tally::Tally;
use crate::hex::hex;
use crate::runner::{self, Program, machine};
use crate::subject::{EMBEDDED_PTP, Subject};

/// How long a run takes if nobody says.
const USUAL: Duration = Duration::from_secs(60);

/// How long findings are made smaller, all of them together.
const SHRINKING: Duration = Duration::from_secs(90);

pub(super) fn run(arguments: &FuzzArguments) -> Result<u8, Failure> {
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

    let pool = Pool::new(&subject, &settings, arguments.strict)?;
    let live = Live::new(!arguments.quiet);
    let show = |tally: &Tally| live.show(tally);
    let binary = binary(&subject);
    let campaign = Campaign::new(&subject, &pool, budget, arguments.seed, &binary, &show);
    let mut found = campaign.run(known)?;
    let hits = std::mem::take(&mut found.hits);
    live.say(&format!("shrinking {} findings", hits.len()));
    let plain = Seeds::new(&subject, subject.version_of_fixture())?.calls();
    let examination = Examination {
        subject: &subject,
        pool: &pool,
        settings: &settings,
        strict: arguments.strict,
        plain: &plain,
        until: Instant::now() + SHRINKING,
    };
    let examined = examination.of(hits, || ())?;
    live.clear();
    publish(arguments, &subject, &found, &examined)
}

/// Nothing was tried, since nothing can be.
const NOTHING_RAN: u8 = 4;

fn publish(
    arguments: &FuzzArguments,
    subject: &Subject,
    found: &Found,
    examined: &[Examined],
) -> Result<u8, Failure> {
    if let Some(directory) = &arguments.corpus {
        for case in &found.corpus {
            write_case(directory, case).map_err(|error| unusable(directory, &error))?;
        }
    }
    let (sure, fleeting): (Vec<&Examined>, Vec<&Examined>) = examined
        .iter()
        .partition(|examined| examined.finding.replayed == REPLAYS);
    let mut folders = Vec::new();
    for examined in &sure {
        let folder = arguments.findings.as_ref().map(|directory| {
            examined
                .finding
                .write(directory, examined.transcript.as_ref())
                .map_err(|error| unusable(directory, &error))
        });
        folders.push(folder.transpose()?);
    }
    print(|out| {
        for (index, examined) in sure.iter().enumerate() {
            report::finding(
                out,
                &examined.finding,
                examined.transcript.as_ref(),
                folders[index].as_deref(),
            )?;
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
    Ok(u8::from(!sure.is_empty()))
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

fn write_case(directory: &Path, case: &Case) -> io::Result<()> {
    use sha2::{Digest, Sha256};
    let text = serde_json::to_vec(case)?;
    let name = hex(&Sha256::digest(&text)[..8]);
    fs::write(directory.join(format!("{name}.json")), text)
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
