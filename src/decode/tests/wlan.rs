//! IEEE 802.11 and the headers before it.

use super::build::*;
use super::*;
use crate::decode::MacAddr;

const SNAP: &str = "aaaa03 000000 0800";

fn mac(last: u8) -> Option<MacAddr> {
    Some(MacAddr([2, 0, 0, 0, 0, last]))
}

/// Frame control, duration, three addresses ending in 1, 2 and 3, sequence control.
fn head(control: &str) -> Vec<u8> {
    join(&[&hex(control), &hex("0000 020000000001 020000000002 020000000003 0000")])
}

fn data(control: &str, extra: &str) -> Vec<u8> {
    join(&[&head(control), &hex(extra), &hex(SNAP), &udp_packet()])
}

#[test]
fn addresses_follow_the_distribution_system_bits() {
    for (control, extra, source, destination) in [
        ("0800", "", 2, 1),
        ("0801", "", 2, 3),
        ("0802", "", 3, 1),
        ("0803", "020000000004", 4, 3),
        ("8801", "0000", 2, 3),
        ("8803", "020000000004 0000", 4, 3),
        ("8881", "0000 11223344", 2, 3),
    ] {
        let bytes = data(control, extra);
        let packet = whole(LinkType::IEEE802_11, &bytes);
        assert_plain(&packet);
        assert_eq!((packet.source_mac, packet.destination_mac), (mac(source), mac(destination)), "{control}");
    }
}

#[test]
fn frames_without_a_readable_packet_are_named() {
    // No data, QoS no data, a beacon, an acknowledgment.
    for (control, extra) in [("4801", ""), ("c801", "0000"), ("8000", ""), ("d400", "")] {
        let bytes = data(control, extra);
        let packet = whole(LinkType::IEEE802_11, &bytes);
        assert_eq!((non_ip(&packet), packet.stop), (NonIp::Wlan, None), "{control}");
    }
    let encrypted = data("0841", "");
    let packet = whole(LinkType::IEEE802_11, &encrypted);
    assert_eq!((non_ip(&packet), packet.stop), (NonIp::EncryptedWlan, stop(StopLayer::Wlan, StopReason::Encrypted)));
    let aggregate = data("8801", "8000");
    let packet = whole(LinkType::IEEE802_11, &aggregate);
    assert_eq!((non_ip(&packet), packet.stop), (NonIp::WlanAggregate, stop(StopLayer::Wlan, StopReason::Unsupported)));
    let mut later_fragment = data("0801", "");
    later_fragment[22] = 0x01;
    assert_eq!(non_ip(&whole(LinkType::IEEE802_11, &later_fragment)), NonIp::Wlan);
    let bytes = data("0901", "");
    assert_eq!(whole(LinkType::IEEE802_11, &bytes).stop, stop(StopLayer::Wlan, StopReason::BadVersion));
    assert_eq!(whole(LinkType::IEEE802_11, &head("0801")[..20]).stop, stop(StopLayer::Wlan, StopReason::TooShort));
}

#[test]
fn radiotap_flags_tell_of_padding_and_check_sequence() {
    let qos = data("8801", "0000 0000");
    // Present: time stamp and flags; the time stamp is aligned to 8. Flags: padded, check sequence.
    let stamped = hex("0000 1200 03000000 0000000000000000 30 00");
    // A second bitmap moves the first field.
    let two_bitmaps = hex("0000 0e00 02000080 00000000 30 00");
    for radiotap in [stamped, two_bitmaps] {
        let bytes = join(&[&radiotap, &qos, &hex("deadbeef")]);
        assert_plain(&whole(LinkType::RADIOTAP, &bytes));
    }
    let bytes = join(&[&hex("0000 0800 00000000"), &data("0801", "")]);
    assert_plain(&whole(LinkType::RADIOTAP, &bytes));
    assert_eq!(
        whole(LinkType::RADIOTAP, &hex("0100 0800 00000000")).stop,
        stop(StopLayer::Radiotap, StopReason::BadVersion)
    );
    assert_eq!(
        whole(LinkType::RADIOTAP, &hex("0000 0700 00000000")).stop,
        stop(StopLayer::Radiotap, StopReason::BadLength)
    );
    assert_eq!(
        whole(LinkType::RADIOTAP, &hex("0000 ffff 00000000")).stop,
        stop(StopLayer::Radiotap, StopReason::TooShort)
    );
}

#[test]
fn ppi_names_the_link_type_behind_it() {
    let bytes = join(&[&hex("0000 0800 69000000"), &data("0801", "")]);
    assert_plain(&whole(LinkType::PPI, &bytes));
    let common = hex("0000 2000 69000000 0200 1400 0000000000000000 0100 0000 00000000 00000000");
    let bytes = join(&[&common, &data("0801", ""), &hex("deadbeef")]);
    assert_plain(&whole(LinkType::PPI, &bytes));
    let bytes = join(&[&hex("0000 0800 01000000"), &eth(0x0800, &udp_packet())]);
    assert_plain(&whole(LinkType::PPI, &bytes));
    assert_eq!(
        whole(LinkType::PPI, &hex("0000 0800 00010000 00")).stop,
        stop(StopLayer::Link, StopReason::Unsupported)
    );
    assert_eq!(whole(LinkType::PPI, &hex("0000 0400 69000000 00")).stop, stop(StopLayer::Ppi, StopReason::BadLength));
}

#[test]
fn prism_and_avs() {
    let frame = data("0801", "");
    let prism = join(&[&hex("44000000 90000000"), &[0; 136], &frame]);
    let big = join(&[&hex("00000044 00000090"), &[0; 136], &frame]);
    let avs = join(&[&hex("80211001 00000040"), &[0; 56], &frame]);
    for bytes in [prism, big, avs, frame] {
        assert_plain(&whole(LinkType::PRISM, &bytes));
    }
    assert_eq!(
        whole(LinkType::PRISM, &hex("44000000 04000000 00")).stop,
        stop(StopLayer::Prism, StopReason::BadLength)
    );
}
