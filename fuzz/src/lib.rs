//! What is fuzzed: a function for each parser of a stranger's bytes. Each checks, beside "no panic", a law that must hold.
//!
//! The entry points in `fuzz_targets/` are for libFuzzer; `cargo run --example generate -- seeds`
//! fills the corpora from `captures/`.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use igorscope::capture::{Capture, Frame, FrameId, LinkType, Timestamp};
use igorscope::decode::{self, Network, Transport};
use igorscope::inventory::Inventory;
use igorscope::policy::Policy;
use igorscope::protocol;
use igorscope::report::{self, Names, Terminal};
use igorscope::state::{Blocks, Unpack, Writer, sections};
use igorscope::survey::{self, Options, Progress, Source};

/// The bytes of a file: every frame lies within it, and whatever stopped the reading has an offset within it.
pub fn framing(data: &[u8]) {
    let Ok(mut capture) = Capture::from_reader(Box::new(Cursor::new(data.to_vec())), "fuzz", 0) else { return };
    let (mut captured, mut frames) = (0, 0);
    while let Some(block) = capture.next_block() {
        for frame in block {
            captured += frame.data.len() as u64;
            frames += 1;
            assert_eq!(frame.id.number(), frames, "frames are numbered one after the other");
        }
    }
    let summary = capture.summary();
    assert_eq!(summary.frames, frames);
    assert!(captured <= summary.bytes_read, "{captured} bytes of frames in {} bytes of file", summary.bytes_read);
    if let Some(damage) = summary.damage {
        // The offset is in the capture, which is longer than the file if that is compressed.
        assert!(damage.offset <= data.len().max(summary.bytes_read as usize) as u64, "{damage:?}");
        assert!(!damage.reason.is_empty());
    }
}

/// Two bytes of link type, one of where to cut, then a frame: what a cut frame still says, the whole one says too.
pub fn decode(data: &[u8]) {
    let [link_high, link_low, cut, bytes @ ..] = data else { return };
    let link = LinkType(u16::from_be_bytes([*link_high, *link_low]));
    let frame = |data| Frame {
        id: FrameId::new(0, 1),
        time: Timestamp::from_nanos(0),
        link,
        interface: 0,
        original_len: bytes.len() as u32,
        data,
    };
    let read = |data| {
        let packet = decode::decode(&frame(data));
        let Network::Ip(ip) = &packet.network else { return None };
        if let Transport::Icmp { body, .. } = ip.transport {
            let _ = decode::quoted(body, ip.destination.is_ipv6());
        }
        let ports = match ip.transport {
            Transport::Tcp { source_port, destination_port, .. }
            | Transport::Udp { source_port, destination_port, .. } => Some((source_port, destination_port)),
            _ => None,
        };
        Some((ip.source, ip.destination, ip.protocol, ports?, packet.encapsulations.len()))
    };
    let whole = read(bytes);
    let shorter = bytes.get(..usize::from(*cut)).unwrap_or(bytes);
    // Inside a tunnel a cut may leave only the packet around it, so only equal depths are compared.
    if let (Some(part), Some(whole)) = (read(shorter), whole)
        && part.4 == whole.4
    {
        assert_eq!(part, whole, "cut at {cut}");
    }
}

/// One byte of transport, four of ports, one of where to cut, then a payload: no payload both conforms to and violates a
/// protocol, and a cut one violates nothing that the whole one does not.
pub fn payload(data: &[u8]) {
    let [transport, a, b, c, d, cut, bytes @ ..] = data else { return };
    let transport = if transport & 1 == 0 { protocol::Transport::Tcp } else { protocol::Transport::Udp };
    let (source, destination) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
    let length = bytes.len() as u32;
    let _ = (protocol::dhcp::message(bytes), protocol::lldp::unit(bytes), protocol::poe::Power::of_unit(bytes));
    let _ = (protocol::eapol::step(bytes), protocol::stp::message(bytes));
    protocol::membership::igmp(bytes, drop);
    protocol::membership::mld(data[0], bytes, drop);
    let _ = protocol::neighbour::said(data[0], bytes);
    let whole = protocol::inspect(transport, source, destination, bytes, length);
    assert_eq!(whole.conforms & whole.violates, 0, "conforms and violates at once");
    let _ = protocol::name(whole.conforms, transport, source, destination);
    let shorter = bytes.get(..usize::from(*cut)).unwrap_or(bytes);
    let part = protocol::inspect(transport, source, destination, shorter, length);
    assert_eq!(part.violates & !whole.violates, 0, "cut at {cut}: {part:?}, whole: {whole:?}");
}

/// A policy file: what is wrong is said.
pub fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = Policy::parse(text, Path::new("fuzz.toml")) {
        assert!(!error.to_string().is_empty());
    }
}

