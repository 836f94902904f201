//! Which packets health is measured by, and what it is told of them.

use super::UDP;
use crate::capture::Timestamp;
use crate::decode::{TcpFlags, tcp_numbers};
use crate::flow::SideEvidence;
use crate::flow::key::{Key, Key4, Key6, VlanNames};
use crate::flow::packet::FlowPacket;
use crate::health::{Ends, FlowKey, Health, Measure, Pair, Segment, Watch};
use crate::protocol::{Turn, bacnet, coap, exchange};

/// TCP's IP protocol number.
const TCP: u8 = 6;
/// ICMP's and ICMPv6's.
const ICMP: [u8; 2] = [1, 58];
/// What stands for echo requests and replies where other flows have their ports, of ICMP and ICMPv6.
const ECHO: [u16; 2] = [8, 128];

impl FlowKey for Key4 {
    fn ends(&self) -> Ends {
        Key::ends(self)
    }
}

impl FlowKey for Key6 {
    fn ends(&self) -> Ends {
        Key::ends(self)
    }
}

/// What a UDP port is asked by.
#[inline(always)]
const fn of_port(port: u16) -> Option<Measure> {
    match port {
        coap::PORT => Some(Measure::Coap),
        bacnet::PORT => Some(Measure::Bacnet),
        53 => Some(Measure::Dns),
        _ => None,
    }
}

/// What a packet may ask or answer: by its ports, or where those say nothing by the beginning of a TFTP block.
#[inline(always)]
pub(super) fn measured_as(protocol: u8, ports: (u16, u16), sent: &FlowPacket<'_>) -> Option<Measure> {
    if protocol == TCP {
        return Some(Measure::Http);
    }
    if protocol != UDP {
        return (sent.turn != Turn::Unknown).then_some(Measure::Echo);
    }
    match (of_port(ports.0), of_port(ports.1)) {
        (None, None) => matches!(sent.head, 3 | 4 | 6).then_some(Measure::Tftp),
        // Of two such ports the one decides that stands first among the measures, whoever sends.
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Whether a packet may be an ERROR of TFTP.
#[inline(always)]
pub(super) fn may_be_error(protocol: u8, sent: &FlowPacket<'_>) -> bool {
    protocol == UDP && sent.head == 5
}

/// Hands on why a transfer by TFTP ended, wherever in it that was said.
#[cold]
pub(super) fn error<K: Key>(
    side: &mut SideEvidence,
    vlans: &VlanNames,
    key: &K,
    sent: &FlowPacket<'_>,
    written: Timestamp,
) {
    let (ends, from) = (key.ends(), usize::from(sent.side & 1));
    if !sent.is_to_group(ends[1 - from].0) {
        let stream = (vlans.decode(key.vlan()), ends[from], ends[1 - from]);
        side.tftp_error(stream, written, sent.at, sent.payload);
    }
}

/// Whether the payload of a TCP segment is what fills up a frame, which IP's length counts where tools rewrote it: zeros that nobody
/// pushes. A single one asks whether a window is closed.
fn is_padding(sent: &FlowPacket<'_>) -> bool {
    matches!(sent.payload_length, 2..=6)
        && !sent.flags.has(TcpFlags::PSH)
        && sent.payload.len() as u32 == sent.payload_length
        && sent.payload.iter().all(|byte| *byte == 0)
}

/// Tells what a packet asks or answers. Its connection may have a number among those that are watched.
#[inline]
pub(in crate::flow) fn measure<K: Key + FlowKey>(
    watch: &mut Watch<K>,
    (key, number): (&K, u32),
    measure: Measure,
    sent: &FlowPacket<'_>,
) {
    let (side, time, payload) = (sent.side & 1, sent.at.time, sent.payload);
    let connection = key.connection();
    let flow = (&connection, number);
    let part = match measure {
        Measure::Coap => exchange::coap(payload),
        Measure::Bacnet => exchange::bacnet(payload),
        Measure::Dns => exchange::dns(payload),
        Measure::Tftp => exchange::tftp(payload, sent.payload_length),
        Measure::Echo => {
            let is_echo = ICMP.contains(&key.protocol()) && ECHO.contains(&key.ports()[0]);
            exchange::echo(sent.turn == Turn::Request, payload).filter(|_| is_echo)
        }
        _ => {
            let numbers = sent.numbers.map(tcp_numbers).filter(|_| !sent.flags.has(TcpFlags::RST));
            if let Some(numbers) = numbers {
                let FlowPacket { flags, fingerprint, head: window, .. } = *sent;
                let length = if is_padding(sent) { 0 } else { sent.payload_length };
                watch.segment(flow, &Segment { time, numbers, length, fingerprint, window, flags, side });
            }
            exchange::http(payload, sent.numbers)
        }
    };
    if let Some(part) = part {
        watch.message(flow, measure, side, part, time);
    }
}

/// How long each client waited for the address that a server gave it. What DHCP said is kept for its own sake, by client and
/// transaction: no packet is looked at again for this.
pub(super) fn dhcp(evidence: &SideEvidence, health: &mut Health) {
    for transaction in evidence.transactions() {
        let said = &transaction.said;
        let Some(asked) = [said.discovers, said.starts].into_iter().find(|asked| asked.count > 0) else { continue };
        for (server, given) in transaction.given.iter().filter(|(_, given)| given.acks.count > 0) {
            let nanos = given.acks.first.nanos().zip(asked.first.nanos());
            let nanos = nanos.and_then(|(given, asked)| u64::try_from(given.checked_sub(asked)?).ok());
            let Some(nanos) = nanos else { continue };
            // Another address may have been offered first.
            let address = said.leased.as_ref().map_or(given.first.what.0, |leased| leased.what);
            let pair = Pair { asker: address.into(), answerer: (*server).into(), port: 67, measure: Measure::Dhcp };
            health.answered(pair, nanos);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_that_fill_up_a_frame_are_no_payload() {
        let is_padding = |payload: &[u8], length: u32, flags: u8| {
            let flags = TcpFlags(TcpFlags::ACK | flags);
            is_padding(&FlowPacket { flags, payload, payload_length: length, ..FlowPacket::NOTHING })
        };
        assert!(is_padding(&[0; 6], 6, 0) && is_padding(&[0; 2], 2, TcpFlags::SYN));
        // A write's last bytes, a window's probe, text, and what was cut off and may have been anything.
        assert!(!is_padding(&[0; 6], 6, TcpFlags::PSH) && !is_padding(&[0], 1, 0));
        assert!(!is_padding(b"\0\0\0ok\0", 6, 0) && !is_padding(&[], 6, 0));
    }
}
