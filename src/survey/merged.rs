//! Inputs that overlap in time, interfaces and captures that lie one behind the other in one, and frames that several interfaces
//! wrote out of order, as one stream: read once more, frame by frame in the order of their times, for what hangs on which message
//! came before which. All else adds up without.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::read::Reader;
use crate::capture::{Capture, Frame, FrameId, LinkType, Matcher, Timestamp};
use crate::flow::{Clock, Observation, Questions};

/// So many streams are read at once.
const MOST_STREAMS: usize = 64;
/// Nanoseconds that a frame lies behind a later one at most: a longer step is the clock's.
const DISORDER: i64 = 1_000_000_000;
/// So many bytes of frames are held at most, in all streams, until those before them have surely come.
const MOST_HELD: usize = 64 << 20;

/// A frame that outlives the block it was read in. Of frames with one time the first in the file comes first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct MergedFrame {
    /// Its effective time.
    time: Timestamp,
    id: FrameId,
    link: LinkType,
    interface: u32,
    original_len: u32,
    bytes: Vec<u8>,
}

impl MergedFrame {
    /// Bytes that it takes at most, as the list of them grows by half of what is not used.
    const fn size(&self) -> usize {
        2 * size_of::<Self>() + self.bytes.capacity()
    }
}

/// What lies between two beginnings of an input, on its way.
struct InputStream {
    capture: Capture,
    matcher: Option<Matcher>,
    /// Counts beginnings up to the own one.
    clock: Clock,
    beginning: u32,
    number: u64,
    /// What was read and not handed on, and how many bytes at most.
    frames: BinaryHeap<Reverse<MergedFrame>>,
    held: usize,
    most: usize,
    /// The latest time that was read.
    latest: Timestamp,
    is_read: bool,
    observation: Observation,
}

impl InputStream {
    fn open(reader: &Reader<'_>, (at, beginning): (usize, u32), most: usize) -> Option<Self> {
        Some(Self {
            capture: Capture::open(reader.sources[at].file()?, at as u32).ok()?,
            matcher: reader.options.filter.as_ref().map(crate::capture::Filter::matcher),
            clock: Clock::default(),
            beginning,
            number: 0,
            frames: BinaryHeap::new(),
            held: 0,
            most,
            latest: Timestamp::UNKNOWN,
            is_read: false,
            observation: reader.begin(at),
        })
    }

    /// The time of the next frame, if there is any.
    fn next(&mut self) -> Option<Timestamp> {
        loop {
            if let Some(Reverse(first)) = self.frames.peek() {
                let is_due = self.latest.raw().saturating_sub(first.time.raw()) >= DISORDER;
                if self.is_read || is_due || self.held > self.most {
                    return Some(first.time);
                }
            } else if self.is_read {
                return None;
            }
            self.read();
        }
    }

    /// Reads the next block.
    fn read(&mut self) {
        match self.capture.next_block().filter(|_| self.clock.beginnings <= self.beginning) {
            None => self.is_read = true,
            Some(block) => {
                for frame in block {
                    if !self.matcher.as_mut().is_none_or(|matcher| matcher.keeps(&frame)) {
                        continue;
                    }
                    self.number += 1;
                    let time = self.clock.take(frame.time, frame.interface, self.number);
                    if self.clock.beginnings == self.beginning {
                        let Frame { id, link, interface, original_len, data, .. } = frame;
                        let kept = MergedFrame { time, id, link, interface, original_len, bytes: data.to_vec() };
                        self.held += kept.size();
                        self.latest = self.latest.max(time);
                        self.frames.push(Reverse(kept));
                    }
                }
            }
        }
    }

    /// The next frame, if it is not later than a time.
    fn take(&mut self, until: Option<Timestamp>) -> Option<MergedFrame> {
        self.next().filter(|next| until.is_none_or(|until| *next <= until))?;
        let Reverse(kept) = self.frames.pop()?;
        self.held -= kept.size();
        Some(kept)
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
    let most = MOST_HELD / list.len().max(1);
    let mut streams: Vec<InputStream> =
        list.into_iter().map(|of| InputStream::open(reader, of, most)).collect::<Option<_>>()?;
    let mut questions = Questions::default();
    loop {
        let next: Vec<Option<Timestamp>> = streams.iter_mut().map(InputStream::next).collect();
        let of = |(at, next): (usize, &Option<Timestamp>)| Some(((*next)?, at));
        let Some((_, at)) = next.iter().enumerate().filter_map(of).min() else { return Some(questions) };
        let until =
            next.iter().enumerate().filter(|(other, _)| *other != at).filter_map(of).map(|(time, _)| time).min();
        let stream = &mut streams[at];
        // One stream at a time has what all of them know.
        stream.observation.swap_questions(&mut questions);
        while let Some(kept) = stream.take(until) {
            let MergedFrame { id, time, link, interface, original_len, bytes } = kept;
            stream.observation.observe_questions(&Frame { id, time, link, interface, original_len, data: &bytes });
        }
        stream.observation.swap_questions(&mut questions);
    }
}
