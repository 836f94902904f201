//! Flows as IPFIX (RFC 7011), both directions in one record (RFC 5103): a file (RFC 5655), or messages for a collector.

use std::io::{self, Write};
use std::net::IpAddr;

use crate::capture::Timestamp;
use crate::flow::{EndView, FlowView};
use crate::protocol::Transport;
use crate::relation::DirectionBasis;
use crate::survey::Survey;

/// RFC 7011, section 3.1.
const VERSION: u16 = 10;
/// Section 3.3.2.
const SET_HEADER: usize = 4;
const TEMPLATE_SET: u16 = 2;
/// Templates have numbers from here on (section 3.4.1).
const FIRST_TEMPLATE: u16 = 256;
/// The enterprise whose elements count the other direction (RFC 5103, section 6.1).
const REVERSE: u32 = 29_305;
/// Bytes of a message in a file: with its length in 16 bits.
const LONGEST: usize = 60_000;
/// Bytes of a message to a collector, with room for the headers before it in an Ethernet frame (section 10.3.3).
const DATAGRAM: usize = 1_400;
/// Over UDP templates are told again and again (section 8.4): in the first of so many messages.
const TEMPLATES_EVERY: u64 = 20;

/// One flow as a record has it.
struct Record<'a> {
    number: u64,
    flow: &'a FlowView<'a>,
    source: EndView<'a>,
    destination: EndView<'a>,
    /// Whether both sent.
    both: bool,
    basis: DirectionBasis,
}

impl<'a> Record<'a> {
    fn of(survey: &'a Survey, flow: &'a FlowView<'a>, place: usize) -> Self {
        let (_, judgement) = survey.flows.view(place);
        let client = usize::from(judgement.client & 1);
        let (mut source, mut destination) = (flow.ends[client], flow.ends[1 - client]);
        // What only the server sent goes from it.
        if source.packets() == 0 {
            std::mem::swap(&mut source, &mut destination);
        }
        let both = destination.packets() > 0;
        Self { number: place as u64 + 1, flow, source, destination, both, basis: judgement.basis }
    }

    fn layout(&self) -> Layout {
        Layout { v6: self.source.address.is_ipv6(), icmp: self.flow.icmp_type.is_some(), both: self.both }
    }
}

/// Which fields a record has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Layout {
    v6: bool,
    icmp: bool,
    both: bool,
}

impl Layout {
    fn all() -> impl Iterator<Item = Self> {
        (0..8u16).map(|bits| Self { v6: bits & 1 != 0, icmp: bits & 2 != 0, both: bits & 4 != 0 })
    }

    fn template(self) -> u16 {
        FIRST_TEMPLATE + u16::from(self.v6) + 2 * u16::from(self.icmp) + 4 * u16::from(self.both)
    }
}

/// A field: the element's number in IANA's registry, its length in bytes, where it is, and what fills it.
struct Field<Put> {
    element: u16,
    length: u16,
    is_in: fn(Layout) -> bool,
    put: Put,
}

