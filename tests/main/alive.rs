//! Who is alive while what is asked of it comes to nothing, and who is not: the words of `blocked`. Each has its twin.

use crate::field::one;
use crate::mirror::{GATEWAY, Host, Mirror, OTHER, host, node};
use crate::traffic::frame::Mac;
use crate::traffic::payload::link;
use crate::traffic::wire::SECOND;

const ROUTER: Host = host([0x00, 0x00, 0x0c, 0x11, 0x22, 0x33], [10, 20, 0, 1]);
const LLDP_GROUP: Mac = [0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e];

impl Mirror {
    fn says_lldp(&mut self, at: u64, mac: Mac) {
        self.ethernet(at, mac, LLDP_GROUP, 0x88cc, &link::lldp(mac, "1", "device"));
    }

    /// The gateway knocks at a node's port 80 a second after the start; what is advised then.
    fn knocked(mut self, server: Host) -> String {
        self.knock(SECOND, (GATEWAY, 40_000), (server, 80));
        self.tape.sort();
        one(&self.by_address(), "blocked").words.advice.clone()
    }
}

fn is_alive(advice: &str) -> bool {
    assert_ne!(advice.contains("is alive"), advice.contains("switched off"), "{advice}");
    advice.contains("is alive")
}

#[test]
fn any_frame_of_its_own_proves_that_a_device_is_alive() {
    let heard = |says: &dyn Fn(&mut Mirror), server: Host| {
        let mut mirror = Mirror::default();
        says(&mut mirror);
        is_alive(&mirror.knocked(server))
    };
    let lldp = |mirror: &mut Mirror| mirror.says_lldp(0, node(101).mac);
    // RFC 4862 section 5.3: each interface has an address of fe80::/10.
    let link_local = |mirror: &mut Mirror| mirror.advertise(0, node(101).at("fe80::101"));
    assert!(heard(&lldp, node(101)) && heard(&link_local, node(101)));
    assert!(!heard(&|_| (), node(101)) && !heard(&lldp, node(102)));
    // IEEE 802.1X: EAPOL-Start; what the switch says is none of its own.
    let eapol = |mirror: &mut Mirror, from: Mac, to: Mac, said: &[u8]| mirror.ethernet(0, from, to, 0x888e, said);
    assert!(heard(&|mirror| eapol(mirror, node(101).mac, [1, 0x80, 0xc2, 0, 0, 3], &[1, 1, 0, 0]), node(101)));
    let request = [1, 0, 0, 5, 1, 1, 0, 5, 1];
    assert!(!heard(&|mirror| eapol(mirror, ROUTER.mac, node(101).mac, &request), node(101)));
    // What goes to a host behind a router goes to the router's MAC.
    let behind = node(101).at("10.20.0.101").of(ROUTER.mac);
    let router = |mirror: &mut Mirror| {
        mirror.says_lldp(0, ROUTER.mac);
        mirror.who_has(0, ROUTER, GATEWAY);
    };
    assert!(!heard(&router, behind));
    // Not that it was there at another time.
    assert!(!heard(&|mirror| mirror.says_lldp(30 * SECOND, node(101).mac), node(101)));
}

#[test]
fn what_a_router_answers_by_arp_for_others_proves_no_life() {
    // RFC 1027: its MAC hands on what two hosts of elsewhere send.
    let answered = |is_router: bool| {
        let mut mirror = Mirror::default();
        mirror.who_has(0, GATEWAY, ROUTER);
        mirror.is_at(1, ROUTER, GATEWAY);
        for from in ["172.16.1.9", "172.16.2.9"].into_iter().filter(|_| is_router) {
            mirror.udp(2, (Host { hops: 62, ..ROUTER.at(from) }, 5000), (GATEWAY, 40_000), b"x");
        }
        let server = node(101).of(ROUTER.mac);
        mirror.who_has(3, GATEWAY, server);
        mirror.is_at(4, server, GATEWAY);
        is_alive(&mirror.knocked(server))
    };
    assert!(!answered(true));
    assert!(answered(false));
}

#[test]
fn a_device_heard_before_and_after_only_may_have_been_off() {
    let heard_at = |times: &[u64]| {
        let mut mirror = Mirror::default();
        for at in times {
            mirror.udp(at * SECOND, (node(101), 5683), (GATEWAY, 40_000), b"\x50\x01\0\x01");
        }
        mirror.knock(300 * SECOND, (GATEWAY, 40_000), (node(101), 80));
        mirror.tape.sort();
        is_alive(&one(&mirror.by_address(), "blocked").words.advice)
    };
    assert!(!heard_at(&[0, 700]));
    // No device is off and on again so soon.
    assert!(heard_at(&[250, 350]));
    assert!(heard_at(&[0, 305]) && heard_at(&[0, 305, 700]));
}

#[test]
fn a_host_that_finds_no_way_back_is_no_filters_fault() {
    let absent = OTHER.at("10.20.0.1");
    // Who asks for whom at which seconds behind the first try, and whether the server sends its client anything.
    let advice = |asker: Host, target: Host, times: std::ops::Range<u64>, sends: bool| {
        let mut mirror = Mirror::default();
        mirror.who_has(0, GATEWAY, node(101));
        mirror.is_at(1, node(101), GATEWAY);
        for time in times {
            mirror.who_has((1 + time) * SECOND + 1, asker, target);
        }
        if sends {
            mirror.udp(2 * SECOND, (node(101), 5683), (GATEWAY, 40_000), b"\x50\x01\0\x01");
        }
        mirror.knocked(node(101))
    };
    let is_lost = |advice: &str| {
        assert!(is_alive(advice), "{advice}");
        advice.contains("mask and router of 10.20.0.101")
    };
    assert!(is_lost(&advice(node(101), absent, 0..3, false)));
    let others = [
        // Once may be lost; another's question says nothing of it; nor one that is answered, or who finds its client.
        advice(node(101), absent, 0..1, false),
        advice(node(102), absent, 0..3, false),
        advice(node(101), GATEWAY, 0..3, false),
        advice(node(101), absent, 0..3, true),
        // It looks for a printer that is off.
        advice(node(101), absent, 1..4, false),
    ];
    for advice in others {
        assert!(!is_lost(&advice), "{advice}");
    }
}
