//! What segments hold of the first bytes of a stream.

use arrayvec::ArrayVec;
use smallvec::SmallVec;

use super::Tcp;
use crate::capture::{Moment, Shift};
use crate::protocol::Transport;
use crate::protocol::{self, Inspection};
use crate::state::stored;

/// So many bytes of a stream's beginning are put together of several segments.
const HEAD: usize = 32;
/// Beginnings of segments that are kept of a direction.
const MOST: usize = 8;

/// Whether what begins at a sequence number may hold some of the first bytes of a stream.
pub(super) const fn is_near(sequence: u32, begin: u32) -> bool {
    sequence.wrapping_sub(begin) < HEAD as u32
}

/// The beginning of a segment's payload.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::flow) struct SegmentHead {
    /// The end that sent it.
    side: u8,
    pub(in crate::flow) sequence: u32,
    length: u8,
    bytes: [u8; HEAD],
    /// What the whole of the captured payload says, if the stream begins with it.
    pub(in crate::flow) conforms: u32,
    violates: u8,
}

impl SegmentHead {
    /// Of what an end sent, with what [`protocol::inspect`] said of it.
    pub(in crate::flow) fn of(side: usize, sequence: u32, payload: &[u8], seen: Inspection) -> Self {
        let length = payload.len().min(HEAD);
        let mut bytes = [0; HEAD];
        bytes[..length].copy_from_slice(&payload[..length]);
        let (conforms, violates) = (seen.conforms, seen.violates as u8);
        Self { side: side as u8, sequence, length: length as u8, bytes, conforms, violates }
    }

    pub(in crate::flow) fn side(&self) -> usize {
        usize::from(self.side & 1)
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&self.bytes)
    }
}

/// Those of both directions, each with the earliest time at which it was sent. Kept apart from the numbers, which each
/// segment is held against.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::flow) struct Heads(SmallVec<[(SegmentHead, Moment); 1]>);

impl Heads {
    /// Adds what was sent at a time. Says whether its direction need not be looked at any more.
    pub(in crate::flow) fn put(&mut self, head: SegmentHead, at: Moment, tcp: &Tcp) -> bool {
        let set = &mut self.0;
        match set.binary_search_by_key(&head, |(known, _)| *known) {
            Ok(place) => set[place].1 = at.min(set[place].1),
            Err(place) => set.insert(place, (head, at)),
        }
        let begins: SmallVec<[u32; 2]> = tcp.beginnings(head.side()).collect();
        let alike = || (0..set.len()).filter(|place| set[*place].0.side == head.side);
        let number = alike().count();
        if number > MOST {
            // What is near a beginning that is known tells more than what may be near another.
            let distance = |head: &SegmentHead| {
                let near = begins.iter().filter(|begin| is_near(head.sequence, **begin));
                near.map(|begin| head.sequence.wrapping_sub(*begin)).min().unwrap_or(u32::MAX)
            };
            let rank = |place: &usize| (distance(&set[*place].0), set[*place].1, set[*place].0);
            if let Some(least) = alike().max_by_key(rank) {
                set.remove(least);
            }
        }
        begins.is_empty() && number >= MOST
    }

    /// Whether more may have been sent at these beginnings of a direction than is kept; `knows_begin` of those of its flow.
    pub(super) fn are_full(&self, begins: &[u32], knows_begin: bool, side: usize) -> bool {
        let is_of_begin =
            |head: &SegmentHead| !knows_begin || begins.iter().any(|begin| is_near(head.sequence, *begin));
        self.0.iter().filter(|(head, _)| head.side() == side && is_of_begin(head)).count() >= MOST
    }

    /// Whether a segment begins at a number.
    pub(super) fn hold(&self, side: usize, sequence: u32) -> bool {
        self.0.iter().any(|(head, _)| head.side() == side && head.sequence == sequence)
    }

    /// What a stream begins with is told: nothing more is needed of it.
    pub(in crate::flow) fn forget(&mut self, side: usize, begin: u32) {
        self.0.retain(|(head, _)| head.side() != side || !is_near(head.sequence, begin));
    }

