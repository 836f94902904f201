//! Flow records rebuilt from report rows: for a survey.json that is read back, and for anonymized surveys.

use std::net::IpAddr;

use arrayvec::ArrayVec;

use super::counters::{Counts, Hot};
use super::key::{Key, Key4, Key6, Seed, VlanNames};
use super::observation::wide;
use super::sources::{SourceSet, SourceSets};
use super::table::Table;
use super::{EndView, FlowView, Flows};
use crate::capture::Timestamp;
use crate::decode::{MacAddr, TcpFlags, VlanPath};
use crate::protocol::Transport;

/// Indices of inputs.
pub type Sources = ArrayVec<u32, { SourceSets::LIMIT }>;

/// A flow as far as reports tell of it. Its fields have the meaning of those of [`FlowView`].
#[derive(Clone, Debug)]
pub struct FlowRow {
    /// VLAN path.
    pub vlan: VlanPath,
    /// Transport.
    pub transport: Transport,
    /// See [`FlowView::icmp_type`].
    pub icmp_type: Option<u8>,
    /// See [`FlowView::icmp_code`].
    pub icmp_code: u8,
    /// The two ends, either of them first.
    pub ends: [EndRow; 2],
    /// The inputs it was seen in, ascending.
    pub sources: Sources,
    /// See [`FlowView::folded`].
    pub folded: u32,
}

/// One end of a flow and what it sent. Its fields have the meaning of those of [`EndView`].
#[derive(Clone, Debug)]
pub struct EndRow {
    /// Address.
    pub address: IpAddr,
    /// Port; 0 where the transport has none.
    pub port: u16,
    /// See [`EndView::packets`].
    pub packets: u64,
    /// See [`EndView::bytes`].
    pub bytes: u64,
    /// See [`EndView::first`]; it counts for the effective time as well.
    pub first: Timestamp,
    /// See [`EndView::last`]; it counts for the effective time as well.
    pub last: Timestamp,
    /// See [`EndView::source_mac`].
    pub source_mac: Option<MacAddr>,
    /// See [`EndView::destination_mac`].
    pub destination_mac: Option<MacAddr>,
    /// See [`EndView::tcp_flags`].
    pub tcp_flags: TcpFlags,
    /// See [`EndView::duplicates`]; more than 4,294,967,295 are as many.
    pub duplicates: u64,
}

impl FlowRow {
    /// Between two ends, without a VLAN tag, of the first input.
    #[cfg(test)]
    pub(crate) fn between(transport: Transport, ends: [EndRow; 2]) -> Self {
        let sources = [0].into_iter().collect();
        Self { vlan: VlanPath::Untagged, transport, icmp_type: None, icmp_code: 0, ends, sources, folded: 0 }
    }

    /// Of a flow.
    pub fn of(flow: &FlowView<'_>) -> Self {
        Self {
            vlan: flow.vlan(),
            transport: flow.transport,
            icmp_type: flow.icmp_type,
            icmp_code: flow.icmp_code,
            ends: flow.ends.each_ref().map(EndRow::of),
            sources: flow.sources().iter().copied().take(SourceSets::LIMIT).collect(),
            folded: flow.folded,
        }
    }

    /// What stands in the key where TCP and UDP have their ports: for ICMP, `protocol::icmp::exchange`.
    fn port(&self, end: &EndRow) -> u16 {
        match self.transport {
            Transport::Icmp | Transport::Icmpv6 => u16::from_be_bytes([self.icmp_code, self.icmp_type.unwrap_or(0)]),
            _ => end.port,
        }
    }
}

impl EndRow {
    /// An end that sent nothing.
    pub const fn silent(address: IpAddr, port: u16) -> Self {
        Self {
            address,
            port,
            packets: 0,
            bytes: 0,
            first: Timestamp::UNKNOWN,
            last: Timestamp::UNKNOWN,
            source_mac: None,
            destination_mac: None,
            tcp_flags: TcpFlags(0),
            duplicates: 0,
        }
    }

    fn of(end: &EndView<'_>) -> Self {
        Self {
            address: end.address,
            port: end.port,
            packets: end.packets(),
            bytes: end.bytes(),
            first: end.first(),
            last: end.last(),
            source_mac: end.source_mac(),
            destination_mac: end.destination_mac(),
            tcp_flags: end.tcp_flags(),
            duplicates: end.duplicates(),
        }
    }
}

