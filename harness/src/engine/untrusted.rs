//! Reads files that a plugin may have put there: whatever they are, reading ends soon.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};

/// Reads an ordinary file. Anything else at the path is an error, and so is a file of more than `most` bytes.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    // A FIFO would wait for a writer, and a link may lead anywhere.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(open(path, flags, Mode::empty())?);
    let refused = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    if !file.metadata()?.is_file() {
        return refused("it is not an ordinary file");
    }
    let mut content = Vec::new();
    file.take(most + 1).read_to_end(&mut content)?;
    match u64::try_from(content.len()).is_ok_and(|length| length <= most) {
        true => Ok(content),
        false => refused("it is too long"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::*;

    #[test]
    fn only_ordinary_files_of_bounded_length_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("file"), "abc").unwrap();
        mkfifo(&at("fifo"), Mode::S_IRWXU).unwrap();
        symlink("/dev/zero", at("link")).unwrap();
        assert_eq!(read(&at("file"), 3).unwrap(), b"abc");
        assert!(read(&at("file"), 2).is_err());
        for name in ["fifo", "link", "missing"] {
            assert!(read(&at(name), 3).is_err(), "{name}");
        }
        assert!(read(directory.path(), 3).is_err());
    }
}
