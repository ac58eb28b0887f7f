//! The system calls that change something outside of a process: files, the kernel's network, mounts.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use nix::libc;

use super::netlink;
use super::registers::SystemCall;

/// The longest part of a tracee's memory that is read at once, in bytes.
const LONGEST: usize = 16 * 1024;

/// Where a call has a file.
#[derive(Clone, Copy)]
enum Place {
    /// A path.
    Path(usize),
    /// A path below the directory of a descriptor.
    At(usize, usize),
    /// A descriptor.
    Descriptor(usize),
}

use Place::{At, Descriptor, Path};

/// The calls that change files whatever their flags are.
const FILES: &[(i64, &str, &[Place])] = &[
    (libc::SYS_renameat, "rename", &[At(0, 1), At(2, 3)]),
    (libc::SYS_renameat2, "rename", &[At(0, 1), At(2, 3)]),
    (libc::SYS_unlinkat, "unlink", &[At(0, 1)]),
    (libc::SYS_mkdirat, "mkdir", &[At(0, 1)]),
    (libc::SYS_mknodat, "mknod", &[At(0, 1)]),
    (libc::SYS_linkat, "link", &[At(0, 1), At(2, 3)]),
    (libc::SYS_symlinkat, "symlink", &[Path(0), At(1, 2)]),
    (libc::SYS_truncate, "truncate", &[Path(0)]),
    (libc::SYS_ftruncate, "truncate", &[Descriptor(0)]),
    (libc::SYS_fallocate, "fallocate", &[Descriptor(0)]),
    (libc::SYS_fchmod, "chmod", &[Descriptor(0)]),
    (libc::SYS_fchmodat, "chmod", &[At(0, 1)]),
    (libc::SYS_fchown, "chown", &[Descriptor(0)]),
    (libc::SYS_fchownat, "chown", &[At(0, 1)]),
    (libc::SYS_mount, "mount", &[Path(0), Path(1)]),
    (libc::SYS_umount2, "umount", &[Path(0)]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_creat, "creat", &[Path(0)]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_rename, "rename", &[Path(0), Path(1)]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_unlink, "unlink", &[Path(0)]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_mkdir, "mkdir", &[Path(0)]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_rmdir, "rmdir", &[Path(0)]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_mknod, "mknod", &[Path(0)]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_link, "link", &[Path(0), Path(1)]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_symlink, "symlink", &[Path(0), Path(1)]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_chmod, "chmod", &[Path(0)]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_chown, "chown", &[Path(0)]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_lchown, "chown", &[Path(0)]),
];

/// The requests of ioctl(2) that change links.
const REQUESTS: &[(u64, &str)] = &[
    (0x8914, "SIOCSIFFLAGS"),
    (0x8916, "SIOCSIFADDR"),
    (0x891c, "SIOCSIFNETMASK"),
    (0x8922, "SIOCSIFMTU"),
    (0x8923, "SIOCSIFNAME"),
    (0x8924, "SIOCSIFHWADDR"),
    (0x8946, "SIOCETHTOOL"),
    (0x890b, "SIOCADDRT"),
    (0x890c, "SIOCDELRT"),
    (0x89a0, "SIOCBRADDBR"),
    (0x89a1, "SIOCBRDELBR"),
    (0x89a2, "SIOCBRADDIF"),
    (0x89a3, "SIOCBRDELIF"),
    (0x4004_54ca, "TUNSETIFF"),
    (0x4004_54cb, "TUNSETPERSIST"),
];

/// The option by which the tables of iptables, ip6tables and arptables are replaced.
const SO_SET_REPLACE: u64 = 64;

/// Follows a tree of processes, and knows which of its calls change something.
#[derive(Default)]
pub(super) struct Changes {
    /// The protocols of the netlink sockets of every process.
    sockets: BTreeMap<(i32, u64), u64>,
    /// The protocols of those that threads are making.
    opening: BTreeMap<i32, u64>,
    /// The changes that threads are making.
    pending: BTreeMap<i32, String>,
}

impl Changes {
    /// A thread enters a call.
    pub(super) fn enter(&mut self, process: i32, thread: i32, call: &SystemCall) {
        self.opening.remove(&thread);
        self.pending.remove(&thread);
        let [first, _, third, ..] = call.arguments;
        match call.number {
            libc::SYS_socket if first == libc::AF_NETLINK as u64 => {
                self.opening.insert(thread, third);
            }
            libc::SYS_close => {
                self.sockets.remove(&(process, first));
            }
            _ => {
                let change = self.change(process, call);
                self.pending.extend(change.map(|change| (thread, change)));
            }
        }
    }

    /// A thread leaves a call. Returns the change that it has made, if it has made one.
    pub(super) fn leave(&mut self, process: i32, thread: i32, call: &SystemCall) -> Option<String> {
        let pending = self.pending.remove(&thread);
        let opening = self.opening.remove(&thread);
        let returned = call.returned()?;
        self.sockets
            .extend(opening.map(|protocol| ((process, returned), protocol)));
        pending
    }

