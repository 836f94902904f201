//! `never-heard`: devices of the inventory of which nothing was captured.

use std::net::IpAddr;

use super::arp::{asked_by, unanswered};
use super::devices::{Affected, Trouble, grouped};
use super::phrases::{frame, times};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::capture::Timestamp;
use crate::flow::Window;
use crate::inventory::{Host, seconds};
use crate::policy::{FindingKind, Role};
use crate::verdict::{Doubts, Observations};

/// ARP requests, and the seconds from the first to the last, by which an address is known to be expected.
const TRIES: u64 = 3;
const LASTING: u64 = 60;
/// As many requests as nobody makes who looks for hosts.
const OFTEN: u64 = 30;
/// More absent devices than this for each that was heard, asked for seldom, are no devices.
const SWEEP: usize = 4;

/// The requests for it on its link that nobody answered, and the first of them.
#[derive(Clone, Debug)]
struct UnansweredAddress {
    asked: Option<(u64, Cited)>,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    let silent = seen.hosts.iter().filter(|host| !host.heard && host.role.is_igor());
    // What it sent may be just what was left out; being asked for in vain, again and again, is proof.
    let is_told = |host: &&Host| unanswered(seen, host.address).is_some() || !seen.missing.may_hide(seen.hosts, host);
    let device = |host: &Host| {
        let asked = unanswered(seen, host.address);
        let (packets, times) = asked
            .map_or((0, (Timestamp::UNKNOWN, Timestamp::UNKNOWN)), |asked| (asked.count, (asked.first, asked.last)));
        let cited = asked.map(|asked| (asked.count, Cited::new(asked.begin.frame, asked.first)));
        Affected::host(host, packets, times, UnansweredAddress { asked: cited })
    };
    let mut all: Vec<Affected<UnansweredAddress>> = silent.filter(is_told).map(device).collect();
    all.extend(expected(seen));
    grouped(seen, all)
}

/// Addresses of declared blocks and ranges that were asked for on their link again and again, for long, in vain. Whoever looks for hosts
/// asks for such addresses too: Igor's own devices must have asked for some of them.
fn expected(seen: &Observations<'_>) -> Vec<Affected<UnansweredAddress>> {
    let by_arp = seen.neighbours.questions().map(|(address, asked)| (IpAddr::V4(address), asked.window()));
    let by_neighbours = seen.evidence.claims.all_sought().map(|(address, asked)| (*address, *asked));
    let in_vain = by_arp.chain(by_neighbours).filter_map(|(address, asked)| {
        let role = seen.inventory.by_block(address)?.role;
        let is_expected = role.is_igor() && asked.count >= TRIES && seconds(&asked) >= LASTING;
        let is_absent = seen.hosts.at(address).is_none() && unanswered(seen, address).is_some();
        (is_expected && is_absent).then_some((role, address, asked))
    });
    let in_vain: Vec<(Role, IpAddr, Window)> = in_vain.collect();
    let requests = in_vain.iter().fold(0_u64, |sum, (.., asked)| sum.saturating_add(asked.count));
    let speakers = seen.evidence.claims.speakers();
    let others = speakers.filter(|((_, address, _), _)| !seen.hosts.role_at(*address).is_igor());
    let of_others = others.fold(0_u64, |sum, (_, speaker)| sum.saturating_add(speaker.broadcasts));
    // Who looks for hosts asks for all addresses of a range, of which few have one.
    let heard = seen.hosts.iter().filter(|host| host.heard && host.role.is_igor()).count();
    let is_by_igor = requests > of_others && in_vain.len() <= heard.saturating_mul(SWEEP);
    let device = |(role, address, asked): (Role, IpAddr, Window)| {
        let cited = Cited::new(asked.begin.frame, asked.first);
        Affected::within(&asked, role, address, UnansweredAddress { asked: Some((asked.count, cited)) })
    };
    in_vain.into_iter().filter(|(.., asked)| is_by_igor || asked.count >= OFTEN).map(device).collect()
}

impl Trouble for UnansweredAddress {
    const KIND: FindingKind = FindingKind::NeverHeard;
    const ADVICE: &'static str = "Check power, cable, VLAN and address of the device, then the inventory; or capture where its \
                                  traffic passes.";
    const NEXT: &'static str = "Check power, cable, VLAN and address";
    const HEADING: &'static str = "A device of the inventory was never heard.";
    const HEADINGS: &'static str = "{number} devices of the inventory were never heard.";

    fn sentence(&self, who: Who, context: &Context<'_>) -> String {
        let name = context.name(who);
        match self.asked {
            None => format!("{who}{name}."),
            Some((requests, at)) => format!(
                "{who}{name} was asked for by {} {} and never answered, from {}: it is not on the network.",
                asked_by(who),
                times(requests, "time", "times"),
                frame(context, at)
            ),
        }
    }

    fn gist(&self, who: Who, _: &Context<'_>) -> String {
        if self.asked.is_some() { format!("asked for by {} in vain", asked_by(who)) } else { String::new() }
    }

    fn filter(&self, who: Who) -> String {
        let field = match who {
            Who::Address(IpAddr::V6(_)) => "icmpv6.nd.ns.target_address",
            _ => "arp.dst.proto_ipv4",
        };
        self.asked.map_or_else(String::new, |_| format!("{field} == {who}"))
    }

    fn replaced(&self, _: &dyn Replace) -> Self {
        self.clone()
    }

    fn doubts(seen: &Observations<'_>, _: &Finding) -> Doubts {
        // Whom a filter may hide is not told at all.
        if seen.missing.filter.is_none() { seen.missing.of_all() } else { Doubts::default() }
    }
}
