//! A shell script that shows a finding with nothing but `unshare`, `ip` and the plugin.

use std::fmt::Write as _;

use serde_json::Value;

use super::finding::Finding;
use crate::engine::stub::Reply;
use crate::fixture::{HostSetup, LinkKind};
use crate::kind::Kind;
use crate::report::shell_quote;
use crate::transcript::{Bytes, Call, Exit, Transcript};

/// Variables that the script sets itself, or that decide nothing.
const OWN: &[&str] = &["CNI_PATH", "PATH", "LANG", "CNISPEC_FOREIGN", "TRACEPARENT"];

/// What each call of the script is given on standard input: a file's name, and its content.
pub fn inputs(finding: &Finding, transcript: &Transcript) -> Vec<(String, Vec<u8>)> {
    let rounds = rounds(finding, transcript).into_iter().flatten();
    rounds
        .enumerate()
        .map(|(index, call)| (input_name(index), call.stdin.0))
        .collect()
}

fn input_name(index: usize) -> String {
    format!("stdin-{}.json", index + 1)
}

/// The calls. Where the finding is what they leave behind, other containers go through the same before: what plugins keep for the
/// network is there then.
fn rounds(finding: &Finding, transcript: &Transcript) -> Vec<Vec<Call>> {
    let calls: Vec<Call> = transcript.calls().map(|(_, call)| call.clone()).collect();
    match finding.is_about_residue() {
        true => vec![of_others(&calls), calls],
        false => vec![calls],
    }
}

/// The same calls for containers with other ids, in other namespaces.
fn of_others(calls: &[Call]) -> Vec<Call> {
    let mut names: Vec<String> = Vec::new();
    for call in calls {
        let id = call.variable("CNI_CONTAINERID");
        for name in netns_name(call).into_iter().chain(id) {
            if !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let renamed = |bytes: &mut Bytes| {
        for name in &names {
            let text = String::from_utf8_lossy(&bytes.0);
            if text.contains(name.as_str()) {
                bytes.0 = text.replace(name, &format!("warm-{name}")).into_bytes();
            }
        }
    };
    let mut calls = calls.to_vec();
    for call in &mut calls {
        renamed(&mut call.stdin);
        call.env.iter_mut().for_each(|(_, value)| renamed(value));
    }
    calls
}

fn netns_name(call: &Call) -> Option<String> {
    let path = call.variable("CNI_NETNS")?;
    path.strip_prefix("/run/netns/").map(str::to_owned)
}

/// The script; it stands beside the inputs.
pub fn script(finding: &Finding, transcript: &Transcript) -> String {
    let mut script = String::new();
    let plugin = shell_quote(&finding.subject.path.to_string_lossy());
    // Writing to a string cannot fail.
    let _ = write!(
        script,
        r#"#!/bin/sh
# {check}: {actual}
# {quote}
# {url}
#
# usage: sh repro.sh [PLUGIN]
# Shows it in namespaces of its own; needs unshare, mount, ip and the plugin.
# Exit status: 1 while it reproduces, 0 if it does not, 2 if it could not be tried.
set -u
here=$(cd "$(dirname "$0")" && pwd)
plugin=${{1:-{plugin}}}
if [ -z "${{CNISPEC_REPRO:-}}" ]; then
  CNISPEC_REPRO=1 unshare -r -n -m -i -u -p -f --mount-proc sh "$0" "$plugin"
  status=$?
  case $status in 10) exit 1 ;; 11) exit 0 ;; *) exit 2 ;; esac
fi
mount -t tmpfs tmpfs /mnt && mkdir /mnt/ipam /mnt/input /mnt/plugin || exit 2
cp "$here"/stdin-* /mnt/input/ && mount --bind "$(dirname "$plugin")" /mnt/plugin || exit 2
plugin=/mnt/plugin/$(basename "$plugin")
for place in /run /tmp /var/lib; do mount -t tmpfs tmpfs $place || exit 2; done
mkdir /run/netns
ip link set lo up
for scope in all default; do echo 0 > /proc/sys/net/ipv6/conf/$scope/accept_dad; done 2>/dev/null
state() {{
  ip -o address
  ip -d -o link | sed 's/ promiscuity.*//'
  for family in -4 -6; do ip $family route show table all; ip $family rule; done
  for program in 'tc qdisc show' 'tc filter show' 'nft list ruleset' 'ipset list'; do
    command -v "${{program%% *}}" && $program
  done
  grep -rs . /proc/sys/net | grep -v conntrack_count
  find /run /var/lib /tmp ! -type d
}} 2>/dev/null
"#,
        check = finding.broken.check,
        actual = one_line(&finding.broken.actual),
        quote = finding.clause.quote,
        url = finding.clause.url,
    );
    host_setup(&mut script, &finding.subject.fixture.setup);
    let rounds = rounds(finding, transcript);
    let last = rounds.len() - 1;
    let mut number = 0;
    for (round, calls) in rounds.iter().enumerate() {
        let pairs = containers(&mut script, finding, calls);
        // With the pair that stands before a chained plugin goes what the plugin has done to it.
        if finding.is_about_residue() && round == last {
            script += STATE_BEFORE;
        }
        pairs.iter().for_each(|pair| pair.make(&mut script));
        if !finding.is_about_residue() {
            script += STATE_BEFORE;
        }
        for (index, call) in calls.iter().enumerate() {
            let shot = finding.case.invocations.get(index);
            let reply = shot.and_then(|shot| shot.delegate.as_ref());
            answered_call(&mut script, finding, number, call, reply);
            number += 1;
        }
        if finding.is_about_residue() {
            for pair in &pairs {
                let _ = writeln!(script, "ip link del {} 2>/dev/null", pair.near);
            }
        }
    }
    let _ = write!(
        script,
        r#"
# What the kernel takes away, it takes away in its own time.
for attempt in 1 2 3 4 5 6; do
  state > /mnt/state-after
  cmp -s /mnt/state-before /mnt/state-after && break
  sleep 0.3
done
echo '--- what is different on the host:'
diff /mnt/state-before /mnt/state-after
changed=$?
if {shown}; then echo '--- it still reproduces'; exit 10; fi
echo '--- it does not reproduce'
exit 11
"#,
        shown = shown(finding, transcript)
    );
    script
}

