//! `cnispec explain`: everything that is known of a check or a scenario before a plugin is tested.

use std::io::{self, Write};

use super::failure::Failure;
use super::print;
use crate::check::{self, Check, Clause, Level};
use crate::kind::Kind;
use crate::pattern;
use crate::scenario::{self, Scenario};

pub(super) fn run(pattern: &str) -> Result<u8, Failure> {
    let (checks, scenarios) = (check::catalogue(), scenario::all());
    let ids = checks.iter().map(|check| check.id);
    let ids: Vec<&str> = ids
        .chain(scenarios.iter().map(|scenario| scenario.id.as_str()))
        .collect();
    let chosen = pattern::select(&[pattern.to_owned()], &ids, "check or scenario")?;
    let is_chosen = |id: &str| chosen.contains(&id);
    print(|out| {
        let mut explained = 0;
        let mut gap = |out: &mut dyn Write| {
            explained += 1;
            if explained > 1 { writeln!(out) } else { Ok(()) }
        };
        for check in checks.iter().filter(|check| is_chosen(check.id)) {
            gap(out)?;
            explain_check(check, out)?;
        }
        for scenario in scenarios.iter().filter(|one| is_chosen(one.id.as_str())) {
            gap(out)?;
            explain_scenario(scenario, out)?;
        }
        Ok(())
    })?;
    Ok(0)
}

fn explain_check(check: &Check, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}: {}\n", check.id, check.claim)?;
    writeln!(out, "binds      {}", kinds(check.binds))?;
    let scenarios: Vec<&str> = scenario::all()
        .into_iter()
        .filter(|scenario| reads(check, scenario))
        .map(|scenario| scenario.id.as_str())
        .collect();
    writeln!(out, "scenarios  {}", scenarios.join(", "))?;
    writeln!(
        out,
        "fault      `{}`: the scripted {} {}",
        check.fault.id(),
        if check.fault.is_a_runtimes() {
            "runtime"
        } else {
            "plugin"
        },
        check.fault.does()
    )?;
    if let Some(dispute) = check.dispute {
        writeln!(
            out,
            "disputed   {}\n           {}",
            dispute.reason, dispute.reference
        )?;
        writeln!(
            out,
            "           so it is reported as a warning, unless `--strict` is given"
        )?;
    }
    writeln!(out, "\nclauses")?;
    check
        .every_clause()
        .filter(|clause| clause.level > Level::May)
        .try_for_each(|clause| explain_clause(clause, out))
}

fn explain_clause(clause: &Clause, out: &mut dyn Write) -> io::Result<()> {
    let level = clause.level.as_str();
    let versions = clause.versions.iter().map(|version| version.to_string());
    let versions: Vec<String> = versions.collect();
    writeln!(out, "  {level} in {}", versions.join(", "))?;
    writeln!(out, "    \"{}\"", clause.quote)?;
    clause
        .versions
        .iter()
        .try_for_each(|version| writeln!(out, "    {}", clause.url(version)))
}

fn explain_scenario(scenario: &Scenario, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}: {}\n", scenario.id.as_str(), scenario.title)?;
    writeln!(out, "kinds   {}", kinds(scenario.kinds))?;
    writeln!(out, "since   {}", scenario.since)?;
    writeln!(out, "\nchecks that read it")?;
    check::catalogue()
        .into_iter()
        .filter(|check| reads(check, scenario))
        .try_for_each(|check| writeln!(out, "  {}: {}", check.id, check.claim))
}

fn reads(check: &Check, scenario: &Scenario) -> bool {
    let mut kinds = scenario.kinds.iter();
    kinds.any(|kind| check.reads(scenario.id.as_str(), *kind))
}

fn kinds(kinds: &[Kind]) -> String {
    kinds
        .iter()
        .map(|kind| kind.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}
