//! Whom a request was sent to, and so whose answer may be to it.

use std::net::IpAddr;

use crate::decode::{MacAddr, is_first_hop};
use crate::flow::EndView;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum RequestTarget {
    Address(IpAddr),
    /// Any other address of the device: its frames come from the MAC that the request was sent to.
    Device(MacAddr),
    /// Whoever hears a broadcast (RFC 1123 section 4.2.3.5).
    Anybody,
}

impl RequestTarget {
    /// Whom one end of a flow asks at the other, if that is no group.
    pub(super) fn asked(asks: &EndView<'_>, serves: &EndView<'_>) -> [Option<Self>; 2] {
        let device = asks.destination_mac().filter(|mac| !mac.is_group()).map(Self::Device);
        [Some(Self::Address(serves.address)), device]
    }

    /// Whom a request was sent to that this end may answer. What a router hands on comes from its MAC, but is no other address of
    /// its.
    pub(super) fn answered_by(answers: &EndView<'_>) -> [Option<Self>; 2] {
        let device = answers.source_mac().filter(|_| is_first_hop(answers.hops())).map(Self::Device);
        [Some(Self::Address(answers.address)), device]
    }
}
