//! `refused-transfer`: what TFTP refuses by its ERROR is told with its code, and what only looks like it is not.

use std::collections::BTreeSet;
use std::fs;

use igorscope::survey::Survey;
use proptest::prelude::*;

use crate::command::{folder, run};
use crate::mirror::{End, GATEWAY, Host, Mirror, OTHER, node};
use crate::reading::{Read, of_kind};
use crate::silence::whole_and_parts;
use crate::skips::{is_there, skipped};
use crate::tools::tshark;
use crate::traffic::payload::tftp;
use crate::traffic::wire::{MILLI, SECOND};

const CLIENT: End = (node(101), 2_001);
const ASKED: End = (GATEWAY, 69);
const FRESH: End = (GATEWAY, 50_001);
const SIZE: &[(&str, &str)] = &[("tsize", "0")];

fn refused(survey: &Survey) -> Vec<Read<'_>> {
    of_kind(survey, "refused-transfer")
}

/// Messages a millisecond apart.
fn talk(begin: u64, messages: &[(End, End, Vec<u8>)]) -> Mirror {
    let mut mirror = Mirror::default();
    for (at, (from, to, payload)) in (0..).zip(messages) {
        mirror.udp(begin + at * MILLI, *from, *to, payload);
    }
    mirror
}

fn both(mut first: Mirror, second: Mirror) -> Mirror {
    first.tape.records.extend(second.tape.records);
    first.tape.sort();
    first
}

/// A request that is answered by an ERROR of the server's fresh port.
fn refusal(begin: u64, (client, fresh): (End, End), file: &str, code: u16, message: &str) -> Mirror {
    talk(begin, &[(client, ASKED, tftp::read(file, &[])), (fresh, client, tftp::error(code, message))])
}

/// A file of four blocks that is read, as far as so many of its messages.
fn reading(begin: u64, (client, fresh): (End, End), file: &str, most: usize) -> Mirror {
    let all = [
        (client, ASKED, tftp::read(file, &[])),
        (fresh, client, tftp::data(1, &[0x55; 512])),
        (client, fresh, tftp::ack(1)),
        (fresh, client, tftp::data(2, &[0x55; 512])),
        (client, fresh, tftp::ack(2)),
        (fresh, client, tftp::data(3, &[0x55; 512])),
        (client, fresh, tftp::ack(3)),
        (fresh, client, tftp::data(4, &[0x55; 9])),
        (client, fresh, tftp::ack(4)),
    ];
    talk(begin, &all[..most.min(all.len())])
}

#[test]
fn each_error_code_is_told_by_its_name_with_what_to_do() {
    // RFC 1350 section 5 and its appendix, RFC 2347.
    for (code, name, advice) in [
        (0, "not defined", "words of its own"),
        (1, "file not found", "has another name there"),
        (2, "access violation", "rights of the file"),
        (3, "disk full or allocation exceeded", "make room"),
        (4, "illegal TFTP operation", "not allowed to take files"),
        (5, "unknown transfer ID", "address translation"),
        (6, "file already exists", "remove the older file"),
        (7, "no such user", "its log"),
        (8, "option negotiation", "Switch them off"),
        (9, "in no standard", "the server's log"),
    ] {
        for survey in [
            refusal(0, (CLIENT, FRESH), "node.bin", code, "See the log").measured(),
            refusal(0, (CLIENT, FRESH), "node.bin", code, "See the log").measured(),
            // A server that answers from the port that was asked.
            refusal(0, (CLIENT, ASKED), "node.bin", code, "See the log").measured(),
        ] {
            let told = refused(&survey);
            let [told] = &told[..] else { panic!("{code}: {:?}", survey.findings) };
            assert_eq!(told.severity.name(), "warning");
            assert_eq!((&*told.words.client, &*told.words.server), ("10.20.0.101", "10.20.0.10"));
            let message = if code <= 8 { " (\"See the log\")" } else { "" };
            let expected = format!(
                "A transfer by TFTP was refused. 10.20.0.101 asked 10.20.0.10 for \"node.bin\" and was refused: \
                 error {code}, {name}{message}, in frame 2 of site.pcap at "
            );
            assert!(told.words.detail.starts_with(&expected), "{}", told.words.detail);
            assert!(told.words.advice.contains(advice), "{}", told.words.advice);
            assert_eq!(told.words.gist, format!("{name}: node.bin"));
            assert_eq!((told.packets, told.server_port), (1, Some(69)));
        }
    }
}

