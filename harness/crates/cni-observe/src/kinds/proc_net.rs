//! Objects that only `/proc/net` lists.

use std::fs::File;

use cni_netlink::{Error, Result};

use super::Sockets;
use crate::objects::{Attributes, Collected};
use crate::snapshot::Snapshot;
use crate::text;

/// Files that show the namespace in which they were opened; those that this kernel lacks are missing.
#[derive(Debug)]
pub(super) struct Files {
    multicast: Option<File>,
    virtual_servers: Option<File>,
}

impl Files {
    pub(super) fn open() -> Self {
        let open = |name: &str| File::open(format!("/proc/thread-self/net/{name}")).ok();
        Self {
            multicast: open("dev_mcast"),
            virtual_servers: open("ip_vs"),
        }
    }
}

/// Link-layer multicast addresses that were added by hand (`ip maddress add`); the others are the kernel's or those of sockets.
pub(super) fn multicast_addresses(
    sockets: &mut Sockets,
    _: &Snapshot,
) -> Result<Option<Collected>> {
    let Some(text) = read(sockets.proc_net.multicast.as_ref())? else {
        return Ok(None);
    };
    let mut found = Collected::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [_, link, _, by_hand, address] = words[..]
            && by_hand != "0"
        {
            let name = format!("multicast address {link} {address}");
            found.add(name, Attributes::default());
        }
    }
    Ok(Some(found))
}

/// Virtual servers, and where they lead (`ipvsadm`).
pub(super) fn virtual_servers(sockets: &mut Sockets, _: &Snapshot) -> Result<Option<Collected>> {
    let text = read(sockets.proc_net.virtual_servers.as_ref())?;
    Ok(text.map(|text| servers(&text)))
}

/// A service stands on a line that begins with its protocol, and the destinations on those below.
fn servers(text: &str) -> Collected {
    let mut found = Collected::default();
    let mut service = String::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [protocol @ ("TCP" | "UDP" | "SCTP" | "FWM"), address, ..] => {
                service = format!("ipvs {} {address}", protocol.to_lowercase());
                let scheduler = words.get(2);
                found.add(
                    service.clone(),
                    Attributes::default().with("scheduler", &scheduler),
                );
            }
            // Weights are followed by numbers of connections.
            ["->", address, mode, weight, ..] if !service.is_empty() => {
                let known = Attributes::default()
                    .with("mode", &mode)
                    .with("weight", &weight);
                found.add(format!("{service} to {address}"), known);
            }
            _ => {}
        }
    }
    found
}

fn read(file: Option<&File>) -> Result<Option<String>> {
    let broken = |source| Error::io("observe `/proc/net`", source);
    file.map(|file| text::read_anew(file).map_err(broken))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_virtual_servers_do_not_count() {
        let text = |connections: u32| {
            format!(
                "IP Virtual Server version 1.2.1 (size=4096)\n\
                 Prot LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n\
                 TCP  0A000001:0050 rr\n  -> 0A000002:0050      Masq    1      {connections}          0\n"
            )
        };
        let (before, after) = (servers(&text(0)).0, servers(&text(7)).0);
        assert_eq!(before, after);
        let names: Vec<_> = before.keys().collect();
        assert_eq!(
            names,
            [
                "ipvs tcp 0A000001:0050",
                "ipvs tcp 0A000001:0050 to 0A000002:0050"
            ]
        );
    }
}
