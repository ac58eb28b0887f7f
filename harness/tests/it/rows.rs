//! One row of a table: a plugin or a runtime that breaks one thing, and the checks that fail then. Each is a test of
//! its own, as in `faults::interface::del-again-fails`.
//!
//! A row runs the scenarios that its checks read: those of its line and those that name its fault. For checks that
//! read every scenario it runs [`EVERYWHERE`], and what [`ELSEWHERE`] says. `CNISPEC_FULL=1` runs every scenario, and every row that is pinned to
//! trip nothing; it also holds that the scenarios that run by default show the same. So the two can differ only in
//! the checks of other scenarios that a fault begins to trip unnoticed, until the next full run.
//!
//! `CNISPEC_UPDATE=1` runs rows as `CNISPEC_FULL=1` does and writes their lines anew, to be read before they are
//! committed.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::RwLock;
use std::time::Duration;

use cnispec::check::{self, Check, Scope};
use cnispec::internal::{Fault, Program, Settings, Subject, Task, Workers};
use cnispec::transcript::Transcript;
use cnispec::{Event, Kind, Run, Version};
use serde_json::Value;
use trials::{Generated, Need};

use crate::fault_matrix::{Checks, Table};
use crate::users::report;

/// Scenarios that stand for all, in rows with checks that read every scenario.
const EVERYWHERE: [&str; 3] = ["lifecycle", "required-variables", "gc"];

/// Scenarios that stand for all in which plugins are killed.
const CRASHED: [&str; 2] = ["crash/add", "crash/del"];

/// Where rows show checks that read every scenario, which none of [`EVERYWHERE`] does.
const ELSEWHERE: [(&str, &str); 10] = [
    ("check-repairs", "check-mutations"),
    ("error-as-text", "pool-exhausted"),
    ("error-on-stderr", "delegate-add-fails"),
    ("error-on-stderr", "pool-exhausted"),
    ("error-swallowed", "pool-exhausted"),
    ("error-with-log", "pool-exhausted"),
    ("odd-result-crashes", "odd-result"),
    ("refusal-not-json", "bad-input"),
    ("status-invented", "status"),
    ("unknown-key-unnamed", "odd-input"),
];

/// The program that serves as worker, since these runs are not programs of their own.
const WORKER: &str = env!("CARGO_BIN_EXE_cnispec");

/// Rows hold this together; one that must be alone holds it alone.
static AT_ONCE: RwLock<()> = RwLock::new(());

/// A plugin or a runtime to be tried.
pub struct Row {
    /// The table that it is pinned in.
    pub table: &'static Table,
    /// The fault or flaw.
    pub breaks: &'static str,
    /// The kind of plugin that it breaks it in.
    pub kind: Kind,
    /// The name of its file.
    pub file: String,
    /// Its network; a runtime has none.
    pub network: Option<Value>,
    /// The version of the SPEC that it is tried in; otherwise in all.
    pub spec: Option<Version>,
    /// How long a call may take, if less than usual.
    pub timeout: Option<Duration>,
}

/// A check that failed, as the table writes it, and the scenario in which it did.
struct Tripped {
    check: String,
    scenario: String,
}

/// The rows as tests: those that are pinned, or all.
pub fn trials() -> Vec<Generated> {
    let rows = all().into_iter();
    rows.filter(|row| is_full() || row.table.line(&row.name()).is_some())
        .map(|row| Generated {
            name: format!("{}::{}::{}", row.table.name, row.kind.as_str(), row.breaks),
            needs: &[Need::Netns],
            run: Box::new(move || row.hold()),
        })
        .collect()
}

/// Every row of every table.
pub fn all() -> Vec<Row> {
    let tables = [
        crate::faults::rows(),
        crate::wrappers::rows(),
        crate::runtimes::rows(),
    ];
    tables.into_iter().flatten().collect()
}

/// True if lines are written anew.
pub fn is_updated() -> bool {
    std::env::var_os("CNISPEC_UPDATE").is_some()
}

