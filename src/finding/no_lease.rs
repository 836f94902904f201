//! `no-lease`: devices that a DHCP server answered, and that got no address by it that they can use.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr};

use super::by_mac::Identity;
use super::devices::{Affected, Trouble, grouped};
use super::dhcp::{Client, is_repeated};
use super::phrases::{frame, lasting, times};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::capture::Timestamp;
use crate::decode::MacAddr;
use crate::flow::{DhcpExchange, Offers, Refusals, Window};
use crate::policy::FindingKind;
use crate::verdict::{Doubts, Observations};

/// Refusals by a server or a client, and requests without an answer, that are no accident.
const REPEATED: u64 = 2;
/// DISCOVERs of a device that takes up no offer: one that has an address looks for servers now and then.
const DISCOVERS: u64 = 3;

/// What was seen of one device.
#[derive(Clone, Debug)]
struct Facts {
    client: Identity,
    /// The address that it was to have.
    address: Option<IpAddr>,
    /// What shows the failure, and what else is told with it.
    count: u64,
    more: u64,
    first: Timestamp,
    last: Timestamp,
    at: Cited,
    /// The server that refuses, and another that gives.
    refuses: Option<IpAddr>,
    gives: Option<IpAddr>,
    /// Who claims the address by ARP.
    holder: Option<MacAddr>,
}

/// What failed. The first that holds is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Failure {
    Declined,
    Refused,
    Unacknowledged,
    NotTakenUp,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let (seen, clients) = (judged.seen, judged.dhcp_clients());
    if clients.is_empty() {
        return Vec::new();
    }
    let said = Said::of(seen);
    let failed: Vec<(Failure, Affected<Facts>)> =
        clients.iter().filter_map(|client| failure(seen, &said, client)).collect();
    let mut findings = told::<Declined>(seen, &failed);
    findings.extend(told::<Refused>(seen, &failed));
    findings.extend(told::<Unacknowledged>(seen, &failed));
    findings.extend(told::<NotTakenUp>(seen, &failed));
    findings
}

fn told<C: Case>(seen: &Observations<'_>, failed: &[(Failure, Affected<Facts>)]) -> Vec<Finding> {
    let of_case = failed.iter().filter(|(failure, _)| *failure == C::FAILURE);
    let devices = of_case.map(|(_, Affected { role, who, packets, first, last, what })| Affected {
        role: *role,
        who: *who,
        packets: *packets,
        first: *first,
        last: *last,
        what: NoLease(what.clone(), PhantomData::<C>),
    });
    grouped(seen, devices.collect())
}

fn failure(seen: &Observations<'_>, said: &Said<'_>, client: &Client<'_>) -> Option<(Failure, Affected<Facts>)> {
    if client.is_without_offer() {
        return None;
    }
    let refused = said.refusals.get(&client.mac).map_or(&[][..], Vec::as_slice);
    let offered = said.offers.get(&client.mac).map_or(&[][..], Vec::as_slice);
    let declines = refused.iter().map(|(_, refusals)| refusals.declines).fold(Window::NONE, Window::and);
    let leased = client.leases.iter().map(|exchange| exchange.acks.end).max();
    // Only what came after the last success failed.
    let failed =
        |exchange: &&&DhcpExchange| leased.is_none_or(|leased| exchange.discovers.and(exchange.starts).end > leased);
    let exchanges: Vec<&DhcpExchange> = client.exchanges.iter().filter(failed).copied().collect();
    let sum = |of: fn(&DhcpExchange) -> Window| exchanges.iter().map(|one| of(one)).fold(Window::NONE, Window::and);
    let (discovers, starts, naks) = (sum(|one| one.discovers), sum(|one| one.starts), sum(|one| one.naks));
    let (offers, selects, acks) = (sum(|one| one.offers), sum(|one| one.selects), sum(|one| one.acks));
    let is_heard = offers.count > 0;
    let (failure, proof, more) = if is_repeated(declines, REPEATED) && leased.is_none_or(|at| declines.end >= at) {
        (Failure::Declined, declines, 0)
    } else if is_repeated(naks, REPEATED) {
        (Failure::Refused, naks, 0)
    } else if is_repeated(selects, REPEATED) && is_heard && acks.count == 0 {
        (Failure::Unacknowledged, selects, 0)
    } else if is_repeated(discovers, DISCOVERS) && is_heard && starts.count == 0 && acks.count == 0 {
        (Failure::NotTakenUp, discovers, offers.count)
    } else {
        return None;
    };
    if client.used.is_some_and(|used| used >= proof.begin.time) {
        return None;
    }
    let declined = refused.iter().filter_map(|(_, refusals)| refusals.declined.as_ref()).min_by_key(|first| first.at);
    let selected = client.selected().map(|selected| selected.what);
    let first_offer =
        offered.iter().map(|(_, offers)| &offers.first).min_by_key(|first| first.at).map(|first| first.what.0);
    let address = declined.map(|first| first.what).or(selected).or(first_offer);
    let refuses = refused.iter().find(|(_, refusals)| refusals.naks.count > 0).map(|(server, _)| *server);
    let facts = Facts {
        client: client.identity(),
        address: address.map(IpAddr::V4),
        count: proof.count,
        more,
        first: proof.first,
        last: proof.last,
        at: Cited::new(proof.frame(), proof.first),
        refuses: refuses.filter(|server| !server.is_unspecified()).map(IpAddr::V4),
        gives: offered
            .iter()
            .map(|(server, _)| *server)
            .filter(|server| Some(*server) != refuses)
            .min()
            .map(IpAddr::V4),
        holder: address.and_then(|address| holder(seen, address, client.mac)),
    };
    Some((failure, Affected { role: client.role_at(seen, address), ..client.device(proof, facts) }))
}

