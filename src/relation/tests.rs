//! Scenes of packets, and what of them belongs together.

use super::*;
use crate::capture::Timestamp;
use crate::decode::TcpFlags;
use crate::flow::Observed;
use crate::flow::scene::{Scene, Socket};

impl Scene {
    /// Position of the flow between two ends.
    fn flow(&self, a: &str, b: &str) -> u32 {
        let (a, b) = (a.endpoint(), b.endpoint());
        let ends = |flow: &FlowView<'_>| flow.ends.map(|end| (end.address, end.port));
        self.observe().flows.iter().position(|flow| ends(&flow) == [a.min(b), a.max(b)]).expect("the flow was made")
            as u32
    }

    fn links(&self) -> Relations {
        let observed = self.observe();
        links(&observed.flows, &observed.side, 0)
    }

    /// The link of the flow between two ends.
    fn link(&self, a: &str, b: &str) -> Option<Link> {
        self.links().link(self.flow(a, b))
    }
}

const RRQ: &[u8] = b"\0\x01node.bin\0octet\0";
const WRQ: &[u8] = b"\0\x02log.txt\0octet\0";
const DATA_1: &[u8] = b"\0\x03\0\x01hello";
const ACK_0: &[u8] = b"\0\x04\0\0";
const ACK_1: &[u8] = b"\0\x04\0\x01";
const OACK: &[u8] = b"\0\x06blksize\x001024\0";
const ERROR_5: &[u8] = b"\0\x05\0\x05Unknown transfer ID\0";
const NOT_FOUND: &[u8] = b"\0\x05\0\x01File not found\0";
const JUNK: &[u8] = b"\xde\xad\xbe\xef\x01\x02";

const CLIENT: &str = "10.0.0.5:40000";
const SERVER: &str = "10.0.0.1:69";
const FRESH: &str = "10.0.0.1:50001";

fn tftp(cause: Option<u32>, probable: bool, payload_fits: bool) -> Option<Link> {
    Some(Link { flow: cause, kind: LinkKind::Tftp, probable, payload_fits })
}

#[test]
fn tftp_first_replies_fix_the_servers_port() {
    // Request, first reply, whether that is an answer (RFC 1350 section 4, RFC 2347).
    for (request, reply, fits) in [
        (RRQ, DATA_1, true),
        (RRQ, OACK, true),
        (RRQ, NOT_FOUND, true),
        (RRQ, ACK_0, false),
        (RRQ, JUNK, false),
        (WRQ, ACK_0, true),
        (WRQ, OACK, true),
        (WRQ, NOT_FOUND, true),
        (WRQ, DATA_1, false),
    ] {
        let mut scene = Scene::default();
        scene.udp(CLIENT, SERVER, request).at(3).udp(FRESH, CLIENT, reply);
        assert_eq!(
            scene.link(FRESH, CLIENT),
            if fits { tftp(Some(0), false, true) } else { None },
            "{request:?} {reply:?}"
        );
        assert_eq!(scene.links().answered.get(&0).copied(), fits.then_some(1));
        assert_eq!(scene.link(CLIENT, SERVER), None);
        let file = &scene.links().tftp_files[&0];
        assert_eq!((file.write, file.name.is_empty()), (request == WRQ, false));
    }
}

#[test]
fn tftp_transfers_begin_within_300_seconds_of_the_last_request() {
    for (begins, related) in [(299_000, true), (301_000, true), (309_999, true), (310_001, false)] {
        let mut scene = Scene::default();
        scene.udp(CLIENT, SERVER, RRQ).at(10_000).udp(CLIENT, SERVER, RRQ).at(begins).udp(FRESH, CLIENT, DATA_1);
        assert_eq!(scene.link(FRESH, CLIENT).is_some(), related, "after {begins} ms");
    }
    let mut scene = Scene::default();
    scene.at(5000).udp(FRESH, CLIENT, DATA_1).at(6000).udp(CLIENT, SERVER, RRQ);
    assert_eq!(scene.link(FRESH, CLIENT), None, "data long before its request");
}

