//! A shell script that shows a finding with nothing but `unshare`, `ip` and the plugin.

use std::fmt::Write as _;

use serde_json::Value;

use super::finding::Finding;
use crate::fixture::{HostSetup, LinkKind};
use crate::kind::Kind;
use crate::report::shell_quote;
use crate::transcript::{Call, Exit, Transcript};

/// Variables that the script sets itself, or that decide nothing.
const OWN: &[&str] = &["CNI_PATH", "PATH", "LANG", "CNISPEC_FOREIGN", "TRACEPARENT"];

/// The standard input of each call: a file's name, and its content.
pub fn inputs(transcript: &Transcript) -> Vec<(String, Vec<u8>)> {
    let calls = transcript.calls().enumerate();
    calls
        .map(|(index, (_, call))| (input_name(index), call.stdin.0.clone()))
        .collect()
}

fn input_name(index: usize) -> String {
    format!("stdin-{}.json", index + 1)
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
# Exit status: 0 if it showed the same again, 1 if not, 2 if it could not be tried.
set -u
here=$(cd "$(dirname "$0")" && pwd)
plugin=${{1:-{plugin}}}
if [ -z "${{CNISPEC_REPRO:-}}" ]; then
  CNISPEC_REPRO=1 unshare -r -n -m -i -u -p -f --mount-proc sh "$0" "$plugin"
  status=$?
  case $status in 10) exit 0 ;; 11) exit 1 ;; *) exit 2 ;; esac
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
  grep -rs . /proc/sys/net
  find /run /var/lib /tmp ! -type d
}} 2>/dev/null
"#,
        check = finding.broken.check,
        actual = one_line(&finding.broken.actual),
        quote = finding.clause.quote,
        url = finding.clause.url,
    );
    host_setup(&mut script, &finding.subject.fixture.setup);
    let mut containers: Vec<String> = Vec::new();
    for (_, call) in transcript.calls() {
        let path = call.variable("CNI_NETNS").unwrap_or_default();
        if let Some(name) = path.strip_prefix("/run/netns/")
            && !containers.iter().any(|known| known == name)
        {
            let quoted = shell_quote(name);
            let _ = writeln!(
                script,
                "ip netns add {quoted} && ip -n {quoted} link set lo up"
            );
            if finding.subject.kind == Kind::Chained {
                chained_before(&mut script, &quoted, call);
            }
            containers.push(name.to_owned());
        }
    }
    script += "state > /mnt/state-before\n";
    let ipam = finding.subject.ipam_type();
    for (index, (_, call)) in transcript.calls().enumerate() {
        let reply = finding
            .case
            .invocations
            .get(index)
            .and_then(|invocation| invocation.delegate.as_ref());
        if let (Some(ipam), Some(reply)) = (ipam, reply) {
            let _ = write!(
                script,
                "\n# What the IPAM plugin answers.\nprintf '{}' > /mnt/ipam/answer\n\
                 printf '#!/bin/sh\\ncat >/dev/null\\ncat /mnt/ipam/answer\\nexit {}\\n' > /mnt/ipam/{ipam}\n\
                 chmod +x /mnt/ipam/{ipam}\n",
                octal(&reply.stdout.0),
                reply.status,
            );
        }
        one_call(&mut script, index, call);
        if let (Some(ipam), true) = (ipam, reply.is_some()) {
            let _ = writeln!(script, "rm /mnt/ipam/{ipam}");
        }
    }
    let _ = write!(
        script,
        r#"
state > /mnt/state-after
echo '--- what is different on the host:'
diff /mnt/state-before /mnt/state-after
changed=$?
if {shown}; then echo '--- it shows the same'; exit 10; fi
echo '--- it does not show the same'
exit 11
"#,
        shown = shown(finding, transcript)
    );
    script
}

/// The condition under which the script has shown the finding again: the call that shows it has ended as it did. Where no call
/// shows it, something is left.
fn shown(finding: &Finding, transcript: &Transcript) -> String {
    let mut calls = transcript.calls().enumerate();
    let decisive = calls.find(|(_, (step, _))| finding.broken.step == Some(*step));
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

/// Makes the interfaces of the plugins before a chained one, from its `prevResult`: a veth pair with addresses.
fn chained_before(script: &mut String, netns: &str, call: &Call) {
    let input = call.input().unwrap_or_default();
    let result = input.get("prevResult").cloned().unwrap_or_default();
    let interfaces = result["interfaces"].as_array();
    let on_host = |interface: &&Value| interface["sandbox"].as_str().is_none_or(str::is_empty);
    let near = interfaces
        .and_then(|interfaces| interfaces.iter().find(on_host)?["name"].as_str())
        .unwrap_or("repro0");
    let far = call.variable("CNI_IFNAME").unwrap_or_default();
    let (near, far) = (shell_quote(near), shell_quote(&far));
    let _ = writeln!(
        script,
        "ip link add {near} type veth peer name {far} netns {netns} && ip link set {near} up && ip -n {netns} link set {far} up"
    );
    for ip in result["ips"].as_array().into_iter().flatten() {
        if let Some(address) = ip["address"].as_str() {
            let address = shell_quote(address);
            let _ = writeln!(script, "ip -n {netns} address add {address} dev {far}");
        }
    }
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
