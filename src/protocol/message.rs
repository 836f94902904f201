//! The part of each message in the dialogue of its flow: whether it owes an answer, and whether it may be one.

use super::payload::{Payload, Sign};
use super::{Protocol, Turn, bacnet, check, coap, tftp};
use crate::protocol::Transport;

/// The part that one message plays, as bits: [`Message::ASKS`], [`Message::REPLIES`] and [`Message::PROCEEDS`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message(pub u8);

impl Message {
    /// It owes an answer.
    pub const ASKS: u8 = 1;
    /// It may be an answer: all but what its sender would send anyhow, whatever was asked, as its own questions.
    pub const REPLIES: u8 = 2;
    /// It goes on with an exchange: all of TFTP but requests, which a client may repeat whatever was answered.
    pub const PROCEEDS: u8 = 128;
    /// As all are of which nothing else is known: it may answer, and owes no answer.
    pub const OTHER: Self = Self::new(false, true);

    /// Of one that owes an answer, or that may be one.
    pub const fn new(asks: bool, replies: bool) -> Self {
        Self((asks as u8 * Self::ASKS) | (replies as u8 * Self::REPLIES))
    }

    /// The same, of one that goes on with an exchange.
    const fn proceeding(self, proceeds: bool) -> Self {
        Self(self.0 | (proceeds as u8 * Self::PROCEEDS))
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

/// What the beginning of a message tells, of whatever protocol it may be: the bits that [`AnswerRule`] shares with it.
#[derive(Clone, Copy, Debug)]
pub struct Signs(u8);

impl Signs {
    /// Of a packet that tells nothing.
    pub const NONE: Self = Self(0);

    /// Of a datagram with these first bytes.
    #[inline(always)]
    pub fn of_datagram(head: u16) -> Self {
        let [first, second] = head.to_be_bytes().map(usize::from);
        Self(FIRST[first] & SECOND[second] | CHECK)
    }

    /// Of a TCP segment, by whether it takes up sequence numbers.
    #[inline(always)]
    pub const fn of_segment(takes_up_numbers: bool) -> Self {
        Self(NUMBERS * takes_up_numbers as u8)
    }
}

/// By what it is told which messages of a flow owe an answer: [`super::Inspection::asks`] of each, not only of the first.
/// As bits, for which flow's packet comes next is as by chance, and so is whether it asks: a branch would be guessed wrong.
/// A message has the same bits: of those that it shares with the rule of its flow, each tells something.
#[derive(Clone, Copy, Debug)]
pub struct AnswerRule(u8);

/// TCP: it takes up sequence numbers (RFC 9293 section 3.4), and owes an answer.
const NUMBERS: u8 = 1;
/// CoAP: it is confirmable, and owes an answer.
const CONFIRMABLE: u8 = 2;
/// CoAP: it is a request, and answers nothing.
const REQUEST: u8 = 4;
/// What may be a TFTP transfer, which leaves its port (RFC 1350 section 4): it owes an answer.
const BLOCK: u8 = 8;
/// CoAP: it may be a notification, as all of it tells.
const NOTIFICATION: u8 = 16;
/// As [`BLOCK`]: it may owe an answer, as all of it tells.
const ACKNOWLEDGMENT: u8 = 32;
/// By the check of a protocol over UDP, whose place in [`CHECKED`] stands in the lowest bits.
const CHECK: u8 = 64;

/// How a protocol repeats what is not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Repetition {
    /// Each time after twice the time, two seconds or more at first (CoAP: RFC 7252 section 4.8).
    Doubling,
    /// After the same time, some seconds (BACnet: ANSI/ASHRAE 135 clause 5.4), and a client may use a number again.
    Regular,
    /// After a second or more (TFTP: RFC 2349).
    OfBlock,
}

const COAP: u8 = CONFIRMABLE | REQUEST | NOTIFICATION;
const TRANSFER: u8 = BLOCK | ACKNOWLEDGMENT;
const ASKS: u8 = NUMBERS | CONFIRMABLE | BLOCK;
const HAS_MORE: u8 = NOTIFICATION | ACKNOWLEDGMENT | CHECK;

/// Of a flow with two such ports the later decides.
const CHECKED: [Protocol; 5] = [Protocol::Snmp, Protocol::Ntp, Protocol::Dns, Protocol::Tftp, Protocol::Bacnet];

/// The bits that a UDP port calls for.
const fn of_port(port: u16) -> u8 {
    match port {
        161 => CHECK,
        123 => CHECK | 1,
        53 => CHECK | 2,
        tftp::PORT => CHECK | 3,
        bacnet::PORT => CHECK | 4,
        coap::PORT => COAP,
        _ => 0,
    }
}

/// The bits that a UDP message may have by its first byte, and by its second: it has those that both allow.
static FIRST: [u8; 256] = {
    let mut bits = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        bits[byte] = match byte as u8 >> 4 {
            coap::VERSION_1_CONFIRMABLE => COAP,
            coap::VERSION_1_NON_CONFIRMABLE => REQUEST | NOTIFICATION,
            _ if byte == 0 => TRANSFER,
            _ => 0,
        };
        byte += 1;
    }
    bits
};
static SECOND: [u8; 256] = {
    let mut bits = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let coap = if coap::is_request(byte as u8) { REQUEST } else { NOTIFICATION };
        bits[byte] = CONFIRMABLE | coap | if tftp::is_block(byte as u8) { BLOCK } else { 0 };
        byte += 1;
    }
    bits[tftp::ACK as usize] |= ACKNOWLEDGMENT;
    bits
};

