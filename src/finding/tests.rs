//! Findings: their groups, words, advice and filters, on small surveys made by hand.

use std::ops::Deref;
use std::path::Path;

use super::*;
use crate::capture::Moment;
use crate::flow::TftpFile;
use crate::policy::Direction::Incoming;
use crate::protocol::{Evidence, Protocol};
use crate::relation::{Announcement, Link, LinkKind, Rejection};
use crate::verdict::tests::{COAP, Course, GATEWAY, GROUP, JUNK, NODES, Site, address, cell, seconds, site};
use crate::verdict::{CellCoverage, CellState, Conversation, Judgement, Missing, cover};

const READ: &[u8] = b"\0\x01node.bin\0octet\0";

/// What was judged and found.
struct Found {
    flows: Vec<Judgement>,
    conversations: Vec<Conversation>,
    coverage: Vec<CellCoverage>,
    findings: Vec<Read>,
}

/// A finding with its words.
#[derive(Debug)]
struct Read {
    finding: Finding,
    words: Words,
}

impl Deref for Read {
    type Target = Finding;

    fn deref(&self) -> &Finding {
        &self.finding
    }
}

fn judge(site: &Site) -> Found {
    site.judge_with(|seen, judged| {
        let context = Context { hosts: seen.hosts, policy: seen.policy, inputs: vec!["survey.pcap"] };
        let read = |finding: Finding| Read { words: finding.words(&context), finding };
        Found {
            flows: judged.flows.clone(),
            conversations: judged.conversations.clone(),
            coverage: cover(seen, judged).0,
            findings: find(seen, judged).0.into_iter().map(read).collect(),
        }
    })
}

#[test]
fn one_line_for_the_nodes_that_are_blocked_alike() {
    let mut site = site();
    site.flow(Transport::Tcp, (NODES[0], 40_000), (GATEWAY, 80), 5, 4);
    for node in NODES {
        site.flow(Transport::Udp, (node, 40_000), (GATEWAY, 69), 4, 0).says[0] = READ;
    }
    site.flow(Transport::Tcp, (NODES[0], 40_001), (GATEWAY, 80), 5, 4);
    let found = judge(&site);
    let [finding] = &found.findings[..] else { panic!("{:#?}", found.findings) };
    assert_eq!((finding.severity, finding.kind.name()), (Severity::Alert, "blocked"));
    assert_eq!((finding.verdict, finding.outcome), (Some(Verdict::Documented), Some(Outcome::Unanswered)));
    assert_eq!((finding.words.client.as_str(), finding.words.server.as_str()), ("10.0.1.1;10.0.1.2;10.0.1.3", GATEWAY));
    assert_eq!((finding.flows, finding.packets, finding.words.service.as_str()), (3, 12, "TFTP"));
    assert_eq!(
        finding.words.detail,
        "UDP 69 (TFTP) is documented here and no answer was seen: 12 tries. 3 conversations: 3 nodes with 1 gateway. \
         10.0.1.1 to 10.0.0.1: 4 packets there, 0 back, from frame 10 of survey.pcap at 2023-11-14T22:13:40.000Z. \
         10.0.1.2 to 10.0.0.1: 4 packets there, 0 back, from frame 14 of survey.pcap at 2023-11-14T22:13:50.000Z. \
         10.0.1.3 to 10.0.0.1: 4 packets there, 0 back, from frame 18 of survey.pcap at 2023-11-14T22:14:00.000Z."
    );
    assert!(finding.words.advice.starts_with("The host is alive"), "{}", finding.words.advice);
    assert_eq!(finding.words.rule, "Igor Gateway Software 1.12.1 and higher, incoming UDP 69 (TFTP)");
    assert_eq!(
        finding.words.display_filter,
        "(ip.src in {10.0.1.1, 10.0.1.2, 10.0.1.3} && ip.dst == 10.0.0.1 && udp.dstport == 69)"
    );
    assert_eq!(found.flows[1].severity, Some(Severity::Alert));
    assert_eq!(cell(&found.coverage, 0, Incoming, Transport::Udp, 69).state, CellState::Blocked);
    assert_eq!(cell(&found.coverage, 0, Incoming, Transport::Udp, 69).peer_states, [0, 0, 0, 3, 0]);
}

