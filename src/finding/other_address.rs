//! `other-address`: devices that answered a TFTP request from another address of theirs.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::devices::{Affected, Trouble, grouped};
use super::phrases::frame;
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::decode::MacAddr;
use crate::policy::FindingKind;

/// From where the answer came.
#[derive(Clone, Debug)]
struct OtherSource {
    address: IpAddr,
    mac: Option<MacAddr>,
    at: Cited,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    let mut devices: BTreeMap<(IpAddr, IpAddr), Affected<OtherSource>> = BTreeMap::new();
    for (request, transfer) in &seen.relations.other_addresses {
        let [request, transfer] = [request, transfer].map(|at| seen.flows.view(*at));
        let of_both = |address: &IpAddr| transfer.ends.iter().any(|end| end.address == *address);
        let Some(asked) = request.ends.iter().map(|end| end.address).find(|address| !of_both(address)) else {
            continue;
        };
        let client = request.ends.iter().map(|end| end.address).find(of_both);
        let Some(answered) = transfer.ends.iter().find(|end| Some(end.address) != client) else { continue };
        let device = devices.entry((asked, answered.address)).or_insert_with(|| Affected {
            role: seen.hosts.role_at(asked),
            who: Who::Address(asked),
            packets: 0,
            first: transfer.first(),
            last: transfer.last(),
            what: OtherSource {
                address: answered.address,
                mac: answered.source_mac(),
                at: Cited::new(answered.first_frame(), answered.first()),
            },
        });
        device.packets += transfer.packets();
        (device.first, device.last) = (device.first.earlier(transfer.first()), device.last.max(transfer.last()));
    }
    grouped(seen, devices.into_values().collect())
}

impl Trouble for OtherSource {
    const KIND: FindingKind = FindingKind::OtherAddress;
    const ADVICE: &'static str = "Bind the server to one address: clients may refuse an answer from another, and firewalls \
                                  do.";
    const NEXT: &'static str = "Bind the server to one address";
    const HEADING: &'static str = "A server answered from another address than it was asked at.";
    const HEADINGS: &'static str = "{number} servers answered from other addresses than they were asked at.";

    fn sentence(&self, who: Who, context: &Context<'_>) -> String {
        format!(
            "{who} was asked for a file by TFTP, and {} sent it, from {}: both are of {}.",
            self.address,
            frame(context, self.at),
            self.mac.map_or_else(|| "one device".to_owned(), |mac| mac.to_string())
        )
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        format!("answered from {}", self.address)
    }

    fn filter(&self, who: Who) -> String {
        let ip = if self.address.is_ipv6() { "ipv6" } else { "ip" };
        format!("({ip}.addr == {who} || {ip}.addr == {})", self.address)
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        Self { address: with.address(self.address), mac: self.mac.map(|mac| with.mac(mac)), at: self.at }
    }
}
