//! Payload evidence against the corpus: no name that tshark would not give, no violation that is
//! none. docs/payload-evidence.md has the counts that this prints.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use igorscope::capture::Capture;
use igorscope::decode::{Network, Transport, decode};
use igorscope::protocol;
use igorscope::protocol::{Protocol, inspect, name};

use crate::corpus;

/// tshark's words for our names.
fn words(protocol: Protocol) -> &'static [&'static str] {
    match protocol {
        Protocol::Bacnet => &["bvlc"],
        Protocol::Dns => &["dns", "llmnr"],
        Protocol::Modbus => &["mbtcp"],
        Protocol::Upnp => &["http"],
        Protocol::Smb => &["nbss", "smb", "smb2"],
        other => std::slice::from_ref(match other {
            Protocol::Tftp => &"tftp",
            Protocol::Coap => &"coap",
            Protocol::Ssdp => &"ssdp",
            Protocol::Http => &"http",
            Protocol::Tls => &"tls",
            Protocol::Ssh => &"ssh",
            Protocol::Mdns => &"mdns",
            Protocol::Rdp => &"tpkt",
            Protocol::Mqtt => &"mqtt",
            Protocol::Ntp => &"ntp",
            Protocol::Snmp => &"snmp",
            Protocol::Dhcp => &"dhcp",
            Protocol::Kerberos => &"kerberos",
            _ => &"quic",
        }),
    }
}

/// Where our name is right and tshark, which goes by ports, says something else: file, our name.
const TSHARK_GOES_BY_PORT: [(&str, Protocol); 4] = [
    // PUT with a Uri-Path on Dropbox's port 17500, and MQTT's CONNECT on 17501.
    ("service/coap_mqtt_ipv6.pcap", Protocol::Coap),
    ("service/coap_mqtt_ipv6.pcap", Protocol::Mqtt),
    ("service/ssh_on_port_80.pcap", Protocol::Ssh),
    ("service/tls_on_port_80.pcapng", Protocol::Tls),
];

/// What violates the protocol of its port, all of it: file, protocol, packets, and why that is right.
const VIOLATIONS: [(&str, Protocol, u32, &str); 3] = [
    ("service/ssh_on_port_80.pcap", Protocol::Http, 2, "SSH's greeting each way"),
    ("service/tls_on_port_80.pcapng", Protocol::Http, 2, "TLS's hello each way"),
    ("service/bacnet_stack_services.pcap", Protocol::Bacnet, 1, "an APDU without an NPDU before it"),
];

#[test]
fn the_corpus_holds_no_false_name_and_no_false_violation() {
    let Some(folder) = corpus::folder() else { return };
    let mut violations: BTreeMap<(String, &str), u32> = BTreeMap::new();
    let mut exceptions = BTreeSet::new();
    let mut named: BTreeMap<&str, u32> = BTreeMap::new();
    let (mut packets, mut elsewhere) = (0, 0);
    for file in corpus::rows(&folder.join("MANIFEST.csv")) {
        let file = file["file"].as_str();
        let truth = corpus::truth(&folder, file);
        let Ok(mut capture) = Capture::open(&folder.join(file), 0) else { continue };
        let (mut rows, mut begun) = (truth.iter(), HashSet::new());
        while let Some(frames) = capture.next_block() {
            for frame in frames {
                let Some(row) = rows.next() else { break };
                let packet = decode(&frame);
                let Network::Ip(ip) = &packet.network else { continue };
                let (transport, from, to, payload, len) = match ip.transport {
                    Transport::Tcp { source_port, destination_port, payload, payload_len, .. } => {
                        (protocol::Transport::Tcp, source_port, destination_port, payload, payload_len)
                    }
                    Transport::Udp { source_port, destination_port, payload, payload_len, .. } => {
                        (protocol::Transport::Udp, source_port, destination_port, payload, payload_len)
                    }
                    _ => continue,
                };
                let mut first = || begun.insert((ip.source, ip.destination, from, to));
                if payload.is_empty() || (transport == protocol::Transport::Tcp && !first()) {
                    continue;
                }
                packets += 1;
                let found = inspect(transport, from, to, payload, len);
                let own = |protocol: Protocol| protocol.ports().iter().any(|&port| port == from || port == to);
                for protocol in
                    [Protocol::Tftp, Protocol::Coap, Protocol::Ssdp, Protocol::Bacnet, Protocol::Http, Protocol::Tls]
                {
                    if found.violates & protocol.bit() != 0 && own(protocol) {
                        *violations.entry((file.to_owned(), protocol.name())).or_default() += 1;
                    }
                }
                let Some(protocol) = name(found.conforms, transport, from, to) else { continue };
                *named.entry(protocol.name()).or_default() += 1;
                elsewhere += u32::from(!own(protocol));
                let theirs: Vec<&str> = row["protocols"].split(':').collect();
                if !words(protocol).iter().any(|word| theirs.contains(word)) {
                    let known = TSHARK_GOES_BY_PORT.contains(&(file, protocol));
                    assert!(known, "{file} frame {}: {} is not {theirs:?}", frame.id.number(), protocol.name());
                    exceptions.insert((file.to_owned(), protocol.name()));
                }
            }
        }
    }
    println!("{packets} payloads, named {named:?}, {elsewhere} of them on ports of others");
    let expected: BTreeMap<_, _> =
        VIOLATIONS.iter().map(|(file, protocol, n, _)| ((file.to_string(), protocol.name()), *n)).collect();
    assert_eq!(violations, expected);
    assert_eq!(exceptions.len(), TSHARK_GOES_BY_PORT.len(), "an exception that is none any more: {exceptions:?}");
    assert!(packets > 5000, "the corpus was read");
}
