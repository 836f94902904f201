//! Health against the network itself: a node that is slow is told from its network, and what nftables drops behind the
//! capture is sent again.

use igorscope::health::{Measure, Pair};
use igorscope::inventory::Inventory;

use super::lab::Host::{Far, Gateway, Middle, Node};
use super::lab::Lab;
use crate::reading;
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
        std::fs::write(lab.folder().join(name), script).expect("a file");
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

    let survey = reading::survey(&[capture], Inventory::default(), true);
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

/// A wire of 40 ms between the switch and the node, for it hands frames on that much later. Of the segments with payload of a
/// connection to port 9000, each 50th of a direction is lost.
const LINE: &str = r"
import heapq, select, socket, time
ends = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) for _ in range(2)]
for end, name in zip(ends, ['port2', 'line0']):
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    end.bind((name, 0))
queue, count, lost, number = [], [0, 0], [0, 0], 0
def carries(frame):
    if frame[12:14] != b'\x08\x00' or frame[23] != 6:
        return False
    head = 14 + 4 * (frame[14] & 15)
    ports = frame[head:head + 4]
    length = int.from_bytes(frame[16:18], 'big') + 14 - head - 4 * (frame[head + 12] >> 4)
    return (9000).to_bytes(2, 'big') in (ports[:2], ports[2:]) and length > 0
while True:
    wait = max(0, queue[0][0] - time.monotonic()) if queue else 1
    for end in select.select(ends, [], [], wait)[0]:
        frame, origin = end.recvfrom(65536)
        if origin[2] == 4:
            continue
        side = ends.index(end)
        if carries(frame):
            count[side] += 1
            if count[side] % 50 == 0:
                lost[side] += 1
                open('lost', 'w').write('%d %d' % tuple(lost))
                continue
        number += 1
        heapq.heappush(queue, (time.monotonic() + 0.04, number, 1 - side, frame))
    while queue and queue[0][0] <= time.monotonic():
        _, _, side, frame = heapq.heappop(queue)
        ends[side].send(frame)
";

/// Takes what comes, then sends as much back.
const MIRROR: &str = r"
import socket
s = socket.create_server(('10.79.0.2', 9000))
connection, _ = s.accept()
while connection.recv(65536):
    pass
connection.sendall(bytes(600000))
connection.close()
";

const SEND_AND_TAKE: &str = r"
import socket
s = socket.create_connection(('10.79.0.2', 9000))
s.sendall(bytes(600000))
s.shutdown(socket.SHUT_WR)
while s.recv(65536):
    pass
";

