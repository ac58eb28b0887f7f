//! What a plugin makes a system call for.

use nix::libc;

use super::trace::Purpose;
use crate::engine::tracer::SystemCall;

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

/// The purpose of a call.
pub(super) fn of(call: &SystemCall, is_netlink: impl Fn(u64) -> bool) -> Purpose {
    let first = call.arguments[0];
    if call.number == libc::SYS_exit_group {
        Purpose::Exit
    } else if opens_netlink(call) || (ON_A_SOCKET.contains(&call.number) && is_netlink(first)) {
        Purpose::Netlink
    } else if call.number == libc::SYS_read && first == 0 {
        Purpose::Input
    } else if WAITING.contains(&call.number) {
        Purpose::Waiting
    } else {
        Purpose::Other
    }
}

/// True if it makes a netlink socket.
pub(super) fn opens_netlink(call: &SystemCall) -> bool {
    const NETLINK: u64 = libc::AF_NETLINK as u64;
    call.number == libc::SYS_socket && call.arguments[0] == NETLINK
}

/// The descriptor that it closes, if it closes one.
pub(super) fn closes(call: &SystemCall) -> Option<u64> {
    (call.number == libc::SYS_close).then_some(call.arguments[0])
}
