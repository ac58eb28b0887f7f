//! Flaws that a wrapper commits after the wrapped plugin has answered.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use cni_netlink::nft::{Masquerade, MasqueradeTable};
use cni_netlink::{Address, Link, LinkKind, MacAddr, Socket, sysctl};
use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::before::{Saved, parsed};
use super::{Answer, Call, Flaw};

/// An integer that nothing in the kernel depends on.
const SYSCTL: &str = "ipv4/conf/lo/tag";

pub(super) fn call(call: &Call, answer: &mut Answer, remembered: &Saved) -> io::Result<()> {
    let succeeded = answer.status == 0;
    if call.is("ADD") && succeeded {
        damage(call, answer)?;
        if let Value::Object(mut result) = parsed(&answer.stdout)
            && edit(call, &mut result)
        {
            answer.stdout = Value::Object(result).to_string().into_bytes();
        }
    }
    if call.is("DEL") && succeeded {
        after_del(call, answer, remembered)?;
    }
    speak(call, answer);
    Ok(())
}

fn broken(error: cni_netlink::Error) -> io::Error {
    io::Error::other(error.to_string())
}

/// Changes kernel state after ADD.
fn damage(call: &Call, answer: &Answer) -> io::Result<()> {
    let result = parsed(&answer.stdout);
    match call.flaw {
        Flaw::RuleLeft => {
            let source = IpNet::from(IpAddr::from([198, 18, 7, 7]));
            let inside = IpNet::new(source.addr(), 15).map_or(source, |net| net.trunc());
            let rules = [Masquerade { source, inside }];
            let table = MasqueradeTable::open("wrapper").map_err(broken)?;
            return table.set(&call.key(), &rules).map_err(broken);
        }
        Flaw::SysctlLeft => {
            let count: u32 = sysctl::read(SYSCTL)
                .map_err(broken)?
                .parse()
                .unwrap_or_default();
            return sysctl::write(SYSCTL, &(count + 1).to_string()).map_err(broken);
        }
        Flaw::ProcessLeft => {
            return Command::new("/proc/self/exe")
                .arg0("scripted.hang")
                .env("CNI_COMMAND", "ADD")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .map(drop);
        }
        Flaw::HostLinkDown | Flaw::HostRouteDeleted => {
            return damage_host(call, &result).map_err(broken);
        }
        _ => {}
    }
    match call.inside() {
        Some(inside) => damage_inside(call, &inside).map_err(broken),
        None => Ok(()),
    }
}

fn damage_inside(call: &Call, inside: &Socket) -> cni_netlink::Result<()> {
    let Ok(link) = inside.link(call.variable("CNI_IFNAME")) else {
        return Ok(());
    };
    match call.flaw {
        Flaw::MacChanged => inside.set_mac(link.index, other_mac(&link)),
        Flaw::MtuChanged => inside.set_mtu(link.index, link.mtu - 28),
        Flaw::LinkDown => inside.set_down(link.index),
        Flaw::InterfaceAdded => inside.create_link("wrapper0", LinkKind::Bridge),
        Flaw::AddressAdded => {
            let net = IpNet::from(IpAddr::from([192, 0, 2, 88]));
            inside.add_address(&Address::new(link.index, net))
        }
        Flaw::AddressRemoved => {
            let addresses = inside.addresses(Some(link.index))?;
            let first = addresses.iter().find(|address| address.scope == 0);
            first.map_or(Ok(()), |first| inside.delete_address(link.index, first.net))
        }
        Flaw::RouteDeleted => {
            let routes = inside.routes()?;
            let default = routes.iter().find(|route| route.dst.prefix_len() == 0);
            default.map_or(Ok(()), |route| inside.delete_route(route))
        }
        _ => Ok(()),
    }
}

fn other_mac(link: &Link) -> MacAddr {
    let mut mac = link.mac.unwrap_or(MacAddr([2, 0, 0, 0, 0, 0]));
    mac.0[5] ^= 1;
    mac
}

fn damage_host(call: &Call, result: &Value) -> cni_netlink::Result<()> {
    let host = Socket::open()?;
    let listed = result["interfaces"].as_array().into_iter().flatten();
    let names = listed.filter(|interface| interface["sandbox"].as_str().is_none_or(str::is_empty));
    for name in names.filter_map(|interface| interface["name"].as_str()) {
        let Ok(link) = host.link(name) else { continue };
        if call.flaw == Flaw::HostLinkDown {
            host.set_down(link.index)?;
            continue;
        }
        let routes = host.routes()?;
        let route = routes.iter().find(|route| {
            route.link == Some(link.index) && route.dst.addr() != Ipv4Addr::UNSPECIFIED
        });
        if let Some(route) = route {
            host.delete_route(route)?;
        }
    }
    Ok(())
}

