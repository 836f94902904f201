//! What is kept of one flow so that its questions find their answers, also across the parts that it was observed in.

use std::net::IpAddr;

use super::measure::{Measure, Measures, Outcome, Pair};
use super::stream::{self, Segment, Stream};
use super::window::{Act, Message, Window};
use crate::capture::{Retime, Timestamp};
use crate::decode::TcpFlags;
use crate::state::{Broken, Load, Stored};

/// The two ends of a flow, in the order of its key.
pub(crate) type Ends = [(IpAddr, u16); 2];

/// One flow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Track {
    /// What its questions and answers are.
    measure: Measure,
    /// Its first messages: what they are hangs on what came before, which another part may know.
    head: Window,
    /// Its last messages, where there are more than those.
    tail: Option<Box<Window>>,
    /// The first segment of each end, while there is no message: it may end a handshake that another part knows.
    acknowledged: [Timestamp; 2],
    /// What TCP's numbers say.
    stream: Option<Box<Stream>>,
    /// First and last time.
    span: [Timestamp; 2],
    /// The inputs of the first and the last message.
    inputs: [u32; 2],
}

/// What one act of a side is measured as, and of whom.
fn pair(measure: Measure, message: &Message, ends: &Ends) -> Pair {
    let side = usize::from(message.side & 1);
    let (sender, receiver) = (ends[side], ends[1 - side]);
    let (measure, asker, answerer, port) = match message.act {
        Act::Ask => (measure, sender.0, receiver.0, receiver.1),
        Act::Answer => (measure, receiver.0, sender.0, sender.1),
        Act::Open => (Measure::Server, sender.0, receiver.0, receiver.1),
        Act::Accept => (Measure::Server, receiver.0, sender.0, sender.1),
        Act::Acknowledge => (Measure::Client, receiver.0, sender.0, receiver.1),
    };
    Pair { asker, answerer, port: if measure == Measure::Echo { 0 } else { port }, measure }
}

/// So many nanoseconds earlier.
fn before(time: Timestamp, nanos: u64) -> Timestamp {
    Timestamp::from_nanos(time.raw().saturating_sub_unsigned(nanos))
}

fn note(window: &Window, message: &Message, (measure, ends): (Measure, &Ends), sums: &mut Measures) {
    let Some(outcome) = window.outcome(message, measure.renews()) else { return };
    let asked = pair(measure, message, ends);
    sums.note(asked, outcome);
    if let Outcome::Answered { nanos, .. } = outcome {
        sums.load_at(&asked, before(message.time, nanos), nanos);
        if measure == Measure::Tftp && window.ends_file(message) {
            sums.end(asked);
        }
    }
    if measure == Measure::Tftp && outcome == Outcome::Asked {
        // The next block answers the acknowledgment before it.
        let acknowledgment = window.last().filter(|last| last.act == Act::Answer && last.side != message.side);
        let first = acknowledgment.and_then(|last| window.iter().find(|known| known.is_like(&last)));
        if let Some(nanos) = first.and_then(|first| message.since(first.time)) {
            let next = pair(Measure::TftpNext, &Message { act: Act::Answer, ..*message }, ends);
            sums.answered(next, nanos);
            sums.load_at(&next, before(message.time, nanos), nanos);
        }
    }
}

impl Track {
    pub(super) fn new(measure: Measure, input: u32, time: Timestamp) -> Self {
        let inputs = [input; 2];
        Self {
            measure,
            head: Window::EMPTY,
            tail: None,
            stream: None,
            acknowledged: [Timestamp::UNKNOWN; 2],
            span: [time; 2],
            inputs,
        }
    }

    /// The last messages.
    fn recent(&self) -> &Window {
        self.tail.as_deref().unwrap_or(&self.head)
    }

    fn reach(&mut self, time: Timestamp) {
        self.span = [self.span[0].min(time), self.span[1].max(time)];
    }

    /// Takes the next message.
    pub(super) fn push(&mut self, message: Message, ends: &Ends, sums: &mut Measures) {
        self.reach(message.time);
        if !self.head.is_full() {
            return self.head.push(message);
        }
        let tail = self.tail.get_or_insert_with(|| Box::new(self.head.clone()));
        note(tail, &message, (self.measure, ends), sums);
        tail.push(message);
    }

