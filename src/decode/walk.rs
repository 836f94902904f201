//! The walk through a frame's headers: one layer after the other, never recursive.

use super::link_words::{MacAddr, VlanPath};
use super::non_ip::NonIp;
use super::packet::{Encapsulation, IpPacket, Network, Packet, TunnelKind};
use super::span::Span;
use super::stop::{Stop, StopLayer, StopReason};
use crate::capture::Frame;

/// Reads one layer and says what comes next. Each layer consumes bytes or ends the walk, which is
/// what bounds it by the frame's length.
pub(super) type Layer = for<'a> fn(&mut Walk<'a>, Span<'a>) -> Result<Step<'a>, Stop>;

/// What comes after a layer.
pub(super) enum Step<'a> {
    /// These bytes are the next layer's.
    To(Layer, Span<'a>),
    /// The frame is decoded.
    Done,
}

/// The packet as far as it was read.
pub(super) struct Walk<'a> {
    pub(super) packet: Packet<'a>,
    /// The packet around the innermost tunnel that was entered: the answer if nothing inside it
    /// can be read.
    outer: Option<Outer<'a>>,
}

/// What entering a tunnel takes away from the packet.
struct Outer<'a> {
    source_mac: Option<MacAddr>,
    destination_mac: Option<MacAddr>,
    vlan: VlanPath,
    network: Network<'a>,
}

impl<'a> Walk<'a> {
    /// Walks from `first` to the innermost layer that can be read.
    pub(super) fn run(first: Layer, frame: &Frame<'a>) -> Packet<'a> {
        let mut walk = Self { packet: Packet::unreached(), outer: None };
        let mut step = Step::To(first, Span::new(frame.data, frame.original_len));
        while let Step::To(layer, span) = step {
            step = layer(&mut walk, span).unwrap_or_else(|stop| {
                walk.packet.stop = Some(stop);
                Step::Done
            });
        }
        walk.finish()
    }

    /// If nothing inside the last tunnel could be read, the packet around it stands, together with
    /// the reason why its inside could not be read.
    fn finish(mut self) -> Packet<'a> {
        if let (Network::Unreached, Some(outer)) = (&self.packet.network, self.outer) {
            self.packet.source_mac = outer.source_mac;
            self.packet.destination_mac = outer.destination_mac;
            self.packet.vlan = outer.vlan;
            self.packet.network = outer.network;
            self.packet.encapsulations.pop();
        }
        self.packet
    }

    /// Ends the walk at something that is not IP; a stop if it may have IP behind it.
    pub(super) fn non_ip(&mut self, kind: NonIp, span: Span<'a>) -> Result<Step<'a>, Stop> {
        self.packet.network = Network::NonIp(kind, span.bytes());
        kind.unread().map_or(Ok(Step::Done), |layer| Err(layer.stop))
    }

    /// A link header with addresses begins: what an outer one said is no longer the innermost.
    pub(super) fn begin_link(&mut self) {
        self.packet.source_mac = None;
        self.packet.destination_mac = None;
        self.packet.to_group = None;
        self.packet.vlan = VlanPath::Untagged;
    }

    /// Enters a tunnel carried by the IP packet read last, whose content is `inner` for `layer`.
    pub(super) fn enter(&mut self, kind: TunnelKind, layer: Layer, inner: Span<'a>) -> Result<Step<'a>, Stop> {
        let Network::Ip(IpPacket { source, destination, .. }) = self.packet.network else {
            return Ok(Step::Done);
        };
        let vlan = self.packet.vlan.clone();
        let around = Encapsulation { kind, source, destination, vlan: vlan.clone() };
        if self.packet.encapsulations.try_push(around).is_err() {
            return Err(Stop { layer: StopLayer::Tunnel, reason: StopReason::TooDeep });
        }
        self.outer = Some(Outer {
            source_mac: self.packet.source_mac,
            destination_mac: self.packet.destination_mac,
            vlan,
            network: std::mem::replace(&mut self.packet.network, Network::Unreached),
        });
        Ok(Step::To(layer, inner))
    }
}
