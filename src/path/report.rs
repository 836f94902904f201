//! What the comparison came to: rows, and where blocked ports are blocked.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::clock::Difference;
use super::conversations::{ConversationKey, Conversations, DirectionNumber, Known};
use super::key::address_of;
use super::route::{Basis, Routes};
use super::tally::Leg;
use crate::capture::Timestamp;
use crate::policy::Role;
use crate::protocol::Transport;
use crate::survey::InputSummary;
use crate::text::named;

/// One place and how comparable it is.
#[derive(Clone, Debug)]
pub struct PlaceReport {
    /// Its name.
    pub name: String,
    /// Its captures.
    pub inputs: Vec<InputSummary>,
    /// What its survey says of the capture: what it lost itself looks like lost on the way.
    pub caveats: Vec<String>,
    /// IP packets with a time.
    pub packets: u64,
    /// IP packets without a time, which cannot be compared.
    pub untimed: u64,
    /// Packets more than [`super::WAIT`] earlier than one before: the clock was set back, and they may not have been compared.
    pub set_back: u64,
    /// Packets of conversations beyond the limit.
    pub beyond: u64,
    /// Packets outside of the time that all places share, or so near its ends that the others may have missed it.
    pub outside: u64,
    /// First packet, by its own clock.
    pub first: Timestamp,
    /// Last packet.
    pub last: Timestamp,
    /// How its clock differs; `None` for the first place, and where no packet was seen at both.
    pub clock: Option<Difference>,
}

/// All places compared.
#[derive(Clone, Debug)]
pub struct Report {
    /// Label of the site; empty if none was given.
    pub site: String,
    /// In the order in which they were named.
    pub places: Vec<PlaceReport>,
    /// The time that all share, by the first one's clock.
    pub shared: (Timestamp, Timestamp),
    /// Bytes of payload that were compared at most; `None` for all.
    pub compared_payload: Option<u32>,
    /// Whether the identification told identical packets apart.
    pub identified: bool,
    /// Packets that could not wait for one another for want of room.
    pub crowded_out: u64,
    /// Packets of the sample that were seen at two places, and how many of them lie more than [`super::WAIT`] apart.
    pub sampled: (u64, u64),
    /// By leg, then client, server, transport, port and direction.
    pub rows: Vec<LegReport>,
    /// What never came through, documented ports first.
    pub losses: Vec<Loss>,
}

/// One way of a conversation on one leg.
#[derive(Clone, Debug)]
pub struct LegReport {
    /// Place where it is first.
    pub from: usize,
    /// Next place; `None` if it was seen at `from` only and nothing shows that it was to pass another.
    pub to: Option<usize>,
    /// Who asked.
    pub client: IpAddr,
    /// Who answered.
    pub server: IpAddr,
    /// Transport.
    pub transport: Transport,
    /// The server's port; `None` where the transport has none.
    pub port: Option<u16>,
    /// What the policy calls it; empty if it does not.
    pub service: Arc<str>,
    /// Whether it is what the client sends.
    pub to_server: bool,
    /// How it is known which place is first; `None` without a second one.
    pub basis: Option<Basis>,
    /// What was counted.
    pub leg: Leg,
    /// Role of the client, if a survey tells it.
    pub client_role: Option<Role>,
    /// Role of the server.
    pub server_role: Option<Role>,
    /// Whether the vendor's document calls for it.
    pub is_documented: bool,
    /// Whether the survey of the place that saw most calls it refused, rejected or unanswered.
    pub is_blocked: bool,
    /// Whether the bytes of its stream came through in other segments, so that what is missing cannot be told.
    pub is_cut_otherwise: bool,
}

