//! `path` on what tcpdump captured on both sides of a router that delays, loses and drops: what is said to be missing is
//! what nftables and netem say they dropped.

use std::path::Path;
use std::time::{Duration, Instant};

use super::lab::Host::{Far, Gateway, Middle};
use super::lab::{INVENTORY, Lab};
use crate::command::run;
use crate::skips::skipped;

const ECHO: &str = r"
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('10.79.0.1', 5683))
while True:
    data, peer = s.recvfrom(2048)
    s.sendto(data, peer)
";

/// Numbered requests, 200 a second; their answers are left where they are.
const ASK: &str = r"
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number in range(1200):
    s.sendto(b'request %d' % number, ('10.79.0.1', 5683))
    time.sleep(0.005)
time.sleep(0.5)
";

/// What stands behind a word of a text, as a number.
fn number_after(text: &str, word: &str) -> u64 {
    let behind = text.split(word).nth(1).unwrap_or_else(|| panic!("{word}: {text}"));
    behind
        .trim_start()
        .split(|c: char| !c.is_ascii_digit())
        .next()
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

fn wait_for(path: &Path) {
    let until = Instant::now() + Duration::from_secs(20);
    while std::fs::metadata(path).map_or(0, |file| file.len()) < 24 {
        assert!(Instant::now() < until, "tcpdump did not begin");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_a_router_drops_is_what_is_missing() {
    let Some(mut lab) = Lab::open("path", &["nft", "tc", "python3", "curl", "ping"]) else { return };
    let folder = lab.folder().to_owned();
    lab.serve(Far, "tcpdump -i eth0 -s 0 -U --immediate-mode -w far.pcap -Z root");
    wait_for(&folder.join("far.pcap"));
    std::fs::write(folder.join("echo.py"), ECHO).expect("a file");
    std::fs::write(folder.join("ask.py"), ASK).expect("a file");
    lab.serve_on(Gateway, "python3 echo.py", "udp", 5683);
    lab.serve_on(Gateway, "python3 -m http.server 1901 --bind 10.79.0.1", "tcp", 1901);
    lab.serve_on(Gateway, "python3 -m http.server 80 --bind 10.79.0.1", "tcp", 80);
    // What the router itself sends would be among what netem drops.
    lab.must(Middle, "ip neigh replace 10.79.0.1 lladdr 02:49:67:79:00:01 dev br0 nud permanent");
    lab.must(Middle, "ip neigh replace 10.79.9.2 lladdr 02:49:67:79:00:09 dev port9 nud permanent");
    let netem = lab.run(
        Middle,
        "tc qdisc add dev br0 root netem delay 40ms loss 2% limit 10000 && tc qdisc add dev port9 root netem delay 40ms limit 10000",
    );
    if !netem.status.success() {
        return skipped(&format!("there is no netem: {}", String::from_utf8_lossy(&netem.stderr)));
    }
    lab.must(
        Middle,
        "nft 'add table ip t; add chain ip t f { type filter hook forward priority 0; }; \
         add rule ip t f ip saddr 10.79.9.2 tcp dport 1901 counter drop'",
    );
    // The ends of both captures are further apart than what the router delays.
    lab.run(Gateway, "ping -c 3 -i 0.2 10.79.9.2");
    std::thread::sleep(Duration::from_secs(1));
    lab.must(Far, "python3 ask.py");
    lab.run(Far, "curl -sS -m 10 http://10.79.0.1/ >/dev/null");
    lab.run(Far, "curl -sS -m 4 http://10.79.0.1:1901/");
    std::thread::sleep(Duration::from_secs(1));
    lab.run(Gateway, "ping -c 3 -i 0.2 10.79.9.2");
    std::thread::sleep(Duration::from_millis(300));
    let blocked = number_after(&lab.must(Middle, "nft list ruleset"), "packets ");
    let dropped = number_after(&lab.must(Middle, "tc -s qdisc show dev br0"), "(dropped ");
    assert!(blocked >= 2 && dropped >= 5, "nftables dropped {blocked}, netem {dropped}");
    let Some(near) = lab.captured() else { return skipped("tcpdump lost packets") };
    std::fs::write(folder.join("lab.toml"), INVENTORY).expect("a file");

    let out = folder.join("out");
    let places = [format!("far={}", folder.join("far.pcap").display()), format!("near={}", near.display())];
    let inventory = folder.join("lab.toml").display().to_string();
    let words = ["path", &places[0], &places[1], "--inventory", &inventory, "-o", out.to_str().expect("a path")];
    let done = run(words).expect(0, &[]);
    let text = done.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("Left far, never came to near: what lies between drops TCP 1901"), "{text}");
    assert!(text.contains(&format!("from nodes to the gateway ({blocked} packets of 1 conversation)")), "{text}");

    let all: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("path.json")).expect("a file")).expect("JSON");
    let leg = |from: &str| all["legs"].as_array().expect("legs").iter().find(|leg| leg["from"] == from).expect("a leg");
    assert_eq!(leg("far")["missing"], blocked + dropped, "{all:#}");
    assert_eq!(leg("near")["missing"], 0, "{all:#}");
    for side in ["far", "near"] {
        let median = leg(side)["delay_median_s"].as_f64().expect("a delay");
        assert!((0.035..0.050).contains(&median), "{side}: {median}");
    }
    // Both were captured by one clock.
    let clock = &all["places"][1]["clock"];
    let error = clock["error_s"].as_f64().expect("an error");
    assert!(clock["ahead_s"].as_f64().expect("an offset").abs() <= error && (0.035..0.050).contains(&error), "{clock}");
}
