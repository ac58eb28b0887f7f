//! System calls of a traced thread, as its registers tell them. Only this file knows about processors.

use nix::errno::Errno;
use nix::unistd::Pid;

/// A system call at its entry or at its exit.
#[derive(Debug, Clone, Copy)]
pub struct SystemCall {
    /// Its number.
    pub number: i64,
    /// Its arguments; at its exit, the first may be gone.
    pub arguments: [u64; 5],
    result: i64,
}

/// Reads the registers of a thread that stands at a system call.
#[cfg(target_arch = "x86_64")]
pub(super) fn system_call(pid: Pid) -> Result<SystemCall, Errno> {
    let registers = nix::sys::ptrace::getregs(pid)?;
    Ok(SystemCall {
        number: registers.orig_rax.cast_signed(),
        arguments: [
            registers.rdi,
            registers.rsi,
            registers.rdx,
            registers.r10,
            registers.r8,
        ],
        result: registers.rax.cast_signed(),
    })
}

/// Reads the registers of a thread that stands at a system call.
#[cfg(target_arch = "aarch64")]
pub(super) fn system_call(pid: Pid) -> Result<SystemCall, Errno> {
    let registers = nix::sys::ptrace::getregs(pid)?;
    let [first, second, third, fourth, fifth, ..] = registers.regs;
    Ok(SystemCall {
        number: registers.regs[8].cast_signed(),
        arguments: [first, second, third, fourth, fifth],
        result: first.cast_signed(),
    })
}

/// On other processors nothing is known of the calls.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn system_call(_pid: Pid) -> Result<SystemCall, Errno> {
    Err(Errno::ENOSYS)
}

impl SystemCall {
    /// Its return value, unless it failed.
    pub fn returned(&self) -> Option<u64> {
        u64::try_from(self.result).ok()
    }
}
