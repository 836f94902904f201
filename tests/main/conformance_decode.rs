//! Decoding against the truth: for every packet of the corpus the addresses, innermost and
//! outermost, protocols, ports, flags, VLAN tags, fragments and ICMP types are what tshark read.
//!
//! The truth's innermost columns include headers quoted in ICMP errors, so these are held against
//! what [`igorscope::decode::quoted`] reads.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use igorscope::capture::{Capture, Frame};
use igorscope::decode::{IpPacket, Network, NonIp, Packet, Quoted, Transport, decode, quoted};

use crate::conformance_framing::in_ranges;
use crate::corpus::{self, CsvRow, Difference};

/// Files that tshark reads by another record layout with the same magic number: its frames are not
/// those of the standard layout (caveat 10 of the corpus's README).
const OTHER_LAYOUT: [&str; 2] = ["malformed/fuzz_len_then_garbage.pcap", "malformed/heuristic_misread_nokia.pcap"];

#[test]
fn packets_are_what_tshark_read() {
    for folder in corpus::folders() {
        let mut found: BTreeSet<Difference> = BTreeSet::new();
        let manifest = corpus::rows(&folder.join("MANIFEST.csv"));
        for file in manifest.iter().filter(|file| !OTHER_LAYOUT.contains(&file["file"].as_str())) {
            compare(&folder, &file["file"], &mut found);
        }
        corpus::hold(&in_ranges(found), &corpus::accepted(&manifest, &["packet."]));
    }
}

fn compare(folder: &Path, name: &str, found: &mut BTreeSet<Difference>) {
    let truth = corpus::truth(folder, name);
    let Ok(mut capture) = Capture::open(&folder.join(name), 0) else { return };
    let mut rows = truth.iter();
    while let Some(frames) = capture.next_block() {
        for frame in frames {
            let Some(row) = rows.next() else { return };
            compare_frame(name, &frame, row, found);
        }
    }
}

/// How the truth writes a fragment: offset in units of 8 bytes, then whether more follow.
fn fragment_of(ip: &IpPacket<'_>) -> String {
    ip.fragment.map_or("0 0".to_owned(), |it| format!("{} {}", it.offset / 8, u8::from(it.more)))
}

/// The `index`th of the values that the truth joins by `|`.
fn nth(column: &str, index: usize) -> &str {
    column.split('|').nth(index).unwrap_or("")
}

/// The packet that our ICMP error quotes, by the types that are errors.
fn quote_of(ip: &IpPacket<'_>) -> Option<Quoted> {
    let Transport::Icmp { kind, body, .. } = ip.transport else { return None };
    let v6 = ip.protocol == 58;
    let error = if v6 { (1..=4).contains(&kind) } else { matches!(kind, 3 | 4 | 5 | 11 | 12) };
    if error { quoted(body, v6) } else { None }
}

fn ports(source: u16, destination: u16) -> String {
    format!("{source} {destination}")
}

fn compare_frame(name: &str, frame: &Frame<'_>, row: &CsvRow, found: &mut BTreeSet<Difference>) {
    let packet = decode(frame);
    let mut differ = |field: &str, ours: &str, theirs: &str| {
        if ours != theirs {
            let field = format!("packet.{field}[{}]", frame.id.number());
            found.insert((name.to_owned(), field, ours.to_owned(), theirs.to_owned()));
        }
    };
    differ("vlan", &vlan(&packet), &row["vlan_ids"]);
    let Network::Ip(ip) = &packet.network else {
        differ("ip_layers", "0", &row["ip_layers"]);
        differ("non_ip", non_ip(&packet.network), named_by_tshark(&row["protocols"]));
        return;
    };
    let quote = quote_of(ip);
    let layers = packet.encapsulations.len() + 1 + usize::from(quote.is_some());
    differ("ip_layers", &layers.to_string(), &row["ip_layers"]);

    let (source, destination) =
        packet.encapsulations.first().map_or((ip.source, ip.destination), |it| (it.source, it.destination));
    differ("src_outer", &source.to_string(), &row["src_outer"]);
    differ("dst_outer", &destination.to_string(), &row["dst_outer"]);
    // Where the truth has more layers, which is a difference by itself, its innermost is not ours.
    if row["ip_layers"].parse().is_ok_and(|theirs: usize| theirs <= layers) {
        let (source, destination) = quote.map_or((ip.source, ip.destination), |it| (it.source, it.destination));
        differ("src_inner", &source.to_string(), &row["src_inner"]);
        differ("dst_inner", &destination.to_string(), &row["dst_inner"]);
    }

    compare_ip(&packet, ip, row, &mut differ);
    compare_transport(&packet, ip, quote, row, &mut differ);
}

