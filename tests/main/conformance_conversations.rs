//! Conversations against the truth: packets and bytes each way of every UDP and TCP conversation of the
//! corpus are what `tshark -z conv` counts.
//!
//! tshark's conversations ignore VLANs and begin anew with another SYN: both sides are summed by endpoints.
//! It counts the layers of a tunnel each for itself; ours are the innermost, so an outer layer is a row that
//! only tshark has, and is held against `encapsulations` by the decode test. With its defragmentation off, later
//! fragments belong to no conversation: they are left out here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use igorscope::capture::{Capture, Frame};
use igorscope::decode::{Network, decode};
use igorscope::flow::{Limits, Observation, Seed};
use igorscope::protocol::Transport;

use crate::corpus::{self, Difference};

type Endpoint = (IpAddr, u16);
/// Transport, and the two ends in order.
type ConversationKey = (String, Endpoint, Endpoint);
/// Packets and bytes from the smaller end, packets and bytes from the other.
type Totals = [u64; 4];
type Conversations = BTreeMap<ConversationKey, Totals>;

#[test]
fn conversations_are_what_tshark_counts() {
    for folder in corpus::folders() {
        let mut found: BTreeSet<Difference> = BTreeSet::new();
        let (mut files, mut conversations) = (0, 0);
        let manifest = corpus::rows(&folder.join("MANIFEST.csv"));
        for file in &manifest {
            let name = &file["file"];
            let Some(theirs) = truth(&folder, name) else { continue };
            let Some((ours, tunnelled)) = ours(&folder, name) else { continue };
            files += 1;
            conversations += theirs.len();
            for key in ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
                let (mine, truth) = (ours.get(key), theirs.get(key));
                if mine == truth || (mine.is_none() && tunnelled.contains(&[key.1.0, key.2.0])) {
                    continue;
                }
                let show = |totals: Option<&Totals>| totals.map_or("none".into(), |totals| format!("{totals:?}"));
                let field = format!("conversation.{} {}:{} {}:{}", key.0, key.1.0, key.1.1, key.2.0, key.2.1);
                found.insert((name.clone(), field, show(mine), show(truth)));
            }
        }
        println!("{conversations} conversations of {files} files in {}", folder.display());
        assert!(files * 10 > manifest.len() * 9, "only {files} files of {} were compared", manifest.len());
        corpus::hold(&found, &corpus::accepted(&manifest, &["conversation."]));
    }
}

fn truth(folder: &Path, file: &str) -> Option<Conversations> {
    let name = file.rsplit('/').next()?;
    let path = folder.join("truth/conversations").join(format!("{name}.csv"));
    if !path.is_file() {
        return None;
    }
    let mut all = BTreeMap::new();
    for row in corpus::rows(&path) {
        let number = |column: &str| row[column].parse::<u64>().unwrap_or_else(|_| panic!("{name}: {column} {row:?}"));
        let end = |address: &str, port: &str| (row[address].parse().unwrap(), row[port].parse().unwrap());
        let forth = [number("packets_a_to_b"), number("bytes_a_to_b")];
        let back = [number("packets_b_to_a"), number("bytes_b_to_a")];
        let (a, b) = (end("addr_a", "port_a"), end("addr_b", "port_b"));
        add(&mut all, row["proto"].clone(), (a, forth), (b, back));
    }
    Some(all)
}

fn add(all: &mut Conversations, proto: String, one: (Endpoint, [u64; 2]), other: (Endpoint, [u64; 2])) {
    let (first, second) = if one.0 <= other.0 { (one, other) } else { (other, one) };
    let totals = all.entry((proto, first.0, second.0)).or_default();
    for (sum, value) in totals.iter_mut().zip(first.1.into_iter().chain(second.1)) {
        *sum += value;
    }
}

/// Our conversations, and the pairs of outer addresses of tunnels that were taken off.
fn ours(folder: &Path, file: &str) -> Option<(Conversations, BTreeSet<[IpAddr; 2]>)> {
    let mut capture = Capture::open(&folder.join(file), 0).ok()?;
    let mut observation = Observation::new(0, Seed::random(), Limits::default());
    while let Some(frames) = capture.next_block() {
        observation.observe(frames.filter(|frame| !is_later_fragment(frame)));
    }
    let observed = observation.finish();
    let mut all = BTreeMap::new();
    for flow in observed.flows.iter() {
        let proto = match flow.transport {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
            _ => continue,
        };
        let [a, b] = flow.ends.each_ref().map(|end| ((end.address, end.port), [end.packets(), end.bytes()]));
        add(&mut all, proto.to_owned(), a, b);
    }
    let tunnelled = observed.other_frames.encapsulations.keys().flat_map(|(_, from, to)| [[*from, *to], [*to, *from]]);
    Some((all, tunnelled.collect()))
}

fn is_later_fragment(frame: &Frame<'_>) -> bool {
    match decode(frame).network {
        Network::Ip(ip) => ip.fragment.is_some_and(|fragment| fragment.offset > 0),
        _ => false,
    }
}