    /// Takes the next segment of TCP.
    pub(super) fn segment(&mut self, segment: &Segment, ends: &Ends, sums: &mut Measures) {
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
        self.stream.get_or_insert_with(|| Box::new(Stream::new())).take(segment, ends, sums);
    }

    /// Seams at which parts of it did not fit.
    pub(super) fn misfits(&self) -> u64 {
        self.stream.as_ref().map_or(0, |stream| stream.misfits)
    }

    /// Takes an acknowledgment of TCP: the first behind a SYN-ACK is the client's half of the handshake.
    pub(super) fn acknowledge(&mut self, side: u8, time: Timestamp, ends: &Ends, sums: &mut Measures) {
        match self.recent().last() {
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
    pub(super) fn absorb(&mut self, other: &Self, ends: &Ends, sums: &mut Measures) -> bool {
        let overlaps = self.inputs[1] != other.inputs[0] && other.span[0] < self.span[1];
        for (side, time) in (0..).zip(other.acknowledged) {
            if time != Timestamp::UNKNOWN {
                self.acknowledge(side, time, ends, sums);
            }
        }
        other.head.iter().for_each(|message| self.push(message, ends, sums));
        if let Some(tail) = &other.tail {
            self.tail = Some(tail.clone());
        }
        match (&mut self.stream, &other.stream) {
            (Some(mine), Some(theirs)) => mine.absorb(theirs, ends, sums),
            (mine, Some(theirs)) => *mine = Some(theirs.clone()),
            (_, None) => {}
        }
        self.span = [self.span[0].min(other.span[0]), self.span[1].max(other.span[1])];
        self.inputs[1] = other.inputs[1];
        overlaps
    }

    /// Nothing came before it: tells what its first messages are.
    pub(super) fn finish(&self, ends: &Ends, sums: &mut Measures) {
        let mut window = Window::EMPTY;
        for message in self.head.iter() {
            note(&window, &message, (self.measure, ends), sums);
            window.push(message);
        }
        self.stream.iter().for_each(|stream| stream.finish(ends, sums));
    }

    /// When the last message came.
    pub(super) const fn last(&self) -> Timestamp {
        self.span[1]
    }

    /// The pairs that it may have been measured as.
    pub(super) fn pairs(&self, ends: &Ends) -> impl Iterator<Item = Pair> {
        let (measure, ends) = (self.measure, *ends);
        let message = |side, act| Message { time: Timestamp::UNKNOWN, side, act, id: 0 };
        let acts = [Act::Ask, Act::Open, Act::Acknowledge].into_iter().map(move |act| (measure, act));
        let next = (measure == Measure::Tftp).then_some((Measure::TftpNext, Act::Answer));
        acts.chain(next)
            .flat_map(move |(measure, act)| [0, 1].map(|side| pair(measure, &message(side, act), &ends)))
            .chain([0, 1].map(|side| stream::pair(side, &ends)))
    }

    pub(super) fn retime(&mut self, retime: Retime) {
        self.head.retime(retime);
        self.stream.iter_mut().for_each(|stream| stream.retime(retime));
        self.tail.iter_mut().for_each(|tail| tail.retime(retime));
        for time in self.acknowledged.iter_mut().filter(|time| **time != Timestamp::UNKNOWN) {
            *time = retime.apply(*time);
        }
        self.span = self.span.map(|time| retime.apply(time));
    }
}

impl Stored for Track {
    fn store(&self, to: &mut Vec<u8>) {
        self.measure.store(to);
        self.head.store(to);
        self.tail.store(to);
        self.acknowledged.store(to);
        self.stream.store(to);
        self.span.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let (measure, head, tail) = from.get()?;
        let (acknowledged, stream, span): (_, _, [Timestamp; 2]) = from.get()?;
        let track = Self { measure, head, tail, stream, acknowledged, span, inputs: [from.input; 2] };
        let is_sound = track.tail.as_ref().is_none_or(|tail| tail.is_full() && track.head.is_full());
        from.expect(is_sound && span[0] <= span[1], "the messages of a flow do not fit one another")?;
        Ok(track)
    }
}