type PutFlow = fn(&Record<'_>, &mut Vec<u8>);
type PutEnd = fn(&EndView<'_>, &mut Vec<u8>);

const fn flow(element: u16, length: u16, is_in: fn(Layout) -> bool, put: PutFlow) -> Field<PutFlow> {
    Field { element, length, is_in, put }
}

const fn end(element: u16, length: u16, put: PutEnd) -> Field<PutEnd> {
    Field { element, length, is_in: ANY, put }
}

const ANY: fn(Layout) -> bool = |_| true;

/// What is said once of both directions.
const FLOW: &[Field<PutFlow>] = &[
    flow(148, 8, ANY, |r, to| to.extend(r.number.to_be_bytes())), // flowId
    flow(8, 4, |of| !of.v6, |r, to| put_address(r.source.address, to)), // sourceIPv4Address
    flow(12, 4, |of| !of.v6, |r, to| put_address(r.destination.address, to)), // destinationIPv4Address
    flow(27, 16, |of| of.v6, |r, to| put_address(r.source.address, to)), // sourceIPv6Address
    flow(28, 16, |of| of.v6, |r, to| put_address(r.destination.address, to)), // destinationIPv6Address
    flow(7, 2, |of| !of.icmp, |r, to| to.extend(port(r, r.source.port))), // sourceTransportPort
    flow(11, 2, |of| !of.icmp, |r, to| to.extend(port(r, r.destination.port))), // destinationTransportPort
    flow(32, 2, |of| of.icmp && !of.v6, |r, to| to.extend(icmp(r))), // icmpTypeCodeIPv4
    flow(139, 2, |of| of.icmp && of.v6, |r, to| to.extend(icmp(r))), // icmpTypeCodeIPv6
    flow(4, 1, ANY, |r, to| to.push(r.flow.transport.number())),  // protocolIdentifier
    flow(58, 2, ANY, |r, to| to.extend(r.flow.vlan().iter().next().unwrap_or(0).to_be_bytes())), // vlanId
    flow(56, 6, ANY, |r, to| to.extend(r.source.source_mac().map_or([0; 6], |mac| mac.0))), // sourceMacAddress
    flow(80, 6, ANY, |r, to| to.extend(r.source.destination_mac().map_or([0; 6], |mac| mac.0))), // destinationMacAddress
    flow(239, 1, |of| of.both, |r, to| to.push(direction(r))),                                   // biflowDirection
];

/// What is said of each direction, of the other one by [`REVERSE`].
const END: &[Field<PutEnd>] = &[
    end(2, 8, |end, to| to.extend(end.packets().to_be_bytes())), // packetDeltaCount
    end(1, 8, |end, to| to.extend(end.bytes().to_be_bytes())),   // octetDeltaCount
    end(352, 8, |end, to| to.extend(end.bytes().to_be_bytes())), // layer2OctetDeltaCount
    end(152, 8, |end, to| to.extend(millis(end.first()).to_be_bytes())), // flowStartMilliseconds
    end(153, 8, |end, to| to.extend(millis(end.last()).to_be_bytes())), // flowEndMilliseconds
    end(156, 8, |end, to| to.extend(ntp(end.first()).to_be_bytes())), // flowStartNanoseconds
    end(157, 8, |end, to| to.extend(ntp(end.last()).to_be_bytes())), // flowEndNanoseconds
    end(6, 2, |end, to| to.extend(u16::from(end.tcp_flags().0).to_be_bytes())), // tcpControlBits
];

fn put_address(address: IpAddr, to: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => to.extend(address.octets()),
        IpAddr::V6(address) => to.extend(address.octets()),
    }
}

fn port(record: &Record<'_>, port: u16) -> [u8; 2] {
    if record.flow.transport.has_ports() { port.to_be_bytes() } else { [0; 2] }
}

fn icmp(record: &Record<'_>) -> [u8; 2] {
    [record.flow.icmp_type.unwrap_or(0), record.flow.icmp_code]
}

/// RFC 5103, section 6.3: whether the source is the one that began, or which is which is not known.
fn direction(record: &Record<'_>) -> u8 {
    const ARBITRARY: u8 = 0;
    const INITIATOR: u8 = 1;
    if record.basis == DirectionBasis::FirstPacket && record.flow.transport != Transport::Tcp {
        ARBITRARY
    } else {
        INITIATOR
    }
}

/// Milliseconds since 1970; 0 for a time that is not known.
fn millis(time: Timestamp) -> u64 {
    u64::try_from(time.nanos().unwrap_or(0)).unwrap_or(0) / 1_000_000
}

/// Seconds since 1900 and 2^32nds of a second (RFC 7011, section 6.1.10); 0 for a time that is not known.
fn ntp(time: Timestamp) -> u64 {
    const SECONDS_TO_1970: u64 = 2_208_988_800;
    let Some(nanos) = time.nanos().and_then(|nanos| u64::try_from(nanos).ok()) else { return 0 };
    let (seconds, rest) = (nanos / 1_000_000_000 + SECONDS_TO_1970, nanos % 1_000_000_000);
    // Up, so that the nanosecond comes back.
    (seconds << 32) | ((rest << 32).div_ceil(1_000_000_000))
}

struct Messages<'s> {
    /// Seconds since 1970.
    time: u32,
    longest: usize,
    /// Messages that go together with their templates.
    every: u64,
    message: Vec<u8>,
    /// Where the set that is being filled begins, and its template.
    set: Option<(usize, u16)>,
    /// Records in earlier messages, and in this one.
    sequence: u32,
    records: u32,
    sent: u64,
    send: &'s mut dyn FnMut(&[u8]) -> io::Result<()>,
}

