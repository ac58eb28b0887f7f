//! The environment variables that plugins are given.

use std::collections::BTreeSet;

use super::execution::{Execution, broken, every, of_attachments, of_operation, on, some, told};
use super::{LIFECYCLE, RUNTIME};
use crate::check::clause::{
    V0_3_1, V0_4_0, V1_0_0, V1_1_0, between, heading, must, only, should, since,
};
use crate::check::{Check, Clause, Judged, Scope};
use crate::fault::Fault;
use crate::label::{self, Label};
use crate::scenario_id;
use crate::transcript::Transcript;

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "runtime.sets-variables",
        claim: "ADD, CHECK and DEL have every parameter of the attachment as an environment variable",
        binds: RUNTIME,
        clauses: &[VARIABLES],
        scope: LIFECYCLE,
        fault: Fault::RuntimeOmitsArgs,
        dispute: None,
        judge: sets_variables,
    },
    Check {
        id: "runtime.container-id",
        claim: "CNI_CONTAINERID has the form that the SPEC gives",
        binds: RUNTIME,
        clauses: &[CONTAINER_ID],
        scope: LIFECYCLE,
        fault: Fault::RuntimeOddContainer,
        dispute: None,
        judge: container_id,
    },
    Check {
        id: "runtime.same-environment",
        claim: "the plugins of a list have the same environment",
        binds: RUNTIME,
        clauses: &[SAME_ENVIRONMENT],
        scope: LIFECYCLE,
        fault: Fault::RuntimeOtherEnvironment,
        dispute: None,
        judge: same_environment,
    },
    Check {
        id: "runtime.check-repeats-parameters",
        claim: "CHECK has the parameters of ADD",
        binds: RUNTIME,
        clauses: &[CHECK_PARAMETERS],
        scope: LIFECYCLE,
        fault: Fault::RuntimeCheckOtherIfname,
        dispute: None,
        judge: check_repeats_parameters,
    },
    Check {
        id: "runtime.del-repeats-parameters",
        claim: "DEL has the parameters of ADD",
        binds: RUNTIME,
        clauses: &[DEL_PARAMETERS],
        scope: LIFECYCLE,
        fault: Fault::RuntimeDelOtherIfname,
        dispute: None,
        judge: del_repeats_parameters,
    },
    Check {
        id: "runtime.gc-names-no-container",
        claim: "GC has no parameters of an attachment",
        binds: RUNTIME,
        clauses: &[GC_WITHOUT_ATTACHMENT],
        scope: Scope::In(&[scenario_id::RUNTIME_GC]),
        fault: Fault::RuntimeGcNamesContainer,
        dispute: None,
        judge: |t| names_no_container(t, label::GC_FAILS, "GC"),
    },
];

/// The parameters of the attachment are environment variables.
const VARIABLES: &[Clause] = &[
    must(
        only(V0_4_0),
        "parameters",
        "it must invoke the executable using the following environment variables for",
    ),
    must(
        since(V1_0_0),
        heading::ADDING,
        "Provide parameters defined above as environment variables.",
    ),
];

/// The form of a container id.
const CONTAINER_ID: &[Clause] = &[must(
    since(V1_0_0),
    heading::ATTACHMENT_PARAMETERS,
    "Must start with an alphanumeric character, optionally followed by any combination",
)];

/// All plugins of a list have the same environment.
const SAME_ENVIRONMENT: &[Clause] = &[must(
    between(V0_3_1, V0_4_0),
    heading::LISTS,
    "The runtime MUST also execute each plugin in the list with",
)];

/// CHECK has the parameters of the ADD.
const CHECK_PARAMETERS: &[Clause] = &[must(
    since(V1_0_0),
    heading::CHECKING,
    "must use the same attachment parameters as it did for the",
)];

/// DEL has the parameters of the ADD.
const DEL_PARAMETERS: &[Clause] = &[should(
    only(V0_4_0),
    "parameters",
    "All parameters should be the same as those passed to the",
)];

/// GC has no parameters of an attachment.
const GC_WITHOUT_ATTACHMENT: &[Clause] = &[must(
    since(V1_1_0),
    heading::COLLECTING,
    "When garbage-collecting a configuration, there are no Attachment Parameters.",
)];