#[test]
fn what_a_wire_delays_and_loses_is_what_is_measured() {
    let needs = ["python3", "ethtool", "curl", "ping", "tftp", "in.tftpd", "coap-client-notls", "coap-server-notls"];
    let Some(mut lab) = Lab::open("a wire of 40 ms", &needs) else { return };
    for (name, script) in [("line.py", LINE), ("mirror.py", MIRROR), ("send.py", SEND_AND_TAKE)] {
        std::fs::write(lab.folder().join(name), script).expect("a file");
    }
    lab.must(
        Middle,
        "ip link set port2 nomaster; ip link add line0 type veth peer name line1; ip link set line1 master br0; \
         for end in line0 line1; do ip link set $end up; ethtool -K $end tx off >/dev/null 2>&1; done; true",
    );
    lab.serve(Middle, "python3 line.py");
    lab.serve_on(Node, "coap-server-notls -A 0.0.0.0 -p 5683", "udp", 5683);
    lab.serve_on(Node, "python3 -m http.server 80 --bind 10.79.0.2", "tcp", 80);
    lab.serve_on(Node, "python3 mirror.py", "tcp", 9000);
    std::fs::create_dir(lab.folder().join("tftp")).expect("a folder");
    std::fs::write(lab.folder().join("tftp/node.bin"), [0x55; 60_000]).expect("a file");
    let folder = lab.folder().display().to_string();
    lab.serve_on(Gateway, &format!("in.tftpd -L -4 -u root -a 10.79.0.1:69 -s {folder}/tftp"), "udp", 69);

    lab.must(Gateway, "ping -c 10 -i 0.2 10.79.0.2");
    for _ in 0..10 {
        lab.must(Gateway, "curl -sS -m 10 -o /dev/null http://10.79.0.2/send.py");
        lab.must(Gateway, "coap-client-notls -B 5 -m get coap://10.79.0.2/time");
    }
    lab.must(Node, "cd /tmp && timeout 60 tftp -m binary 10.79.0.1 -c get node.bin /dev/null");
    lab.must(Gateway, "timeout 120 python3 send.py");
    let lost = std::fs::read_to_string(lab.folder().join("lost")).expect("the wire counts");
    let [from_node, to_node]: [u64; 2] =
        lost.split(' ').map(|count| count.parse().expect("a number")).collect::<Vec<_>>().try_into().expect("two");
    let Some(capture) = lab.captured() else { return skipped("tcpdump lost packets") };

    let inventory = Inventory::parse(super::INVENTORY, "lab.toml").expect("a sound inventory");
    let survey = reading::survey(&[capture], inventory, true);
    let [gateway, node] = [Gateway, Node].map(|host| host.address().parse().expect("an address"));
    let all = |measure, answerer| {
        let mut times = igorscope::health::Histogram::default();
        let meant = |pair: &&Pair| pair.measure == measure && pair.answerer == answerer && pair.port != 9000;
        survey.health.pairs.iter().filter(|(pair, _)| meant(pair)).for_each(|(_, sums)| times.absorb(&sums.times));
        times
    };
    // There and back: never less, and little more, as much as a busy machine lets it be.
    for (measure, count) in
        [(Measure::Echo, 10), (Measure::Server, 10), (Measure::Http, 10), (Measure::Coap, 10), (Measure::Tftp, 118)]
    {
        let times = all(measure, node);
        assert_eq!(times.count(), count, "{measure:?}");
        let (least, median) = (times.least().expect("a time"), times.percentile(50).expect("a time"));
        assert!(least >= 80 * MS && median < 160 * MS, "{measure:?}: {least} {median}");
    }
    // On this side of the wire nothing is delayed.
    for times in [all(Measure::Client, gateway), all(Measure::TftpNext, gateway)] {
        assert!(times.count() >= 10 && times.percentile(50) < Some(20 * MS), "{times:?}");
    }
    // What was lost behind the capture was sent again, and what was lost before it as well.
    let losses = |asker, answerer| {
        let pair = Pair { asker, answerer, port: 9000, measure: Measure::Ack };
        survey.health.pairs[&pair].losses.clone().expect("a transfer")
    };
    for (losses, lost) in [(losses(gateway, node), to_node), (losses(node, gateway), from_node)] {
        assert!(lost >= 5, "the wire lost {lost}");
        let again = losses.again + losses.spurious;
        assert!(again >= lost && losses.again <= lost + lost / 2 + 3, "{lost} were lost: {losses:?}");
        assert_eq!(losses.uncaptured, 0, "{losses:?}");
    }
    let [transfer] = &survey.transfers[..] else { panic!("one file: {:?}", survey.transfers) };
    assert_eq!((transfer.sender.0, transfer.receiver.0), (gateway, node));
    // 60,000 bytes in blocks of 512.
    assert_eq!((transfer.blocks, transfer.repeated, transfer.is_finished), (118, 0, Some(true)));
    assert!(transfer.nanos >= 118 * 80 * MS && transfer.file.as_deref() == Some("node.bin"), "{transfer:?}");
    let told = |kind: &str| super::of_kind(&survey, kind);
    told("slow-transfer")[0].says(&["the receiver, or the way to it, held it up: 8"]);
    assert!(told("slow-device").is_empty(), "there is nobody to compare it with");
}