/// Returns true if every scenario is run, not only those that a row's checks read.
pub fn is_full() -> bool {
    is_updated() || std::env::var_os("CNISPEC_FULL").is_some()
}

impl Row {
    /// How its line begins.
    pub fn name(&self) -> String {
        format!("{} {}", self.breaks, self.kind.as_str())
    }

    fn hold(&self) -> Result<(), String> {
        let pinned = self.table.line(&self.name()).unwrap_or_default();
        let run = || {
            let scenarios = (!is_full()).then(|| self.scenarios(&pinned));
            self.run(scenarios.as_ref())
        };
        let mut tripped = {
            let _others = AT_ONCE.read();
            run()
        };
        // Some faults are races, and are lost now and then beside others.
        if checks(&tripped) != pinned {
            let _alone = AT_ONCE.write();
            tripped = run();
        }
        let found = checks(&tripped);
        if is_updated() {
            self.table.pin(&self.name(), &found);
        } else if found != pinned {
            return Err(self.difference(&pinned, &found));
        }
        let read = self.scenarios(&found);
        let (shown, elsewhere): (Vec<_>, Vec<_>) = tripped
            .into_iter()
            .partition(|one| read.contains(one.scenario.as_str()));
        if checks(&shown) == found {
            return Ok(());
        }
        let shown = checks(&shown);
        let unseen = elsewhere.iter().filter(|one| !shown.contains(&one.check));
        Err(format!(
            "{}: the scenarios that run by default do not show these:\n{}\nhint: name one that does in ELSEWHERE",
            self.name(),
            unseen
                .map(|one| format!("{} in {}", one.check, one.scenario))
                .collect::<Vec<_>>()
                .join("\n")
        ))
    }

