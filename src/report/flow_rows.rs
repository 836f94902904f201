//! Rows of flows.csv from parts. What repeats is made once, by the columns of [`super::flows`], and copied: a row is a
//! score of copies and a few numbers. What is not like most is left to the columns; a test holds every row against theirs.

use std::net::IpAddr;
use std::ops::Range;

use super::column::Table;
use super::community_id::{Endpoint, community_id};
use super::flows::{self, Flows};
use super::line::{Day, Line};
use super::names::{Names, mac_of};
use super::value::nanos_between;
use crate::capture::Timestamp;
use crate::flow::{EndView, FlowView};
use crate::inventory::HostId;
use crate::policy::{Role, Rule};
use crate::protocol::Transport;
use crate::survey::Survey;
use crate::verdict::Judgement;

/// Columns that are made together, by their place.
const PATH: Range<usize> = 4..6;
const CLIENT: usize = 6;
const SERVER: usize = 11;
const WORDS: Range<usize> = 16..26;
const SOURCES: usize = 33;
const VLAN_PATH: usize = 35;

/// Writes rows. Each thread has one of its own.
pub(super) struct RowWriter<'a> {
    survey: &'a Survey,
    names: &'a Names,
    line: Line,
    /// Role and name of a host, by its role, where no host of the survey has a name.
    roles: Option<[Vec<u8>; Role::ALL.len()]>,
    /// From the service to the rule.
    words: CachedTexts,
    /// Which input it was seen in.
    source: Option<(u32, Vec<u8>)>,
    first: Day,
    last: Day,
}

impl<'a> RowWriter<'a> {
    pub(super) fn new(survey: &'a Survey, names: &'a Names) -> Self {
        let roles =
            (!survey.hosts.any_named()).then(|| Role::ALL.map(|role| format!("{},,", role.name()).into_bytes()));
        let (line, words) = (Line::default(), CachedTexts::default());
        let (first, last) = (Day::default(), Day::default());
        Self { survey, names, line, roles, words, source: None, first, last }
    }

    /// Appends the row of the flow at a place to `out`.
    pub(super) fn add(&mut self, place: usize, out: &mut Vec<u8>) {
        let (flow, judgement) = self.survey.flows.view(place);
        let flow = &flow;
        let client = usize::from(judgement.client & 1);
        let of = Of { place, flow, judgement };

        self.line.byte(b'f');
        self.line.number(place as u64 + 1);
        self.times(flow);
        self.path(&of);
        self.party(&of, client, judgement.client_host, CLIENT);
        self.party(&of, 1 - client, judgement.server_host, SERVER);
        self.words(&of);
        for end in [client, 1 - client] {
            self.line.number(flow.ends[end].packets());
            self.line.number(flow.ends[end].bytes());
        }
        for end in [client, 1 - client] {
            match flow.transport {
                Transport::Tcp => self.line.flags(flow.ends[end].tcp_flags().0),
                _ => self.line.comma(),
            }
        }
        self.community_id(flow, client);
        self.sources(&of);
        self.line.number(flow.ends.iter().map(EndView::duplicates).sum());
        if flow.is_untagged() {
            self.line.comma();
        } else {
            self.columns(&of, VLAN_PATH..VLAN_PATH + 1);
        }
        self.line.end_row(out);
    }

    /// Cells as the columns make them.
    #[cold]
    fn columns(&mut self, of: &Of<'_, 'a>, columns: Range<usize>) {
        let row = flows::row(self.survey, self.names, of.place);
        for column in Flows::in_csv().skip(columns.start).take(columns.len()) {
            self.line.value((column.cell)(&row));
        }
    }

    fn times(&mut self, flow: &FlowView<'_>) {
        let times = [flow.first(), flow.last()].map(Timestamp::nanos);
        for (day, nanos) in [&mut self.first, &mut self.last].into_iter().zip(times) {
            match nanos {
                Some(nanos) => self.line.put(&day.text(nanos), Day::LENGTH),
                None => self.line.comma(),
            }
        }
        match times {
            [Some(first), Some(last)] => self.line.seconds(match last.saturating_sub(first) {
                // More than are told apart so.
                i64::MAX => nanos_between(flow.first(), flow.last()).unwrap_or_default(),
                nanos => nanos.max(0).unsigned_abs(),
            }),
            _ => self.line.comma(),
        }
    }

