//! Health against the network itself: a node that is slow is told from its network, and what nftables drops behind the
//! capture is sent again.

use std::sync::Arc;

use igorscope::health::{Measure, Pair};
use igorscope::inventory::Inventory;
use igorscope::policy::Policy;
use igorscope::survey::{Options, Progress, Source, run};

use super::lab::Host::{Far, Gateway, Middle, Node};
use super::lab::Lab;
use crate::skips::skipped;

/// Answers each request after 40 ms.
const SLOW: &str = r"
import http.server, time
class Slow(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(0.04)
        self.send_response(204)
        self.end_headers()
http.server.HTTPServer(('10.79.0.2', 80), Slow).serve_forever()
";

/// Takes whatever comes.
const SINK: &str = r"
import socket
s = socket.create_server(('10.79.9.2', 9000))
while True:
    connection, _ = s.accept()
    while connection.recv(65536):
        pass
    connection.close()
";

/// Sends six million bytes, and waits until all of them came.
const SEND: &str = r"
import socket
s = socket.create_connection(('10.79.9.2', 9000))
s.sendall(bytes(6000000))
s.shutdown(socket.SHUT_WR)
s.recv(1)
";

/// Milliseconds in nanoseconds.
const MS: u64 = 1_000_000;

#[test]
fn a_slow_node_is_told_from_its_network_and_what_is_dropped_is_sent_again() {
    let Some(mut lab) = Lab::open("health", &["nft", "python3", "curl"]) else { return };
    for (name, script) in [("slow.py", SLOW), ("sink.py", SINK), ("send.py", SEND)] {
        std::fs::write(lab.folder.path().join(name), script).expect("a file");
    }
    lab.serve_on(Node, "python3 slow.py", "tcp", 80);
    lab.serve_on(Far, "python3 sink.py", "tcp", 9000);
    let rule = lab.run(
        Middle,
        "nft 'add table ip t; add chain ip t f { type filter hook forward priority 0; }; \
         add rule ip t f ip saddr 10.79.0.1 tcp dport 9000 ip length > 200 numgen inc mod 9 7 counter drop'",
    );
    if !rule.status.success() {
        return skipped(&format!("nftables drops nothing by turn: {}", String::from_utf8_lossy(&rule.stderr)));
    }
    for _ in 0..5 {
        lab.must(Gateway, "curl -sS -m 10 http://10.79.0.2/");
    }
    lab.must(Gateway, "timeout 60 python3 send.py");
    let rules = lab.must(Middle, "nft list ruleset");
    let dropped = rules.split("packets ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
    let dropped = dropped.expect("a counter");
    // How many depends on how the sender groups its segments.
    assert!(dropped >= 1, "nftables dropped {dropped}");
    let Some(capture) = lab.captured() else { return skipped("tcpdump lost packets") };

    let mut options = Options::new(Policy::embedded(), Arc::new(Inventory::default()));
    options.limits.health = true;
    let survey = run(&[Source::File(capture)], &options, &Progress::default()).expect("a survey");
    let [gateway, node, far] = [Gateway, Node, Far].map(|host| match host {
        // Its address on the far side of the router.
        Far => "10.79.9.2".parse().expect("an address"),
        host => host.address().parse().expect("an address"),
    });
    let sums = |asker, answerer, port, measure| {
        let pair = Pair { asker, answerer, port, measure };
        survey.health.pairs.get(&pair).unwrap_or_else(|| panic!("{pair:?}: {:#?}", survey.health.pairs.keys()))
    };
    let (http, server) = (sums(gateway, node, 80, Measure::Http), sums(gateway, node, 80, Measure::Server));
    assert_eq!((http.times.count(), server.times.count()), (5, 5));
    assert!(http.times.least() >= Some(40 * MS), "the node waits 40 ms: {:?}", http.times);
    assert!(server.times.least() < Some(40 * MS), "its network does not: {:?}", server.times);

    let lost = sums(gateway, far, 9000, Measure::Ack).losses.clone().expect("a transfer");
    assert!(lost.bytes - lost.bytes_again >= 6_000_000, "{lost:?}");
    assert!(lost.again >= dropped, "{dropped} were dropped: {lost:?}");
    assert_eq!(lost.uncaptured, 0, "{lost:?}");
}
