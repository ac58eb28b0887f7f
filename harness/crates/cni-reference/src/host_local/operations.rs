use cni_skel::{Call, GcCall, Network, code};
use cni_types::{AddResult, Attachment, CniError, Dns};

use super::failure::NOT_AS_ADDED;
use super::settings::{self, Settings};
use super::store::Owner;
use super::{allocation, resolv_conf};

/// ADD: one address of every range set, or none at all.
pub(crate) fn add(call: &Call<'_>) -> Result<AddResult, CniError> {
    let settings = Settings::read(&call.network)?;
    let requested = settings::requested(call)?;
    let dns = match &settings.resolv_conf {
        Some(path) => resolv_conf::read(path)?,
        None => Dns::default(),
    };
    let store = settings::store(&call.network)?.create()?;
    let ips = allocation::allocate(&store, &settings.sets, requested, &owner(call))?;
    let mut result = AddResult::default();
    result.ips = ips;
    result.routes = settings.routes;
    result.dns = dns;
    Ok(result)
}

/// CHECK: the attachment has reservations, and among them all addresses of `prevResult` that come from the ranges.
pub(crate) fn check(call: &Call<'_>) -> Result<(), CniError> {
    let settings = Settings::read(&call.network)?;
    let previous = call.network.prev_result()?.unwrap_or_default();
    let owner = owner(call);
    let reserved = match settings::store(&call.network)?.open()? {
        Some(store) => store.reserved_for(&owner)?,
        None => Vec::new(),
    };
    if reserved.is_empty() {
        return Err(CniError::new(
            NOT_AS_ADDED,
            "no address is reserved for the attachment",
        ));
    }
    let ours = |ip: &&cni_types::IpConfig| {
        settings
            .sets
            .iter()
            .any(|set| set.range_of(ip.address.addr()).is_some())
    };
    match previous
        .ips
        .iter()
        .filter(ours)
        .find(|ip| !reserved.contains(&ip.address.addr()))
    {
        None => Ok(()),
        Some(ip) => {
            let msg = format!("address {} is not reserved for the attachment", ip.address);
            Err(CniError::new(NOT_AS_ADDED, msg))
        }
    }
}

/// DEL: releases whatever is reserved for the attachment. What is missing is released already.
pub(crate) fn del(call: &Call<'_>) -> Result<(), CniError> {
    let Some(store) = settings::store(&call.network)?.open()? else {
        return Ok(());
    };
    let owner = owner(call);
    for address in store.reserved_for(&owner)? {
        store.release(address, Some(&owner))?;
    }
    Ok(())
}

/// GC: releases what is reserved for attachments that are not valid any more, and what nobody has finished writing.
pub(crate) fn gc(call: &GcCall<'_>) -> Result<(), CniError> {
    let Some(store) = settings::store(&call.network)?.open()? else {
        return Ok(());
    };
    let is_valid = |owner: &Owner| {
        call.valid.iter().any(
            |Attachment {
                 container_id,
                 ifname,
             }| owner.is(container_id, ifname),
        )
    };
    let mut failures = Vec::new();
    for address in store.addresses()? {
        let released = store.owner(address).and_then(|owner| match owner {
            Some(owner) if is_valid(&owner) => Ok(()),
            owner => store.release(address, owner.as_ref()),
        });
        failures.extend(released.err().map(|error| error.to_string()));
    }
    match failures.is_empty() {
        true => Ok(()),
        false => Err(CniError::io_failure(failures.join("; "))),
    }
}

/// STATUS: every range set has an address left.
pub(crate) fn status(network: &Network<'_>) -> Result<(), CniError> {
    let settings = Settings::read(network)?;
    let not_available = |details: String| {
        CniError::new(code::NOT_AVAILABLE, "no address can be reserved").with_details(details)
    };
    let unusable = |error: CniError| not_available(error.to_string());
    let Some(store) = settings::store(network)?.open().map_err(unusable)? else {
        return Ok(());
    };
    let taken = store.addresses().map_err(unusable)?;
    for set in &settings.sets {
        let taken_of_set = taken
            .iter()
            .filter(|address| set.range_of(**address).is_some());
        let taken_of_set: Vec<_> = taken_of_set.copied().collect();
        if (taken_of_set.len() as u128) < set.capacity() {
            continue;
        }
        let mut reserved = 0;
        for address in taken_of_set {
            reserved += u128::from(store.owner(address)?.is_some());
        }
        if reserved >= set.capacity() {
            return Err(not_available(format!("no address is free in {set}")));
        }
    }
    Ok(())
}

fn owner(call: &Call<'_>) -> Owner {
    Owner::new(call.container_id.as_str(), call.ifname.as_str())
}
