//! Whether a conversation that worked stopped: from all of its connections.

use super::{Draft, Outcome, Rejection};
use crate::capture::Timestamp;
use crate::flow::FlowView;
use crate::protocol::{Protocol, Transport};
use crate::verdict::outcome::{self, Silence, SilentParty, Tally};

/// Whose clients speak first and are owed an answer; on a port of no known protocol a client may have nothing to be told.
const OWES: u32 = Protocol::Http.bit() | Protocol::Tls.bit();

/// Connections, and nanoseconds from the first to the last, after which it is no accident that nothing came of them.
const FRUITLESS: (u32, i64) = (3, 3_000_000_000);

/// How often a message over UDP is sent, at least, by who gives it up: by BACnet four times (ANSI/ASHRAE 135 clause 5.4), by CoAP
/// five (RFC 7252 section 4.8).
const GIVES_UP_AFTER: u32 = 4;

/// Requests by ARP, and nanoseconds from the last sign of life to the last of them, after which a device is gone.
const GONE: (usize, i64) = (3, 60_000_000_000);

/// Nanoseconds after which a question by ARP is asked again, at least: it is at most one a second (RFC 1122 section 2.3.2.1).
const ASKED_AGAIN: i64 = 500_000_000;

/// Times, and nanoseconds from one to the next, at which connections went silent that are no restart that is over.
const AGAIN: usize = 3;
const APART: i64 = 60_000_000_000;
/// So many within so many nanoseconds, or one in so many connections: less often a device may be restarted.
const WITHIN: i64 = 3_600_000_000_000;
const SELDOM: usize = 20;
/// Minutes in which connections came to nothing, and of how many in which there were any one is: more than restarts.
const BAD_MINUTES: (usize, usize) = (5, 5);

