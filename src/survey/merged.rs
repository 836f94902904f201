//! Inputs that overlap in time, as one stream: read once more, frame by frame in the order of their times, for what hangs
//! on which message came before which. All else adds up without.

use super::read::{Reader, Source};
use crate::capture::{Capture, Frame, FrameId, LinkType, Timestamp};
use crate::flow::{Observation, Questions};

/// A frame that outlives the block it was read in.
struct Kept {
    id: FrameId,
    time: Timestamp,
    link: LinkType,
    interface: u32,
    original_len: u32,
    bytes: Vec<u8>,
}

/// One input on its way.
struct Input {
    capture: Capture,
    /// The rest of the last block, the next frame last.
    frames: Vec<Kept>,
    observation: Observation,
    /// Its time, or that of the last frame that had one.
    next: Timestamp,
}

impl Input {
    /// Reads on where nothing is left of the last block. Whether there is a frame.
    fn fill(&mut self) -> bool {
        while self.frames.is_empty() {
            let Some(block) = self.capture.next_block() else { return false };
            self.frames.extend(block.into_iter().map(|frame| Kept {
                id: frame.id,
                time: frame.time,
                link: frame.link,
                interface: frame.interface,
                original_len: frame.original_len,
                bytes: frame.data.to_vec(),
            }));
            self.frames.reverse();
        }
        if let Some(frame) = self.frames.last()
            && frame.time != Timestamp::UNKNOWN
        {
            self.next = frame.time;
        }
        true
    }
}

/// What is asked and answered in all sources, merged by time; none where one of them cannot be read again.
pub(super) fn questions(reader: &Reader<'_>) -> Option<Questions> {
    let open = |(at, source): (usize, &Source)| {
        let capture = Capture::open(source.file()?, at as u32).ok()?;
        let observation = reader.begin(at);
        Some(Input { capture, frames: Vec::new(), observation, next: Timestamp::UNKNOWN })
    };
    let mut inputs: Vec<Input> = reader.sources.iter().enumerate().map(open).collect::<Option<_>>()?;
    let mut matcher = reader.filter.map(crate::capture::Filter::matcher);
    let mut questions = Questions::default();
    loop {
        let mut first: Option<(Timestamp, usize)> = None;
        for (at, input) in inputs.iter_mut().enumerate() {
            if input.fill() && first.is_none_or(|(time, _)| input.next < time) {
                first = Some((input.next, at));
            }
        }
        let Some((_, at)) = first else { return Some(questions) };
        let others = inputs.iter().enumerate().filter(|(other, input)| *other != at && !input.frames.is_empty());
        let until = others.map(|(_, input)| input.next).min();
        let input = &mut inputs[at];
        // One input at a time has what all of them know.
        input.observation.swap_questions(&mut questions);
        while let Some(kept) = input.frames.last() {
            let is_due = kept.time == Timestamp::UNKNOWN || until.is_none_or(|until| kept.time <= until);
            if !is_due {
                break;
            }
            let Kept { id, time, link, interface, original_len, ref bytes } = *kept;
            let frame = Frame { id, time, link, interface, original_len, data: bytes };
            if matcher.as_mut().is_none_or(|matcher| matcher.keeps(&frame)) {
                input.observation.observe_questions(&frame);
            }
            input.frames.pop();
        }
        input.observation.swap_questions(&mut questions);
    }
}
