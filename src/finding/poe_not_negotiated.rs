//! `poe-not-negotiated`: devices whose class needs more power than is given without asking, and that never ask.

use super::by_mac::{HostsByMac, Identity, POWER_UNITS, plugged, power};
use super::devices::{Trouble, grouped};
use super::phrases::{frame, lasting};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::flow::Window;
use crate::inventory::{seconds, watts};
use crate::policy::FindingKind;
use crate::protocol::poe;
use crate::verdict::{Doubts, Observations};

/// What a device's class needs, and what it is given.
#[derive(Clone, Debug)]
struct Unnegotiated {
    device: Identity,
    class: u8,
    /// In tenths of a watt.
    allocated: u16,
    window: Window,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    // What the device says would be missing in a capture of the switch's direction alone.
    if seen.evidence.link.power().len() == 0 || seen.missing.one_way {
        return Vec::new();
    }
    let devices = HostsByMac::of(seen);
    let silent = power(seen).into_iter().filter_map(|(mac, power)| {
        let (window, class, allocated) = (power.unnegotiated?, power.class?, power.allocated?);
        let was_heard = devices.host(mac).is_some_and(|host| host.packets_sent > 0);
        if !was_heard || seconds(&window) < u64::from(seen.policy.link().poe_seconds) {
            return None;
        }
        Some(devices.device(mac, &window, Unnegotiated { device: devices.identity(mac), class, allocated, window }))
    });
    grouped(seen, silent.collect())
}

impl Trouble for Unnegotiated {
    const KIND: FindingKind = FindingKind::PoeNotNegotiated;
    const ADVICE: &'static str = "Switch LLDP on in the device and in the switch port, and the power TLVs with it, or set the \
                                  port's power by hand; then see whether the device's firmware asks for power at all. Until \
                                  then it must do with the power of class 3.";
    const NEXT: &'static str = "Switch LLDP power negotiation on";
    const HEADING: &'static str = "A device never asks for the power that its class needs.";
    const HEADINGS: &'static str = "{number} devices never ask for the power that their class needs.";

    fn sentence(&self, _: Who, context: &Context<'_>) -> String {
        let needs = poe::class_power(self.class).unwrap_or_default();
        format!(
            "{}{} is of class {} and may draw {} W; the switch gives it {} W and was never asked for more, for {}, from {}.",
            self.device.name(context),
            plugged(&self.device, context),
            self.class,
            watts(needs),
            watts(self.allocated),
            lasting(self.window.first, self.window.last),
            frame(context, Cited::of(&self.window))
        )
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        format!("class {}, {} W", self.class, watts(self.allocated))
    }

    fn filter(&self, _: Who) -> String {
        POWER_UNITS.to_owned()
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        Self { device: self.device.replaced(with), ..self.clone() }
    }

    fn doubts(seen: &Observations<'_>, _: &Finding) -> Doubts {
        seen.missing.of_all()
    }
}
