//! Totals of TCP and UDP against argus: packets and bytes of each flow, and the segments that were sent again, of each capture.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use igorscope::health::Measure;
use igorscope::protocol::Transport;

use crate::health::measured;
use crate::skips::skipped;
use crate::tools::printed;

const COPIES: &str = "a mirror's copies, or the same connection on several VLANs: argus takes them for sent again";
const REUSED: &str = "another connection on the same ports: argus takes its SYN, and what follows, for sent again";
const ORDER: &str = "argus takes what comes out of order for lost";
const PADDING: &str = "argus takes padding that IP's length counts for bytes, and what follows for sent again";
const SYNS: &str = "argus counts no SYN sent again behind a challenge";
const TUNNEL: &str = "argus does not look into the tunnel, or mirror";
const FRAGMENTS: &str = "argus makes flows without ports of later fragments, or joins none";
const HEADER: &str = "argus leaves the header of a link out that is not Ethernet";
/// Captures of which argus tells something else, and why ours is right.
const ACCEPTED: [(&str, &str); 21] = [
    ("duplicate-frames.pcap", COPIES),
    ("copies_ipv4_id_zero.pcap", COPIES),
    ("site-survey.pcapng", COPIES),
    ("vlan_same_tuple_different_vlans.pcap", COPIES),
    ("tcp_syn_unanswered_80.pcapng", COPIES),
    ("first-questions.pcapng", REUSED),
    ("tcp_port_reuse_24_flows.pcap", REUSED),
    ("tcp_out_of_order_first_payload.pcap", ORDER),
    ("tcp_padding_in_bare_ack.pcap", PADDING),
    ("tcp_challenge_ack_only.pcap", SYNS),
    ("vxlan-mirror.pcap", TUNNEL),
    ("geneve_many_options.pcap", TUNNEL),
    ("gre_erspan_vxlan.pcap", TUNNEL),
    ("vxlan_http.pcap", TUNNEL),
    ("tzsp_mirror.pcap", TUNNEL),
    ("ipv4_fragments_vlan_tcp_syn.pcap", FRAGMENTS),
    ("ipv6_fragmented_dns.pcap", FRAGMENTS),
    ("ipv6_atomic_fragments_http.pcap", FRAGMENTS),
    ("coap_and_other_udp.pcap", HEADER),
    ("null_loopback_af_families.pcap", HEADER),
    ("wifi_radiotap_http.pcap", HEADER),
];

type End = (IpAddr, u16);
/// Packets of the smaller end and of the other, and the bytes of both.
type Flows = BTreeMap<(&'static str, [End; 2]), [u64; 3]>;

fn add(flows: &mut Flows, transport: &'static str, ends: [(End, u64); 2], bytes: u64) {
    let [one, other] = if ends[0].0 <= ends[1].0 { ends } else { [ends[1], ends[0]] };
    let sums = flows.entry((transport, [one.0, other.0])).or_default();
    for (sum, more) in sums.iter_mut().zip([one.1, other.1, bytes]) {
        *sum += more;
    }
}

/// All flows, and how many segments were lost, which argus tells by those that were sent again.
fn by_argus(path: &Path) -> (Flows, u64) {
    const FIELDS: &str = "proto,saddr,sport,daddr,dport,spkts,dpkts,bytes,sloss,dloss";
    let folder = tempfile::tempdir().unwrap();
    // Through a pipe it loses records now and then.
    let records = folder.path().join("records");
    Command::new("argus").arg("-r").arg(path).arg("-w").arg(&records).output().unwrap();
    let text = printed(Command::new("ra").args(["-n", "-u", "-r"]).arg(&records).args(["-L-1", "-c,", "-s", FIELDS]));
    let (mut flows, mut again) = (Flows::new(), 0);
    for line in text.lines() {
        let fields: Vec<&str> = line.split(',').collect();
        let Some(transport) = ["tcp", "udp"].into_iter().find(|name| fields[0] == *name) else { continue };
        let number = |at: usize| fields[at].parse().unwrap_or(0);
        let end = |at: usize| (fields[at].parse().unwrap(), number(at + 1) as u16);
        add(&mut flows, transport, [(end(1), number(5)), (end(3), number(6))], number(7));
        again += if transport == "tcp" { number(8) + number(9) } else { 0 };
    }
    (flows, again)
}

#[test]
fn flows_and_what_was_sent_again_are_those_of_argus() {
    // Neither tells its version.
    if !["argus", "ra"].iter().all(|program| Command::new(program).arg("-h").output().is_ok()) {
        return skipped("argus and ra are needed for totals of flows");
    }
    let (mut wrong, mut compared, mut unread, mut told) = (Vec::new(), 0, 0, 0);
    for (path, file, survey) in measured() {
        let mut ours = Flows::new();
        for (flow, _) in survey.flows.iter() {
            let transport = match flow.transport {
                Transport::Tcp => "tcp",
                Transport::Udp => "udp",
                _ => continue,
            };
            let ends = flow.ends.each_ref().map(|end| ((end.address, end.port), end.packets()));
            add(&mut ours, transport, ends, flow.ends.iter().map(|end| end.bytes()).sum());
        }
        let of_tcp = survey.health.pairs.iter().filter(|(pair, _)| pair.measure == Measure::Ack);
        let again = of_tcp
            .filter_map(|(_, sums)| sums.losses.as_ref())
            .map(|losses| losses.again + losses.spurious)
            .sum::<u64>();
        let (theirs, lost) = by_argus(&path);
        if ours.is_empty() || theirs.is_empty() {
            unread += u64::from(!ours.is_empty());
            continue;
        }
        let is_accepted = ACCEPTED.iter().any(|(name, _)| *name == file);
        let is_same = (&ours, again) == (&theirs, lost);
        if is_same == is_accepted {
            let other = ours.iter().find(|(flow, sums)| theirs.get(flow) != Some(sums));
            let their = other.and_then(|(flow, _)| theirs.get(flow));
            wrong.push(format!(
                "{file}: {} {} flows, sent again {again} {lost}: {other:?} {their:?}",
                ours.len(),
                theirs.len()
            ));
        }
        (compared, told) = (compared + ours.len(), told + lost);
    }
    println!("{compared} flows, {unread} captures that argus cannot read, {told} segments sent again");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(compared >= 100 && told > 0, "{compared} {told}");
}