impl Messages<'_> {
    fn begin(&mut self) {
        self.message.clear();
        for half in [VERSION, 0] {
            self.message.extend(half.to_be_bytes());
        }
        // The observation domain is the whole capture.
        for word in [self.time, self.sequence, 0] {
            self.message.extend(word.to_be_bytes());
        }
        if self.sent.is_multiple_of(self.every) {
            self.templates();
        }
    }

    fn templates(&mut self) {
        let begin = self.message.len();
        self.open(TEMPLATE_SET);
        for layout in Layout::all() {
            let flow =
                FLOW.iter().filter(|field| (field.is_in)(layout)).map(|field| (field.element, field.length, false));
            let end = |reverse| END.iter().map(move |field| (field.element, field.length, reverse));
            let fields: Vec<_> = flow.chain(end(false)).chain(end(true).filter(|_| layout.both)).collect();
            self.message.extend(layout.template().to_be_bytes());
            self.message.extend((fields.len() as u16).to_be_bytes());
            for (element, length, reverse) in fields {
                self.message.extend((element | u16::from(reverse) << 15).to_be_bytes());
                self.message.extend(length.to_be_bytes());
                if reverse {
                    self.message.extend(REVERSE.to_be_bytes());
                }
            }
        }
        self.close(begin);
    }

    fn open(&mut self, set: u16) {
        self.message.extend(set.to_be_bytes());
        self.message.extend([0; 2]);
    }

    /// Tells a set its length.
    fn close(&mut self, begin: usize) {
        let length = ((self.message.len() - begin) as u16).to_be_bytes();
        self.message[begin + 2..begin + 4].copy_from_slice(&length);
    }

    fn add(&mut self, record: &Record<'_>) -> io::Result<()> {
        let layout = record.layout();
        let mut bytes = Vec::with_capacity(256);
        FLOW.iter().filter(|field| (field.is_in)(layout)).for_each(|field| (field.put)(record, &mut bytes));
        END.iter().for_each(|field| (field.put)(&record.source, &mut bytes));
        if layout.both {
            END.iter().for_each(|field| (field.put)(&record.destination, &mut bytes));
        }
        if self.message.len() + SET_HEADER + bytes.len() > self.longest {
            self.flush()?;
        }
        match self.set {
            Some((_, template)) if template == layout.template() => {}
            other => {
                if let Some((begin, _)) = other {
                    self.close(begin);
                }
                self.set = Some((self.message.len(), layout.template()));
                self.open(layout.template());
            }
        }
        self.message.extend(bytes);
        self.records += 1;
        Ok(())
    }

    /// Sends the message and begins the next.
    fn flush(&mut self) -> io::Result<()> {
        if let Some((begin, _)) = self.set.take() {
            self.close(begin);
        }
        let length = (self.message.len() as u16).to_be_bytes();
        self.message[2..4].copy_from_slice(&length);
        (self.send)(&self.message)?;
        self.sent += 1;
        self.sequence = self.sequence.wrapping_add(self.records);
        self.records = 0;
        self.begin();
        Ok(())
    }
}

fn send_all(
    survey: &Survey,
    time: Timestamp,
    longest: usize,
    every: u64,
    send: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let time = (millis(time) / 1000) as u32;
    let message = Vec::with_capacity(longest);
    let mut messages = Messages { time, longest, every, message, set: None, sequence: 0, records: 0, sent: 0, send };
    messages.begin();
    for (place, (flow, _)) in survey.flows.iter().enumerate() {
        messages.add(&Record::of(survey, &flow, place))?;
    }
    if messages.records > 0 || messages.sent == 0 { messages.flush() } else { Ok(()) }
}

/// The flows of a survey as an IPFIX file. Its messages have the time of the last packet: the same survey gives the same bytes.
///
/// # Errors
/// Those of `out`.
pub fn write_ipfix(out: &mut dyn Write, survey: &Survey) -> io::Result<()> {
    let known = survey.inputs.iter().map(|input| input.last).filter(|time| time.nanos().is_some());
    let time = known.max().unwrap_or(Timestamp::UNKNOWN);
    send_all(survey, time, LONGEST, u64::MAX, &mut |message| out.write_all(message))
}