/// The rows in their order.
pub(super) fn rows(conversations: &Conversations, routes: &Routes, legs: Vec<Option<Box<[Leg]>>>) -> Vec<LegReport> {
    let mut rows = Vec::new();
    for (way, legs) in (0..).zip(legs) {
        let way: DirectionNumber = way;
        let Some((key, known)) = conversations.list.get((way >> 1) as usize) else { continue };
        let route = routes.get(way);
        for (step, leg) in legs.into_iter().flatten().enumerate() {
            if leg.sent == 0 && leg.appeared == 0 {
                continue;
            }
            let place = |at: usize| route.places.get(at).map(|place| usize::from(*place));
            let Some(from) = place(step) else { continue };
            rows.push(row(key, known, way & 1 == 0, (from, place(step + 1), route.bases.get(step).copied()), leg));
        }
    }
    rows.sort_by_key(|row| {
        let to = row.to.unwrap_or(usize::MAX);
        (row.from, to, row.client, row.server, row.transport.number(), row.port, !row.to_server)
    });
    rows
}

fn row(
    key: &ConversationKey,
    known: &Known,
    to_server: bool,
    (from, to, basis): (usize, Option<usize>, Option<Basis>),
    mut leg: Leg,
) -> LegReport {
    let transport = Transport::from(key.protocol);
    let is_cut_otherwise = transport == Transport::Tcp && leg.is_cut_otherwise();
    if is_cut_otherwise {
        // What is missing here and came there in other pieces is not lost: nobody can tell.
        leg.ambiguous += leg.missing;
        leg.sent -= leg.missing;
        (leg.missing, leg.appeared) = (0, 0);
        (leg.first_missing, leg.last_missing) = (Timestamp::UNKNOWN, Timestamp::UNKNOWN);
    }
    LegReport {
        from,
        to,
        client: address_of(key.client),
        server: address_of(key.server),
        transport,
        port: (transport.has_ports() && !key.fragments).then_some(key.port),
        service: Arc::clone(&known.service),
        to_server,
        basis,
        leg,
        client_role: known.client_role,
        server_role: known.server_role,
        is_documented: known.is_documented,
        is_blocked: known.is_blocked,
        is_cut_otherwise,
    }
}

named! {
    /// How something never came through.
    pub enum LossKind {
        /// What clients sent left one place and never came to the next.
        Request = "request-lost",
        /// What servers sent did not.
        Answer = "answer-lost",
        /// The answer was seen at the client's side only: something between made it.
        MadeBetween = "answered-between",
        /// It came to the last place, and no answer came from beyond.
        Beyond = "unanswered-beyond",
    }
}

/// Conversations of the same roles, port and leg of which nothing came through.
#[derive(Clone, Debug)]
pub struct Loss {
    /// How.
    pub kind: LossKind,
    /// Last place that saw it.
    pub from: usize,
    /// Place that never did; the same as `from` for [`LossKind::Beyond`].
    pub to: usize,
    /// Whether the vendor's document calls for it.
    pub is_documented: bool,
    /// Role of the clients.
    pub client_role: Option<Role>,
    /// Role of the servers.
    pub server_role: Option<Role>,
    /// Transport.
    pub transport: Transport,
    /// The servers' port.
    pub port: Option<u16>,
    /// What the policy calls it.
    pub service: Arc<str>,
    /// Conversations.
    pub conversations: u64,
    /// Packets that did not come through.
    pub packets: u64,
    /// Conversations of the same kind that came through on this leg, at least in part.
    pub passed: u64,
    /// How weakly the order of the two places is known.
    pub basis: Option<Basis>,
    /// First client and server, for those who look it up.
    pub example: (IpAddr, IpAddr),
}

type LossGroup = (LossKind, usize, usize, bool, Option<Role>, Option<Role>, u8, Option<u16>);

/// What a row is told of together with.
fn group(kind: LossKind, row: &LegReport, (from, to): (usize, usize)) -> LossGroup {
    let (roles, transport) = ((row.client_role, row.server_role), row.transport.number());
    (kind, from, to, row.is_documented, roles.0, roles.1, transport, row.port)
}

impl Loss {
    /// Whether it is systematic: more packets than chance takes, and nothing of the kind came through.
    pub fn is_dropped(&self) -> bool {
        self.packets > 2 && self.passed == 0
    }
}