impl Draft<'_> {
    /// Whether a connection went silent for good: one that was opened later and answered makes up for it, as after a restart, if
    /// that did not happen again and again.
    pub(super) fn tell_silences(&mut self) {
        if self.silences.is_empty() {
            return;
        }
        let (begin, [by_server, by_client]) = self.renewed;
        let mut times: Vec<i64> = self.silences.iter().map(|(silence, _)| silence.since.raw()).collect();
        times.sort_unstable();
        times.dedup_by(|later, earlier| later.saturating_sub(*earlier) < APART);
        let is_often = is_often(&times, self.members.chunk_by(|a, b| a.key == b.key).count());
        let is_told = |(silence, end): &&(Silence, Timestamp)| {
            let answered = if silence.how == SilentParty::Client { by_client.max(by_server) } else { by_server };
            is_often || begin <= silence.since || answered <= *end
        };
        // The longest tells most, of those the first.
        let told = self.silences.iter().filter(is_told).rev().max_by_key(|(silence, _)| silence.requests);
        self.conversation.stopped_answering |= told.is_some();
        self.uncommon.silence = told.map(|(silence, _)| *silence);
    }

    /// Whether what had worked came to nothing again and again after the last answer.
    pub(super) fn tell_failures(&mut self) {
        if self.uncommon.tries == 0 || self.last_answer == Timestamp::UNKNOWN {
            return;
        }
        let failed = self.failed_after(self.last_answer, true);
        self.uncommon.tries_after = failed.tries;
        let requests = |tries| u32::try_from(tries).unwrap_or(u32::MAX);
        let lasted = outcome::silence(self.last_answer, failed.until);
        let of_all = (failed.tries >= 3 && lasted >= 3_000_000_000).then(|| Silence {
            how: SilentParty::Server,
            since: self.last_answer,
            requests: requests(failed.tries),
        });
        // A filter that was loaded lets pass what is open, and a server may have no room left: some serve so many at a time, and
        // refuse the others for a moment.
        let of_new = |or_refused: bool, least: i64| {
            let is_tcp = self.conversation.transport == Transport::Tcp;
            let failed = self.failed_after(if is_tcp { self.accepted } else { self.renewed.0 }, or_refused);
            let number = if is_tcp { failed.connections } else { failed.given_up };
            (number >= 3 && outcome::silence(failed.first, failed.until) >= least).then(|| Silence {
                how: SilentParty::New,
                since: failed.first,
                requests: requests(failed.tries),
            })
        };
        if let Some(silence) = of_all
            .or_else(|| of_new(false, 10_000_000_000))
            .or_else(|| of_new(true, outcome::REFUSED))
            .or_else(|| self.failed_now_and_then())
        {
            self.conversation.stopped_answering = true;
            self.uncommon.silence = self.uncommon.silence.or(Some(silence));
        }
    }

    /// Whether each connection since the last that the server served was reset or closed without an answer, by what looks
    /// into it on the way, or by a service that breaks down; or was never answered, as most of them all.
    pub(super) fn tell_fruitless(&mut self) {
        if self.fruitless < FRUITLESS.0 || self.uncommon.silence.is_some() {
            return;
        }
        let mut connections = Vec::new();
        for connection in self.members.chunk_by(|a, b| a.key == b.key) {
            let (mut tally, mut owes) = (Tally::NONE, false);
            for (flow, told) in connection.iter().map(|member| self.of.look(member)) {
                tally.add(&flow, told.client);
                owes |= flow.ends[usize::from(told.client & 1)].conforms() & OWES != 0;
            }
            let how = match () {
                () if tally.is_cut_off(owes) => Some(SilentParty::Reset),
                () if owes && tally.is_mute() => Some(SilentParty::Mute),
                () => None,
            };
            connections.push((how, tally.begin()));
        }
        self.uncommon.silence = [SilentParty::Reset, SilentParty::Mute].into_iter().find_map(|how| {
            let all = connections.iter().filter(|(came, _)| *came == Some(how));
            // What is large may be lost where what is small passes; who waits for news does so beside what is answered.
            let is_most = how == SilentParty::Mute && all.clone().count() * 2 > connections.len();
            let begins = all.map(|(_, begin)| *begin).filter(|begin| is_most || *begin > self.served);
            let (since, until) = (begins.clone().min()?, begins.clone().max()?);
            let requests = u32::try_from(begins.count()).unwrap_or(u32::MAX);
            let is_told = requests >= FRUITLESS.0 && outcome::silence(since, until) >= FRUITLESS.1;
            is_told.then_some(Silence { how, since, requests })
        });
        self.conversation.stopped_answering |= self.uncommon.silence.is_some();
    }

    /// Whether connections came to nothing at several times, each after one that worked.
    fn failed_now_and_then(&self) -> Option<Silence> {
        let mut connections: Vec<Came> = Vec::new();
        let mut at = 0;
        for connection in self.members.chunk_by(|a, b| a.key == b.key) {
            let (mut tally, mut messages) = (Tally::NONE, 0);
            for (flow, told) in connection.iter().map(|member| self.of.look(member)) {
                tally.add(&flow, told.client);
                messages = given_up(&flow, told.client).max(messages);
            }
            let outcome = self.uncommon.outcomes.get(at).copied().unwrap_or(self.conversation.outcome);
            at += connection.len();
            let (tries, is_tcp) =
                (tally.tries(self.conversation.transport), self.conversation.transport == Transport::Tcp);
            let is_given_up = if is_tcp { tries >= GIVES_UP_AFTER.into() } else { messages > 0 };
            // By one lost packet no connection comes to nothing that is tried again.
            let is_tried_again = tries >= if is_tcp { 2 } else { 3 };
            connections.push(Came {
                begin: tally.begin().raw(),
                works: outcome == Outcome::Established,
                fails: outcome == Outcome::Refused || outcome == Outcome::Unanswered && is_tried_again,
                is_given_up: outcome == Outcome::Unanswered && is_given_up,
                tries,
            });
        }
        connections.sort_unstable_by_key(|came| came.begin);
        let told = |fails: fn(&Came) -> bool, is_enough: &dyn Fn(&[i64]) -> bool| {
            let (mut worked, mut tries, mut times) = (false, 0, Vec::new());
            for came in &connections {
                if fails(came) {
                    tries += came.tries;
                    times.extend(std::mem::replace(&mut worked, false).then_some(came.begin));
                }
                worked |= came.works;
            }
            let since = Timestamp::from_raw(*times.first()?);
            times.dedup_by(|later, earlier| later.saturating_sub(*earlier) < APART);
            let requests = u32::try_from(tries).unwrap_or(u32::MAX);
            is_enough(&times).then_some(Silence { how: SilentParty::NowAndThen, since, requests })
        };
        let minutes =
            |is_of: fn(&Came) -> bool| {
                let minute = |came: &Came| came.begin.div_euclid(APART);
                connections.iter().filter(|came| is_of(came)).map(minute).fold((0, None), |(number, last), minute| {
                    (number + usize::from(last != Some(minute)), Some(minute))
                })
            };
        let is_mostly_bad = |times: &[i64]| {
            let (failed, all) = (minutes(|came| came.fails).0, minutes(|_| true).0);
            times.len() >= 2 && failed >= BAD_MINUTES.0 && failed * BAD_MINUTES.1 >= all
        };
        told(|came| came.is_given_up, &|times| is_often(times, connections.len()))
            .or_else(|| told(|came| came.fails, &is_mostly_bad))
    }

    /// Whether the server was heard, and then looked for by its client on its link in vain: who does not answer that is sent nothing
    /// else (RFC 1122 section 2.3.2.2, RFC 4861 section 7.2.2). What the server answers others so may not pass here.
    pub(super) fn tell_gone(&mut self) {
        let seen = self.of.seen;
        let server = seen.hosts.get(self.conversation.server);
        let client = seen.hosts.get(self.conversation.client).address;
        let asked = seen.neighbours.asked_by(client, server.address);
        if asked.len() < GONE.0 || self.uncommon.silence.is_some() || self.last_answer == Timestamp::UNKNOWN {
            return;
        }
        let Some(claimed) = self.of.last_claimed(server.address) else { return };
        let since = server.last_sent.max(claimed);
        let mut in_vain: Vec<Timestamp> = asked.iter().copied().filter(|at| *at > since).collect();
        in_vain.retain(|at| !seen.missing.ends_behind((*at, *at)));
        // Copies of one question.
        in_vain.dedup_by(|later, earlier| outcome::silence(*earlier, *later) < ASKED_AGAIN);
        let is_long =
            in_vain.len() >= GONE.0 && in_vain.last().is_some_and(|at| outcome::silence(since, *at) >= GONE.1);
        // A device may have been given another address.
        if is_long && server.mac.is_some_and(|mac| self.of.last_sent(mac) <= since) {
            self.uncommon.silence = Some(Silence { how: SilentParty::Gone, since, requests: in_vain.len() as u32 });
            self.conversation.stopped_answering = true;
        }
    }

    /// What was tried after a time and came to nothing, refused or not.
    fn failed_after(&self, time: Timestamp, or_refused: bool) -> Failed {
        let mut failed =
            Failed { tries: 0, connections: 0, given_up: 0, first: Timestamp::UNKNOWN, until: Timestamp::UNKNOWN };
        let mut at = 0;
        for connection in self.members.chunk_by(|a, b| a.key == b.key) {
            // On several VLAN paths the same packets are seen.
            let (mut tries, mut messages) = (0, 0);
            for member in connection {
                let (flow, judgement) = self.of.look(member);
                let outcome = self.uncommon.outcomes.get(at).copied().unwrap_or(self.conversation.outcome);
                at += 1;
                // A client that closes its port sooner than it is answered is answered all the same.
                let is_late = self.of.sent_back(member).is_some_and(Rejection::may_be_late);
                let has_failed = outcome.is_blocked() && (or_refused || outcome != Outcome::Refused);
                if has_failed && !is_late && flow.begin().time > time {
                    let mut tally = Tally::NONE;
                    tally.add(&flow, judgement.client);
                    tries = tally.tries(flow.transport).max(tries);
                    messages = given_up(&flow, judgement.client).max(messages);
                    failed.first = failed.first.earlier(flow.begin().time);
                    failed.until = failed.until.max(flow.end());
                }
            }
            failed.tries = failed.tries.saturating_add(tries);
            failed.connections += u64::from(tries > 0);
            failed.given_up += u64::from(messages);
        }
        failed
    }
}

/// What came of a connection.
struct Came {
    /// Effective time of its first packet.
    begin: i64,
    works: bool,
    /// It came to nothing though it was tried again, or was refused.
    fails: bool,
    /// It was tried until its client gave up.
    is_given_up: bool,
    tries: u64,
}

/// Whether what happened at these times, ascending, of so many connections, is more than a restart now and then.
fn is_often(times: &[i64], connections: usize) -> bool {
    let is_dense = times.windows(AGAIN).any(|some| some[AGAIN - 1].saturating_sub(some[0]) <= WITHIN);
    is_dense || times.len() >= AGAIN && times.len() * SELDOM >= connections
}

/// Messages over UDP that a client sent again to the end.
fn given_up(flow: &FlowView<'_>, client: u8) -> u32 {
    let asked = flow.ends[usize::from(client & 1)].waiting();
    asked.different.filter(|messages| asked.count >= messages.saturating_mul(GIVES_UP_AFTER)).unwrap_or(0)
}

/// What was tried after a time and came to nothing.
struct Failed {
    tries: u64,
    connections: u64,
    /// Messages over UDP that were sent again to the end.
    given_up: u64,
    /// When the first began.
    first: Timestamp,
    /// When the last ended.
    until: Timestamp,
}