impl AnswerRule {
    /// Of a flow between two ports.
    pub fn of(transport: Transport, ports: [u16; 2]) -> Self {
        Self(match transport {
            Transport::Tcp => NUMBERS,
            Transport::Udp => match of_port(ports[0]).max(of_port(ports[1])) {
                0 => TRANSFER,
                rule => rule,
            },
            _ => 0,
        })
    }

    /// Whether it holds only where a relation makes a TFTP transfer of the flow.
    #[inline]
    pub const fn is_guess(self) -> bool {
        self.0 & BLOCK != 0
    }

    /// What the same message once more is, if it is a repetition: each new one has a number of its own.
    pub fn repetition(self) -> Option<Repetition> {
        match CHECKED.get(usize::from(self.0 ^ CHECK)) {
            Some(Protocol::Bacnet) => Some(Repetition::Regular),
            Some(Protocol::Tftp) => Some(Repetition::OfBlock),
            _ if self.0 & CONFIRMABLE != 0 => Some(Repetition::Doubling),
            _ => self.is_guess().then_some(Repetition::OfBlock),
        }
    }

    /// The part of a message, if its beginning tells it; else [`AnswerRule::look`] does.
    #[inline(always)]
    pub fn message(self, signs: Signs) -> Option<Message> {
        let told = self.0 & signs.0;
        (told & HAS_MORE == 0).then(|| Message::new(told & ASKS != 0, told & REQUEST == 0))
    }

    /// The part of a message, by all of its payload; `ports` begin with the sender's.
    #[inline(never)]
    pub fn look(self, ports: [u16; 2], payload: &[u8], wire_len: u32) -> Message {
        if self.0 & NOTIFICATION != 0 {
            let asks = payload.first().is_some_and(|head| coap::is_confirmable(*head));
            return Message::new(asks, !coap::is_announced(payload));
        }
        if self.is_guess() {
            return Message::new(tftp::owes_answer(payload), true);
        }
        match CHECKED.get(usize::from(self.0 ^ CHECK)) {
            Some(protocol) if !payload.is_empty() => {
                let [source_port, destination_port] = ports;
                let p = Payload { bytes: payload, wire_len, source_port, destination_port, tcp: false };
                let Sign { asks, announces, turn, .. } = check(protocol.bit(), &p);
                let proceeds = *protocol == Protocol::Tftp && turn != Turn::Request;
                let replies = !(announces || asks && turn == Turn::Request);
                Message::new(asks || proceeds && tftp::owes_answer(payload), replies).proceeding(proceeds)
            }
            _ => Message::OTHER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flow_is_asked_by_its_own_protocol() {
        let asks = |transport, ports, payload: &[u8]| {
            let asking = AnswerRule::of(transport, ports);
            let head = [payload.first(), payload.get(1)].map(|byte| byte.copied().unwrap_or_default());
            let message = asking.message(Signs::of_datagram(u16::from_be_bytes(head)));
            message.unwrap_or_else(|| asking.look(ports, payload, payload.len() as u32))
        };
        let question = b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01";
        let read = b"\x81\x0a\0\x0a\x01\x04\0\x05\x01\x0c";
        let who_is = b"\x81\x0b\0\x08\x01\0\x10\x08";
        let (asked, announced) = (Message::new(true, false), Message::new(false, false));
        // What goes on with an exchange answers, and owes an answer itself.
        let both = Message::new(true, true);
        for (port, payload, expected) in [
            (53, &question[..], asked),
            (5683, b"\x40\x01\0\x01", asked),
            (5683, b"\x40\0\0\x01", asked),
            // A separate response, to be acknowledged, and a notification, by its option Observe.
            (5683, b"\x40\x45\0\x01", both),
            (5683, b"\x40\x45\0\x01\x61\x07", asked),
            (5683, b"\x60\x45\0\x01", Message::OTHER),
            (5683, b"\x50\x01\0\x01", announced),
            (5683, b"\x50\x45\0\x01\x61\x07", announced),
            (47808, read, asked),
            (47808, who_is, announced),
            (47808, b"\x81\x0a\0\x0c\x01\0\x3c\x01\0\x04\x0c\x44", both),
            (47808, b"\x81\x0a\0\x0a\x01\0\x40\x01\0\x04", Message::OTHER),
            (9999, b"\x40\x01\0\x01", Message::OTHER),
            (53, b"", Message::OTHER),
            (69, b"\0\x01f\0octet\0", asked),
            (69, b"\0\x03\0\x01data", both.proceeding(true)),
            (69, b"\0\x04\0\x01", Message::OTHER.proceeding(true)),
            (69, b"\0\x05\0\x01none\0", Message::OTHER.proceeding(true)),
            // On fresh ports a transfer's blocks, and what acknowledges options or a write request, owe an answer.
            (9999, b"\0\x03\0\x07data", both),
            (9999, b"\0\x06blksize\x001024\0", both),
            (9999, b"\0\x04\0\0", both),
            (9999, b"\0\x04\0\x07", Message::OTHER),
            (9999, b"\0\x05\0\x01none\0", Message::OTHER),
            (9999, b"", Message::OTHER),
        ] {
            assert_eq!(asks(Transport::Udp, [40_000, port], payload), expected, "{port} {payload:?}");
            assert_eq!(asks(Transport::Icmp, [port, port], payload), Message::OTHER);
        }
        // Where both ports have a protocol, it is the one of the vendor's document.
        assert_eq!(asks(Transport::Udp, [123, 47808], read), asked);
        assert_eq!(
            AnswerRule::of(Transport::Tcp, [1, 2]).message(Signs::of_segment(true)),
            Some(Message::new(true, true))
        );
    }
}
