//! Real traffic between namespaces: what one sends, and whether the other answers.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use cni_netlink::netns::NetNs;
use cni_netlink::{Address, Socket, VethEnd, sysctl};
use ipnet::IpNet;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};

use super::lab::{Doing, Lab};
use crate::label::Composed;
use crate::transcript::{Exchange, Transport};

/// How long an answer is waited for. A host that answers for others may take most of a second to do so.
const PATIENCE: Duration = Duration::from_secs(2);

/// The host's address towards the outside, and the outside's own: reserved for documentation.
pub const HOST: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// See [`HOST`].
pub const OUTSIDE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);
/// The same, in IPv6.
pub const HOST_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x113, 0, 0, 0, 0, 1);
/// See [`HOST_V6`].
pub const OUTSIDE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x113, 0, 0, 0, 0, 2);

/// Something that is sent and is to be answered.
pub struct Attempt<'a> {
    /// The name by which checks find it.
    pub label: Composed,
    /// Who sends, and in which namespace.
    pub from: (&'a str, &'a NetNs),
    /// Who answers, and in which namespace.
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

impl Lab {
    /// A machine beyond the host, that knows the way to the host and to nobody behind it. The host forwards.
    pub fn make_outside(&self) -> Doing<NetNs> {
        let outside = NetNs::create_anonymous()?;
        let near = VethEnd {
            name: "outside0",
            ..VethEnd::default()
        };
        let far = VethEnd {
            name: "eth0",
            netns: Some(&outside),
            ..VethEnd::default()
        };
        let socket = Socket::open()?;
        socket.create_veth(&near, &far)?;
        furnish("outside0", HOST.into(), HOST_V6.into())?;
        outside.enter(|| furnish("eth0", OUTSIDE.into(), OUTSIDE_V6.into()))??;
        for name in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
            match sysctl::write(name, "1") {
                Err(error) if error.is_not_found() => {}
                done => done?,
            }
        }
        Ok(outside)
    }

    /// Sends something, waits for the answer, and writes down what came of it.
    pub fn exchange(&self, attempt: &Attempt<'_>) -> Doing {
        let done = match attempt.transport {
            Transport::Tcp => attempt.tcp()?,
            Transport::Udp => attempt.udp()?,
        };
        let (seen_as, failure) = match done {
            Ok(peer) => (Some(peer.ip()), None),
            Err(error) => (None, Some(error.to_string())),
        };
        self.note_exchange(Exchange {
            label: attempt.label.label().to_string(),
            from: attempt.from.0.to_owned(),
            to: attempt.to.0.to_owned(),
            transport: attempt.transport,
            target: attempt.target,
            bytes: attempt.bytes,
            seen_as,
            failure,
        });
        Ok(())
    }
}

fn furnish(name: &str, v4: IpAddr, v6: IpAddr) -> Doing {
    let socket = Socket::open()?;
    let link = socket.link(name)?.index;
    socket.set_up(link)?;
    for (address, length) in [(v4, 24), (v6, 64)] {
        let net = IpNet::new(address, length).map_err(io::Error::other)?;
        let address = Address {
            no_dad: true,
            ..Address::new(link, net)
        };
        match socket.add_address(&address) {
            // A kernel without IPv6.
            Err(_) if net.addr().is_ipv6() => {}
            done => done?,
        }
    }
    Ok(())
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
    fn tcp(&self) -> Doing<Answered> {
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

    fn udp(&self) -> Doing<Answered> {
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
