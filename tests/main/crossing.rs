//! Two ends that ask one another on one pair of ports, as BACnet's and CoAP's peers do: what one asks of its own is no answer to
//! the other.

use igorscope::policy::Severity;
use igorscope::verdict::Outcome;

use crate::answers::{assert_kept, outcome};
use crate::field::{one, told};
use crate::mirror::{BACNET, GATEWAY, Mirror, node};
use crate::traffic::payload::{bacnet, coap};
use crate::traffic::wire::{MILLI, SECOND};

/// Two ends that ask one another on one port, `spoken` of both whether their requests are answered.
pub(crate) fn both_ask(port: u16, spoken: [bool; 2], notifies: bool) -> Mirror {
    let mut mirror = Mirror::default();
    let ends = if port == 5683 { [GATEWAY, node(101)] } else { [BACNET, GATEWAY] }.map(|host| (host, port));
    for turn in 0..8_u16 {
        for (side, number) in [(0, turn), (1, 500 + turn)] {
            let at = (u64::from(turn) * 10 + side as u64 * 5) * SECOND;
            let (asks, asked) = (ends[side], ends[1 - side]);
            let [request, answer] = if port == 5683 {
                let request = match (side, notifies) {
                    (1, true) => coap::content(coap::CON, number, &[7], Some(turn as u8), "{}"),
                    _ => coap::request(coap::CON, coap::GET, number, &[side as u8], "light", &[]),
                };
                [request, coap::content(coap::ACK, number, &[side as u8], None, "{}")]
            } else {
                let invoke = number as u8;
                [bacnet::read_property(invoke, 7), bacnet::read_property_ack(invoke, 7, 21.5)]
            };
            mirror.udp(at, asks, asked, &request);
            if spoken[side] {
                mirror.udp(at + 10 * MILLI, asked, asks, &answer);
            }
        }
    }
    mirror
}

#[test]
fn what_an_end_asks_of_its_own_answers_nothing() {
    // RFC 7252 section 4.2 and ASHRAE 135 clause 5.4: a request is owed its own answer, whatever the other end asks meanwhile.
    for (port, notifies) in [(5683, false), (5683, true), (47_808, false)] {
        let survey = |spoken| both_ask(port, spoken, notifies).by_address();
        assert_eq!(told(&survey([true, true])), [], "{port} {notifies}");
        let neither = survey([false, false]);
        assert_eq!(told(&neither), [(Severity::Alert, "blocked")], "{port} {notifies}");
        assert_eq!(outcome(&neither, port), Outcome::Unanswered);
        one(&neither, "blocked").says(&["8 tries"]);
        // Who asked first is answered, and asks nothing of what it is asked.
        let first = survey([true, false]);
        assert_eq!((told(&first), outcome(&first, port)), (one_way(), Outcome::Established), "{port} {notifies}");
        let read = one(&first, "stopped-answering");
        read.says(&["what the server sent to be acknowledged never was. Since 2026", " 8 tries came to nothing."]);
        assert!(read.words.advice.contains("what is sent unasked may be filtered"), "{}", read.words.advice);
        // And the other way round.
        let second = survey([false, true]);
        assert_eq!(told(&second), [(Severity::Alert, "blocked")], "{port} {notifies}");
        assert_kept(&both_ask(port, [false, false], notifies));
    }
}

pub(crate) fn one_way() -> Vec<(Severity, &'static str)> {
    vec![(Severity::Warning, "stopped-answering")]
}

#[test]
fn a_notification_that_was_asked_for_is_its_answer() {
    // RFC 7252 section 5.2.2 and RFC 7641 section 4.2: the response to a request that observes may itself be the first
    // notification, without an acknowledgement of its own.
    let observed = |token: &[u8]| {
        let (mut mirror, client, server) = (Mirror::default(), (GATEWAY, 41_000), (node(101), 5683));
        mirror.udp(0, client, server, &coap::observe(1, b"ob", "light"));
        for turn in 0..4_u16 {
            let at = SECOND + u64::from(turn) * 10 * SECOND;
            mirror.udp(at, server, client, &coap::content(coap::CON, 100 + turn, token, Some(turn as u8), "{}"));
            mirror.udp(at + 10 * MILLI, client, server, &coap::empty_ack(100 + turn));
        }
        told(&mirror.by_address())
    };
    assert_eq!(observed(b"ob"), []);
    assert_eq!(observed(b"xx"), [(Severity::Alert, "blocked")]);
}
