//! `forwards-late`: switch ports that wait long before they forward.

use std::collections::BTreeMap;

use super::by_mac::{HostsByMac, Identity};
use super::devices::{Affected, Trouble, grouped};
use super::dhcp::Client;
use super::phrases::{frame, times};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::decode::MacAddr;
use crate::flow::{DhcpExchange, Port, Window};
use crate::inventory::seconds;
use crate::policy::FindingKind;

/// DISCOVERs that went unanswered before the first offer, and how often that must have happened: one may have been lost.
const DISCOVERS: u64 = 3;
const ROUNDS: usize = 2;
/// Seconds by which the first DISCOVER may come after the link is up, and by which a client may wait to ask again once
/// the port forwards (RFC 2131 section 4.1: up to 64 s, mostly 32 s).
const LATE_START: u64 = 5;
const LONG_WAIT: u64 = 35;
/// Forward delays that a standard allows (IEEE 802.1D-1998 table 8-3).
const DELAYS: std::ops::RangeInclusive<u16> = 4..=30;

/// What shows that a port forwards late.
#[derive(Clone, Debug)]
struct Late {
    /// The bridge, or the device that waited.
    who: Identity,
    seconds: u64,
    forward_delay: u16,
    at: Cited,
    proof: DelayProof,
}

#[derive(Clone, Debug)]
enum DelayProof {
    /// The port of that number said that it did not forward yet.
    Said(u16),
    /// A device asked by DHCP in vain for as long as a port waits, so many times.
    Asked(u64),
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    if seen.evidence.link.bridges().len() == 0 {
        return Vec::new();
    }
    let devices = HostsByMac::of(seen);
    let mut late = said(judged, &devices);
    late.extend(asked(judged, &devices));
    grouped(seen, late)
}

/// Ports of rapid trees, which say whether they forward.
fn said(judged: &Judged<'_>, devices: &HostsByMac<'_>) -> Vec<Affected<Late>> {
    let seen = judged.seen;
    // While a tree is built, a port may name more than one root.
    let mut ports: BTreeMap<(MacAddr, u16), Port> = BTreeMap::new();
    for (key, port) in seen.evidence.link.bridges() {
        let of_port = (MacAddr(key.bridge.mac), key.port);
        let sum = ports.get(&of_port).map_or(*port, |held| held.and(*port));
        ports.insert(of_port, sum);
    }
    let least = u64::from(seen.policy.link().forwarding_seconds);
    let late = ports.into_iter().filter_map(|((mac, number), port)| {
        let Port { waits, forwards, hello, forward_delay, .. } = port;
        // Each unit stands for the time to the next; a mirror's copies are of the same time. Learning is half of what a port
        // waits.
        let hello = u64::from(hello.max(1));
        let learning = waits.count.saturating_mul(hello).min(seconds(&waits).saturating_add(hello));
        let seconds = 2 * learning.min(forward_delay.into());
        let came_up = forwards.count > 0 && forwards.end > waits.begin.time;
        if waits.count == 0 || !came_up || seconds < least {
            return None;
        }
        let (who, at) = (devices.identity(mac), Cited::of(&waits));
        let late = Late { who, seconds, forward_delay, at, proof: DelayProof::Said(number) };
        Some(devices.device(mac, &waits, late))
    });
    late.collect()
}

/// Behind a port of a tree of 1998, which does not say it, a device that starts asks in vain for twice the forward delay.
fn asked(judged: &Judged<'_>, devices: &HostsByMac<'_>) -> Vec<Affected<Late>> {
    let old = judged.seen.evidence.link.bridges().filter(|(_, port)| port.version < 2);
    let Some(forward_delay) = old.map(|(_, port)| port.forward_delay).filter(|delay| DELAYS.contains(delay)).max()
    else {
        return Vec::new();
    };
    let twice = 2 * u64::from(forward_delay);
    let expected = twice.saturating_sub(LATE_START)..=twice + LONG_WAIT;
    let of_client = |client: &Client<'_>| {
        let waited = |exchange: &&DhcpExchange| {
            let (asked, offered) = (&exchange.discovers, &exchange.offers);
            asked.count >= DISCOVERS && offered.count > 0 && expected.contains(&before(asked, offered))
        };
        let rounds: Vec<&DhcpExchange> = client.exchanges().filter(waited).collect();
        let first = rounds.iter().min_by_key(|exchange| exchange.discovers.begin)?;
        if rounds.len() < ROUNDS {
            return None;
        }
        let asked = rounds.iter().map(|exchange| exchange.discovers).fold(Window::NONE, Window::and);
        let late = Late {
            who: client.identity(),
            seconds: before(&first.discovers, &first.offers),
            forward_delay,
            at: Cited::of(&first.discovers),
            proof: DelayProof::Asked(rounds.len() as u64),
        };
        Some(devices.device(client.mac, &asked, late))
    };
    judged.dhcp_clients().iter().filter_map(of_client).collect()
}

/// Seconds from the first question to the first answer.
fn before(asked: &Window, answered: &Window) -> u64 {
    seconds(&Window { first: asked.first, last: answered.first, ..Window::NONE })
}

impl Trouble for Late {
    const KIND: FindingKind = FindingKind::ForwardsLate;
    const ADVICE: &'static str = "Make switch ports that lead to devices edge ports (admin edge, portfast): else after each restart \
                                  of a device its port carries nothing for twice the forward delay, and the device's first \
                                  requests (802.1X, DHCP, discovery) are lost.";
    const NEXT: &'static str = "Make the switch port an edge port";
    const HEADING: &'static str = "A switch port waits long before it forwards.";
    const HEADINGS: &'static str = "{number} switch ports wait long before they forward.";

    fn sentence(&self, _: Who, context: &Context<'_>) -> String {
        let (who, from) = (self.who.name(context), frame(context, self.at));
        match self.proof {
            DelayProof::Said(port) => format!(
                "Port {} of bridge {who} was discarding or learning for {} s (its forward delay is {} s), from {from}.",
                port & 0xfff,
                self.seconds,
                self.forward_delay
            ),
            DelayProof::Asked(rounds) => format!(
                "{who} asked by DHCP in vain for {} s before it was offered an address, and so {} in all, the first from {from}: a \
                 port of the spanning tree here waits twice its forward delay of {} s.",
                self.seconds,
                times(rounds, "time", "times"),
                self.forward_delay
            ),
        }
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        format!("{} s", self.seconds)
    }

    fn filter(&self, _: Who) -> String {
        match self.proof {
            DelayProof::Said(port) => format!("(stp.bridge.hw == {} && stp.port == {port:#06x})", self.who.mac),
            DelayProof::Asked(_) => format!("({} || stp)", self.who.filter()),
        }
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        Self { who: self.who.replaced(with), ..self.clone() }
    }
}
