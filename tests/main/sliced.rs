//! Frames that were cut: by the snap length, or before they were captured, as packet slicing and truncating mirrors do.

use igorscope::policy::Severity;
use igorscope::survey::Survey;

use crate::field::told;
use crate::mirror::{GATEWAY, Mirror, OTHER, host, node};
use crate::traffic::payload::{ssdp, tftp};
use crate::traffic::wire::{MILLI, SECOND};

/// The survey of a capture of which so many bytes are left of each frame, as if it had never had more, or by the snap length.
fn cut(mut mirror: Mirror, most: usize, is_sliced: bool) -> Survey {
    for record in &mut mirror.tape.records {
        record.frame.truncate(most);
        if is_sliced {
            record.original = record.frame.len() as u32;
        }
    }
    mirror.by_address()
}

/// What the caveat of cut frames says, if there is one.
fn caveat(survey: &Survey) -> Option<&str> {
    survey.caveats.iter().find(|caveat| caveat.kind == "cut-by-snap-length").map(|caveat| caveat.text.as_str())
}

fn reasons(survey: &Survey) -> Vec<&'static str> {
    told(survey).into_iter().map(|(_, reason)| reason).collect()
}

#[test]
fn what_was_cut_before_the_capture_is_told_as_what_the_snap_length_cut() {
    let transfers = || {
        let mut mirror = Mirror::default();
        for turn in 0..3_u16 {
            let at = 10 * SECOND * u64::from(turn);
            let request = tftp::read("igor-node-3.1.2-of-this-year.bin", &[]);
            mirror.udp(at, (node(101), 5_000 + turn), (GATEWAY, 69), &request);
            mirror.transfer(at + MILLI, (node(101), 5_000 + turn), (GATEWAY, 50_000 + turn));
            mirror.exchange(at + 2 * SECOND, (GATEWAY, 41_000 + turn), (node(101), 88), [1_000, 5_000]);
        }
        mirror
    };
    for most in [54, 60, 64, 68, 72] {
        let [sliced, snapped] = [true, false].map(|is_sliced| cut(transfers(), most, is_sliced));
        assert_eq!((told(&sliced), told(&snapped)), (vec![], vec![]), "{most}");
        assert!(caveat(&sliced).is_some_and(|text| text.contains("cut before the capture")), "{:?}", caveat(&sliced));
        assert!(caveat(&snapped).is_some_and(|text| text.contains("by the capture's snap length")));
    }
    // A datagram that says itself that it is all there was not cut, whatever IP's length says: what it holds is no TFTP.
    for more in [0, 40] {
        let mut mirror = transfers();
        mirror.udp(60 * SECOND, (node(102), 5_000), (GATEWAY, 69), b"\x00\x01no end of a name");
        mirror.tape.records.last_mut().expect("a frame").frame[17] += more;
        let survey = cut(mirror, 1_500, false);
        assert_eq!((told(&survey), caveat(&survey)), (vec![(Severity::Alert, "wrong-protocol")], None), "{more}");
    }
}

#[test]
fn what_stands_behind_extension_headers_that_were_cut_is_not_known() {
    let report = |next: u8| {
        let mut mirror = Mirror::default();
        mirror.exchange(0, (GATEWAY, 41_000), (node(101), 88), [1_000, 5_000]);
        let sender = node(101).at("fe80::21b:c5ff:fe00:101");
        let group = host([0x33, 0x33, 0, 0, 0, 0x16], [0; 4]).at("ff02::16");
        // Hop-by-hop options (RFC 8200 section 4.3): router alert, and a report of MLD behind it (RFC 3810).
        let options = [&[next, 0, 5, 2, 0, 0, 1, 0, 143, 0][..], &[0; 26]].concat();
        mirror.ip(SECOND, sender, group, 0, &options);
        mirror
    };
    for most in [54, 56, 60, 61] {
        for is_sliced in [true, false] {
            assert_eq!(told(&cut(report(58), most, is_sliced)), [], "{most}");
            // Without the last header's number nobody knows.
            assert_eq!(told(&cut(report(132), most, is_sliced)), [], "{most}");
        }
    }
    assert_eq!(reasons(&cut(report(132), 70, false)), ["unlisted-ip-protocol"]);
    // In IPv4 the same number is a protocol of its own.
    let mut mirror = Mirror::default();
    mirror.ip(0, node(101), GATEWAY, 0, &[0; 40]);
    assert_eq!(reasons(&cut(mirror, 60, true)), ["unlisted-ip-protocol"]);
}

#[test]
fn a_search_of_which_too_little_was_captured_may_be_what_is_answered() {
    let searched = |wait: u64, port: u16| {
        let group = host([0x01, 0x00, 0x5e, 0x7f, 0xff, 0xfa], [239, 255, 255, 250]);
        let mut mirror = Mirror::default();
        mirror.exchange(0, (GATEWAY, 41_000), (node(101), 88), [1_000, 5_000]);
        mirror.udp(
            SECOND,
            (OTHER, port),
            (group, 1900),
            &ssdp::search("239.255.255.250:1900", "upnp:rootdevice", Some(3)),
        );
        let answer = ssdp::answer("http://10.20.0.101/description.xml", "upnp:rootdevice", "uuid:14");
        mirror.udp(SECOND + wait, (node(101), 1900), (OTHER, port), &answer);
        mirror
    };
    for most in [44, 46, 48, 50, 400] {
        for is_sliced in [true, false] {
            let told = |wait, port| told(&cut(searched(wait, port), most, is_sliced));
            assert_eq!(told(SECOND, 50_000), [], "{most}");
            assert_eq!(told(9 * SECOND, 50_000).len(), 1, "too late: {most}");
        }
    }
}
