//! System calls of a traced thread, as its registers tell them. Only this file knows about processors.

use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;

use super::trace::Purpose;

/// A system call at its entry or at its exit.
#[derive(Debug, Clone, Copy)]
pub(super) struct SystemCall {
    number: i64,
    first: u64,
    result: i64,
}

/// Reads the registers of a thread that stands at a system call.
#[cfg(target_arch = "x86_64")]
pub(super) fn system_call(pid: Pid) -> Result<SystemCall, Errno> {
    let registers = nix::sys::ptrace::getregs(pid)?;
    Ok(SystemCall {
        number: registers.orig_rax.cast_signed(),
        first: registers.rdi,
        result: registers.rax.cast_signed(),
    })
}

/// Reads the registers of a thread that stands at a system call.
#[cfg(target_arch = "aarch64")]
pub(super) fn system_call(pid: Pid) -> Result<SystemCall, Errno> {
    let registers = nix::sys::ptrace::getregs(pid)?;
    Ok(SystemCall {
        number: registers.regs[8].cast_signed(),
        first: registers.regs[0],
        result: registers.regs[0].cast_signed(),
    })
}

/// On other processors nothing is known of the calls.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn system_call(_pid: Pid) -> Result<SystemCall, Errno> {
    Err(Errno::ENOSYS)
}

const ON_A_SOCKET: &[i64] = &[
    libc::SYS_bind,
    libc::SYS_getsockname,
    libc::SYS_setsockopt,
    libc::SYS_getsockopt,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_read,
    libc::SYS_write,
];

const WAITING: &[i64] = &[
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_futex,
    libc::SYS_flock,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_pwait,
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_rt_sigtimedwait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_select,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_pause,
];

impl SystemCall {
    /// The purpose of the call.
    pub fn work(&self, is_netlink: impl Fn(u64) -> bool) -> Purpose {
        if self.number == libc::SYS_exit_group {
            Purpose::Exit
        } else if self.opens_netlink()
            || (ON_A_SOCKET.contains(&self.number) && is_netlink(self.first))
        {
            Purpose::Netlink
        } else if self.number == libc::SYS_read && self.first == 0 {
            Purpose::Input
        } else if WAITING.contains(&self.number) {
            Purpose::Waiting
        } else {
            Purpose::Other
        }
    }

    /// True if it makes a netlink socket.
    pub fn opens_netlink(&self) -> bool {
        const NETLINK: u64 = libc::AF_NETLINK as u64;
        self.number == libc::SYS_socket && self.first == NETLINK
    }

    /// The descriptor that it closes, if it closes one.
    pub fn closes(&self) -> Option<u64> {
        (self.number == libc::SYS_close).then_some(self.first)
    }

    /// Its return value, unless it failed.
    pub fn returned(&self) -> Option<u64> {
        u64::try_from(self.result).ok()
    }
}
