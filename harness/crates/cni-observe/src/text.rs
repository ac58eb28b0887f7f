//! Files of `/proc`, which are made at each reading.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The whole of an open file, as it is now.
pub(crate) fn read_anew(file: &File) -> io::Result<String> {
    const STEP: usize = 4096;
    let mut bytes = Vec::new();
    loop {
        let length = bytes.len();
        bytes.resize(length + STEP, 0);
        let offset = u64::try_from(length).map_err(io::Error::other)?;
        let got = file.read_at(&mut bytes[length..], offset)?;
        bytes.truncate(length + got);
        if got == 0 {
            return Ok(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
}
