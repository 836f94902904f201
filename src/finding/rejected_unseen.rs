//! `rejected-unseen`: ICMP errors about packets that the capture does not hold.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::devices::{Affected, Trouble, grouped};
use super::phrases::{frame, times};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::flow::{IcmpError, Window};
use crate::policy::FindingKind;
use crate::protocol::Transport;
use crate::relation::Rejection;
use crate::verdict::Observations;

/// What errors of one kind have in common: who could not be reached by whom, on which port, and who says so. The
/// sender's own port changes each time.
type ErrorGroup = (IpAddr, IpAddr, u8, Option<u16>, IpAddr, u8, u8);

/// What could not be reached, and who says so.
#[derive(Clone, Debug)]
struct Unreachable {
    source: IpAddr,
    transport: Transport,
    port: Option<u16>,
    error: Rejection,
}

/// One for each host that could not be reached, port and error.
pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let mut groups: BTreeMap<ErrorGroup, (IcmpError, Window)> = BTreeMap::new();
    for (error, window) in &judged.seen.relations.orphan_rejections {
        let port = error.has_ports.then_some(error.destination.1);
        let (from, to) = (error.source.0, error.destination.0);
        let group = (to, from, error.protocol, port, error.sender, error.kind, error.code);
        let held = groups.entry(group).or_insert((*error, Window::NONE));
        held.1 = held.1.and(*window);
    }
    grouped(judged.seen, groups.into_values().map(|(error, window)| device(judged.seen, &error, window)).collect())
}

fn device(seen: &Observations<'_>, error: &IcmpError, window: Window) -> Affected<Unreachable> {
    let [from, to] = [error.source.0, error.destination.0].map(|address| seen.hosts.role_at(address));
    // An Igor host counts at either end.
    let role = if to.is_igor() || !from.is_igor() { to } else { from };
    let what = Unreachable {
        source: error.source.0,
        transport: Transport::from(error.protocol),
        port: Some(error.destination.1).filter(|port| error.has_ports && *port > 0),
        error: Rejection::of(error, &window, 0),
    };
    Affected::within(&window, role, error.destination.0, what)
}

impl Trouble for Unreachable {
    const KIND: FindingKind = FindingKind::RejectedUnseen;
    const ADVICE: &'static str = "Take the error for what it says: something could not be reached. Capture on the way to it to \
                                  see the whole.";
    const NEXT: &'static str = "Capture on the way to it";
    const HEADING: &'static str = "ICMP errors say that packets were lost which this capture does not hold: they went another way, or before it began.";

    fn sentence(&self, who: Who, context: &Context<'_>) -> String {
        let error = &self.error;
        let transport = self.transport.to_string().to_uppercase();
        let port = self.port.map_or_else(String::new, |port| format!(" port {port}"));
        format!(
            "{} reports {} of {} to {who} {transport}{port}: {} (type {} code {}), the likely cause: {}; the first in {}.",
            error.sender,
            error.text(),
            self.source,
            times(error.count, "error", "errors"),
            error.kind,
            error.code,
            error.cause().name(),
            frame(context, Cited::new(error.at.frame, error.time))
        )
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        format!("{}, says {}", self.error.text(), self.error.sender)
    }

    fn filter(&self, who: Who) -> String {
        let Rejection { kind, code, sender, .. } = &self.error;
        let (icmp, ip) = if self.error.transport == Transport::Icmpv6 { ("icmpv6", "ipv6") } else { ("icmp", "ip") };
        format!("({icmp}.type == {kind} && {icmp}.code == {code} && {ip}.src == {sender} && {ip}.dst == {who})")
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        let error = Rejection { sender: with.address(self.error.sender), ..self.error.clone() };
        Self { source: with.address(self.source), error, ..self.clone() }
    }
}