#[test]
fn one_request_causes_one_transfer_and_each_retry_may_cause_another() {
    let mut scene = Scene::default();
    scene.udp(CLIENT, SERVER, RRQ).at(1).udp(FRESH, CLIENT, DATA_1).at(2).udp("10.0.0.1:50002", CLIENT, DATA_1);
    assert!(scene.link(FRESH, CLIENT).is_some());
    assert_eq!(scene.link("10.0.0.1:50002", CLIENT), None, "the exact pair is fixed");
    // With a retry the server opens a second port, and the client rejects it with ERROR 5.
    scene.udp(CLIENT, SERVER, RRQ).udp(CLIENT, "10.0.0.1:50002", ERROR_5);
    assert!(scene.link(FRESH, CLIENT).is_some(), "ERROR 5 does not end the transfer");
    assert_eq!(scene.link("10.0.0.1:50002", CLIENT), tftp(Some(0), false, true));
}

#[test]
fn a_transfer_that_nobody_takes_up_answers_nothing() {
    /// What comes behind a request and its first block.
    enum Then {
        Block(i64),
        Asks(i64),
        Takes,
        SentBack(u8),
    }
    use Then::*;
    for (script, answers, lost) in [
        // The capture may end here.
        (&[][..], Some(1), None),
        (&[Block(1010)], None, Some((2, false))),
        (&[Asks(1010)], None, Some((1, false))),
        // Too soon to tell.
        (&[Block(400)], Some(1), None),
        (&[Block(1010), Takes], Some(1), None),
        // The client may have given up; a filter has not.
        (&[SentBack(3)], Some(1), None),
        (&[SentBack(13)], None, Some((1, true))),
        (&[Block(1010), SentBack(13)], None, Some((2, false))),
        (&[Takes, SentBack(13)], Some(1), None),
    ] {
        let mut scene = Scene::default();
        scene.udp(CLIENT, SERVER, RRQ).at(10).udp(FRESH, CLIENT, DATA_1);
        for then in script {
            match then {
                Block(millis) => scene.at(*millis).udp(FRESH, CLIENT, DATA_1),
                Asks(millis) => scene.at(*millis).udp(CLIENT, SERVER, RRQ),
                Takes => scene.udp(CLIENT, FRESH, ACK_1),
                SentBack(code) => scene.icmp("10.0.0.5", (3, *code), 17, FRESH, CLIENT),
            };
        }
        let relations = scene.links();
        let vain = relations.vain.get(&0).map(|vain| (vain.tries, vain.sent_back.is_some()));
        assert_eq!((relations.answered.get(&0).copied(), vain), (answers, lost));
    }
}

#[test]
fn tftp_data_of_another_host_or_to_another_port_is_not_related() {
    let mut scene = Scene::default();
    scene.udp(CLIENT, SERVER, RRQ).at(1);
    scene.udp("10.0.0.66:50001", CLIENT, DATA_1).udp(FRESH, "10.0.0.5:40001", DATA_1);
    assert_eq!(scene.link("10.0.0.66:50001", CLIENT), None);
    assert_eq!(scene.link(FRESH, "10.0.0.5:40001"), None);
}

#[test]
fn a_tftp_server_may_answer_from_69_itself() {
    let mut scene = Scene::default();
    scene.udp(CLIENT, SERVER, RRQ).at(1).udp(SERVER, CLIENT, DATA_1).udp(CLIENT, SERVER, ACK_1);
    assert_eq!(scene.link(CLIENT, SERVER), None, "one flow, nothing to relate");
}

