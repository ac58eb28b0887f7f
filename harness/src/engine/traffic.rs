//! Real traffic between namespaces: what one sends, and whether the other answers.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use cni_netlink::netns::NetNs;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};

use super::lab::{Lab, StepResult};
use crate::label::Composed;
use crate::transcript::{Exchange, Transport};

/// How long an answer is waited for. A host that answers for others may take most of a second to do so.
const PATIENCE: Duration = Duration::from_secs(2);

/// Something that is sent and is to be answered.
pub struct Attempt<'a> {
    /// The name by which checks find it.
    pub label: Composed,
    /// The sender, and its namespace.
    pub from: (&'a str, &'a NetNs),
    /// The receiver, which answers, and its namespace.
    pub to: (&'a str, &'a NetNs),
    /// How it is sent.
    pub transport: Transport,
    /// The sender's own address, where it must be this one: routes may depend on it.
    pub source: Option<IpAddr>,
    /// Where the sender sends it to.
    pub target: SocketAddr,
    /// Where the other side listens.
    pub listen: SocketAddr,
    /// How many bytes.
    pub bytes: usize,
}

impl Attempt<'_> {
    /// Sends something, waits for the answer, and writes down what came of it.
    pub fn make(&self, lab: &Lab) -> StepResult {
        let done = match self.transport {
            Transport::Tcp => self.tcp()?,
            Transport::Udp => self.udp()?,
        };
        let (seen_as, failure) = match done {
            Ok(peer) => (Some(peer.ip()), None),
            Err(error) => (None, Some(error.to_string())),
        };
        lab.note_exchange(Exchange {
            label: self.label.label().to_string(),
            from: self.from.0.to_owned(),
            to: self.to.0.to_owned(),
            transport: self.transport,
            target: self.target,
            bytes: self.bytes,
            seen_as,
            failure,
        });
        Ok(())
    }
}

/// A stream to `target` from `source`, in the calling thread's namespace.
fn connect(source: Option<IpAddr>, target: SocketAddr) -> io::Result<TcpStream> {
    let family = match target {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    if let Some(source) = source {
        bind(&socket, &SocketAddr::new(source, 0))?;
    }
    match rustix::net::connect(&socket, &target) {
        Err(Errno::INPROGRESS) => {}
        done => done?,
    }
    let patience = Timespec::try_from(PATIENCE).map_err(io::Error::other)?;
    let mut waiting = [PollFd::new(&socket, PollFlags::OUT)];
    if poll(&mut waiting, Some(&patience))? == 0 {
        return Err(io::ErrorKind::TimedOut.into());
    }
    sockopt::socket_error(&socket)??;
    let stream = TcpStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// The other side's view of the sender, or how it went wrong.
type Answered = io::Result<SocketAddr>;

impl Attempt<'_> {
    fn tcp(&self) -> StepResult<Answered> {
        let listener = match self.to.1.enter(|| TcpListener::bind(self.listen))? {
            Ok(listener) => listener,
            Err(error) => return Ok(Err(error)),
        };
        let stream = self.from.1.enter(|| connect(self.source, self.target))?;
        Ok(stream.and_then(|stream| self.talk(&listener, stream)))
    }

    fn talk(&self, listener: &TcpListener, mut sender: TcpStream) -> Answered {
        listener.set_nonblocking(true)?;
        let deadline = Instant::now() + PATIENCE;
        let (mut receiver, peer) = loop {
            match listener.accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if Instant::now() > deadline {
                        return Err(io::Error::other("it was answered by somebody else"));
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
                accepted => break accepted?,
            }
        };
        receiver.set_nonblocking(false)?;
        for stream in [&sender, &receiver] {
            stream.set_read_timeout(Some(PATIENCE))?;
        }
        let mut bytes = vec![b'x'; self.bytes];
        sender.write_all(&bytes)?;
        receiver.read_exact(&mut bytes)?;
        receiver.write_all(&bytes)?;
        sender.read_exact(&mut bytes)?;
        Ok(peer)
    }

    fn udp(&self) -> StepResult<Answered> {
        let listener = match self.to.1.enter(|| UdpSocket::bind(self.listen))? {
            Ok(listener) => listener,
            Err(error) => return Ok(Err(error)),
        };
        let any: IpAddr = match self.target {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let any = self.source.unwrap_or(any);
        let sender = self.from.1.enter(|| -> io::Result<UdpSocket> {
            let sender = UdpSocket::bind((any, 0))?;
            sender.connect(self.target)?;
            Ok(sender)
        })?;
        Ok(sender.and_then(|sender| self.call(&listener, &sender)))
    }

    /// A datagram may be lost while addresses are still being resolved: it is sent again after a while, however soon it has
    /// failed.
    fn call(&self, listener: &UdpSocket, sender: &UdpSocket) -> Answered {
        const AGAIN: Duration = Duration::from_millis(500);
        for socket in [listener, sender] {
            socket.set_read_timeout(Some(AGAIN))?;
        }
        let mut bytes = vec![b'x'; self.bytes];
        let deadline = Instant::now() + PATIENCE;
        loop {
            let again = Instant::now() + AGAIN;
            let heard = sender
                .send(&bytes)
                .and_then(|_| listener.recv_from(&mut bytes))
                .and_then(|(count, peer)| {
                    listener.send_to(&bytes[..count], peer)?;
                    sender.recv(&mut bytes)?;
                    Ok(peer)
                });
            if heard.is_ok() || again > deadline {
                return heard;
            }
            std::thread::sleep(again.saturating_duration_since(Instant::now()));
        }
    }
}
