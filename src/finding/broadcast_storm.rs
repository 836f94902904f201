//! `broadcast-storm`: broadcasts at a rate that nothing explains.

use std::net::{IpAddr, Ipv6Addr};

use super::by_mac::{HostsByMac, Identity};
use super::devices::{Affected, Trouble, grouped};
use super::phrases::{frame, lasting, times};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::capture::Timestamp;
use crate::decode::MacAddr;
use crate::flow::{Broadcasts, STRETCH, Seen, Window};
use crate::inventory::seconds;
use crate::policy::{FindingKind, Role};
use crate::verdict::Conversation;

/// Who asks for so many addresses that each is asked for fewer times than this on average, looks for hosts.
const SWEEP: u64 = 4;
/// Senders that are named.
const NAMED: usize = 3;

/// How many broadcasts came, and who sent them.
#[derive(Clone, Debug)]
struct Storm {
    /// Of the worst ten seconds, or when most came on average.
    per_second: u64,
    /// What it was.
    what: What,
    window: Window,
}

#[derive(Clone, Debug)]
enum What {
    /// Frames that are not IP: how many of them are ARP, and who sent most.
    Frames { all: u64, arp: u64, senders: Vec<(Identity, u64)> },
    /// Of IP: those of the sender that sent most, to where, and in how many other conversations more came meanwhile.
    Packets { all: u64, to: IpAddr, port: u16, others: usize },
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let mut storms: Vec<Affected<Storm>> = frames(judged).into_iter().collect();
    storms.extend(packets(judged));
    grouped(judged.seen, storms)
}

/// ARP and other frames that are not IP.
fn frames(judged: &Judged<'_>) -> Option<Affected<Storm>> {
    let seen = judged.seen;
    let link = &seen.evidence.link;
    let least = u64::from(seen.policy.link().storm_rate).saturating_mul(STRETCH as u64);
    // Frames without a time tell no rate.
    let stretches: Vec<(i64, &Broadcasts)> =
        link.broadcasts().map(|(at, all)| (*at, all)).filter(|(at, _)| *at != i64::MIN).collect();
    let count = |place: Option<usize>| {
        let all = place.and_then(|place| stretches.get(place)).map(|(_, all)| all);
        all.map_or(0, |all| all.arp.count.saturating_add(all.others.count))
    };
    // Of the one a step behind or before, if it is its neighbor in time.
    let beside = |place: usize, step: isize| {
        let other = place.checked_add_signed(step)?;
        let is_next = stretches.get(place)?.0.checked_add(step as i64) == stretches.get(other).map(|(at, _)| *at);
        is_next.then_some(other)
    };
    // A storm may lie in two neighbors: then those beside them are quiet, or it would last.
    let straddles = |place: usize| {
        let next = beside(place, 1);
        let (here, there) = (count(Some(place)), count(next));
        let around = [beside(place, -1), next.and_then(|next| beside(next, 1))].map(count);
        here.min(there) >= least / 2
            && here.saturating_add(there) >= least / 2 * 3
            && around.iter().all(|one| *one < least / 2)
    };
    let (mut arp, mut others, mut worst) = (Window::NONE, Window::NONE, 0);
    for (place, (_, broadcasts)) in stretches.iter().enumerate() {
        let here = count(Some(place));
        if here >= least || straddles(place) || beside(place, -1).is_some_and(straddles) {
            (arp, others) = (arp.and(broadcasts.arp), others.and(broadcasts.others));
            worst = worst.max(here);
        }
    }
    let all = arp.and(others);
    if worst == 0 {
        return None;
    }
    // Whoever looks for hosts asks for many, in that time.
    let is_meanwhile = |asked: &Seen| asked.begin.time <= arp.end && asked.end >= arp.begin.time;
    let asked = seen.neighbours.questions().filter(|(_, asked)| is_meanwhile(asked)).count() as u64;
    if arp.count > all.count / 2 && asked.saturating_mul(SWEEP) >= arp.count {
        return None;
    }
    let devices = HostsByMac::of(seen);
    let mut senders: Vec<(MacAddr, u64)> = link.senders().map(|(mac, window)| (*mac, window.count)).collect();
    senders.sort_by_key(|(mac, count)| (std::cmp::Reverse(*count), *mac));
    let (most, _) = *senders.first()?;
    let senders = senders.iter().take(NAMED).map(|(mac, count)| (devices.identity(*mac), *count)).collect();
    let storm = Storm {
        per_second: worst / STRETCH as u64,
        what: What::Frames { all: all.count, arp: arp.count, senders },
        window: all,
    };
    Some(devices.device(most, &all, storm))
}

/// Whether an IPv6 group is that of all nodes or all routers, or one at which a neighbour is asked for its MAC (RFC 4291 section
/// 2.7.1): for what IPv4 broadcasts.
fn is_to_all(address: Ipv6Addr) -> bool {
    matches!(address.segments(), [0xff02, 0, 0, 0, 0, 0, 0, 1 | 2] | [0xff02, 0, 0, 0, 0, 1, 0xff00..=0xffff, _])
}

