//! Machines and containers in which no lab can be made: the run ends with the reason and the remedy.

use std::process::Command;

use trials::test;

/// Runs `cnispec test` in namespaces that these commands have prepared.
#[track_caller]
fn refused_after(commands: &str, words: &[&str]) {
    let program = env!("CARGO_BIN_EXE_cnispec");
    let run = format!("{commands}\nexec {program} test --spec 1.1.0 --scenario lifecycle");
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-ec", &run])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "`{word}` is missing in: {stderr}");
    }
}

#[test(Netns)]
fn a_masked_proc_is_named() {
    let words = ["its own `/proc`", "hint: ", "systempaths=unconfined"];
    refused_after("mount -t tmpfs none /proc/bus", &words);
}

#[test(Netns)]
fn limits_of_namespaces_are_named() {
    for kind in ["mnt", "net"] {
        let limit = format!("echo 0 >/proc/sys/user/max_{kind}_namespaces");
        let words = [
            "refuses",
            "namespaces",
            "hint: raise the limits `sysctl user.max_",
        ];
        refused_after(&limit, &words);
    }
    let words = [
        "refuses new namespaces",
        "hint: raise `sysctl user.max_user_namespaces`",
    ];
    refused_after("echo 0 >/proc/sys/user/max_user_namespaces", &words);
    // There would be the outer one, and no inner one.
    let words = [
        "refuses namespaces in a namespace",
        "hint: raise the limits",
    ];
    refused_after("echo 1 >/proc/sys/user/max_user_namespaces", &words);
}

#[test(Netns)]
fn an_overlay_that_cannot_be_laid_is_named() {
    let commands = r"
        mount -t tmpfs none /mnt
        cd /mnt
        mkdir upper upper-2 work work-2
        mount -t overlay none /etc -o lowerdir=/etc,upperdir=upper,workdir=work,userxattr
        mount -t overlay none /etc -o lowerdir=/etc,upperdir=upper-2,workdir=work-2,userxattr || true";
    refused_after(
        commands,
        &["an overlay over `/etc`", "hint: there can be two overlays"],
    );
}
