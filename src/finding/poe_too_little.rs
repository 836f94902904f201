//! `poe-too-little`: devices that are given less power than they ask for.

use super::by_mac::{HostsByMac, Identity, POWER_UNITS, plugged, power};
use super::devices::{Trouble, grouped};
use super::phrases::{frame, lasting};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::flow::Window;
use crate::inventory::{seconds, watts};
use crate::policy::FindingKind;

/// What a device asks for, and what it is given.
#[derive(Clone, Debug)]
struct Short {
    device: Identity,
    class: Option<u8>,
    /// In tenths of a watt.
    requested: u16,
    allocated: u16,
    window: Window,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    if seen.evidence.link.power().len() == 0 {
        return Vec::new();
    }
    let devices = HostsByMac::of(seen);
    let short = power(seen).into_iter().filter_map(|(mac, power)| {
        let (window, requested, allocated) = (power.short?, power.requested?, power.allocated?);
        // Who has just started asks, and is answered within seconds.
        if seconds(&window) < u64::from(seen.policy.link().poe_seconds) {
            return None;
        }
        let (device, class) = (devices.identity(mac), power.class);
        Some(devices.device(mac, &window, Short { device, class, requested, allocated, window }))
    });
    grouped(seen, short.collect())
}

impl Trouble for Short {
    const KIND: FindingKind = FindingKind::PoeTooLittle;
    const ADVICE: &'static str = "Give the switch port the power that the device asks for: check the switch's PoE budget and \
                                  what other ports take of it, the port's limit and priority, and whether switch and injector \
                                  know the device's class (802.3at for class 4, 802.3bt for classes 5 to 8); then the cable. A \
                                  light that gets too little is dim, or restarts when it is turned up.";
    const NEXT: &'static str = "Check the PoE budget and limit of the switch port";
    const HEADING: &'static str = "A device is given less power than it asks for.";
    const HEADINGS: &'static str = "{number} devices are given less power than they ask for.";

    fn sentence(&self, _: Who, context: &Context<'_>) -> String {
        let class = self.class.map_or_else(String::new, |class| format!(" (class {class})"));
        format!(
            "{}{class}{} asks for {} W by LLDP and is given {} W, for {}, from {}.",
            self.device.name(context),
            plugged(&self.device, context),
            watts(self.requested),
            watts(self.allocated),
            lasting(self.window.first, self.window.last),
            frame(context, Cited::of(&self.window))
        )
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        format!("{} of {} W", watts(self.allocated), watts(self.requested))
    }

    fn filter(&self, _: Who) -> String {
        POWER_UNITS.to_owned()
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        Self { device: self.device.replaced(with), ..self.clone() }
    }
}
