//! Inputs as a state holds them: each with all that a survey tells of it, so that it takes the place of its capture.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Source, order};
use crate::capture::{CaptureError, CaptureSummary, Timestamp};
use crate::flow::{Limits, Observation, Seed, Tally};
use crate::state::{Ahead, Blocks, Broken, Load, Section, Stored, store_list, stored};

/// Longest path and filter that are loaded, in bytes.
const LONGEST_TEXT: usize = 1 << 16;
/// Bytes of a section, packed, that are unpacked on a thread of their own.
const WORTH_A_THREAD: u64 = 1 << 20;
/// No file is larger: sums of sizes cannot run over.
const LARGEST_FILE: u64 = 1 << 46;

/// One input of a state: it is read as if its capture was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Observed {
    /// The state.
    pub state: PathBuf,
    section: Section,
    /// What is told of it.
    pub head: Arc<Head>,
}

/// What a state says of an input, beside what was observed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// Version of the program that observed it.
    pub program: String,
    /// Its path as it was given, or the interfaces of a live capture.
    pub name: String,
    /// Bytes of it as it was stored.
    pub size: u64,
    /// SHA-256 of it as it was stored, in lower-case hex; of what was no file there is none.
    pub sha256: Option<String>,
    /// Where it stands among other inputs.
    pub(crate) place: InputOrder,
    /// The content by which the same input is recognised under another name.
    pub content: Content,
    /// Frames of which nothing above the link layer could be read.
    unread: u64,
    /// What of it was left out at will.
    pub reading: Reading,
    pub(crate) summary: CaptureSummary,
}

/// By what inputs are put in their order: see [`super::in_order`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct InputOrder {
    /// It could not be looked at.
    pub(crate) unknown: bool,
    /// Time of the first frame that has one.
    pub(crate) first: Timestamp,
    pub(crate) size: u64,
    /// SHA-256 of its first 64 KiB.
    pub(crate) head: Option<[u8; 32]>,
}

/// What tells whether two inputs hold the same frames, whatever their files are called and packed by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Content {
    /// SHA-256 of the first frames, with their times to the microsecond.
    pub(crate) beginning: Option<[u8; 32]>,
    frames: u64,
    captured_bytes: u64,
    wire_bytes: u64,
    first: Timestamp,
    last: Timestamp,
}

/// How an input was read, where that leaves something out.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Reading {
    /// At most so many frames.
    pub count: Option<u64>,
    /// Only what this BPF filter keeps.
    pub filter: Option<String>,
    /// So many flows of each address family, and fragments, were kept at most.
    pub limits: [u64; 2],
}

stored!(Content { beginning, frames, captured_bytes, wire_bytes, first, last });
stored!(InputOrder { unknown, first, size, head });

impl Content {
    pub(crate) fn of_tally(beginning: Option<[u8; 32]>, tally: &Tally) -> Self {
        Self {
            beginning,
            frames: tally.frames,
            captured_bytes: tally.captured_bytes,
            wire_bytes: tally.wire_bytes,
            first: tally.first(),
            last: tally.last(),
        }
    }

    /// Of an input that was read: its summary holds the same counts.
    pub fn of_input(source: &Source, input: &super::InputSummary) -> Self {
        Self {
            beginning: super::copies::first_frames(source),
            frames: input.frames,
            captured_bytes: input.captured_bytes,
            wire_bytes: input.wire_bytes,
            first: input.first,
            last: input.last,
        }
    }

    /// What is the same for inputs that hold the same frames; none for one without any. Converted to a format of
    /// microseconds, a capture is still the same.
    pub fn key(&self) -> Option<Self> {
        let micros = |time: Timestamp| time.nanos().map_or(time, |nanos| Timestamp::from_nanos(nanos.div_euclid(1000)));
        (self.frames > 0).then(|| Self { first: micros(self.first), last: micros(self.last), ..*self })
    }

    /// A digest of the first frames, where they could be looked at.
    pub const fn beginning(&self) -> Option<[u8; 32]> {
        self.beginning
    }

    /// Time of the first and the last frame.
    pub const fn span(&self) -> (Timestamp, Timestamp) {
        (self.first, self.last)
    }
}

impl Stored for Reading {
    fn store(&self, to: &mut Vec<u8>) {
        self.count.store(to);
        store_list(self.filter.as_deref().unwrap_or_default().as_bytes().iter(), to);
        self.limits.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let count = from.get()?;
        let filter = Some(from.text(LONGEST_TEXT, "a filter is too long")?).filter(|filter| !filter.is_empty());
        Ok(Self { count, filter, limits: from.get()? })
    }
}