    /// The scenarios that show whether it trips these checks and those that name its fault.
    fn scenarios(&self, pinned: &Checks) -> BTreeSet<&'static str> {
        let pinned = pinned
            .iter()
            .filter_map(|id| check::find(id.trim_start_matches('~')));
        pinned
            .chain(self.naming())
            .flat_map(|check| scenarios(check, self.breaks))
            .collect()
    }

    /// The checks of plugins of its kind that name its fault.
    fn naming(&self) -> Vec<&'static Check> {
        let Some(fault) = Fault::find(self.breaks).filter(|_| self.table.is_of_faults) else {
            return Vec::new();
        };
        let mut checks = check::catalogue();
        checks.retain(|check| check.fault == fault && check.binds.contains(&self.kind));
        checks
    }

    /// Runs these scenarios, or all.
    fn run(&self, scenarios: Option<&BTreeSet<&'static str>>) -> Vec<Tripped> {
        let directory = tempfile::tempdir().unwrap();
        let program = self.program(directory.path()).display().to_string();
        let mut arguments = match self.config(directory.path()) {
            Some(config) => vec![program, format!("--config={}", config.display())],
            None => vec!["--runtime".to_owned(), program],
        };
        arguments.extend(["--strict", "--jobs", "1"].map(str::to_owned));
        arguments.extend(self.spec.iter().map(|version| format!("--spec={version}")));
        let millis = |timeout: &Duration| format!("--timeout={}ms", timeout.as_millis());
        arguments.extend(self.timeout.as_ref().map(millis));
        if scenarios.is_none() && self.naming().into_iter().any(is_deep) {
            arguments.push("--deep".to_owned());
        }
        for scenario in scenarios.into_iter().flatten() {
            arguments.extend(["--scenario", scenario].map(str::to_owned));
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (_, report) = report(&arguments);
        let errors = report["harnessErrors"].as_array().map_or(0, Vec::len);
        assert_eq!(errors, 0, "{}: {report}", self.name());
        let results = report["results"].as_array().unwrap().iter();
        results
            .filter_map(|result| {
                let check = result["check"].as_str().unwrap();
                let check = match result["outcome"].as_str().unwrap() {
                    "fail" => check.to_owned(),
                    "warn" => format!("~{check}"),
                    _ => return None,
                };
                let scenario = result["scenario"].as_str().unwrap().to_owned();
                Some(Tripped { check, scenario })
            })
            .collect()
    }

    /// The transcripts of these scenarios, or of all, in this version.
    pub fn transcripts(
        &self,
        version: Version,
        scenarios: &BTreeSet<&'static str>,
    ) -> Vec<Transcript> {
        let directory = tempfile::tempdir().unwrap();
        let program = self.program(directory.path());
        let Some(config) = self.config(directory.path()) else {
            let subject = Subject::runtime(program.to_str().unwrap()).unwrap();
            let settings = Settings {
                jobs: 1,
                seed: 1,
                timeout: Duration::from_secs(20),
            };
            let workers = Workers::new(&subject, &settings).unwrap();
            let workers = workers.served_by(Program::at(WORKER));
            return cnispec::internal::scenarios()
                .into_iter()
                .filter(|one| scenarios.is_empty() || scenarios.contains(one.id.as_str()))
                .filter(|one| one.fits(&subject, version))
                .map(|one| Task {
                    scenario: one.id.as_str().to_owned(),
                    spec_version: version,
                })
                .map(|task| workers.run(&task).unwrap())
                .collect();
        };
        let mut run = Run::new(program).config(config).versions([version]);
        if let Some(timeout) = self.timeout {
            run = run.timeout(timeout);
        }
        transcripts_of(run, scenarios)
    }

    fn program(&self, directory: &Path) -> PathBuf {
        let program = directory.join(&self.file);
        symlink(WORKER, &program).unwrap();
        program
    }

    fn config(&self, directory: &Path) -> Option<PathBuf> {
        let config = directory.join("network.conflist");
        fs::write(&config, self.network.as_ref()?.to_string()).unwrap();
        Some(config)
    }

    fn difference(&self, pinned: &Checks, found: &Checks) -> String {
        let mut lines = vec![format!("{}: not as pinned", self.name())];
        lines.extend(pinned.union(found).map(|check| {
            match (pinned.contains(check), found.contains(check)) {
                (true, false) => format!("- {check}"),
                (false, true) => format!("+ {check}"),
                _ => format!("  {check}"),
            }
        }));
        lines.push("- is pinned and did not fail, + failed and is not pinned".to_owned());
        lines.join("\n")
    }
}

/// The transcripts of these scenarios, or of all, in a run.
pub fn transcripts_of(run: Run, scenarios: &BTreeSet<&'static str>) -> Vec<Transcript> {
    let mut transcripts = Vec::new();
    run.scenarios(scenarios.iter().copied())
        .worker(WORKER)
        .jobs(1)
        .execute_with(|event| {
            if let Event::Finished(Ok(transcript)) = event {
                transcripts.push(transcript.clone());
            }
        })
        .unwrap();
    transcripts
}

/// The scenarios that a check reads, or those that stand for all in rows of what `breaks`.
pub fn scenarios(check: &Check, breaks: &str) -> BTreeSet<&'static str> {
    let Scope::In(ids) = check.scope else {
        let elsewhere = ELSEWHERE.into_iter();
        let elsewhere = elsewhere.filter(|(fault, _)| *fault == breaks);
        return elsewhere
            .map(|(_, scenario)| scenario)
            .chain(EVERYWHERE)
            .collect();
    };
    let ids = ids.iter().map(|id| id.as_str());
    match is_deep(check) {
        true => ids.filter(|id| CRASHED.contains(id)).collect(),
        false => ids.collect(),
    }
}

/// True if only `--deep` runs what the check reads.
fn is_deep(check: &Check) -> bool {
    matches!(check.scope, Scope::In(ids) if ids.iter().all(|id| id.as_str().contains('/')))
}

fn checks(tripped: &[Tripped]) -> Checks {
    tripped.iter().map(|one| one.check.clone()).collect()
}
