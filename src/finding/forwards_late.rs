//! `forwards-late`: switch ports that wait long before they forward.

use std::collections::BTreeMap;

use super::by_mac::{Devices, Identity};
use super::devices::{Trouble, grouped};
use super::wording::frame;
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::decode::MacAddr;
use crate::flow::Port;
use crate::inventory::seconds;
use crate::policy::FindingKind;

/// How long a port waited.
#[derive(Clone, Debug)]
struct Late {
    bridge: Identity,
    port: u16,
    seconds: u64,
    forward_delay: u16,
    at: Cited,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    // While a tree is built, a port may name more than one root.
    let mut ports: BTreeMap<(MacAddr, u16), Port> = BTreeMap::new();
    for (key, port) in seen.evidence.link.bridges().filter(|(_, port)| port.waits.count > 0) {
        let held = ports.entry((MacAddr(key.bridge.mac), key.port)).or_insert(*port);
        if held.units.begin != port.units.begin {
            *held = held.and(*port);
        }
    }
    if ports.is_empty() {
        return Vec::new();
    }
    let devices = Devices::of(seen);
    let late = ports.into_iter().filter_map(|((mac, number), port)| {
        let Port { waits, forwards, hello, forward_delay, .. } = port;
        // Each unit stands for the time to the next; a mirror's copies are of the same time.
        let hello = u64::from(hello.max(1));
        let waited = waits.count.saturating_mul(hello).min(seconds(&waits).saturating_add(hello));
        let came_up = forwards.count > 0 && forwards.end > waits.begin.time;
        if !came_up || waited < u64::from(seen.policy.link().forwarding_seconds) {
            return None;
        }
        let at = Cited::new(waits.frame(), waits.first);
        let bridge = devices.identity(mac);
        Some(devices.device(mac, &waits, Late { bridge, port: number, seconds: waited, forward_delay, at }))
    });
    grouped(seen, late.collect())
}

impl Trouble for Late {
    const KIND: FindingKind = FindingKind::ForwardsLate;
    const ADVICE: &'static str = "Make switch ports that lead to devices edge ports (admin edge, portfast): else after each restart \
                                  of a device its port carries nothing for twice the forward delay, and the device's first \
                                  requests (802.1X, DHCP, discovery) are lost.";
    const NEXT: &'static str = "Make the switch port an edge port";

    fn heading(number: usize) -> String {
        match number {
            1 => "A switch port waits long before it forwards.".into(),
            _ => format!("{number} switch ports wait long before they forward."),
        }
    }

    fn sentence(&self, _: Who, context: &Context<'_>) -> String {
        format!(
            "Port {} of bridge {} was discarding or learning for {} s (its forward delay is {} s), from {}.",
            self.port & 0xfff,
            self.bridge.name(context),
            self.seconds,
            self.forward_delay,
            frame(context, self.at)
        )
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        format!("{} s", self.seconds)
    }

    fn filter(&self, _: Who) -> String {
        format!("(stp.bridge.hw == {} && stp.port == {:#06x})", self.bridge.mac, self.port)
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        Self { bridge: self.bridge.replaced(with), ..self.clone() }
    }
}
