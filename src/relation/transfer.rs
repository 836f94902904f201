//! What became of TFTP transfers: whether the answers to a request reached who asked.

use super::tftp::opcode;
use super::{Relations, Vain};
use crate::capture::Timestamp;
use crate::flow::{EndView, Waiting};
use crate::protocol::TftpOpcode;

/// Nanoseconds after which what was not taken up did not come: on a network of lighting a block takes milliseconds, and the
/// shortest time after which it may be sent again is a second (RFC 2349).
pub(crate) const UNTAKEN: i64 = 500_000_000;

/// How one transfer went.
pub(super) struct Course {
    /// Which end of its flow the server is.
    server: u8,
    /// Packets of the server.
    packets: u64,
    /// When it began.
    first: Timestamp,
    /// Whether the client sent anything.
    is_heard: bool,
    /// Whether it took up what the server sent, or needs not.
    taken: bool,
    /// Whether the client acknowledged all, and the server sent the same again and again.
    is_undelivered: bool,
    /// Whether it is the client that something waits for.
    of_client: bool,
    /// When the silent end last sent anything.
    since: Timestamp,
    /// When the server last replied, as far as is known.
    until: Timestamp,
    /// What waits: blocks, and what acknowledges options or a write request.
    waiting: Waiting,
}

impl Course {
    /// Of the flows that show it, one a VLAN path, each by who asks and who serves; none if the server sent nothing of it, and
    /// the client nothing of TFTP: who speaks it on the server's fresh port was answered from there (RFC 1350 section 4).
    pub(super) fn of(flows: &[(EndView<'_>, EndView<'_>)]) -> Option<Self> {
        let asks = || flows.iter().map(|(asks, _)| asks);
        let serves = || flows.iter().map(|(_, serves)| serves);
        let packets = serves().map(EndView::packets).sum::<u64>();
        if packets == 0 && asks().all(|end| opcode(end).is_none()) {
            return None;
        }
        let (client, server) = flows.first()?;
        let mut is_heard = asks().any(|end| end.packets() > 0);
        let refuses = serves().any(|end| opcode(end).is_some_and(|(opcode, _)| opcode == TftpOpcode::Error));
        let first = serves().chain(asks()).map(|end| end.begin()).min()?.time;
        let asks_until = asks().map(EndView::last_reply).max()?;
        let mut serves_until = serves().map(EndView::last_reply).max()?;
        let [mut of_server, mut of_client] = [waiting(serves(), asks_until), waiting(asks(), serves_until)];
        if packets == 0 {
            // Each message of the client proves that the server answered the one before, but for what it sends again. Who reads
            // acknowledges options again, and blocks if they came.
            let goes_on = opcode(client).is_some_and(|(opcode, _)| opcode == TftpOpcode::Acknowledgment)
                && asks().any(|end| end.end() > of_client.last);
            of_client = if goes_on { Waiting::default() } else { of_client.at_last() };
            serves_until = of_client.alike.1.max(first);
        }
        let acknowledged = asks().map(EndView::packets).sum::<u64>();
        let undelivered = undelivered(serves(), acknowledged);
        if let Some(again) = undelivered {
            (of_server, is_heard) = (again, false);
        }
        let waits_for_client = of_server.count > 0;
        // One that went on took something up, which was not captured; and of what nothing is known nothing is told.
        let is_unseen = !waits_for_client || of_server.count > 1 && !of_server.is_repeated();
        Some(Self {
            server: u8::from((server.address, server.port) > (client.address, client.port)),
            packets,
            first,
            is_heard,
            taken: refuses || is_heard || is_unseen,
            is_undelivered: undelivered.is_some(),
            of_client: waits_for_client,
            since: if waits_for_client { asks_until } else { serves_until },
            until: serves_until,
            waiting: if waits_for_client { of_server } else { of_client },
        })
    }
}

/// What the server sent again and again to the last, though it was acknowledged, where it never came to send anything else: what
/// the client acknowledges does not reach it.
fn undelivered<'a>(serves: impl Iterator<Item = &'a EndView<'a>>, acknowledged: u64) -> Option<Waiting> {
    let end = serves.max_by_key(|end| end.packets())?;
    let again = end.repeated();
    let others = end.packets().saturating_sub(end.duplicates().saturating_add(again.all.into()));
    let is_each = acknowledged.saturating_mul(4) >= end.packets().saturating_mul(3);
    let is_stuck = is_each && again.messages == 1 && again.last >= end.end() && others == 1;
    is_stuck.then_some(Waiting {
        count: again.sent,
        first: again.first,
        last: again.last,
        different: Some(1),
        repeats: true,
        alike: (again.sent, again.first),
    })
}

