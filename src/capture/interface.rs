//! The interfaces of a pcapng file: link type, clock, snap length, what was dropped.

use super::frame::{LinkType, Timestamp};
use super::pcap::packet_limit;
use super::pcapng::ByteOrder;

/// Bytes of an interface's name that are kept: Linux has 15, Windows some 50.
const NAME_LIMIT: usize = 256;
/// Bytes of a capture filter that are kept: more than libpcap is asked about.
const FILTER_LIMIT: usize = 2048;
/// More interfaces than any capture has; beyond it the description is an attack on memory.
const INTERFACE_LIMIT: usize = 1 << 18;

// Option codes of the Interface Description Block.
const OPT_END: u16 = 0;
pub(super) const IF_NAME: u16 = 2;
pub(super) const IF_TSRESOL: u16 = 9;
pub(super) const IF_FILTER: u16 = 11;
const IF_TSOFFSET: u16 = 14;
// Option code of the Enhanced Packet Block.
const EPB_DROPCOUNT: u16 = 4;
// Option codes of the Interface Statistics Block.
pub(super) const ISB_IFRECV: u16 = 4;
pub(super) const ISB_IFDROP: u16 = 5;
pub(super) const ISB_OSDROP: u16 = 7;

/// What a packet needs to know of its interface.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interface {
    pub(super) link: LinkType,
    /// The longest captured packet that is believed, in bytes.
    pub(super) limit: u32,
    /// 0: no limit.
    pub(super) snap_len: u32,
    pub(super) clock: InterfaceClock,
}

/// How an interface counts time: `if_tsresol` and `if_tsoffset`.
#[derive(Clone, Copy, Debug)]
pub(super) struct InterfaceClock {
    /// Nanoseconds for one tick, where that is a whole number and no offset is added; else 0.
    nanos: u64,
    /// As in the file: bit 7 set means a negative power of 2, else of 10.
    resolution: u8,
    /// Seconds to add.
    offset: i64,
}

impl InterfaceClock {
    fn new(resolution: u8, offset: i64) -> Self {
        let nanos = if offset == 0 && resolution <= 9 { 10_u64.pow(9 - u32::from(resolution)) } else { 0 };
        Self { nanos, resolution, offset }
    }

    /// The time of so many ticks; held at the limits of [`Timestamp`].
    #[inline(always)]
    pub(super) fn time(self, ticks: u64) -> Timestamp {
        if self.nanos != 0 {
            return Timestamp::from_nanos(ticks.saturating_mul(self.nanos).min(i64::MAX as u64) as i64);
        }
        self.odd_time(ticks)
    }

    #[cold]
    fn odd_time(self, ticks: u64) -> Timestamp {
        let exponent = u32::from(self.resolution & 0x7f);
        let nanos = u128::from(ticks) * 1_000_000_000;
        let nanos = if self.resolution & 0x80 != 0 {
            nanos >> exponent
        } else {
            // Beyond 10^38 nothing is left of 64 bits of ticks.
            10_u128.checked_pow(exponent).map_or(0, |divisor| nanos / divisor)
        };
        // Both terms are below 2^95: no overflow.
        let nanos = nanos as i128 + i128::from(self.offset) * 1_000_000_000;
        Timestamp::from_nanos(nanos.clamp(i128::from(i64::MIN + 1), i128::from(i64::MAX)) as i64)
    }
}

/// What the capture program said of an interface.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct InterfaceSummary {
    /// `if_name`, empty if not given. Untrusted text: escape it before it is shown.
    pub name: String,
    /// What the capture program kept (`if_filter`), empty if not given. As untrusted as the name.
    pub filter: String,
    /// Link type of its packets.
    pub link: LinkType,
    /// Longest packet it kept, in bytes; 0: no limit.
    pub snap_len: u32,
    /// Packets it received (`isb_ifrecv`), by the last statistics block.
    pub received: Option<u64>,
    /// Packets it dropped for want of resources (`isb_ifdrop`).
    pub dropped: Option<u64>,
    /// Packets the operating system dropped (`isb_osdrop`).
    pub os_dropped: Option<u64>,
    /// Packets lost between packets, as packet blocks count them (`epb_dropcount`, and the obsolete block's own field).
    pub lost: u64,
    /// When an interface that is captured on live had no link; files do not tell.
    pub outages: Outages,
}

impl InterfaceSummary {
    /// Packets that were not captured. The statistics count up to their block, the packet blocks between packets: each is
    /// the whole of it, so the greater counts.
    pub fn not_captured(&self) -> u64 {
        self.dropped.unwrap_or(0).saturating_add(self.os_dropped.unwrap_or(0)).max(self.lost)
    }
}

impl InterfaceSummary {
    /// What was counted since an earlier look.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let less = |now: Option<u64>, before: Option<u64>| now.map(|now| now.saturating_sub(before.unwrap_or(0)));
        let known = before.outages.times.len().min(self.outages.times.len());
        Self {
            received: less(self.received, before.received),
            dropped: less(self.dropped, before.dropped),
            os_dropped: less(self.os_dropped, before.os_dropped),
            lost: self.lost.saturating_sub(before.lost),
            outages: Outages {
                number: self.outages.number.saturating_sub(before.outages.number),
                times: self.outages.times[known..].to_vec(),
            },
            ..self.clone()
        }
    }
}

/// When an interface had no link: it was down, or its cable was out.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Outages {
    /// How many there were.
    pub number: u64,
    /// When the first ones began and ended; one that lasts has no end.
    pub times: Vec<(Timestamp, Option<Timestamp>)>,
}

