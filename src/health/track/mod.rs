//! What is kept of one flow so that its questions find their answers, also across the parts that it was observed in.

use std::net::IpAddr;

use super::away::{Away, KeptMessages, REACH};
use super::measure::{Measure, Outcome, Pair};
use super::stream::{Segment, Stream, Vain};
use super::sums::{Measures, PairIndex, Places, pair};
use super::watch::FlowKey;
use super::window::{Act, Message, MessageWindow, WINDOW};
use crate::capture::Timestamp;
use crate::decode::TcpFlags;
use crate::state::{Broken, Load, Stored};

/// The two ends of a flow, in the order of its key.
pub(crate) type Ends = [(IpAddr, u16); 2];

/// One flow.
#[derive(Clone, Debug)]
pub(super) struct Track {
    /// Its last messages.
    recent: MessageWindow,
    /// First and last time.
    span: [Timestamp; 2],
    /// Its first messages, where they are not the last: what they are hangs on what came before, which another part may know.
    head: Option<Box<MessageWindow>>,
    /// What TCP's numbers say.
    stream: Option<Box<Stream>>,
    /// What lies behind its last messages.
    away: Option<Box<Away>>,
    /// How many messages there were.
    count: u64,
    /// Where its sums are.
    places: Places,
    /// What its questions and answers are.
    measure: Measure,
    /// The first segment of each end, while there is no message: it may end a handshake that another part knows.
    acknowledged: [Timestamp; 2],
    /// The inputs of the first and the last message.
    inputs: [u32; 2],
}

/// What one act of a side is measured as, and which end asks.
fn role(measure: Measure, message: &Message) -> (Measure, usize) {
    let (sender, receiver) = (usize::from(message.side & 1), usize::from(1 - (message.side & 1)));
    match message.act {
        Act::Ask => (measure, sender),
        Act::Answer => (measure, receiver),
        Act::Open => (Measure::Server, sender),
        Act::Accept => (Measure::Server, receiver),
        Act::Acknowledge => (Measure::Client, receiver),
    }
}

/// So many nanoseconds earlier.
fn before(time: Timestamp, nanos: u64) -> Timestamp {
    Timestamp::from_nanos(time.raw().saturating_sub_unsigned(nanos))
}

/// Counts what a message turned out to be that comes behind those of a window.
#[inline]
fn note(
    (window, message, outcome): (&MessageWindow, &Message, Option<Outcome>),
    (of, ends, places): (Measure, &impl FlowKey, &mut Places),
    sums: &mut Measures,
) {
    let Some(outcome) = outcome else { return };
    let (measure, asker) = role(of, message);
    let spot = PairIndex { measure, asker, ends, places };
    match outcome {
        Outcome::Answered { nanos, repeats } => {
            sums.answered_at(spot, before(message.time, nanos), (nanos, repeats));
        }
        _ => sums.note(spot, outcome),
    }
    if of == Measure::Tftp {
        note_block(window, message, outcome, (ends, places), sums);
    }
}

/// What a message of TFTP tells besides.
fn note_block(
    window: &MessageWindow,
    message: &Message,
    outcome: Outcome,
    (ends, places): (&impl FlowKey, &mut Places),
    sums: &mut Measures,
) {
    let asker = usize::from(1 - (message.side & 1));
    if matches!(outcome, Outcome::Answered { .. }) && window.ends_file(message) {
        sums.end(pair(Measure::Tftp, asker, ends));
    }
    if outcome == Outcome::Asked {
        // The next block answers the acknowledgment before it.
        let acknowledgment = window.last().filter(|last| last.act == Act::Answer && last.side != message.side);
        let first = acknowledgment.and_then(|last| window.iter().find(|known| known.is_like(&last)));
        if let Some(nanos) = first.and_then(|first| message.since(first.time)) {
            let next = PairIndex { measure: Measure::TftpNext, asker, ends, places };
            sums.answered_at(next, before(message.time, nanos), (nanos, 0));
        }
    }
}

impl Track {
    pub(super) fn new(measure: Measure, input: u32, time: Timestamp) -> Self {
        let inputs = [input; 2];
        Self {
            recent: MessageWindow::EMPTY,
            span: [time; 2],
            head: None,
            stream: None,
            away: None,
            count: 0,
            places: Places::new(),
            measure,
            acknowledged: [Timestamp::UNKNOWN; 2],
            inputs,
        }
    }