    /// VLAN and transport.
    fn path(&mut self, of: &Of<'_, 'a>) {
        match of.flow.transport {
            Transport::Tcp if of.flow.is_untagged() => self.line.put(b",tcp,", 5),
            Transport::Udp if of.flow.is_untagged() => self.line.put(b",udp,", 5),
            _ => self.columns(of, PATH),
        }
    }

    /// Address, port, MAC, role and name of an end, the first of which is a column's.
    fn party(&mut self, of: &Of<'_, 'a>, end: usize, host: HostId, first: usize) {
        let EndView { address, port, .. } = of.flow.ends[end];
        match address {
            IpAddr::V4(address) => self.line.ipv4(address.octets()),
            IpAddr::V6(_) => self.columns(of, first..first + 1),
        }
        if of.flow.transport.has_ports() {
            self.line.number(port.into());
        } else {
            self.line.comma();
        }
        match mac_of(of.flow, end) {
            Some(mac) => self.line.mac(mac.0),
            None => self.line.comma(),
        }
        match &self.roles {
            Some(roles) => self.line.text(&roles[self.survey.hosts.role(host) as usize]),
            None => self.columns(of, first + 3..first + 5),
        }
    }

    /// From the service to the rule.
    fn words(&mut self, of: &Of<'_, 'a>) {
        let Some(kind) = self.kind(of) else { return self.columns(of, WORDS) };
        if let Some(text) = self.words.find(kind) {
            return self.line.text(text);
        }
        let begin = self.line.len();
        self.columns(of, WORDS);
        self.words.keep(kind, self.line.since(begin));
    }

    /// All that the cells from the service to the rule are made from, packed, unless another flow is among it.
    fn kind(&self, of: &Of<'_, '_>) -> Option<u64> {
        let judgement = of.judgement;
        if judgement.related_to.is_some() {
            return None;
        }
        let rule = |rule| match rule {
            Rule::None => 0,
            Rule::Cell(at) => 1 << 16 | u64::from(at),
            Rule::Allowance(at) => 2 << 16 | u64::from(at),
            Rule::Supporting(at) => 3 << 16 | u64::from(at),
        };
        let server = &of.flow.ends[usize::from(1 - (judgement.client & 1))];
        let named = self.names.policy().named_by(judgement.rule, of.flow.transport, server.port);
        let reason = judgement.reason.map_or(0, |reason| reason as u64 + 1);
        let severity = judgement.severity.map_or(0, |severity| severity as u64 + 1);
        let protocol = judgement.payload_protocol.map_or(0, |protocol| protocol as u64 + 1);
        Some(
            rule(judgement.rule)
                | rule(named) << 18
                | (judgement.verdict as u64) << 36
                | reason << 39
                | severity << 43
                | (judgement.outcome as u64) << 45
                | (judgement.basis as u64) << 48
                | (judgement.payload as u64) << 51
                | protocol << 53,
        )
    }

    fn community_id(&mut self, flow: &FlowView<'_>, client: usize) {
        let end = |end: &EndView<'_>| Endpoint { address: end.address, port: end.port };
        let icmp = flow.icmp_type.map(|kind| (kind, flow.icmp_code));
        let [source, destination] = [&flow.ends[client], &flow.ends[1 - client]].map(end);
        match community_id(flow.transport, source, destination, icmp) {
            Some(id) => {
                self.line.put(&id, id.len());
                self.line.comma();
            }
            None => self.line.comma(),
        }
    }

    fn sources(&mut self, of: &Of<'_, 'a>) {
        match (of.flow.sources(), &self.source) {
            ([source], Some((known, text))) if source == known => self.line.text(text),
            ([source], _) => {
                let text = self.names.input_cell(*source);
                self.line.text(text);
                self.source = Some((*source, text.to_owned()));
            }
            _ => self.columns(of, SOURCES..SOURCES + 1),
        }
    }
}

