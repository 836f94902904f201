//! Spans read by many give what one reader reads, wherever they are cut and whatever is in the file.

use std::io::Write;
use std::path::Path;

use proptest::prelude::*;

use super::super::span::{Span, plan_for_test, read_spans, span_for_test};
use super::super::{Capture, CaptureSummary};
use super::properties::{Order, pcap_file, pcapng_file, records};
use super::{ReadFrame, collect, hex};

fn sequential(path: &Path) -> (Vec<ReadFrame>, CaptureSummary) {
    let mut capture = Capture::open(path, 0).expect("a capture");
    let mut seen = Vec::new();
    collect(&mut seen, &mut capture);
    (seen, capture.summary())
}

fn in_spans(path: &Path, spans: &[Span]) -> (Vec<ReadFrame>, CaptureSummary) {
    let (parts, summary) = read_spans(path, 0, spans, Vec::new, collect).expect("a capture");
    let mut all: Vec<ReadFrame> = Vec::new();
    for part in parts {
        assert_eq!(part.value.len() as u64, part.frames);
        let base = all.len() as u64;
        all.extend(
            part.value.into_iter().map(|(number, time, link, interface, length, data)| {
                (number + base, time, link, interface, length, data)
            }),
        );
    }
    (all, summary)
}

pub(super) fn on_disk(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("written");
    file
}

/// Spans that meet at these places, wherever they are.
pub(super) fn cut_at(mut cuts: Vec<u64>, size: u64) -> Vec<Span> {
    cuts.extend([0, size]);
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2).map(|pair| span_for_test(pair[0], pair[1], size)).collect()
}

proptest! {
    #[test]
    fn any_cut_of_a_file_is_made_good(
        records in records(),
        order in any::<Order>(),
        damage in proptest::option::of(any::<prop::sample::Index>()),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        for mut bytes in [pcap_file(&records, order), pcapng_file(&records, order)] {
            check_cuts(&mut bytes, damage, &cuts)?;
        }
    }
}

fn check_cuts(
    bytes: &mut [u8],
    damage: Option<prop::sample::Index>,
    cuts: &[prop::sample::Index],
) -> Result<(), TestCaseError> {
    if let Some(at) = damage {
        // Behind the file header, so that it stays a capture.
        let at = at.index(bytes.len());
        if at >= 28 {
            bytes[at] ^= 0xff;
        }
    }
    let size = bytes.len() as u64;
    let file = on_disk(bytes);
    let spans = cut_at(cuts.iter().map(|cut| cut.index(bytes.len()) as u64).collect(), size);
    prop_assert_eq!(in_spans(file.path(), &spans), sequential(file.path()));
    Ok(())
}

/// A pcap file of `count` records, whose payload comes from `payload`.
fn pcap_of(count: u32, payload: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let mut bytes = hex(super::LITTLE);
    for number in 0..count {
        let payload = payload(number);
        for word in [1_600_000_000 + number, number, payload.len() as u32, payload.len() as u32] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(payload);
    }
    bytes
}

/// An Ethernet frame of IPv4 with `length` bytes behind its first header.
fn ethernet(number: u32, length: usize) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
    frame.extend(((length + 4) as u16).to_be_bytes());
    frame.extend((0..length).map(|at| (number.wrapping_mul(2_654_435_761).rotate_left(at as u32)) as u8));
    frame
}

#[test]
fn usual_files_are_cut_in_the_right_places() {
    let files = [
        pcap_of(3_000, |number| ethernet(number, 60 + number as usize * 7 % 1_300)),
        // Equal-sized packets, whose bytes repeat at the same distance.
        pcap_of(20_000, |_| ethernet(7, 60)),
    ];
    for bytes in files {
        let file = on_disk(&bytes);
        let spans = plan_for_test(file.path(), 4, 1_000).expect("spans");
        assert_eq!(spans.len(), 4);
        for pair in spans.windows(2) {
            let mut first = Capture::open_span(file.path(), 0, &pair[0]).expect("a capture");
            let second = Capture::open_span(file.path(), 0, &pair[1]).expect("a capture");
            collect(&mut Vec::new(), &mut first);
            assert!(first.proves(&second.start_of_next()), "{pair:?}");
        }
        assert_eq!(in_spans(file.path(), &spans), sequential(file.path()));
    }
}

