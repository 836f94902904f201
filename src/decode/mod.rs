//! Frame to packet: link, network, tunnel, transport.
//!
//! [`decode`] never fails and never allocates in steady state: what could be read is in the
//! [`Packet`], and where reading stopped early it says at which layer and why.

mod packet;

pub use packet::{
    Encapsulation, Fragment, IpPacket, MacAddr, Network, NonIp, Packet, Stop, StopLayer, StopReason, TcpFlags,
    Transport, TunnelKind, VlanPath,
};