#[test]
fn a_tftp_transfer_seen_in_part_is_probable() {
    let mut middle = Scene::default();
    middle.udp(CLIENT, SERVER, RRQ).at(1).udp(FRESH, CLIENT, b"\0\x03\0\x09hello");
    assert_eq!(middle.link(FRESH, CLIENT), tftp(Some(0), true, true));
    let mut half = Scene::default();
    half.udp(CLIENT, SERVER, RRQ).at(1).udp(CLIENT, FRESH, ACK_1);
    assert_eq!(half.link(FRESH, CLIENT), tftp(Some(0), true, true), "a mirror of one direction");
    assert_eq!(half.links().answered.get(&0), Some(&1), "who acknowledges a block got it");
    let mut blind = Scene::default();
    blind.snap = Some(0);
    blind.udp(CLIENT, SERVER, RRQ).at(1).udp(CLIENT, FRESH, ACK_1);
    assert_eq!(blind.links().answered.get(&0), None, "what was not captured proves no answer");
    let mut cut = Scene::default();
    cut.snap = Some(0);
    cut.udp(CLIENT, SERVER, RRQ).at(1).udp(FRESH, CLIENT, DATA_1);
    assert_eq!(cut.link(FRESH, CLIENT), tftp(Some(0), true, false), "no payload captured");
    let mut timeless = Scene::default();
    timeless.at_time(Timestamp::UNKNOWN).udp(CLIENT, SERVER, RRQ).udp(FRESH, CLIENT, DATA_1);
    assert_eq!(timeless.link(FRESH, CLIENT), tftp(Some(0), true, true), "no times in the capture");
}

#[test]
fn without_a_request_only_alternation_makes_a_transfer() {
    let pair = |first: &[u8], second: &[u8]| {
        let mut scene = Scene::default();
        scene.udp(FRESH, CLIENT, first).at(1).udp(CLIENT, FRESH, second);
        scene.link(FRESH, CLIENT)
    };
    assert_eq!(pair(DATA_1, ACK_1), tftp(None, true, true));
    assert_eq!(pair(b"\0\x04\0\x08", b"\0\x03\0\x09hello"), tftp(None, true, true), "an ACK was the first packet");
    assert_eq!(pair(b"\0\x04\xff\xff", b"\0\x03\0\0hello"), tftp(None, true, true), "block numbers wrap");
    assert_eq!(pair(DATA_1, b"\0\x04\0\x05"), None);
    assert_eq!(pair(DATA_1, DATA_1), None, "L2TPv3 begins so");
    assert_eq!(pair(DATA_1, JUNK), None);
    let mut unbalanced = Scene::default();
    unbalanced.udp(FRESH, CLIENT, DATA_1).udp(CLIENT, FRESH, ACK_1);
    for _ in 0..9 {
        unbalanced.udp(FRESH, CLIENT, DATA_1);
    }
    assert_eq!(unbalanced.link(FRESH, CLIENT), None);
}

#[test]
fn ssh_to_port_69_arms_nothing() {
    let mut scene = Scene::default();
    scene.udp(CLIENT, SERVER, b"SSH-2.0-x\r\n").at(1).udp(FRESH, CLIENT, DATA_1);
    assert_eq!(scene.link(FRESH, CLIENT), None);
}

const CONTROL: &str = "10.0.0.9:52000";
const SSDP_GROUP: &str = "239.255.255.250:1900";
const SEARCH: &[u8] = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMX: 2\r\nST: ssdp:all\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nLOCATION: http://10.0.0.7:1901/d.xml\r\n\r\n";
const NOTIFY: &[u8] = b"NOTIFY * HTTP/1.1\r\nLOCATION: http://10.0.0.7:1901/d.xml\r\n\r\n";

#[test]
fn ssdp_answers_come_from_any_port_within_mx_and_one_second() {
    for (port, millis, related) in [(1900, 500, true), (49_800, 500, true), (49_800, 3000, true), (1900, 3001, false)] {
        let from = format!("10.0.0.7:{port}");
        let mut scene = Scene::default();
        scene.udp(CONTROL, SSDP_GROUP, SEARCH).at(millis).udp(from.as_str(), CONTROL, ANSWER);
        let link = Link { flow: Some(0), kind: LinkKind::Ssdp, probable: false, payload_fits: true };
        assert_eq!(scene.link(&from, CONTROL), related.then_some(link), "{port} after {millis} ms");
    }
}

