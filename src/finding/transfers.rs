//! Files that crossed by TFTP, each with who held it up: what `slow-transfer` tells of the slow ones, and transfers.csv of all.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use super::{Cited, Replace};
use crate::capture::Timestamp;
use crate::flow::{EndView, FlowView};
use crate::health::{Histogram, Measure, Pair};
use crate::relation::LinkKind;
use crate::text::named;
use crate::verdict::Observations;

/// Transfers that a survey lists.
const MOST: usize = 10_000;

/// Nanoseconds without a block after which nobody waits for it any more.
const GIVEN_UP: u64 = 60_000_000_000;

/// One transfer; times in nanoseconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transfer {
    /// Who sent the file, and from which port.
    pub sender: (IpAddr, u16),
    /// Who received it.
    pub receiver: (IpAddr, u16),
    /// Its name, where the request was captured: untrusted text.
    pub file: Option<String>,
    /// Whether it was written to who was asked, or else read; none where the request was not captured.
    pub is_write: Option<bool>,
    /// What the sender sent: frames, with headers and repetitions.
    pub bytes: u64,
    /// When it began.
    pub first: Timestamp,
    /// When its last packet came.
    pub last: Timestamp,
    /// For how long it went on: from all blocks to their acknowledgements, and from those to the next blocks; where several
    /// transfers used the same ports, or seem to have, as often as there are any, [`Transfer::sending`].
    pub nanos: u64,
    /// Blocks, an option acknowledgement among them.
    pub blocks: u64,
    /// Blocks that were sent again.
    pub repeated: u64,
    /// From a block to its acknowledgement on average.
    pub receiving: u64,
    /// From an acknowledgement to the next block mostly.
    pub sending: u64,
    /// The same on average, with the time between the blocks of a window, where nothing else used its ports.
    pub pause: u64,
    /// Whether blocks are acknowledged in windows (RFC 7440).
    pub has_windows: bool,
    /// Who held it up.
    pub held: Held,
    /// Whether its last block was acknowledged; none where that cannot be told.
    pub is_finished: Option<bool>,
}

named! {
    /// Who held a transfer up.
    pub enum Held {
        /// The path, which lost blocks.
        Path = "path",
        /// The receiver, or the way to it.
        Receiver = "receiver",
        /// The sender, or the way to it.
        Sender = "sender",
        /// Several transfers used the same ports: what was measured is of all of them.
        Unknown = "unknown",
    }
}

/// The transfers of a survey.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Transfers {
    /// The longest, in the order of [`Transfer::order`].
    pub list: Vec<Transfer>,
    /// How many more there are.
    pub more: u64,
}

impl Transfers {
    /// The longest of all.
    pub(super) fn of(all: Vec<(Transfer, Cited)>) -> Self {
        let mut list: Vec<Transfer> = all.into_iter().map(|(transfer, _)| transfer).collect();
        list.sort_by_key(Transfer::order);
        let more = list.len().saturating_sub(MOST) as u64;
        list.truncate(MOST);
        Self { list, more }
    }
}

impl Transfer {
    /// The longest stand first.
    pub fn order(&self) -> impl Ord + use<> {
        (std::cmp::Reverse(self.nanos), self.first, self.sender, self.receiver)
    }

    /// The same of other hosts: their addresses and the file's name replaced.
    #[must_use]
    pub fn replaced(&self, with: &dyn Replace) -> Self {
        Self {
            sender: (with.address(self.sender.0), self.sender.1),
            receiver: (with.address(self.receiver.0), self.receiver.1),
            file: self.file.as_ref().map(|_| with.left_out()),
            ..self.clone()
        }
    }

    /// Bytes a second.
    pub fn rate(&self) -> u64 {
        let rate = u128::from(self.bytes).saturating_mul(1_000_000_000) / u128::from(self.nanos.max(1));
        u64::try_from(rate).unwrap_or(u64::MAX)
    }
}

/// Each of them, with its first frame, in the order of its ends; none where nothing was measured.
pub(super) fn each(seen: &Observations<'_>) -> Vec<(Transfer, Cited)> {
    if !seen.health.pairs.keys().any(|pair| pair.measure == Measure::Tftp) {
        return Vec::new();
    }
    let links = (0..).zip(&seen.relations.links).filter_map(|(at, link)| Some((at, (*link)?)));
    let own_ports: Vec<(u32, Option<u32>)> =
        links.filter(|(_, link)| link.kind == LinkKind::Tftp).map(|(at, link)| (at, link.flow)).collect();
    // Some servers send from the port that was asked.
    let answered: HashSet<u32> = own_ports.iter().filter_map(|(_, request)| *request).collect();
    let mut one_port: Vec<u32> = seen.relations.tftp_files.keys().copied().collect();
    one_port.retain(|request| !answered.contains(request));
    one_port.sort_unstable();
    let flows = own_ports.into_iter().chain(one_port.into_iter().map(|at| (at, Some(at))));
    // On several VLANs one transfer is several flows, and was measured once.
    let mut found: BTreeMap<_, (Transfer, Cited)> = BTreeMap::new();
    for (at, request) in flows {
        let flow = seen.flows.view(at);
        let [a, b] = [&flow.ends[0], &flow.ends[1]].map(|end| (end.address, end.port));
        let client = request.map(|request| client(seen, request));
        let request = request.and_then(|request| seen.relations.tftp_files.get(&request));
        let file = request.map(|file| String::from_utf8_lossy(&file.name).into_owned());
        let is_write = request.map(|file| file.write);
        // An option acknowledgement counts as a block of whom it comes from (RFC 2347): the request says who sends the file, else
        // who sends more.
        let ways = [transfer(seen, &flow, (a, b), 0), transfer(seen, &flow, (b, a), 1)];
        let sends = |transfer: &Transfer| client == Some(transfer.sender.0) && is_write == Some(true);
        let receives = |transfer: &Transfer| client == Some(transfer.receiver.0) && is_write == Some(false);
        let rank = |transfer: &Transfer| (sends(transfer) || receives(transfer), transfer.blocks);
        let Some(transfer) = ways.into_iter().flatten().rev().max_by_key(rank) else { continue };
        let of_flow = (Transfer { file, is_write, ..transfer }, Cited::new(flow.first_frame(), flow.first()));
        match found.entry((of_flow.0.sender, of_flow.0.receiver)) {
            Entry::Vacant(free) => drop(free.insert(of_flow)),
            Entry::Occupied(mut held) if held.get().0.file.is_none() && of_flow.0.file.is_some() => {
                held.insert(of_flow);
            }
            Entry::Occupied(_) => {}
        }
    }
    found.into_values().collect()
}