#[test]
fn each_way_of_being_blocked_has_its_cause() {
    let advice = |change: &dyn Fn(&mut Site)| {
        let mut site = site();
        site.flow(Transport::Tcp, (GATEWAY, 40_000), (NODES[0], 88), 3, 0);
        change(&mut site);
        let found = judge(&site);
        let [finding] = &found.findings[..] else { panic!("{:#?}", found.findings) };
        assert_eq!(finding.kind.name(), "blocked");
        (
            finding.outcome.unwrap(),
            finding.words.advice.chars().take(34).collect::<String>(),
            finding.words.detail.clone(),
        )
    };
    let icmp = |code, sender: &str| Rejection {
        transport: Transport::Icmp,
        kind: 3,
        code,
        sender: address(sender),
        by_destination: sender == NODES[0],
        failed: 0,
        at: Moment { time: seconds(0), frame: FrameId::new(0, 12) },
        time: seconds(3),
        count: 3,
    };
    let reject =
        |code, sender: &'static str| move |site: &mut Site| site.relations.rejections.push((0, icmp(code, sender)));
    let answer = |course| move |site: &mut Site| (site.talks[0].packets[1], site.talks[0].course) = (3, course);
    let alive = |site: &mut Site| {
        site.flow(Transport::Tcp, (GATEWAY, 40_001), (NODES[0], 80), 3, 3);
    };
    type Expectation<'a> = (&'a dyn Fn(&mut Site), Outcome, &'a str);
    let table: [Expectation<'_>; 9] = [
        (&|_| (), Outcome::Unanswered, "Nothing at all was captured from t"),
        (&alive, Outcome::Unanswered, "The host is alive (other packets o"),
        (&answer(Course::Refuses), Outcome::Refused, "The host answers, but refuses: not"),
        (&answer(Course::HalfOpen), Outcome::Unanswered, "The server accepts, but its answer"),
        (&reject(3, NODES[0]), Outcome::Rejected, "The host itself says that the port"),
        (&reject(13, "10.0.0.254"), Outcome::Rejected, "A firewall or router that sent the"),
        (&reject(13, NODES[0]), Outcome::Rejected, "The host's own firewall forbids it"),
        (&reject(1, "10.0.0.254"), Outcome::Rejected, "A router knows the network but got"),
        (&reject(0, "10.0.0.254"), Outcome::Rejected, "A router has no route. Check the r"),
    ];
    for (change, outcome, words) in table {
        let (found, advice, _) = advice(change);
        assert_eq!((found, advice.as_str()), (outcome, words));
    }
    let (_, _, detail) = advice(&reject(13, "10.0.0.254"));
    assert!(
        detail
            .contains("10.0.0.254 sent communication administratively prohibited (type 3 code 13), frame 12 of survey.pcap at 2023-"),
        "{detail}"
    );
}