#[test]
fn ssdp_windows_reach_from_the_first_to_the_last_search() {
    let mut scene = Scene::default();
    scene.udp(CONTROL, SSDP_GROUP, SEARCH).at(60_000).udp(CONTROL, SSDP_GROUP, SEARCH);
    scene.at(61_000).udp("10.0.0.7:1900", CONTROL, ANSWER).udp("10.0.0.8:1900", CONTROL, ANSWER);
    assert!(scene.link("10.0.0.7:1900", CONTROL).is_some() && scene.link("10.0.0.8:1900", CONTROL).is_some());
    assert_eq!(scene.links().answered.get(&0), Some(&2));
}

#[test]
fn only_an_answer_is_an_ssdp_answer() {
    for (what, payload) in [("junk", JUNK), ("a search", SEARCH), ("a notification", NOTIFY)] {
        let mut scene = Scene::default();
        scene.udp(CONTROL, SSDP_GROUP, SEARCH).at(1).udp("10.0.0.7:49800", CONTROL, payload);
        assert_eq!(scene.link("10.0.0.7:49800", CONTROL), None, "{what}");
    }
    let mut unasked = Scene::default();
    unasked.udp(CONTROL, SSDP_GROUP, NOTIFY).at(1).udp("10.0.0.7:49800", CONTROL, ANSWER);
    assert_eq!(unasked.link("10.0.0.7:49800", CONTROL), None, "nobody searched");
}

#[test]
fn a_search_behind_a_notification_of_the_same_socket_counts() {
    let own = "10.0.0.9:1900";
    let mut scene = Scene::default();
    scene.udp(own, SSDP_GROUP, NOTIFY).at(5000).udp(own, SSDP_GROUP, SEARCH);
    scene.at(5100).udp("10.0.0.7:49800", own, ANSWER);
    let link = Link { flow: Some(0), kind: LinkKind::Ssdp, probable: false, payload_fits: true };
    assert_eq!(scene.link("10.0.0.7:49800", own), Some(link));
}

const ASKER: &str = "10.0.0.9:5683";
const COAP_GROUP: &str = "224.0.1.187:5683";
/// NON GET /light, token aa.
const GROUP_GET: &[u8] = b"\x51\x01\0\x01\xaa\xb5light";
/// NON 2.05, token aa, and another token.
const CONTENT: &[u8] = b"\x51\x45\x12\x34\xaa\xffon";
const CONTENT_BB: &[u8] = b"\x51\x45\x12\x34\xbb\xffon";

#[test]
fn coap_group_answers_match_by_token_within_the_leisure() {
    for (payload, millis, related) in
        [(CONTENT, 1, true), (CONTENT, 5000, true), (CONTENT, 5001, false), (CONTENT_BB, 1, false)]
    {
        let mut scene = Scene::default();
        scene.udp(ASKER, COAP_GROUP, GROUP_GET).at(millis).udp("10.0.0.21:5683", ASKER, payload);
        let link = Link { flow: Some(0), kind: LinkKind::Coap, probable: false, payload_fits: true };
        assert_eq!(scene.link("10.0.0.21:5683", ASKER), related.then_some(link), "after {millis} ms");
    }
}

#[test]
fn later_tokens_of_one_socket_are_known_too() {
    let mut scene = Scene::default();
    scene.udp(ASKER, COAP_GROUP, GROUP_GET).at(100_000).udp(ASKER, COAP_GROUP, b"\x51\x01\0\x02\xbb\xb5light");
    scene.at(100_200).udp("10.0.0.21:5683", ASKER, CONTENT_BB);
    assert!(scene.link("10.0.0.21:5683", ASKER).is_some());
    let mut six = Scene::default();
    six.udp("[fe80::9]:5683", "[ff02::fd]:5683", GROUP_GET).at(1).udp("[fe80::21]:5683", "[fe80::9]:5683", CONTENT);
    assert!(six.link("[fe80::21]:5683", "[fe80::9]:5683").is_some());
}

