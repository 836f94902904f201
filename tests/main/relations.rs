//! Relations on real captures: transfers, answers and rejections that the corpus is known to hold.

use std::path::Path;

use igorscope::capture::Capture;
use igorscope::flow::{FlowView, Flows, Limits, Observation, Observed, Seed};
use igorscope::relation::{Link, LinkKind, RejectionCause, Relations, links};

use crate::corpus;

struct Related {
    flows: Flows,
    relations: Relations,
}

fn relate(path: &Path) -> Related {
    let mut capture = Capture::open(path, 0).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut observation = Observation::new(0, Seed::random(), Limits::default());
    while let Some(frames) = capture.next_block() {
        observation.observe(frames);
    }
    let Observed { flows, side, .. } = observation.finish();
    let relations = links(&flows, &side, 0);
    Related { flows, relations }
}

impl Related {
    /// Position of the one flow with these two ports.
    fn at(&self, ports: (u16, u16)) -> u32 {
        let fits = |place: &u32| {
            let (a, b) = self.flows.view(*place).ends.map(|end| end.port).into();
            (a, b) == ports || (b, a) == ports
        };
        let all: Vec<u32> = self.flows.places().filter(fits).collect();
        assert_eq!(all.len(), 1, "flows between ports {ports:?}");
        all[0]
    }

    /// The links of a kind.
    fn of_kind(&self, kind: LinkKind) -> Vec<(u32, Link)> {
        (0..)
            .zip(&self.relations.links)
            .filter_map(|(at, link)| link.filter(|link| link.kind == kind).map(|link| (at, link)))
            .collect()
    }
}

#[test]
fn tftp_transfers_of_real_clients_are_related_to_their_requests() {
    let Some(folder) = corpus::folder() else { return };
    // (file, client's port and server's fresh port of each transfer, requests in all), by tshark's list of packets.
    type Expected = (&'static str, &'static [(u16, u16)], usize);
    let files: [Expected; 3] = [
        ("service/tftp_rrq_small.pcap", &[(44_935, 59_557)], 1),
        ("service/tftp_wrq.pcap", &[(57_509, 2087)], 1),
        ("service/tftp_mixed_options.pcap", &[(50_618, 3445), (44_618, 62_058), (35_840, 47_649)], 6),
    ];
    for (file, expected, requests) in files {
        let related = relate(&folder.join(file));
        let mut transfers = related.of_kind(LinkKind::Tftp);
        for &(client, fresh) in expected {
            let request = Some(related.at((client, 69)));
            let link = Link { flow: request, kind: LinkKind::Tftp, probable: false, payload_fits: true };
            let at = related.at((client, fresh));
            assert!(transfers.contains(&(at, link)), "{file} {fresh}: {transfers:?}");
            transfers.retain(|(other, _)| *other != at);
        }
        assert_eq!(transfers, [], "{file}");
        assert_eq!(
            (related.relations.answered.len(), related.relations.tftp_files.len()),
            (expected.len(), requests),
            "{file}"
        );
    }
}

#[test]
fn ssdp_answers_belong_to_the_searches() {
    let Some(folder) = corpus::folder() else { return };
    let related = relate(&folder.join("service/ssdp_msearch_unicast_replies.pcap"));
    let answers = related.of_kind(LinkKind::Ssdp);
    assert!(!answers.is_empty());
    for (at, link) in &answers {
        let (answer, search) = (related.flows.view(*at), related.flows.view(link.flow.expect("a search")));
        assert!(!link.probable && link.payload_fits);
        let client = search.ends.iter().find(|end| end.packets() > 0).expect("who searched");
        assert!(answer.ends.iter().any(|end| (end.address, end.port) == (client.address, client.port)));
        assert!(search.ends.iter().any(|end| end.address.is_multicast() && end.port == 1900));
    }
    // Every unicast flow from port 1900 in this capture is an answer; tshark calls all of them ssdp.
    let from_1900 = |flow: &FlowView<'_>| {
        flow.ends.iter().all(|end| !end.address.is_multicast()) && flow.ends.iter().any(|end| end.port == 1900)
    };
    assert_eq!(answers.len(), related.flows.iter().filter(from_1900).count());
}

#[test]
fn icmp_errors_reach_the_flows_they_quote() {
    let Some(folder) = corpus::folder() else { return };
    // 5 port unreachable of the observer that had gone, about the server's notifications.
    let related = relate(&folder.join("service/coap_observe_icmp_unreach.pcap"));
    let rejections = &related.relations.rejections;
    assert_eq!(rejections.iter().map(|(_, rejection)| rejection.count).sum::<u64>(), 5);
    for (at, rejection) in rejections {
        let failed = related.flows.view(*at).ends[usize::from(rejection.failed)];
        assert_eq!((failed.port, rejection.kind, rejection.code), (5683, 3, 3), "what the server sent failed");
    }
    // The datagram to 5684 that nobody waited for.
    let related = relate(&folder.join("service/coap_and_other_udp.pcap"));
    let rejection = related.relations.rejection(related.at((49_374, 5684))).expect("it was rejected");
    assert_eq!((rejection.cause(), rejection.count), (RejectionCause::NoListener, 1));
    // As the truth counts them: host administratively prohibited, port unreachable, ICMPv6's.
    let related = relate(&folder.join("service/icmp_host_admin_prohibited_quic.pcapng"));
    let count = |codes: &[(bool, u8, u8)]| -> u64 {
        let of = |v6, kind, code| codes.contains(&(v6, kind, code));
        let found = related
            .relations
            .rejections
            .iter()
            .filter(|(_, r)| of(r.transport == igorscope::protocol::Transport::Icmpv6, r.kind, r.code));
        let orphans =
            related.relations.orphan_rejections.iter().filter(|(error, _)| of(error.v6, error.kind, error.code));
        found.map(|(_, r)| r.count).sum::<u64>() + orphans.map(|(_, window)| window.count).sum::<u64>()
    };
    assert_eq!([count(&[(false, 3, 10)]), count(&[(false, 3, 3)]), count(&[(true, 1, 4)])], [3, 18, 10]);
    // A traceroute whose probes were not captured: 9 time exceeded, 4 port unreachable.
    let related = relate(&folder.join("service/icmpv6_unreachable_and_timeexceeded.pcap"));
    let orphans = &related.relations.orphan_rejections;
    let total =
        |kind| orphans.iter().filter(|(error, _)| error.kind == kind).map(|(_, window)| window.count).sum::<u64>();
    assert_eq!((total(3), total(1)), (9, 4));
}

#[test]
fn a_transfer_without_its_request_is_probable() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/tftp-without-request.pcap");
    let related = relate(&sample);
    let transfers = related.of_kind(LinkKind::Tftp);
    assert!(!transfers.is_empty());
    assert!(transfers.iter().all(|(_, link)| link.probable && link.flow.is_none()), "{transfers:?}");
}

#[test]
fn nothing_in_the_rest_of_the_corpus_is_taken_for_a_transfer() {
    let Some(folder) = corpus::folder() else { return };
    for file in corpus::rows(&folder.join("MANIFEST.csv")) {
        let name = file["file"].as_str();
        let path = folder.join(name);
        if name.contains("tftp") || Capture::open(&path, 0).is_err() {
            continue;
        }
        let related = relate(&path);
        assert_eq!(related.of_kind(LinkKind::Tftp), [], "{name}");
        assert!(related.relations.overflows.is_empty(), "{name}");
    }
}
