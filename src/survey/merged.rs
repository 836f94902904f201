//! Inputs that overlap in time, and interfaces and captures that lie one behind the other in one, as one stream: read once
//! more, frame by frame in the order of their times, for what hangs on which message came before which. All else adds up
//! without.

use std::ops::Range;

use super::read::Reader;
use crate::capture::{Capture, Frame, FrameId, LinkType, Matcher, Timestamp};
use crate::flow::{Clock, Observation, Questions};

/// So many streams are read at once.
const MOST_STREAMS: usize = 64;

/// A frame that outlives the block it was read in.
struct Kept {
    id: FrameId,
    /// Its effective time.
    time: Timestamp,
    link: LinkType,
    interface: u32,
    original_len: u32,
    bytes: Vec<u8>,
}

/// What lies between two beginnings of an input, on its way.
struct Stream {
    capture: Capture,
    matcher: Option<Matcher>,
    /// Counts beginnings up to the own one.
    clock: Clock,
    beginning: u32,
    number: u64,
    /// The rest of the last block, the next frame last.
    frames: Vec<Kept>,
    observation: Observation,
    /// The effective time of the next frame.
    next: Timestamp,
}

impl Stream {
    fn open(reader: &Reader<'_>, (at, beginning): (usize, u32)) -> Option<Self> {
        Some(Self {
            capture: Capture::open(reader.sources[at].file()?, at as u32).ok()?,
            matcher: reader.options.filter.as_ref().map(crate::capture::Filter::matcher),
            clock: Clock::default(),
            beginning,
            number: 0,
            frames: Vec::new(),
            observation: reader.begin(at),
            next: Timestamp::UNKNOWN,
        })
    }

    /// Reads on where nothing is left of the last block. Whether there is a frame.
    fn fill(&mut self) -> bool {
        while self.frames.is_empty() {
            if self.clock.beginnings > self.beginning {
                return false;
            }
            let Some(block) = self.capture.next_block() else { return false };
            for frame in block {
                if !self.matcher.as_mut().is_none_or(|matcher| matcher.keeps(&frame)) {
                    continue;
                }
                self.number += 1;
                let time = self.clock.take(frame.time, frame.interface, self.number);
                if self.clock.beginnings == self.beginning {
                    let Frame { id, link, interface, original_len, data, .. } = frame;
                    self.frames.push(Kept { id, time, link, interface, original_len, bytes: data.to_vec() });
                }
            }
            self.frames.reverse();
        }
        self.next = self.frames.last().map_or(self.next, |frame| frame.time);
        true
    }
}

/// What is asked and answered in some sources, merged by time; none where one of them cannot be read again, or they are too
/// many streams. `beginnings` is how often each began anew.
pub(super) fn questions(
    reader: &Reader<'_>,
    sources: Range<usize>,
    beginnings: impl Fn(usize) -> u32,
) -> Option<Questions> {
    let of_one = |at: usize| (0..=beginnings(at)).map(move |beginning| (at, beginning));
    let list: Vec<(usize, u32)> = sources.clone().flat_map(of_one).take(MOST_STREAMS.max(sources.len()) + 1).collect();
    if list.len() > MOST_STREAMS.max(sources.len()) {
        return None;
    }
    let mut streams: Vec<Stream> = list.into_iter().map(|of| Stream::open(reader, of)).collect::<Option<_>>()?;
    let mut questions = Questions::default();
    loop {
        let mut first: Option<(Timestamp, usize)> = None;
        for (at, stream) in streams.iter_mut().enumerate() {
            if stream.fill() && first.is_none_or(|(time, _)| stream.next < time) {
                first = Some((stream.next, at));
            }
        }
        let Some((_, at)) = first else { return Some(questions) };
        let others = streams.iter().enumerate().filter(|(other, stream)| *other != at && !stream.frames.is_empty());
        let until = others.map(|(_, stream)| stream.next).min();
        let stream = &mut streams[at];
        // One stream at a time has what all of them know.
        stream.observation.swap_questions(&mut questions);
        while let Some(kept) = stream.frames.pop_if(|kept| until.is_none_or(|until| kept.time <= until)) {
            let Kept { id, time, link, interface, original_len, bytes } = kept;
            stream.observation.observe_questions(&Frame { id, time, link, interface, original_len, data: &bytes });
        }
        stream.observation.swap_questions(&mut questions);
    }
}
