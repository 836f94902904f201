//! Response times against tshark, exchange by exchange: as many as it finds, of the same length.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use igorscope::health::{Measure, Pair};
use igorscope::inventory::Inventory;
use igorscope::policy::Policy;
use igorscope::survey::{Options, Progress, Source, Survey, run};

use crate::skips::{is_there, skipped};
use crate::tools::tshark;
use crate::{command, corpus};

/// Where we differ from tshark, and why: the file, the measure, and how many exchanges we have more (or fewer).
const ACCEPTED: [(&str, Measure, i64, &str); 24] = [
    ("tcp_out_of_order_first_payload.pcap", Measure::Http, 1, "tshark waits for a request that came out of order"),
    ("tcp_padding_in_bare_ack.pcap", Measure::Http, 1, "tshark takes the padding for the request's beginning"),
    ("tftp_broadcast_request.pcap", Measure::Tftp, 4, "tshark knows no transfer by a request to all"),
    ("tftp_broadcast_request.pcap", Measure::TftpNext, 3, "likewise"),
    ("tftp-without-request.pcap", Measure::TftpNext, 2, "likewise"),
    ("tftp-without-request.pcap", Measure::Tftp, 3, "tshark knows no transfer without its request"),
    (
        "ipv6_fragmented_dns.pcap",
        Measure::Dns,
        0,
        "the query was sent again: tshark counts from the last, we from the first",
    ),
    ("nflog_http.pcap", Measure::Server, 1, "all times are equal: tshark leaves a time of zero out"),
    ("nflog_http.pcap", Measure::Client, 1, "likewise"),
    ("sll2.pcap", Measure::Echo, -1, "a host that asks itself: question and answer have the same ends"),
    (
        "vlan_same_tuple_different_vlans.pcap",
        Measure::Server,
        -1,
        "the same connection on several VLANs is taken for copies",
    ),
    ("vlan_same_tuple_different_vlans.pcap", Measure::Client, -2, "likewise"),
    ("tcp_port_reuse_24_flows.pcap", Measure::Server, -1, "more than five SYNs lie between the SYN and its answer"),
    ("tls_on_port_80.pcapng", Measure::Server, -3, "the SYN was sent again: which one is answered, nobody knows"),
    (
        "tls_on_port_80.pcapng",
        Measure::Client,
        -1,
        "the SYN-ACK was sent again: which one is acknowledged, nobody knows",
    ),
    ("duplicate-frames.pcap", Measure::Coap, -1, "tshark times the mirror's copy too"),
    ("real-coap.pcap", Measure::Coap, -1, "a notification answers no question"),
    ("site-survey.pcapng", Measure::Http, 1, "tshark does not take port 1901 for HTTP"),
    ("site-survey.pcapng", Measure::Client, -1, "tshark times what the router passed on as well"),
    ("site-survey.pcapng", Measure::Server, -1, "likewise"),
    ("site-survey.pcapng", Measure::Tftp, 1, "an option acknowledgement is answered by the ACK of block 0"),
    ("snapped.pcap", Measure::Server, 1, "tshark times nothing of frames that were cut"),
    ("snapped.pcap", Measure::Client, 1, "likewise"),
    ("snapped.pcap", Measure::Coap, 1, "likewise"),
];

/// Where a time of a flight is none of tshark's, and why.
const TIMED_OTHERWISE: [(&str, &str); 3] = [
    ("nflog_http.pcap", "times are equal or go back"),
    ("snapped.pcap", "tshark times nothing of frames that were cut"),
    ("vlan_same_tuple_different_vlans.pcap", "one connection on several VLANs is taken for copies"),
];

/// Nanoseconds of each exchange.
type Times = BTreeMap<Pair, Vec<u64>>;

const FIELDS: [&str; 34] = [
    "frame.time_epoch",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "udp.srcport",
    "udp.dstport",
    "tcp.srcport",
    "tcp.dstport",
    "coap.response_time",
    "coap.response_to",
    "dns.time",
    "http.time",
    "icmp.resptime",
    "icmpv6.resptime",
    "tcp.flags",
    "tcp.analysis.ack_rtt",
    "tcp.analysis.acks_frame",
    "bacapp.type",
    "bacapp.invoke_id",
    "tftp.opcode",
    "tftp.block",
    "frame.number",
    "bacapp.sequence_number",
    "coap.code",
    "icmp.type",
    "frame.protocols",
    "coap.token",
    "coap.mid",
    "dhcp.option.dhcp",
    "dhcp.id",
    "dhcp.hw.mac_addr",
    "dhcp.ip.your",
    "dhcp.option.dhcp_server_id",
];