#[test]
fn payload_that_looks_like_records_changes_nothing() {
    // Each frame carries a run of good records, long enough to be believed.
    let inner = pcap_of(100, |number| ethernet(number, 20));
    let bytes = pcap_of(200, |_| [ethernet(1, 100), inner[24..].to_vec()].concat());
    let file = on_disk(&bytes);
    let expected = sequential(file.path());
    assert_eq!(expected.0.len(), 200);
    let mut wrong = 0;
    for count in 2..12 {
        let spans = plan_for_test(file.path(), count, 1_000).unwrap_or_else(|| vec![Span::WHOLE]);
        wrong += usize::from(spans.len() > 1);
        assert_eq!(in_spans(file.path(), &spans), expected);
    }
    assert!(wrong > 0, "nothing was cut at all");
}

#[test]
fn an_interface_in_the_middle_is_carried_along() {
    let section = hex(super::SECTION);
    let (ethernet, null) = (hex(super::ETHERNET), hex(&super::ETHERNET.replace("0100 0000", "0000 0000")));
    let packets = hex(super::PACKET).repeat(300);
    let on_second = hex(&super::PACKET.replacen("24000000 00000000", "24000000 01000000", 1)).repeat(300);
    let bytes = [section, ethernet, packets.clone(), null, packets, on_second].concat();
    let file = on_disk(&bytes);
    let spans = plan_for_test(file.path(), 4, 1_000).expect("spans");
    // Packets of the second interface are no place to cut: it is not known in front.
    assert!(spans.len() >= 3, "{spans:?}");
    let read = in_spans(file.path(), &spans);
    assert_eq!((read.0.len(), read.0[899].3), (900, 1));
    assert_eq!(read, sequential(file.path()));
}

#[test]
fn what_cannot_be_cut_is_one_span() {
    assert_eq!(super::super::plan_spans(Path::new("/nowhere/at.all"), 4), [Span::WHOLE]);
    let short = on_disk(&pcap_of(10, |number| ethernet(number, 60)));
    assert_eq!(super::super::plan_spans(short.path(), 4), [Span::WHOLE]);
    let (seen, _) = in_spans(short.path(), &[Span::WHOLE]);
    assert_eq!(seen.len(), 10);
}

#[test]
fn what_is_written_after_the_plan_is_not_read() {
    let bytes = pcap_of(3_000, |number| ethernet(number, 100));
    let mut file = on_disk(&bytes);
    let spans = plan_for_test(file.path(), 3, 1_000).expect("spans");
    file.write_all(&bytes[24..]).expect("written");
    assert_eq!(in_spans(file.path(), &spans).0.len(), 3_000);
}

#[test]
fn spans_of_the_corpus_are_the_whole() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    let folder = std::env::var_os("IGORSCOPE_CORPUS").map_or(beside, std::path::PathBuf::from);
    let mut files = 0;
    for part in ["service", "framing", "link", "malformed"] {
        let Ok(entries) = std::fs::read_dir(folder.join(part)) else { continue };
        for path in entries.map_while(Result::ok).map(|entry| entry.path()) {
            let Ok(capture) = Capture::open(&path, 0) else { continue };
            if !capture.is_plain() {
                continue;
            }
            let size = std::fs::metadata(&path).expect("a file").len();
            let expected = sequential(&path);
            assert_eq!(in_spans(&path, &cut_at(vec![size / 3, size / 2], size)), expected, "{}", path.display());
            for count in [2, 5] {
                let spans = plan_for_test(&path, count, 16).unwrap_or_else(|| vec![Span::WHOLE]);
                assert_eq!(in_spans(&path, &spans), expected, "{}", path.display());
            }
            files += 1;
        }
    }
    if files == 0 {
        println!("the corpus of captures is not in {}: nothing to hold against", folder.display());
    }
}
