//! Finds out what this machine lacks, so that tests which need it are ignored, with the reason.
//!
//! It is the build script of every package with such tests. What `CNISPEC_REQUIRE` names is taken to be there:
//! then those tests fail where it is not.

use std::path::Path;
use std::process::{Command, Stdio};

struct Prerequisite {
    /// What tests say: `#[cfg_attr(lacks_netns, ignore = "…")]`.
    cfg: &'static str,
    /// The word of `CNISPEC_REQUIRE`.
    word: &'static str,
    is_there: fn() -> bool,
}

const PREREQUISITES: &[Prerequisite] = &[
    Prerequisite {
        cfg: "lacks_netns",
        word: "netns",
        is_there: || unshare(&["-n"]) || unshare(&["-Urn"]),
    },
    Prerequisite {
        cfg: "lacks_root",
        word: "netns",
        is_there: || unshare(&["-n"]),
    },
    Prerequisite {
        cfg: "lacks_upstream",
        word: "upstream",
        is_there: || Path::new("/usr/lib/cni/bridge").exists(),
    },
    Prerequisite {
        cfg: "lacks_nft",
        word: "nft",
        is_there: || runs("nft", &["--version"]),
    },
    Prerequisite {
        cfg: "lacks_iptables",
        word: "iptables",
        is_there: || runs("iptables", &["--version"]),
    },
    Prerequisite {
        cfg: "lacks_iproute",
        word: "netns",
        is_there: || runs("ip", &["-V"]),
    },
    Prerequisite {
        cfg: "lacks_dnsmasq",
        word: "dnsmasq",
        is_there: || runs("dnsmasq", &["--version"]),
    },
    Prerequisite {
        cfg: "lacks_xmllint",
        word: "xmllint",
        is_there: || runs("xmllint", &["--version"]),
    },
    Prerequisite {
        cfg: "lacks_chromium",
        word: "chromium",
        is_there: || runs("chromium", &["--version"]),
    },
];

fn main() {
    println!("cargo::rerun-if-env-changed=CNISPEC_REQUIRE");
    println!("cargo::rerun-if-env-changed=PATH");
    for path in [
        "/usr/lib/cni/bridge",
        "/usr/sbin/nft",
        "/usr/sbin/iptables",
        "/usr/sbin/ip",
        "/usr/sbin/dnsmasq",
        "/usr/bin/xmllint",
        "/usr/bin/chromium",
    ] {
        println!("cargo::rerun-if-changed={path}");
    }
    let required = std::env::var("CNISPEC_REQUIRE").unwrap_or_default();
    for prerequisite in PREREQUISITES {
        println!("cargo::rustc-check-cfg=cfg({})", prerequisite.cfg);
        let is_required = required.split(',').any(|word| word == prerequisite.word);
        if !is_required && !(prerequisite.is_there)() {
            println!("cargo::rustc-cfg={}", prerequisite.cfg);
        }
    }
}

fn unshare(options: &[&str]) -> bool {
    let command = ["--", "true"];
    runs("unshare", &[options, &command].concat())
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}