fn compare_ip(packet: &Packet<'_>, ip: &IpPacket<'_>, row: &CsvRow, differ: &mut impl FnMut(&str, &str, &str)) {
    // Which of the values of its version is this header's.
    let same_version = |address: &IpAddr| address.is_ipv6() == ip.source.is_ipv6();
    let index = packet.encapsulations.iter().filter(|it| same_version(&it.source)).count();
    if ip.source.is_ipv4() {
        differ("ip_proto", &ip.protocol.to_string(), nth(&row["ip_proto_all"], index));
        differ("ip_id", &format!("{:#06x}", ip.identification), nth(&row["ip_id_all"], index));
        let theirs = format!("{} {}", nth(&row["ip_frag_offset_all"], index), nth(&row["ip_mf_all"], index));
        differ("fragment", &fragment_of(ip), &theirs);
    } else {
        // An extension header's number says nothing of the last one.
        let first = nth(&row["ipv6_nxt_all"], index);
        if !["0", "43", "44", "51", "60"].contains(&first) {
            differ("ipv6_nxt", &ip.protocol.to_string(), first);
        }
        // The outermost fragment header, unless it is one of a quoted packet.
        let theirs = format!("{} {}", nth(&row["ipv6_frag_offset_all"], 0), nth(&row["ipv6_frag_more_all"], 0));
        let quoted = quote_of(ip).is_some() || theirs == " ";
        differ("fragment", &fragment_of(ip), if quoted { "0 0" } else { &theirs });
    }
}

fn compare_transport(
    packet: &Packet<'_>,
    ip: &IpPacket<'_>,
    quote: Option<Quoted>,
    row: &CsvRow,
    differ: &mut impl FnMut(&str, &str, &str),
) {
    let tcp = format!("{} {}", row["tcp_sport_last"], row["tcp_dport_last"]);
    let udp = format!("{} {}", row["udp_sport_last"], row["udp_dport_last"]);
    match (ip.transport, quote) {
        (Transport::Tcp { source_port, destination_port, flags, .. }, _) => {
            differ("tcp_ports", &ports(source_port, destination_port), &tcp);
            // A header cut before the flags has none in the truth.
            let theirs = row["tcp_flags_all"].rsplit('|').next().unwrap_or("");
            let theirs = u16::from_str_radix(theirs.trim_start_matches("0x"), 16).unwrap_or(0) & 0xff;
            differ("tcp_flags", &format!("{:#04x}", flags.0), &format!("{theirs:#04x}"));
        }
        (Transport::Udp { source_port, destination_port, .. }, _) => {
            differ("udp_ports", &ports(source_port, destination_port), &udp);
        }
        (_, Some(Quoted { ports: Some((source, destination)), protocol, .. })) => {
            differ("quoted_ports", &ports(source, destination), if protocol == 6 { &tcp } else { &udp });
        }
        _ if packet.encapsulations.is_empty() => {
            differ("tcp_ports", " ", &tcp);
            differ("udp_ports", " ", &udp);
        }
        _ => {}
    }
    let (kinds, codes) = match ip.protocol {
        58 => (&row["icmpv6_type"], &row["icmpv6_code"]),
        _ => (&row["icmp_type"], &row["icmp_code"]),
    };
    if let Transport::Icmp { kind, code, .. } = ip.transport {
        differ("icmp", &format!("{kind} {code}"), &format!("{} {}", nth(kinds, 0), nth(codes, 0)));
        if let Some(Quoted { icmp_type: Some(kind), .. }) = quote {
            differ("quoted_icmp", &kind.to_string(), nth(kinds, 1));
        }
    } else {
        differ("icmp", " ", &format!("{} {}", nth(kinds, 0), nth(codes, 0)));
    }
}

/// All VLAN tags of the frame: those outside tunnels that were left behind by an inner link header,
/// then the innermost ones.
fn vlan(packet: &Packet<'_>) -> String {
    let outer = packet.encapsulations.iter().map(|it| &it.vlan).filter(|outer| **outer != packet.vlan);
    let ids = outer.flat_map(|path| path.iter()).chain(packet.vlan.iter());
    ids.map(|id| id.to_string()).collect::<Vec<_>>().join("|")
}

/// Kinds that both sides have a name for: ours, and tshark's among its protocols.
const NAMED: [(NonIp, &str); 8] = [
    (NonIp::Arp, "arp"),
    (NonIp::Rarp, "arp"),
    (NonIp::Lldp, "lldp"),
    (NonIp::Cdp, "cdp"),
    (NonIp::Stp, "stp"),
    (NonIp::Eapol, "eapol"),
    (NonIp::PppoeDiscovery, "pppoed"),
    (NonIp::Wlan, "wlan"),
];

fn non_ip(network: &Network<'_>) -> &'static str {
    let Network::NonIp(kind, _) = network else { return "" };
    NAMED.iter().find(|(named, _)| named == kind).map_or("", |(_, name)| name)
}

fn named_by_tshark(protocols: &str) -> &'static str {
    let last = protocols.split(':').next_back().unwrap_or("");
    NAMED.iter().find(|(_, name)| *name == last).map_or("", |(_, name)| name)
}
