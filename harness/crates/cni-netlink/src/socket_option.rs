//! Socket options that no safe crate offers.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// Reads an option into a buffer that also holds what is asked for, as those of legacy iptables do.
pub fn get(socket: &OwnedFd, level: i32, option: i32, buffer: &mut [u8]) -> io::Result<()> {
    let mut length = libc::socklen_t::try_from(buffer.len()).map_err(io::Error::other)?;
    #[expect(
        unsafe_code,
        reason = "no safe crate offers the options of legacy iptables"
    )]
    // SAFETY: the descriptor is open, and `buffer` has `length` bytes that live for the whole call.
    let got = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            option,
            buffer.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if got < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
