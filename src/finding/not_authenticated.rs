//! `not-authenticated`: devices that begin 802.1X and are never let in.

use std::collections::BTreeMap;

use super::by_mac::{HostsByMac, Identity, plugged};
use super::devices::{Trouble, grouped};
use super::phrases::{frame, times};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::capture::Timestamp;
use crate::decode::MacAddr;
use crate::flow::{EndView, Window};
use crate::inventory::stations;
use crate::policy::FindingKind;
use crate::verdict::{Doubts, Observations};

/// What a device tried.
#[derive(Clone, Debug)]
struct Unauthenticated {
    device: Identity,
    starts: u64,
    responses: u64,
    requests: u64,
    failures: u64,
    at: Cited,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    // What the switch says would be missing in a capture of the device's direction alone.
    if seen.evidence.link.authentication().len() == 0 || seen.missing.one_way {
        return Vec::new();
    }
    let devices = HostsByMac::of(seen);
    let (talks, tries) = (last_talks(seen), u64::from(seen.policy.link().dot1x_tries));
    let kept_out = stations(&seen.evidence.link).into_iter().filter_map(|(mac, (_, said))| {
        let tried: Window = said.starts.and(said.responses);
        // Who was let in may be refused when it must prove itself again.
        let is_let_in =
            said.successes.count > 0 && (said.failures.count < tries || said.failures.begin.time <= said.successes.end);
        if is_let_in || tried.count < tries {
            return None;
        }
        // A port without 802.1X does not answer, and lets everybody in.
        let is_asked = said.requests.count > 0 || said.failures.count > 0;
        if !is_asked && devices.host(mac).is_some_and(|host| host.packets_sent > 0 && host.packets_received > 0) {
            return None;
        }
        // A switch may let in by other means whom it refused, or who does not answer it: by the MAC, or into a guest network.
        if talks.get(&mac).is_some_and(|begin| *begin > said.requests.and(said.failures).and(tried).end) {
            return None;
        }
        let what = Unauthenticated {
            device: devices.identity(mac),
            starts: said.starts.count,
            responses: said.responses.count,
            requests: said.requests.count,
            failures: said.failures.count,
            at: Cited::of(&tried),
        };
        Some(devices.device(mac, &tried, what))
    });
    grouped(seen, kept_out.collect())
}

/// When each device last began a talk with somebody that had two sides.
fn last_talks(seen: &Observations<'_>) -> BTreeMap<MacAddr, Timestamp> {
    let mut talks = BTreeMap::new();
    let flows = (0..seen.flows.len() as u32).map(|at| seen.flows.view(at));
    for flow in flows.filter(|flow| flow.ends.iter().all(|end| end.packets() > 0)) {
        for mac in flow.ends.iter().filter_map(EndView::source_mac) {
            let last = talks.entry(mac).or_insert(flow.begin().time);
            *last = flow.begin().time.max(*last);
        }
    }
    talks
}

impl Trouble for Unauthenticated {
    const KIND: FindingKind = FindingKind::NotAuthenticated;
    const ADVICE: &'static str = "See the log of the switch and of the RADIUS server for this MAC: a certificate or password that \
                                  is wrong or has expired, a device that is not entered, a server that the switch cannot reach. \
                                  Until it is let in, the port carries nothing else, or leads to a guest network.";
    const NEXT: &'static str = "See the RADIUS server's log for its MAC";
    const HEADING: &'static str = "A device begins 802.1X and is never let in.";
    const HEADINGS: &'static str = "{number} devices begin 802.1X and are never let in.";

    fn sentence(&self, _: Who, context: &Context<'_>) -> String {
        let end = match (self.requests, self.failures) {
            (0, 0) => "the switch never answered".to_owned(),
            (requests, 0) => format!("the switch asked {} and never let it in", times(requests, "time", "times")),
            (_, failures) => format!("the switch refused it {}", times(failures, "time", "times")),
        };
        format!(
            "{}{} began {} and answered {}, from {}; {end}.",
            self.device.name(context),
            plugged(&self.device, context),
            times(self.starts, "time", "times"),
            times(self.responses, "time", "times"),
            frame(context, self.at)
        )
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        match (self.requests, self.failures) {
            (0, 0) => "no answer".to_owned(),
            (_, 0) => "no success".to_owned(),
            (_, failures) => times(failures, "refusal", "refusals"),
        }
    }

    fn filter(&self, _: Who) -> String {
        format!("(eapol && eth.addr == {})", self.device.mac)
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        Self { device: self.device.replaced(with), ..self.clone() }
    }

    fn doubts(seen: &Observations<'_>, _: &Finding) -> Doubts {
        seen.missing.of_all()
    }
}
