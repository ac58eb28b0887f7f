use std::io::{self, PipeReader, PipeWriter};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Ends calls from elsewhere: from another thread, or from whatever waits for a signal. Its clones are one.
#[derive(Debug, Clone)]
pub struct Cancellation {
    /// Readable, since closed at its other end, as soon as it is cancelled.
    cancelled: Arc<PipeReader>,
    open: Arc<Mutex<Option<PipeWriter>>>,
}

impl Cancellation {
    /// Nothing is cancelled yet.
    pub fn new() -> io::Result<Self> {
        let (cancelled, open) = io::pipe()?;
        Ok(Self {
            cancelled: Arc::new(cancelled),
            open: Arc::new(Mutex::new(Some(open))),
        })
    }

    /// Cancels every call that is made with it, now and later.
    pub fn cancel(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Returns true once it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut [self.poll()], Some(&now)).is_ok_and(|ready| ready > 0)
    }

    /// A descriptor to poll, readable once it was cancelled.
    pub(crate) fn poll(&self) -> PollFd<'_> {
        PollFd::new(&*self.cancelled, PollFlags::IN)
    }
}