/// One frame by the names of its fields: the innermost values.
struct Frame<'a>(BTreeMap<&'static str, &'a str>);

impl Frame<'_> {
    fn get(&self, field: &str) -> &str {
        self.0.get(field).copied().unwrap_or_default()
    }

    fn number(&self, field: &str) -> Option<u64> {
        let text = self.get(field);
        text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| u64::from_str_radix(hex, 16).ok())
    }

    /// Seconds (or what they are multiplied by) as nanoseconds.
    fn nanos(&self, field: &str, unit: f64) -> Option<u64> {
        self.get(field).parse::<f64>().ok().map(|value| (value * unit).round() as u64)
    }

    fn ends(&self) -> Option<[IpAddr; 2]> {
        // Inside a tunnel the innermost count.
        let protocols = self.get("frame.protocols");
        let is_v6 = protocols.rfind(":ipv6") > protocols.rfind(":ip:");
        let of = |v4, v6| self.get(if is_v6 { v6 } else { v4 }).parse().ok();
        Some([of("ip.src", "ipv6.src")?, of("ip.dst", "ipv6.dst")?])
    }

    fn port(&self, end: usize) -> u16 {
        // Inside a tunnel the innermost counts.
        let protocols = self.get("frame.protocols");
        let inner = if protocols.rfind(":udp") > protocols.rfind(":tcp") { "udp" } else { "tcp" };
        let field = ["srcport", "dstport"][end & 1];
        let name = FIELDS.into_iter().find(|name| *name == format!("{inner}.{field}")).unwrap();
        self.number(name).unwrap_or_default() as u16
    }

    /// The frame's time in nanoseconds.
    fn time(&self) -> u64 {
        let (seconds, nanos) = self.get("frame.time_epoch").split_once('.').unwrap_or_default();
        seconds.parse::<u64>().unwrap_or_default() * 1_000_000_000
            + format!("{nanos:0<9}").get(..9).unwrap_or_default().parse::<u64>().unwrap_or_default()
    }
}

