//! Framing against the truth: for every file of the corpus the frames, their lengths, times,
//! interfaces and link types are what tshark read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use igorscope::capture::{Capture, CaptureError};

use crate::corpus::{self, CsvRow, Difference};

/// Wireshark's number of an encapsulation (`frame.encap_type`) and the link type in the file.
const ENCAPSULATIONS: [(&str, u16); 15] = [
    ("1", 1),
    ("7", 101),
    ("15", 0),
    ("22", 127),
    ("23", 127),
    ("25", 113),
    ("26", 107),
    ("97", 192),
    ("129", 228),
    ("130", 229),
    ("141", 239),
    ("161", 256),
    ("174", 108),
    ("210", 276),
    ("4", 9),
];

#[test]
fn frames_are_what_tshark_read() {
    for folder in corpus::folders() {
        let mut found: BTreeSet<Difference> = BTreeSet::new();
        let manifest = corpus::rows(&folder.join("MANIFEST.csv"));
        assert!([20, 138].contains(&manifest.len()), "{} has {} files", folder.display(), manifest.len());
        let status = corpus::rows(&folder.join("truth/status.csv"));
        for file in &manifest {
            let exit = status.iter().find(|row| row["file"] == file["file"]).map_or("", |row| &row["tshark_exit"]);
            compare(&folder, file, exit, &mut found);
        }
        corpus::hold(&in_ranges(found), &corpus::accepted(&manifest, &["frame.", "file."]));
    }
}

fn compare(folder: &Path, file: &CsvRow, tshark_exit: &str, found: &mut BTreeSet<Difference>) {
    let name = &file["file"];
    let truth = corpus::truth(folder, name);
    let mut differ = |field: String, ours: String, theirs: &str| {
        if ours != theirs {
            found.insert((name.clone(), field, ours, theirs.to_owned()));
        }
    };
    let mut capture = match Capture::open(&folder.join(name), 0) {
        Ok(capture) => capture,
        Err(error) => {
            differ("file.opened".to_owned(), kind(&error).to_owned(), &file["packets_tshark"]);
            return;
        }
    };
    let mut rows = truth.iter();
    while let Some(frames) = capture.next_block() {
        for frame in frames {
            let Some(row) = rows.next() else { continue };
            let of = |field: &str| format!("frame.{field}[{}]", frame.id.number());
            let time = frame.time.nanos().map_or(String::new(), |nanos| {
                let sign = if nanos < 0 { "-" } else { "" };
                let nanos = nanos.unsigned_abs();
                format!("{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
            });
            let beyond = row["time_epoch"].split('.').next().is_some_and(|seconds| seconds.len() > 10);
            differ(of("time_epoch"), time, if beyond { "after 2286" } else { &row["time_epoch"] });
            differ(of("frame_len"), frame.original_len.to_string(), &row["frame_len"]);
            differ(of("cap_len"), frame.data.len().to_string(), &row["cap_len"]);
            // tshark names no interface for pcap.
            let interface = if row["interface_id"].is_empty() { "" } else { &frame.interface.to_string() };
            differ(of("interface_id"), interface.to_owned(), &row["interface_id"]);
            let link = ENCAPSULATIONS.iter().find(|(encap, _)| *encap == row["encap"]);
            let link = link.map_or(format!("encap {}", row["encap"]), |(_, link)| link.to_string());
            differ(of("link_type"), frame.link.0.to_string(), &link);
        }
    }
    let summary = capture.summary();
    differ("file.frames".to_owned(), summary.frames.to_string(), &truth.len().to_string());
    // tshark's exit status is 2 where the file is damaged, or where it does not know the link type.
    let damaged = if summary.damage.is_some() { "damaged" } else { "sound" };
    differ("file.damage".to_owned(), damaged.to_owned(), if tshark_exit == "0" { "sound" } else { "damaged" });
}

/// The same difference in consecutive frames becomes one: `frame.time_epoch[3]`, `[4]` are `[3-4]`.
pub(crate) fn in_ranges(found: BTreeSet<Difference>) -> BTreeSet<Difference> {
    let split = |(file, field, ours, theirs): Difference| match field.trim_end_matches(']').split_once('[') {
        Some((name, frame)) => ((file, name.to_owned(), ours, theirs), frame.parse::<u64>().unwrap_or(0)),
        None => ((file, field, ours, theirs), 0),
    };
    let mut frames: BTreeMap<Difference, Vec<u64>> = BTreeMap::new();
    for (difference, frame) in found.into_iter().map(split) {
        frames.entry(difference).or_default().push(frame);
    }
    let mut ranges = BTreeSet::new();
    for ((file, name, ours, theirs), mut frames) in frames {
        frames.sort_unstable();
        for run in frames.chunk_by(|a, b| a + 1 == *b) {
            let field = match run {
                [0] => name.clone(),
                [one] => format!("{name}[{one}]"),
                [first, .., last] => format!("{name}[{first}-{last}]"),
                [] => continue,
            };
            ranges.insert((file.clone(), field, ours.clone(), theirs.clone()));
        }
    }
    ranges
}

fn kind(error: &CaptureError) -> &'static str {
    match error {
        CaptureError::Empty(..) => "empty",
        CaptureError::NotACapture { .. } => "not a capture",
        CaptureError::Unsupported { .. } => "unsupported",
        _ => "unreadable",
    }
}
