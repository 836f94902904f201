//! `address-conflict`: one address that two devices claim in alternation.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::contest::conflicts;
use super::devices::{Affected, MAX_TOLD, Trouble, grouped};
use super::phrases::{frame, times};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::decode::MacAddr;
use crate::flow::Window;
use crate::policy::FindingKind;
use crate::verdict::Observations;

/// Who speaks for an address.
#[derive(Clone, Debug)]
struct Conflict {
    /// The first few, with their packets.
    first: Vec<(MacAddr, u64, Cited)>,
    more: usize,
}

/// Addresses that two devices have, by ARP, by neighbour discovery or by the frames that they send.
pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    grouped(seen, conflicts(seen).into_iter().map(|(address, macs)| device(seen, address, &macs)).collect())
}

fn device(seen: &Observations<'_>, address: IpAddr, macs: &BTreeMap<MacAddr, Window>) -> Affected<Conflict> {
    let all = macs.values().fold(Window::NONE, |sum, window| sum.and(*window));
    let cited = |(mac, window): (&MacAddr, &Window)| (*mac, window.count, Cited::of(window));
    let first = macs.iter().take(MAX_TOLD).map(cited).collect();
    let what = Conflict { first, more: macs.len().saturating_sub(MAX_TOLD) };
    Affected::within(&all, seen.hosts.role_at(address), address, what)
}

impl Trouble for Conflict {
    const KIND: FindingKind = FindingKind::AddressConflict;
    const ADVICE: &'static str = "Find both devices by their MAC addresses (the switch's address table) and give one of them \
                                  another address; look for a fixed address inside the DHCP server's range. A pair that takes an \
                                  address over from each other without announcing it looks the same.";
    const NEXT: &'static str = "Find both by their MACs and give one another address";

    const HEADING: &'static str = "Two devices have one address.";
    const HEADINGS: &'static str = "{number} addresses are each held by more than one device.";

    fn sentence(&self, who: Who, context: &Context<'_>) -> String {
        let one = |(mac, packets, at): &(MacAddr, u64, Cited)| {
            format!("{mac} ({}, from {})", times(*packets, "packet", "packets"), frame(context, *at))
        };
        let mut told: Vec<String> = self.first.iter().map(one).collect();
        if self.more > 0 {
            told.push(format!("{} more", self.more));
        }
        let name = context.name(who);
        format!("{who}{name} is spoken for by {}.", told.join(" and by "))
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        let macs: Vec<String> = self.first.iter().map(|(mac, ..)| mac.to_string()).collect();
        macs.join(" and ")
    }

    fn filter(&self, who: Who) -> String {
        match who {
            Who::Address(IpAddr::V6(_)) => format!("icmpv6.nd.na.target_address == {who} || ipv6.src == {who}"),
            _ => format!("arp.src.proto_ipv4 == {who} || ip.src == {who}"),
        }
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        let other = |(mac, packets, at): &(MacAddr, u64, Cited)| (with.mac(*mac), *packets, *at);
        Self { first: self.first.iter().map(other).collect(), more: self.more }
    }
}
