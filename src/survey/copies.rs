//! The same capture under two names (a copy, compressed or converted to another format) is counted once.

use std::collections::HashMap;
use std::io::Cursor;

use sha2::{Digest, Sha256};

use super::Source;
use super::order::head;
use crate::capture::{Capture, Frame};

/// Frames at the beginning that must be alike before two inputs are looked at as a whole.
const FIRST: usize = 4;

/// An input that was left out, and the one that holds the same frames.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Copy {
    /// What is left out.
    pub copy: Source,
    /// What is read.
    pub of: Source,
}

/// Leaves out inputs whose frames are those of another, each with its time and bytes, in the same order. What stands first
/// stays. Costs a look at the beginning of each file, and one reading more of those that begin alike.
pub fn without_copies(sources: Vec<Source>) -> (Vec<Source>, Vec<Copy>) {
    let mut alike: HashMap<[u8; 32], Vec<usize>> = HashMap::new();
    if sources.len() > 1 {
        for (at, source) in sources.iter().enumerate() {
            if let Some(digest) = first_frames(source) {
                alike.entry(digest).or_default().push(at);
            }
        }
    }
    let mut copies: HashMap<usize, usize> = HashMap::new();
    for places in alike.into_values().filter(|places| places.len() > 1) {
        let mut known: HashMap<[u8; 32], usize> = HashMap::new();
        for at in places {
            if let Some(whole) = all_frames(&sources[at]) {
                let first = *known.entry(whole).or_insert(at);
                if first != at {
                    copies.insert(at, first);
                }
            }
        }
    }
    let mut left_out: Vec<(usize, Copy)> =
        copies.iter().map(|(at, of)| (*at, Copy { copy: sources[*at].clone(), of: sources[*of].clone() })).collect();
    left_out.sort_by_key(|(at, _)| *at);
    let kept = sources.into_iter().enumerate().filter(|(at, _)| !copies.contains_key(at)).map(|(_, source)| source);
    (kept.collect(), left_out.into_iter().map(|(_, copy)| copy).collect())
}

pub(super) fn first_frames(source: &Source) -> Option<[u8; 32]> {
    let head = head(source)?;
    let capture = Capture::from_reader(Box::new(Cursor::new(head)), "", 0).ok()?;
    let (digest, frames) = digest(capture, FIRST);
    (frames > 0).then_some(digest)
}

fn all_frames(source: &Source) -> Option<[u8; 32]> {
    Some(digest(Capture::open(source.file()?, 0).ok()?, usize::MAX).0)
}

/// A digest of so many frames, and how many there were.
fn digest(mut capture: Capture, most: usize) -> ([u8; 32], usize) {
    let (mut sum, mut frames) = (Sha256::new(), 0);
    while frames < most
        && let Some(block) = capture.next_block()
    {
        for frame in block.into_iter().take(most - frames) {
            add(&mut sum, &frame);
            frames += 1;
        }
    }
    // What is cut short is no copy of the whole.
    sum.update([u8::from(most == usize::MAX && capture.summary().damage.is_some())]);
    (sum.finalize().into(), frames)
}

fn add(sum: &mut Sha256, frame: &Frame<'_>) {
    // Converted to a format of microseconds, a capture is still the same.
    let time = frame.time.nanos().map_or(i64::MIN, |nanos| nanos.div_euclid(1000));
    sum.update(time.to_le_bytes());
    sum.update(frame.original_len.to_le_bytes());
    sum.update((frame.data.len() as u64).to_le_bytes());
    sum.update(frame.data);
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::capture::{LinkType, PcapngWriter, Timestamp};

    /// A pcap file (microseconds) of frames of one byte.
    fn pcap(frames: &[u8]) -> Vec<u8> {
        let head: [u32; 6] = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1];
        let mut file: Vec<u8> = head.iter().flat_map(|word| word.to_le_bytes()).collect();
        for (at, byte) in frames.iter().enumerate() {
            file.extend([1_700_000_000 + at as u32, 5, 1, 1].iter().flat_map(|word: &u32| word.to_le_bytes()));
            file.push(*byte);
        }
        file
    }

    fn pcapng(frames: &[u8]) -> Vec<u8> {
        let mut writer = PcapngWriter::new(Vec::new(), "test", None).unwrap();
        let interface = writer.interface("eth0", LinkType::ETHERNET, 0).unwrap();
        for (at, byte) in frames.iter().enumerate() {
            let time = Timestamp::from_nanos((1_700_000_000 + at as i64) * 1_000_000_000 + 5_123);
            writer.packet(interface, time, 1, &[*byte], &[]).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn copies_in_any_form_are_left_out_and_what_only_begins_alike_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let frames = [1, 2, 3, 4, 5, 6];
        let files = [
            ("a.pcap", pcap(&frames)),
            ("b.pcap", pcap(&frames)),
            ("c.pcap.zst", zstd::encode_all(&pcap(&frames)[..], 1).unwrap()),
            ("d.pcapng", pcapng(&frames)),
            ("e.pcap", pcap(&[1, 2, 3, 4, 5, 7])),
            ("f.pcap", pcap(&frames[..5])),
            ("g.pcap", pcap(&frames)[..pcap(&frames).len() - 1].to_vec()),
            ("h.pcap", pcap(&[])),
            ("i.pcap", pcap(&[])),
        ];
        let sources: Vec<Source> = files
            .iter()
            .map(|(name, bytes)| {
                let path = folder.path().join(name);
                std::fs::write(&path, bytes).unwrap();
                Source::File(path)
            })
            .collect();
        let (kept, copies) = without_copies(sources);
        let names = |list: Vec<&Path>| -> Vec<PathBuf> {
            list.iter().map(|path| PathBuf::from(path.file_name().unwrap())).collect()
        };
        let kept = names(kept.iter().filter_map(Source::file).collect());
        assert_eq!(kept, ["a.pcap", "e.pcap", "f.pcap", "g.pcap", "h.pcap", "i.pcap"].map(PathBuf::from));
        let left_out = names(copies.iter().filter_map(|copy| copy.copy.file()).collect());
        assert_eq!(left_out, ["b.pcap", "c.pcap.zst", "d.pcapng"].map(PathBuf::from));
        assert!(copies.iter().all(|copy| copy.of.file().is_some_and(|path| path.ends_with("a.pcap"))));
        let (kept, copies) = without_copies(vec![Source::StandardInput, Source::StandardInput]);
        assert_eq!((kept.len(), copies.len()), (2, 0), "a stream is read once");
    }
}