/// What tshark finds in a capture; where it has no field, by frame times paired by the identifiers that it reads.
fn by_tshark(path: &Path) -> Times {
    let whole = ["tcp.desegment_tcp_streams:FALSE", "ip.defragment:FALSE", "http.desegment_body:FALSE"];
    let options = [&["-E", "aggregator=|"][..], &whole.map(|option| ["-o", option]).concat()].concat();
    let text = tshark(path, &options, &FIELDS);
    let mut times = Times::new();
    let mut accepts: BTreeSet<u64> = BTreeSet::new();
    // When a client began a transaction of DHCP, and who gave it an address.
    let mut leases: BTreeMap<(String, String), (u64, BTreeSet<IpAddr>)> = BTreeMap::new();
    // Of a TFTP transfer, who acknowledged and when, while nothing else follows.
    let mut acknowledged: BTreeMap<([IpAddr; 2], [u16; 2]), u64> = BTreeMap::new();
    let mut asked: BTreeMap<([IpAddr; 2], [u16; 2], Measure, u64), u64> = BTreeMap::new();
    for line in text.lines() {
        let values = line.split('\t').map(|values| values.rsplit('|').next().unwrap_or_default());
        let frame = Frame(FIELDS.into_iter().zip(values).collect());
        let Some([source, destination]) = frame.ends() else { continue };
        let mut add = |measure, [asker, answerer]: [IpAddr; 2], port, nanos| {
            times.entry(Pair { asker, answerer, port, measure }).or_default().push(nanos);
        };
        let answer = [destination, source];
        let timed = frame.nanos("coap.response_time", 1e9).filter(|_| !frame.get("coap.response_to").is_empty());
        if let Some(nanos) = timed {
            add(Measure::Coap, answer, frame.port(0), nanos);
        }
        if let Some(nanos) = frame
            .nanos("dns.time", 1e9)
            .filter(|_| frame.port(0) == 53 && frame.get("frame.protocols").contains(":udp:dns"))
        {
            add(Measure::Dns, answer, 53, nanos);
        }
        if let Some(nanos) = frame.nanos("http.time", 1e9).filter(|_| frame.get("frame.protocols").contains(":tcp")) {
            add(Measure::Http, answer, frame.port(0), nanos);
        }
        if let Some(nanos) = frame.nanos("icmp.resptime", 1e6).or_else(|| frame.nanos("icmpv6.resptime", 1e6)) {
            add(Measure::Echo, answer, 0, nanos);
        }
        let flags = frame.number("tcp.flags").unwrap_or_default();
        if let Some(nanos) = frame.nanos("tcp.analysis.ack_rtt", 1e9) {
            if flags & 0x12 == 0x12 {
                add(Measure::Server, answer, frame.port(0), nanos);
            }
            if flags & 0x02 == 0 {
                add(Measure::Ack, answer, frame.port(0).min(frame.port(1)), nanos);
            }
            if flags & 0x12 != 0x12 && frame.number("tcp.analysis.acks_frame").is_some_and(|acks| accepts.remove(&acks))
            {
                add(Measure::Client, answer, frame.port(1), nanos);
            }
        }
        if flags & 0x12 == 0x12 {
            accepts.extend(frame.number("frame.number"));
        }
        if let Some(kind) = frame.number("dhcp.option.dhcp") {
            let transaction = (frame.get("dhcp.hw.mac_addr").to_owned(), frame.get("dhcp.id").to_owned());
            match (kind, frame.get("dhcp.ip.your").parse(), frame.get("dhcp.option.dhcp_server_id").parse()) {
                // Whoever renews says its address, and is not timed.
                (1 | 3, ..) => {
                    let (waits, _) = leases.entry(transaction).or_insert((frame.time(), BTreeSet::new()));
                    *waits = (*waits).min(frame.time());
                }
                (5, Ok(address), Ok(server)) => {
                    if let Some((since, servers)) = leases.get_mut(&transaction)
                        && servers.insert(server)
                    {
                        add(Measure::Dhcp, [address, server], 67, frame.time() - *since);
                    }
                }
                _ => {}
            }
        }
        // By what they have in common: who asked whom by which number.
        let ports = [frame.port(0), frame.port(1)];
        let bacnet = frame.number("bacapp.type").zip(frame.number("bacapp.invoke_id"));
        let bacnet = bacnet.filter(|_| !frame.get("frame.protocols").contains("icmp"));
        let tftp = frame.number("tftp.opcode").zip(frame.number("tftp.block"));
        // tshark has no time where there is no token, and none of some exchanges that have one.
        let token = u64::from_str_radix(frame.get("coap.token"), 16).ok().or_else(|| frame.number("coap.mid"));
        let coap = frame.number("coap.code").zip(token);
        let exchange = match (bacnet, tftp) {
            _ if coap.is_some() => match coap {
                Some((1..=31, token)) => Some((true, Measure::Coap, token)),
                Some((64.., token)) => Some((false, Measure::Coap, token)),
                _ => None,
            },
            (Some((0, invoke)), _) => Some((true, Measure::Bacnet, invoke)),
            (Some((2 | 3 | 5..=7, invoke)), _) => Some((false, Measure::Bacnet, invoke)),
            (None, Some((3, block))) => {
                // The block that follows an acknowledgment is the sender's answer to it.
                let key = ([source, destination], ports, Measure::Tftp, block);
                let since = acknowledged.remove(&(answer, [ports[1], ports[0]]));
                if let Some(nanos) = since.and_then(|time| frame.time().checked_sub(time))
                    && !asked.contains_key(&key)
                {
                    add(Measure::TftpNext, answer, ports[0], nanos);
                }
                Some((true, Measure::Tftp, block))
            }
            (None, Some((4, block))) => {
                acknowledged.entry(([source, destination], ports)).or_insert(frame.time());
                Some((false, Measure::Tftp, block))
            }
            _ => None,
        };
        let later = frame.number("bacapp.sequence_number").is_some_and(|number| number > 0);
        match exchange.filter(|_| !later) {
            Some((true, measure, id)) => {
                asked.entry(([source, destination], ports, measure, id)).or_insert(frame.time());
            }
            Some((false, measure, id)) => {
                let question = (answer, [ports[1], ports[0]], measure, id);
                let nanos = asked.remove(&question).and_then(|time| frame.time().checked_sub(time));
                if let Some(nanos) = nanos.filter(|_| measure != Measure::Coap || timed.is_none()) {
                    add(measure, answer, ports[0], nanos);
                }
            }
            None => {}
        }
    }
    times
}

