//! A report made by hand, from a plugin that is as hostile as it is broken.

use cni_types::{Operation, Version};
use serde_json::Value;

use super::build::Run;
use super::model::{
    ClauseLink, ConfigFile, Counts, CrashPointsEntry, DriftEntry, Environment, Finding,
    HarnessFault, KeyPlace, Latency, PluginEnvironment, Report, Selection,
};
use super::part::{Judging, Parts};
use super::replay::Replay;
use crate::check::clause::{only, since};
use crate::check::{Check, Clause, Dispute, Judged, Level, Page, Scope, Unmet};
use crate::fault::Fault;
use crate::fixture::{Fixture, HostSetup};
use crate::kind::Kind;
use crate::label;
use crate::subject::Subject;
use crate::transcript::{
    Bytes, Call, ChangeKind, Delegated, Delivery, Ending, Exit, FileEntry, Files, Process, Role,
    State, StateChange, Step, Transcript, Usage,
};
use crate::verdict::{Outcome, Strictness};

const CLAUSES: &[Clause] = &[
    Clause {
        versions: since(Version::V1_0_0),
        level: Level::Must,
        page: Page::Specification,
        anchor: "del-remove-container-from-network-or-un-apply-modifications",
        quote: "Plugins MUST say <this> & \"that\"",
    },
    Clause {
        versions: only(Version::V0_4_0),
        level: Level::Should,
        page: Page::Specification,
        anchor: "parameters",
        quote: "should",
    },
    Clause {
        versions: since(Version::V1_1_0),
        level: Level::Should,
        page: Page::Specification,
        anchor: "parameters",
        quote: "should",
    },
];

const fn check(id: &'static str, claim: &'static str, judge: fn(&Transcript) -> Judged) -> Check {
    Check {
        id,
        claim,
        binds: &[Kind::Interface],
        clauses: &[CLAUSES],
        scope: Scope::Every,
        fault: Fault::DelFails,
        dispute: None,
        judge,
    }
}

static MET: Check = check("add.is-met", "ADD does what it says", |_| Ok(()));
static HALF: Check = check(
    "add.half-met",
    "ADD does it everywhere",
    |transcript| match transcript.scenario.as_str() {
        "twice" => Err(broken()),
        _ => Ok(()),
    },
);
static BROKEN: Check = check("del.is-broken", "DEL does what it says", |_| Err(broken()));
static MEANINGLESS: Check = check("del.meaningless", "DEL of what is not there", |_| {
    Err(Unmet::NotApplicable(
        "the plugin is called \u{1b}]0;evil\u{7}".to_owned(),
    ))
});
static OPEN: Check = check(
    "gc.open",
    "GC keeps what is valid",
    |transcript| match transcript.spec_version {
        Version::V1_1_0 => Err(Unmet::Inconclusive(
            "the call `add` did not succeed".to_owned(),
        )),
        _ => Ok(()),
    },
);
static PREVENTED: [Check; 3] = {
    const fn prevented(id: &'static str) -> Check {
        check(id, "it goes on", |transcript| {
            transcript.success(label::DEL).map(drop)
        })
    }
    [
        prevented("check.prevented"),
        prevented("gc.prevented"),
        prevented("status.prevented"),
    ]
};
static DISPUTED: Check = Check {
    dispute: Some(Dispute {
        reason: "the whole ecosystem deviates",
        reference: "https://github.com/containernetworking/cni/issues/1",
    }),
    ..check("version.disputed", "VERSION reads its input", |_| {
        Err(broken())
    })
};
static OTHERS: Check = Check {
    binds: &[Kind::Ipam],
    ..check("ipam.others", "not for this kind", |_| Err(broken()))
};

fn broken() -> Unmet {
    Unmet::broken(
        ["exit status 0", "no \u{202e}tricks"],
        "exit status 1, error 7: \u{1b}[2J<b>&amp;\u{0}\n]]>",
    )
    .at(1)
    .showing(vec![StateChange {
        place: "host".to_owned(),
        kind: ChangeKind::Added,
        object: "link \u{1b}[31mveth".to_owned(),
        detail: "up".to_owned(),
    }])
}

/// The checks of the sample, in their order.
pub(crate) fn checks() -> Vec<&'static Check> {
    vec![
        &MET,
        &HALF,
        &BROKEN,
        &MEANINGLESS,
        &OPEN,
        &DISPUTED,
        &OTHERS,
    ]
}

/// The subject of the sample.
pub(crate) fn subject() -> Subject {
    Subject {
        path: "/plugins/ho\u{1b}[5mstile".into(),
        arguments: Vec::new(),
        sha256: "0".repeat(64),
        plugin_type: "ho\u{1b}[5mstile".to_owned(),
        kind: Kind::Interface,
        fixture: Fixture {
            origin: "my.conflist".to_owned(),
            list: serde_json::Map::new(),
            setup: HostSetup::default(),
        },
        cni_path: Vec::new(),
        supported: vec![Version::V1_0_0, Version::V1_1_0],
        neighbours: Vec::new(),
        delegates: Vec::new(),
    }
}

