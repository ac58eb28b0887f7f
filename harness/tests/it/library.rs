//! The library as another crate's tests use it.

#[expect(dead_code, reason = "its `main` is the example's")]
#[path = "../../examples/certify.rs"]
mod certify;

use cnispec::{Error, Event, Outcome, Run, Verdict, Version};
use trials::test;

fn lifecycle_of(plugin: &str) -> Run {
    Run::new(plugin)
        .worker(env!("CARGO_BIN_EXE_cnispec"))
        .versions([Version::V1_1_0])
        .scenarios(["lifecycle"])
}

#[test(Netns)]
fn a_run_returns_its_report_and_hands_over_transcripts() {
    let mut scenarios = Vec::new();
    let run = lifecycle_of(env!("CARGO_BIN_EXE_ptp"));
    let report = run
        .execute_with(|event| {
            if let Event::Finished(Ok(transcript)) = event {
                scenarios.push(transcript.scenario.clone());
            }
        })
        .unwrap();
    assert_eq!(report.summary.verdict, Some(Verdict::Conformant));
    assert_eq!(scenarios, ["lifecycle"]);
    let passed = |check: &str| {
        let mut results = report.results.iter();
        results.any(|result| result.check == check && result.outcome == Outcome::Pass)
    };
    assert!(passed("del.removes-interface"));
}

#[test]
fn mistakes_of_the_caller_are_told_from_failures_of_the_harness() {
    let missing = lifecycle_of("/no/such/plugin").execute().unwrap_err();
    assert!(matches!(&missing, Error::Usage(_)), "{missing}");
    let no_worker = lifecycle_of(env!("CARGO_BIN_EXE_ptp"))
        .worker("/no/such/cnispec")
        .execute()
        .unwrap_err();
    assert!(matches!(&no_worker, Error::Harness(_)), "{no_worker}");
}

/// Without `worker`: the program is found where cargo puts it.
#[test(Netns)]
fn the_example_certifies_a_plugin() {
    certify::certify(env!("CARGO_BIN_EXE_host-local")).unwrap();
}