/// One byte of which format, then an inventory file: what is wrong is said, and what was read can be asked.
pub fn inventory(data: &[u8]) {
    let [format, bytes @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Inventory::parse(text, if format & 1 == 0 { "fuzz.toml" } else { "fuzz.csv" }) {
        Ok(inventory) => {
            for address in ["10.20.0.10", "fe80::1"] {
                let address = address.parse().expect("an address");
                let _ = inventory.find(address, None);
                let _ = inventory.is_site(address);
            }
        }
        Err(errors) => assert!(!errors.to_string().is_empty()),
    }
}

fn options(threads: usize) -> Option<Options> {
    let inventory = Inventory::parse("", "fuzz.toml").expect("an empty inventory is sound");
    let mut options = Options::new(Policy::embedded(), Arc::new(inventory));
    options.reading.threads = threads.try_into().ok()?;
    Some(options)
}

/// The bytes of a file, through the whole pipeline to every table: frames are accounted for, and what is written is the
/// same for one thread and for two.
pub fn survey(data: &[u8]) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let path = folder.path().join("fuzz.pcap");
    if std::fs::write(&path, data).is_err() {
        return;
    }
    let written = |threads| {
        let options = options(threads)?;
        let survey = survey::run(&[Source::File(path.clone())], &options, &Progress::default()).ok()?;
        let stopped: u64 = survey.frames.stopped.iter().map(|(_, _, frames)| frames).sum();
        assert_eq!(survey.frames.total, survey.frames.decoded + stopped, "every frame is accounted for");
        let names = Names::of(&survey);
        let mut out = Vec::new();
        report::write_flows(&mut out, &survey, &names, threads).expect("memory takes it");
        report::write_findings(&mut out, &survey, &names).expect("memory takes it");
        report::write_coverage(&mut out, &survey, &names).expect("memory takes it");
        report::write_inventory(&mut out, &survey, threads).expect("memory takes it");
        report::json::write_survey(&mut out, &survey, &names, None, 1).expect("memory takes it");
        let terminal = Terminal { width: 80, color: false, zone: jiff::tz::TimeZone::UTC, all: true };
        out.extend(report::summary(&survey, &names, &terminal).into_bytes());
        assert!(!out.contains(&0x1b), "no terminal escapes from a capture");
        Some(out)
    };
    assert!(written(1) == written(2), "the same for any number of threads");
}

/// A survey.json: what is wrong is said, and what was read can be compared with itself.
pub fn survey_json(data: &[u8]) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let path = folder.path().join("survey.json");
    if std::fs::write(&path, data).is_err() {
        return;
    }
    match report::json::read_survey(&path) {
        Ok(survey) => assert!(report::Comparison::of(&survey, &survey).is_same()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A state whose inputs' values are these, with checks that are right.
fn state_of(head: &[u8], body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut writer = Writer::begin(Vec::new())?;
    let mut packer = writer.section(head)?;
    packer.body().extend(body);
    packer.finish()?;
    writer.finish()
}

/// The head and the body of a state that is kept for tests, of its smallest input.
fn kept() -> Option<(Vec<u8>, Vec<u8>)> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/states/v1.igstate"));
    let (head, section) = sections(&path).ok()?.into_iter().min_by_key(|(_, section)| section.packed)?;
    let (mut blocks, mut body) = (Blocks::open(&path, &section).ok()?, Vec::new());
    while let Some(block) = blocks.unpack_next().ok()? {
        body.extend(block);
    }
    Some((head, body))
}

/// One byte of what the rest is: a whole file, a body or a head. It is refused with a word, or judged, by itself and beside a
/// capture: frames are accounted for, and it is the same for one thread and for two.
pub fn state(data: &[u8]) {
    let ([what, bytes @ ..], Some((head, body))) = (data, kept()) else { return };
    let file = match what % 3 {
        0 => Ok(bytes.to_vec()),
        1 => state_of(&head, bytes),
        _ => state_of(bytes, &body),
    };
    let (Ok(folder), Ok(file)) = (tempfile::tempdir(), file) else { return };
    let path = folder.path().join("fuzz.igstate");
    if std::fs::write(&path, file).is_err() {
        return;
    }
    let capture = Source::File(concat!(env!("CARGO_MANIFEST_DIR"), "/../captures/real-tftp-hpa.pcap").into());
    let written = |threads, beside: Option<Source>| {
        let options = options(threads)?;
        let sources: Vec<Source> = Source::of_state(path.clone()).into_iter().chain(beside).collect();
        let survey = match survey::run(&survey::in_order(sources), &options, &Progress::default()) {
            Ok(survey) => survey,
            Err(errors) => {
                assert!(errors.iter().all(|error| !error.to_string().is_empty()));
                return None;
            }
        };
        let stopped: u64 = survey.frames.stopped.iter().map(|(_, _, frames)| frames).sum();
        assert_eq!(survey.frames.total, survey.frames.decoded + stopped, "every frame is accounted for");
        let names = Names::of(&survey);
        let mut out = Vec::new();
        report::write_flows(&mut out, &survey, &names, threads).expect("memory takes it");
        report::write_inventory(&mut out, &survey, threads).expect("memory takes it");
        report::json::write_survey(&mut out, &survey, &names, None, 1).expect("memory takes it");
        let terminal = Terminal { width: 80, color: false, zone: jiff::tz::TimeZone::UTC, all: true };
        out.extend(report::summary(&survey, &names, &terminal).into_bytes());
        assert!(!out.contains(&0x1b), "no terminal escapes from a state");
        Some(out)
    };
    assert!(written(1, None) == written(2, None), "the same for any number of threads");
    written(1, Some(capture));
}
