//! Live evidence: of all frames only those of findings, and a little of what came before them.
//!
//! A finding is known a moment after its first frames came. So the last frames are kept for a while, in a
//! bounded ring, and once the judge has spoken those of its findings are written down, with what passed
//! between the same two hosts just before.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::{FrameSelection, reason};
use crate::capture::{
    BackgroundWriter, EVIDENCE, Frame, FrameId, LinkType, PcapngWriter, RecordedInterface, Timestamp,
};
use crate::finding::Finding;
use crate::survey::Survey;
use crate::text::visible;

/// Bytes of frames that are kept.
const RING_BYTES: usize = 16 << 20;
/// Frames between two hosts that tell what came before a finding.
const HISTORY: u32 = 20;
/// Nanoseconds that they are kept: longer than it takes to say that nobody answers.
const RING_TIME: i64 = 10_000_000_000;
const APPLICATION: &str = concat!("igorscope ", env!("CARGO_PKG_VERSION"));

/// What the judge wants, handed over from its thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedSelection(Arc<Mutex<Option<FrameSelection>>>);

impl SharedSelection {
    /// Wants the frames of the findings that stand.
    pub(crate) fn say(&self, survey: &Survey, stands: impl Fn(&Finding) -> bool) {
        let wanted = FrameSelection::of(survey, |_, finding| {
            let comment = || format!("finding ({}): {}", finding.severity.name(), reason(finding));
            stands(finding).then(comment)
        });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(wanted);
    }

    fn take(&self) -> Option<FrameSelection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Two hosts, the lower address first.
type HostPair = (IpAddr, IpAddr);

/// A frame that may still be wanted.
#[derive(Debug)]
struct BufferedFrame {
    time: Timestamp,
    link: LinkType,
    interface: u32,
    original_len: u32,
    data: Box<[u8]>,
}

impl BufferedFrame {
    fn lend(&self) -> Frame<'_> {
        let Self { time, link, interface, original_len, .. } = *self;
        Frame { id: FrameId::NONE, time, link, interface, original_len, data: &self.data }
    }
}

/// Writes the frames of findings to a file.
#[derive(Debug)]
pub struct LiveEvidence {
    writer: PcapngWriter<BackgroundWriter>,
    wanted: Option<FrameSelection>,
    selection: SharedSelection,
    ring: VecDeque<BufferedFrame>,
    /// The pairs of hosts whose history was told.
    told: HashSet<HostPair>,
    /// Bytes in the ring.
    bytes: usize,
    /// Frames written.
    frames: u64,
}

impl LiveEvidence {
    /// Begins the file, with the interfaces in the order of their numbers.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(path: &Path, interfaces: &[RecordedInterface]) -> io::Result<Self> {
        let about = format!(
            "{EVIDENCE}, and of what passed between their hosts shortly before; each frame's comment says what it is here for."
        );
        let mut writer = PcapngWriter::new(BackgroundWriter::new(File::create(path)?)?, APPLICATION, Some(&about))?;
        for interface in interfaces {
            writer.interface(&visible(&interface.name), interface.link, interface.snap_len)?;
        }
        Ok(Self {
            writer,
            wanted: None,
            selection: SharedSelection::default(),
            ring: VecDeque::new(),
            told: HashSet::new(),
            bytes: 0,
            frames: 0,
        })
    }

    pub(crate) fn selection(&self) -> SharedSelection {
        self.selection.clone()
    }

    /// Writes a frame of a finding that is known, keeps any other for a while.
    pub(crate) fn take(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        if let Some(comments) = self.wanted.as_mut().and_then(|wanted| comments(wanted, frame)) {
            return self.write(frame, &comments);
        }
        let age = |kept: &BufferedFrame| match (kept.time.nanos(), frame.time.nanos()) {
            (Some(then), Some(now)) => now.saturating_sub(then),
            _ => 0,
        };
        while let Some(oldest) = self.ring.front()
            && (self.bytes + frame.data.len() > RING_BYTES || age(oldest) > RING_TIME)
        {
            self.bytes -= oldest.data.len().min(self.bytes);
            self.ring.pop_front();
        }
        self.bytes += frame.data.len();
        let Frame { time, link, interface, original_len, data, .. } = *frame;
        self.ring.push_back(BufferedFrame { time, link, interface, original_len, data: data.into() });
        Ok(())
    }

    /// Takes up what the judge wants now, of what was kept as well.
    pub(crate) fn renew(&mut self) -> io::Result<()> {
        if let Some(mut wanted) = self.selection.take() {
            let ring = std::mem::take(&mut self.ring);
            let history = history(&wanted, &ring, &mut self.told);
            for (kept, is_history) in ring.into_iter().zip(history) {
                let frame = kept.lend();
                let before = || is_history.then(|| vec!["before a finding of these hosts".to_owned()]);
                match comments(&mut wanted, &frame).or_else(before) {
                    Some(comments) => {
                        self.bytes -= kept.data.len().min(self.bytes);
                        self.write(&frame, &comments)?;
                    }
                    None => self.ring.push_back(kept),
                }
            }
            self.wanted = Some(wanted);
        }
        self.writer.flush()
    }

    /// Ends the file; says how many frames it has.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        self.renew()?;
        self.writer.finish()?.close()?.wait()?;
        Ok(self.frames)
    }

    fn write(&mut self, frame: &Frame<'_>, comments: &[String]) -> io::Result<()> {
        let comments: Vec<&str> = comments.iter().map(String::as_str).collect();
        self.frames += 1;
        self.writer.packet(frame.interface, frame.time, frame.original_len, frame.data, &comments)
    }
}

/// For each frame that is kept, whether it is one of the last before a finding of its hosts began.
fn history(wanted: &FrameSelection, ring: &VecDeque<BufferedFrame>, told: &mut HashSet<HostPair>) -> Vec<bool> {
    let mut counts: HashMap<HostPair, u32> = HashMap::new();
    let is_history = |kept: &BufferedFrame| {
        wanted.history(&kept.lend()).filter(|pair| !told.contains(pair)).is_some_and(|pair| {
            let count = counts.entry(pair).or_default();
            *count += 1;
            *count <= HISTORY
        })
    };
    let mut history: Vec<bool> = ring.iter().rev().map(is_history).collect();
    history.reverse();
    told.extend(counts.into_keys());
    history
}

/// What is to be said of a frame, if it is of a finding.
fn comments(wanted: &mut FrameSelection, frame: &Frame<'_>) -> Option<Vec<String>> {
    let findings = wanted.findings(frame)?;
    Some(findings.iter().filter_map(|finding| wanted.comment(*finding).cloned()).collect())
}
