//! Findings: their groups, words, advice and filters.

use super::*;

#[test]
fn one_line_for_the_nodes_that_are_blocked_alike() {
    let mut site = site();
    for (at, node) in NODES.iter().enumerate() {
        let flow = site.flow(Transport::Udp, (node, 40_000), (GATEWAY, 69), 4, 0);
        flow.ends[0].asks = true;
        flow.ends[0].begin.frame = FrameId::new(0, 7 + at as u64);
    }
    site.flow(Transport::Tcp, (NODES[0], 40_000), (GATEWAY, 80), 5, 4);
    let (found, _) = site.judge();
    let [finding] = &found.findings[..] else { panic!("{:#?}", found.findings) };
    assert_eq!((finding.severity, finding.reason), (Severity::Alert, "blocked"));
    assert_eq!((finding.verdict, finding.outcome), (Some(Verdict::Documented), Some(Outcome::Unanswered)));
    assert_eq!((finding.client.as_str(), finding.server.as_str()), ("10.0.1.1;10.0.1.2;10.0.1.3", GATEWAY));
    assert_eq!((finding.flows, finding.packets, finding.service.as_str()), (3, 12, "TFTP"));
    assert_eq!(
        finding.detail,
        "UDP 69 (TFTP) is documented here and no answer was seen: 12 tries. 3 conversations: 3 nodes with 1 gateway. \
         10.0.1.1 to 10.0.0.1: 4 packets there, 0 back, from frame 7 of survey.pcap at 2023-11-14T22:13:30.000000000Z. \
         10.0.1.2 to 10.0.0.1: 4 packets there, 0 back, from frame 8 of survey.pcap at 2023-11-14T22:13:40.000000000Z. \
         10.0.1.3 to 10.0.0.1: 4 packets there, 0 back, from frame 9 of survey.pcap at 2023-11-14T22:13:50.000000000Z."
    );
    assert!(finding.advice.starts_with("The host is alive"), "{}", finding.advice);
    assert_eq!(finding.rule, "Igor Gateway Software 1.12.1 and higher, incoming UDP 69 (TFTP)");
    assert_eq!(
        finding.display_filter,
        "(ip.src in {10.0.1.1, 10.0.1.2, 10.0.1.3} && ip.dst == 10.0.0.1 && udp.dstport == 69)"
    );
    assert_eq!(found.flows[0].severity, Some(Severity::Alert));
    assert_eq!(cell(&found, 0, Incoming, Transport::Udp, 69).state, CellState::Blocked);
    assert_eq!(cell(&found, 0, Incoming, Transport::Udp, 69).peer_states, [0, 0, 3, 0]);
}