#[test]
fn a_device_that_has_no_room_refuses_what_it_asked_for() {
    // RFC 2349: a client that cannot take a file of that size ends the transfer with error 3.
    let probe = |code, message: &str| {
        talk(
            0,
            &[
                (CLIENT, ASKED, tftp::read("node.bin", SIZE)),
                (FRESH, CLIENT, tftp::oack(&[("tsize", "9000000")])),
                (CLIENT, FRESH, tftp::error(code, message)),
            ],
        )
    };
    let survey = probe(3, "Disk full").measured();
    let told = refused(&survey);
    told[0].says(&["and refused it itself: error 3, disk full"]);
    assert!(told[0].words.advice.contains("too little room"), "{}", told[0].words.advice);
    // So a client ends what it asked for only to learn the size, and so it lets go of a second answer.
    for code in [0, 1, 5, 8] {
        assert!(refused(&probe(code, "TFTP Aborted").measured()).is_empty(), "{code}");
        assert!(refused(&probe(code, "TFTP Aborted").measured()).is_empty(), "{code}");
    }
    // A server that knows no sizes begins to send.
    let begun = talk(
        0,
        &[
            (CLIENT, ASKED, tftp::read("node.bin", SIZE)),
            (FRESH, CLIENT, tftp::data(1, &[0x55; 512])),
            (CLIENT, FRESH, tftp::error(0, "TFTP Aborted")),
        ],
    );
    assert!(refused(&begun.measured()).is_empty());
}

#[test]
fn who_is_given_the_file_later_was_not_refused() {
    let later = |mirror: Mirror| refused(&mirror.measured()).len();
    let other: (End, End) = ((node(101), 2_002), (GATEWAY, 50_002));
    let first = || refusal(0, (CLIENT, FRESH), "node.bin", 1, "File not found");
    assert_eq!(later(first()), 1);
    assert_eq!(later(both(first(), reading(60 * SECOND, other, "node.bin", 9))), 0);
    // One that did not come to its end.
    assert_eq!(later(both(first(), reading(60 * SECOND, other, "node.bin", 7))), 1);
    // Another file, another device, and one that came before.
    let another = both(first(), reading(60 * SECOND, other, "other.bin", 9));
    assert_eq!(later(both(first(), reading(60 * SECOND, ((node(102), 2_002), other.1), "node.bin", 9))), 1);
    let before =
        both(reading(0, other, "node.bin", 9), refusal(60 * SECOND, (CLIENT, FRESH), "node.bin", 1, "File not found"));
    assert_eq!(later(before), 1);
    let survey = another.measured();
    let detail = &refused(&survey)[0].words.detail;
    assert!(detail.ends_with(" Another transfer of that device went on after it."), "{detail}");
}

#[test]
fn who_asks_again_without_options_is_not_told() {
    let options: &[(&str, &str)] = &[("blksize", "1468")];
    let refused_options = |server: End| {
        talk(
            0,
            &[(CLIENT, ASKED, tftp::read("node.bin", options)), (server, CLIENT, tftp::error(8, "Options refused"))],
        )
    };
    assert_eq!(refused(&refused_options(FRESH).measured()).len(), 1);
    // From the same port, and from another.
    for end in [(CLIENT, (GATEWAY, 50_002)), ((node(101), 2_002), (GATEWAY, 50_002))] {
        let mirror = both(refused_options(FRESH), reading(SECOND, end, "node.bin", 9));
        assert!(refused(&mirror.measured()).is_empty());
    }
    // At the port that was asked.
    let mirror = both(refused_options(ASKED), reading(SECOND, (CLIENT, ASKED), "node.bin", 9));
    assert!(refused(&mirror.measured()).is_empty());
}

#[test]
fn one_of_two_answers_is_enough() {
    // A request to all: one server has the file (RFC 1123 section 4.2.3.5).
    let all: Host = crate::mirror::EVERYONE;
    let mirror = talk(
        0,
        &[
            (CLIENT, (all, 69), tftp::read("node.bin", &[])),
            ((OTHER, 40_000), CLIENT, tftp::error(1, "File not found")),
            (FRESH, CLIENT, tftp::data(1, &[0x55; 9])),
            (CLIENT, FRESH, tftp::ack(1)),
        ],
    );
    assert!(refused(&mirror.measured()).is_empty());
}

