//! Sending flows to a collector: the only packets that the program ever sends.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;
use std::{io, thread};

use super::exit::Failure;
use crate::capture::Timestamp;
use crate::report::send_ipfix;
use crate::survey::Survey;

/// A collector that is sent to by UDP.
///
/// Its socket is made while there are rights for it: a live survey gives them up before it captures.
pub(super) struct Collector {
    socket: UdpSocket,
    address: SocketAddr,
}

/// Datagrams between two pauses: collectors have room for some hundred.
const AT_ONCE: u64 = 8;
const PAUSE: Duration = Duration::from_millis(4);

impl Collector {
    pub(super) fn open(address: SocketAddr) -> Result<Self, Failure> {
        let any = match address.ip() {
            IpAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            IpAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = UdpSocket::bind(any).and_then(|socket| socket.connect(address).map(|()| socket));
        let socket = socket.map_err(|error| Failure::usage(format!("cannot send to {address}: {error}")))?;
        Ok(Self { socket, address })
    }

    pub(super) fn send(&self, survey: &Survey, time: Timestamp) -> Result<(), Failure> {
        let mut sent = 0u64;
        let mut send = |message: &[u8]| -> io::Result<()> {
            self.socket.send(message)?;
            sent += 1;
            if sent.is_multiple_of(AT_ONCE) {
                thread::sleep(PAUSE);
            }
            Ok(())
        };
        let failed = |error| Failure::unwritten(format!("cannot send the flows to {}: {error}", self.address));
        send_ipfix(survey, time, &mut send).map_err(failed)
    }
}