/// The captures beside the program, and the corpus where it is.
fn captures() -> Vec<PathBuf> {
    let mut folders = vec![command::sample("")];
    if let Some(corpus) = corpus::folder() {
        folders.extend(["service", "link", "field"].map(|name| corpus.join(name)));
    }
    folders.iter().flat_map(|folder| command::captures(folder)).collect()
}

/// Those that can be read, each with its name and how well it works.
pub(crate) fn measured() -> impl Iterator<Item = (PathBuf, String, Survey)> {
    let mut options = Options::new(Policy::embedded(), Arc::new(Inventory::default()));
    options.reading.limits.health = true;
    captures().into_iter().filter_map(move |path| {
        let survey = run(&[Source::File(path.clone())], &options, &Progress::default()).ok()?;
        let file = path.file_name()?.to_string_lossy().into_owned();
        Some((path, file, survey))
    })
}

#[test]
fn exchanges_take_as_long_as_tshark_says() {
    if !is_there("tshark") {
        return skipped("tshark is needed to time exchanges");
    }
    let (mut wrong, mut seen) = (Vec::new(), BTreeMap::<Measure, u64>::new());
    for (path, file, survey) in measured() {
        let mut theirs = by_tshark(&path);
        let is_accepted = |measure: Measure, more: i64| {
            ACCEPTED.iter().any(|(name, of, by, _)| (*name, *of, *by) == (&*file, measure, more))
        };
        for (pair, sums) in &survey.health.pairs {
            let mut times = theirs.remove(pair).unwrap_or_default();
            times.sort_unstable();
            *seen.entry(pair.measure).or_default() += times.len() as u64;
            let ours = &sums.times;
            let differ = || {
                let (number, least, most) = (ours.count(), ours.least(), ours.most());
                format!("{file}: {pair:?}: {number} of ours, {} {times:?}; {least:?} to {most:?}", times.len())
            };
            if pair.measure == Measure::Ack {
                // Only the first segment of a flight is timed: each time is one of tshark's, in both directions of the ports.
                let among = |ours: Option<u64>| {
                    ours.is_none_or(|ours| times.iter().any(|theirs| ours.abs_diff(*theirs) <= 1_000))
                };
                let is_part = ours.count() <= times.len() as u64 && among(ours.least()) && among(ours.most());
                let is_accepted = TIMED_OTHERWISE.iter().any(|(name, _)| *name == file);
                wrong.extend((!is_part && !is_accepted).then(differ));
                continue;
            }
            let near = |ours: Option<u64>, theirs: Option<&u64>, part: u64| match (ours, theirs) {
                (Some(ours), Some(theirs)) => ours.abs_diff(*theirs) <= theirs / part + 1_000,
                (ours, theirs) => ours.is_none() && theirs.is_none(),
            };
            // tshark writes milliseconds of an echo to three places.
            let middle = times.get((times.len().max(1) - 1) / 2);
            let is_same = ours.count() == times.len() as u64
                && near(ours.least(), times.first(), 1_000_000)
                && near(ours.most(), times.last(), 1_000_000)
                && near(ours.percentile(50), middle, 30);
            let more = ours.count() as i64 - times.len() as i64;
            let is_accepted = is_accepted(pair.measure, more);
            wrong.extend((!is_same && !is_accepted).then(differ));
        }
        for (pair, times) in theirs.into_iter().filter(|(pair, _)| pair.measure != Measure::Ack) {
            if !is_accepted(pair.measure, -(times.len() as i64)) {
                wrong.push(format!("{file}: {pair:?}: none of ours, {times:?}"));
            }
        }
    }
    println!("compared: {seen:?}");
    assert!(seen[&Measure::Ack] > 0);
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    for measure in [
        Measure::Coap,
        Measure::Bacnet,
        Measure::Tftp,
        Measure::TftpNext,
        Measure::Http,
        Measure::Dns,
        Measure::Server,
        Measure::Client,
        Measure::Echo,
        Measure::Dhcp,
    ] {
        assert!(seen.get(&measure).is_some_and(|count| *count > 0), "no exchange of {measure:?} was compared");
    }
}

/// What tshark counts of the segments of one direction: sent again, spurious, out of order, duplicate acknowledgments (of
/// what the direction sent), zero windows.
type Counts = [u64; 5];

