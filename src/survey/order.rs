//! The order of inputs: by what they hold, never by their names or by how they were named.
//!
//! Times order frames; where two frames of different inputs have the same one, the inputs' order decides. So a capture
//! that was cut in parts tells the same whatever the parts are called and in whatever order they are given.

use std::io::Cursor;

use sha2::{Digest, Sha256};

use super::Source;
use super::state::InputOrder;
use crate::capture::{Capture, Timestamp};
use crate::text;

/// So much of an input is looked at.
const HEAD: u64 = 64 * 1024;

/// Puts inputs in their order: by the time of the first frame that has one, then size, then the digest of the first 64
/// KiB. What cannot be looked at (standard input, what cannot be opened) comes last, as it was given; so do copies.
pub fn in_order(sources: Vec<Source>) -> Vec<Source> {
    if sources.len() < 2 {
        return sources;
    }
    let mut keyed: Vec<_> = sources.into_iter().map(|source| (place(&source), source)).collect();
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    keyed.into_iter().map(|(_, source)| source).collect()
}

/// By what an input is put in its order. A state knows it of its capture.
pub(super) fn place(source: &Source) -> InputOrder {
    if let Source::Observed(observed) = source {
        return observed.head.place.clone();
    }
    match head(source) {
        None => InputOrder { unknown: true, first: Timestamp::UNKNOWN, size: source.size(), head: None },
        Some(head) => InputOrder {
            unknown: false,
            first: first_time(&head),
            size: source.size(),
            head: Some(Sha256::digest(head).into()),
        },
    }
}

pub(super) fn head(source: &Source) -> Option<Vec<u8>> {
    let path = source.file()?;
    // Only of a file can the beginning be read twice: a pipe that is opened and closed is lost to who writes it.
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    text::beginning(path, HEAD).ok()
}

fn first_time(head: &[u8]) -> Timestamp {
    let Ok(mut capture) = Capture::from_reader(Box::new(Cursor::new(head.to_vec())), "", 0) else {
        return Timestamp::UNKNOWN;
    };
    while let Some(block) = capture.next_block() {
        if let Some(frame) = block.into_iter().find(|frame| frame.time != Timestamp::UNKNOWN) {
            return frame.time;
        }
    }
    Timestamp::UNKNOWN
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A pcap file (microseconds) of one frame.
    fn pcap(seconds: u32, byte: u8) -> Vec<u8> {
        let head: [u32; 6] = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1];
        let record = [seconds, 0, 1, 1];
        head.iter().chain(&record).flat_map(|word| word.to_le_bytes()).chain([byte]).collect()
    }

    #[test]
    fn contents_order_inputs_whatever_they_are_called() {
        let folder = tempfile::tempdir().unwrap();
        let files =
            [("z", pcap(5, 0)), ("site_10", pcap(9, 1)), ("site_9", pcap(9, 2)), ("a", pcap(7, 0)), ("b", vec![])];
        let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.path().join(name)).collect();
        let order = |numbers: &[usize]| -> Vec<PathBuf> {
            let sources = numbers.iter().map(|number| Source::File(paths[*number].clone())).collect();
            in_order(sources).iter().filter_map(|source| Some(source.file()?.to_owned())).collect()
        };
        for (path, (_, bytes)) in paths.iter().zip(&files) {
            std::fs::write(path, bytes).unwrap();
        }
        let expected = order(&[0, 1, 2, 3, 4]);
        assert_eq!((&expected[1], &expected[2]), (&paths[0], &paths[3]), "what has no time, then by time");
        for numbers in [[4, 3, 2, 1, 0], [2, 4, 0, 1, 3], [1, 2, 3, 0, 4]] {
            assert_eq!(order(&numbers), expected);
        }
        let other = [Source::StandardInput, Source::File(folder.path().join("gone")), Source::File(paths[0].clone())];
        assert_eq!(in_order(other.to_vec()), [other[2].clone(), other[0].clone(), other[1].clone()]);
    }

    /// Who writes to a pipe is sent off for good by a reader that goes.
    #[cfg(unix)]
    #[test]
    fn a_named_pipe_is_not_opened_to_look_at_it() {
        let folder = tempfile::tempdir().unwrap();
        let pipes = ["b", "a"].map(|name| folder.path().join(name));
        if !std::process::Command::new("mkfifo").args(&pipes).status().is_ok_and(|status| status.success()) {
            println!("skipped: there is no mkfifo");
            return;
        }
        // Nobody writes: to open one would wait for ever.
        let ordered = in_order(pipes.iter().cloned().map(Source::File).collect());
        let paths: Vec<_> = ordered.iter().filter_map(Source::file).map(|path| path.to_path_buf()).collect();
        assert_eq!(paths, pipes);
    }
}
