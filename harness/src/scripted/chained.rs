//! The scripted plugin in a chain: it marks the container's interface by an alias, which is part of no
//! result, and hands the previous result on as it is.

use cni_netlink::{Link, Socket};
use serde_json::{Value, json};

use super::call::{Attachment, Call};
use super::error::PluginError;
use super::kernel;
use super::result::{self, Outcome};
use super::{Duties, Object, forward, settings};
use crate::fault::Fault;

/// The prefix of the alias that the interface had.
const MARK: &str = "scripted:";

/// The plugin as a chained one.
pub struct Chained;

impl Duties for Chained {
    fn add(&self, call: &Call) -> Result<Object, PluginError> {
        let result = call.prev_result().ok_or_else(|| {
            PluginError::configuration(
                "it has no `prevResult`: a chained plugin cannot be the first one",
            )
        })?;
        // Empty only where a fault accepts it.
        if !call.netns.is_empty() {
            let (netns, socket) = kernel::enter(call)?;
            let link = existing(&socket, call)?;
            if unmarked(&link).is_none() {
                let alias = link.alias.as_deref().unwrap_or_default();
                socket.set_alias(link.index, &format!("{MARK}{alias}"))?;
            }
            settings::apply(call, &netns, &socket, &link)?;
            forward::start(call, result)?;
        }
        handed_on(call, &settings::in_result(call, result))
    }

    fn del(&self, call: &Call) -> Result<(), PluginError> {
        let forgets = call.script.is(Fault::DelForgetsWithoutRuntimeConfig)
            && call.section("runtimeConfig").is_null();
        if !forgets {
            forward::stop(call)?;
        }
        let Some((socket, link)) = kernel::interface(call)? else {
            return Ok(());
        };
        match unmarked(&link) {
            Some(alias) => kernel::gone(socket.set_alias(link.index, alias)),
            None => Ok(()),
        }
    }

    fn check(&self, call: &Call) -> Result<(), PluginError> {
        if call.script.is(Fault::CheckAlwaysSucceeds) {
            return Ok(());
        }
        let (netns, socket) = kernel::enter(call)?;
        let link = match kernel::link(&socket, &call.attachment.ifname)? {
            Some(link) => link,
            None if call.script.is(Fault::CheckMissesInterface) => return Ok(()),
            None => return Err(missing(call)),
        };
        match unmarked(&link) {
            Some(_) if !forward::runs(call) => {
                Err(PluginError::not_as_added("nobody forwards its ports"))
            }
            Some(_) => settings::check(call, &netns, &link),
            None => Err(PluginError::not_as_added(format!(
                "`{}` has lost its mark",
                link.name
            ))),
        }
    }

    fn gc(&self, call: &Call, valid: &[Attachment]) -> Result<(), PluginError> {
        // The mark goes with the container.
        match call.script.is(Fault::GcKeepsStale) {
            true => Ok(()),
            false => forward::stop_all_but(call, valid),
        }
    }

    fn status(&self, _: &Call) -> Result<(), PluginError> {
        Ok(())
    }
}

/// The alias that the interface had before it was marked, if it is marked.
fn unmarked(link: &Link) -> Option<&str> {
    link.alias
        .as_deref()
        .and_then(|alias| alias.strip_prefix(MARK))
}

fn existing(socket: &Socket, call: &Call) -> Result<Link, PluginError> {
    kernel::link(socket, &call.attachment.ifname)?.ok_or_else(|| missing(call))
}

fn missing(call: &Call) -> PluginError {
    let (ifname, netns) = (&call.attachment.ifname, &call.netns);
    PluginError::not_as_added(format!("there is no `{ifname}` in `{netns}`"))
}

/// In results from 0.3.0 on.
fn widen(document: &mut Object) {
    let ips = document.get_mut("ips").and_then(Value::as_array_mut);
    for ip in ips.into_iter().flatten() {
        let address = ip["address"]
            .as_str()
            .and_then(|text| text.split('/').next());
        ip["address"] = json!(format!("{}/8", address.unwrap_or_default()));
    }
}

fn drop_searches(document: &mut Object) {
    if let Some(dns) = document.get_mut("dns").and_then(Value::as_object_mut) {
        dns.remove("search");
    }
}

fn drop_details(document: &mut Object) {
    for (key, detail) in [("interfaces", "mac"), ("ips", "gateway")] {
        let records = document.get_mut(key).and_then(Value::as_array_mut);
        for record in records.into_iter().flatten() {
            if let Some(record) = record.as_object_mut() {
                record.remove(detail);
            }
        }
    }
}

/// The previous result: untouched but for `cniVersion`, where it is of this version.
fn handed_on(call: &Call, result: &Value) -> Result<Object, PluginError> {
    let unreadable =
        |what| PluginError::configuration(format!("`prevResult` cannot be used: {what}"));
    if call.script.is(Fault::DropsPrevResult) {
        return Ok(result::document(call, &Outcome::default(), false));
    }
    if result::must_be_rewritten(call, result) {
        let outcome = Outcome::read(result).map_err(unreadable)?;
        return Ok(result::document(call, &outcome, false));
    }
    let no_object = || unreadable("it is no object".to_owned());
    let mut document = result.as_object().ok_or_else(no_object)?.clone();
    document.insert("cniVersion".to_owned(), json!(call.version_text));
    if call.script.is(Fault::ChangesPrevResult) {
        widen(&mut document);
    }
    if call.script.is(Fault::DropsDetails) {
        drop_details(&mut document);
    }
    if call.script.is(Fault::DropsSearches) {
        drop_searches(&mut document);
    }
    if let Some(Value::Object(dns)) = document.get_mut("dns") {
        match call.script.0 {
            Some(Fault::ShortensDns) => result::each_list_of_dns(dns, |list| list.truncate(1)),
            Some(Fault::ReordersDns) => result::each_list_of_dns(dns, |list| list.reverse()),
            _ => {}
        }
    }
    Ok(document)
}