/// Who sent a request.
fn client(seen: &Observations<'_>, request: u32) -> IpAddr {
    let side = seen.orientations.get(request as usize).map_or(0, |orientation| orientation.client & 1);
    seen.flows.view(request).ends[usize::from(side)].address
}

/// Bytes that an end sent, without a mirror's copies, which are as long as the others.
fn bytes_once(end: &EndView<'_>) -> u64 {
    let once = end.packets().saturating_sub(end.duplicates());
    (u128::from(end.bytes()) * u128::from(once) / u128::from(end.packets().max(1))) as u64
}

/// A flow in which one end sent blocks to the other.
fn transfer(
    seen: &Observations<'_>,
    flow: &FlowView<'_>,
    (sender, receiver): ((IpAddr, u16), (IpAddr, u16)),
    side: usize,
) -> Option<Transfer> {
    let pair = |measure, asker: (IpAddr, u16), answerer: (IpAddr, u16)| {
        seen.health.pairs.get(&Pair { asker: asker.0, answerer: answerer.0, port: answerer.1, measure })
    };
    let has_sent = flow.ends[side].packets() > 0;
    let blocks = pair(Measure::Tftp, sender, receiver).filter(|sums| has_sent && sums.asked > 0)?;
    let next = pair(Measure::TftpNext, receiver, sender);
    let receiving = blocks.times.total() / blocks.times.count().max(1);
    let sent = blocks.asked.saturating_add(blocks.repeated);
    let is_alone = sent <= flow.ends[side].packets()
        && next.is_none_or(|next| next.times.count() <= blocks.asked)
        && blocks.ended <= 1;
    // Between two transfers on the same ports hours may pass.
    let goes_on = |times: &Histogram| is_alone && times.most() < Some(GIVEN_UP);
    let of_pauses = |times: &Histogram| match goes_on(times) {
        true => Some(times.total() / times.count().max(1)),
        false => times.percentile(50),
    };
    let sending = next.and_then(|next| next.times.percentile(50)).unwrap_or(0);
    let pause = next.and_then(|next| of_pauses(&next.times)).unwrap_or(0);
    let (timed, pauses) = (blocks.times.count(), blocks.times.count().saturating_sub(1));
    let lasted = flow.first().nanos().zip(flow.last().nanos()).map(|(first, last)| last.abs_diff(first));
    // Of a window only the last block is acknowledged (RFC 7440), and what passes between the others is the sender's.
    let has_windows = timed < blocks.asked.saturating_sub(blocks.asked / 4);
    let is_whole = goes_on(&blocks.times) && next.is_none_or(|next| goes_on(&next.times));
    let pause = match lasted.filter(|_| has_windows && is_whole) {
        Some(lasted) => lasted.saturating_sub(receiving.saturating_mul(timed)) / pauses.max(1),
        None => pause,
    };
    let nanos = receiving.saturating_mul(timed).saturating_add(pause.saturating_mul(pauses));
    // Who waits in vain for a block that was lost before the capture's place acknowledges the one before it again (RFC 1350
    // section 2).
    let least = u64::from(seen.policy.health().repeated_percent);
    let all = if has_windows { timed } else { sent };
    let lost = blocks.lost(blocks.repeated);
    let is_lossy = lost > 0 && lost.saturating_mul(100) >= all.saturating_mul(least);
    let held = match (is_alone, is_lossy) {
        (false, _) => Held::Unknown,
        (true, true) => Held::Path,
        (true, false) if receiving >= pause => Held::Receiver,
        (true, false) => Held::Sender,
    };
    // Of one block, perhaps behind an option acknowledgement, it is not known how long a whole one is.
    let is_finished = match (is_alone, blocks.ended > 0, blocks.asked) {
        (false, ..) | (true, false, ..=2) => None,
        (true, ended, _) => Some(ended),
    };
    Some(Transfer {
        sender,
        receiver,
        file: None,
        is_write: None,
        bytes: bytes_once(&flow.ends[side]),
        first: flow.first(),
        last: flow.last(),
        nanos: lasted.map_or(nanos, |lasted| nanos.min(lasted)).max(1),
        blocks: blocks.asked,
        repeated: blocks.repeated,
        receiving,
        sending,
        pause,
        has_windows,
        held,
        is_finished,
    })
}
