//! The words of the report.

use std::collections::BTreeSet;

use super::page::{Page, put};
use crate::finding::State;
use crate::policy::{FindingKind, Reason};
use crate::verdict::{Outcome, Verdict};

const WORDS: &[(&str, &str)] = &[
    ("flow", "All packets between two ports of two hosts on one VLAN path, counted each way."),
    ("conversation", "All flows of one client with one port of one server."),
    ("client, server", "Who asked, and who was asked."),
    ("vendor's document", "The vendor's table of ports for one product, from a version on."),
    ("cell", "One port of one document, as the product offers it (in) or as it uses it elsewhere (out)."),
    ("carried, works", "The port was used, and both sides were heard."),
    ("finding", "One line that somebody should read, with what was seen, its frames, and what to do."),
    ("alert, warning, notice", "How much a finding matters: act, look, know."),
    (
        "gateway, node, BACnet system",
        "Hosts of which the vendor's documents speak, by the inventory or by what they do.",
    ),
    ("host, external, group", "Any other host of the site; an address outside it; a multicast or broadcast address."),
    ("allowance", "A rule of the site's policy file that lets something pass which the vendor does not document."),
    ("caveat", "A doubt about the capture, which weakens what rests on it."),
    ("on demand", "Used only when somebody makes it so, as by a firmware update."),
    ("mirror", "A switch port to which the switch copies what others send and receive."),
    ("Community ID", "A number by which other tools know the same flow."),
];

const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Documented => "The vendor's document lists it for this pair, this way round.",
        Verdict::Related => "It belongs to a documented exchange: the data of a TFTP request, say.",
        Verdict::SiteApproved => "An allowance of the site's own lets it pass.",
        Verdict::Supporting => "Networks need it (DHCP, DNS, time); the vendor's document does not list it.",
        Verdict::Unexpected => "One of Igor's hosts is at one end, and nothing explains it.",
        Verdict::Bystander => "None of Igor's hosts is at either end.",
    }
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Established => "It was answered.",
        Outcome::Refused => "The host said no, by a TCP reset.",
        Outcome::Rejected => "A host or router on the way said no, by an ICMP error.",
        Outcome::Unanswered => "What owes an answer got none.",
        Outcome::OneWay => "Only the client was heard, and nothing owed an answer; to a group it is called sent.",
        Outcome::Midstream => "The capture began inside it.",
    }
}

const fn state(state: State) -> &'static str {
    match state {
        State::Healthy => "Nothing was found about the device.",
        State::Slow => "It answers late.",
        State::Lossy => "Much between it and others is lost and sent again.",
        State::WasSilent => "It was silent for a while, and came back.",
        State::Unexpected => "It has conversations that nothing explains.",
        State::Blocked => "A documented port of it does not work.",
        State::OldVersion => "Its version is below what the document covers.",
        State::Underpowered => "It is given less power than it asks for, or than its class needs.",
        State::NotAuthenticated => "The switch does not let it in by 802.1X.",
        State::Restarting => "It starts again and again.",
        State::LinkFlaps => "Its link goes down and up again and again.",
        State::Silent => "It worked, and then answered no more.",
        State::AddressConflict => "Another device has its address.",
        State::NoAddress => "It asked for an address and was given none.",
        State::Absent => "The inventory names it, and nothing of it was heard.",
    }
}

const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::WrongProtocol => "The port is documented, and its payload is something else.",
        Reason::UnlistedIpProtocol => "An IP protocol that is neither TCP, UDP nor ICMP, and in no list.",
        Reason::WrongTransport => "The vendor lists the number for the other of TCP and UDP only.",
        Reason::UndocumentedPort => "The port is in no list of either end.",
        Reason::WrongDirection => "The port is documented for these two, the other way round.",
        Reason::UndocumentedPeer => "The port is documented, for another kind of peer.",
        Reason::RequestNotCaptured => "An answer, or half of a transfer, whose request the capture could not show.",
    }
}

const fn finding(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Blocked => "A documented port was refused, rejected or not answered.",
        FindingKind::StoppedAnswering => "It worked, and then went silent while requests went on.",
        FindingKind::OldVersion => "A version below what the vendor's document covers.",
        FindingKind::UnusedAllowance => "Nothing in this survey needed an allowance of the site.",
        FindingKind::NoDhcpOffer => "A device asked for an address by DHCP and was given none.",
        FindingKind::NoLease => "A DHCP server answered a device, and it got no address that it can use.",
        FindingKind::AddressConflict => "Two devices have one address.",
        FindingKind::AddressChanged => "DHCP gave a device another address meanwhile.",
        FindingKind::Restarting => "A device starts again and again.",
        FindingKind::LinkFlaps => "A device's link goes down and up again and again, while it runs on.",
        FindingKind::NeverHeard => "Nothing of a device of the inventory was captured.",
        FindingKind::RejectedUnseen => "ICMP errors speak of packets that were not captured.",
        FindingKind::PoeTooLittle => "A device is given less power than it asks for.",
        FindingKind::PoeNotNegotiated => "A device never negotiates the power that its class needs.",
        FindingKind::NotAuthenticated => "A device begins 802.1X, and the switch never lets it in.",
        FindingKind::TopologyChanges => "A spanning tree changes again and again.",
        FindingKind::ForwardsLate => "A switch port waits long before it forwards.",
        FindingKind::NoQuerier => "Nobody asks who listens to which group, and requests to groups go unanswered.",
        FindingKind::SecondDhcpServer => "Two DHCP servers answer the same clients.",
        FindingKind::BroadcastStorm => "Broadcasts come at a rate that nothing explains.",
        FindingKind::PacketsTooBig => "Packets do not fit the path, again and again.",
        FindingKind::LostFragments => "Packets that came in pieces lack some.",
        FindingKind::SlowDevice => "A device answers much later than others of its role.",
        FindingKind::Overloaded => "A device answers slower the more it is asked.",
        FindingKind::LossyPath => "Much is lost between two hosts.",
        FindingKind::SlowTransfer => "A file was transferred slowly.",
        FindingKind::WentSilent => "A device was silent for much longer than it usually is.",
        FindingKind::SilentTogether => "Several devices were silent at the same time.",
        FindingKind::OtherAddress => "A server answered from another address than it was asked at.",
        FindingKind::RefusedTransfer => "A file was asked for by TFTP, and refused.",
    }
}

pub(super) fn write(page: &mut Page) {
    page.section("words", "Words");
    put!(page, "<dl class=\"words\">");
    let verdicts = Verdict::ALL.map(|word| (word.name(), verdict(word)));
    let outcomes = Outcome::ALL.map(|word| (word.name(), outcome(word)));
    let states = State::ALL.map(|word| (word.name(), state(word)));
    let reasons = Reason::ALL.map(|word| (word.name(), reason(word)));
    let findings = FindingKind::ALL.map(|word| (word.name(), finding(word)));
    // Some are both a finding and the state of a device.
    let mut told = BTreeSet::new();
    let all = WORDS.iter().copied().chain(verdicts).chain(outcomes).chain(reasons).chain(findings).chain(states);
    for (word, meaning) in all.filter(|(word, _)| told.insert(*word)) {
        put!(page, "<dt>{}</dt><dd>{}</dd>", word.replace('-', " "), meaning);
    }
    put!(page, "</dl>");
    page.end_section();
}
