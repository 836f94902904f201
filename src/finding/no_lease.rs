//! `no-lease`: devices that a DHCP server answered, and that got no address by it that they can use.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::by_mac::Identity;
use super::devices::{Affected, Trouble, grouped};
use super::dhcp::{Client, DISCOVERS, is_repeated};
use super::phrases::{frame, lasting, times};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::decode::MacAddr;
use crate::flow::{DhcpExchange, Refusals, Window};
use crate::policy::FindingKind;
use crate::verdict::{Doubts, Observations};

/// Refusals by a server or a client, and requests without an answer, that are no accident.
const REPEATED: u64 = 2;

/// What was seen of one device.
#[derive(Clone, Debug)]
struct LeaseFacts {
    client: Identity,
    /// The address that it was to have.
    address: Option<IpAddr>,
    /// What shows the failure, and how much else is told with it.
    proof: Window,
    more: u64,
    /// The server that refuses, and another that gives.
    refuses: Option<IpAddr>,
    gives: Option<IpAddr>,
    /// Who claims the address by ARP.
    holder: Option<MacAddr>,
}

/// What servers refused each client, and what it declined of theirs.
type Refused<'a> = BTreeMap<MacAddr, Vec<(Ipv4Addr, &'a Refusals)>>;

/// What failed, as a place in [`CASES`]. The first that holds is told.
const DECLINED: usize = 0;
const REFUSED: usize = 1;
const UNACKNOWLEDGED: usize = 2;
const NOT_TAKEN_UP: usize = 3;

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let (seen, clients) = (judged.seen, judged.dhcp_clients());
    if clients.is_empty() {
        return Vec::new();
    }
    let mut refused = Refused::new();
    for ((mac, _, server, _), refusals) in seen.evidence.refusals() {
        refused.entry(*mac).or_default().push((*server, refusals));
    }
    let failed: Vec<(usize, Affected<LeaseFacts>)> =
        clients.iter().filter_map(|client| failure(seen, &refused, client)).collect();
    let mut findings = told::<DECLINED>(seen, &failed);
    findings.extend(told::<REFUSED>(seen, &failed));
    findings.extend(told::<UNACKNOWLEDGED>(seen, &failed));
    findings.extend(told::<NOT_TAKEN_UP>(seen, &failed));
    findings
}

fn told<const CASE: usize>(seen: &Observations<'_>, failed: &[(usize, Affected<LeaseFacts>)]) -> Vec<Finding> {
    let of_case = failed.iter().filter(|(failure, _)| *failure == CASE);
    let devices = of_case.map(|(_, Affected { role, who, packets, first, last, what })| Affected {
        role: *role,
        who: *who,
        packets: *packets,
        first: *first,
        last: *last,
        what: NoLease::<CASE>(what.clone()),
    });
    grouped(seen, devices.collect())
}

fn failure(
    seen: &Observations<'_>,
    refused: &Refused<'_>,
    client: &Client<'_>,
) -> Option<(usize, Affected<LeaseFacts>)> {
    if client.is_without_offer() {
        return None;
    }
    let refused = refused.get(&client.mac).map_or(&[][..], Vec::as_slice);
    let offered = || client.transactions.iter().flat_map(|transaction| &transaction.given);
    let declines = refused.iter().map(|(_, refusals)| refusals.declines).fold(Window::NONE, Window::and);
    let leased = client.leases().map(|exchange| exchange.acks.end).max();
    // Only what came after the last success failed.
    let failed =
        |exchange: &&DhcpExchange| leased.is_none_or(|leased| exchange.discovers.and(exchange.starts).end > leased);
    let exchanges: Vec<&DhcpExchange> = client.exchanges().filter(failed).collect();
    let sum = |of: fn(&DhcpExchange) -> Window| exchanges.iter().map(|one| of(one)).fold(Window::NONE, Window::and);
    let (discovers, starts, naks) = (sum(|one| one.discovers), sum(|one| one.starts), sum(|one| one.naks));
    let (offers, selects, acks) = (sum(|one| one.offers), sum(|one| one.selects), sum(|one| one.acks));
    let is_heard = offers.count > 0;
    let (failure, proof, more) = if is_repeated(declines, REPEATED) && leased.is_none_or(|at| declines.end >= at) {
        (DECLINED, declines, 0)
    } else if is_repeated(naks, REPEATED) {
        (REFUSED, naks, 0)
    } else if is_repeated(selects, REPEATED) && is_heard && acks.count == 0 {
        (UNACKNOWLEDGED, selects, 0)
    } else if is_repeated(discovers, DISCOVERS) && is_heard && starts.count == 0 && acks.count == 0 {
        (NOT_TAKEN_UP, discovers, offers.count)
    } else {
        return None;
    };
    if client.used.is_some_and(|used| used >= proof.begin.time) {
        return None;
    }
    let declined = refused.iter().filter_map(|(_, refusals)| refusals.declined.as_ref()).min_by_key(|first| first.at);
    let selected = client.selected().map(|selected| selected.what);
    let first_offer = offered().map(|(_, offers)| &offers.first).min_by_key(|first| first.at).map(|first| first.what.0);
    let address = declined.map(|first| first.what).or(selected).or(first_offer);
    let refuses = refused.iter().find(|(_, refusals)| refusals.naks.count > 0).map(|(server, _)| *server);
    let facts = LeaseFacts {
        client: client.identity(),
        address: address.map(IpAddr::V4),
        proof,
        more,
        refuses: refuses.filter(|server| !server.is_unspecified()).map(IpAddr::V4),
        gives: offered().map(|(server, _)| *server).filter(|server| Some(*server) != refuses).min().map(IpAddr::V4),
        holder: address.and_then(|address| holder(seen, address, client.mac)),
    };
    Some((failure, Affected { role: client.role_at(seen, address), ..client.device(proof, facts) }))
}