const STATE_BEFORE: &str = "state > /mnt/state-before\n";

/// Makes the namespaces of a round's containers. Returns the pairs of links that plugins before a chained one make in them.
fn containers(script: &mut String, finding: &Finding, calls: &[Call]) -> Vec<Pair> {
    let mut names: Vec<String> = Vec::new();
    let mut pairs = Vec::new();
    for call in calls {
        if let Some(name) = netns_name(call).filter(|name| !names.contains(name)) {
            let quoted = shell_quote(&name);
            let _ = writeln!(
                script,
                "ip netns add {quoted} && ip -n {quoted} link set lo up"
            );
            if finding.subject.kind == Kind::Chained {
                pairs.push(Pair::before(call, &quoted, names.len()));
            }
            names.push(name);
        }
    }
    pairs
}

fn answered_call(
    script: &mut String,
    finding: &Finding,
    index: usize,
    call: &Call,
    reply: Option<&Reply>,
) {
    let answer = finding.subject.ipam_type().zip(reply);
    if let Some((ipam, reply)) = answer {
        let _ = write!(
            script,
            "\n# What the IPAM plugin answers.\nprintf '{}' > /mnt/ipam/answer\n\
             printf '#!/bin/sh\\ncat >/dev/null\\ncat /mnt/ipam/answer\\nexit {}\\n' > /mnt/ipam/{ipam}\n\
             chmod +x /mnt/ipam/{ipam}\n",
            octal(&reply.stdout.0),
            reply.status,
        );
    }
    one_call(script, index, call);
    if let Some((ipam, _)) = answer {
        let _ = writeln!(script, "rm /mnt/ipam/{ipam}");
    }
}

/// The condition under which the script has shown the finding again: something is left, or the call that shows it has ended as it did.
fn shown(finding: &Finding, transcript: &Transcript) -> String {
    let mut calls = transcript.calls().enumerate();
    let decisive = calls.find(|(_, (step, _))| finding.broken.step == Some(*step));
    let decisive = decisive.filter(|_| !finding.is_about_residue());
    let Some((index, (_, call))) = decisive else {
        return "[ $changed = 1 ]".to_owned();
    };
    let status = match call.exit {
        Exit::Status(status) => status,
        Exit::Signal(signal) => 128 + signal,
        Exit::TimedOut(_) | Exit::Flooded(_) => 124,
        Exit::NotStarted(_) => 126,
    };
    let output = if call.stdout.is_blank() { "!" } else { "" };
    let number = index + 1;
    format!("[ \"$status_{number}\" = {status} ] && [ {output} -s /mnt/out-{number} ]")
}

/// What the plugins before a chained one have made, as its previous result tells: a pair of links with addresses.
struct Pair {
    netns: String,
    near: String,
    far: String,
    addresses: Vec<String>,
}

