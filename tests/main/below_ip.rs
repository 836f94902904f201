//! What lies below IP and is not read is told: in the words, in survey.json, and by the exit status.

use std::path::Path;

use serde_json::Value;

use super::command::{capture, folder, pcap, run_with};
use crate::traffic::frame::{self, V4};

/// An Ethernet frame: addresses, what stands between them and the EtherType of IPv4, and a UDP datagram to port 5683.
pub(crate) fn datagram(before: &[u8]) -> Vec<u8> {
    let [from, to] = [[10, 20, 0, 10], [10, 20, 0, 101]];
    let datagram = frame::udp((from.into(), 49_152), (to.into(), 5683), b"hello");
    let head = V4 { id: 7, fragment: 0x4000, ttl: 64, ..V4::default() };
    let ip = frame::ipv4(from.into(), to.into(), frame::UDP, head, &datagram);
    [&[0, 0x1b, 0xc5, 0, 1, 1, 0, 0x1b, 0xc5, 0, 0, 0x10][..], before, &[8, 0], &ip].concat()
}

fn survey(path: &Path) -> Value {
    let run = run_with(&[&"analyze", &"-q", &"--format", &"json", &path]);
    serde_json::from_str(&run.out).unwrap()
}

fn text(survey: &Value, kind: &str) -> String {
    let caveats = survey["caveats"].as_array().unwrap();
    caveats.iter().find(|it| it["kind"] == kind).map_or(String::new(), |it| it["text"].as_str().unwrap().to_owned())
}

#[test]
fn a_capture_of_which_nothing_is_read_is_no_clean_result() {
    let tag = [0x12, 0x34, 0xaa, 0xbb, 0xcc, 0xdd];
    let tagged = capture(1, &vec![datagram(&tag); 5]);
    let some = [vec![datagram(&tag); 3], vec![datagram(&[]); 2]].concat();
    let usb = capture(189, &vec![vec![0; 64]; 4]);
    let place = folder(&[
        ("tagged.pcap", &tagged),
        ("some.pcap", &capture(1, &some)),
        ("usb.pcap", &usb),
        ("empty.pcap", &pcap(0)),
        ("arp.pcap", &pcap(3)),
    ]);
    let analyze = |name: &str| run_with(&[&"analyze", &place.path().join(name)]);
    analyze("tagged.pcap").expect(3, &["none of the 5 frames of", "tagged.pcap", "link layer"]);
    analyze("usb.pcap").expect(3, &["none of the 4 frames of", "usb.pcap"]);
    for name in ["some.pcap", "empty.pcap", "arp.pcap"] {
        let run = analyze(name).expect(0, &[]);
        assert!(!run.err.contains("link layer"), "{}", run.err);
    }
    // One such file of several is named.
    analyze(".").expect(3, &["tagged.pcap", "usb.pcap"]);
}

#[test]
fn what_stops_below_ip_is_told_by_number_name_and_share() {
    let other = [&datagram(&[])[..12], &[0x89, 0x03, 1, 2, 3, 4]].concat();
    let loops = [&datagram(&[])[..12], &[0x90, 0x00, 0, 0, 1, 0]].concat();
    let tag = [0x12, 0x34, 0xaa, 0xbb, 0xcc, 0xdd];
    let frames = [vec![datagram(&tag); 5], vec![other; 2], vec![loops], vec![datagram(&[]); 2]].concat();
    let arp: Vec<Vec<u8>> = pcap(1)[40..].chunks(42).map(<[u8]>::to_vec).collect();
    let mostly = [vec![datagram(&tag); 9], arp].concat();
    let place = folder(&[
        ("mixed.pcap", &capture(1, &frames)),
        ("usb.pcap", &capture(189, &vec![vec![0; 64]; 4])),
        ("mostly.pcap", &capture(1, &mostly)),
    ]);
    let mixed = place.path().join("mixed.pcap");
    let page = run_with(&[&"analyze", &mixed]).expect(0, &[]).out.replace("\n            ", " ");
    for words in ["5 of 10 frames carry a tag that is not known", "EtherType 0x1234", "2 of 10 frames stop below IP"] {
        assert!(page.contains(words), "{words:?} is not in: {page}");
    }
    assert!(page.contains("2 (20 %) by EtherType 0x8903 (Cisco FabricPath)"), "{page}");
    assert!(!page.contains("could not be decoded") && !page.contains("0x9000"), "{page}");

    let json = survey(&mixed);
    assert_eq!((&json["frames"]["total"], &json["frames"]["decoded"]), (&10.into(), &3.into()));
    let [tag, fabric_path] = &json["frames"]["unread"].as_array().unwrap()[..] else { panic!("{}", json["frames"]) };
    let of = |row: &Value| ["kind", "number", "name", "before_ip", "frames", "share"].map(|field| row[field].clone());
    assert_eq!(of(tag), ["ethertype".into(), 0x1234.into(), Value::Null, true.into(), 5.into(), 0.5.into()]);
    let expected: [Value; 6] =
        ["ethertype".into(), 0x8903.into(), "Cisco FabricPath".into(), false.into(), 2.into(), 0.2.into()];
    assert_eq!(of(fabric_path), expected);
    assert!(!text(&json, "unknown-tag").is_empty() && !text(&json, "stopped-below-ip").is_empty());

    assert_eq!(json["judged"]["value"], false, "nobody is Igor's here");
    let json = survey(&place.path().join("usb.pcap"));
    assert_eq!(json["judged"]["reason"], "Not one frame could be decoded: mostly link type 189 (USB of Linux).");
    assert_eq!(text(&json, "no-mirror"), "", "whom they went to is not known");
    let mostly = survey(&place.path().join("mostly.pcap"));
    let reason = "9 of 10 frames could not be read below IP, and the others tell of no exchange.";
    assert_eq!(mostly["judged"]["reason"], reason);
    let expected = "4 of 4 frames stop below IP: 4 (100 %) by link type 189 (USB of Linux). What may be behind that was \
                    not judged.";
    assert_eq!(text(&json, "stopped-below-ip"), expected);
}

#[test]
fn other_formats_are_named_with_the_tool_that_converts_them() {
    let trace = [&0x1_0000_u32.to_le_bytes()[..], &[0x5a; 68], &[2, 0, 2, 0xc0], &[0; 400]].concat();
    let place = folder(&[("PktMon.etl", &trace), ("old.cap", b"GMBU\0\x02\x01\0\0\0\0\0\0\0\0\0")]);
    for (name, words) in [("PktMon.etl", "pktmon etl2pcap"), ("old.cap", "editcap")] {
        run_with(&[&"analyze", &place.path().join(name)]).expect(2, &[name, words]);
    }
    // In a folder, beside what can be read, they are passed over by name.
    let place = folder(&[("PktMon.etl", &trace), ("good.pcap", &pcap(2))]);
    run_with(&[&"analyze", &place.path()]).expect(0, &["PktMon.etl", "event trace"]);
}