/// What never came through, documented ports first, then by packets.
pub(super) fn losses(report: &Report) -> Vec<Loss> {
    let mut groups: BTreeMap<LossGroup, Loss> = BTreeMap::new();
    let mut answered = std::collections::HashSet::new();
    let id = |row: &LegReport| (row.client, row.server, row.transport.number(), row.port);
    for row in report.rows.iter().filter(|row| !row.to_server) {
        answered.insert(id(row));
    }
    let mut goes_on = std::collections::HashSet::new();
    for row in report.rows.iter().filter(|row| row.to_server && row.to.is_some()) {
        goes_on.insert((id(row), row.from));
    }
    let is_made = |row: &LegReport| !row.to_server && row.leg.sent == 0 && row.leg.appeared > 0 && row.is_blocked;
    // Who answers in another's name has taken what was asked: one cause, told once.
    let made: std::collections::HashSet<_> =
        report.rows.iter().filter(|row| is_made(row)).filter_map(|row| Some((id(row), row.to?, row.from))).collect();
    let mut add = |kind: LossKind, row: &LegReport, packets: u64, (from, to): (usize, usize)| {
        let loss = groups.entry(group(kind, row, (from, to))).or_insert_with(|| Loss {
            kind,
            from,
            to,
            is_documented: row.is_documented,
            client_role: row.client_role,
            server_role: row.server_role,
            transport: row.transport,
            port: row.port,
            service: Arc::clone(&row.service),
            conversations: 0,
            packets: 0,
            passed: 0,
            basis: row.basis,
            example: (row.client, row.server),
        });
        loss.conversations += 1;
        loss.packets += packets;
        loss.basis = loss.basis.max(row.basis);
    };
    for row in &report.rows {
        let (leg, Some(to)) = (&row.leg, row.to) else { continue };
        let nothing_came = leg.sent > 0 && leg.arrived == 0 && !row.is_cut_otherwise;
        match (nothing_came, row.to_server) {
            (true, true) if made.contains(&(id(row), row.from, to)) => {}
            (true, true) => add(LossKind::Request, row, leg.missing, (row.from, to)),
            (true, false) => add(LossKind::Answer, row, leg.missing, (row.from, to)),
            (false, false) if is_made(row) => {
                add(LossKind::MadeBetween, row, leg.appeared, (row.from, to));
            }
            _ => {}
        }
    }
    for row in report.rows.iter().filter(|row| row.to_server && row.leg.arrived > 0 && row.is_blocked) {
        let Some(place) = row.to else { continue };
        if !answered.contains(&id(row)) && !goes_on.contains(&(id(row), place)) {
            add(LossKind::Beyond, row, row.leg.arrived, (place, place));
        }
    }
    for row in report.rows.iter().filter(|row| row.leg.arrived > 0) {
        let Some(to) = row.to else { continue };
        let kind = if row.to_server { LossKind::Request } else { LossKind::Answer };
        if let Some(loss) = groups.get_mut(&group(kind, row, (row.from, to))) {
            loss.passed += 1;
        }
        let is_answered = row.to_server && !row.is_blocked && !goes_on.contains(&(id(row), to));
        if is_answered && let Some(loss) = groups.get_mut(&group(LossKind::Beyond, row, (to, to))) {
            loss.passed += 1;
        }
    }
    let mut losses: Vec<Loss> = groups.into_values().collect();
    // What says where comes before what says only where not.
    losses.sort_by_key(|loss| {
        (!loss.is_documented, !loss.is_dropped(), loss.kind == LossKind::Beyond, std::cmp::Reverse(loss.packets))
    });
    losses
}

impl Report {
    /// Whether a clock was set while it captured, so that what lies behind cannot be compared: more than one in a hundred
    /// packets that are surely the same lie too far apart, or come after later ones.
    pub fn is_torn(&self) -> bool {
        self.sampled.1 * 100 > self.sampled.0 || self.places.iter().any(|place| place.set_back * 100 > place.packets)
    }

    /// The sums of each leg, in the order of places; those of nowhere last.
    pub fn legs(&self) -> Vec<((usize, Option<usize>), Leg)> {
        let mut legs: BTreeMap<(usize, usize), Leg> = BTreeMap::new();
        for row in &self.rows {
            legs.entry((row.from, row.to.unwrap_or(usize::MAX))).or_default().absorb(&row.leg);
        }
        legs.into_iter().map(|((from, to), leg)| ((from, (to != usize::MAX).then_some(to)), leg)).collect()
    }
}