/// Changes the result; true if anything was changed.
fn edit(call: &Call, result: &mut Map<String, Value>) -> bool {
    fn each<'a>(
        result: &'a mut Map<String, Value>,
        key: &str,
    ) -> impl Iterator<Item = &'a mut Value> {
        result
            .get_mut(key)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
    }
    match call.flaw {
        Flaw::ResultMac => {
            each(result, "interfaces").for_each(|i| i["mac"] = json!("02:00:5e:00:53:01"))
        }
        Flaw::ResultSandbox => each(result, "interfaces").for_each(|i| {
            if let Some(interface) = i.as_object_mut() {
                interface.remove("sandbox");
            }
        }),
        Flaw::ResultAddress => each(result, "ips").for_each(|ip| {
            if ip["address"]
                .as_str()
                .is_some_and(|address| address.contains('.'))
            {
                ip["address"] = json!("192.0.2.66/24");
            }
        }),
        Flaw::ResultPrefix => each(result, "ips").for_each(|ip| {
            let bare = ip["address"]
                .as_str()
                .and_then(|net| net.split('/').next())
                .map(str::to_owned);
            ip["address"] = json!(bare);
        }),
        Flaw::ResultGateway => each(result, "ips").for_each(|ip| {
            let bare = ip["address"]
                .as_str()
                .and_then(|net| net.split('/').next())
                .map(str::to_owned);
            ip["gateway"] = json!(bare);
        }),
        Flaw::ResultIndex => {
            let inside =
                |interface: &Value| interface["sandbox"].as_str().is_some_and(|s| !s.is_empty());
            let listed = result
                .get("interfaces")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            let Some(host) = listed.iter().position(|interface| !inside(interface)) else {
                return false;
            };
            each(result, "ips").for_each(|ip| ip["interface"] = json!(host));
        }
        Flaw::ResultNoInterfaces => {
            result.remove("interfaces");
            each(result, "ips").for_each(|ip| {
                if let Some(ip) = ip.as_object_mut() {
                    ip.remove("interface");
                }
            });
        }
        Flaw::ResultMoreInterfaces => {
            let sandbox = call.variable("CNI_NETNS");
            let list = result.entry("interfaces").or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(json!({"name": "phantom0", "sandbox": sandbox}));
            }
        }
        Flaw::ResultNoIps => drop(result.remove("ips")),
        Flaw::ResultNoRoutes => drop(result.remove("routes")),
        Flaw::ResultMoreRoutes => {
            let list = result.entry("routes").or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(json!({"dst": "192.0.2.77/32"}));
            }
        }
        Flaw::ResultNoDns => drop(result.remove("dns")),
        Flaw::ResultVersion => drop(result.insert("cniVersion".to_owned(), json!("0.4.0"))),
        _ => return false,
    }
    true
}

fn after_del(call: &Call, answer: &mut Answer, remembered: &Saved) -> io::Result<()> {
    match call.flaw {
        Flaw::DelPrints => answer.stdout = b"{}\n".to_vec(),
        Flaw::DelLeavesLink => {
            let host = Socket::open().map_err(broken)?;
            match host.create_link(&format!("wx{}", call.key()), LinkKind::Bridge) {
                Err(error) if !error.is_exists() => return Err(broken(error)),
                _ => {}
            }
        }
        Flaw::DelLeavesReservation => {
            for (path, content) in &remembered.files {
                if !path.exists() {
                    fs::write(path, content)?;
                }
            }
        }
        Flaw::DelTakesOthers => {
            let mut all = Call {
                flaw: call.flaw,
                real: call.real.clone(),
                env: call.env.clone(),
                stdin: call.stdin.clone(),
            };
            all.env.insert("CNI_COMMAND".to_owned(), "GC".to_owned());
            all.change(|config| {
                config.remove("prevResult");
                for key in ["cni.dev/attachments", "cni.dev/valid-attachments"] {
                    config.insert(key.to_owned(), json!([]));
                }
            });
            all.execute()?;
        }
        _ => {}
    }
    Ok(())
}

/// Changes the answer, whatever it is.
fn speak(call: &Call, answer: &mut Answer) {
    let failed = answer.status != 0;
    match call.flaw {
        Flaw::ResultTwice if call.is("ADD") && !failed => {
            answer.stdout.extend(answer.stdout.clone())
        }
        Flaw::LogOnStdout if call.is("ADD") => {
            answer.stdout = [b"level=info msg=\"wrapped\"\n", answer.stdout.as_slice()].concat();
        }
        Flaw::StatusSwallowed => answer.status = 0,
        Flaw::StatusInvented => answer.status = 1,
        Flaw::ErrorSwallowed if failed => answer.stdout = b"something went wrong\n".to_vec(),
        Flaw::ErrorCode if failed => {
            if let Value::Object(mut error) = parsed(&answer.stdout) {
                error.insert("code".to_owned(), json!(42));
                answer.stdout = Value::Object(error).to_string().into_bytes();
            }
        }
        Flaw::StderrLost => answer.stderr.clear(),
        Flaw::VersionOdd if call.is("VERSION") => {
            if let Value::Object(mut version) = parsed(&answer.stdout) {
                if let Some(list) = version
                    .get_mut("supportedVersions")
                    .and_then(Value::as_array_mut)
                {
                    list.push(json!("newest"));
                }
                answer.stdout = Value::Object(version).to_string().into_bytes();
            }
        }
        _ => {}
    }
}
