//! Which address an attachment gets.

use std::net::IpAddr;

use cni_types::{CniError, IpConfig};
use ipnet::IpNet;

use super::failure::{DUPLICATE, EXHAUSTED, NOT_TO_BE_HAD};
use super::range::{Range, RangeSet};
use super::store::{LockedStore, Owner};

/// How many candidates are looked at one by one.
const PROBES: usize = 64;

/// Reserves one address of every set, or none at all.
pub(crate) fn allocate(
    store: &LockedStore,
    sets: &[RangeSet],
    mut requested: Vec<IpAddr>,
    owner: &Owner,
) -> Result<Vec<IpConfig>, CniError> {
    let own = store.reserved_for(owner)?;
    let mut allocation = Allocation {
        store,
        owner,
        reserved: Vec::new(),
    };
    let allocated = sets.iter().enumerate().map(|(index, set)| {
        if let Some(address) = own.iter().find(|address| set.range_of(**address).is_some()) {
            let msg = format!("the attachment has an address of {set} already: {address}");
            return Err(CniError::new(DUPLICATE, msg));
        }
        let wanted = requested
            .iter()
            .position(|address| set.range_of(*address).is_some());
        match wanted.map(|position| requested.remove(position)) {
            Some(address) => allocation.this_one(index, set, address),
            None => allocation.next_one(index, set),
        }
    });
    let allocated = allocated.collect::<Result<Vec<_>, _>>();
    let allocated = allocated.and_then(|allocated| match requested.as_slice() {
        [] => Ok(allocated),
        rest => {
            let rest: Vec<String> = rest.iter().map(IpAddr::to_string).collect();
            let msg = "no range has room for a requested address";
            Err(CniError::new(NOT_TO_BE_HAD, msg).with_details(rest.join(", ")))
        }
    });
    if allocated.is_err() {
        allocation.undo();
    }
    allocated
}

struct Allocation<'a> {
    store: &'a LockedStore,
    owner: &'a Owner,
    reserved: Vec<IpAddr>,
}

impl Allocation<'_> {
    fn this_one(
        &mut self,
        index: usize,
        set: &RangeSet,
        address: IpAddr,
    ) -> Result<IpConfig, CniError> {
        let unavailable = |why: &str| {
            CniError::new(
                NOT_TO_BE_HAD,
                format!("the requested address {address} is {why}"),
            )
        };
        let range = set
            .range_of(address)
            .ok_or_else(|| unavailable("in no range"))?;
        if self.store.owner(address)?.is_some() {
            return Err(unavailable("reserved for another attachment"));
        }
        self.reserve(index, range, address)
    }

    fn next_one(&mut self, index: usize, set: &RangeSet) -> Result<IpConfig, CniError> {
        let last = self.store.last_reserved(index);
        // Mostly one of the next is free, and a look at each takes less than to list a large store.
        for (address, range) in set.candidates(last).take(PROBES) {
            if !self.store.has_file(address)? {
                return self.reserve(index, range, address);
            }
        }
        let taken = self.store.addresses()?;
        if let Some((address, range)) = set
            .candidates(last)
            .find(|(address, _)| !taken.contains(address))
        {
            return self.reserve(index, range, address);
        }
        // A file that an interrupted writer has left is no reservation. It is looked for when nothing else is free, because
        // that takes a look into every file.
        for (address, range) in set.candidates(last) {
            if self.store.owner(address)?.is_none() {
                return self.reserve(index, range, address);
            }
        }
        Err(CniError::new(
            EXHAUSTED,
            format!("no address is free in {set}"),
        ))
    }

    fn reserve(
        &mut self,
        index: usize,
        range: &Range,
        address: IpAddr,
    ) -> Result<IpConfig, CniError> {
        self.store.reserve(address, self.owner)?;
        self.reserved.push(address);
        self.store.set_last_reserved(index, address)?;
        let net = IpNet::new(address, range.subnet.prefix_len())
            .map_err(|e| CniError::new(cni_skel::code::INTERNAL, e.to_string()))?;
        Ok(IpConfig::new(net, Some(range.gateway)))
    }

    fn undo(&self) {
        for address in &self.reserved {
            if let Err(error) = self.store.release(*address, Some(self.owner)) {
                // The runtime hears why ADD failed; this can only be logged. DEL comes after a failed ADD.
                eprintln!("host-local: after a failed ADD: {error}");
            }
        }
    }
}
