//! Masks for volatile text, which differs between equal runs: addresses and names that the kernel or the plugin makes up,
//! times, and process ids. Each is replaced by a word in angle brackets.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex_lite::Regex;

/// The masked patterns in this order, with their replacements.
const MASKS: &[(&str, &str)] = &[
    // RFC 3339 and the prefix of Go's logger.
    (
        r"\b\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?",
        "<time>",
    ),
    (r"\b([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\b", "<mac>"),
    // Link-local addresses are made of the MAC.
    (r"\bfe80::[0-9a-fA-F:]+", "fe80::<mac>"),
    // Names of links that are made up; the kernel allows 15 characters.
    (r"\bveth[0-9a-zA-Z_-]*", "<veth>"),
    // Identifiers, and what is hashed from them.
    (
        r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
        "<id>",
    ),
    (r"[0-9a-f]{8,}\b", "<id>"),
    (r"/proc/\d+\b", "/proc/<pid>"),
    (r"\b(?i:pid)([ =:]+)\d+", "pid$1<pid>"),
];

static COMPILED: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let compiled =
        |(pattern, mask): &(&str, &'static str)| Some((Regex::new(pattern).ok()?, *mask));
    MASKS.iter().filter_map(compiled).collect()
});

/// The text with everything masked that differs between two runs that are alike.
pub(super) fn masked(text: &str) -> String {
    let mut masked = Cow::Borrowed(text);
    for (pattern, mask) in COMPILED.iter() {
        if let Cow::Owned(replaced) = pattern.replace_all(&masked, *mask) {
            masked = Cow::Owned(replaced);
        }
    }
    masked.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_pattern_is_a_pattern() {
        assert_eq!(COMPILED.len(), MASKS.len());
    }

    #[test]
    fn what_is_made_up_is_masked_and_nothing_else() {
        for (text, shown) in [
            ("mac 0a:58:0a:4d:00:63, mtu 1500", "mac <mac>, mtu 1500"),
            ("link veth0a1b2c3d", "link <veth>"),
            ("fe80::858:aff:fe4d:63/64", "fe80::<mac>/64"),
            ("net:[4026532281]", "net:[<id>]"),
            ("/proc/4711/ns/net", "/proc/<pid>/ns/net"),
            ("2026/11/24 18:46:36 failed", "<time> failed"),
            ("at 2026-11-24T18:46:36.123Z.", "at <time>."),
            ("CNI-0123456789abcdef", "CNI-<id>"),
            ("10.77.0.2/16 via 10.77.0.1", "10.77.0.2/16 via 10.77.0.1"),
            ("fd00:77::2/64", "fd00:77::2/64"),
            ("cni0 is a bridge", "cni0 is a bridge"),
            ("pid 12, PID=13", "pid <pid>, pid=<pid>"),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    proptest! {
        #[test]
        fn what_is_masked_stays_as_it_is(text: String) {
            let once = masked(&text);
            prop_assert_eq!(masked(&once), once);
        }

        #[test]
        fn any_two_macs_look_alike(one: [u8; 6], other: [u8; 6]) {
            let text = |mac: [u8; 6]| {
                let mac: Vec<String> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("link veth{} has {}", mac[..4].concat(), mac.join(":"))
            };
            prop_assert_eq!(masked(&text(one)), masked(&text(other)));
        }
    }
}