/// By who sent and who received, and the lower port.
fn losses_by_tshark(path: &Path) -> BTreeMap<(IpAddr, IpAddr, u16), Counts> {
    const LOST: [&str; 11] = [
        "ip.src",
        "ip.dst",
        "ipv6.src",
        "ipv6.dst",
        "tcp.srcport",
        "tcp.dstport",
        "tcp.analysis.retransmission",
        "tcp.analysis.spurious_retransmission",
        "tcp.analysis.out_of_order",
        "tcp.analysis.duplicate_ack",
        "tcp.analysis.zero_window",
    ];
    let text = tshark(path, &["-E", "aggregator=|", "-2", "-o", "tcp.desegment_tcp_streams:FALSE"], &LOST);
    let mut counts: BTreeMap<(IpAddr, IpAddr, u16), Counts> = BTreeMap::new();
    for line in text.lines() {
        let values: Vec<&str> = line.split('\t').map(|values| values.rsplit('|').next().unwrap_or_default()).collect();
        let address = |v4: usize, v6: usize| values[v4].parse().or_else(|_| values[v6].parse::<IpAddr>());
        let (Ok(source), Ok(destination)) = (address(0, 2), address(1, 3)) else { continue };
        let (Ok(from), Ok(to)) = (values[4].parse::<u16>(), values[5].parse::<u16>()) else { continue };
        let is = |field: usize| u64::from(values.get(field).is_some_and(|value| !value.is_empty()));
        let own = counts.entry((source, destination, from.min(to))).or_default();
        own[0] += is(6) & (1 - is(7));
        own[1] += is(7);
        own[2] += is(8);
        own[4] += is(10);
        counts.entry((destination, source, from.min(to))).or_default()[3] += is(9);
    }
    counts.retain(|_, counts| *counts != Counts::default());
    counts
}

/// Where we differ, and why: what we count, and what tshark does.
const LOST_OTHERWISE: [(&str, &str); 10] = [
    ("tcp_syn_unanswered_80.pcapng", "one of the SYNs is the first of another connection on the same ports"),
    ("copies_ipv4_id_zero.pcap", "the mirror's copies are sent again, for tshark"),
    ("duplicate-frames.pcap", "likewise"),
    ("tcp_challenge_ack_only.pcap", "what challenges a SYN (RFC 5961 section 4) acknowledges nothing twice"),
    ("site-survey.pcapng", "what a router passed on to another VLAN is sent again, for tshark"),
    ("vlan_same_tuple_different_vlans.pcap", "the same connection on several VLANs"),
    ("tcp_out_of_order_first_payload.pcap", "the time goes back: sent again, for tshark"),
    ("wifi_radiotap_http.pcap", "what the radio sent again is a copy"),
    (
        "tcp_padding_in_bare_ack.pcap",
        "the padding was of the same numbers: nothing was passed over, so nothing is out of order",
    ),
    ("nflog_http.pcap", "all times are equal: what was sent again is a copy"),
];

#[test]
fn losses_are_those_of_tshark() {
    if !is_there("tshark") {
        return skipped("tshark is needed to count losses");
    }
    let (mut wrong, mut sum) = (Vec::new(), Counts::default());
    for (path, file, survey) in measured() {
        let mut theirs = losses_by_tshark(&path);
        let mut ours: BTreeMap<(IpAddr, IpAddr, u16), Counts> = BTreeMap::new();
        for (pair, sums) in &survey.health.pairs {
            let Some(lost) = &sums.losses else { continue };
            let counts = [lost.again, lost.spurious, lost.disordered, lost.duplicate_acks, lost.zero_windows];
            ours.insert((pair.asker, pair.answerer, pair.port), counts);
        }
        for (key, counts) in ours.iter().filter(|(_, counts)| **counts != Counts::default()) {
            let theirs = theirs.remove(key).unwrap_or_default();
            sum.iter_mut().zip(theirs).for_each(|(sum, count)| *sum += count);
            if *counts != theirs {
                wrong.push((file.clone(), format!("{file}: {key:?}: {counts:?} of ours, {theirs:?}")));
            }
        }
        wrong.extend(
            theirs.iter().map(|(key, theirs)| (file.clone(), format!("{file}: {key:?}: none of ours, {theirs:?}"))),
        );
    }
    println!("compared: {sum:?}");
    wrong.retain(|(file, _)| !LOST_OTHERWISE.iter().any(|(name, _)| name == file));
    let lines: Vec<&str> = wrong.iter().map(|(_, line)| line.as_str()).collect();
    assert!(lines.is_empty(), "{} differ:\n{}", lines.len(), lines.join("\n"));
}
