//! From environment and stdin to a validated call.

use std::path::PathBuf;

use cni_types::{
    Attachment, CniArgs, CniError, ContainerId, IfName, InvalidConfig, InvalidVersion, Operation,
    PluginConfig, Version,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::variables::Variables;
use crate::{Call, Env, GcCall, Network, code, netns};

/// The key of GC's list in libcni and in upstream's conventions, then the one in section 2.
const VALID_ATTACHMENTS: [&str; 2] = ["cni.dev/valid-attachments", "cni.dev/attachments"];

/// The operation that `CNI_COMMAND` asks for.
pub(crate) fn operation(env: &dyn Env) -> Result<Operation, CniError> {
    let mut variables = Variables::new(env);
    let operation = variables.required("CNI_COMMAND", str::parse::<Operation>);
    operation.ok_or_else(|| variables.error())
}

/// An ADD, CHECK or DEL.
pub(crate) fn call<'a>(
    operation: Operation,
    env: &'a dyn Env,
    input: &'a [u8],
    supported: &[Version],
) -> Result<Call<'a>, CniError> {
    let mut variables = Variables::new(env);
    let container_id = variables.required("CNI_CONTAINERID", str::parse::<ContainerId>);
    let netns = match operation {
        Operation::Del => variables.optional("CNI_NETNS", str::parse::<PathBuf>),
        _ => variables.required("CNI_NETNS", str::parse::<PathBuf>),
    };
    let ifname = variables.required("CNI_IFNAME", str::parse::<IfName>);
    let args = variables.optional("CNI_ARGS", str::parse::<CniArgs>);
    let (Some(container_id), Some(ifname), []) = (container_id, ifname, variables.problems())
    else {
        return Err(variables.error());
    };
    let network = network(operation, env, input, supported)?;
    let call = Call {
        container_id,
        ifname,
        netns,
        args: args.unwrap_or_default(),
        network,
    };
    match operation {
        Operation::Del => Ok(call),
        _ => refuse_own_netns(call),
    }
}

/// A GC.
pub(crate) fn gc<'a>(
    env: &'a dyn Env,
    input: &'a [u8],
    supported: &[Version],
) -> Result<GcCall<'a>, CniError> {
    let mut variables = Variables::new(env);
    if variables
        .required("CNI_PATH", |path| Ok::<_, String>(path.to_owned()))
        .is_none()
    {
        return Err(variables.error());
    }
    let network = network(Operation::Gc, env, input, supported)?;
    let valid = valid_attachments(&network.config)?;
    Ok(GcCall { network, valid })
}

/// The network of any operation but VERSION.
pub(crate) fn network<'a>(
    operation: Operation,
    env: &'a dyn Env,
    input: &'a [u8],
    supported: &[Version],
) -> Result<Network<'a>, CniError> {
    let document = object(input)?;
    let version = version(&document)?;
    agree(operation, version, supported)?;
    let refused = |e: InvalidConfig| CniError::invalid_config(e.to_string());
    // From the text, so that an error says where in it.
    let config = PluginConfig::from_slice(input).map_err(refused)?;
    let name = config.network_name().map_err(refused)?;
    Ok(Network {
        name,
        config,
        version,
        bytes: input,
        env,
    })
}

/// The version in which VERSION is answered: as stdin writes it.
pub(crate) fn asked_version(input: &[u8], supported: &[Version]) -> Result<String, CniError> {
    // Runtimes older than the clause send nothing.
    if input.trim_ascii().is_empty() {
        return Ok(newest(supported).to_string());
    }
    let document = object(input)?;
    let version = version(&document)?;
    match document.get("cniVersion").and_then(Value::as_str) {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Ok(version.to_string()),
    }
}

/// The version that goes into an error: the configuration's, as far as it can be made out.
pub(crate) fn version_in_use(input: &[u8], supported: &[Version]) -> Version {
    object(input)
        .and_then(|document| version(&document))
        .unwrap_or_else(|_| newest(supported))
}

fn object(input: &[u8]) -> Result<Map<String, Value>, CniError> {
    serde_json::from_slice(input).map_err(|e| {
        CniError::new(code::DECODING_FAILURE, "stdin is no JSON object").with_details(e.to_string())
    })
}

fn version(document: &Map<String, Value>) -> Result<Version, CniError> {
    let undecodable = |details| {
        CniError::new(code::DECODING_FAILURE, "`cniVersion` cannot be decoded")
            .with_details(details)
    };
    match document.get("cniVersion") {
        // As in the SPEC's library, a configuration without a version is the first version's.
        None => Ok(Version::V0_1_0),
        Some(Value::String(text)) => text
            .parse()
            .map_err(|e: InvalidVersion| undecodable(e.to_string())),
        Some(other) => Err(undecodable(format!("not a string: {other}"))),
    }
}

fn agree(operation: Operation, version: Version, supported: &[Version]) -> Result<(), CniError> {
    if !supported.contains(&version) {
        let known: Vec<String> = supported
            .iter()
            .map(|version| format!("`{version}`"))
            .collect();
        return Err(
            CniError::new(code::INCOMPATIBLE_VERSION, "incompatible CNI version").with_details(
                format!(
                    "the network configuration is in version `{version}`, the plugin knows {}",
                    known.join(", ")
                ),
            ),
        );
    }
    let since = operation.since();
    if version < since {
        let msg = format!("{operation} does not exist in CNI version `{version}`");
        let details = format!("{operation} exists since `{since}`; hint: raise `cniVersion`");
        return Err(CniError::new(code::INCOMPATIBLE_VERSION, msg).with_details(details));
    }
    Ok(())
}

fn valid_attachments(config: &PluginConfig) -> Result<Vec<Attachment>, CniError> {
    let found: Vec<(&str, &Value)> = VALID_ATTACHMENTS
        .iter()
        .filter_map(|key| config.get(key).map(|list| (*key, list)))
        .collect();
    // A list that is not there is no empty list: to take it for one would remove what is in use.
    if found.is_empty() {
        return Err(CniError::invalid_config(format!(
            "GC needs `{}`",
            VALID_ATTACHMENTS[0]
        )));
    }
    let mut valid = Vec::new();
    for (key, list) in found {
        // Go's way to write an empty list.
        if !list.is_null() {
            let attachments: Vec<Attachment> = Vec::deserialize(list).map_err(|e| {
                CniError::invalid_config(format!("`{key}` is no list of attachments: {e}"))
            })?;
            valid.extend(attachments);
        }
    }
    Ok(valid)
}

fn refuse_own_netns(call: Call<'_>) -> Result<Call<'_>, CniError> {
    let overridden = call
        .network
        .env
        .get("CNI_NETNS_OVERRIDE")
        .is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"));
    match &call.netns {
        Some(path) if !overridden && netns::is_own(path) => {
            let msg = "`CNI_NETNS` is the network namespace of the plugin itself";
            Err(CniError::new(code::INVALID_ENVIRONMENT, msg)
                .with_details(path.display().to_string()))
        }
        _ => Ok(call),
    }
}

fn newest(supported: &[Version]) -> Version {
    supported.iter().max().copied().unwrap_or(Version::LATEST)
}