    /// Where the sums are that its next messages, or segments, most likely belong to, by which end asks.
    pub(super) fn places(&self) -> [usize; 2] {
        self.places.both(if self.stream.is_some() { Measure::Ack } else { self.measure })
    }

    /// The first messages.
    fn head(&self) -> &MessageWindow {
        self.head.as_deref().unwrap_or(&self.recent)
    }

    fn reach(&mut self, time: Timestamp) {
        self.span = [self.span[0].min(time), self.span[1].max(time)];
    }

    /// Takes the next message.
    pub(super) fn push(&mut self, message: Message, ends: &impl FlowKey, sums: &mut Measures) {
        self.reach(message.time);
        let number = self.count;
        self.count += 1;
        if self.head.is_none() {
            if !self.recent.is_full() {
                return self.recent.push(message);
            }
            self.head = Some(Box::new(self.recent.clone()));
        }
        let mut outcome = self.recent.outcome(&message, self.measure);
        if self.measure.may_wait() {
            if outcome == Some(Outcome::Unasked) {
                outcome = self.away.get_or_insert_default().answer(number, message);
            }
            self.drive_out(number, &message, ends, sums);
        }
        note((&self.recent, &message, outcome), (self.measure, ends, &mut self.places), sums);
        self.recent.push(message);
    }

    /// One more message drives the first out of the window: it may be a question that nobody answered yet.
    #[inline]
    fn drive_out(&mut self, number: u64, message: &Message, ends: &impl FlowKey, sums: &mut Measures) {
        let Some(question) = self.recent.unanswered(message) else { return };
        // Clients ask again for all else, or no answer is owed to it (RFC 7967). What comes all the same later has no question then.
        if self.measure == Measure::Echo && self.recent.is_missed(&question) {
            let (measure, asker) = role(self.measure, &question);
            sums.note(PairIndex { measure, asker, ends, places: &mut self.places }, Outcome::Missed);
        } else {
            self.away.get_or_insert_default().wait(number.saturating_sub(WINDOW as u64), question);
        }
    }

    /// Takes the next segment of TCP.
    pub(super) fn segment(&mut self, segment: &Segment, ends: &impl FlowKey, sums: &mut Measures) {
        let (time, side, [sequence, acknowledged]) = (segment.time, segment.side, segment.numbers);
        match (segment.has(TcpFlags::SYN), segment.has(TcpFlags::ACK)) {
            (true, false) => {
                self.push(Message { time, side, act: Act::Open, id: sequence.wrapping_add(1) }, ends, sums);
            }
            (true, true) => self.push(Message { time, side, act: Act::Accept, id: acknowledged }, ends, sums),
            (false, true) => self.acknowledge(side, time, ends, sums),
            (false, false) => {}
        }
        self.reach(time);
        let stream = self.stream.get_or_insert_with(|| Box::new(Stream::new()));
        stream.take(segment, (ends, &mut self.places), sums);
    }

    /// Seams at which parts of it did not fit.
    pub(super) fn misfits(&self) -> u64 {
        self.stream.as_ref().map_or(0, |stream| stream.misfits)
    }

    /// What each end sent again in vain so far, which [`Stored`] leaves out.
    pub(super) fn vain(&self) -> Option<[Vain; 2]> {
        self.stream.as_ref()?.vain()
    }

    /// Takes over what [`Track::vain`] gave, if it can be.
    pub(super) fn set_vain(&mut self, both: [Vain; 2]) -> bool {
        self.stream.as_mut().is_some_and(|stream| stream.set_vain(both))
    }

    /// Takes an acknowledgment of TCP: the first behind a SYN-ACK is the client's half of the handshake.
    pub(super) fn acknowledge(&mut self, side: u8, time: Timestamp, ends: &impl FlowKey, sums: &mut Measures) {
        match self.recent.last() {
            None => {
                let first = &mut self.acknowledged[usize::from(side & 1)];
                if *first == Timestamp::UNKNOWN {
                    *first = time;
                    self.reach(time);
                }
            }
            Some(accept) if accept.act == Act::Accept && accept.side != side => {
                self.push(Message { time, side, act: Act::Acknowledge, id: 0 }, ends, sums);
            }
            Some(_) => {}
        }
    }