/// A transcript of the subject, with one call that prints whatever it should not.
pub(crate) fn transcript(scenario: &str, spec_version: Version) -> Transcript {
    let mut stdout =
        b"{\n  \"code\": 7,\n  \"msg\": \"\x1b[2J\x07 \xe2\x80\xae ]]> <b>\"\n}\n\xff\xfe\x00"
            .to_vec();
    stdout.extend(b"y\n".repeat(4000));
    let call = Call {
        label: "del".to_owned(),
        operation: Operation::Del,
        role: Role::Subject,
        container: Some("a".to_owned()),
        path: "/plugins/hostile".to_owned(),
        arguments: Vec::new(),
        env: vec![
            ("CNI_COMMAND".to_owned(), "DEL".into()),
            ("CNI_ARGS".to_owned(), Bytes(b"A=\xff\x1b".to_vec())),
            ("PATH".to_owned(), "/bin".into()),
        ],
        stdin: "{\"cniVersion\": \"1.0.0\"}".into(),
        delivery: Delivery::Whole,
        stdout: stdout.into(),
        stderr: Bytes::default(),
        exit: Exit::Status(1),
        held_open: false,
        usage: Usage::default(),
        before: 0,
        after: 1,
        delegated: vec![Delegated {
            plugin: "ipam".to_owned(),
            path: "/plugins/ipam".to_owned(),
            by: None,
            env: Vec::new(),
            stdin: "{}".into(),
            stdout: "\u{1b}[31m<i>".into(),
            status: 0,
            is_told: false,
            during: (0, 0),
            container_links: Vec::new(),
        }],
        crash: None,
    };
    Transcript {
        scenario: scenario.to_owned(),
        spec_version,
        kind: Kind::Interface,
        plugin: "hostile".to_owned(),
        supported: vec![Version::V1_0_0, Version::V1_1_0],
        config: Value::Null,
        without_device: false,
        steps: vec![
            Step::Change {
                label: "start".to_owned(),
                what: "nothing".to_owned(),
            },
            Step::Call(Box::new(call)),
        ],
        states: vec![State::default(), left_behind()],
        ending: Ending::Completed,
    }
}

/// A state with a file and a process whose names are hostile.
fn left_behind() -> State {
    let file = FileEntry {
        kind: "file".to_owned(),
        mode: Some("0644".to_owned()),
        owner: "0:0".to_owned(),
        length: 3,
        content: Some("<\u{7}>".to_owned()),
    };
    State {
        files: [("/run/\u{202e}<script>".to_owned(), file)]
            .into_iter()
            .collect::<Files>()
            .into(),
        processes: vec![Process {
            pid: 7,
            command: "sleep | `sh`".to_owned(),
        }],
        ..State::default()
    }
}