/// The flows of a survey as messages of at most 1,400 bytes, sent at a time.
///
/// # Errors
/// Those of `send`.
pub fn send_ipfix(survey: &Survey, time: Timestamp, send: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    send_all(survey, time, DATAGRAM, TEMPLATES_EVERY, send)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::flow::FlowRow;
    use crate::report::fixture;

    /// Reads what was written by the lengths in it alone: of each message its sequence number, of each record its fields.
    #[derive(Default)]
    struct MessageReader {
        templates: BTreeMap<u16, Vec<(u16, u32, usize)>>,
        sequences: Vec<u32>,
        records: Vec<BTreeMap<(u16, u32), Vec<u8>>>,
    }

    fn take<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
        let (head, rest) = bytes.split_first_chunk::<N>().expect("more bytes");
        *bytes = rest;
        *head
    }

    impl MessageReader {
        fn message(&mut self, bytes: &mut &[u8]) {
            let all = *bytes;
            assert_eq!(u16::from_be_bytes(take(bytes)), 10);
            let length = usize::from(u16::from_be_bytes(take(bytes)));
            let _time: [u8; 4] = take(bytes);
            self.sequences.push(u32::from_be_bytes(take(bytes)));
            let mut sets = &all[16..length];
            *bytes = &all[length..];
            while !sets.is_empty() {
                let whole = sets;
                let id = u16::from_be_bytes(take(&mut sets));
                let length = usize::from(u16::from_be_bytes(take(&mut sets)));
                let mut set = &whole[4..length];
                sets = &whole[length..];
                while !set.is_empty() {
                    if id == 2 { self.template(&mut set) } else { self.record(id, &mut set) }
                }
            }
        }

        fn template(&mut self, set: &mut &[u8]) {
            let id = u16::from_be_bytes(take(set));
            let count = u16::from_be_bytes(take(set));
            let fields = (0..count).map(|_| {
                let (element, length) = (u16::from_be_bytes(take(set)), u16::from_be_bytes(take(set)));
                let enterprise = if element & 0x8000 != 0 { u32::from_be_bytes(take(set)) } else { 0 };
                (element & 0x7fff, enterprise, usize::from(length))
            });
            let fields = fields.collect();
            self.templates.insert(id, fields);
        }

        fn record(&mut self, id: u16, set: &mut &[u8]) {
            let fields = self.templates[&id].iter().map(|(element, enterprise, length)| {
                let (value, rest) = set.split_at(*length);
                *set = rest;
                ((*element, *enterprise), value.to_vec())
            });
            let record = fields.collect();
            self.records.push(record);
        }
    }

    fn number(bytes: &[u8]) -> u64 {
        bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn check(survey: &Survey, reader: &MessageReader) {
        assert_eq!(reader.records.len(), survey.flows.len());
        for ((flow, _), record) in survey.flows.iter().zip(&reader.records) {
            let of = |element: u16| {
                let forward = number(&record[&(element, 0)]);
                forward + record.get(&(element, REVERSE)).map_or(0, |bytes| number(bytes))
            };
            assert_eq!((of(2), of(1), of(352)), (flow.packets(), flow.bytes(), flow.bytes()));
            assert_eq!(number(&record[&(4, 0)]), u64::from(flow.transport.number()));
            let starts = [record.get(&(152, 0)), record.get(&(152, REVERSE))].into_iter().flatten();
            assert_eq!(starts.map(|bytes| number(bytes)).min(), Some(millis(flow.first())));
        }
    }

    #[test]
    fn a_file_is_read_back_by_its_own_templates() {
        let survey = fixture::survey();
        let mut out = Vec::new();
        write_ipfix(&mut out, &survey).unwrap();
        let (mut reader, mut bytes) = (MessageReader::default(), &out[..]);
        while !bytes.is_empty() {
            reader.message(&mut bytes);
        }
        check(&survey, &reader);
        let first = &reader.records[0];
        assert_eq!(first[&(8, 0)], [10, 20, 0, 31]);
        assert_eq!((number(&first[&(7, 0)]), number(&first[&(11, 0)]), number(&first[&(58, 0)])), (52_114, 80, 10));
        assert_eq!((number(&first[&(2, 0)]), number(&first[&(2, REVERSE)])), (12, 11));
        // Of what only one side sent nothing is said of the other.
        assert!(reader.records.iter().any(|record| !record.contains_key(&(2, REVERSE))));
    }

    #[test]
    fn datagrams_are_short_and_numbered_without_gaps() {
        let mut survey = fixture::survey();
        let flows: Vec<_> = survey.flows.iter().map(|(flow, judgement)| (FlowRow::of(&flow), *judgement)).collect();
        survey.flows = crate::survey::JudgedFlows::of_rows(flows.iter().cycle().take(1000).cloned());
        let mut reader = MessageReader::default();
        let mut expected = Vec::new();
        let mut send = |message: &[u8]| {
            assert!(message.len() <= DATAGRAM);
            expected.push(reader.records.len() as u32);
            reader.message(&mut &message[..]);
            Ok(())
        };
        send_ipfix(&survey, Timestamp::from_nanos(0), &mut send).unwrap();
        check(&survey, &reader);
        assert_eq!(reader.sequences, expected);
    }

    #[test]
    fn times_keep_their_nanoseconds() {
        for nanos in [0u64, 1, 999_999_999, 1_741_076_100_123_456_789] {
            let ntp = ntp(Timestamp::from_nanos(nanos as i64));
            let (seconds, fraction) = ((ntp >> 32) - 2_208_988_800, ntp & 0xffff_ffff);
            assert_eq!(seconds * 1_000_000_000 + ((fraction * 1_000_000_000) >> 32), nanos);
        }
        assert_eq!(ntp(Timestamp::UNKNOWN), 0);
    }
}