impl Flows {
    /// The flows of rows, in their order, though several have one key; and for each which of its ends, 0 or 1, the row's
    /// first became.
    pub fn of_rows(rows: impl IntoIterator<Item = FlowRow>) -> (Self, Vec<u8>) {
        let seed = Seed::random();
        let (mut v4, mut v6) = (Table::<Key4>::new(seed, 0), Table::<Key6>::new(seed, 0));
        let (mut vlans, mut sources) = (VlanNames::default(), SourceSets::new(0));
        let (mut is_v6, mut first_ends) = (Vec::new(), Vec::new());
        for row in rows {
            let (vlan, inputs) = (vlans.encode(&row.vlan), sources.number(row.sources.to_vec()));
            let [a, b] = row.ends.each_ref().map(|end| (end.address, row.port(end)));
            let protocol = row.transport.number();
            let (is_six, side) = match (a.0, b.0) {
                (IpAddr::V4(from), IpAddr::V4(to)) => {
                    let (key, side) = Key4::new((from.into(), a.1), (to.into(), b.1), protocol, vlan);
                    v4.push_row(key, side, &row, inputs);
                    (false, side)
                }
                (from, to) => {
                    let (key, side) = Key6::new((wide(from), a.1), (wide(to), b.1), protocol, vlan);
                    v6.push_row(key, side, &row, inputs);
                    (true, side)
                }
            };
            is_v6.push(is_six);
            first_ends.push(side);
        }
        let mut next = [0, v4.len() as u32];
        let mut number = |is_v6| {
            let next = &mut next[usize::from(is_v6)];
            *next += 1;
            *next - 1
        };
        let order = is_v6.into_iter().map(&mut number).collect();
        let mut flows = Self::from_tables(v4, v6, vlans, sources);
        flows.put_in_order(order);
        (flows, first_ends)
    }
}

impl<K: Key> Table<K> {
    /// Adds a flow that the index is not told of. The row's first end is the end `side` of the key.
    fn push_row(&mut self, key: K, side: u8, row: &FlowRow, sources: SourceSet) {
        let (counts, cold) = Counts::of_row(row, side, sources);
        if row.folded > 0 {
            self.folded.resize(self.hot.len(), 0);
            self.folded.push(row.folded);
        }
        self.hot.push(Hot { key, counts });
        self.cold.push(cold);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An end with numbers of its own, beyond 32 bits too.
    fn end(address: &str, port: u16, number: u64) -> EndRow {
        let mac = |byte| Some(MacAddr([2, 0, 0, 0, byte, number as u8]));
        EndRow {
            packets: number << 33 | 1,
            bytes: number << 34 | 2,
            first: Timestamp::from_nanos(number as i64),
            last: Timestamp::from_nanos(number as i64 + 9),
            source_mac: mac(1),
            destination_mac: mac(2),
            tcp_flags: TcpFlags(number as u8),
            duplicates: number,
            ..EndRow::silent(address.parse().unwrap(), port)
        }
    }

    #[test]
    fn what_a_row_tells_its_flow_tells_in_the_order_given() {
        let (low, high) = (|port| end("10.0.0.1", port, 5), |port| end("10.0.0.2", port, 6));
        let six = || [end("fe80::2", 5, 7), EndRow::silent("fe80::1".parse().unwrap(), 6)];
        let path = |tags: &[u16]| {
            let mut path = VlanPath::default();
            tags.iter().for_each(|id| path.push(*id));
            path
        };
        let row = |transport, tags: &[u16], ends: [EndRow; 2], sources: &[u32]| FlowRow {
            vlan: path(tags),
            sources: sources.iter().copied().collect(),
            ..FlowRow::between(transport, ends)
        };
        let timeless = EndRow { first: Timestamp::UNKNOWN, last: Timestamp::UNKNOWN, ..high(9) };
        let rows = [
            row(Transport::Udp, &[], six(), &[0]),
            row(Transport::Tcp, &[10, 20], [high(7), low(8)], &[0, 3]),
            FlowRow { folded: 4, ..row(Transport::Tcp, &[1, 2, 3], [high(7), low(8)], &[3]) },
            row(Transport::Udp, &[4095], six(), &[]),
            // The same key again, as surveys of two sites may have it.
            row(Transport::Tcp, &[10, 20], [low(8), high(7)], &[0]),
            FlowRow {
                icmp_type: Some(3),
                icmp_code: 13,
                ..row(Transport::Icmp, &[], [high(0), EndRow::silent([10, 0, 0, 2].into(), 0)], &[1])
            },
            row(Transport::Other(47), &[7], [timeless, low(0)], &[2]),
        ];
        let (flows, first) = Flows::of_rows(rows.clone());
        assert_eq!(first, [1, 1, 1, 1, 0, 0, 1]);
        assert_eq!(flows.len(), rows.len());
        for ((flow, mut row), first) in flows.iter().zip(rows).zip(first) {
            assert!((flow.ends[0].address, flow.ends[0].port) <= (flow.ends[1].address, flow.ends[1].port));
            row.ends.rotate_left(usize::from(first));
            assert_eq!(format!("{:?}", FlowRow::of(&flow)), format!("{row:?}"));
            for end in flow.ends.iter().filter(|end| end.packets() > 0) {
                assert_eq!((end.begin().time, end.end()), (end.first(), end.last()));
            }
        }
    }

    #[test]
    fn numbers_that_no_capture_has_are_cut_off() {
        let most = EndRow { packets: u64::MAX, bytes: u64::MAX, duplicates: u64::MAX, ..end("10.0.0.1", 1, 5) };
        let (flows, _) = Flows::of_rows([FlowRow::between(Transport::Udp, [most, end("10.0.0.2", 2, 6)])]);
        let end = flows.view(0).ends[0];
        assert_eq!((end.packets(), end.bytes(), end.duplicates()), ((1 << 48) - 1, (1 << 48) - 1, u32::MAX.into()));
    }
}
