//! Hostile plugins: each does its act, and otherwise what the reference ptp does. The machine stays as it was, nothing of the caller
//! is seen, and no act ends with a failure of the harness or without an end. As root and as an ordinary user.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::accomplice;
use crate::users::script;

/// How a run with a hostile plugin may end.
#[derive(Clone, Copy)]
enum Ends {
    /// The act comes to nothing, and everything else that the plugin does is right.
    Conformant,
    /// The plugin harms the lab: it is nonconformant, or nothing is shown.
    NeverConformant,
}

/// The script of a plugin in ADD: `escaped` is called once something was possible that must not be. `here` is the plugin's directory.
struct Act {
    script: &'static str,
    ends: Ends,
}

const BEGIN: &str = r#"#!/bin/sh
in=$(cat)
here=${0%/*}
escaped() {
    : >/run/escaped
    printf '{"cniVersion": "1.1.0", "code": 100, "msg": "escaped", "details": "%s"}' "$1" >&3
}
if [ "$CNI_COMMAND" = ADD ]; then
    exec 3>&1
    (
"#;

const END: &str = r#"
    ) >/dev/null 2>&1 </dev/null
    exec 3>&-
    [ -e /run/escaped ] && exit 1
fi
printf %s "$in" | exec /run/cnispec/bin/ptp
"#;

/// Whoever starts cnispec: with a secret, a directory of its own, an open file, a strange umask and ignored signals.
const CALLER: &str = r#"cd "$1" || exit 9
export CALLERS_SECRET=s3cr3t
umask 077
trap '' TERM CHLD USR1
exec 7>>"$1/open-file"
shift
exec "$@"
"#;

/// The files of the caller's directory when nothing has escaped.
const UNTOUCHED: [&str; 4] = ["cnispec", "open-file", "ptp", "tools"];

/// The most memory that a process of a run may have at once, in KiB.
const MOST_MEMORY: u64 = 64 * 1024;

/// How a run went.
struct Ended {
    status: Option<i32>,
    /// Everything that was said.
    said: String,
    /// The peak of the process that had most memory, plugins included, in KiB.
    memory: u64,
}

/// A lifecycle, in which the recording plugin stands in for the IPAM plugin too.
const LIFECYCLE: &[&str] = &[
    "test",
    "ptp",
    "--spec",
    "1.1.0",
    "--scenario",
    "lifecycle",
    "--scenario",
    "ipam*",
    "--timeout",
    "5s",
];

/// Runs `cnispec` with these words, as a caller with a terminal.
fn run(act: &Act, is_ordinary: bool, words: &[&str]) -> Ended {
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let here = directory.path();
    script(here, "ptp", &[BEGIN, act.script, END].concat());
    let program = here.join("cnispec");
    accomplice::copy(env!("CARGO_BIN_EXE_cnispec").as_ref(), &program);
    let accomplice = accomplice::place(&here.join("tools"));
    let peak = here.join("tools/peak");
    fs::write(&peak, "").unwrap();
    // Anybody may write here, so that the lab alone can prevent it.
    for path in [here, &peak] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let as_another = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let (mut terminal, its_name) = terminal();
    let mut command = Command::new("setsid");
    command.args(["--ctty", "--wait"]);
    if is_root && is_ordinary {
        command.args(as_another);
    }
    let machine = state_of_the_machine();
    let output = command
        .args(["sh", "-c", CALLER, "caller"])
        .args([here, &accomplice])
        .args([accomplice::MEASURE.as_ref(), peak.as_os_str()])
        .arg(&program)
        .args(words)
        .stdin(
            File::options()
                .read(true)
                .write(true)
                .open(its_name)
                .unwrap(),
        )
        .output()
        .unwrap();
    assert_eq!(state_of_the_machine(), machine);
    assert_eq!(names(here), UNTOUCHED);
    assert_eq!(fs::read(here.join("open-file")).unwrap(), b"");
    let mut shown = Vec::new();
    // It ends with an error once there is no more.
    let _ = terminal.read_to_end(&mut shown);
    assert_eq!(String::from_utf8_lossy(&shown), "", "on the terminal");
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    Ended {
        status: output.status.code(),
        memory: fs::read_to_string(&peak)
            .unwrap()
            .trim()
            .parse()
            .unwrap_or_else(|_| panic!("{said}")),
        said,
    }
}

/// A terminal's master side, which does not block, and the path of the other.
fn terminal() -> (File, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    rustix::io::ioctl_fionbio(&master, true).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    (File::from(master), name.into_string().unwrap())
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Settings that plugins of root could change if they got out.
fn state_of_the_machine() -> Vec<String> {
    let settings = [
        "/proc/self/mounts",
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/hostname",
        "/proc/sys/kernel/pid_max",
        "/proc/sys/user/max_cgroup_namespaces",
    ];
    let read = |path: &&str| fs::read_to_string(path).unwrap_or_default();
    let mut state: Vec<String> = settings.iter().map(read).collect();
    for directory in ["/", "/usr", "/dev", "/sys/fs/cgroup", "/root"] {
        let escaped = Path::new(directory).join("escaped");
        state.push(format!("{directory} {}", escaped.exists()));
    }
    state
}

fn try_act(act: &Act, is_ordinary: bool) {
    let ended = run(act, is_ordinary, LIFECYCLE);
    let (status, said) = (ended.status, &ended.said);
    assert!(!said.contains("s3cr3t"), "{said}");
    match act.ends {
        Ends::Conformant => assert_eq!(status, Some(0), "{said}"),
        Ends::NeverConformant => {
            assert!(matches!(status, Some(1 | 5)), "{status:?}: {said}");
        }
    }
    assert!(ended.memory < MOST_MEMORY, "{} KiB", ended.memory);
}

/// Each act as a module with a test for root, or whoever runs the tests, and one for an ordinary user.
macro_rules! acts {
    ($($name:ident: $ends:ident $script:literal)+) => {$(
        mod $name {
            use trials::test;

            use super::{Act, Ends, try_act};

            const ACT: Act = Act { script: $script, ends: Ends::$ends };

            #[test(Netns)]
            fn as_we_are() {
                try_act(&ACT, false);
            }

            #[test(Netns)]
            fn as_an_ordinary_user() {
                try_act(&ACT, true);
            }
        }
    )+};
}

acts! {
    mounts_files_writable: Conformant r#"
        umount -l /tmp /var /etc
        mount -o remount,rw /
        for place in / /usr "$here"; do
            mount -o remount,bind,rw "$place"
            (: >"$place/escaped") && escaped "a file in $place"
        done
        unshare -Urm sh -c 'mount -o remount,bind,rw /usr; : >/usr/escaped' && escaped 'a file from a further user namespace'
        nsenter -t 1 -m sh -c ': >/usr/escaped' && escaped 'a file by process 1'
    "#

    changes_kernel_settings: Conformant r#"
        mkdir -p /tmp/proc /tmp/sys
        umount -l /proc/sys
        mount -o remount,bind,rw /proc/sys
        mount -t proc proc /tmp/proc
        mount -t sysfs sysfs /tmp/sys
        for setting in /proc/sys/kernel/core_pattern /proc/sys/kernel/pid_max /proc/sys/vm/swappiness /tmp/proc/sys/kernel/core_pattern; do
            # The value that it has: only whether it can be written matters.
            value=$(cat "$setting") && (printf '%s\n' "$value" >"$setting") && [ "$setting" != /proc/sys/kernel/pid_max ] && escaped "$setting"
        done
        umount /tmp/sys /tmp/proc
    "#

    reaches_control_groups: Conformant r#"
        mkdir -p /tmp/groups
        mount -t cgroup2 none /tmp/groups && mkdir /tmp/groups/escaped && { rmdir /tmp/groups/escaped; escaped 'a control group'; }
        mkdir /sys/fs/cgroup/escaped && escaped 'a control group'
        unshare -C true && escaped 'a namespace of control groups'
        umount /tmp/groups; rmdir /tmp/groups
    "#

    makes_devices: Conformant r#"
        mknod /dev/escaped c 1 3 && escaped 'a node in /dev'
        mknod "$here/escaped" c 1 3 && escaped 'a node beside the plugin'
        mknod /tmp/disk b 8 0 && head -c 1 /tmp/disk && escaped 'a disk'
        [ -e /dev/mem ] || [ -e /dev/kmsg ] || [ -e /dev/sda ] && escaped 'a device of the machine'
        chmod 600 /dev/null && escaped 'the mode of a device'
    "#

    sees_processes: Conformant r#"
        for process in /proc/[0-9]*; do
            tr '\0' '\n' <"$process/environ" | grep CALLERS_SECRET && escaped "the environment of $process"
            [ "$process" = /proc/1 ] || continue
            (: >"$process/root/usr/escaped") && escaped 'a file by the root of process 1'
            head -c 1 "$process/mem" && escaped 'the memory of process 1'
            readlink "$process/fd/0" && escaped 'the descriptors of process 1'
        done
        cat /proc/[0-9]*/cmdline | grep -a '[c]aller' && escaped 'the caller'
    "#

    uses_what_the_caller_left: Conformant r#"
        [ "$(pwd)" = / ] || escaped 'the working directory'
        [ "$(umask)" = 0022 ] || escaped 'the umask'
        [ -z "$CALLERS_SECRET" ] || escaped 'the environment'
        for descriptor in 4 5 6 7 8 9; do
            [ -e "/proc/$$/fd/$descriptor" ] && escaped "descriptor $descriptor"
        done
        set -- $(cat "/proc/$$/stat")
        [ "$6" = "$$" ] || escaped 'the session'
        [ "$7" = 0 ] || escaped 'the terminal'
        (: >/dev/tty) && escaped 'the terminal'
        ignored=0x$(sed -n 's/^SigIgn:[[:space:]]*//p' "/proc/$$/status")
        # Later ones are of real time, and of C libraries.
        [ $((ignored & 0x7fffffff)) = 0 ] || escaped "ignored signals: $ignored"
    "#

    forges_records: NeverConformant r#"
        cd /run/cnispec/records && mkfifo 0.json z.json && echo garbage >1.json && ln -s /dev/zero 2.json
    "#

    changes_the_labs_own: Conformant r#"
        for name in bin/ptp stubs script.json cnispec escaped; do
            (: >"/run/cnispec/$name") && escaped "/run/cnispec/$name"
        done
        umount -l /run/cnispec
        rm -rf /run/cnispec/bin && escaped 'the plugins that are carried'
    "#

    unmounts_namespaces: NeverConformant r#"
        umount -l /run/netns/*; rm -rf /run/netns
    "#

    mounts_over_everything: NeverConformant r#"
        for place in /run /var/lib/cni /proc /sys /; do mount -t tmpfs none "$place"; done
    "#

    fills_every_file_system: NeverConformant r#"
        for place in /run/cnispec/records /run /tmp /var /etc /opt /var/lib/cni /dev/shm; do head -c 300000000 /dev/zero >"$place/fill"; done
    "#

    makes_too_many_files: NeverConformant r#"
        mkdir /run/many && cd /run/many && seq 60000 | xargs touch
    "#

    leaves_fifos: Conformant r#"
        mkdir -p /var/lib/cni/networks
        for place in /var/lib/cni/networks /run /etc /tmp; do mkfifo "$place/fifo"; done
        ln -s /run/fifo /var/lib/cni/link
        ln -s /dev/zero /var/lib/cni/zero
    "#

    stops_and_kills: NeverConformant r#"
        kill -STOP 1; kill -KILL 1
        kill -STOP -1; kill -KILL -1
    "#

    starts_too_many_processes: NeverConformant r#"
        started=0
        while [ "$started" -lt 9000 ]; do sleep 60 & started=$((started + 1)); done
        sleep 60
    "#

    prints_without_end: NeverConformant r#"
        tr '\0' ' ' </dev/zero >&3
    "#

    writes_to_the_terminal: Conformant r#"
        mknod /tmp/tty c 5 0; mknod /tmp/console c 5 1
        for place in /dev/tty /dev/console /dev/pts/[0-9]* /tmp/tty /tmp/console; do
            [ -c "$place" ] && (printf '\033]0;escaped\007' >"$place") && escaped "$place"
        done
        rm -f /tmp/tty /tmp/console
    "#

    traces_process_1: Conformant r#"
        sleep 5 &
        # What is its own can be traced: otherwise this shows nothing.
        "$here/tools/accomplice" __trace $! || escaped 'nothing, since nobody can be traced'
        kill $!
        "$here/tools/accomplice" __trace 1 && escaped 'process 1'
    "#

    writes_into_pipes_of_process_1: Conformant r#"
        for pipe in /proc/1/fd/*; do (echo junk >"$pipe") && escaped "$pipe"; done
    "#

    limits_process_1: Conformant r#"
        prlimit --pid $$ --core=0:0 || escaped 'nothing, since nobody can be limited'
        for limit in nofile nproc fsize as data stack memlock sigpending msgqueue cpu; do prlimit --pid 1 "--$limit=0:0"; done
        renice -n 19 -p 1; ionice -c 3 -p 1; chrt --idle -p 0 1; taskset -p 1 1
    "#

    answers_with_900_kilobytes: NeverConformant r#"
        printf '{"cniVersion": "1.1.0", "dns": {"search": ["' >&3
        head -c 900000 /dev/zero | tr '\0' x >&3
        printf '"]}}' >&3
    "#

    pads_its_answer: NeverConformant r#"
        head -c 900000 /dev/zero | tr '\0' ' ' >&3
    "#

    answers_in_many_parts: NeverConformant r#"
        printf '{"cniVersion": "1.1.0", "routes": [' >&3
        seq -f '{"dst": "10.%.0f.0.0/16", "gw": null}, ' 1500 | head -c 60000 >&3
    "#
}

/// A campaign with a plugin that damages its lab at every call goes on to its end. It may find nothing.
fn fuzz(script: &'static str, is_ordinary: bool) {
    let act = Act {
        script,
        ends: Ends::NeverConformant,
    };
    let words = [
        "fuzz",
        "ptp",
        "--runs",
        "20",
        "--seed",
        "1",
        "--timeout",
        "5s",
    ];
    let Ended {
        status,
        said,
        memory,
    } = run(&act, is_ordinary, &words);
    assert!(matches!(status, Some(0 | 1)), "{status:?}: {said}");
    assert!(said.contains("in 20 cases"), "{said}");
    assert!(memory < MOST_MEMORY, "{memory} KiB");
}

macro_rules! campaigns {
    ($($name:ident: $script:literal)+) => {$(
        mod $name {
            use trials::test;

            #[test(Netns)]
            fn as_we_are() {
                super::fuzz($script, false);
            }

            #[test(Netns)]
            fn as_an_ordinary_user() {
                super::fuzz($script, true);
            }
        }
    )+};
}

campaigns! {
    fuzzed_while_it_unmounts: "umount -l /run/netns/* /run /tmp; mount -t tmpfs none /var/lib/cni"
    fuzzed_while_it_forges_records: "cd /run/cnispec/records && mkfifo 0.json && echo garbage >1.json"
    fuzzed_while_it_fills: "head -c 300000000 /dev/zero >/run/fill; head -c 300000000 /dev/zero >/var/lib/cni/fill"
    fuzzed_while_it_kills: "kill -KILL -1"
    fuzzed_while_it_answers_much: "head -c 900000 /dev/zero | tr '\\0' ' ' >&3"
}
