//! The part of each message in the dialogue of its flow: whether it owes an answer, and whether it may be one.

use super::payload::{Payload, Sign};
use super::{Protocol, check, coap};
use crate::policy::Transport;

/// The part that one message plays, as bits: [`Message::ASKS`] and [`Message::REPLIES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message(pub u8);

impl Message {
    /// It owes an answer.
    pub const ASKS: u8 = 1;
    /// It may be an answer: all but what its sender would send anyhow, whatever was asked.
    pub const REPLIES: u8 = 2;
    /// As all are of which nothing else is known: it may answer, and owes no answer.
    pub const OTHER: Self = Self::new(false, false);

    /// Of one that owes an answer, or that answers nothing.
    pub const fn new(asks: bool, announces: bool) -> Self {
        Self((asks as u8 * Self::ASKS) | (!announces as u8 * Self::REPLIES))
    }

    /// Whether it owes an answer.
    pub const fn asks(self) -> bool {
        self.0 & Self::ASKS != 0
    }

    /// Whether it may be an answer.
    pub const fn replies(self) -> bool {
        self.0 & Self::REPLIES != 0
    }
}

/// By what it is told which messages of a flow owe an answer: [`super::Inspection::asks`] of each, not only of the first.
/// As bits, for which flow's packet comes next is as by chance, and so is whether it asks: a branch would be guessed wrong.
#[derive(Clone, Copy, Debug)]
pub struct Asking(u8);

/// By the sequence numbers that TCP's segments take up (RFC 9293 section 3.4).
const NUMBERS: u8 = 1;
/// By CoAP's first byte, mostly.
const COAP: u8 = 2;
/// By the check of a protocol over UDP, whose place in [`CHECKED`] stands above.
const CHECK: u8 = 4;

/// By their ports.
const CHECKED: [(u16, Protocol); 5] =
    [(47808, Protocol::Bacnet), (69, Protocol::Tftp), (53, Protocol::Dns), (123, Protocol::Ntp), (161, Protocol::Snmp)];

impl Asking {
    /// Of a flow between two ports.
    pub fn of(transport: Transport, ports: [u16; 2]) -> Self {
        Self(match transport {
            Transport::Tcp => NUMBERS,
            Transport::Udp => match CHECKED.iter().position(|(port, _)| ports.contains(port)) {
                Some(place) => CHECK | (place as u8 * 2 * CHECK),
                None if ports.contains(&coap::PORT) => COAP,
                None => 0,
            },
            _ => 0,
        })
    }

    /// The part of a message with this first byte, or of a TCP segment, if they tell it; else [`Asking::look`] does.
    #[inline(always)]
    pub fn message(self, takes_up_numbers: bool, head: u8) -> Option<Message> {
        if self.0 & (CHECK | (COAP * u8::from(coap::may_announce(head)))) != 0 {
            return None;
        }
        let asks = self.0 & ((NUMBERS * u8::from(takes_up_numbers)) | (COAP * u8::from(coap::is_confirmable(head))));
        Some(Message::new(asks != 0, false))
    }

    /// The part of a message, by all of its payload; `ports` begin with the sender's.
    #[inline(never)]
    pub fn look(self, ports: [u16; 2], payload: &[u8], wire_len: u32) -> Message {
        if self.0 & COAP != 0 {
            return Message::new(false, coap::is_announced(payload));
        }
        match CHECKED.get(usize::from(self.0 / (2 * CHECK))) {
            Some((_, protocol)) if !payload.is_empty() => {
                let [source_port, destination_port] = ports;
                let p = Payload { bytes: payload, wire_len, source_port, destination_port, tcp: false };
                let Sign { asks, announces, .. } = check(protocol.bit(), &p);
                Message::new(asks, announces)
            }
            _ => Message::OTHER,
        }
    }
}
