//! A shell script that shows a finding with nothing but `unshare`, `ip` and the plugin.

use std::fmt::Write as _;

use super::finding::Finding;
use crate::fixture::{HostSetup, LinkKind};
use crate::report::shell_quote;
use crate::transcript::{Call, Transcript};

/// Variables that the script sets itself, or that decide nothing.
const OWN: &[&str] = &["CNI_PATH", "PATH", "LANG", "CNISPEC_FOREIGN", "TRACEPARENT"];

/// What each call was given on standard input: a file's name, and its content.
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
set -u
here=$(cd "$(dirname "$0")" && pwd)
plugin=${{1:-{plugin}}}
if [ -z "${{CNISPEC_REPRO:-}}" ]; then
  CNISPEC_REPRO=1 exec unshare -r -n -m -i -u -p -f --mount-proc sh "$0" "$plugin"
fi
mount -t tmpfs tmpfs /run
mkdir -p /run/netns /run/ipam /run/input
cp "$here"/stdin-* /run/input/
case "$plugin" in /tmp/*) ;; *) mount -t tmpfs tmpfs /tmp ;; esac
case "$plugin" in /var/lib/*) ;; *) mount -t tmpfs tmpfs /var/lib ;; esac
ip link set lo up
for scope in all default; do echo 0 > /proc/sys/net/ipv6/conf/$scope/accept_dad; done 2>/dev/null
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
            let name = shell_quote(name);
            let _ = writeln!(script, "ip netns add {name} && ip -n {name} link set lo up");
            containers.push(name);
        }
    }
    let ipam = finding.subject.ipam_type();
    for (index, (_, call)) in transcript.calls().enumerate() {
        let reply = finding
            .case
            .shots
            .get(index)
            .and_then(|shot| shot.delegate.as_ref());
        if let (Some(ipam), Some(reply)) = (ipam, reply) {
            let _ = write!(
                script,
                "\n# What the IPAM plugin answers.\nprintf '{}' > /run/ipam/answer\n\
                 printf '#!/bin/sh\\ncat >/dev/null\\ncat /run/ipam/answer\\nexit {}\\n' > /run/ipam/{ipam}\n\
                 chmod +x /run/ipam/{ipam}\n",
                octal(&reply.stdout.0),
                reply.status,
            );
        }
        one_call(&mut script, index, call);
        if let (Some(ipam), true) = (ipam, reply.is_some()) {
            let _ = writeln!(script, "rm /run/ipam/{ipam}");
        }
    }
    let _ = write!(
        script,
        "\necho '--- left on the host:'\nip -br link\nfind /run /var/lib /tmp -type f 2>/dev/null | grep -v '^/run/ipam'\nexit 0\n"
    );
    script
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
            " CNI_PATH=/run/ipam:\"$(dirname \"$plugin\")\":{}",
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
        " \\\n  timeout 30 \"$plugin\" < /run/input/{}\nstatus=$?; echo; echo \"exit status $status\"\n",
        input_name(index)
    );
}

fn host_setup(script: &mut String, setup: &HostSetup) {
    for link in &setup.links {
        let name = shell_quote(&link.name);
        let _ = match link.kind {
            LinkKind::Bridge => writeln!(script, "ip link add {name} type bridge"),
            // The machine at its other end is not made.
            LinkKind::Veth | LinkKind::Lan => writeln!(
                script,
                "ip link add {name} type veth peer name far-{name} && ip link set far-{name} up"
            ),
        };
        if let Some(mtu) = link.mtu {
            let _ = writeln!(script, "ip link set {name} mtu {mtu}");
        }
        for address in &link.addresses {
            let _ = writeln!(script, "ip address add {address} dev {name} nodad");
        }
        let _ = writeln!(script, "ip link set {name} up");
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