/// Another device that claims an address.
fn holder(seen: &Observations<'_>, address: Ipv4Addr, client: MacAddr) -> Option<MacAddr> {
    seen.neighbours.claims_of(address).map(|(mac, _)| mac).find(|mac| *mac != client)
}

impl LeaseFacts {
    /// `10.20.0.101 (node-01)`.
    fn address(&self, context: &Context<'_>) -> String {
        self.address.map_or_else(|| "its address".into(), |address| format!("{address}{}", context.name(address)))
    }

    /// ` in 9 s, from frame 12 of ...`.
    fn when(&self, context: &Context<'_>) -> String {
        let Window { first, last, .. } = self.proof;
        format!(" in {}, from {}", lasting(first, last), frame(context, Cited::of(&self.proof)))
    }
}

/// What is to be said and done of one failure.
struct Case {
    advice: &'static str,
    next: &'static str,
    /// Whether it is something that did not come, so that it may only not have been captured.
    is_silence: bool,
    sentence: fn(&LeaseFacts, &Context<'_>) -> String,
    gist: fn(&LeaseFacts) -> String,
}

const CASES: [Case; 4] = [
    Case {
        advice: "Another device has the address that the DHCP server gives away. Find it by its MAC in the switch's address \
                 table, and keep addresses that are set by hand out of the server's range.",
        next: "Find who has the address that DHCP gives away",
        is_silence: false,
        sentence: |facts, context| {
            let holder = facts.holder.map_or_else(String::new, |mac| format!(", MAC {mac}"));
            format!(
                "{} declined {} {}{}: another device has it{holder}.",
                facts.client.name(context),
                facts.address(context),
                times(facts.proof.count, "time", "times"),
                facts.when(context),
            )
        },
        gist: |facts| times(facts.proof.count, "DECLINE", "DECLINEs"),
    },
    Case {
        advice: "Look up in the log of the DHCP server that refuses why it does: the address is of another network, taken, or \
                 in no pool of its. If it refuses what another server gives, it is not the site's own, or the two do not share \
                 their leases: switch it off.",
        next: "See in the DHCP server's log why it refuses",
        is_silence: false,
        sentence: |facts, context| {
            let by = facts.refuses.map_or_else(String::new, |by| format!(" by {by}{}", context.name(by)));
            let gives = |other: IpAddr| format!(" {other}{} gives it an address.", context.name(other));
            format!(
                "{} was refused {} {}{by}{}.{}",
                facts.client.name(context),
                facts.address(context),
                times(facts.proof.count, "time", "times"),
                facts.when(context),
                facts.gives.map_or_else(String::new, gives),
            )
        },
        gist: |facts| times(facts.proof.count, "NAK", "NAKs"),
    },
    Case {
        advice: "Look up in the DHCP server's log whether the device's requests arrive, and what it answers; check the relay, \
                 and that the switch lets the server's answers through (DHCP snooping). A mirror that copies one direction \
                 looks the same.",
        next: "See in the DHCP server's log whether requests arrive",
        is_silence: true,
        sentence: |facts, context| {
            format!(
                "{} was offered {} and asked for it by {}{}. No acknowledgment came, and it never used an address.",
                facts.client.name(context),
                facts.address(context),
                times(facts.proof.count, "DHCPREQUEST", "DHCPREQUESTs"),
                facts.when(context),
            )
        },
        gist: |facts| format!("no acknowledgment of {}", times(facts.proof.count, "REQUEST", "REQUESTs")),
    },
    Case {
        advice: "The offers do not reach the device, or it cannot use them: check that the switch lets them through to its port \
                 (DHCP snooping, VLAN), and that they hold what it needs.",
        next: "Check that the switch lets DHCP offers through",
        is_silence: true,
        sentence: |facts, context| {
            format!(
                "{} sent {}{}. It was offered {} {}, and asked for none.",
                facts.client.name(context),
                times(facts.proof.count, "DHCPDISCOVER", "DHCPDISCOVERs"),
                facts.when(context),
                facts.address(context),
                times(facts.more, "time", "times"),
            )
        },
        gist: |facts| format!("{} not taken up", times(facts.more, "OFFER", "OFFERs")),
    },
];

/// One device that failed in one way.
#[derive(Clone, Debug)]
struct NoLease<const CASE: usize>(LeaseFacts);

impl<const CASE: usize> Trouble for NoLease<CASE> {
    const KIND: FindingKind = FindingKind::NoLease;
    const ADVICE: &'static str = CASES[CASE].advice;
    const NEXT: &'static str = CASES[CASE].next;
    const HEADING: &'static str = "A device got no address by DHCP that it can use.";
    const HEADINGS: &'static str = "{number} devices got no address by DHCP that they can use.";

    fn sentence(&self, _: Who, context: &Context<'_>) -> String {
        (CASES[CASE].sentence)(&self.0, context)
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        (CASES[CASE].gist)(&self.0)
    }

    fn filter(&self, _: Who) -> String {
        self.0.client.filter()
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        let address = |address: IpAddr| with.address(address);
        Self(LeaseFacts {
            client: self.0.client.replaced(with),
            address: self.0.address.map(address),
            refuses: self.0.refuses.map(address),
            gives: self.0.gives.map(address),
            holder: self.0.holder.map(|mac| with.mac(mac)),
            ..self.0.clone()
        })
    }

    fn doubts(seen: &Observations<'_>, finding: &Finding) -> Doubts {
        if CASES[CASE].is_silence {
            seen.missing.of_silence(finding.first, finding.last, finding.packets)
        } else {
            Doubts::default()
        }
    }
}
