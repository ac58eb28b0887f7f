//! Boundary values of configuration keys.

use super::tree::Tree;

/// The kind of value that a text looks like, which decides its replacements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValueKind {
    Address,
    Number,
    Bool,
    Mac,
    Path,
    Word,
}

const ADDRESSES: &[&str] = &[
    "10.77.0.0/16",
    "10.77.0.5/24",
    "10.77.0.5",
    "10.77.0.1",
    "10.88.0.0/30",
    "10.88.0.0/31",
    "10.88.0.1/32",
    "10.88.0.0/0",
    "0.0.0.0/0",
    "0.0.0.0",
    "255.255.255.255",
    "255.255.255.255/32",
    "10.88.0.0/33",
    "10.88.0.0/-1",
    "10.88.0.0/",
    "/24",
    "10.88.0",
    "010.077.000.001/24",
    "127.0.0.1/8",
    "224.0.0.1/4",
    "169.254.0.1/16",
    "10.77.255.255/16",
    "192.168.1.0/24",
    "fd00:77::/64",
    "fd00:77::5/64",
    "fd00:88::/127",
    "fd00:88::/128",
    "fd00:88::/129",
    "::/0",
    "::",
    "::1/128",
    "fe80::1/64",
    "ff02::1/16",
    "::ffff:10.77.0.1/112",
    "::ffff:10.77.0.1",
    "fe80::1%eth0",
    "2001:db8::1/64",
    "not an address",
];

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "67",
    "68",
    "255",
    "256",
    "576",
    "1279",
    "1280",
    "1400",
    "1500",
    "4094",
    "4095",
    "4096",
    "9000",
    "32767",
    "32768",
    "65535",
    "65536",
    "65537",
    "2147483647",
    "2147483648",
    "-2147483648",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "1.5",
    "-0",
    "1e3",
    "1e400",
    "1E-400",
    "100000000000000000000000000000000000000000",
];

const MACS: &[&str] = &[
    "0a:58:0a:4d:00:63",
    "00:00:00:00:00:00",
    "ff:ff:ff:ff:ff:ff",
    "01:00:5e:00:00:01",
    "0a:58:0a:4d:00",
    "0a-58-0a-4d-00-63",
    "0A580A4D0063",
    "0a:58:0a:4d:00:63:00:01",
    "zz:58:0a:4d:00:63",
];

const PATHS: &[&str] = &[
    "/tmp",
    "/tmp/fuzz",
    "/tmp/a/b/c",
    "/dev/null",
    "/proc/self/ns/net",
    "/nonexistent",
    "..",
    "../../tmp/fuzz",
    ".",
    "/",
    "relative/path",
    "/etc/resolv.conf",
    "/etc/passwd",
    "/tmp/with space",
    "/run/netns",
];

const WORDS: &[&str] = &[
    "",
    " ",
    "a",
    "0",
    "true",
    "null",
    "eth0",
    "eth1",
    "lo",
    "cni0",
    "br0",
    "veth0",
    "dummy0",
    "eth0.1",
    "abcdefghijklmno",
    "abcdefghijklmnop",
    "a/b",
    "..",
    ".",
    "-h",
    "--help",
    "a b",
    "a\tb",
    "a\nb",
    "a;b",
    "a=b",
    "a=b;c=d",
    "$(id)",
    "`id`",
    "%s%n%d",
    "%!s(MISSING)",
    "'",
    "\"",
    "\\",
    "{}",
    "[]",
    "é",
    "日本",
    "\u{202e}abc",
    "\u{0}",
    "\u{1f}",
    "\u{feff}x",
    "tcp",
    "udp",
    "sctp",
    "bridge",
    "private",
    "vepa",
    "passthru",
    "l2",
    "l3",
    "l3s",
    "nftables",
    "iptables",
    "shared",
    "full",
    "0.1.0",
    "0.2.0",
    "0.3.0",
    "0.3.1",
    "0.4.0",
    "1.0.0",
    "1.1.0",
    "1",
    "1.0",
    "99.0.0",
    "1.1.0-rc1",
    "v1.0.0",
    "host-local",
    "static",
    "dhcp",
    "ptp",
    "loopback",
    "../ptp",
    "default",
];

/// Values of every kind.
const ALL: &[(&[&str], ValueKind)] = &[
    (ADDRESSES, ValueKind::Address),
    (NUMBERS, ValueKind::Number),
    (MACS, ValueKind::Mac),
    (PATHS, ValueKind::Path),
    (WORDS, ValueKind::Word),
];

/// Values of the other types, and empty ones: whatever stands somewhere, one of these is wrong there.
pub fn of_any_type() -> Vec<Tree> {
    vec![
        Tree::Null,
        Tree::Bool(true),
        Tree::Bool(false),
        Tree::number(0),
        Tree::number(-1),
        Tree::number(1),
        Tree::number(4_294_967_296_u64),
        Tree::number("18446744073709551616"),
        Tree::number("1e400"),
        Tree::text(""),
        Tree::text("x"),
        Tree::text("0"),
        Tree::text("\u{0}"),
        Tree::List(Vec::new()),
        Tree::List(vec![Tree::Null]),
        Tree::List(vec![Tree::Object(Vec::new())]),
        Tree::Object(Vec::new()),
        Tree::Object(vec![(String::new(), Tree::Null)]),
    ]
}

