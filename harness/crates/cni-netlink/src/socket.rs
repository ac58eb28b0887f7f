//! Conversations with the kernel.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType};

use crate::wire::{Attributes, HEADER, Message, Reply, replies};
use crate::{Error, Result};

/// The kernel never sends a longer datagram, unless one object alone is longer.
const BUFFER: usize = 64 * 1024;

/// How often a dump is asked for again when objects changed while it was made.
const DUMPS: usize = 64;

/// A conversation about links, addresses, routes and rules of the namespace that was current when it was opened.
#[derive(Debug)]
pub struct Socket(pub(crate) Channel);

impl Socket {
    /// Opens a socket in the calling thread's namespace, to which it stays bound wherever the thread goes.
    pub fn open() -> Result<Self> {
        Channel::open(None).map(Self)
    }
}

/// A netlink socket of any protocol.
#[derive(Debug)]
pub(crate) struct Channel {
    socket: OwnedFd,
    sequence: Cell<u32>,
    buffer: RefCell<Vec<u8>>,
}

impl Channel {
    pub(crate) fn open(protocol: Option<Protocol>) -> Result<Self> {
        let broken = |errno: rustix::io::Errno| Error::io("open a netlink socket", errno);
        let socket = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            protocol,
        )
        .map_err(broken)?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, 0)).map_err(broken)?;
        ask_for_explanations(&socket);
        Ok(Self {
            socket,
            sequence: Cell::new(0),
            buffer: RefCell::new(vec![0; BUFFER]),
        })
    }

    /// Asks for something to be done.
    pub(crate) fn request(&self, operation: impl Display, message: Message) -> Result<()> {
        self.converse(&operation, message).map(drop)
    }

    /// Asks for one object. The request has to ask for an acknowledgement, which ends the answer.
    pub(crate) fn get(&self, operation: impl Display, message: Message) -> Result<Reply> {
        let (replies, _) = self.converse(&operation, message)?;
        replies
            .into_iter()
            .next()
            .ok_or_else(|| Error::unreadable(&operation.to_string(), "it is empty"))
    }

    /// Asks for all objects, as they were at one moment.
    pub(crate) fn dump(
        &self,
        operation: impl Display,
        message: impl Fn() -> Message,
    ) -> Result<Vec<Reply>> {
        for _ in 0..DUMPS {
            let (replies, interrupted) = self.converse(&operation, message())?;
            if !interrupted {
                return Ok(replies);
            }
        }
        Err(Error::Unsettled {
            operation: operation.to_string(),
        })
    }

    /// Sends a request, and reads up to the end of the answer; also tells whether the answer is inconsistent.
    fn converse(&self, operation: &dyn Display, message: Message) -> Result<(Vec<Reply>, bool)> {
        let sequence = self.next_sequence();
        self.send(operation, &message.bytes(sequence))?;
        let mut answer = Vec::new();
        let mut interrupted = false;
        loop {
            let datagram = self
                .receive(operation, RecvFlags::empty())?
                .unwrap_or_default();
            for reply in datagram
                .into_iter()
                .filter(|reply| reply.sequence == sequence)
            {
                interrupted |= reply.flags & libc::NLM_F_DUMP_INTR != 0;
                match verdict(operation, &reply)? {
                    Verdict::Over => return Ok((answer, interrupted)),
                    Verdict::Object => answer.push(reply),
                }
            }
        }
    }

    pub(crate) fn next_sequence(&self) -> u32 {
        let sequence = self.sequence.get().wrapping_add(1);
        self.sequence.set(sequence);
        sequence
    }

    pub(crate) fn send(&self, operation: &dyn Display, bytes: &[u8]) -> Result<()> {
        match rustix::net::send(&self.socket, bytes, SendFlags::empty()) {
            Ok(_) => Ok(()),
            Err(errno) => Err(Error::io(operation.to_string(), errno)),
        }
    }

    /// Receives the replies that have arrived, without waiting.
    pub(crate) fn pending(&self, operation: &dyn Display) -> Result<Vec<Reply>> {
        let mut all = Vec::new();
        while let Some(replies) = self.receive(operation, RecvFlags::DONTWAIT)? {
            all.extend(replies);
        }
        Ok(all)
    }

    fn receive(&self, operation: &dyn Display, flags: RecvFlags) -> Result<Option<Vec<Reply>>> {
        let mut buffer = self.buffer.borrow_mut();
        loop {
            match rustix::net::recv(
                &self.socket,
                buffer.as_mut_slice(),
                flags | RecvFlags::TRUNC,
            ) {
                Ok((got, sent)) if got < sent => {
                    return Err(Error::unreadable(
                        &operation.to_string(),
                        format!("it is {sent} bytes long"),
                    ));
                }
                Ok((got, _)) => {
                    let damaged =
                        || Error::unreadable(&operation.to_string(), "a length in it is wrong");
                    return replies(&buffer[..got]).map(Some).ok_or_else(damaged);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return Ok(None),
                Err(errno) => return Err(Error::io(operation.to_string(), errno)),
            }
        }
    }
}

/// The meaning of a reply in a request's exchange.
pub(crate) enum Verdict {
    Object,
    Over,
}

/// Tells objects from the end of the answer, and makes an error of a refusal.
pub(crate) fn verdict(operation: &dyn Display, reply: &Reply) -> Result<Verdict> {
    let explained_after = match i32::from(reply.kind) {
        libc::NLMSG_ERROR if reply.flags & libc::NLM_F_CAPPED != 0 => 4 + HEADER,
        // The request follows the errno; its first field is its length.
        libc::NLMSG_ERROR => 4 + usize::try_from(reply.number(4)).unwrap_or(HEADER),
        libc::NLMSG_DONE => 4,
        _ => return Ok(Verdict::Object),
    };
    let errno = -i32::from_ne_bytes(reply.number(0).to_ne_bytes());
    if errno <= 0 {
        return Ok(Verdict::Over);
    }
    let explained = reply.flags & libc::NLM_F_ACK_TLVS != 0;
    let explanation = if explained {
        reply.attributes(explained_after)
    } else {
        Attributes(&[])
    };
    const MESSAGE: u16 = 1;
    Err(Error::Refused {
        operation: operation.to_string(),
        errno,
        message: explanation.text(MESSAGE),
    })
}

/// Asks the kernel to say more than an errno. Kernels before 4.12 cannot, which is no harm.
fn ask_for_explanations(socket: &OwnedFd) {
    let on: libc::c_int = 1;
    let length = libc::socklen_t::try_from(size_of_val(&on)).unwrap_or_default();
    let option = std::ptr::from_ref(&on).cast();
    #[expect(unsafe_code, reason = "no safe crate offers NETLINK_EXT_ACK")]
    // SAFETY: the descriptor is open, and `option` points to `length` bytes that live for the whole call.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_NETLINK,
            libc::NETLINK_EXT_ACK,
            option,
            length,
        );
    }
}
