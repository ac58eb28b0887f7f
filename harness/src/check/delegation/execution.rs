//! How the plugin executes its delegates: environment, configuration, operation, search path and standard error.

use super::error::refused;
use super::{delegates, executed, executions, ipam_executions, is_ipam};
use crate::check::clause::{
    V0_1_0, V0_2_0, V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0, between, heading, must, only, should,
    since, up_to,
};
use crate::check::{Check, Clause, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label::{self, Label};
use crate::scenario_id;
use crate::transcript::{Delegated, Transcript};

pub(in crate::check) const CHECKS: &[Check] = &[
    Check {
        id: "delegation.same-environment",
        claim: "the delegate has all environment variables of the plugin",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ENVIRONMENT],
        scope: EXECUTED,
        fault: Fault::DelegateOtherEnv,
        dispute: None,
        judge: same_environment,
    },
    Check {
        id: "delegation.complete-configuration",
        claim: "the delegate has all keys of the plugin's configuration",
        binds: &[Kind::Interface],
        clauses: &[COMPLETE_CONFIGURATION],
        scope: EXECUTED,
        fault: Fault::DelegatePartialConfig,
        dispute: None,
        judge: complete_configuration,
    },
    Check {
        id: "delegation.same-configuration",
        claim: "the delegate has the same configuration as the plugin",
        binds: &[Kind::Interface],
        clauses: &[SAME_CONFIGURATION],
        scope: Scope::In(&[scenario_id::DELEGATION]),
        fault: Fault::DelegatePartialConfig,
        dispute: None,
        judge: same_configuration,
    },
    Check {
        id: "delegation.del-is-delegated",
        claim: "DEL executes the delegate with DEL",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[DEL_DELEGATED],
        scope: Scope::In(&[scenario_id::DELEGATION]),
        fault: Fault::DelNotDelegated,
        dispute: None,
        judge: |t| handed_on(t, label::DEL, "DEL"),
    },
    Check {
        id: "delegation.check-is-delegated",
        claim: "CHECK executes the delegate with CHECK",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[CHECK_DELEGATED],
        scope: Scope::In(&[scenario_id::DELEGATION]),
        fault: Fault::CheckNotDelegated,
        dispute: None,
        judge: |t| handed_on(t, label::CHECK, "CHECK"),
    },
    Check {
        id: "delegation.searches-every-directory",
        claim: "the plugin finds the delegate in the last directory of CNI_PATH, through a symbolic link",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[FOUND_BY_CNI_PATH],
        scope: Scope::In(&[scenario_id::DELEGATE_PATH]),
        fault: Fault::SkipsLinkedDirectories,
        dispute: None,
        judge: searches_everywhere,
    },
    Check {
        id: "delegation.stderr-is-passed-on",
        claim: "the plugin passes the delegate's standard error on",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[STDERR_PASSED_ON],
        scope: Scope::In(&[scenario_id::DELEGATE_ADD_FAILS]),
        fault: Fault::DelegateStderrSwallowed,
        dispute: None,
        judge: stderr_passed_on,
    },
    Check {
        id: "gc.is-delegated",
        claim: "GC executes the delegate with GC",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[DELEGATED],
        scope: Scope::In(&[scenario_id::DELEGATION]),
        fault: Fault::GcNotDelegated,
        dispute: None,
        judge: |t| handed_on(t, label::GC, "GC"),
    },
    Check {
        id: "status.is-delegated",
        claim: "STATUS executes the delegate with STATUS",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[STATUS_DELEGATED],
        scope: Scope::In(&[scenario_id::DELEGATION]),
        fault: Fault::StatusNotDelegated,
        dispute: None,
        judge: |t| handed_on(t, label::STATUS, "STATUS"),
    },
];