impl Outages {
    /// Outages of one interface whose times are kept; all are counted.
    pub(super) const MOST_KEPT: usize = 16;

    /// One began.
    pub fn begin(&mut self, at: Timestamp) {
        self.number += 1;
        if self.times.len() < Self::MOST_KEPT {
            self.times.push((at, None));
        }
    }

    /// The last one is over.
    pub fn end(&mut self, at: Timestamp) {
        if let Some((_, end @ None)) = self.times.last_mut() {
            *end = Some(at);
        }
    }
}

/// All interfaces of a file, over all its sections, in the order of their description.
#[derive(Clone, Default, Debug)]
pub(super) struct InterfaceTable {
    /// What the walk needs, apart from the rest: it stays in the cache.
    hot: Vec<Interface>,
    summaries: Vec<InterfaceSummary>,
}

impl InterfaceTable {
    pub(super) fn len(&self) -> usize {
        self.hot.len()
    }

    #[inline(always)]
    pub(super) fn get(&self, index: usize) -> Option<&Interface> {
        self.hot.get(index)
    }

    pub(super) fn summaries(&self) -> &[InterfaceSummary] {
        &self.summaries
    }

    /// Takes in an Interface Description Block (without its trailing length).
    pub(super) fn describe(&mut self, order: ByteOrder, block: &[u8]) -> Result<(), String> {
        let (Some(link), Some(snap_len)) = (order.half_at(block, 8), order.word_at(block, 12)) else {
            return Err(format!("an interface description of {} bytes is too short", block.len() + 4));
        };
        if self.hot.len() >= INTERFACE_LIMIT {
            return Err(format!("more than {INTERFACE_LIMIT} interfaces are described"));
        }
        let [mut name, mut filter] = [const { String::new() }; 2];
        let mut resolution = 6;
        let mut offset = 0;
        for option in BlockOptions::new(order, block.get(16..).unwrap_or_default()) {
            match option? {
                (IF_NAME, value) => name = String::from_utf8_lossy(&value[..value.len().min(NAME_LIMIT)]).into_owned(),
                (IF_TSRESOL, [value]) => resolution = *value,
                (IF_FILTER, [0, text @ ..]) => {
                    filter = String::from_utf8_lossy(&text[..text.len().min(FILTER_LIMIT)]).trim().to_owned();
                }
                // Bytecode, of which nobody knows what it leaves out.
                (IF_FILTER, [1, _, ..]) => "a compiled program".clone_into(&mut filter),
                (IF_TSOFFSET, value) => offset = order.long_at(value, 0).unwrap_or(0) as i64,
                _ => {}
            }
        }
        let link = LinkType(link);
        let clock = InterfaceClock::new(resolution, offset);
        self.hot.push(Interface { link, limit: packet_limit(link), snap_len, clock });
        self.summaries.push(InterfaceSummary { name, filter, link, snap_len, ..InterfaceSummary::default() });
        Ok(())
    }

    /// Takes in an Interface Statistics Block (without its trailing length): the last one counts.
    pub(super) fn count(&mut self, index: usize, order: ByteOrder, block: &[u8]) {
        let Some(summary) = self.summaries.get_mut(index) else { return };
        // A statistics option that runs out of its block spoils no packet: what came before it counts.
        for (code, value) in BlockOptions::new(order, block.get(20..).unwrap_or_default()).map_while(Result::ok) {
            let value = order.long_at(value, 0);
            match code {
                ISB_IFRECV => summary.received = value,
                ISB_IFDROP => summary.dropped = value,
                ISB_OSDROP => summary.os_dropped = value,
                _ => {}
            }
        }
    }

    /// Takes in the options of an Enhanced Packet Block: how many packets were lost since the packet before it.
    #[cold]
    pub(super) fn count_lost(&mut self, index: usize, order: ByteOrder, options: &[u8]) {
        for (code, value) in BlockOptions::new(order, options).map_while(Result::ok) {
            if let (EPB_DROPCOUNT, Some(packets)) = (code, order.long_at(value, 0)) {
                self.lose(index, packets);
            }
        }
    }

    /// Counts packets lost before a packet.
    pub(super) fn lose(&mut self, index: usize, packets: u64) {
        if let Some(summary) = self.summaries.get_mut(index) {
            summary.lost = summary.lost.saturating_add(packets);
        }
    }
}

/// The options at the end of a block: code and value.
struct BlockOptions<'a> {
    order: ByteOrder,
    rest: &'a [u8],
}

impl<'a> BlockOptions<'a> {
    fn new(order: ByteOrder, rest: &'a [u8]) -> Self {
        Self { order, rest }
    }
}

impl<'a> Iterator for BlockOptions<'a> {
    type Item = Result<(u16, &'a [u8]), String>;

    fn next(&mut self) -> Option<Self::Item> {
        // Fewer than 4 bytes, or opt_endofopt: the end. Both occur.
        let code = self.order.half_at(self.rest, 0)?;
        let length = self.order.half_at(self.rest, 2)?;
        if code == OPT_END {
            return None;
        }
        let Some(value) = self.rest.get(4..4 + usize::from(length)) else {
            self.rest = &[];
            return Some(Err(format!("option {code} of {length} bytes runs out of its block")));
        };
        let padded = usize::from(length).next_multiple_of(4);
        self.rest = self.rest.get(4 + padded..).unwrap_or_default();
        Some(Ok((code, value)))
    }
}