#[test]
fn many_devices_and_tries_are_one_line() {
    let mut mirror = Mirror::default();
    for number in 0..30_u8 {
        for again in 0..3_u16 {
            let ports = 3 * u16::from(number) + again;
            let ends = ((node(101 + number), 2_000 + ports), (GATEWAY, 50_000 + ports));
            let at = u64::from(ports) * SECOND;
            mirror = both(mirror, refusal(at, ends, "node-4.2.bin", 1, "File not found"));
        }
    }
    // What the gateway asks of a node is another matter.
    let wrote = talk(
        500 * SECOND,
        &[
            ((GATEWAY, 3_000), (node(101), 69), tftp::write("config.txt", &[])),
            ((node(101), 3_001), (GATEWAY, 3_000), tftp::error(2, "Access violation")),
        ],
    );
    let survey = both(mirror, wrote).measured();
    let told = refused(&survey);
    let [many, one] = &told[..] else { panic!("{told:?}") };
    assert_eq!((many.clients.len(), many.servers.len(), many.packets), (30, 1, 90));
    let detail = &many.words.detail;
    assert!(detail.starts_with("30 transfers by TFTP were refused. 10.20.0.101 asked "), "{detail}");
    assert!(detail.contains("error 1, file not found, 3 times, the first in frame 2 of site.pcap at "), "{detail}");
    assert!(detail.ends_with(" And 27 more."), "{detail}");
    assert_eq!(many.words.gist, "file not found: node-4.2.bin");
    one.says(&["10.20.0.10 asked 10.20.0.101 to take \"config.txt\""]);
}

/// A disk that is full is told in the midst of a transfer.
#[test]
fn an_error_in_the_midst_of_a_transfer_is_told_where_that_is_measured() {
    let midst = |from: usize, code| {
        let (client, fresh) = (CLIENT, FRESH);
        let ends = [(fresh, client), (client, fresh)][from];
        talk(
            0,
            &[
                (client, ASKED, tftp::write("log.txt", &[])),
                (fresh, client, tftp::ack(0)),
                (client, fresh, tftp::data(1, &[0x55; 512])),
                (fresh, client, tftp::ack(1)),
                (client, fresh, tftp::data(2, &[0x55; 512])),
                (fresh, client, tftp::ack(2)),
                (client, fresh, tftp::data(3, &[0x55; 512])),
                (ends.0, ends.1, tftp::error(code, "No space left on device")),
            ],
        )
    };
    for (from, code, words) in [
        (0, 3, "to take \"log.txt\" and was refused after 3 blocks: error 3, disk full"),
        (0, 0, "was refused after 3 blocks: error 0, not defined (\"No space left on device\"), in frame 8 of "),
        (1, 0, "refused it itself after 3 blocks: error 0, not defined"),
    ] {
        assert!(refused(&midst(from, code).by_address()).is_empty(), "it is not looked for");
        let survey = midst(from, code).measured();
        let told = refused(&survey);
        assert!(told[0].words.detail.contains(words), "{}", told[0].words.detail);
    }
    for (from, code) in [(0, 5), (1, 5), (1, 8)] {
        assert!(refused(&midst(from, code).measured()).is_empty(), "{from} {code}");
    }
    // What comes after the end changes nothing.
    let late = talk(SECOND, &[(CLIENT, FRESH, tftp::ack(4)), (FRESH, CLIENT, tftp::error(2, "Late"))]);
    assert!(refused(&both(reading(0, (CLIENT, FRESH), "node.bin", 9), late).measured()).is_empty());
}

#[test]
fn what_crosses_two_vlans_is_refused_once() {
    let mirror = refusal(0, (CLIENT, FRESH), "node.bin", 1, "File not found");
    let survey = mirror.routed().measured();
    assert_eq!(refused(&survey)[0].packets, 1, "{}", refused(&survey)[0].words.detail);
}

#[test]
fn hosts_of_others_among_themselves_are_nobodys_finding() {
    let stranger = Host { address: "10.20.0.51".parse().unwrap(), ..OTHER };
    let mirror = talk(
        0,
        &[
            ((OTHER, 2_001), (stranger, 69), tftp::read("SEP001122.cnf.xml", &[])),
            ((stranger, 40_000), (OTHER, 2_001), tftp::error(1, "File not found")),
        ],
    );
    assert!(refused(&mirror.measured()).is_empty());
}