/// The delegate has the plugin's environment. Stated up to 0.3.1; 1.x say "must" of the protocol and
/// "should" of the procedure. Variables may be added.
const ENVIRONMENT: &[Clause] = &[
    should(
        up_to(V0_3_1),
        heading::IPAM,
        "receives all the same environment variables that were passed in to",
    ),
    must(
        only(V0_4_0),
        heading::IPAM,
        "must receive all the same environment variables that were passed in",
    ),
    must(
        since(V1_0_0),
        heading::DELEGATION_PROTOCOL,
        "must receive all the same environment variables that were passed in",
    ),
];

/// The delegate has the complete configuration. Stated; without the network's name and version it
/// could not work. It may be changed: [`SAME_CONFIGURATION`].
const COMPLETE_CONFIGURATION: &[Clause] = &[
    must(
        only(V0_1_0),
        heading::IPAM,
        "IPAM receives the network configuration file via stdin.",
    ),
    must(
        between(V0_2_0, V0_3_1),
        heading::IPAM,
        "IPAM receives the network configuration via stdin.",
    ),
    must(
        only(V0_4_0),
        heading::IPAM,
        "IPAM plugins receive the network configuration via stdin.",
    ),
    must(
        since(V1_0_0),
        heading::DELEGATION_PROTOCOL,
        "Delegated plugins are provided the complete network configuration passed to the",
    ),
];

/// The delegate has the same configuration as the plugin.
const SAME_CONFIGURATION: &[Clause] = &[should(
    since(V1_0_0),
    heading::DELEGATION_PROCEDURE,
    "Execute that plugin with the same environment and configuration that it",
)];

/// The plugin looks the delegate up in `CNI_PATH`. Stated up to 0.4.0.
const FOUND_BY_CNI_PATH: &[Clause] = &[
    should(
        up_to(V0_4_0),
        heading::IPAM,
        "in a predefined list of paths, indicated to the CNI plugin",
    ),
    should(
        since(V1_0_0),
        heading::DELEGATION_PROCEDURE,
        "Look up the plugin binary by searching the directories provided in",
    ),
];

/// The plugin passes the delegate's standard error on.
const STDERR_PASSED_ON: &[Clause] = &[should(
    since(V1_0_0),
    heading::DELEGATION_PROCEDURE,
    "Ensure that the delegated plugin's stderr is output to the calling",
)];

/// DEL executes the delegate. Up to 0.4.0 this is an example about bridge.
const DEL_DELEGATED: &[Clause] = &[
    should(
        between(V0_3_0, V0_3_1),
        "network-configuration-list-error-handling",
        "plugin should delegate the DEL action to the IPAM plugin and",
    ),
    should(
        only(V0_4_0),
        "parameters",
        "plugin should delegate the DEL action to the IPAM plugin and",
    ),
    must(
        since(V1_0_0),
        heading::DELEGATION_PROCEDURE,
        "it must also execute any delegated plugins.",
    ),
];

/// CHECK executes the delegate. In 1.x the section on CHECK says "should", the procedure "must".
const CHECK_DELEGATED: &[Clause] = &[
    should(
        only(V0_4_0),
        "parameters",
        "should call CHECK on any delegated (e.g. IPAM) plugins and pass",
    ),
    must(
        since(V1_0_0),
        heading::DELEGATION_PROCEDURE,
        "it must also execute any delegated plugins.",
    ),
];

/// GC executes the delegates.
const DELEGATED: &[Clause] = &[must(
    since(V1_1_0),
    heading::GC,
    "forward any GC calls to delegated plugins they are configured to",
)];

/// STATUS executes the delegate that ADD needs.
const STATUS_DELEGATED: &[Clause] = &[must(
    since(V1_1_0),
    heading::STATUS,
    "it must also execute a STATUS request to that plugin when it",
)];

/// Scenarios in which the delegate succeeds, and in which it fails and is executed again.
const EXECUTED: Scope = Scope::In(&[scenario_id::DELEGATION, scenario_id::DELEGATE_ADD_FAILS]);