/// The report of a run of these checks over the sample's transcripts.
pub(crate) fn report_of(checks: &[&'static Check], faults: Vec<HarnessFault>) -> Report {
    let transcripts = [
        transcript("once", Version::V1_0_0),
        transcript("once", Version::V1_1_0),
        transcript("twice", Version::V1_1_0),
    ];
    let judging = Judging {
        checks: checks.to_vec(),
        strictness: Strictness::Lenient,
        replay: Replay {
            plugin: Some("/plugins/ho\u{1b}[5mstile".into()),
            config: Some("my net.conflist".into()),
            arguments: Vec::new(),
            seed: 1,
        },
    };
    let planned = transcripts.len() + faults.len();
    let mut parts = Parts::default();
    for (position, transcript) in transcripts.iter().enumerate() {
        parts.take(position, judging.part(transcript));
    }
    for (position, fault) in faults.into_iter().enumerate() {
        parts.fail(transcripts.len() + position, fault);
    }
    let mut report = Report::new(Run {
        subject: &subject(),
        environment: Environment {
            kernel: "6.1.0".to_owned(),
            architecture: "x86_64".to_owned(),
            uid: 0,
            rootless: false,
            seed: 1,
            jobs: 2,
            timeout_ms: 20_000,
            strict: false,
            profile: crate::verdict::Profile::Core,
            config: "my.conflist".to_owned(),
            selection: Selection::default(),
            plugins: None,
            interrupted_by: None,
            started_at: 0,
            wall_ms: 0,
        },
        planned,
        parts,
        config_file: Some(config_file()),
    });
    report.drift = [("route", "removed", true), ("rule", "added", false)]
        .map(|(kind, change, noticed)| DriftEntry {
            kind: kind.to_owned(),
            change: change.to_owned(),
            spec_version: Version::V1_1_0,
            noticed,
        })
        .to_vec();
    report.crash_points = vec![CrashPointsEntry {
        scenario: "crash/add".to_owned(),
        spec_version: Version::V1_1_0,
        points: 70,
        tried: 64,
    }];
    report
}

/// Where the keys of a configuration stand that holds little more than the plugin.
fn config_file() -> ConfigFile {
    let key = |pointer: &str, line| KeyPlace {
        pointer: pointer.to_owned(),
        line,
        column: 5,
    };
    ConfigFile {
        plugin: "/plugins/0".to_owned(),
        keys: vec![
            key("/cniVersion", 2),
            key("/plugins", 4),
            key("/plugins/0/type", 5),
        ],
    }
}

/// Something that fuzzing found.
pub(crate) fn finding() -> Finding {
    Finding {
        id: "crash-1".to_owned(),
        check: "protocol.does-not-crash".to_owned(),
        clauses: vec![ClauseLink {
            version: Version::V1_1_0,
            level: Level::Must,
            url: "https://example.com/SPEC.md#error".to_owned(),
            quote: "must say what is <wrong>".to_owned(),
        }],
        expected: vec!["an error of the SPEC".to_owned()],
        actual: "signal 11 </script><script>alert(1)</script>".to_owned(),
        input: Bytes(b"{\"a\": \"\xff</pre>\x1b[2J\"}".to_vec()),
        replay: "cnispec replay findings/crash-1".to_owned(),
    }
}

/// The sample with every outcome that a judge can have.
pub(crate) fn report() -> Report {
    report_of(&checks(), Vec::new())
}

/// The sample in which a failed call prevents other checks.
pub(crate) fn prevented() -> Report {
    let prevented = PREVENTED.iter();
    report_of(
        &[&MET, &OPEN]
            .into_iter()
            .chain(prevented)
            .collect::<Vec<_>>(),
        Vec::new(),
    )
}

/// The sample with everything that a report can hold.
pub(crate) fn whole() -> Report {
    let mut report = report_of(&checks(), vec![fault()]);
    report.findings.push(finding());
    report.environment.interrupted_by = Some("SIGTERM".to_owned());
    report.environment.plugins = Some(PluginEnvironment {
        directory: "/".to_owned(),
        umask: "022".to_owned(),
        variables: [("PATH".to_owned(), "/bin".to_owned())].into(),
        descriptors: vec![0, 1, 2],
        ignored_signals: Vec::new(),
        limits: [("RLIMIT_CORE".to_owned(), [0, 0])].into(),
    });
    report.latency.push(Latency {
        name: "ADD <b>".to_owned(),
        samples_us: vec![1200, 900, 15_000],
    });
    for (index, outcome) in [(0, Outcome::StaleExpectation), (1, Outcome::KnownFailure)] {
        let entry = &mut report.results[index];
        entry.outcome = outcome;
        entry.reason = Some("listed | in `expect.toml` # TODO @all <b>".to_owned());
    }
    let broken = report.results[report.results.len() - 1].clone();
    let known = &mut report.results[1];
    (known.expected, known.actual, known.evidence) =
        (broken.expected, broken.actual, broken.evidence);
    report.summary.counts = Counts::of(report.results.iter().map(|entry| entry.outcome));
    report
}

/// A failure of the harness.
pub(crate) fn fault() -> HarnessFault {
    HarnessFault {
        scenario: "gc".to_owned(),
        spec_version: Version::V1_1_0,
        what: "the lab cannot mount \u{1b}[1m`/run`".to_owned(),
        hint: Some("run as root".to_owned()),
    }
}

/// A report whose results are of real checks and scenarios, in their order.
pub(crate) fn catalogued() -> Report {
    let mut report = report();
    let scenarios: Vec<&str> = crate::scenario::all()
        .iter()
        .map(|scenario| scenario.id.as_str())
        .collect();
    let examples = report.results.clone();
    let mut results = Vec::new();
    for (number, check) in crate::check::catalogue().iter().take(9).enumerate() {
        for spec_version in [Version::V1_0_0, Version::V1_1_0] {
            for scenario in &scenarios[..4] {
                let mut entry = examples[(number + scenario.len()) % examples.len()].clone();
                entry.check = check.id.to_owned();
                entry.scenario = (*scenario).to_owned();
                entry.spec_version = spec_version;
                results.push(entry);
            }
        }
    }
    report.results = results;
    // The timelines belong to other scenarios.
    report.timelines.clear();
    report.latency.clear();
    report.summary.planned = 8;
    report.summary.executed = 8;
    report.recount();
    report
}

/// The scenarios and versions of a report's results, in the order in which they are run.
pub(crate) fn tasks(report: &Report) -> Vec<(Version, String)> {
    let mut tasks: Vec<(Version, String)> = Vec::new();
    for entry in &report.results {
        let task = (entry.spec_version, entry.scenario.clone());
        if !tasks.contains(&task) {
            tasks.push(task);
        }
    }
    tasks
}