/// What is looked up of clients, by their MACs.
#[derive(Default)]
struct Said<'a> {
    /// What servers refused, and what clients declined of theirs.
    refusals: BTreeMap<MacAddr, Vec<(Ipv4Addr, &'a Refusals)>>,
    /// What servers gave.
    offers: BTreeMap<MacAddr, Vec<(Ipv4Addr, &'a Offers)>>,
}

impl<'a> Said<'a> {
    fn of(seen: &Observations<'a>) -> Self {
        let mut said = Self::default();
        for ((mac, _, server), refusals) in seen.evidence.refusals() {
            said.refusals.entry(*mac).or_default().push((*server, refusals));
        }
        for ((mac, _, server), offers) in seen.evidence.link.offers() {
            said.offers.entry(*mac).or_default().push((*server, offers));
        }
        said
    }
}

/// Another device that claims an address.
fn holder(seen: &Observations<'_>, address: Ipv4Addr, client: MacAddr) -> Option<MacAddr> {
    seen.neighbours.claims_of(address).map(|(mac, _)| mac).find(|mac| *mac != client)
}

impl Facts {
    /// `10.20.0.101 (node-01)`.
    fn address(&self, context: &Context<'_>) -> String {
        self.address.map_or_else(|| "its address".into(), |address| format!("{address}{}", context.name(address)))
    }

    /// ` in 9 s, from frame 12 of ...`.
    fn when(&self, context: &Context<'_>) -> String {
        format!(" in {}, from {}", lasting(self.first, self.last), frame(context, self.at))
    }
}

/// The words for one failure.
trait Case: Clone + Debug + Send + Sync + 'static {
    const FAILURE: Failure;
    const ADVICE: &'static str;
    const NEXT: &'static str;
    /// Whether it is something that did not come, so that it may only not have been captured.
    const IS_SILENCE: bool;

    fn sentence(facts: &Facts, context: &Context<'_>) -> String;
    fn gist(facts: &Facts) -> String;
}

#[derive(Clone, Debug)]
struct Declined;

impl Case for Declined {
    const FAILURE: Failure = Failure::Declined;
    const ADVICE: &'static str = "Another device has the address that the DHCP server gives away. Find it by its MAC in the \
                                  switch's address table, and keep addresses that are set by hand out of the server's range.";
    const NEXT: &'static str = "Find who has the address that DHCP gives away";
    const IS_SILENCE: bool = false;

    fn sentence(facts: &Facts, context: &Context<'_>) -> String {
        let holder = facts.holder.map_or_else(String::new, |mac| format!(", MAC {mac}"));
        format!(
            "{} declined {} {}{}: another device has it{holder}.",
            facts.client.name(context),
            facts.address(context),
            times(facts.count, "time", "times"),
            facts.when(context),
        )
    }

    fn gist(facts: &Facts) -> String {
        times(facts.count, "DECLINE", "DECLINEs")
    }
}

#[derive(Clone, Debug)]
struct Refused;

impl Case for Refused {
    const FAILURE: Failure = Failure::Refused;
    const ADVICE: &'static str = "Look up in the log of the DHCP server that refuses why it does: the address is of another \
                                  network, taken, or in no pool of its. If it refuses what another server gives, it is not the \
                                  site's own, or the two do not share their leases: switch it off.";
    const NEXT: &'static str = "See in the DHCP server's log why it refuses";
    const IS_SILENCE: bool = false;

    fn sentence(facts: &Facts, context: &Context<'_>) -> String {
        let by = facts.refuses.map_or_else(String::new, |by| format!(" by {by}{}", context.name(by)));
        let gives = |other: IpAddr| format!(" {other}{} gives it an address.", context.name(other));
        format!(
            "{} was refused {} {}{by}{}.{}",
            facts.client.name(context),
            facts.address(context),
            times(facts.count, "time", "times"),
            facts.when(context),
            facts.gives.map_or_else(String::new, gives),
        )
    }

    fn gist(facts: &Facts) -> String {
        times(facts.count, "NAK", "NAKs")
    }
}

#[derive(Clone, Debug)]
struct Unacknowledged;

impl Case for Unacknowledged {
    const FAILURE: Failure = Failure::Unacknowledged;
    const ADVICE: &'static str = "Look up in the DHCP server's log whether the device's requests arrive, and what it answers; check \
                                  the relay, and that the switch lets the server's answers through (DHCP snooping). A mirror that \
                                  copies one direction looks the same.";
    const NEXT: &'static str = "See in the DHCP server's log whether requests arrive";
    const IS_SILENCE: bool = true;

    fn sentence(facts: &Facts, context: &Context<'_>) -> String {
        format!(
            "{} was offered {} and asked for it by {}{}. No acknowledgment came, and it never used an address.",
            facts.client.name(context),
            facts.address(context),
            times(facts.count, "DHCPREQUEST", "DHCPREQUESTs"),
            facts.when(context),
        )
    }

    fn gist(facts: &Facts) -> String {
        format!("no acknowledgment of {}", times(facts.count, "REQUEST", "REQUESTs"))
    }
}

#[derive(Clone, Debug)]
struct NotTakenUp;

impl Case for NotTakenUp {
    const FAILURE: Failure = Failure::NotTakenUp;
    const ADVICE: &'static str = "The offers do not reach the device, or it cannot use them: check that the switch lets them through \
                                  to its port (DHCP snooping, VLAN), and that they hold what it needs.";
    const NEXT: &'static str = "Check that the switch lets DHCP offers through";
    const IS_SILENCE: bool = true;

    fn sentence(facts: &Facts, context: &Context<'_>) -> String {
        format!(
            "{} sent {}{}. It was offered {} {}, and asked for none.",
            facts.client.name(context),
            times(facts.count, "DHCPDISCOVER", "DHCPDISCOVERs"),
            facts.when(context),
            facts.address(context),
            times(facts.more, "time", "times"),
        )
    }

    fn gist(facts: &Facts) -> String {
        format!("{} not taken up", times(facts.more, "OFFER", "OFFERs"))
    }
}

/// One device that failed in one way.
#[derive(Clone, Debug)]
struct NoLease<C>(Facts, PhantomData<C>);

impl<C: Case> Trouble for NoLease<C> {
    const KIND: FindingKind = FindingKind::NoLease;
    const ADVICE: &'static str = C::ADVICE;
    const NEXT: &'static str = C::NEXT;

    const HEADING: &'static str = "A device got no address by DHCP that it can use.";
    const HEADINGS: &'static str = "{number} devices got no address by DHCP that they can use.";

    fn sentence(&self, _: Who, context: &Context<'_>) -> String {
        C::sentence(&self.0, context)
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        C::gist(&self.0)
    }

    fn filter(&self, _: Who) -> String {
        self.0.client.filter()
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        let address = |address: IpAddr| with.address(address);
        let facts = Facts {
            client: self.0.client.replaced(with),
            address: self.0.address.map(address),
            refuses: self.0.refuses.map(address),
            gives: self.0.gives.map(address),
            holder: self.0.holder.map(|mac| with.mac(mac)),
            ..self.0.clone()
        };
        Self(facts, PhantomData)
    }

    fn doubts(seen: &Observations<'_>, finding: &Finding) -> Doubts {
        if C::IS_SILENCE {
            seen.missing.of_silence(finding.first, finding.last, finding.packets)
        } else {
            Doubts::default()
        }
    }
}
