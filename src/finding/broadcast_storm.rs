//! `broadcast-storm`: broadcasts at a rate that nothing explains.

use std::net::IpAddr;

use super::by_mac::{HostsByMac, Identity};
use super::devices::{Affected, Trouble, grouped};
use super::phrases::{frame, lasting, times};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::decode::MacAddr;
use crate::flow::{STRETCH, Window};
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
    /// Of the worst ten seconds, or on average.
    per_second: u64,
    /// What it was.
    what: What,
    window: Window,
}

#[derive(Clone, Debug)]
enum What {
    /// Frames that are not IP: how many of them are ARP, and who sent most.
    Frames { all: u64, arp: u64, senders: Vec<(Identity, u64)> },
    /// Of IP, to a port.
    Packets { all: u64, to: IpAddr, port: u16 },
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
    let (mut arp, mut others, mut worst) = (Window::NONE, Window::NONE, 0);
    for (stretch, broadcasts) in link.broadcasts() {
        let count = broadcasts.arp.count.saturating_add(broadcasts.others.count);
        // Frames without a time tell no rate.
        if *stretch != i64::MIN && count >= least {
            (arp, others) = (arp.and(broadcasts.arp), others.and(broadcasts.others));
            worst = worst.max(count);
        }
    }
    let all = arp.and(others);
    if worst == 0 {
        return None;
    }
    let asked = seen.neighbours.questions().count() as u64;
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

/// IPv4 broadcasts, by conversation: a rate over all of its time.
fn packets(judged: &Judged<'_>) -> Vec<Affected<Storm>> {
    let seen = judged.seen;
    let rate = u64::from(seen.policy.link().storm_rate);
    let mut storms = Vec::new();
    for conversation in judged.conversations {
        let count = conversation.packets[0];
        if count < rate.saturating_mul(STRETCH as u64) || seen.hosts.role(conversation.server) != Role::Group {
            continue;
        }
        let (client, server) = (seen.hosts.get(conversation.client), seen.hosts.get(conversation.server));
        if !matches!(server.address, IpAddr::V4(address) if !address.is_multicast()) {
            continue;
        }
        let Conversation { first, last, begin, .. } = *conversation;
        let window = Window { first, last, begin, count, ..Window::NONE };
        let per_second = count / seconds(&window).max(STRETCH as u64);
        if per_second < rate {
            continue;
        }
        let what = What::Packets { all: count, to: server.address, port: conversation.port };
        storms.push(Affected::within(&window, client.role, client.address, Storm { per_second, what, window }));
    }
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
            What::Packets { all, to, port } => format!(
                "{who}{} sent {} to {to} port {port} within {within}, {} a second, from {from}.",
                context.name(who),
                times(*all, "packet", "packets"),
                self.per_second
            ),
        }
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        format!("{} a second", self.per_second)
    }

    fn filter(&self, who: Who) -> String {
        match &self.what {
            What::Frames { .. } => "(eth.dst == ff:ff:ff:ff:ff:ff && !ip)".to_owned(),
            What::Packets { to, .. } => format!("(ip.src == {who} && ip.dst == {to})"),
        }
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        let what = match &self.what {
            What::Frames { all, arp, senders } => What::Frames {
                all: *all,
                arp: *arp,
                senders: senders.iter().map(|(sender, count)| (sender.replaced(with), *count)).collect(),
            },
            What::Packets { all, to, port } => What::Packets { all: *all, to: with.address(*to), port: *port },
        };
        Self { what, ..self.clone() }
    }
}
