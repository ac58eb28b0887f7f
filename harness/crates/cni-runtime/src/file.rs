use std::fs;
use std::io;
use std::path::Path;

/// A file's content. Something else at its path, such as a pipe that nobody writes to, is not waited for.
pub(crate) fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.is_file() {
        fs::read(path)
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}
