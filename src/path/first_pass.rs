//! The first pass over a place: when, how much, which conversations, and a sample for clocks and routes.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use super::conversations::{Conversations, Recent};
use super::key::{Comparing, Ends};
use super::reader::{Timed, read};
use super::sample::Sample;

pub(super) struct FirstPass {
    /// IP packets with a time.
    pub(super) packets: u64,
    /// IP packets without a time, which cannot be compared.
    pub(super) untimed: u64,
    pub(super) first: i64,
    pub(super) last: i64,
    /// The fewest bytes of payload that a cut frame kept.
    pub(super) cut: Option<u32>,
    pub(super) sample: Sample,
    /// By way: whether any packet was seen.
    pub(super) seen: Vec<bool>,
    /// Ends of packets of conversations that no survey told of.
    pub(super) unknown: HashSet<Ends, RandomState>,
}

/// Ends beyond the surveys' that are kept of a place.
const MOST_UNKNOWN: usize = 1 << 20;

pub(super) fn first_pass(sources: &[Timed], comparing: &Comparing, conversations: &Conversations) -> FirstPass {
    let mut found = FirstPass {
        packets: 0,
        untimed: 0,
        first: i64::MAX,
        last: i64::MIN,
        cut: None,
        sample: Sample::new(),
        seen: vec![false; conversations.len() * 2],
        unknown: HashSet::default(),
    };
    let mut untimed = 0;
    let mut recent = Recent::new();
    let fields = |frame: &crate::capture::Frame<'_>| {
        let fields = comparing.fields(frame)?;
        untimed += u64::from(frame.time.nanos().is_none());
        Some((frame.time.nanos()?, fields))
    };
    read(sources, fields, |time, fields| {
        found.packets += 1;
        (found.first, found.last) = (found.first.min(time), found.last.max(time));
        if let Some(cut) = fields.cut {
            found.cut = Some(found.cut.map_or(cut, |least| least.min(cut)));
        }
        match recent.find(conversations, &fields.ends) {
            Ok(way) => found.seen[way as usize] = true,
            Err(_) if found.unknown.len() < MOST_UNKNOWN => {
                found.unknown.insert(fields.ends);
            }
            Err(_) => {}
        }
        found.sample.take(time, &fields);
    });
    found.untimed = untimed;
    found
}