    /// What the beginnings of a direction conform to and violate, beside those of which [`Tcp::conform`] was told.
    pub(in crate::flow) fn evidence(&self, side: usize, ports: [u16; 2], tcp: &Tcp) -> (u32, u32) {
        let heads = || self.0.iter().filter(|(head, _)| head.side() == side);
        let (mut sum, mut knows_begin) = ((0, 0), false);
        for begin in tcp.beginnings(side) {
            knows_begin = true;
            if !tcp.conforms(side, begin) {
                let near: SmallVec<[&SegmentHead; MOST]> =
                    heads().map(|(head, _)| head).filter(|head| is_near(head.sequence, begin)).collect();
                let (conforms, violates) = beginning(begin, &near, ports);
                sum = (sum.0 | conforms, sum.1 | violates);
            }
        }
        // Without a SYN the lowest bytes may conform, never violate: what came before them is not known. A lone byte may be a
        // keep-alive's, which is garbage (RFC 1122 section 4.2.3.6).
        let several = || heads().filter(|(head, _)| head.length > 1);
        if !knows_begin && let Some((reference, _)) = several().min_by_key(|(_, at)| *at) {
            let distance = |head: &SegmentHead| head.sequence.wrapping_sub(reference.sequence) as i32;
            let lowest = several().min_by_key(|(head, at)| (distance(head), *at));
            sum.0 = lowest.map_or(0, |(head, _)| head.conforms);
        }
        sum
    }

    /// Adds those of another part of the same flow, `shift` later; `tcp` is what both know of the numbers.
    pub(in crate::flow) fn absorb(&mut self, other: &Self, shift: Shift, tcp: &Tcp) {
        for (head, at) in &other.0 {
            self.put(*head, at.shifted(shift), tcp);
        }
    }

    pub(in crate::flow) fn shift(&mut self, shift: Shift) {
        self.0.iter_mut().for_each(|(_, at)| *at = at.shifted(shift));
    }
}

/// What the stream that begins at a number says, by the segments that hold its first bytes.
///
/// Of several contents for one number those that conform to anything are believed; if none does, they say nothing unless
/// they agree. Zero bytes in front of a bare ACK prove nothing, and what they hide is told.
fn beginning(begin: u32, near: &[&SegmentHead], ports: [u16; 2]) -> (u32, u32) {
    let at_begin = || near.iter().filter(|head| head.sequence == begin);
    let (mut conforms, mut violates, mut violates_named) = (0, u32::MAX, u32::MAX);
    for first in at_begin() {
        let stitched = stitch(begin, first, near);
        let (fits, breaks) = if stitched.len() > first.bytes().len() {
            let seen = protocol::inspect(Transport::Tcp, ports[0], ports[1], &stitched, u32::MAX);
            (seen.conforms, seen.violates)
        } else {
            (first.conforms, u32::from(first.violates))
        };
        conforms |= fits;
        violates &= breaks;
        violates_named &= if fits != 0 { breaks } else { u32::MAX };
    }
    let agree = |a: &SegmentHead, b: &SegmentHead| a.bytes().iter().zip(b.bytes()).all(|(a, b)| a == b);
    let is_one = at_begin().all(|a| at_begin().all(|b| agree(a, b)));
    match () {
        () if conforms != 0 => (conforms, violates_named & !conforms),
        () if at_begin().next().is_some() && is_one => (0, violates),
        () => (0, 0),
    }
}

/// A segment's first bytes with those that follow in others.
fn stitch(begin: u32, first: &SegmentHead, near: &[&SegmentHead]) -> ArrayVec<u8, HEAD> {
    let mut bytes: ArrayVec<u8, HEAD> = first.bytes().iter().copied().collect();
    let mut more = true;
    while more && bytes.len() < HEAD {
        more = false;
        for head in near {
            let at = head.sequence.wrapping_sub(begin) as usize;
            let skip = bytes.len().wrapping_sub(at);
            if at <= bytes.len() && at > 0 && skip < head.bytes().len() {
                let room = bytes.remaining_capacity();
                bytes.extend(head.bytes()[skip..].iter().copied().take(room));
                more = true;
                break;
            }
        }
    }
    bytes
}

stored!(SegmentHead { side, sequence, length, bytes, conforms, violates });

stored!(Heads(list: list(2 * MOST, "there are too many beginnings of segments"))
    where |heads| heads.0.iter().all(|(head, _)| head.side < 2 && usize::from(head.length) <= HEAD)
        => "the beginning of a segment is none"
    where |heads| heads.0.is_sorted_by(|a, b| a.0 < b.0) => "beginnings of segments are not in their order");
