//! The selection of a request from the catalogue and the scenarios.

use crate::check::{self, Check};
use crate::error::Error;
use crate::kind::Kind;
use crate::pattern;
use crate::report::Selection;
use crate::scenario;
use crate::scenario_id;

/// The checks and scenarios that were asked for.
pub struct Filter {
    pub(super) checks: Vec<&'static Check>,
    scenarios: Vec<&'static str>,
    /// Only scenarios that one of the checks reads are worth running.
    by_check: bool,
}

fn select<'i>(patterns: &[String], ids: &[&'i str], sort: &str) -> Result<Vec<&'i str>, Error> {
    pattern::select(patterns, ids, sort).map_err(|error| Error::Usage(error.to_string()))
}

impl Filter {
    /// Applies the patterns of a selection. A pattern that matches nothing is an error.
    pub fn new(selection: &Selection) -> Result<Self, Error> {
        let checks = check::catalogue();
        let ids: Vec<&str> = checks.iter().map(|check| check.id).collect();
        let chosen = select(&selection.checks, &ids, "check")?;
        let scenarios: Vec<&'static str> = scenario::all()
            .iter()
            .map(|scenario| scenario.id.as_str())
            .collect();
        let asks_for_deep =
            selection.deep || !selection.scenarios.is_empty() || !selection.checks.is_empty();
        Ok(Self {
            checks: checks
                .into_iter()
                .filter(|check| chosen.contains(&check.id))
                .collect(),
            scenarios: select(&selection.scenarios, &scenarios, "scenario")?
                .into_iter()
                .filter(|id| asks_for_deep || !scenario_id::is_deep(id))
                .collect(),
            by_check: !selection.checks.is_empty(),
        })
    }

    /// True if a scenario has a selected check for a subject of this kind.
    pub(super) fn selects(&self, scenario: &str, kind: Kind) -> bool {
        let read = || self.checks.iter().any(|check| check.reads(scenario, kind));
        self.scenarios.contains(&scenario) && (!self.by_check || read())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_check_runs_only_scenarios_that_it_reads() {
        let filter = |checks: &[&str], scenarios: &[&str]| {
            let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
            Filter::new(&Selection {
                checks: owned(checks),
                scenarios: owned(scenarios),
                ..Selection::default()
            })
        };
        let all = filter(&[], &[]).unwrap();
        assert!(all.selects("lifecycle", Kind::Interface));
        assert!(!all.selects("no-such-scenario", Kind::Interface));
        assert!(!all.selects("crash/add", Kind::Interface));
        let asked = filter(&[], &["crash/*"]).unwrap();
        assert!(asked.selects("crash/add", Kind::Interface));
        let one = filter(&["del.removes-interface"], &[]).unwrap();
        assert!(one.selects("lifecycle", Kind::Interface));
        assert!(!one.selects("lifecycle", Kind::Ipam));
        assert!(!one.selects("delegate-garbage", Kind::Interface));
        assert!(matches!(
            filter(&["del.*"], &["lifecylce"]),
            Err(Error::Usage(message)) if message.contains("did you mean `lifecycle`?")
        ));
    }
}
