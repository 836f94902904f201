//! `packets-too-big`: packets that do not fit the path, again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::devices::{Affected, MAX_FILTERED, MAX_TOLD, Trouble, grouped};
use super::phrases::{frame, times};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::flow as evidence;
use crate::inventory::seconds;
use crate::policy::FindingKind;

/// Seconds after which a sender may try a larger packet again (RFC 1191 section 6.3, RFC 8201 section 4).
const TRIES_AGAIN: u64 = 600;

/// Who says that packets of whom to whom are too big: where several ways lead there, several routers do.
#[derive(Clone, Debug)]
struct TooBig {
    routers: BTreeSet<IpAddr>,
    destination: IpAddr,
    errors: u64,
    /// 0 where the error does not say it.
    fits: u32,
    at: Cited,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    let least = u64::from(seen.policy.link().too_big_errors);
    let mut devices = Vec::new();
    let mut paths: BTreeMap<(IpAddr, IpAddr), (evidence::TooBig, u64, BTreeSet<IpAddr>)> = BTreeMap::new();
    for ((router, source, destination, _), next) in seen.evidence.link.too_big() {
        // Of those of a minute, one a second counts at most: a flight has many at once.
        let moments = next.errors.count.min(seconds(&next.errors).saturating_add(1));
        let path = paths.entry((*source, *destination)).or_insert((*next, 0, BTreeSet::new()));
        // Of the first it is there twice.
        path.0 = if path.2.is_empty() { *next } else { path.0.and(*next) };
        path.1 = path.1.saturating_add(moments);
        path.2.insert(*router);
    }
    for ((source, destination), (evidence::TooBig { errors, fits }, moments, routers)) in paths {
        // One flight of errors is how a sender learns what fits, and it may try again now and then.
        if moments < least.saturating_add(seconds(&errors) / TRIES_AGAIN) {
            continue;
        }
        let what = TooBig { routers, destination, errors: errors.count, fits, at: Cited::of(&errors) };
        devices.push(Affected::within(&errors, seen.hosts.role_at(source), source, what));
    }
    grouped(seen, devices)
}

impl TooBig {
    fn first_routers(&self, most: usize) -> impl Iterator<Item = &IpAddr> {
        self.routers.iter().take(most)
    }
}

impl Trouble for TooBig {
    const KIND: FindingKind = FindingKind::PacketsTooBig;
    const ADVICE: &'static str = "Let the ICMP errors through to the sender (type 3 code 4, for IPv6 type 2), or give the sender or \
                                  the tunnel a size that fits: a VPN or a tunnel on the way takes bytes of each packet. Large \
                                  transfers hang while small ones work.";
    const NEXT: &'static str = "Let ICMP's \"fragmentation needed\" through, or lower the size";
    const HEADING: &'static str = "Packets do not fit the path, again and again.";
    const HEADINGS: &'static str = "Packets of {number} senders and receivers do not fit the path, again and again.";

    fn sentence(&self, who: Who, context: &Context<'_>) -> String {
        let fits = match self.fits {
            0 => String::new(),
            fits => format!(", {fits} bytes would fit"),
        };
        let more = match self.routers.len().saturating_sub(MAX_TOLD) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!(
            "{} said {} that packets of {who}{} to {}{} are too big{fits}, the first in {}: the sender does not hear it, or does \
             not heed it.",
            self.first_routers(MAX_TOLD).map(IpAddr::to_string).collect::<Vec<_>>().join(" and ") + &more,
            times(self.errors, "time", "times"),
            context.name(who),
            self.destination,
            context.name(self.destination),
            frame(context, self.at)
        )
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        if self.fits == 0 { String::new() } else { format!("{} bytes would fit", self.fits) }
    }

    fn filter(&self, _: Who) -> String {
        let by = |router: &IpAddr| match router {
            IpAddr::V4(router) => format!("(icmp.type == 3 && icmp.code == 4 && ip.src == {router})"),
            IpAddr::V6(router) => format!("(icmpv6.type == 2 && ipv6.src == {router})"),
        };
        self.first_routers(MAX_FILTERED).map(by).collect::<Vec<_>>().join(" || ")
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        Self {
            routers: self.routers.iter().map(|router| with.address(*router)).collect(),
            destination: with.address(self.destination),
            ..self.clone()
        }
    }
}
