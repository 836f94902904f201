//! evidence.pcapng: of the captures only the frames of findings, as they were captured, each with a comment
//! that says why it is here.
//!
//! A frame belongs to a finding if it is of one of its flows, or an ICMP error that quotes one. Of a
//! fragmented datagram all parts belong that come after the one with the ports.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};
use std::path::Path;

#[cfg(feature = "live")]
mod live;
mod selection;

use crate::anonymize::Anonymizer;
use crate::capture::{Capture, CaptureError, EVIDENCE, LinkType, PcapngWriter, Timestamp};
use crate::finding::Finding;
use crate::survey::{InputSummary, Survey};
use crate::text::visible;
#[cfg(feature = "live")]
pub use live::LiveEvidence;
#[cfg(feature = "live")]
pub(crate) use live::SharedSelection;
pub(crate) use selection::{FrameSelection, is_meant, reason};

/// So many inputs of a flow are known at most.
const KNOWN_SOURCES: usize = 16;
/// Sources that the section's comment names.
const SOURCES: usize = 200;

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// An input could be read the first time and not the second.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// An input is not what was analyzed.
    #[error(
        "{path} changed since it was analyzed ({was} frames with {was_bytes} captured bytes then, {is} with \
         {is_bytes} now); analyze it again when it is at rest"
    )]
    Changed {
        /// The input.
        path: String,
        /// Frames of the survey.
        was: u64,
        /// Their captured bytes.
        was_bytes: u64,
        /// Frames now.
        is: u64,
        /// Their captured bytes.
        is_bytes: u64,
    },
}

/// Writes the frames of all findings that are about flows. `paths` are the files of the survey's inputs, in
/// their order; they are read a second time, and what differs from the first is an error, so that nothing
/// is shown that was not judged. With an anonymizer, addresses and names are replaced and payload is cut.
/// Gives the number of frames written.
///
/// # Errors
/// When writing fails, or with an [`EvidenceError`] inside.
pub fn write_evidence<'a>(
    out: &'a mut dyn Write,
    survey: &Survey,
    paths: &[&Path],
    anonymizer: Option<&'a Anonymizer>,
) -> io::Result<u64> {
    let application = concat!("igorscope ", env!("CARGO_PKG_VERSION"));
    let text = |text: &str| match anonymizer {
        Some(anonymizer) => anonymizer.text(text),
        None => text.to_owned(),
    };
    let writer = PcapngWriter::new(out, application, Some(&text(&about(survey))))?;
    let wanted = FrameSelection::of(survey, |number, finding| Some(comment(number, finding)));
    let mut evidence = EvidenceWriter { writer, wanted, interfaces: HashMap::new(), frames: 0, anonymizer };
    let named = survey.hosts.iter().filter_map(|host| {
        let address = anonymizer.map_or(host.address, |anonymizer| anonymizer.address(host.address));
        Some((address, visible(&text(host.name.as_deref()?)).into_owned()))
    });
    let named: Vec<_> = named.collect();
    evidence.writer.names(named.iter().map(|(address, name)| (*address, &**name)))?;
    // Of a flow seen in many inputs only the first are known: then all are read.
    let all = survey.findings.iter().any(|finding| finding.sources.len() >= KNOWN_SOURCES);
    let needed: BTreeSet<u32> = survey
        .findings
        .iter()
        .filter(|finding| !finding.conversations.is_empty())
        .flat_map(|finding| finding.sources.iter().copied())
        .collect();
    for ((number, input), path) in (0..).zip(&survey.inputs).zip(paths) {
        if all || needed.contains(&number) {
            evidence.take(number, input, path)?;
        }
    }
    evidence.writer.finish()?;
    Ok(evidence.frames)
}

/// What the section's comment says.
fn about(survey: &Survey) -> String {
    let mut text = format!("{EVIDENCE}; each frame's comment names its finding, its source and its number there.");
    if !survey.site.is_empty() {
        text.push_str(&format!("\nSite: {}", visible(&survey.site)));
    }
    for input in survey.inputs.iter().take(SOURCES) {
        let hash = input.sha256().map_or_else(String::new, |hash| format!(" (SHA-256 {hash})"));
        text.push_str(&format!("\nSource: {}{hash}", visible(&input.path)));
    }
    if survey.inputs.len() > SOURCES {
        text.push_str(&format!("\nand {} more sources", survey.inputs.len() - SOURCES));
    }
    text
}

