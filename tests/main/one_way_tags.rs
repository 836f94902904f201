//! Mirrors that tag the frames of one direction only (a trunk's, or with VLAN 0, which is a priority and no VLAN): each
//! direction of a connection is a flow of its own, and what is told of it is what is told without tags.

use std::collections::BTreeSet;

use igorscope::policy::Severity;
use igorscope::survey::Survey;

use crate::crossing::both_ask;
use crate::field::told;
use crate::mirror::{BACNET, C, End, GATEWAY, Mirror, S, node};
use crate::traffic::frame::{ACK, FIN, SYN};
use crate::traffic::payload::{bacnet, coap, tftp};
use crate::traffic::wire::{MILLI, SECOND};

const BLOCK: [u8; 512] = [0x5a; 512];
const CLIENT: End = (node(101), 3000);

/// A node reads a file of so many blocks from the gateway, of which it takes up some.
fn file(mirror: &mut Mirror, at: u64, client: End, server: End, [sent, taken]: [u16; 2]) {
    mirror.udp(at, client, (GATEWAY, 69), &tftp::read("node.bin", &[]));
    for number in 1..=sent {
        let at = at + u64::from(number) * 10 * MILLI;
        let block = if number == sent && sent == taken { &BLOCK[..40] } else { &BLOCK[..] };
        mirror.udp(at, server, client, &tftp::data(number, block));
        if number <= taken {
            mirror.udp(at + 5 * MILLI, client, server, &tftp::ack(number));
            continue;
        }
        for again in 1..=4 {
            mirror.udp(at + again * 4 * SECOND, server, client, &tftp::data(number, block));
        }
        break;
    }
}

/// What is called so, what a mirror saw of it, and what has to be told.
type Situation = (&'static str, Mirror, Vec<(Severity, &'static str)>);

fn situations() -> Vec<Situation> {
    let made = |script: &dyn Fn(&mut Mirror)| {
        let mut mirror = Mirror::default();
        script(&mut mirror);
        mirror
    };
    let (alert, warning) = (Severity::Alert, Severity::Warning);
    let web: End = (GATEWAY, 41_000);
    let server: End = (node(101), 80);
    let transfers = |which: &[[u16; 2]]| {
        made(&|mirror| {
            for (at, blocks) in (0..).zip(which) {
                file(mirror, at * 60 * SECOND, CLIENT, (GATEWAY, 4000 + at as u16), *blocks);
            }
        })
    };
    let separate = |acknowledged: bool| {
        made(&|mirror| {
            for number in 0..4_u16 {
                let (at, ends) = (u64::from(number) * 5 * SECOND, [(GATEWAY, 5683), (node(101), 5683)]);
                // Who is not answered sends the same again (RFC 7252 section 4.2).
                let id = if acknowledged { number } else { 0 };
                let request = coap::request(coap::CON, coap::GET, id, &[id as u8], "light", &[]);
                mirror.udp(at, ends[0], ends[1], &request);
                if acknowledged {
                    let response = coap::content(coap::CON, 900 + number, &[number as u8], None, "{}");
                    mirror.udp(at + 10 * MILLI, ends[1], ends[0], &response);
                    mirror.udp(at + 20 * MILLI, ends[0], ends[1], &coap::empty_ack(900 + number));
                }
            }
        })
    };
    let bacnet = |answers: u8| {
        made(&|mirror| {
            let ends = [(BACNET, 47_808), (GATEWAY, 47_808)];
            mirror.udp(0, ends[1], ends[0], &bacnet::who_is());
            for number in 0..8_u8 {
                let at = u64::from(number) * 10 * SECOND + SECOND;
                mirror.udp(at, ends[0], ends[1], &bacnet::read_property(number, 7));
                if number < answers {
                    mirror.udp(at + MILLI, ends[1], ends[0], &bacnet::read_property_ack(number, 7, 21.5));
                }
            }
        })
    };
    // The same ports again, and nobody answers the SYN that opens the second connection.
    let reused = made(&|mirror| {
        mirror.exchange(0, web, server, [C, S]);
        mirror.tcp(2 * MILLI, server, web, ACK | FIN, [S + 300, C + 200], &[]);
        for late in [0, 1, 3, 7, 15] {
            mirror.tcp((60 + late) * SECOND, web, server, SYN, [C + 90_000, 0], &[]);
        }
    });
    vec![
        ("a file", transfers(&[[5, 5]]), vec![]),
        ("two files", transfers(&[[5, 5], [7, 7]]), vec![]),
        ("a file whose first block is never taken up", transfers(&[[1, 0]]), vec![(alert, "blocked")]),
        ("a file that stops", transfers(&[[6, 4]]), vec![(warning, "stopped-answering")]),
        ("responses of their own", separate(true), vec![]),
        ("no responses", separate(false), vec![(alert, "blocked")]),
        ("reads", bacnet(8), vec![]),
        ("reads that end", bacnet(3), vec![(warning, "stopped-answering")]),
        ("both ask by CoAP", both_ask(5683, [true, true], false), vec![]),
        ("both ask in vain", both_ask(5683, [false, false], false), vec![(alert, "blocked")]),
        ("one notifies in vain", both_ask(5683, [true, false], true), vec![(warning, "stopped-answering")]),
        ("peers of BACnet", both_ask(47_808, [true, true], false), vec![]),
        ("one peer is deaf", both_ask(47_808, [true, false], false), vec![(warning, "stopped-answering")]),
        ("ports used again", reused, vec![(warning, "stopped-answering")]),
    ]
}

fn doubts(survey: &Survey) -> BTreeSet<&'static str> {
    survey.caveats.iter().map(|caveat| caveat.kind).collect()
}

#[test]
fn what_is_tagged_one_way_tells_the_same() {
    let mut wrong = Vec::new();
    for (what, mirror, expected) in situations() {
        let plain = mirror.by_address();
        let mut hold = |survey: &Survey, tags: &str| {
            let told = (told(survey), doubts(survey));
            if told != (expected.clone(), doubts(&plain)) {
                wrong.push(format!("{what}, {tags}: {told:?}, not {expected:?} {:?}", doubts(&plain)));
            }
        };
        hold(&plain, "no tags");
        for (host, vlan) in [(GATEWAY, 10), (node(101), 10), (BACNET, 10), (GATEWAY, 0)] {
            let tags = format!("VLAN {vlan} from {}", host.address);
            hold(&mirror.tagged_by(host, vlan).by_address(), &tags);
        }
    }
    assert_eq!(wrong, [""; 0], "{wrong:#?}");
}