#[test]
fn each_way_of_being_blocked_has_its_cause() {
    let advice = |change: &dyn Fn(&mut Site)| {
        let mut site = site();
        site.flow(Transport::Tcp, (GATEWAY, 40_000), (NODES[0], 88), 3, 0).ends[0].syns = 3;
        change(&mut site);
        let (found, _) = site.judge();
        let [finding] = &found.findings[..] else { panic!("{:#?}", found.findings) };
        assert_eq!(finding.reason, "blocked");
        (finding.outcome.unwrap(), finding.advice.chars().take(34).collect::<String>(), finding.detail.clone())
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
    let refuse = |site: &mut Site| {
        let end = &mut site.flows[0].ends[1];
        (end.packets, end.resets, end.tcp_flags) = (3, 3, TcpFlags(TcpFlags::RST | TcpFlags::ACK));
    };
    let half_open = |site: &mut Site| {
        let end = &mut site.flows[0].ends[1];
        (end.packets, end.syn_acks, end.tcp_flags) = (3, 3, TcpFlags(TcpFlags::SYN | TcpFlags::ACK));
    };
    let alive = |site: &mut Site| {
        site.flow(Transport::Tcp, (GATEWAY, 40_001), (NODES[0], 80), 3, 3);
    };
    type Row<'a> = (&'a dyn Fn(&mut Site), Outcome, &'a str);
    let table: [Row<'_>; 9] = [
        (&|_| (), Outcome::Unanswered, "Nothing at all was captured from t"),
        (&alive, Outcome::Unanswered, "The host is alive (other packets o"),
        (&refuse, Outcome::Refused, "The host answers, but refuses: not"),
        (&half_open, Outcome::Unanswered, "The server accepts, but its answer"),
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
    let (found, _) = site.judge();
    let detail = |port| found.findings.iter().find(|one| one.server_port == Some(port)).unwrap().detail.clone();
    assert!(
        detail(8080).contains(
            " 10.0.3.1 had announced 10.0.3.1:8080 by SSDP, in frame 4 of survey.pcap at 2023-11-14T22:13:20.000000000Z."
        ),
        "{}",
        detail(8080)
    );
    assert!(detail(69).contains(r#" The first file to read is "fw\x1b[31m\x00.bin"."#), "{}", detail(69));
}

#[test]
fn a_finding_speaks_only_of_the_flows_it_means() {
    let mut site = site();
    site.flow(Transport::Udp, (GATEWAY, 5683), (NODES[0], 5683), 50, 40).ends[0].conforms = Protocol::Coap.bit();
    site.flow(Transport::Udp, (GATEWAY, 41_000), (NODES[0], 5683), 3, 0).ends[0].violates = Protocol::Coap.bit();
    let (found, _) = site.judge();
    let [finding] = &found.findings[..] else { panic!("{:#?}", found.findings) };
    assert_eq!((finding.reason, finding.flows, finding.packets, finding.bytes), ("wrong-protocol", 1, 3, 300));
    assert_eq!((finding.outcome, found.conversations[0].outcome), (Some(Outcome::OneWay), Outcome::Established));
    assert_eq!(finding.service, "");
    assert!(
        finding
            .detail
            .contains("Only the client was seen to send. 10.0.0.1 to 10.0.1.1: 3 packets there, 0 back, from frame 20"),
        "{}",
        finding.detail
    );
    assert!(
        finding.display_filter.starts_with(
            "(ip.src == 10.0.0.1 && ip.dst == 10.0.1.1 && udp.srcport == 41000 && udp.dstport == 5683) || "
        ),
        "{}",
        finding.display_filter
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
    let (found, _) = site.judge();
    let ports: Vec<_> = found.findings.iter().map(|finding| (finding.server_port, finding.flows)).collect();
    assert_eq!(ports, [(None, 99), (Some(22), 1), (Some(23), 1)]);
    assert!(found.findings[0].detail.starts_with("Each of TCP 2001, 2002, "), "{}", found.findings[0].detail);
    assert!(found.findings[0].display_filter.contains("tcp.dstport in {2001..2099}"));
}

#[test]
fn an_old_version_is_told_and_makes_verdicts_advisory() {
    let mut site = site();
    site.versions = vec![(NODES[0], "3.0.9"), (NODES[1], "3.10.0"), (GATEWAY, "1.9.9")];
    site.flow(Transport::Tcp, (NODES[0], 40_000), (NODES[1], 80), 5, 4);
    site.flow(Transport::Tcp, (NODES[1], 40_000), (GATEWAY, 80), 5, 4);
    let (found, _) = site.judge();
    let old: Vec<_> = found.findings.iter().filter(|finding| finding.reason == "old-version").collect();
    assert_eq!(
        old.iter().map(|finding| finding.client.as_str()).collect::<Vec<_>>(),
        [NODES[0], GATEWAY],
        "most packets first"
    );
    assert!(old[0].detail.contains("Igor Firmware 3.1.0 and higher: 10.0.1.1 has 3.0.9."), "{}", old[0].detail);
    assert_eq!(old[0].display_filter, "ip.addr == 10.0.1.1");
    let peer = found.findings.iter().find(|finding| finding.reason == "undocumented-peer").unwrap();
    assert!(peer.detail.ends_with("so this is advisory."), "{}", peer.detail);
}

#[test]
fn a_doubtful_capture_weakens_what_is_said_of_silence() {
    let mut site = site();
    site.missing = Missing { dropped: 12, ..Missing::default() };
    site.flow(Transport::Tcp, (GATEWAY, 40_000), (NODES[0], 88), 1, 0);
    let (found, _) = site.judge();
    let detail = &found.findings[0].detail;
    assert!(detail.ends_with("12 packets were lost while capturing, and there was 1 try."), "{detail}");
}

#[test]
fn findings_are_sorted_by_severity_then_packets() {
    let mut site = site();
    site.flow(Transport::Tcp, ("10.0.3.1", 40_000), (GATEWAY, 80), 50, 50);
    site.flow(Transport::Tcp, (NODES[0], 40_000), (NODES[1], 80), 5, 5);
    site.flow(Transport::Tcp, (NODES[0], 40_000), (GATEWAY, 22), 1, 1);
    site.flow(Transport::Tcp, (NODES[0], 40_000), (GATEWAY, 23), 2, 2);
    let (found, _) = site.judge();
    let order: Vec<_> = found.findings.iter().map(|finding| (finding.severity, finding.packets)).collect();
    assert_eq!(order, [(Severity::Alert, 4), (Severity::Alert, 2), (Severity::Warning, 10), (Severity::Notice, 100)]);
    assert!(found.conversations.is_sorted_by_key(|one| std::cmp::Reverse(one.packets[0] + one.packets[1])));
    for judgement in &found.flows {
        assert_eq!(found.conversations[judgement.conversation as usize].client, judgement.client_host);
    }
}