/// What waits since a time: what one path shows unanswered may be answered on another.
fn waiting<'a>(ends: impl Iterator<Item = &'a EndView<'a>>, since: Timestamp) -> Waiting {
    ends.map(|end| end.waiting_after(since)).max_by_key(|waiting| waiting.count).unwrap_or_default()
}

/// What became of all transfers that one flow of requests caused.
pub(super) struct TransferOutcome {
    /// When the last request was sent.
    asked: Timestamp,
    answers: u32,
    /// When the server last sent any of those that reached who asked.
    until: Timestamp,
    /// Whether the client took any of them up, or needs not.
    taken: bool,
    /// One that worked and stopped.
    stopped: Option<Vain>,
    /// When the first began of those that came to nothing, and what is known of them.
    first: Timestamp,
    lost: Vain,
    /// Whether any block of them was sent again.
    is_repeated: bool,
    /// Errors that sent them back, and whether one of them alone proves it.
    errors: u64,
    is_certain: bool,
}

impl TransferOutcome {
    /// Of a flow whose last request was sent at a time.
    pub(super) const fn of(asked: Timestamp) -> Self {
        let none = Timestamp::UNKNOWN;
        Self {
            asked,
            answers: 0,
            until: none,
            taken: false,
            stopped: None,
            first: none,
            lost: Vain { since: none, tries: 0, until: none, of_client: true, is_acknowledged: false, sent_back: None },
            is_repeated: false,
            errors: 0,
            is_certain: false,
        }
    }

    /// Adds a transfer.
    pub(super) fn add(&mut self, flow: u32, course: &Course, relations: &Relations) {
        let Course { server, waiting, since, of_client, .. } = *course;
        self.answers = self.answers.saturating_add(1);
        let error = relations.sent_back(flow, server, course.packets).filter(|_| !course.is_heard);
        if let Some(error) = error {
            self.lost.sent_back = self.lost.sent_back.or(Some((flow, server)));
            self.lost.tries = self.lost.tries.saturating_add(u32::try_from(error.count).unwrap_or(u32::MAX));
            self.errors = self.errors.saturating_add(error.count);
            self.is_certain |= !error.may_be_late();
        } else if course.is_undelivered && waiting.first <= self.asked {
            // What a request comes behind may be another transfer of the same file by the same ports: it proves nothing.
            self.until = self.until.max(course.until);
            return;
        } else if course.taken {
            self.taken = true;
            self.until = self.until.max(course.until);
            if !course.is_undelivered
                && waiting.is_repeated()
                && self.stopped.is_none_or(|held| held.tries < waiting.count)
            {
                let (tries, until) = (waiting.count, waiting.last);
                let is_acknowledged = false;
                self.stopped = Some(Vain { since, tries, until, of_client, is_acknowledged, sent_back: None });
            }
            return;
        } else {
            self.is_repeated |= waiting.count > 1;
            self.lost.is_acknowledged |= course.is_undelivered;
            self.lost.tries = self.lost.tries.saturating_add(waiting.count);
        }
        self.first = self.first.earlier(course.first);
        self.lost.until = self.lost.until.max(waiting.last);
    }

    /// When the server last sent any of what reached who asked; unknown if nothing did.
    pub(super) const fn until(&self) -> Timestamp {
        self.until
    }

    /// How many answers reached who asked, and what came to nothing.
    pub(super) fn settle(self) -> (u32, Option<Vain>) {
        let asks_again = self.asked > self.first;
        let waited = match (self.first.nanos(), self.lost.until.max(self.asked).nanos()) {
            (Some(from), Some(to)) => to.saturating_sub(from),
            _ => 0,
        };
        let is_lost = match self.lost.sent_back {
            Some(_) => self.errors > 1 || self.is_certain,
            None => (self.is_repeated || asks_again) && waited >= UNTAKEN,
        };
        match (self.taken, is_lost) {
            (true, _) => (self.answers, self.stopped),
            (false, true) => (0, Some(self.lost)),
            (false, false) => (self.answers, None),
        }
    }
}