impl Pair {
    /// Before the plugin is called so, in the namespace of the container with this number.
    fn before(call: &Call, netns: &str, number: usize) -> Self {
        let input = call.input().unwrap_or_default();
        let result = input.get("prevResult").cloned().unwrap_or_default();
        let interfaces = result["interfaces"].as_array();
        let on_host = |interface: &&Value| interface["sandbox"].as_str().is_none_or(str::is_empty);
        let near = interfaces.and_then(|all| all.iter().find(on_host)?["name"].as_str());
        let near = near.filter(|name| is_interface_name(name));
        let ips = result["ips"].as_array().into_iter().flatten();
        let addresses = ips.filter_map(|ip| ip["address"].as_str());
        Self {
            netns: netns.to_owned(),
            near: near.map_or_else(|| format!("repro{number}"), shell_quote),
            far: shell_quote(&call.variable("CNI_IFNAME").unwrap_or_default()),
            addresses: addresses.map(shell_quote).collect(),
        }
    }

    fn make(&self, script: &mut String) {
        let Self {
            netns, near, far, ..
        } = self;
        let _ = write!(
            script,
            "ip link add {near} type veth peer name {far} netns {netns} && ip -n {netns} link set {far} up && ip link set {near} up\n\
             for attempt in 1 2 3 4 5 6; do ip -6 -o address show dev {near} | grep -q fe80 && break; sleep 0.1; done\n"
        );
        for address in &self.addresses {
            let _ = writeln!(script, "ip -n {netns} address add {address} dev {far}");
        }
    }
}

fn is_interface_name(name: &str) -> bool {
    !name.is_empty() && name.len() < 16 && !name.contains(['/', ' ', ':'])
}

fn one_call(script: &mut String, index: usize, call: &Call) {
    let directories = call.variable("CNI_PATH").unwrap_or_default();
    let _ = write!(
        script,
        "\necho '--- {}: {}'\nenv -i PATH=\"$PATH\"",
        index + 1,
        call.operation.as_str()
    );
    if call.variable("CNI_PATH").is_some() {
        let _ = write!(
            script,
            " CNI_PATH=/mnt/ipam:\"$(dirname \"$plugin\")\":{}",
            shell_quote(&directories)
        );
    }
    for (name, value) in call
        .env
        .iter()
        .filter(|(name, _)| !OWN.contains(&name.as_str()))
    {
        let _ = match std::str::from_utf8(&value.0) {
            Ok(text) => write!(script, " {name}={}", shell_quote(text)),
            Err(_) => write!(script, " {name}=\"$(printf '{}')\"", octal(&value.0)),
        };
    }
    let _ = write!(
        script,
        " \\\n  timeout 30 \"$plugin\" < /mnt/input/{} > /mnt/out-{number}\nstatus_{number}=$?; cat /mnt/out-{number}; echo; echo \"exit status $status_{number}\"\n",
        input_name(index),
        number = index + 1
    );
}

fn host_setup(script: &mut String, setup: &HostSetup) {
    for link in &setup.links {
        let name = shell_quote(&link.name);
        let kind = link.kind.name();
        let _ = match &link.kind {
            // The machine at its other end is not made.
            LinkKind::Veth | LinkKind::Lan => writeln!(
                script,
                "ip link add {name} type veth peer name far-{name} && ip link set far-{name} up"
            ),
            LinkKind::Tap | LinkKind::Tun => writeln!(script, "ip tuntap add {name} mode {kind}"),
            LinkKind::Named(_) => {
                let over = link.parent.as_ref().map(|parent| format!("link {parent}"));
                let id = link.id.map(|id| format!("id {id}"));
                let table = link.table.map(|table| format!("table {table}"));
                let words = [over, Some(format!("name {name} type {kind}")), id, table];
                let words: Vec<String> = words.into_iter().flatten().collect();
                writeln!(script, "ip link add {}", words.join(" "))
            }
        };
        if let Some(mtu) = link.mtu {
            let _ = writeln!(script, "ip link set {name} mtu {mtu}");
        }
        for address in &link.addresses {
            let _ = writeln!(script, "ip address add {address} dev {name} nodad");
        }
        let _ = writeln!(script, "ip link set {name} up");
    }
    for path in &setup.directories {
        let _ = writeln!(script, "mkdir -p {}", shell_quote(path));
    }
    for (path, content) in &setup.files {
        let path = shell_quote(path);
        let _ = writeln!(script, "printf '{}' > {path}", octal(content.as_bytes()));
    }
}

/// Bytes as `printf` takes them, whatever they are.
fn octal(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _ = match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b' '
            | b'{'
            | b'}'
            | b'['
            | b']'
            | b'"'
            | b':'
            | b','
            | b'.'
            | b'/'
            | b'-'
            | b'_' => write!(text, "{}", char::from(*byte)),
            _ => write!(text, "\\{byte:03o}"),
        };
    }
    text
}

fn one_line(text: &str) -> String {
    crate::report::visible(text).chars().take(200).collect()
}
