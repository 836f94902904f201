//! `never-heard`: devices of the inventory of which nothing was captured.

use super::arp::unanswered;
use super::devices::{Affected, Trouble, grouped};
use super::phrases::{frame, times};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::capture::Timestamp;
use crate::inventory::Host;
use crate::policy::FindingKind;
use crate::verdict::{Doubts, Observations};

/// The ARP requests for it that nobody answered, and the first of them.
#[derive(Clone, Debug)]
struct Silent {
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
            .map_or((0, (Timestamp::UNKNOWN, Timestamp::UNKNOWN)), |asked| (asked.packets, (asked.first, asked.last)));
        let cited = asked.map(|asked| (asked.packets, Cited::new(asked.begin.frame, asked.first)));
        Affected::host(host, packets, times, Silent { asked: cited })
    };
    grouped(seen, silent.filter(is_told).map(device).collect())
}

impl Trouble for Silent {
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
                "{who}{name} was asked for by ARP {} and never answered, from {}: it is not on the network.",
                times(requests, "time", "times"),
                frame(context, at)
            ),
        }
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        if self.asked.is_some() { "asked for by ARP in vain".to_owned() } else { String::new() }
    }

    fn filter(&self, who: Who) -> String {
        self.asked.map_or_else(String::new, |_| format!("arp.dst.proto_ipv4 == {who}"))
    }

    fn replaced(&self, _: &dyn Replace) -> Self {
        self.clone()
    }

    fn doubts(seen: &Observations<'_>, _: &Finding) -> Doubts {
        // Whom a filter may hide is not told at all.
        if seen.missing.filter.is_none() { seen.missing.of_all() } else { Doubts::default() }
    }
}