/// Variables that may differ if the delegate makes an interface of its own.
const OF_INTERFACES: [&str; 2] = ["CNI_IFNAME", "CNI_ARGS"];

fn same_environment(t: &Transcript) -> Judged {
    for (step, call, delegated) in executions(t)? {
        let wanted = call.env.iter().filter(|(name, _)| {
            // PATH may differ, and a failed ADD is undone by DEL.
            name != "PATH" && name != "CNI_COMMAND"
        });
        for (name, value) in wanted {
            let found = delegated.variable(name);
            let may_differ = OF_INTERFACES.contains(&name.as_str()) && !is_ipam(call, delegated);
            let is_same = found.as_deref() == Some(value.text().as_str());
            if !(is_same || may_differ && found.is_some()) {
                let actual = found.map_or(format!("`{name}` is missing"), |found| {
                    format!("`{name}` is `{found}`")
                });
                return Err(Unmet::broken([format!("`{name}={}`", value.text())], actual).at(step));
            }
        }
    }
    Ok(())
}

fn complete_configuration(t: &Transcript) -> Judged {
    for (step, call, delegated) in ipam_executions(t)? {
        let wanted = call.input().unwrap_or_default();
        let Some(given) = Delegated::object(&delegated.stdin.0) else {
            return Err(Unmet::broken(
                ["the complete configuration"],
                "no JSON object on standard input",
            )
            .at(step));
        };
        if let Some(key) = wanted.keys().find(|key| !given.contains_key(*key)) {
            return Err(Unmet::broken(
                ["the complete configuration"],
                format!("`{key}` is missing"),
            )
            .at(step));
        }
    }
    Ok(())
}

fn same_configuration(t: &Transcript) -> Judged {
    for (step, call, delegated) in ipam_executions(t)? {
        let wanted = call.input().unwrap_or_default();
        let given = Delegated::object(&delegated.stdin.0).unwrap_or_default();
        let differs = |key: &&String| wanted.get(*key) != given.get(*key);
        if let Some(key) = wanted.keys().chain(given.keys()).find(differs) {
            let actual = format!("`{key}` is not the same");
            return Err(Unmet::broken(
                ["the configuration on the plugin's own standard input"],
                actual,
            )
            .at(step));
        }
    }
    Ok(())
}

fn handed_on(t: &Transcript, label: Label<'_>, command: &str) -> Judged {
    let delegates = delegates(t)?;
    let (step, call) = t.call(label)?;
    let made = |delegate: &str| -> Vec<String> {
        executed(call)
            .filter(|delegated| delegated.plugin == delegate)
            .filter_map(|delegated| delegated.variable("CNI_COMMAND"))
            .collect()
    };
    for delegate in delegates {
        let made = made(delegate);
        if made.iter().any(|other| other == command) {
            continue;
        }
        if !call.succeeded() {
            return Err(Unmet::Inconclusive(format!(
                "`{label}` failed: {}",
                call.outcome()
            )));
        }
        let actual = match made.as_slice() {
            [] => format!("the delegate `{delegate}` was not executed"),
            commands => format!(
                "the delegate `{delegate}` was executed with {}",
                commands.join(", ")
            ),
        };
        let expected = format!("the delegate `{delegate}` is executed with {command}");
        return Err(Unmet::broken([expected], actual).at(step));
    }
    Ok(())
}

fn searches_everywhere(t: &Transcript) -> Judged {
    let (step, call) = t.call(label::ADD_ROUNDABOUT)?;
    match call.succeeded() {
        true => Ok(()),
        false => Err(Unmet::broken(["exit status 0"], call.outcome()).at(step)),
    }
}

fn stderr_passed_on(t: &Transcript) -> Judged {
    let (step, call) = refused(t, label::ADD_REFUSED)?;
    let said = "a word of the stand-in";
    match call.stderr.text().contains(said) {
        true => Ok(()),
        false => {
            Err(Unmet::broken([format!("`{said}` on standard error")], "it is not there").at(step))
        }
    }
}