    /// Adds what came of the flow later. Says whether that cannot be: both lie at the same time in different inputs.
    #[must_use]
    pub(super) fn absorb(&mut self, other: &Self, ends: &impl FlowKey, sums: &mut Measures) -> bool {
        let overlaps = self.inputs[1] != other.inputs[0] && other.span[0] < self.span[1];
        for (side, time) in (0..).zip(other.acknowledged) {
            if time != Timestamp::UNKNOWN {
                self.acknowledge(side, time, ends, sums);
            }
        }
        other.head().iter().for_each(|message| self.push(message, ends, sums));
        if other.head.is_some() {
            self.head.get_or_insert_with(|| Box::new(self.recent.clone()));
            self.recent = other.recent.clone();
            let before = self.count.saturating_sub(WINDOW as u64);
            self.count = before.saturating_add(other.count);
            if let Some(theirs) = &other.away {
                let mine = self.away.get_or_insert_default();
                for (number, answer) in theirs.early() {
                    let outcome = mine.answer(before.saturating_add(*number), *answer);
                    note((&self.recent, answer, outcome), (self.measure, ends, &mut self.places), sums);
                }
                mine.go_on(before, theirs);
            }
        }
        match (&mut self.stream, &other.stream) {
            (Some(mine), Some(theirs)) => mine.absorb(theirs, (ends, &mut self.places), sums),
            (mine, Some(theirs)) => *mine = Some(theirs.clone()),
            (_, None) => {}
        }
        self.span = [self.span[0].min(other.span[0]), self.span[1].max(other.span[1])];
        self.inputs[1] = other.inputs[1];
        overlaps
    }

    /// Nothing came before it: tells what its first messages are.
    pub(super) fn finish(&self, ends: &impl FlowKey, sums: &mut Measures) {
        let (mut window, mut places) = (MessageWindow::EMPTY, Places::new());
        for message in self.head().iter() {
            note((&window, &message, window.outcome(&message, self.measure)), (self.measure, ends, &mut places), sums);
            window.push(message);
        }
        for (_, answer) in self.away.iter().flat_map(|away| away.early()) {
            note((&window, answer, Some(Outcome::Unasked)), (self.measure, ends, &mut places), sums);
        }
        self.stream.iter().for_each(|stream| stream.finish((ends, &mut places), sums));
    }

    /// What lies behind its last messages, where there is any, or may be for what comes before, which [`Stored`] leaves out.
    pub(super) fn kept(&self) -> Option<KeptMessages> {
        let kept = self.away.as_deref().unwrap_or(&Away::default()).kept(self.count);
        (self.head.is_some() && self.measure.may_wait() && kept != KeptMessages::none()).then_some(kept)
    }

    /// Takes over what [`Track::kept`] gave, if it can be.
    pub(super) fn keep(&mut self, kept: KeptMessages) -> bool {
        let fits = self.head.is_some() && self.measure.may_wait() && kept.count > WINDOW as u64;
        (self.count, self.away) = (kept.count, Some(Box::new(kept.away)));
        fits
    }

    /// When the last message came.
    pub(super) const fn last(&self) -> Timestamp {
        self.span[1]
    }

    /// The pairs that it may have been measured as.
    pub(super) fn pairs(&self, ends: &impl FlowKey) -> impl Iterator<Item = Pair> {
        let next = (self.measure == Measure::Tftp).then_some(Measure::TftpNext);
        let measures = [self.measure, Measure::Server, Measure::Client, Measure::Ack].into_iter().chain(next);
        measures.flat_map(move |measure| [0, 1].map(|asker| pair(measure, asker, ends)))
    }
}

/// Its first messages, and the last where they are others.
impl Stored for Track {
    fn store(&self, to: &mut Vec<u8>) {
        self.measure.store(to);
        self.head().store(to);
        self.head.is_some().store(to);
        self.head.iter().for_each(|_| self.recent.store(to));
        self.acknowledged.store(to);
        self.stream.store(to);
        self.span.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let (measure, first, last): (_, MessageWindow, Option<MessageWindow>) = from.get()?;
        let (acknowledged, stream, span): (_, _, [Timestamp; 2]) = from.get()?;
        let is_sound = last.as_ref().is_none_or(|last| last.is_full() && first.is_full());
        from.expect(is_sound && span[0] <= span[1], "the messages of a flow do not fit one another")?;
        let (recent, head) = match last {
            Some(last) => (last, Some(Box::new(first))),
            None => (first, None),
        };
        let (inputs, places) = ([from.input; 2], Places::new());
        let count = if head.is_some() { REACH } else { recent.len() as u64 };
        Ok(Self { recent, span, head, stream, away: None, count, places, measure, acknowledged, inputs })
    }
}

#[cfg(test)]
mod tests;