#[test]
fn names_and_messages_are_untrusted_text() {
    let out = folder(&[]);
    let mirror = refusal(0, (CLIENT, FRESH), "<script>\u{1b}[2J.bin", 0, "\u{1b}[31m<b>secret</b>");
    let path = out.path().join("made.pcap");
    fs::write(&path, mirror.tape.pcap()).unwrap();
    let [shown, hidden] = ["shown", "hidden"].map(|name| out.path().join(name));
    for (folder, more) in [(&shown, &[][..]), (&hidden, &["--anonymize"][..])] {
        let fixed = ["analyze".as_ref(), "--health".as_ref(), path.as_os_str(), "-o".as_ref(), folder.as_os_str()];
        let nodes = ["--gateway", "10.20.0.10", "--node", "10.20.0.101"];
        run(fixed.into_iter().chain(nodes.iter().chain(more).map(AsRef::as_ref))).expect(0, &[]);
    }
    let page = fs::read_to_string(shown.join("report.html")).unwrap();
    assert!(page.contains("secret") && !page.contains("<b>secret") && !page.contains('\u{1b}'));
    let text = fs::read_to_string(shown.join("findings.csv")).unwrap();
    assert!(text.contains("refused-transfer") && !text.contains('\u{1b}'), "{text}");
    for name in ["report.html", "findings.csv", "survey.json"] {
        let text = fs::read_to_string(hidden.join(name)).unwrap();
        assert!(!text.contains("secret") && !text.contains("[2J.bin"), "{name}");
    }
}

/// Client, server and code of every ERROR that tshark finds, and of every refusal that is told.
#[test]
fn the_errors_are_those_that_tshark_reads() {
    if !is_there("tshark") {
        return skipped("tshark is not installed");
    }
    let out = folder(&[]);
    let mut mirror = Mirror::default();
    for code in 0..9_u16 {
        let ends = ((node(110 + code as u8), 2_000 + code), (GATEWAY, 50_000 + code));
        mirror = both(mirror, refusal(u64::from(code) * SECOND, ends, &format!("file-{code}"), code, "Refused"));
    }
    let path = out.path().join("made.pcap");
    fs::write(&path, mirror.tape.pcap()).unwrap();
    let options = ["-Y", "tftp.opcode == 5", "-E", "separator= "];
    let text = tshark(&path, &options, &["ip.dst", "ip.src", "tftp.error.code"]);
    let theirs: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    assert_eq!(theirs.len(), 9, "{text}");
    // One capture for each: a finding tells the first three.
    let mut ours = BTreeSet::new();
    for code in 0..9_u16 {
        let ends = ((node(110 + code as u8), 2_000 + code), (GATEWAY, 50_000 + code));
        let survey = refusal(0, ends, &format!("file-{code}"), code, "Refused").measured();
        let told = refused(&survey);
        let said = told[0].words.detail.split_once("error ").expect("a code").1.split_once(',').expect("a name").0;
        ours.insert(format!("{} {} {said}", told[0].words.client, told[0].words.server));
    }
    assert_eq!(ours, theirs);
    // Its filter shows both of its frames.
    let survey = refusal(0, (CLIENT, FRESH), "node.bin", 1, "File not found").measured();
    let filter = refused(&survey)[0].words.display_filter.clone();
    let one = out.path().join("one.pcap");
    fs::write(&one, refusal(0, (CLIENT, FRESH), "node.bin", 1, "File not found").tape.pcap()).unwrap();
    assert_eq!(tshark(&one, &["-Y", &filter], &["frame.number"]).lines().count(), 2, "{filter}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// However it is cut in time, into states and captures, in any order.
    #[test]
    fn parts_refuse_what_the_whole_refuses(cuts in prop::collection::vec(0..40_u64, 1..6), kept in any::<[bool; 6]>()) {
        let mut all = refusal(0, (CLIENT, FRESH), "node.bin", 1, "File not found");
        all = both(all, reading(10 * MILLI, ((node(102), 2_002), (GATEWAY, 50_002)), "node.bin", 6));
        let broken = talk(17 * MILLI, &[((GATEWAY, 50_002), (node(102), 2_002), tftp::error(0, "Out of memory"))]);
        let third = ((node(103), 2_003), (GATEWAY, 50_003));
        all = both(both(all, broken), refusal(30 * MILLI, third, "b", 3, "Disk full"));
        let [whole, parts] = whole_and_parts(&all.tape, cuts, kept);
        let facts = |survey: &Survey| {
            let fact = |told: &Read<'_>| {
                let names = (told.words.client.clone(), told.words.server.clone(), told.words.gist.clone());
                (names, told.words.advice.clone(), told.packets, told.first, told.last)
            };
            refused(survey).iter().map(fact).collect::<Vec<_>>()
        };
        prop_assert_eq!(refused(&whole)[0].packets, 3);
        prop_assert_eq!(facts(&parts), facts(&whole));
    }
}
