//! TUN and TAP devices that stay when nobody holds them open.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use crate::{Error, Result};

const DEVICE: &str = "/dev/net/tun";

/// The layer of a device's packets: TUN or TAP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Those of IP.
    Tun,
    /// Frames of Ethernet.
    Tap,
}

/// Makes a device on the calling thread's host.
pub fn create(name: &str, kind: Kind) -> Result<()> {
    let flags = match kind {
        Kind::Tun => libc::IFF_TUN,
        Kind::Tap => libc::IFF_TAP,
    };
    let mut request = [0; size_of::<libc::ifreq>()];
    if name.len() >= libc::IFNAMSIZ {
        return Err(Error::Unusable {
            what: "the name of a link",
            requirement: "has 15 bytes at most",
            value: name.to_owned(),
        });
    }
    request[..name.len()].copy_from_slice(name.as_bytes());
    let flags = libc::c_short::try_from(flags | libc::IFF_NO_PI).unwrap_or_default();
    request[libc::IFNAMSIZ..libc::IFNAMSIZ + 2].copy_from_slice(&flags.to_ne_bytes());
    let made = OpenOptions::new()
        .read(true)
        .write(true)
        .open(DEVICE)
        .and_then(|device| make(&device, &mut request));
    made.map_err(|source| Error::at("make a device by", Path::new(DEVICE), source))
}

fn make(device: &File, request: &mut [u8; size_of::<libc::ifreq>()]) -> io::Result<()> {
    #[expect(
        unsafe_code,
        reason = "no safe crate offers the requests of TUN devices"
    )]
    // SAFETY: the descriptor is open, `request` is as large as the kernel's `ifreq` and lives for both calls, and the second
    // one takes a number.
    let done = unsafe {
        match libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF, request.as_mut_ptr()) {
            0 => libc::ioctl(device.as_raw_fd(), libc::TUNSETPERSIST, 1),
            failed => failed,
        }
    };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
