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
use std::path::Path;
use std::sync::RwLock;

use cnispec::Kind;
use cnispec::check::{self, Check, Scope};
use cnispec::internal::Fault;
use serde_json::Value;
use trials::{Generated, Need};

use crate::fault_matrix::{Checks, Table};
use crate::users::report;

/// Scenarios that stand for all, in rows with checks that read every scenario.
const EVERYWHERE: [&str; 3] = ["lifecycle", "required-variables", "gc"];

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
    /// Further arguments of `cnispec test`.
    pub arguments: Vec<String>,
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

fn is_full() -> bool {
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
        let elsewhere = || {
            let rows = ELSEWHERE.into_iter();
            rows.filter(|(breaks, _)| *breaks == self.breaks)
                .map(|(_, scenario)| scenario)
        };
        let mut scenarios = BTreeSet::new();
        for check in pinned.chain(self.naming()) {
            match check.scope {
                Scope::Every => scenarios.extend(EVERYWHERE.into_iter().chain(elsewhere())),
                Scope::In(ids) => scenarios.extend(ids.iter().map(|id| id.as_str())),
            }
        }
        scenarios
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
        let program = directory.path().join(&self.file);
        symlink(env!("CARGO_BIN_EXE_cnispec"), &program).unwrap();
        let mut arguments = self.subject(directory.path(), &program);
        arguments.extend(["--strict", "--jobs", "1"].map(str::to_owned));
        arguments.extend(self.arguments.iter().cloned());
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

    fn subject(&self, directory: &Path, program: &Path) -> Vec<String> {
        let program = program.to_str().unwrap().to_owned();
        let Some(network) = &self.network else {
            return vec!["--runtime".to_owned(), program];
        };
        let config = directory.join("network.conflist");
        fs::write(&config, network.to_string()).unwrap();
        let config = config.to_str().unwrap().to_owned();
        vec![program, "--config".to_owned(), config]
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

fn checks(tripped: &[Tripped]) -> Checks {
    tripped.iter().map(|one| one.check.clone()).collect()
}