/// `finding 3 (alert): unexpected, undocumented-peer`.
fn comment(number: usize, finding: &Finding) -> String {
    format!("finding {number} ({}): {}", finding.severity.name(), reason(finding))
}

/// A frame that is wanted, kept until the reader's block is done.
struct SelectedFrame {
    number: u64,
    time: Timestamp,
    link: LinkType,
    interface: u32,
    original_len: u32,
    data: Vec<u8>,
    findings: Vec<u32>,
}

struct EvidenceWriter<'a> {
    writer: PcapngWriter<&'a mut dyn Write>,
    wanted: FrameSelection,
    /// The writer's number for each (input, interface, link type).
    interfaces: HashMap<(u32, u32, LinkType), u32>,
    frames: u64,
    anonymizer: Option<&'a Anonymizer>,
}

impl EvidenceWriter<'_> {
    /// Takes the frames of one input.
    fn take(&mut self, number: u32, input: &InputSummary, path: &Path) -> io::Result<()> {
        let mut capture = Capture::open(path, number).map_err(|error| io::Error::other(EvidenceError::from(error)))?;
        let (mut frames, mut captured) = (0, 0);
        let path = match self.anonymizer {
            Some(anonymizer) => anonymizer.text(&input.path).into(),
            None => visible(&input.path),
        };
        // A survey may have stopped before the end of the input.
        while frames < input.frames {
            let Some(block) = capture.next_block() else { break };
            let mut kept = Vec::new();
            for frame in block.take(usize::try_from(input.frames - frames).unwrap_or(usize::MAX)) {
                frames += 1;
                captured += frame.data.len() as u64;
                if let Some(findings) = self.wanted.findings(&frame) {
                    let data = match self.anonymizer {
                        Some(anonymizer) => anonymizer.frame(&frame),
                        None => Some(frame.data.to_vec()),
                    };
                    // What cannot be read well enough to replace what it tells is left out.
                    let Some(data) = data else { continue };
                    kept.push(SelectedFrame {
                        number: frame.id.number(),
                        time: frame.time,
                        link: frame.link,
                        interface: frame.interface,
                        original_len: frame.original_len,
                        data,
                        findings,
                    });
                }
            }
            for frame in kept {
                self.put(number, &path, &capture, &frame)?;
            }
        }
        if (frames, captured) != (input.frames, input.captured_bytes) {
            return Err(io::Error::other(EvidenceError::Changed {
                path: input.path.clone(),
                was: input.frames,
                was_bytes: input.captured_bytes,
                is: frames,
                is_bytes: captured,
            }));
        }
        Ok(())
    }

    fn put(&mut self, input: u32, path: &str, capture: &Capture, frame: &SelectedFrame) -> io::Result<()> {
        let place = (input, frame.interface, frame.link);
        let interface = match self.interfaces.get(&place) {
            Some(interface) => *interface,
            None => {
                let summary = capture.summary();
                let known = summary.interfaces.get(frame.interface as usize);
                let name = known.map_or("", |known| &known.name);
                let name = if name.is_empty() || self.anonymizer.is_some() { path.into() } else { visible(name) };
                let snap_len = known.map_or(0, |known| known.snap_len);
                let interface = self.writer.interface(&name, frame.link, snap_len)?;
                self.interfaces.insert(place, interface);
                interface
            }
        };
        let comments: Vec<String> = frame
            .findings
            .iter()
            .filter_map(|finding| self.wanted.comment(*finding))
            .map(|comment| format!("{comment}; frame {} of {path}", frame.number))
            .collect();
        let comments: Vec<&str> = comments.iter().map(String::as_str).collect();
        self.writer.packet(interface, frame.time, frame.original_len, &frame.data, &comments)?;
        self.frames += 1;
        Ok(())
    }
}
