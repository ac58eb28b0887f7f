//! Remedies for a plugin whose ADD never succeeds: lines for its fixture, by its error message.

/// Messages of plugins on a host that lacks something, in lower case, and the remedy. The first that fits counts.
const REMEDIES: &[(&[&str], &str)] = &[
    (
        &[
            "failed to find plugin",
            "executable file not found",
            "no plugin `",
        ],
        "install the program in a directory of `--cni-path` or of PATH, and list it in `cnispec.needs.programs`",
    ),
    (
        &[
            "connection refused",
            "dial unix",
            "dial tcp",
            ".sock",
            "i/o timeout",
            "api server",
            "apiserver",
            "kubeconfig",
        ],
        "start what it talks to by `cnispec.services`, and give it its credentials by `cnispec.files`",
    ),
    (
        &[
            "default route",
            "default gateway",
            "network is unreachable",
            "no route to host",
        ],
        "give the host a default route by `cnispec.routes`",
    ),
    (
        &[
            "link not found",
            "no such device",
            "no such network interface",
            "failed to lookup",
            "interface not found",
        ],
        "give the host the link by `cnispec.links`",
    ),
    (
        &["no such file or directory", "not a directory"],
        "make the file or directory by `cnispec.files` or `cnispec.directories`",
    ),
    (
        &[
            "operation not supported",
            "not supported by",
            "unknown device type",
        ],
        "list the kinds of link that it needs in `cnispec.needs.linkKinds`",
    ),
    (
        &[
            "permission denied",
            "operation not permitted",
            "read-only file system",
        ],
        "a lab lets nobody change the machine itself; as root, a lab permits more than as an ordinary user",
    ),
];

/// The remedy where no better one is known.
const OTHERWISE: &str = "write what it needs of the host into the key `cnispec` of the network configuration, or give another one with `--config`";
const HANGS: &str = "if it waits for something, start that by `cnispec.services`; if it is only slow, give it more time with `--timeout`";

/// The remedy for a plugin that fails with this message.
pub(super) fn remedy(words: &str, has_hung: bool) -> &'static str {
    let words = words.to_lowercase();
    let said = |known: &&(&[&str], &str)| known.0.iter().any(|known| words.contains(known));
    match REMEDIES.iter().find(said) {
        Some((_, remedy)) => remedy,
        None if has_hung => HANGS,
        None => OTHERWISE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_special_words_count() {
        for (words, key) in [
            (
                "dial unix /run/x.sock: connect: no such file or directory",
                "services",
            ),
            ("open /data/net: no such file or directory", "directories"),
            ("failed to lookup \"eth9\": Link not found", "links"),
            ("no default route found", "routes"),
            (
                "exec: \"iptables\": executable file not found in $PATH",
                "needs.programs",
            ),
            ("it is Tuesday", "the key `cnispec`"),
        ] {
            assert!(remedy(words, false).contains(key), "{words}");
        }
        assert!(remedy("", true).contains("--timeout"));
    }
}