/// Values that are long, deep or no JSON; dear to send, so tried in few places.
pub fn extremes() -> Vec<Tree> {
    vec![
        Tree::text("x".repeat(4096)),
        Tree::text("é".repeat(16 * 1024)),
        nested(b"[", b"]", 100),
        nested(b"[", b"]", 10_000),
        nested(b"{\"a\":", b"}", 5_000),
        Tree::List(vec![Tree::Null; 1000]),
        Tree::Raw(b"\"\xff\xfe\"".to_vec()),
        Tree::Raw(b"\"\xed\xa0\x80\"".to_vec()),
        Tree::Raw(b"\"\\ud800\"".to_vec()),
        Tree::Raw(b"NaN".to_vec()),
        Tree::Raw(b"0x10".to_vec()),
        Tree::Raw(b"01".to_vec()),
        Tree::Raw(b"'x'".to_vec()),
        Tree::Raw(b"".to_vec()),
        Tree::Raw(b"null,".to_vec()),
    ]
}

fn nested(open: &[u8], close: &[u8], depth: usize) -> Tree {
    let mut bytes = open.repeat(depth);
    bytes.extend_from_slice(if open.ends_with(b":") { b"1" } else { b"" });
    bytes.extend(close.repeat(depth));
    Tree::Raw(bytes)
}

/// Edge values that look like this one.
pub fn like(value: &Tree) -> Vec<Tree> {
    match look(value) {
        Some(ValueKind::Number) => NUMBERS.iter().map(Tree::number).collect(),
        Some(ValueKind::Bool) => vec![Tree::Bool(true), Tree::Bool(false)],
        Some(look) => list(look).iter().copied().map(Tree::text).collect(),
        None => Vec::new(),
    }
}

fn list(look: ValueKind) -> &'static [&'static str] {
    ALL.iter()
        .find(|(_, of)| *of == look)
        .map_or(&[], |(list, _)| *list)
}

fn look(value: &Tree) -> Option<ValueKind> {
    match value {
        Tree::Number(_) => Some(ValueKind::Number),
        Tree::Bool(_) => Some(ValueKind::Bool),
        Tree::Text(text) => Some(look_of(text)),
        Tree::Null | Tree::List(_) | Tree::Object(_) | Tree::Raw(_) => None,
    }
}

fn look_of(text: &str) -> ValueKind {
    let address = text.split('/').next().unwrap_or_default();
    if address.parse::<std::net::IpAddr>().is_ok() {
        ValueKind::Address
    } else if text.split(':').count() == 6 {
        ValueKind::Mac
    } else if text.starts_with('/') {
        ValueKind::Path
    } else {
        ValueKind::Word
    }
}

/// Any edge value: a string of any look, a number, or something of another type.
pub fn any(rng: &mut fastrand::Rng) -> Tree {
    let (list, look) = ALL[rng.usize(..ALL.len())];
    let text = list[rng.usize(..list.len())];
    match look {
        ValueKind::Number => Tree::number(text),
        _ if rng.u8(..4) == 0 => {
            let mut values = of_any_type();
            values.swap_remove(rng.usize(..values.len()))
        }
        _ => Tree::text(text),
    }
}

/// Values of an environment variable, from its edges.
pub fn of_variable(name: &str) -> Vec<&'static str> {
    let own: &[&str] = match name {
        "CNI_IFNAME" => &[
            "e",
            "abcdefghijklmno",
            "abcdefghijklmnop",
            "eth0:1",
            "eth0.1",
            ".",
            "..",
            "a/b",
            "a b",
            "lo",
            "all",
            "default",
            "%d",
            "eth%d",
            "é",
        ],
        "CNI_CONTAINERID" => &[
            "a",
            "-a",
            ".",
            "..",
            "a/b",
            "../x",
            "a b",
            "a_b.c-d",
            "A",
            "é",
            "$(id)",
            "a\nb",
            "%s",
            "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
        ],
        "CNI_NETNS" => &[
            "/proc/self/ns/net",
            "/nonexistent",
            "/dev/null",
            "/tmp",
            "relative",
            "/proc/self/ns/mnt",
            "/etc/passwd",
        ],
        "CNI_PATH" => &["/nonexistent", ":", ".", "/usr/bin:", "relative", "/tmp"],
        "CNI_ARGS" => &[
            "a",
            "=",
            "a=",
            "=b",
            ";",
            "a=b;",
            "a=b;c",
            "IgnoreUnknown=1",
            "IgnoreUnknown=true",
            "IgnoreUnknown=x",
            "IP=10.77.0.77",
            "IP=10.77.0.77/16",
            "IP=",
            "IP=x",
            "IP=10.99.0.1",
            "GATEWAY=10.77.0.1",
            "MAC=0a:58:0a:4d:00:63",
            "MAC=x",
            "K8S_POD_NAME=p;IgnoreUnknown=1",
            "IgnoreUnknown=1;IP=fd00:77::77",
        ],
        "CNI_COMMAND" => &[
            "add", "ADD ", "BOGUS", "CHECK", "GC", "STATUS", "VERSION", "DEL",
        ],
        _ => &[],
    };
    [""].iter().chain(own).copied().collect()
}
