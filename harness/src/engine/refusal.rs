//! Why a kernel refuses what a lab is made of, and the remedy.

use std::fs;

use nix::errno::Errno;

/// Settings that forbid user namespaces, each with its forbidding value and the remedy.
const SETTINGS: &[(&str, &str, &str)] = &[
    (
        "kernel/unprivileged_userns_clone",
        "0",
        "run as root, or `sysctl kernel.unprivileged_userns_clone=1`",
    ),
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "run as root, or `sysctl kernel.apparmor_restrict_unprivileged_userns=0`",
    ),
    (
        "user/max_user_namespaces",
        "0",
        "raise `sysctl user.max_user_namespaces`",
    ),
];

/// The remedy where a step of making namespaces, or the first mount in one, fails with this error: AppArmor allows the namespace
/// itself, and refuses what follows.
pub fn of_namespaces(error: Option<Errno>) -> String {
    remedy(error, |setting| {
        fs::read_to_string(format!("/proc/sys/{setting}")).ok()
    })
}

fn remedy(error: Option<Errno>, setting: impl Fn(&str) -> Option<String>) -> String {
    let is_set = |name: &str, value: &str| setting(name).is_some_and(|text| text.trim() == value);
    let mut settings = SETTINGS.iter();
    match settings.find(|(name, forbidding, _)| is_set(name, forbidding)) {
        Some((_, _, remedy)) => (*remedy).to_owned(),
        // The kernel has no other word for a limit of namespaces.
        None if error == Some(Errno::ENOSPC) => {
            "raise the limits `sysctl user.max_{user,mnt,pid,net,ipc,uts}_namespaces`, here and in the namespaces around"
                .to_owned()
        }
        None => "run as root, or allow CAP_SYS_ADMIN and user namespaces to this container".to_owned(),
    }
}

/// The remedy where an overlay cannot be mounted.
pub fn of_overlay(error: Errno) -> &'static str {
    match error {
        Errno::ENODEV => "`modprobe overlay`",
        Errno::EPERM => "in user namespaces, overlays need a kernel of 5.11 or later",
        _ => {
            "there can be two overlays over each other at most: is this a container in a container? mount a volume there"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_that_forbids_is_named() {
        for (name, value, _) in SETTINGS {
            let remedy = remedy(Some(Errno::EPERM), |asked| {
                (asked == *name).then(|| format!("{value}\n"))
            });
            assert!(remedy.contains(&name.replace('/', ".")), "{remedy}");
        }
    }

    #[test]
    fn a_limit_is_told_from_a_ban() {
        assert!(remedy(Some(Errno::ENOSPC), |_| None).contains("user.max_"));
        assert!(remedy(Some(Errno::EPERM), |_| None).contains("CAP_SYS_ADMIN"));
    }
}
