//! Delegation: what the plugin asks of the plugins that it executes, and what it makes of their answers. Recording plugins wrote it
//! down. Whatever is executed in ADD is a delegate, however the configuration names it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use cni_observe::{Route as KernelRoute, Snapshot};
use cni_types::Version;
use ipnet::IpNet;
use serde_json::{Map, Value};

use super::clause::{
    V0_1_0, V0_2_0, V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0, between, heading, must, only, should,
    since, up_to,
};
use super::document::{Route, ips, is_no_link, routes};
use super::result::route_attributes::attribute;
use super::result::routes::{has_route, routes_like};
use super::{Check, Clause, Judged, Scope, Unmet};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::label::{self, Label};
use crate::scenario_id;
use crate::transcript::{Call, Delegated, Output, Transcript, read};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "delegation.same-environment",
        claim: "the delegate has every variable that the plugin has",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[ENVIRONMENT],
        scope: EXECUTED,
        fault: Fault::DelegateOtherEnv,
        dispute: None,
        judge: same_environment,
    },
    Check {
        id: "delegation.complete-configuration",
        claim: "the delegate has every key of the configuration that the plugin has",
        binds: &[Kind::Interface],
        clauses: &[COMPLETE_CONFIGURATION],
        scope: EXECUTED,
        fault: Fault::DelegatePartialConfig,
        dispute: None,
        judge: complete_configuration,
    },
    Check {
        id: "delegation.same-configuration",
        claim: "the delegate has the very configuration that the plugin has",
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
        id: "delegation.failing-add-fails",
        claim: "ADD fails when the delegate's ADD fails",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[FAILED_ADD_FAILS],
        scope: Scope::In(&[scenario_id::DELEGATE_ADD_FAILS]),
        fault: Fault::DelegateFailureIgnored,
        dispute: None,
        judge: |t| fails(t, label::ADD_REFUSED),
    },
    Check {
        id: "delegation.failing-add-is-undone",
        claim: "the delegate is executed with DEL when its ADD has failed",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[FAILED_ADD_IS_UNDONE],
        scope: Scope::In(&[scenario_id::DELEGATE_ADD_FAILS]),
        fault: Fault::DelegateFailureNoDel,
        dispute: None,
        judge: undone,
    },
    Check {
        id: "delegation.unreadable-result-fails",
        claim: "ADD fails when the delegate's output is not JSON",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[FAILED_ADD_FAILS],
        scope: Scope::In(&[scenario_id::DELEGATE_GARBAGE]),
        fault: Fault::DelegateGarbageAccepted,
        dispute: None,
        judge: |t| fails(t, label::ADD_GARBAGE_RESULT),
    },
    Check {
        id: "delegation.null-result-fails",
        claim: "ADD fails when the delegate prints `null`",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[FAILED_ADD_FAILS],
        scope: Scope::In(&[scenario_id::DELEGATE_GARBAGE]),
        fault: Fault::DelegateNullAccepted,
        dispute: None,
        judge: |t| fails(t, label::ADD_NULL_RESULT),
    },
    Check {
        id: "delegation.searches-every-directory",
        claim: "the delegate is found in the last directory of CNI_PATH, behind a link",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[FOUND_BY_CNI_PATH],
        scope: Scope::In(&[scenario_id::DELEGATE_PATH]),
        fault: Fault::SkipsLinkedDirectories,
        dispute: None,
        judge: searches_everywhere,
    },
    Check {
        id: "gc.fails-with-its-delegate",
        claim: "GC fails when the delegate's GC fails",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[DEL_ERROR_RETURNED],
        scope: Scope::In(&[scenario_id::DELEGATE_GC_FAILS]),
        fault: Fault::GcDelegateErrorIgnored,
        dispute: None,
        judge: |t| fails(t, label::GC_REFUSED),
    },
    Check {
        id: "delegation.failing-check-fails",
        claim: "CHECK fails when the delegate's CHECK fails",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[CHECK_ERROR_RETURNED],
        scope: Scope::In(&[scenario_id::DELEGATE_CHECK_FAILS]),
        fault: Fault::CheckDelegateErrorIgnored,
        dispute: None,
        judge: |t| fails(t, label::CHECK_REFUSED),
    },
    Check {
        id: "delegation.failing-del-fails",
        claim: "DEL fails when the delegate's DEL fails",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[DEL_ERROR_RETURNED],
        scope: Scope::In(&[scenario_id::DELEGATE_DEL_FAILS]),
        fault: Fault::DelDelegateErrorIgnored,
        dispute: None,
        judge: |t| fails(t, label::DEL_REFUSED),
    },
    Check {
        id: "delegation.stderr-is-passed-on",
        claim: "the delegate's standard error appears on the plugin's",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[STDERR_PASSED_ON],
        scope: Scope::In(&[scenario_id::DELEGATE_ADD_FAILS]),
        fault: Fault::DelegateStderrSwallowed,
        dispute: None,
        judge: stderr_passed_on,
    },
    Check {
        id: "delegation.result-lists-every-address",
        claim: "every address that the delegate gave is listed",
        binds: &[Kind::Interface],
        clauses: &[SAME_AS_IPAM],
        scope: Scope::In(&[scenario_id::DELEGATION]),
        fault: Fault::UsesFirstAddress,
        dispute: None,
        judge: lists_every_address,
    },
    Check {
        id: "delegation.keeps-prefix-lengths",
        claim: "every address has the prefix length that the delegate gave, or is routed by itself",
        binds: &[Kind::Interface],
        clauses: &[SAME_AS_IPAM],
        scope: Scope::In(&[scenario_id::DELEGATION]),
        fault: Fault::NarrowsSubnets,
        dispute: None,
        judge: keeps_prefix_lengths,
    },
    Check {
        id: "delegation.applies-routes",
        claim: "every route of the delegate is made, with its attributes",
        binds: &[Kind::Interface],
        clauses: &[APPLIES_ROUTES],
        scope: Scope::In(&[scenario_id::DELEGATION]),
        fault: Fault::MakesBareRoutes,
        dispute: None,
        judge: applies_routes,
    },
    Check {
        id: "delegation.result-lists-every-route",
        claim: "every route of the delegate that ADD made is listed",
        binds: &[Kind::Interface],
        clauses: &[ROUTES_COMPLETE],
        scope: Scope::In(&[scenario_id::DELEGATION]),
        fault: Fault::OmitsRoute,
        dispute: None,
        judge: lists_every_route,
    },
    Check {
        id: "delegation.result-has-dns",
        claim: "the result has the delegate's `dns`, unless the configuration has its own",
        binds: &[Kind::Interface],
        clauses: &[SAME_AS_IPAM],
        scope: Scope::In(&[scenario_id::DELEGATION]),
        fault: Fault::ForgetsDns,
        dispute: None,
        judge: result_has_dns,
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
    Check {
        id: "status.fails-with-its-delegate",
        claim: "STATUS fails when the delegate's STATUS fails",
        binds: &[Kind::Interface, Kind::Chained],
        clauses: &[DELEGATE_ERROR_RETURNED],
        scope: Scope::In(&[scenario_id::DELEGATE_STATUS_FAILS]),
        fault: Fault::StatusDelegateErrorIgnored,
        dispute: None,
        judge: |t| fails(t, label::STATUS_REFUSED),
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

/// The delegate has the very configuration that the plugin has.
const SAME_CONFIGURATION: &[Clause] = &[should(
    since(V1_0_0),
    heading::DELEGATION_PROCEDURE,
    "Execute that plugin with the same environment and configuration that it",
)];

/// The delegate is looked for in `CNI_PATH`. Stated up to 0.4.0.
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

/// What the delegate writes to standard error reaches the plugin's.
const STDERR_PASSED_ON: &[Clause] = &[should(
    since(V1_0_0),
    heading::DELEGATION_PROCEDURE,
    "Ensure that the delegated plugin's stderr is output to the calling",
)];

/// DEL is handed on. Up to 0.4.0 this is an example about bridge.
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

/// CHECK is handed on. The section on CHECK still says "should" where the procedure of 1.x says "must".
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

/// A delegate's failing CHECK makes CHECK fail; not necessarily with the same error.
const CHECK_ERROR_RETURNED: &[Clause] = &[
    should(
        only(V0_4_0),
        "parameters",
        "pass any errors on to its caller.",
    ),
    should(
        since(V1_0_0),
        heading::DELEGATION_PROCEDURE,
        "error should be returned by the upper plugin.",
    ),
];

/// A delegate's failing DEL (and GC) makes the plugin's fail; not necessarily with the same error.
const DEL_ERROR_RETURNED: &[Clause] = &[should(
    since(V1_0_0),
    heading::DELEGATION_PROCEDURE,
    "error should be returned by the upper plugin.",
)];

/// After a delegate's failed ADD, the delegate is called with DEL. Go's own interface plugins call it
/// only after an ADD of the delegate that succeeded.
const FAILED_ADD_IS_UNDONE: &[Clause] = &[should(
    since(V1_0_0),
    heading::DELEGATION_PROCEDURE,
    "plugin should execute again with DEL before returning failure.",
)];

/// A delegate's failed ADD, or an answer that is no result, makes ADD fail. Inferred: an ADD without
/// the addresses that it was to assign is no success. No text asks for the delegate's own error.
const FAILED_ADD_FAILS: &[Clause] = &[
    should(
        up_to(V0_4_0),
        "overview-1",
        "It should then assign the IP to the interface and setup",
    ),
    should(
        since(V1_0_0),
        heading::DELEGATION_PROCEDURE,
        "plugin should execute again with DEL before returning failure.",
    ),
];

/// GC is handed on to delegates.
const DELEGATED: &[Clause] = &[must(
    since(V1_1_0),
    heading::GC,
    "forward any GC calls to delegated plugins they are configured to",
)];

/// Addresses and DNS are those of the IPAM. 1.x only state it, and a plugin's own `dns` may take
/// precedence.
const SAME_AS_IPAM: &[Clause] = &[
    should(
        up_to(V0_4_0),
        "result",
        "should be the same output as was returned by the IPAM plugin",
    ),
    should(
        since(V1_0_0),
        "section-4-plugin-delegation",
        "return this information to the \"main\" plugin to apply.",
    ),
];

/// What the delegate says of routes is applied. Stated. Up to 0.4.0, routes may be left to whoever has a default one.
const APPLIES_ROUTES: &[Clause] = &[should(
    since(V1_0_0),
    "section-4-plugin-delegation",
    "return this information to the \"main\" plugin to apply.",
)];

/// The routes that the plugin was given are in the result. What the kernel adds by itself, and what
/// a plugin needs to reach its gateway, nobody lists.
const ROUTES_COMPLETE: &[Clause] = &[
    should(
        between(V0_3_0, V0_4_0),
        "parameters",
        "routes assigned to sandbox and/or host interfaces.",
    ),
    must(only(V1_0_0), "success", "Routes created by this attachment"),
    must(
        since(V1_1_0),
        "add-success",
        "Routes created by this attachment",
    ),
];

/// STATUS is handed on to a delegate that ADD needs.
const STATUS_DELEGATED: &[Clause] = &[must(
    since(V1_1_0),
    heading::STATUS,
    "it must also execute a STATUS request to that plugin when it",
)];

/// A delegate's error makes STATUS fail; not necessarily the same error.
const DELEGATE_ERROR_RETURNED: &[Clause] = &[should(
    since(V1_1_0),
    heading::STATUS,
    "the executing plugin should return an error result.",
)];

/// Where the delegate does what it is told, and where it fails and is called again.
const EXECUTED: Scope = Scope::In(&[scenario_id::DELEGATION, scenario_id::DELEGATE_ADD_FAILS]);

impl Delegated {
    fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
        match read(bytes) {
            Output::Document(Value::Object(document)) => Some(document),
            _ => None,
        }
    }
}

const NO_IPAM: &str = "it does not execute the plugin that `ipam` names";

/// Variables that may be others where the delegate makes an interface of its own.
const OF_INTERFACES: [&str; 2] = ["CNI_IFNAME", "CNI_ARGS"];

/// The type of the IPAM plugin that the configuration of a call names.
fn ipam_type(call: &Call) -> Option<String> {
    let config = call.input()?;
    Some(config.get("ipam")?.get("type")?.as_str()?.to_owned())
}

fn is_ipam(call: &Call, delegated: &Delegated) -> bool {
    ipam_type(call).is_some_and(|ipam| delegated.plugin == ipam)
}

/// What the subject has executed in a call. What its delegates execute is theirs, but for the IPAM plugin that the subject's own
/// configuration names: the subject may be a program around another one.
fn executed(call: &Call) -> impl Iterator<Item = &Delegated> {
    let ipam = ipam_type(call);
    let is_own = move |delegated: &&Delegated| {
        delegated.by.is_none() || Some(&delegated.plugin) == ipam.as_ref()
    };
    call.delegated.iter().filter(is_own)
}

/// The names of the delegates: what ADD executes. A plugin that executes none in ADD delegates nothing.
fn delegates(t: &Transcript) -> Result<BTreeSet<&str>, Unmet> {
    let (_, call) = t.success(label::ADD)?;
    let added = executed(call).filter(|delegated| delegated.is("ADD"));
    let names: BTreeSet<&str> = added.map(|delegated| delegated.plugin.as_str()).collect();
    match names.is_empty() {
        true => Err(Unmet::NotApplicable(
            "its ADD executes no other plugin".to_owned(),
        )),
        false => Ok(names),
    }
}

/// The ADD of the IPAM plugin.
fn ipam_add(t: &Transcript) -> Result<(usize, &Call, &Delegated), Unmet> {
    let (step, call) = t.success(label::ADD)?;
    let mut added = executed(call).filter(|delegated| delegated.is("ADD"));
    match added.find(|delegated| is_ipam(call, delegated)) {
        Some(delegated) => Ok((step, call, delegated)),
        None => Err(Unmet::NotApplicable(NO_IPAM.to_owned())),
    }
}

/// Every execution of a delegate.
fn executions(t: &Transcript) -> Result<Vec<(usize, &Call, &Delegated)>, Unmet> {
    let calls = t.calls();
    let pairs =
        calls.flat_map(|(step, call)| executed(call).map(move |delegated| (step, call, delegated)));
    let pairs: Vec<_> = pairs.collect();
    match pairs.iter().any(|(_, _, delegated)| delegated.is("ADD")) {
        true => Ok(pairs),
        false => delegates(t).map(|_| pairs),
    }
}

/// Every execution of the IPAM plugin. Other delegates have a configuration of their own within the plugin's: the `type` in it is theirs.
fn ipam_executions(t: &Transcript) -> Result<Vec<(usize, &Call, &Delegated)>, Unmet> {
    let mut pairs = executions(t)?;
    pairs.retain(|(_, call, delegated)| is_ipam(call, delegated));
    match pairs.is_empty() {
        true => Err(Unmet::NotApplicable(NO_IPAM.to_owned())),
        false => Ok(pairs),
    }
}

fn same_environment(t: &Transcript) -> Judged {
    for (step, call, delegated) in executions(t)? {
        let wanted = call.env.iter().filter(|(name, _)| {
            // A plugin may look for programs of its own, and undoes a failed ADD by DEL.
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

/// A call in which a delegate was told to fail, if it was executed at all.
fn refused<'t>(t: &'t Transcript, label: Label<'_>) -> Result<(usize, &'t Call), Unmet> {
    let (step, call) = t.call(label)?;
    match call.delegated.iter().any(|delegated| delegated.is_told) {
        true => Ok((step, call)),
        false => Err(Unmet::NotApplicable(
            "it does not execute its delegate here".to_owned(),
        )),
    }
}

fn fails(t: &Transcript, label: Label<'_>) -> Judged {
    let (step, call) = refused(t, label)?;
    match call.succeeded() {
        true => Err(Unmet::broken(
            ["an exit status that is not 0, with an error"],
            "exit status 0",
        )
        .at(step)),
        false => Ok(()),
    }
}

fn searches_everywhere(t: &Transcript) -> Judged {
    let (step, call) = t.call(label::ADD_ROUNDABOUT)?;
    match call.succeeded() {
        true => Ok(()),
        false => Err(Unmet::broken(["exit status 0"], call.outcome()).at(step)),
    }
}

fn undone(t: &Transcript) -> Judged {
    let (step, call) = refused(t, label::ADD_REFUSED)?;
    if !call.failed() {
        return Err(Unmet::Inconclusive(
            "ADD did not fail although its delegate did".to_owned(),
        ));
    }
    match call.delegated.iter().any(|delegated| delegated.is("DEL")) {
        true => Ok(()),
        false => Err(Unmet::broken(
            ["the delegate is executed with DEL before ADD returns"],
            "it was executed with ADD only",
        )
        .at(step)),
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

/// With whatever prefix length: plugins that route every address by itself may tell their own.
fn lists_every_address(t: &Transcript) -> Judged {
    let (step, _, delegated) = ipam_add(t)?;
    let given = Delegated::object(&delegated.stdout.0).unwrap_or_default();
    let (_, _, document) = t.result(label::ADD)?;
    let listed: Vec<_> = ips(&document)
        .iter()
        .filter_map(|ip| Some(ip.net?.addr()))
        .collect();
    let lost = ips(&given)
        .into_iter()
        .filter_map(|ip| ip.net)
        .find(|net| !listed.contains(&net.addr()));
    if let Some(net) = lost {
        return Err(Unmet::broken(
            [format!("{net} in the result")],
            "the delegate gave it, and the result does not list it",
        )
        .at(step));
    }
    let of_family = |ipv4: bool| {
        let given = ips(&given).into_iter().filter_map(|ip| ip.net);
        given.filter(|net| net.addr().is_ipv4() == ipv4).count()
    };
    match t.spec_version < Version::V0_3_0 || of_family(true) > 1 || of_family(false) > 1 {
        true => Ok(()),
        false => Err(Unmet::NotApplicable(
            "it refuses two addresses of a family".to_owned(),
        )),
    }
}

/// As the container has it, or as the result tells it.
fn keeps_prefix_lengths(t: &Transcript) -> Judged {
    let (step, call, delegated) = ipam_add(t)?;
    let given = Delegated::object(&delegated.stdout.0).unwrap_or_default();
    let (_, _, document) = t.result(label::ADD)?;
    let inside = inside_after(t, call)?;
    let there = inside.addresses.iter().map(|address| address.net);
    let has: Vec<IpNet> = there
        .chain(ips(&document).iter().filter_map(|ip| ip.net))
        .collect();
    for net in ips(&given).into_iter().filter_map(|ip| ip.net) {
        let is_changed = |has: &&IpNet| {
            has.addr() == net.addr()
                && ![net.prefix_len(), net.max_prefix_len()].contains(&has.prefix_len())
        };
        if let Some(changed) = has.iter().find(is_changed) {
            return Err(Unmet::broken(
                [
                    net.to_string(),
                    format!("{}/{}", net.addr(), net.max_prefix_len()),
                ],
                format!("the delegate gave {net}, and the plugin made {changed} of it"),
            )
            .at(step));
        }
    }
    Ok(())
}

fn inside_after<'t>(t: &'t Transcript, call: &Call) -> Result<&'t Snapshot, Unmet> {
    let container = call.container.as_deref().unwrap_or_default();
    let inside = t.after(call).containers.get(container);
    inside
        .map(AsRef::as_ref)
        .ok_or_else(|| Unmet::Inconclusive("the container is gone".to_owned()))
}

/// A route may lead by another gateway than the delegate says, but not differ in what the delegate says of it. A plugin
/// that leads everything by a gateway of its own has no use for further routes.
fn applies_routes(t: &Transcript) -> Judged {
    let (step, call, delegated) = ipam_add(t)?;
    let given = Delegated::object(&delegated.stdout.0)
        .map(|document| routes(&document))
        .unwrap_or_default();
    if given.is_empty() {
        return Err(Unmet::NotApplicable(
            "its delegate gave no routes".to_owned(),
        ));
    }
    let inside = inside_after(t, call)?;
    let given_by = gateways(&delegated.stdout.0);
    for route in given {
        let by_any_gateway = Route {
            gw: None,
            ..route.clone()
        };
        let made = routes_like(inside, &by_any_gateway);
        let differs = |kernel: &&KernelRoute| {
            let mut attributes = route.attributes.iter();
            attributes
                .find(|(key, wanted)| attribute(kernel, key).is_some_and(|has| has != *wanted))
        };
        let wanted =
            |key: &str, number| format!("the route to {} with `{key}` {number}", route.dst);
        match made.first() {
            None => {
                let (_, _, document) = t.result(label::ADD)?;
                let ifname = call.variable("CNI_IFNAME").unwrap_or_default();
                if let Some(fact) = is_no_link(&document, &ifname) {
                    return Err(Unmet::NotApplicable(fact));
                }
                if let Some(own) = own_default(inside, &given_by, route.dst.addr().is_ipv6()) {
                    let fact = format!("it leads everything by a gateway of its own, {own}");
                    return Err(Unmet::NotApplicable(fact));
                }
                let wanted = format!("the route to {} in the container", route.dst);
                return Err(Unmet::broken([wanted], "the container has no such route").at(step));
            }
            Some(first) if made.iter().all(|kernel| differs(kernel).is_some()) => {
                let (key, number) = differs(first).copied().unwrap_or_default();
                let has = attribute(first, key).unwrap_or_default();
                let actual = format!("`{key}` is {has} in the container");
                return Err(Unmet::broken([wanted(key, number)], actual).at(step));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Every gateway that a result names.
fn gateways(result: &[u8]) -> BTreeSet<IpAddr> {
    let result = Delegated::object(result).unwrap_or_default();
    let of_addresses = ips(&result).into_iter().filter_map(|ip| ip.gateway);
    let of_routes = routes(&result).into_iter().filter_map(|route| route.gw);
    of_addresses.chain(of_routes).collect()
}

/// The gateway of a default route, if the delegate gave another one.
fn own_default(inside: &Snapshot, given: &BTreeSet<IpAddr>, ipv6: bool) -> Option<IpAddr> {
    let is_default = |route: &&KernelRoute| {
        route.ipv6 == ipv6 && route.dst.is_none_or(|dst| dst.prefix_len() == 0)
    };
    let mut gateways = inside.routes.iter().filter(is_default);
    gateways
        .find_map(|route| route.gateway)
        .filter(|gateway| !given.contains(gateway))
}

fn lists_every_route(t: &Transcript) -> Judged {
    let (step, call, delegated) = ipam_add(t)?;
    let given = Delegated::object(&delegated.stdout.0)
        .map(|document| routes(&document))
        .unwrap_or_default();
    let (_, _, document) = t.result(label::ADD)?;
    let listed = routes(&document);
    let container = call.container.as_deref().unwrap_or_default();
    let after = inside_after(t, call)?;
    let before = t.before(call).containers.get(container);
    let before = before.ok_or_else(|| Unmet::Inconclusive("the container is gone".to_owned()))?;
    // Those of its addresses the kernel makes by itself.
    let made = |route: &Route| {
        let like = routes_like(after, route);
        like.iter().any(|route| route.protocol != "kernel") && !has_route(before, route)
    };
    match given
        .iter()
        .find(|route| made(route) && listed.iter().all(|other| other.dst != route.dst))
    {
        Some(route) => Err(Unmet::broken(
            [format!("{} in `routes`", route.dst)],
            "the route was made, and is not listed",
        )
        .at(step)),
        None => Ok(()),
    }
}

/// What the capability `dns` calls a key of `dns`.
fn argument_of(key: &str) -> &str {
    match key {
        "nameservers" => "servers",
        "search" => "searches",
        other => other,
    }
}

fn result_has_dns(t: &Transcript) -> Judged {
    let (step, call, delegated) = ipam_add(t)?;
    let says = |dns: Option<&Value>| {
        dns.and_then(Value::as_object)
            .is_some_and(|dns| dns.values().any(|value| !is_empty(value)))
    };
    if says(call.input().unwrap_or_default().get("dns")) {
        return Err(Unmet::NotApplicable(
            "its configuration has a `dns` of its own".to_owned(),
        ));
    }
    let given = Delegated::object(&delegated.stdout.0).unwrap_or_default();
    let Some(wanted) = given.get("dns").filter(|dns| says(Some(dns))) else {
        return Err(Unmet::NotApplicable(
            "its delegate gave no `dns`".to_owned(),
        ));
    };
    let (_, _, document) = t.result(label::ADD)?;
    let found = document.get("dns").cloned().unwrap_or_default();
    let of_runtime = call.input().unwrap_or_default();
    let of_runtime = of_runtime.get("runtimeConfig").map(|given| &given["dns"]);
    let lost = wanted
        .as_object()
        .into_iter()
        .flatten()
        .find(|(key, value)| {
            let is_overruled = of_runtime.is_some_and(|dns| !is_empty(&dns[argument_of(key)]));
            !is_overruled && !is_empty(value) && found.get(key.as_str()) != Some(*value)
        });
    match lost {
        Some((key, value)) => Err(Unmet::broken(
            [format!("`dns.{key}` {value}")],
            format!("`dns` is {found}"),
        )
        .at(step)),
        None => Ok(()),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}