struct Of<'s, 'a> {
    place: usize,
    flow: &'s FlowView<'a>,
    judgement: &'a Judgement,
}

/// Texts by what they are made from: the latest.
struct CachedTexts {
    places: Box<[CachedText]>,
}

#[derive(Clone)]
struct CachedText {
    kind: u64,
    /// 0 where nothing is kept.
    length: u8,
    text: [u8; CachedText::MOST],
}

impl CachedText {
    /// Bytes of a text that is kept.
    const MOST: usize = 192;
}

impl Default for CachedTexts {
    fn default() -> Self {
        let empty = CachedText { kind: 0, length: 0, text: [0; CachedText::MOST] };
        Self { places: vec![empty; Self::PLACES].into_boxed_slice() }
    }
}

impl CachedTexts {
    /// A power of two.
    const PLACES: usize = 128;

    #[inline]
    fn place(kind: u64) -> usize {
        // Multiplied by the golden ratio, what differs in few bits differs in those above.
        (kind.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize % Self::PLACES
    }

    #[inline]
    fn find(&self, kind: u64) -> Option<&[u8]> {
        let part = &self.places[Self::place(kind)];
        (part.kind == kind && part.length > 0).then(|| &part.text[..usize::from(part.length)])
    }

    fn keep(&mut self, kind: u64, text: Option<&[u8]>) {
        let Some(text) = text.filter(|text| text.len() <= CachedText::MOST) else { return };
        let part = &mut self.places[Self::place(kind)];
        (part.kind, part.length) = (kind, text.len() as u8);
        part.text[..text.len()].copy_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Host, Hosts};
    use crate::report::fixture;

    /// Every row of a survey, and what the columns make of it.
    fn assert_rows_are_those_of_the_columns(survey: &Survey) {
        let names = Names::of(survey);
        let (mut rows, mut line) = (RowWriter::new(survey, &names), Line::default());
        let (mut out, mut expected) = (Vec::new(), Vec::new());
        for place in (0..survey.flows.len()).chain(0..survey.flows.len()) {
            rows.add(place, &mut out);
            line.add::<Flows>(&flows::row(survey, &names, place), &mut expected);
        }
        assert_eq!(String::from_utf8(out).unwrap(), String::from_utf8(expected).unwrap());
    }

    #[test]
    fn rows_are_those_of_the_columns() {
        let mut survey = fixture::survey();
        assert!(survey.hosts.any_named());
        assert_rows_are_those_of_the_columns(&survey);
        let nameless = survey.hosts.iter().cloned().map(|host| Host { name: None, ..host });
        survey.hosts = Hosts::new(nameless.collect());
        assert_rows_are_those_of_the_columns(&survey);
    }

    #[test]
    fn the_columns_stand_where_their_parts_are_made() {
        let all: Vec<&str> = Flows::in_csv().map(|column| column.name).collect();
        let names = |columns: Range<usize>| &all[columns];
        assert_eq!(names(PATH), ["vlan", "transport"]);
        let party = |side: &str| ["ip", "port", "mac", "role", "name"].map(|what| format!("{side}_{what}"));
        assert_eq!(names(CLIENT..CLIENT + 5), party("client"));
        assert_eq!(names(SERVER..SERVER + 5), party("server"));
        assert_eq!((names(WORDS)[0], names(WORDS)[9]), ("service", "rule"));
        assert_eq!(names(SOURCES..VLAN_PATH + 1), ["sources", "duplicates", "vlan_path"]);
        assert_eq!(all.len(), VLAN_PATH + 1);
    }

    #[test]
    fn texts_are_found_again_and_never_for_another_kind() {
        let mut parts = CachedTexts::default();
        for kind in 0..1000_u64 {
            parts.keep(kind, Some(format!("{kind},").as_bytes()));
            assert_eq!(parts.find(kind), Some(format!("{kind},").as_bytes()));
        }
        for kind in 0..2000_u64 {
            assert!(parts.find(kind).is_none_or(|text| text == format!("{kind},").as_bytes()));
        }
        parts.keep(7, Some(&[b'x'; 500]));
        assert!(parts.find(7).is_none_or(|text| text == b"7,"));
    }
}