#[test]
fn a_unicast_coap_exchange_is_no_relation() {
    let mut scene = Scene::default();
    scene.udp(ASKER, COAP_GROUP, GROUP_GET).at(1);
    scene.udp("10.0.0.30:41000", "10.0.0.21:5683", GROUP_GET).udp("10.0.0.21:5683", "10.0.0.30:41000", CONTENT);
    assert_eq!(scene.link("10.0.0.21:5683", "10.0.0.30:41000"), None);
}

#[test]
fn icmp_errors_go_to_the_flow_they_quote() {
    let mut scene = Scene::default();
    scene.udp(CLIENT, SERVER, RRQ).udp("10.0.0.6:40000", SERVER, RRQ);
    scene.at(7).icmp("10.0.0.1", (3, 3), 17, CLIENT, SERVER).at(9).icmp("10.0.0.1", (3, 3), 17, CLIENT, SERVER);
    let relations = scene.links();
    let client = u8::from(CLIENT.endpoint() > SERVER.endpoint());
    let rejection = relations.rejection_of(scene.flow(CLIENT, SERVER), client).expect("it was rejected");
    assert_eq!((rejection.at.frame.number(), rejection.count, rejection.sender), (3, 2, SERVER.endpoint().0));
    assert_eq!((rejection.text(), rejection.cause()), ("port unreachable", RejectionCause::NoListener));
    assert!(rejection.is_unreachable());
    assert_eq!(relations.rejection_of(scene.flow(CLIENT, SERVER), 1 - client), None);
    assert_eq!(relations.rejection(scene.flow("10.0.0.6:40000", SERVER)), None);
    assert!(relations.orphan_rejections.is_empty());
}

#[test]
fn an_error_about_the_servers_answer_is_told_apart() {
    let mut scene = Scene::default();
    scene.udp(CLIENT, "10.0.0.1:5683", GROUP_GET).udp("10.0.0.1:5683", CLIENT, CONTENT);
    scene.icmp("10.0.0.5", (3, 3), 17, "10.0.0.1:5683", CLIENT);
    let at = scene.flow(CLIENT, "10.0.0.1:5683");
    let relations = scene.links();
    let server = u8::from("10.0.0.1:5683".endpoint() > CLIENT.endpoint());
    assert_eq!(relations.rejection(at).map(|rejection| rejection.failed), Some(server));
    assert_eq!(relations.rejection_of(at, 1 - server), None);
}

#[test]
fn causes_follow_type_code_and_sender() {
    use RejectionCause::*;
    let (v4, v6) = (("10.0.0.5:4000", "10.0.0.1:80"), ("[fd00::5]:4000", "[fd00::1]:80"));
    // (sender, type and code, cause, words of RFC 792, 1812 and 4443)
    for ((from, to), sender, error, cause, text) in [
        (v4, "10.0.0.1", (3, 3), NoListener, "port unreachable"),
        (v4, "10.0.9.9", (3, 3), PathFilter, "port unreachable"),
        (v4, "10.0.0.1", (3, 10), HostFirewall, "host administratively prohibited"),
        (v4, "10.0.9.9", (3, 13), PathFilter, "communication administratively prohibited"),
        (v4, "10.0.9.9", (3, 1), HostAbsent, "host unreachable"),
        (v4, "10.0.9.9", (3, 0), NoRoute, "network unreachable"),
        (v4, "10.0.9.9", (11, 0), RoutingLoop, "time to live exceeded in transit"),
        (v6, "fd00::1", (1, 4), NoListener, "port unreachable"),
        (v6, "fd00::9", (1, 1), PathFilter, "communication administratively prohibited"),
        (v6, "fd00::9", (1, 3), HostAbsent, "address unreachable"),
        (v6, "fd00::9", (1, 0), NoRoute, "no route to destination"),
    ] {
        let mut scene = Scene::default();
        scene.tcp(from, to, TcpFlags::SYN, b"").icmp(sender, error, 6, from, to);
        let relations = scene.links();
        let rejection = relations.rejection(0).expect("it was rejected");
        assert_eq!((rejection.cause(), rejection.text()), (cause, text), "{error:?} from {sender}");
    }
}

