//! Known failures, applied and written anew.

use super::*;
use crate::report::sample::report;
use crate::verdict::Verdict;

const KNOWN: Known<'static> = Known {
    checks: &[
        "add.is-met",
        "add.half-met",
        "del.is-broken",
        "del.meaningless",
        "gc.open",
        "version.disputed",
    ],
    scenarios: &["once", "twice"],
};

fn parse(text: &str) -> Result<Expectations, ExpectationError> {
    Expectations::parse(text, KNOWN)
}

fn entry(keys: &str) -> String {
    format!("[[expect]]\n{keys}\nreason = \"because\"\nlink = \"https://example.com/1\"\n")
}

fn outcomes(report: &Report, check: &str) -> Vec<Outcome> {
    let results = report.results.iter().filter(|result| result.check == check);
    results.map(|result| result.outcome).collect()
}

fn applied(text: &str) -> (Report, Result<(), ExpectationError>) {
    let mut reports = [report()];
    let done = parse(text).unwrap().apply(&mut reports, KNOWN);
    let [report] = reports;
    (report, done)
}

#[test]
fn what_is_broken_as_expected_is_known() {
    let text = entry("check = \"del.is-broken\"")
        + &entry("check = \"add.half-met\"\nscenario = \"twice\"");
    let (report, done) = applied(&text);
    assert!(done.is_ok());
    assert_eq!(
        outcomes(&report, "del.is-broken"),
        [Outcome::KnownFailure; 3]
    );
    assert_eq!(report.summary.counts.fail, 0);
    assert_eq!(report.summary.verdict, Some(Verdict::Inconclusive));
    let known = report
        .results
        .iter()
        .find(|result| result.check == "del.is-broken")
        .unwrap();
    assert_eq!(
        known.reason.as_deref(),
        Some("because (https://example.com/1)")
    );
    assert!(known.actual.is_some() && known.evidence.is_some());
}

#[test]
fn warnings_can_be_expected_and_other_versions_are_left_alone() {
    let (report, _) = applied(&entry("check = \"version.*\"\nspecVersion = \"1.1.0\""));
    assert_eq!(
        outcomes(&report, "version.disputed"),
        [Outcome::Warn, Outcome::KnownFailure, Outcome::KnownFailure]
    );
}

#[test]
fn what_is_met_against_expectation_is_stale_and_no_run_succeeds_with_it() {
    let (mut report, done) = applied(&entry("check = \"add.is-met\""));
    assert!(done.is_ok());
    assert_eq!(
        outcomes(&report, "add.is-met"),
        [Outcome::StaleExpectation; 3]
    );
    report.results.retain(|result| result.check == "add.is-met");
    report.recount();
    assert_eq!(report.exit_status(), 5);
}

#[test]
fn an_expectation_of_several_things_is_stale_only_when_all_are_met() {
    let (report, _) = applied(&entry("check = \"add.half-met\""));
    assert!(!outcomes(&report, "add.half-met").contains(&Outcome::StaleExpectation));
    let (report, _) = applied(&entry("check = \"add.half-met\"\nscenario = \"once\""));
    assert!(outcomes(&report, "add.half-met").contains(&Outcome::StaleExpectation));
}

#[test]
fn a_part_of_a_run_shows_nothing_to_be_stale() {
    let narrow: [fn(&mut Selection); 4] = [
        |selection| selection.checks = vec!["del.*".to_owned()],
        |selection| selection.scenarios = vec!["once".to_owned()],
        |selection| selection.spec_versions = vec![Version::V1_0_0],
        |selection| {
            selection.shard = Some(crate::report::Shard {
                index: 1,
                count: 2,
                planned: 3,
            })
        },
    ];
    for change in narrow {
        let mut reports = [report()];
        change(&mut reports[0].environment.selection);
        reports[0]
            .results
            .retain(|result| result.check != "gc.open");
        for check in ["add.is-met", "gc.open"] {
            let text = entry(&format!("check = \"{check}\""));
            parse(&text).unwrap().apply(&mut reports, KNOWN).unwrap();
        }
        assert_eq!(reports[0].summary.counts.stale_expectation, 0);
    }
}

#[test]
fn what_matches_nothing_is_a_mistake_with_the_nearest_name() {
    let said = |text: &str| match parse(text) {
        Err(error) => error.to_string(),
        Ok(expectations) => {
            let error = expectations.apply(&mut [report()], KNOWN).unwrap_err();
            error.to_string()
        }
    };
    let text = said(&format!("\n{}", entry("check = \"del.is-borken\"")));
    assert!(
        text.starts_with("line 2, column 1: `del.is-borken` matches no check"),
        "{text}"
    );
    assert!(text.contains("did you mean `del.is-broken`?"), "{text}");
    assert!(said(&entry("check = \"*\"\nscenario = \"onec\"")).contains("did you mean `once`?"));
    assert!(said(&entry("check = \"*\"\nplugin = \"bridge\"")).contains("matches nothing"));
    assert!(said(&entry("check = \"*\"\nspecVersion = \"0.4.0\"")).contains("matches nothing"));
    assert!(said(&entry("check = \"*\"\nspecVersion = \"3.0.0\"")).contains("no version 3.0.0"));
}

#[test]
fn a_file_with_something_unknown_is_refused_with_its_place() {
    for (text, place, what) in [
        ("[[expect]]\ncheck = 1\n", "line 1", "check"),
        (
            "[[expect]]\ncheck = \"*\"\nreason = \"x\"\n",
            "line 1",
            "missing field `link`",
        ),
        (
            "[[expect]]\ncheck = \"*\"\nreason = \" \"\nlink = \"x\"\n",
            "line 1",
            "`reason` is empty",
        ),
        (
            "expectations = []\n",
            "line 1, column 1",
            "unknown key `expectations`",
        ),
        ("\n\noops\n", "line 3", ""),
        ("expect = 1\n", "line 1", "no list"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(
            error.starts_with(place) && error.contains(what),
            "{text}: {error}"
        );
        assert!(error.contains("\nhint: "), "{error}");
    }
    let text = entry("check = \"*\"\n  why = \"x\"");
    let error = parse(&text).unwrap_err().to_string();
    assert!(
        error.starts_with("line 3, column 3: unknown field `why`"),
        "{error}"
    );
}

#[test]
fn an_update_says_exactly_what_is_broken_and_keeps_what_was_said() {
    let before = format!(
        "# our list\n{}\n# soon\n{}",
        entry("check = \"add.is-met\""),
        entry("check = \"version.disputed\"")
    );
    let expectations = parse(&before).unwrap();
    let text = expectations.updated(&[report()], KNOWN);
    assert!(text.contains("# soon"), "{text}");
    assert!(!text.contains("add.is-met"), "{text}");
    insta::assert_snapshot!("expectations", text);
    // The written file is up to date: nothing fails, is stale or has to be updated.
    let again = parse(&text).unwrap();
    let mut reports = [report()];
    again.apply(&mut reports, KNOWN).unwrap();
    assert_eq!(reports[0].summary.counts.fail, 0);
    assert_eq!(reports[0].summary.counts.stale_expectation, 0);
    assert_eq!(again.updated(&reports, KNOWN), text);
    let half: Vec<_> = again
        .entries
        .iter()
        .filter(|entry| entry.check == "add.half-met")
        .collect();
    assert_eq!(half[0].scenario.as_deref(), Some("twice"));
}
