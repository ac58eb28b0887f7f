//! The floor under `ptp` and `host-local`: a program that is started twice and sends the same netlink messages, and does
//! nothing else. It reads no configuration, checks nothing, keeps no address and reports no error.
//!
//! `cargo bench --bench floor -- DIR` writes it into DIR as both plugins, to be measured side by side with the real ones:
//! `cnispec bench target/*/release/ptp DIR/ptp --config benches/floor.conflist`.

use std::ffi::OsStr;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use cni_netlink::netns::NetNs;
use cni_netlink::{Address, Result, Route, Socket, VethEnd};
use ipnet::IpNet;

const HOST_END: &str = "floor0";
const RESULT: &str =
    r#"{"cniVersion":"1.0.0","ips":[{"address":"10.77.0.2/16","gateway":"10.77.0.1"}]}"#;
const VERSIONS: &str = r#"{"cniVersion":"1.0.0","supportedVersions":["1.0.0"]}"#;
const REFUSAL: &str = r#"{"cniVersion":"1.0.0","code":6,"msg":"refused"}"#;

fn main() -> ExitCode {
    let program = PathBuf::from(std::env::args_os().next().unwrap_or_default());
    let done = match program.file_name().and_then(OsStr::to_str) {
        Some("host-local") => Ok(answer()),
        Some("ptp") => ptp(&program),
        _ => install(),
    };
    match done {
        Ok(status) => status,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn install() -> std::result::Result<ExitCode, Box<dyn std::error::Error>> {
    let directory = std::env::args_os()
        .skip(1)
        .find(|word| !word.to_string_lossy().starts_with('-'));
    // Without a directory, as in `cargo bench`, there is nothing to do.
    if let Some(directory) = directory {
        let directory = Path::new(&directory);
        std::fs::create_dir_all(directory)?;
        for name in ["ptp", "host-local"] {
            std::fs::copy(std::env::current_exe()?, directory.join(name))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn answer() -> ExitCode {
    println!("{RESULT}");
    ExitCode::SUCCESS
}

fn ptp(program: &Path) -> std::result::Result<ExitCode, Box<dyn std::error::Error>> {
    let variable = |name| std::env::var(name).unwrap_or_default();
    match variable("CNI_COMMAND").as_str() {
        "VERSION" => println!("{VERSIONS}"),
        // A configuration that is cut off is the one thing that it looks for, or it could not be measured.
        "ADD" if input_is_cut_off() => {
            println!("{REFUSAL}");
            return Ok(ExitCode::FAILURE);
        }
        "ADD" => {
            let mut ipam = Command::new(program.with_file_name("host-local"));
            ipam.stdin(Stdio::null()).output()?;
            add(
                &NetNs::open(variable("CNI_NETNS"))?,
                &variable("CNI_IFNAME"),
            )?;
            println!("{RESULT}");
        }
        "DEL" => {
            let socket = Socket::open()?;
            socket.delete_link(socket.link(HOST_END)?.index)?;
        }
        _ => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn input_is_cut_off() -> bool {
    let mut bytes = [0; 4096];
    let read = std::io::Read::read(&mut std::io::stdin(), &mut bytes).unwrap_or(0);
    !bytes[..read].ends_with(b"}")
}

/// The netlink requests of ptp, in its order.
fn add(netns: &NetNs, ifname: &str) -> Result<()> {
    let inside = netns.enter(Socket::open)??;
    let host = Socket::open()?;
    // Neither exists yet.
    let _ = inside.link(ifname);
    let _ = host.link(HOST_END);
    let end = VethEnd {
        name: HOST_END,
        ..VethEnd::default()
    };
    let peer = VethEnd {
        name: ifname,
        netns: Some(netns),
        ..end
    };
    host.create_veth(&end, &peer)?;
    let container = inside.link(ifname)?.index;
    let outside = host.link(HOST_END)?.index;
    inside.set_up(container)?;
    host.set_up(outside)?;
    let gateway = IpAddr::from([10, 77, 0, 1]);
    let own = IpAddr::from([10, 77, 0, 2]);
    host.add_address(&address(outside, IpNet::from(gateway)))?;
    host.add_route(&Route::new(IpNet::from(own), None, outside))?;
    let subnet = IpNet::new_assert(own, 16);
    inside.add_address(&address(container, subnet))?;
    for (destination, hop) in [
        (IpNet::from(gateway), None),
        (subnet.trunc(), Some(gateway)),
        (
            IpNet::new_assert(IpAddr::from([0, 0, 0, 0]), 0),
            Some(gateway),
        ),
    ] {
        inside.add_route(&Route {
            source: Some(own),
            ..Route::new(destination, hop, container)
        })?;
    }
    Ok(())
}

fn address(link: u32, net: IpNet) -> Address {
    Address {
        no_dad: true,
        no_prefix_route: true,
        ..Address::new(link, net)
    }
}
