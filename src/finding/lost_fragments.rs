//! `lost-fragments`: datagrams that came in pieces and lack some.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::devices::{Affected, Trouble, grouped};
use super::phrases::{frame, times};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::flow::Window;
use crate::policy::FindingKind;
use crate::verdict::{Doubts, Observations};

/// Datagrams of one host to another.
#[derive(Clone, Debug)]
struct Lost {
    destination: IpAddr,
    datagrams: u64,
    lacking: u64,
    at: Cited,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    let mut pairs: BTreeMap<(IpAddr, IpAddr), (u64, u64, Window)> = BTreeMap::new();
    for (datagram, pieces) in seen.evidence.link.pieces() {
        let (all, lacking, window) =
            pairs.entry((datagram.source, datagram.destination)).or_insert((0, 0, Window::NONE));
        *all += 1;
        if pieces.lacks_some() {
            *lacking += 1;
            *window = window.and(pieces.fragments);
        }
    }
    let limits = seen.policy.link();
    let is_told = |(_, (all, lacking, _)): &(_, (u64, u64, Window))| {
        *lacking >= u64::from(limits.lost_datagrams) && lacking * 100 >= all * u64::from(limits.lost_percent)
    };
    let devices = pairs.into_iter().filter(is_told).map(|((source, destination), (datagrams, lacking, window))| {
        let what = Lost { destination, datagrams, lacking, at: Cited::of(&window) };
        Affected::within(&window, seen.hosts.role_at(source), source, what)
    });
    grouped(seen, devices.collect())
}

impl Trouble for Lost {
    const KIND: FindingKind = FindingKind::LostFragments;
    const ADVICE: &'static str = "Find what drops pieces on the way (a firewall or NAT that wants ports, an overloaded link), or \
                                  make the sender's messages small enough for one packet: who lacks a piece throws the whole \
                                  away.";
    const NEXT: &'static str = "Find what drops fragments on the way";
    const HEADING: &'static str = "Packets that came in pieces lack some.";
    const HEADINGS: &'static str = "Packets that came in pieces lack some, between {number} pairs of hosts.";

    fn sentence(&self, who: Who, context: &Context<'_>) -> String {
        format!(
            "Of {} from {who}{} to {}{}, {} a piece, the first in {}.",
            times(self.datagrams, "fragmented packet", "fragmented packets"),
            context.name(who),
            self.destination,
            context.name(self.destination),
            times(self.lacking, "lacks", "lack"),
            frame(context, self.at)
        )
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        format!("{} of {} lack a piece", self.lacking, self.datagrams)
    }

    fn filter(&self, who: Who) -> String {
        match who {
            Who::Address(IpAddr::V6(_)) => {
                format!("(ipv6.fraghdr && ipv6.src == {who} && ipv6.dst == {})", self.destination)
            }
            _ => format!(
                "((ip.flags.mf == 1 || ip.frag_offset > 0) && ip.src == {who} && ip.dst == {})",
                self.destination
            ),
        }
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        Self { destination: with.address(self.destination), ..self.clone() }
    }

    fn doubts(seen: &Observations<'_>, _: &Finding) -> Doubts {
        seen.missing.of_all()
    }
}