impl Stored for Head {
    fn store(&self, to: &mut Vec<u8>) {
        store_list(self.program.as_bytes().iter(), to);
        store_list(self.name.as_bytes().iter(), to);
        self.size.store(to);
        store_list(self.sha256.as_deref().unwrap_or_default().as_bytes().iter(), to);
        self.place.store(to);
        self.content.store(to);
        self.unread.store(to);
        self.reading.store(to);
        self.summary.store(to);
        if self.summary.interfaces.iter().any(|interface| !interface.filter.is_empty()) {
            self.summary.interfaces.iter().for_each(|interface| store_list(interface.filter.as_bytes().iter(), to));
        }
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let program = from.text(LONGEST_TEXT, "the version of the program is too long")?;
        let name = from.text(LONGEST_TEXT, "the path of an input is too long")?;
        let size: u64 = from.get()?;
        from.expect(size <= LARGEST_FILE, "an input is larger than any file")?;
        let sha256 = Some(from.text(64, "a digest is too long")?).filter(|digest| !digest.is_empty());
        let is_hex = |digest: &String| digest.len() == 64 && digest.bytes().all(|c| c.is_ascii_hexdigit());
        from.expect(sha256.as_ref().is_none_or(is_hex), "a digest is none")?;
        let (place, content) = from.get()?;
        let (unread, reading) = from.get()?;
        let mut summary: CaptureSummary = from.get()?;
        if from.has_more()? {
            for interface in &mut summary.interfaces {
                interface.filter = from.text(LONGEST_TEXT, "a filter is too long")?;
            }
        }
        Ok(Self { program, name, size, sha256, place, content, unread, reading, summary })
    }
}

impl Head {
    /// Of an input that was observed.
    pub(crate) fn new(
        (source, name, size): (&Source, String, u64),
        (observation, summary): (&Observation, CaptureSummary),
        reading: Reading,
        sha256: Option<String>,
    ) -> Self {
        let content = Content::of_tally(super::copies::first_frames(source), observation.tally());
        let live = Self::of_live((name, size), (observation, summary), reading);
        Self { sha256, place: order::place(source), content, ..live }
    }

    /// Of what was captured live: when its first frame came is all that gives it a place among others.
    pub(crate) fn of_live(
        (name, size): (String, u64),
        (observation, summary): (&Observation, CaptureSummary),
        reading: Reading,
    ) -> Self {
        let tally = observation.tally();
        Self {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            name,
            size,
            sha256: None,
            place: InputOrder { unknown: false, first: tally.first(), size, head: None },
            content: Content::of_tally(None, tally),
            unread: tally.unread,
            reading,
            summary,
        }
    }

    /// What could not be read of it, in sentences that name it.
    pub fn troubles(&self) -> Vec<String> {
        let Self { name, summary, content, .. } = self;
        let damage = summary.damage.as_ref().map(|damage| super::damaged(name, damage.offset, &damage.reason));
        let unreadable =
            (content.frames > 0 && self.unread == content.frames).then(|| super::unreadable(name, content.frames));
        damage.into_iter().chain(unreadable).collect()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.store(&mut bytes);
        bytes
    }
}

impl Observed {
    /// The inputs of a state.
    ///
    /// # Errors
    /// Where it is none, or is cut or damaged, as far as that shows without the flows.
    pub fn open(path: &Path) -> Result<Vec<Self>, Broken> {
        let of = |(head, section): (Vec<u8>, Section)| {
            let mut load = Load::of_head(head);
            let head = Arc::new(load.get()?);
            load.finish()?;
            Ok(Self { state: path.to_owned(), section, head })
        };
        crate::state::sections(path)?.into_iter().map(of).collect()
    }

    /// About how many bytes of a capture take as long to read.
    pub(crate) fn weight(&self) -> u64 {
        self.section.packed.saturating_mul(5)
    }

    /// What was observed of it, as the input of that number.
    pub(crate) fn read(
        &self,
        input: u32,
        seed: Seed,
        limits: Limits,
    ) -> Result<(Observation, CaptureSummary), CaptureError> {
        self.load(input, seed, limits)
            .map_err(|source| CaptureError::State(self.state.clone(), source))
            .map(|observation| (observation, self.head.summary.clone()))
    }

    fn load(&self, input: u32, seed: Seed, limits: Limits) -> Result<Observation, Broken> {
        let of = |mut load: Load<'_>| {
            let observation = Observation::load(&mut load, seed, limits)?;
            load.finish()?;
            Ok(observation)
        };
        if self.section.packed >= WORTH_A_THREAD
            && let Ok(mut ahead) = Ahead::of(self.blocks()?)
        {
            return of(Load::new(&mut ahead, input));
        }
        of(Load::new(&mut self.blocks()?, input))
    }

    /// What was observed of it, as it lies in the file.
    pub(crate) fn blocks(&self) -> Result<Blocks, Broken> {
        Ok(Blocks::open(&self.state, &self.section)?)
    }
}