    /// What the call is going to change, for people.
    fn change(&self, process: i32, call: &SystemCall) -> Option<String> {
        let a = &call.arguments;
        let file = FILES.iter().find(|(number, ..)| *number == call.number);
        if let Some((_, name, places)) = file {
            let places = places.iter().map(|place| place.of(process, call));
            let places: Vec<String> = places.collect();
            return Some(format!("{name} {}", places.join(" to ")));
        }
        match call.number {
            libc::SYS_openat => opened(process, call, At(0, 1), a[2]),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_open => opened(process, call, Path(0), a[1]),
            libc::SYS_write | libc::SYS_pwrite64 => match self.protocol(process, a[0]) {
                Some(protocol) => sent("write", protocol, &memory(process, a[1], a[2])),
                None => written(process, call),
            },
            libc::SYS_writev | libc::SYS_pwritev => written(process, call),
            libc::SYS_sendto => {
                let protocol = self.protocol(process, a[0])?;
                sent("sendto", protocol, &memory(process, a[1], a[2]))
            }
            libc::SYS_sendmsg => {
                let protocol = self.protocol(process, a[0])?;
                sent("sendmsg", protocol, &first_part(process, a[1])?)
            }
            libc::SYS_ioctl => {
                let mut known = REQUESTS.iter();
                let (_, name) = known.find(|(request, _)| *request == a[1])?;
                Some(format!("ioctl {name}"))
            }
            libc::SYS_setsockopt if a[2] == SO_SET_REPLACE && [0, 41].contains(&a[1]) => {
                Some("setsockopt IPT_SO_SET_REPLACE".to_owned())
            }
            _ => None,
        }
    }

    fn protocol(&self, process: i32, descriptor: u64) -> Option<u64> {
        self.sockets.get(&(process, descriptor)).copied()
    }
}

impl Place {
    /// The file's path, as far as it can be read.
    fn of(self, process: i32, call: &SystemCall) -> String {
        let argument = |index: usize| call.arguments[index];
        match self {
            Path(index) => below("cwd", process, &text(process, argument(index))),
            At(directory, index) => {
                let directory = match argument(directory) as i32 {
                    libc::AT_FDCWD => "cwd".to_owned(),
                    descriptor => format!("fd/{descriptor}"),
                };
                below(&directory, process, &text(process, argument(index)))
            }
            Descriptor(index) => file(process, argument(index)).unwrap_or_default(),
        }
    }
}

/// A path that may be relative to a directory of a process.
fn below(directory: &str, process: i32, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let directory = fs::read_link(format!("/proc/{process}/{directory}"));
    let directory = directory.unwrap_or_default();
    directory.join(path).display().to_string()
}

/// The file that a descriptor stands for; `None` for pipes, sockets and the like.
fn file(process: i32, descriptor: u64) -> Option<String> {
    let link = fs::read_link(format!("/proc/{process}/fd/{descriptor}")).ok()?;
    let path = link.to_str()?;
    let is_kept = path.starts_with('/') && !is_of_process(path) && !path.starts_with("/memfd:");
    is_kept.then(|| path.to_owned())
}

/// Devices and what a process says of itself to the kernel are no state that anybody finds later.
fn is_of_process(path: &str) -> bool {
    let of_proc = path.strip_prefix("/proc/");
    let of_itself = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    path.starts_with("/dev/")
        || of_proc.is_some_and(|rest| {
            of_itself(rest) || rest.starts_with("self/") || rest.starts_with("thread-self/")
        })
}

fn opened(process: i32, call: &SystemCall, place: Place, flags: u64) -> Option<String> {
    const CHANGING: u64 = (libc::O_CREAT | libc::O_TRUNC) as u64;
    if flags & CHANGING == 0 {
        return None;
    }
    let path = place.of(process, call);
    (!is_of_process(&path)).then(|| format!("openat {path}"))
}

fn written(process: i32, call: &SystemCall) -> Option<String> {
    let path = file(process, call.arguments[0])?;
    Some(format!("write {path}"))
}

fn sent(name: &str, protocol: u64, bytes: &[u8]) -> Option<String> {
    let messages = netlink::changing(protocol, bytes);
    (!messages.is_empty()).then(|| format!("{name} {}", messages.join(", ")))
}

/// The first part of a message that sendmsg(2) is given.
fn first_part(process: i32, header: u64) -> Option<Vec<u8>> {
    const PARTS: u64 = 16;
    let pair = |address: u64| {
        let bytes = memory(process, address, 16);
        let words = bytes.as_chunks::<8>().0;
        let words: Vec<u64> = words.iter().map(|word| u64::from_ne_bytes(*word)).collect();
        <[u64; 2]>::try_from(words).ok()
    };
    let [parts, count] = pair(header + PARTS)?;
    let [base, length] = pair(parts)?;
    (count > 0).then(|| memory(process, base, length))
}

/// A text in a tracee's memory.
fn text(process: i32, address: u64) -> String {
    let bytes = memory(process, address, libc::PATH_MAX as u64);
    let end = bytes.iter().position(|byte| *byte == 0);
    String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]).into_owned()
}

/// A part of a tracee's memory, as far as it can be read.
fn memory(process: i32, address: u64, length: u64) -> Vec<u8> {
    let length = usize::try_from(length).unwrap_or(LONGEST).min(LONGEST);
    let mut bytes = vec![0; length];
    let read = File::open(format!("/proc/{process}/mem"))
        .and_then(|memory| memory.read_at(&mut bytes, address));
    bytes.truncate(read.unwrap_or(0));
    bytes
}