#[test]
fn what_explains_a_finding_is_told_and_a_strangers_text_is_harmless() {
    let mut site = site();
    site.flow(Transport::Tcp, (NODES[0], 40_000), ("10.0.3.1", 8080), 5, 4);
    site.flow(Transport::Udp, (NODES[0], 41_001), (NODES[1], 69), 1, 0);
    let announcement = Announcement {
        announcer: address("10.0.3.1"),
        location: "10.0.3.1:8080".parse().unwrap(),
        time: seconds(0),
        at: Moment { time: seconds(0), frame: FrameId::new(0, 4) },
        flow: None,
    };
    site.relations.announced = [(0, announcement)].into();
    let name: &[u8] = b"fw\x1b[31m\x00.bin";
    site.relations.tftp_files = [(1, TftpFile { name: name.into(), write: false })].into();
    let found = judge(&site);
    let detail = |port| found.findings.iter().find(|one| one.server_port == Some(port)).unwrap().words.detail.clone();
    assert!(
        detail(8080).contains(
            " 10.0.3.1 had announced 10.0.3.1:8080 by SSDP, in frame 4 of survey.pcap at 2023-11-14T22:13:20.000Z."
        ),
        "{}",
        detail(8080)
    );
    assert!(detail(69).contains(r#" The first file to read is "fw\x1b[31m\x00.bin"."#), "{}", detail(69));
}

#[test]
fn a_finding_speaks_only_of_the_flows_it_means() {
    let mut site = site();
    site.flow(Transport::Udp, (GATEWAY, 5683), (NODES[0], 5683), 50, 40).says = [COAP; 2];
    site.flow(Transport::Udp, (GATEWAY, 41_000), (NODES[0], 5683), 3, 0).says[0] = JUNK;
    let found = judge(&site);
    let [finding] = &found.findings[..] else { panic!("{:#?}", found.findings) };
    assert_eq!((finding.kind.name(), finding.flows, finding.packets, finding.bytes), ("wrong-protocol", 1, 3, 300));
    assert_eq!((finding.outcome, found.conversations[0].outcome), (Some(Outcome::OneWay), Outcome::Established));
    assert_eq!(finding.words.service, "");
    assert!(
        finding
            .words
            .detail
            .contains("Only the client was seen to send. 10.0.0.1 to 10.0.1.1: 3 packets there, 0 back, from frame 91"),
        "{}",
        finding.words.detail
    );
    assert!(
        finding.words.display_filter.starts_with(
            "(ip.src == 10.0.0.1 && ip.dst == 10.0.1.1 && udp.srcport == 41000 && udp.dstport == 5683) || "
        ),
        "{}",
        finding.words.display_filter
    );
}

#[test]
fn many_ports_are_one_finding() {
    let mut site = site();
    for port in 1..100u16 {
        site.flow(Transport::Tcp, ("10.0.3.1", 40_000), (NODES[0], 2000 + port), 1, 1);
    }
    for port in [22, 23] {
        site.flow(Transport::Tcp, ("10.0.3.1", 40_000), (NODES[0], port), 1, 0);
    }
    let found = judge(&site);
    let ports: Vec<_> = found.findings.iter().map(|finding| (finding.server_port, finding.flows)).collect();
    assert_eq!(ports, [(None, 99), (Some(22), 1), (Some(23), 1)]);
    assert!(
        found.findings[0].words.detail.starts_with("Each of TCP 2001, 2002, "),
        "{}",
        found.findings[0].words.detail
    );
    assert!(found.findings[0].words.display_filter.contains("tcp.dstport in {2001..2099}"));
}

#[test]
fn an_old_version_is_told_and_makes_verdicts_advisory() {
    let mut site = site();
    site.versions = vec![(NODES[0], "3.0.9"), (NODES[1], "3.10.0"), (GATEWAY, "1.9.9")];
    site.flow(Transport::Tcp, (NODES[0], 40_000), (NODES[1], 80), 5, 4);
    site.flow(Transport::Tcp, (NODES[1], 40_000), (GATEWAY, 80), 5, 4);
    let found = judge(&site);
    let old: Vec<_> = found.findings.iter().filter(|finding| finding.kind.name() == "old-version").collect();
    assert_eq!(
        old.iter().map(|finding| finding.words.client.as_str()).collect::<Vec<_>>(),
        [NODES[0], GATEWAY],
        "most packets first"
    );
    assert!(
        old[0].words.detail.contains("Igor Firmware 3.1.0 and higher: 10.0.1.1 has 3.0.9."),
        "{}",
        old[0].words.detail
    );
    assert_eq!(old[0].words.display_filter, "ip.addr == 10.0.1.1");
    let peer = found.findings.iter().find(|finding| finding.kind.name() == "undocumented-peer").unwrap();
    assert!(peer.words.detail.ends_with("so this is advisory."), "{}", peer.words.detail);
}

#[test]
fn a_doubtful_capture_weakens_what_is_said_of_silence() {
    let mut site = site();
    site.missing = Missing { dropped: 12, ..Missing::default() };
    site.flow(Transport::Tcp, (GATEWAY, 40_000), (NODES[0], 88), 1, 0);
    let found = judge(&site);
    let detail = &found.findings[0].words.detail;
    assert!(detail.ends_with("12 packets were lost while capturing, and there was 1 try."), "{detail}");
}

#[test]
fn findings_are_sorted_by_severity_then_packets() {
    let mut site = site();
    site.flow(Transport::Tcp, ("10.0.3.1", 40_000), (GATEWAY, 80), 50, 50);
    site.flow(Transport::Tcp, (NODES[0], 40_000), (NODES[1], 80), 5, 5);
    site.flow(Transport::Tcp, (NODES[0], 40_000), (GATEWAY, 22), 1, 1);
    site.flow(Transport::Tcp, (NODES[0], 40_000), (GATEWAY, 23), 2, 2);
    let found = judge(&site);
    let order: Vec<_> = found.findings.iter().map(|finding| (finding.severity, finding.packets)).collect();
    assert_eq!(order, [(Severity::Alert, 4), (Severity::Alert, 2), (Severity::Warning, 10), (Severity::Notice, 100)]);
    assert!(found.conversations.is_sorted_by_key(|one| std::cmp::Reverse(one.packets[0] + one.packets[1])));
    for judgement in &found.flows {
        assert_eq!(found.conversations[judgement.conversation as usize].client, judgement.client_host);
    }
}

#[test]
fn a_conversation_that_worked_and_then_failed_has_stopped_answering() {
    let mut site = site();
    site.flow(Transport::Tcp, (NODES[0], 40_000), (GATEWAY, 80), 5, 4);
    for port in 40_001..40_004 {
        site.flow(Transport::Tcp, (NODES[0], port), (GATEWAY, 80), 4, 0);
    }
    let found = judge(&site);
    assert_eq!(found.conversations[0].outcome, Outcome::Established);
    assert!(found.conversations[0].stopped_answering);
    let [finding] = &found.findings[..] else { panic!("{:#?}", found.findings) };
    assert_eq!((finding.severity, finding.kind.name()), (Severity::Warning, "stopped-answering"));
    assert!(finding.words.detail.contains("12 tries came to nothing since"), "{}", finding.words.detail);
    assert_eq!(found.flows[1].outcome, Outcome::Unanswered, "each connection keeps its own outcome");

    site.flow(Transport::Tcp, (NODES[0], 40_009), (GATEWAY, 80), 5, 4);
    assert!(!judge(&site).conversations[0].stopped_answering, "it answers again");
}

#[test]
fn relations_speak_for_what_belongs_to_them() {
    let mut site = site();
    site.flow(Transport::Udp, (NODES[0], 41_000), (GATEWAY, 69), 1, 0).says[0] = READ;
    site.flow(Transport::Udp, (NODES[0], 41_000), (GATEWAY, 60_001), 9, 9);
    // A node's TFTP with another node is not documented, and neither is its data.
    site.flow(Transport::Udp, (NODES[0], 41_001), (NODES[1], 69), 1, 0).says[0] = READ;
    site.flow(Transport::Udp, (NODES[0], 41_001), (NODES[1], 60_002), 9, 9);
    // An office PC searches for UPnP devices, and a node answers: whoever asked.
    site.flow(Transport::Udp, ("10.0.3.1", 42_000), (GROUP, 1900), 1, 0);
    site.flow(Transport::Udp, (NODES[2], 43_000), ("10.0.3.1", 42_000), 1, 0);
    let link = |flow, kind| Some(Link { flow: Some(flow), kind, probable: false, payload_fits: true });
    site.relations.links =
        vec![None, link(0, LinkKind::Tftp), None, link(2, LinkKind::Tftp), None, link(4, LinkKind::Ssdp)];
    site.relations.answered = [(0, 1), (2, 1), (4, 1)].into();
    let found = judge(&site);
    let verdicts: Vec<_> = found.flows.iter().map(|judgement| judgement.verdict).collect();
    assert_eq!(
        verdicts,
        [
            Verdict::Documented,
            Verdict::Related,
            Verdict::Unexpected,
            Verdict::Unexpected,
            Verdict::Bystander,
            Verdict::Related
        ]
    );
    assert_eq!(found.flows[1].related_to, Some(0));
    assert_eq!((found.flows[1].payload, found.flows[1].payload_protocol), (Evidence::Conforms, Some(Protocol::Tftp)));
    assert_eq!(found.flows[0].outcome, Outcome::Established, "the data answers the request");
    assert_eq!(found.flows[4].outcome, Outcome::Established);
    let [finding] = &found.findings[..] else { panic!("{:#?}", found.findings) };
    assert_eq!((finding.kind.name(), finding.server_port, finding.flows), ("undocumented-peer", Some(69), 2));
    assert!(finding.words.display_filter.contains("udp.dstport in {69, 60002}"), "{}", finding.words.display_filter);
}

#[test]
fn an_allowance_covers_the_whole_exchange_and_an_unused_one_is_told() {
    let mut site = site();
    site.policy = Policy::parse(
        r#"
            extends = "igor"
            [[allowance]]
            from = "node"
            to = "node"
            transport = "udp"
            ports = 69
            reason = "nodes hand firmware on"
            [[allowance]]
            name = "old backup"
            from = "gateway"
            to = "10.9.9.9"
            reason = "backup until March"
        "#,
        Path::new("site.toml"),
    )
    .unwrap();
    site.flow(Transport::Udp, (NODES[0], 41_001), (NODES[1], 69), 1, 0);
    site.flow(Transport::Udp, (NODES[0], 41_001), (NODES[1], 60_002), 9, 9);
    site.relations.links =
        vec![None, Some(Link { flow: Some(0), kind: LinkKind::Tftp, probable: false, payload_fits: false })];
    let found = judge(&site);
    assert!(found.flows.iter().all(|judgement| judgement.verdict == Verdict::SiteApproved));
    assert!(found.flows.iter().all(|judgement| judgement.rule == Rule::Allowance(0)));
    let [finding] = &found.findings[..] else { panic!("{:#?}", found.findings) };
    assert_eq!((finding.severity, finding.kind.name()), (Severity::Warning, "unused-allowance"));
    assert!(finding.words.rule.starts_with("allowance \"old backup\" (line 9)"), "{}", finding.words.rule);
}

#[test]
fn what_runs_on_a_documented_port_must_be_its_protocol() {
    let mut site = site();
    site.flow(Transport::Tcp, (GATEWAY, 40_000), (NODES[0], 80), 5, 4).says[1] = b"SSH-2.0-OpenSSH_9.2\r\n";
    site.flow(Transport::Tcp, (GATEWAY, 40_000), (NODES[1], 80), 5, 4).says[0] = b"GET / HTTP/1.1\r\n\r\n";
    // Who-Is, to all (ANSI/ASHRAE 135 clause 16.10).
    let who_is = b"\x81\x0b\x00\x0c\x01\x20\xff\xff\x00\xff\x10\x08";
    site.flow(Transport::Udp, ("10.0.2.1", 47_809), (GATEWAY, 47_809), 5, 4).says[0] = who_is;
    let found = judge(&site);
    assert_eq!(found.flows[0].reason, Some(Reason::WrongProtocol));
    assert_eq!((found.flows[0].payload, found.flows[0].payload_protocol), (Evidence::Violates, Some(Protocol::Ssh)));
    assert_eq!((found.flows[1].payload, found.flows[1].payload_protocol), (Evidence::Conforms, Some(Protocol::Http)));
    assert_eq!((found.flows[2].payload, found.flows[2].payload_protocol), (Evidence::Conforms, Some(Protocol::Bacnet)));
    let finding = &found.findings[0];
    assert_eq!((finding.kind.name(), finding.words.service.as_str()), ("wrong-protocol", "ssh"));
    assert!(finding.words.detail.starts_with("TCP 80 (HTTP) is documented for HTTP, but the payload is ssh."));
    assert_eq!(found.findings[1].words.service, "bacnet");
    assert!(
        found.findings[1].words.detail.starts_with("UDP 47809 is in no list of either end. The payload is bacnet.")
    );
    assert_eq!(cell(&found.coverage, 1, Incoming, Transport::Tcp, 80).hosts, [1, 0, 0, 0, 1]);
}