/// IP broadcasts: conversations whose rate over all of their time is that of a storm, and those of the others that went on
/// together when most came: what loops is whatever anybody sends.
fn packets(judged: &Judged<'_>) -> Vec<Affected<Storm>> {
    let seen = judged.seen;
    let rate = u64::from(seen.policy.link().storm_rate);
    let is_broadcast = |conversation: &&Conversation| {
        seen.hosts.role(conversation.server) == Role::Group
            && match seen.hosts.get(conversation.server).address {
                IpAddr::V4(address) => !address.is_multicast(),
                IpAddr::V6(address) => is_to_all(address),
            }
    };
    let window = |conversation: &Conversation| {
        let Conversation { first, last, begin, packets: [count, _], .. } = *conversation;
        Window { first, last, begin, count, ..Window::NONE }
    };
    // A thousandth each: many that send seldom are many.
    let rate_of = |conversation: &Conversation| {
        conversation.packets[0].saturating_mul(1000) / seconds(&window(conversation)).max(STRETCH as u64)
    };
    let per_second = |conversation: &Conversation| rate_of(conversation) / 1000;
    let is_much = |window: &Window| window.count >= rate.saturating_mul(STRETCH as u64);
    let storm = |most: &Conversation, others: usize, per_second: u64, window: Window| {
        let (client, to) = (seen.hosts.get(most.client), seen.hosts.get(most.server).address);
        let what = What::Packets { all: most.packets[0], to, port: most.port, others };
        Affected::within(&window, client.role, client.address, Storm { per_second, what, window })
    };
    let all: Vec<&Conversation> = judged.conversations.iter().filter(is_broadcast).collect();
    let alone = all.iter().filter(|one| per_second(one) >= rate && is_much(&window(one)));
    let mut storms: Vec<Affected<Storm>> = alone.map(|one| storm(one, 0, per_second(one), window(one))).collect();
    // Who looks for many neighbours of IPv6 asks each at a group of its own.
    let is_rest = |one: &&Conversation| per_second(one) < rate && seen.hosts.get(one.server).address.is_ipv4();
    let all: Vec<&Conversation> = all.into_iter().filter(is_rest).collect();
    // Whoever ends where another begins is counted with it.
    let begins = all.iter().map(|one| (one.first, false, rate_of(one)));
    let mut steps: Vec<(Timestamp, bool, u64)> =
        begins.chain(all.iter().map(|one| (one.last, true, rate_of(one)))).collect();
    steps.sort_unstable();
    let (mut now, mut worst) = (0_u64, (0, Timestamp::UNKNOWN));
    for (time, ends, step) in steps {
        now = if ends { now.saturating_sub(step) } else { now.saturating_add(step) };
        worst = worst.max((now, time));
    }
    let together: Vec<&Conversation> =
        all.into_iter().filter(|one| one.first <= worst.1 && worst.1 <= one.last).collect();
    let sum = together.iter().map(|one| window(one)).fold(Window::NONE, Window::and);
    let is_storm = worst.0 / 1000 >= rate && is_much(&sum);
    let most = together.iter().max_by_key(|one| one.packets[0]).filter(|_| is_storm);
    storms.extend(most.map(|most| storm(most, together.len() - 1, worst.0 / 1000, sum)));
    storms
}

impl Trouble for Storm {
    const KIND: FindingKind = FindingKind::BroadcastStorm;
    const ADVICE: &'static str = "Look for a loop first: a cable from one switch port to another, a phone or access point with two \
                                  cables, an unmanaged switch. See which ports blink without pause, unplug one after the other, \
                                  then switch spanning tree and storm control on. If one device alone sends, restart it.";
    const NEXT: &'static str = "Look for a loop between switch ports";
    const HEADING: &'static str =
        "Broadcasts come at a rate that nothing explains: every device must read each of them.";

    fn sentence(&self, who: Who, context: &Context<'_>) -> String {
        let within = lasting(self.window.first, self.window.last);
        let from = frame(context, Cited::of(&self.window));
        match &self.what {
            What::Frames { all, arp, senders } => {
                let list = senders.iter().map(|(sender, count)| format!("{} {count}", sender.name(context)));
                format!(
                    "{} broadcasts within {within}, of which {arp} are ARP, {} a second in the worst {STRETCH} s, from {from}. In \
                     the whole capture most were sent by: {}.",
                    all,
                    self.per_second,
                    list.collect::<Vec<_>>().join(", ")
                )
            }
            What::Packets { all, to, port, others } => {
                let others = match others {
                    0 => String::new(),
                    others => format!(", with {}", times(*others as u64, "other conversation", "other conversations")),
                };
                format!(
                    "{who}{} sent {} to {to} port {port} within {within}{others}, {} a second, from {from}.",
                    context.name(who),
                    times(*all, "packet", "packets"),
                    self.per_second
                )
            }
        }
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        format!("{} a second", self.per_second)
    }

    fn filter(&self, who: Who) -> String {
        match &self.what {
            What::Frames { .. } => "(eth.dst == ff:ff:ff:ff:ff:ff && !ip)".to_owned(),
            What::Packets { to, .. } => {
                let ip = if to.is_ipv6() { "ipv6" } else { "ip" };
                format!("({ip}.src == {who} && {ip}.dst == {to})")
            }
        }
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        let what = match &self.what {
            What::Frames { all, arp, senders } => What::Frames {
                all: *all,
                arp: *arp,
                senders: senders.iter().map(|(sender, count)| (sender.replaced(with), *count)).collect(),
            },
            What::Packets { all, to, port, others } => {
                What::Packets { all: *all, to: with.address(*to), port: *port, others: *others }
            }
        };
        Self { what, ..self.clone() }
    }
}
