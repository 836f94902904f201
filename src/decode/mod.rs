//! Frame to packet: link, network, tunnel, transport.
//!
//! [`decode`] never fails and never allocates in steady state: what could be read is in the
//! [`Packet`], and where reading stopped early it says at which layer and why.
//!
//! # How it walks
//!
//! Each header is a layer: a function that takes the bytes from there on, notes what it reads in the
//! packet, and names the layer that follows, found in a table (link types, EtherTypes, PPP
//! protocols, tunnels by port). A loop calls one after the other, so that no nest of headers, however
//! deep, uses up the stack, and every layer consumes bytes, so that the loop ends.
//!
//! | file | headers |
//! |---|---|
//! | `packet`, `link_words`, `non_ip`, `unread`, `hops`, `stop` | no headers: the words for what was read, and what was not |
//! | `plausible` | no headers: whether IP could begin somewhere |
//! | `walk`, `span` | no headers: the loop, and bytes that know their length on the wire |
//! | `link` | the table of link types; raw IP, NULL and LOOP, Frame Relay |
//! | `ethernet` | Ethernet, tags (802.1Q, 802.1ad, VN-tag, ...), 802.3, LLC, SNAP; the table of EtherTypes |
//! | `sll`, `ppp`, `mpls`, `wlan`, `nflog` | Linux cooked, PPP and PPPoE, MPLS, 802.11, netfilter log |
//! | `switch_tags`, `nsh`, `pktap` | tags of Cisco, Arista, Marvell and Broadcom; network service header; Apple's packet tap |
//! | `network`, `extension` | IPv4, IPv6 and its extension headers |
//! | `transport` | TCP, UDP, ICMP, ICMPv6 |
//! | `tunnel`, `tzsp` | GRE, ERSPAN, VXLAN, Geneve, IP in IP; the mirror of MikroTik |
//! | `capwap`, `gtp`, `l2tp` | access points' data channel, mobile networks' user plane, L2TPv3 |
//! | `quote` | the packet quoted in an ICMP error |
//!
//! # What it promises
//!
//! - Lengths come from the headers, never beyond the captured bytes: padding and trailers are cut,
//!   a length that contradicts its surroundings is a [`StopReason::BadLength`] beside what could be
//!   read all the same.
//! - A frame cut anywhere yields what the whole frame yields, as far as it goes.
//! - Of tunnels the innermost packet is the result; where nothing inside one can be read, the packet
//!   around it is, as if it had not been entered, with the reason as its stop.

mod capwap;
#[cfg(test)]
mod differential;
mod ethernet;
mod extension;
mod fast;
mod gtp;
mod hops;
mod l2tp;
mod link;
mod link_words;
mod mpls;
mod network;
mod nflog;
mod non_ip;
mod nsh;
mod packet;
mod pktap;
mod plausible;
mod ppp;
mod quote;
mod sll;
mod span;
mod stop;
mod stored;
mod switch_tags;
#[cfg(test)]
mod tests;
mod transport;
mod tunnel;
mod tzsp;
mod unread;
mod walk;
mod wlan;

pub use fast::{Addresses, Plain, plain};
pub use hops::is_first_hop;
pub use link_words::{MacAddr, VlanPath};
pub use non_ip::NonIp;
pub use packet::{
    Encapsulation, Fragment, IpPacket, Network, Packet, TcpFlags, Transport, TunnelKind, first_bytes, tcp_numbers,
};
pub use quote::{Quoted, quoted};
pub use stop::{Stop, StopLayer, StopReason};
pub use tunnel::may_be_tunnel;
pub use unread::Unread;

use crate::capture::Frame;

/// Decodes one frame.
pub fn decode<'a>(frame: &Frame<'a>) -> Packet<'a> {
    match link::layer(frame.link) {
        Some(first) => walk::Walk::run(first, frame),
        None => {
            let kind = NonIp::LinkType(frame.link.0);
            Packet {
                network: Network::NonIp(kind, frame.data),
                stop: kind.unread().map(|layer| layer.stop),
                ..Packet::unreached()
            }
        }
    }
}
