//! Errors: which operation failed, and the kernel's reason.

use std::io;
use std::path::{Path, PathBuf};

/// The result of anything in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the kernel did not do what it was asked, or could not be understood.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The path is there, but it is not a network namespace: for instance the file left after an unclean unmount.
    #[error("not a network namespace: `{}`", path.display())]
    NotANamespace {
        /// The path that was given.
        path: PathBuf,
    },
    /// A file or a system call failed.
    #[error("cannot {what}: {source}")]
    Io {
        /// The operation, as words that follow "cannot".
        what: String,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The kernel refused a netlink request.
    #[error("cannot {operation}: {reason}", reason = reason(*errno, message.as_deref()))]
    Refused {
        /// The operation, as words that follow "cannot".
        operation: String,
        /// The errno that the kernel answered.
        errno: i32,
        /// The kernel's own explanation (extended acknowledgement), if it gave one.
        message: Option<String>,
    },
    /// The kernel's answer does not have the form that netlink prescribes.
    #[error("cannot {operation}: the kernel's answer cannot be read: {detail}")]
    Unreadable {
        /// The operation, as words that follow "cannot".
        operation: String,
        /// The defect of the answer.
        detail: String,
    },
    /// Others changed the same objects so often that no consistent answer was had.
    #[error(
        "cannot {operation}: others change the same objects all the time\nhint: try again when they are done"
    )]
    Unsettled {
        /// The operation, as words that follow "cannot".
        operation: String,
    },
    /// The kernel has no nftables.
    #[error(
        "the kernel has no nftables\nhint: load the module `nf_tables`, or do without masquerading"
    )]
    NoNftables,
    /// A value that netlink or nft cannot carry.
    #[error("{what} {requirement}: `{value}`")]
    Unusable {
        /// The purpose of the value.
        what: &'static str,
        /// The requirement that the value does not meet.
        requirement: &'static str,
        /// The value.
        value: String,
    },
}

impl Error {
    /// A file or a system call failed. `what` are words that follow "cannot".
    pub fn io(what: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::Io {
            what: what.into(),
            source: source.into(),
        }
    }

    pub(crate) fn at(verb: &str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self::io(format!("{verb} `{}`", path.display()), source)
    }

    /// The kernel's answer does not have the form that netlink prescribes.
    pub fn unreadable(operation: &str, detail: impl Into<String>) -> Self {
        Self::Unreadable {
            operation: operation.to_owned(),
            detail: detail.into(),
        }
    }

    /// The errno behind the error, if the kernel gave one.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Refused { errno, .. } => Some(*errno),
            Self::Io { source, .. } => source.raw_os_error(),
            Self::NoNftables => Some(libc::EOPNOTSUPP),
            _ => None,
        }
    }

    /// The object does not exist (any more): what DEL has to accept.
    pub fn is_not_found(&self) -> bool {
        const GONE: [i32; 6] = [
            libc::ENOENT,
            libc::ENODEV,
            libc::ENXIO,
            libc::ESRCH,
            libc::EADDRNOTAVAIL,
            libc::ENOTDIR,
        ];
        self.errno().is_some_and(|errno| GONE.contains(&errno))
    }

    /// An object of that name exists already.
    pub fn is_exists(&self) -> bool {
        self.errno()
            .is_some_and(|errno| [libc::EEXIST, libc::EADDRINUSE].contains(&errno))
    }

    /// This kernel cannot do it at all.
    pub fn is_unsupported(&self) -> bool {
        const UNSUPPORTED: [i32; 4] = [
            libc::EOPNOTSUPP,
            libc::EAFNOSUPPORT,
            libc::EPROTONOSUPPORT,
            libc::ENOSYS,
        ];
        self.errno()
            .is_some_and(|errno| UNSUPPORTED.contains(&errno))
    }

    /// The caller lacks the privilege.
    pub fn is_not_permitted(&self) -> bool {
        self.errno()
            .is_some_and(|errno| [libc::EPERM, libc::EACCES].contains(&errno))
    }
}

fn reason(errno: i32, message: Option<&str>) -> String {
    let errno = io::Error::from_raw_os_error(errno);
    match message {
        Some(message) => format!("{message} ({errno})"),
        None => errno.to_string(),
    }
}