#[test]
fn unreachable_says_more_than_time_exceeded() {
    let mut scene = Scene::default();
    scene.udp(CLIENT, SERVER, RRQ).icmp("10.0.9.9", (11, 0), 17, CLIENT, SERVER).icmp(
        "10.0.9.8",
        (3, 1),
        17,
        CLIENT,
        SERVER,
    );
    assert_eq!(scene.links().rejection(0).map(|rejection| rejection.kind), Some(3));
}

#[test]
fn an_error_about_a_flow_never_seen_is_kept() {
    let mut scene = Scene::default();
    scene.icmp("10.0.9.9", (3, 13), 6, "10.0.0.5:4000", "10.0.0.1:443");
    let relations = scene.links();
    let (error, window) = relations.orphan_rejections.first().expect("it is kept");
    assert_eq!(
        (error.source, error.destination, window.count),
        ("10.0.0.5:4000".endpoint(), "10.0.0.1:443".endpoint(), 1)
    );
    assert!(relations.rejections.is_empty());
}

#[test]
fn locations_explain_the_connections_after_them() {
    for (group, payload, from) in [(false, ANSWER, "10.0.0.7:49800"), (true, NOTIFY, "10.0.0.7:49801")] {
        let mut scene = Scene::default();
        scene.at(1).tcp("10.0.0.8:60000", "10.0.0.7:1901", TcpFlags::SYN, b"");
        scene.at(2).udp(CONTROL, SSDP_GROUP, SEARCH);
        scene.at(3).udp(from, if group { SSDP_GROUP } else { CONTROL }, payload);
        for to in ["10.0.0.7:1901", "10.0.0.7:80"] {
            scene.at(4).tcp("10.0.0.9:60000", to, TcpFlags::SYN, b"");
        }
        let relations = scene.links();
        let at = scene.flow("10.0.0.9:60000", "10.0.0.7:1901");
        let announcement = relations.announced.get(&at).expect("it was announced");
        assert_eq!((announcement.announcer, announcement.at.frame.number()), ("10.0.0.7:1".endpoint().0, 3));
        assert_eq!(announcement.flow, Some(2));
        let link = relations.link(at).expect("cited");
        assert!(link.kind == LinkKind::Location && !link.kind.belongs());
        assert_eq!(relations.announced.get(&0), None, "opened before it was announced");
        assert_eq!(relations.announced.len(), 1, "another port");
    }
}

#[test]
fn the_order_of_flows_changes_nothing() {
    let mut scene = Scene::default();
    scene.udp(CLIENT, SERVER, RRQ).at(1).udp(FRESH, CLIENT, DATA_1).udp("10.0.0.1:50002", CLIENT, DATA_1);
    scene.udp(CONTROL, SSDP_GROUP, SEARCH).at(2).udp("10.0.0.7:1900", CONTROL, ANSWER);
    scene.icmp("10.0.0.1", (3, 3), 17, CLIENT, SERVER);
    let Observed { mut flows, side, .. } = scene.observe();
    let forward = links(&flows, &side, 0);
    let count = flows.len() as u32;
    flows.put_in_order((0..count).rev().collect());
    let backward = links(&flows, &side, 0);
    for at in 0..count {
        let turned = |link: Link| Link { flow: link.flow.map(|flow| count - 1 - flow), ..link };
        assert_eq!(forward.link(at), backward.link(count - 1 - at).map(turned));
        assert_eq!(forward.rejection(at), backward.rejection(count - 1 - at));
    }
}