/// The parameters of an attachment.
const PARAMETERS: [&str; 4] = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS"];

fn sets_variables(t: &Transcript) -> Judged {
    for execution in some(of_attachments(t))? {
        for (name, wanted) in [
            ("CNI_NETNS", netns(t, execution)),
            ("CNI_IFNAME", told(t, execution, "CNI_IFNAME")),
        ] {
            let found = execution.variable(name);
            if found != wanted {
                return Err(broken(
                    execution,
                    format!("{name} is `{wanted}`"),
                    format!("{name} is `{found}`"),
                ));
            }
        }
        if execution.variable("CNI_CONTAINERID").is_empty() {
            let expected = "CNI_CONTAINERID is not empty".to_owned();
            return Err(broken(execution, expected, "it is".to_owned()));
        }
        for (name, separator) in [("CNI_ARGS", ';'), ("CNI_PATH", ':')] {
            let (wanted, found) = (told(t, execution, name), execution.variable(name));
            let parts = |text: &str| -> BTreeSet<String> {
                text.split(separator).map(str::to_owned).collect()
            };
            if !parts(&wanted).is_subset(&parts(&found)) {
                return Err(broken(
                    execution,
                    format!("{name} has all of `{wanted}`"),
                    format!("{name} is `{found}`"),
                ));
            }
        }
    }
    Ok(())
}

/// The namespace of the command: its last argument.
fn netns(t: &Transcript, execution: Execution<'_>) -> String {
    let call = t.calls().find(|(step, _)| *step == execution.step);
    call.and_then(|(_, call)| call.arguments.last().cloned())
        .unwrap_or_default()
}

fn container_id(t: &Transcript) -> Judged {
    for execution in some(of_attachments(t))? {
        let id = execution.variable("CNI_CONTAINERID");
        let is_right = id.starts_with(|c: char| c.is_ascii_alphanumeric())
            && id
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
        if !is_right {
            return Err(broken(
                execution,
                "letters, digits, `_`, `.` and `-`, of which a letter or digit comes first"
                    .to_owned(),
                format!("CNI_CONTAINERID is `{id}`"),
            ));
        }
    }
    Ok(())
}

fn same_environment(t: &Transcript) -> Judged {
    for label in [label::ADD, label::CHECK, label::DEL] {
        let Ok(executions) = on(t, &[label]) else {
            continue;
        };
        let mut of_list = executions.into_iter().filter(|e| e.command() != "VERSION");
        let Some(first) = of_list.next() else {
            continue;
        };
        for other in of_list {
            let (one, two) = (first.environment(), other.environment());
            let differs = one
                .iter()
                .find(|pair| !two.contains(pair))
                .or_else(|| two.iter().find(|pair| !one.contains(pair)));
            if let Some((name, value)) = differs {
                return Err(broken(
                    other,
                    format!("the environment of {}", first.title()),
                    format!("`{name}={value}` is in one of the two only"),
                ));
            }
        }
    }
    some(every(t)).map(drop)
}

fn check_repeats_parameters(t: &Transcript) -> Judged {
    repeats_parameters(t, &of_operation(t, label::CHECK, "CHECK")?)
}

fn del_repeats_parameters(t: &Transcript) -> Judged {
    repeats_parameters(t, &of_operation(t, label::DEL, "DEL")?)
}

fn repeats_parameters(t: &Transcript, executions: &[Execution<'_>]) -> Judged {
    let added = of_operation(t, label::ADD, "ADD")?[0];
    for execution in executions {
        for name in PARAMETERS {
            let (wanted, found) = (added.variable(name), execution.variable(name));
            if found != wanted {
                return Err(broken(
                    *execution,
                    format!("{name} is `{wanted}`, as in ADD"),
                    format!("{name} is `{found}`"),
                ));
            }
        }
    }
    Ok(())
}

/// The operation was executed without the variables of an attachment.
pub(super) fn names_no_container(t: &Transcript, label: Label<'_>, command: &str) -> Judged {
    for execution in of_operation(t, label, command)? {
        for name in ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"] {
            let found = execution.variable(name);
            if !found.is_empty() {
                return Err(broken(
                    execution,
                    format!("{name} is empty or not set"),
                    format!("{name} is `{found}`"),
                ));
            }
        }
    }
    Ok(())
}
