//! Never reassured wrongly: what a person reads, in every face, where a capture shows nothing of the site, only half of it, or
//! something else than the inventory says; and, each time, the twin in which all is well.

use std::ffi::OsString;
use std::fs;

use serde_json::Value;

use crate::command::{Run, folder, run, run_with, sample};
use crate::mirror::{BACNET, EVERYONE, End, GATEWAY, Host, Mirror, OTHER, host, node};
use crate::tools::printed;
use crate::traffic::frame::{ACK, PSH, RST, SYN};
use crate::traffic::payload::{bacnet, coap, http, ssdp, tftp};
use crate::traffic::wire::{MILLI, SECOND};
use crate::xlsx::python;

/// All faces of one survey.
struct Faces {
    terminal: String,
    report: String,
    json: Value,
    findings: String,
}

impl Faces {
    fn of(mirror: &Mirror, options: &[&str]) -> Self {
        Self::of_capture(&mirror.tape.pcap(), options)
    }

    fn of_capture(capture: &[u8], options: &[&str]) -> Self {
        let folder = folder(&[("capture.pcap", capture)]);
        let (capture, out) = (folder.path().join("capture.pcap"), folder.path().join("out"));
        let mut arguments: Vec<OsString> = vec!["analyze".into(), capture.into(), "-o".into(), out.clone().into()];
        arguments.extend(options.iter().map(OsString::from));
        let Run { out: terminal, .. } = run(arguments).expect(0, &[]);
        let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
        Self {
            terminal,
            report: read("report.html"),
            json: serde_json::from_str(&read("survey.json")).unwrap(),
            findings: read("findings.csv"),
        }
    }

    /// The text of the terminal without its line ends.
    fn text(&self) -> String {
        self.terminal.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn caveats(&self, kind: &str) -> Vec<&str> {
        let all = self.json["caveats"].as_array().unwrap();
        all.iter().filter(|caveat| caveat["kind"] == kind).map(|caveat| caveat["text"].as_str().unwrap()).collect()
    }

    fn reasons(&self) -> Vec<&str> {
        let all = self.json["findings"].as_array().unwrap();
        all.iter().map(|finding| finding["reason"].as_str().unwrap()).collect()
    }

    /// Nothing was judged, and each face says so first.
    #[track_caller]
    fn are_not_judged(&self, reason: &str) {
        assert_eq!(self.json["judged"]["value"], false, "{}", self.terminal);
        let told = self.json["judged"]["reason"].as_str().unwrap();
        assert!(told.contains(reason), "{told}");
        assert!(!self.json["judged"]["next"].as_str().unwrap().is_empty());
        assert!(self.terminal.lines().next().unwrap().contains("NOT JUDGED"), "{}", self.terminal);
        assert!(self.text().contains(&format!("Result NOT JUDGED: {told}")), "{}", self.terminal);
        assert!(self.text().contains("Next: "));
        assert!(!self.text().contains("Quality good"), "{}", self.terminal);
        assert!(self.report.contains("<strong>NOT JUDGED: "));
        assert!(!self.report.contains("The capture is good."));
        assert_eq!(self.caveats("not-judged").len(), 1);
        assert!(!self.findings.contains("not-judged"), "a caveat is no finding");
    }

    #[track_caller]
    fn are_judged(&self) {
        assert_eq!(self.json["judged"], serde_json::json!({ "value": true, "reason": null, "next": null }));
        assert!(!self.terminal.contains("NOT JUDGED") && !self.report.contains("NOT JUDGED"), "{}", self.terminal);
    }
}

/// What a gateway and a node exchange: CoAP, configuration and a page, all of it answered.
fn healthy(mirror: &mut Mirror, at: u64, gateway: Host, node: Host, id: u16) {
    let ask = coap::request(0, 1, id, &[id as u8], "light", &[]);
    mirror.udp(at, (gateway, 40_000 + id), (node, 5683), &ask);
    mirror.udp(at + MILLI, (node, 5683), (gateway, 40_000 + id), &coap::content(2, id, &[id as u8], None, "80"));
    mirror.exchange(at + 10 * MILLI, (gateway, 41_000 + id), (node, 88), [1_000, 5_000]);
    mirror.exchange(at + 20 * MILLI, (gateway, 42_000 + id), (node, 80), [1_000, 5_000]);
}

fn site(nodes: std::ops::RangeInclusive<u8>) -> Mirror {
    let mut mirror = Mirror::default();
    for number in nodes {
        healthy(&mut mirror, u64::from(number) * SECOND, GATEWAY, node(number), u16::from(number));
    }
    mirror
}

const ROLES: [&str; 4] = ["--gateway", "10.20.0.10", "--node", "10.20.0.101-10.20.0.104"];

#[test]
fn a_capture_that_shows_nothing_of_the_site_is_not_judged() {
    let office = |mirror: &mut Mirror| {
        let server = host([2, 0, 0, 0, 0, 9], [10, 20, 0, 9]);
        for number in 1..=3 {
            let pc = host([2, 0, 0, 0, 1, number], [10, 30, 0, number]);
            mirror.exchange(u64::from(number) * SECOND, (pc, 50_000), (server, 8080), [1_000, 5_000]);
        }
    };
    let mut offices = Mirror::default();
    office(&mut offices);
    Faces::of(&offices, &[]).are_not_judged("No Igor gateway, node or BACnet system is known here.");
    Faces::of(&offices, &ROLES).are_not_judged("was heard");

    let mut groups = Mirror::default();
    for number in 101..=103 {
        let announce =
            ssdp::notify("239.255.255.250:1900", "http://10.20.0.101:1900/d.xml", "upnp:rootdevice", "uuid:1");
        let group = Host { mac: [1, 0, 0x5e, 0x7f, 0xff, 0xfa], ..EVERYONE.at("239.255.255.250") };
        groups.udp(u64::from(number) * SECOND, (node(number), 1900), (group, 1900), &announce);
        groups.who_has(u64::from(number) * SECOND + MILLI, node(number), GATEWAY);
    }
    let faces = Faces::of(&groups, &ROLES);
    faces.are_not_judged("No exchange of two hosts");
    assert_eq!(faces.caveats("no-mirror").len(), 1);
    // The same beside what two of them exchange is judged.
    healthy(&mut groups, 200 * SECOND, GATEWAY, node(101), 101);
    healthy(&mut groups, 210 * SECOND, GATEWAY, node(102), 102);
    Faces::of(&groups, &ROLES).are_judged();

    Faces::of(&Mirror::default(), &ROLES).are_not_judged("Nothing was captured.");

    // The gateway's way to its cloud, or a BACnet system's to an office, is none of the lighting.
    let mut uplink = Mirror::default();
    uplink.exchange(0, (GATEWAY, 40_000), (OTHER.at("203.0.113.80"), 443), [1_000, 5_000]);
    Faces::of(&uplink, &ROLES).are_not_judged("nothing that they exchange with one another");
    // What was found all the same is told, and that it is no judgement of the rest.
    uplink.exchange(SECOND, (GATEWAY, 40_001), (OTHER.at("203.0.113.80"), 23), [1_000, 5_000]);
    let faces = Faces::of(&uplink, &ROLES);
    faces.are_not_judged("nothing that they exchange with one another");
    assert!(
        faces
            .text()
            .contains(" 1 alert and 1 warning are listed all the same, but nothing says that the rest is well."),
        "{}",
        faces.text()
    );
    // Of what nobody answers, and need not, nothing can be told.
    let mut lone = Mirror::default();
    for number in 101..=104 {
        let told = coap::request(1, 2, u16::from(number), &[number], "light", b"1");
        lone.udp(u64::from(number) * SECOND, (GATEWAY, 40_000), (node(number), 5683), &told);
    }
    Faces::of(&lone, &ROLES).are_not_judged("one direction only was seen");
}

#[test]
fn a_capture_at_one_hosts_port_is_judged_and_is_no_mirror() {
    let mut mirror = Mirror::default();
    healthy(&mut mirror, 0, GATEWAY, node(101), 1);
    mirror.exchange(SECOND, (node(101), 50_000), (OTHER, 8080), [1_000, 5_000]);
    let faces = Faces::of(&mirror, &ROLES);
    faces.are_judged();
    let told = faces.caveats("no-mirror");
    assert!(told[0].contains("All exchanges in the capture are of node 10.20.0.101"), "{told:?}");
    assert!(!faces.text().contains("Quality good"));
    assert_eq!(faces.reasons().iter().filter(|reason| **reason == "undocumented-port").count(), 1, "fully judged");
    // The gateway's port is the one to mirror.
    let faces = Faces::of(&site(101..=104), &ROLES);
    assert!(faces.caveats("no-mirror").is_empty());
    assert!(faces.text().contains("Quality good"), "{}", faces.terminal);
}

#[test]
fn an_inventory_that_contradicts_the_traffic_is_told_before_all() {
    let mirror = site(101..=104);
    Faces::of(&mirror, &ROLES).are_judged();
    assert!(Faces::of(&mirror, &ROLES).caveats("inventory-contradicts").is_empty());

    // Gateway and a node exchanged.
    let exchanged = ["--gateway", "10.20.0.101", "--node", "10.20.0.10", "--node", "10.20.0.102-10.20.0.104"];
    let faces = Faces::of(&mirror, &exchanged);
    let told = faces.caveats("inventory-contradicts");
    assert!(told[0].contains("10.20.0.10 is declared a node, and behaves as a gateway"), "{told:?}");
    assert!(told[0].contains("10.20.0.101 is declared a gateway, and behaves as a node"), "{told:?}");
    assert!(faces.text().contains("Result The inventory contradicts the traffic: "), "{}", faces.terminal);
    assert!(faces.text().contains("Quality ! The inventory contradicts the traffic: "), "{}", faces.terminal);
    assert!(faces.report.contains("<strong>The inventory contradicts the traffic: correct it first.</strong>"));

    // A laptop that polls the nodes, listed as what it is, contradicts nothing.
    let mut commissioned = site(101..=104);
    for number in 101..=104 {
        healthy(
            &mut commissioned,
            300 * SECOND + u64::from(number) * SECOND,
            OTHER,
            node(number),
            200 + u16::from(number),
        );
    }
    let faces = Faces::of(&commissioned, &ROLES);
    assert!(faces.caveats("inventory-contradicts")[0].contains("10.20.0.50 as a gateway"));
    let folder =
        folder(&[("site.csv", b"address,role\n10.20.0.10,gateway\n10.20.0.101-10.20.0.104,node\n10.20.0.50,host\n")]);
    let inventory = folder.path().join("site.csv").to_string_lossy().into_owned();
    assert!(Faces::of(&commissioned, &["--inventory", &inventory]).caveats("inventory-contradicts").is_empty());
    // Between two hosts nothing tells who is what, whoever asks.
    let mut asked = Mirror::default();
    healthy(&mut asked, 0, node(101), GATEWAY, 1);
    asked.exchange(SECOND, (node(101), 41_500), (GATEWAY, 1900), [1_000, 5_000]);
    assert!(Faces::of(&asked, &ROLES).caveats("inventory-contradicts").is_empty());

    // A gateway that is not there, and another host that is one.
    let faces = Faces::of(&mirror, &["--gateway", "10.20.0.11", "--node", "10.20.0.101-10.20.0.104"]);
    let told = faces.caveats("inventory-contradicts");
    assert!(told.iter().any(|text| text.contains("10.20.0.11 was never heard, and 10.20.0.10 behaves as")), "{told:?}");
    assert!(faces.caveats("inventory-unmatched")[0].contains("10.20.0.11"));

    // A node that nobody lists.
    let faces = Faces::of(&mirror, &["--gateway", "10.20.0.10", "--node", "10.20.0.101-10.20.0.103"]);
    let told = faces.caveats("inventory-contradicts");
    assert!(told[0].contains("10.20.0.104 as a node"), "{told:?}");
    // The twin: a laptop that visits one page of the gateway is none.
    let mut visited = site(101..=103);
    visited.exchange(500 * SECOND, (OTHER, 50_000), (GATEWAY, 80), [1_000, 5_000]);
    let faces = Faces::of(&visited, &["--gateway", "10.20.0.10", "--node", "10.20.0.101-10.20.0.103"]);
    assert!(faces.caveats("inventory-contradicts").is_empty(), "{:?}", faces.caveats("inventory-contradicts"));
}

#[test]
fn who_serves_nodes_beside_the_inventory_is_told_and_who_looks_in_is_not() {
    let told =
        |mirror: &Mirror, options: &[&str]| Faces::of(mirror, options).caveats("inventory-contradicts").join(" ");
    let other = host([0x00, 0x1b, 0xc5, 0x00, 0x00, 0x11], [10, 20, 0, 11]);
    let mut two = site(101..=104);
    for number in 111..=113 {
        healthy(&mut two, u64::from(number) * SECOND, other, node(number), u16::from(number));
    }
    // Neither the nodes that are inferred nor those that are declared keep a gateway of others from being found.
    for options in [&["--gateway", "10.20.0.10"][..], &ROLES] {
        assert!(told(&two, options).contains("10.20.0.11 as a gateway"), "{}", told(&two, options));
    }
    assert!(!told(&site(101..=104), &["--gateway", "10.20.0.10"]).contains("as a gateway"));

    // BACnet beside: its system is no gateway, and no node of a block that holds more than the nodes.
    let mut both = site(101..=104);
    for invoke in 0..3 {
        let (at, ends) = (u64::from(invoke) * SECOND, [(BACNET, 47_808), (GATEWAY, 47_808)]);
        both.udp(at, ends[0], ends[1], &bacnet::read_property(invoke, 7));
        both.udp(at + MILLI, ends[1], ends[0], &bacnet::read_property_ack(invoke, 7, 21.5));
    }
    let wrong = told(&both, &["--gateway", "10.20.0.200"]);
    assert!(wrong.contains("10.20.0.200 is declared a gateway, and behaves as a BACnet system"), "{wrong}");
    let wrong = told(&both, &["--gateway", "10.20.0.10", "--node", "10.20.0.0/24"]);
    assert!(wrong.contains("10.20.0.200 is declared a node, and behaves as a BACnet system"), "{wrong}");
    assert_eq!(told(&both, &[&ROLES[..], &["--bacnet", "10.20.0.200"]].concat()), "");

    // A person at a computer looks at one node, and some look at what all of them say of themselves.
    let mut visited = site(101..=104);
    let ask = coap::request(0, 1, 900, &[9], "light", &[]);
    visited.udp(300 * SECOND, (OTHER, 50_000), (node(101), 5683), &ask);
    visited.udp(300 * SECOND + MILLI, (node(101), 5683), (OTHER, 50_000), &coap::content(2, 900, &[9], None, "80"));
    for (number, from) in (101..=104).flat_map(|number| (60..=65).map(move |from| (number, from))) {
        let at = 310 * SECOND + u64::from(number) * SECOND + u64::from(from) * MILLI;
        let computer = host([2, 0, 0, 0, 1, from], [10, 20, 0, from]);
        visited.exchange(at, (computer, 50_000 + u16::from(number)), (node(number), 1901), [1_000, 5_000]);
    }
    assert_eq!(told(&visited, &ROLES), "");
    let roles = Faces::of(&visited, &[]).caveats("roles-inferred").join(" ");
    assert!(roles.contains("gateway 10.20.0.10 (") && roles.contains("4 nodes"), "{roles}");
}

#[test]
fn addresses_and_macs_that_do_not_go_together_are_told() {
    let folder = folder(&[(
        "site.csv",
        b"address,mac,role,name\n10.20.0.10,,gateway,gw\n10.20.0.101,00:1b:c5:00:01:66,node,one\n\
          10.20.0.102,00:1b:c5:00:01:66,node,two\n10.20.0.113,00:1b:c5:00:01:67,node,three\n\
          10.20.0.140,00:1b:c5:00:01:aa,node,gone\n10.99.0.0/24,,node,\n",
    )]);
    let inventory = folder.path().join("site.csv").to_string_lossy().into_owned();
    // The MAC of node 102 cannot be that of two entries; here the first has another one.
    let text = fs::read_to_string(&inventory).unwrap().replace("10.20.0.102,00:1b:c5:00:01:66", "10.20.0.102,");
    fs::write(&inventory, text).unwrap();
    let faces = Faces::of(&site(101..=103), &["--inventory", &inventory]);
    let told = faces.caveats("inventory-contradicts").join("\n");
    assert!(told.contains("10.20.0.101 (one) is declared with 00:1b:c5:00:01:66, and was heard with"), "{told}");
    assert!(
        told.contains("00:1b:c5:00:01:67 is declared at 10.20.0.113 (three), and was heard at 10.20.0.103"),
        "{told}"
    );
    let told = faces.caveats("inventory-unmatched");
    assert!(told[0].contains("2 entries") && told[0].contains("10.20.0.140 (gone), 10.99.0.0/24"), "{told:?}");
}

#[test]
fn one_device_may_have_several_addresses() {
    let folder = folder(&[(
        "site.csv",
        b"address,mac,role,name\n10.30.0.10,00:1b:c5:00:00:10,gateway,upstairs\n10.20.0.10,,gateway,here\n\
          fe80::65,00:1b:c5:00:01:65,node,one\n10.20.0.101,,node,one too\n10.20.0.102-10.20.0.104,,node,\n",
    )]);
    let inventory = folder.path().join("site.csv").to_string_lossy().into_owned();
    let faces = Faces::of(&site(101..=104), &["--inventory", &inventory]);
    assert!(faces.caveats("inventory-contradicts").is_empty(), "{:?}", faces.caveats("inventory-contradicts"));
}

#[test]
fn an_inventory_of_nobody_that_forbids_inference_is_contradicted() {
    let folder = folder(&[("none.toml", b"infer = false\n")]);
    let inventory = folder.path().join("none.toml").to_string_lossy().into_owned();
    let faces = Faces::of(&site(101..=104), &["--inventory", &inventory]);
    faces.are_not_judged("The inventory lists no Igor host, and lets none be inferred.");
    assert!(faces.caveats("inventory-contradicts")[0].contains("10.20.0.10 as a gateway"));
}

/// One direction of what the sample of a one-way mirror would show.
fn one_way(mirror: &mut Mirror, number: u8) {
    let at = u64::from(number) * SECOND;
    let (client, server): (End, End) = ((GATEWAY, 41_000), (node(number), 80));
    mirror.tcp(at, client, server, SYN, [1_000, 0], &[]);
    mirror.tcp(at + MILLI, client, server, ACK, [1_001, 5_001], &[]);
    mirror.tcp(at + 2 * MILLI, client, server, ACK | PSH, [1_001, 5_001], &http::get("node", "/"));
    mirror.tcp(at + 3 * MILLI, client, server, ACK, [1_100, 6_000], &[]);
    let ask = coap::request(0, 1, u16::from(number), &[number], "light", &[]);
    mirror.udp(at + 4 * MILLI, (GATEWAY, 42_000), (node(number), 5683), &ask);
}

#[test]
fn a_mirror_of_one_direction_makes_no_host_dead() {
    let mut mirror = Mirror::default();
    (101..=103).for_each(|number| one_way(&mut mirror, number));
    let faces = Faces::of(&mirror, &ROLES);
    faces.are_not_judged("one direction only");
    assert_eq!(faces.reasons(), [""; 0], "neither blocked nor never heard: {}", faces.terminal);
    assert!(!faces.report.contains("switched off"));
    assert!(faces.text().contains("Fix the mirror and capture again."));

    // A lost acknowledgement is followed by a repetition; who goes on to repeat was never answered (RFC 7252 section 4.2).
    let repeated = |times: &[u64]| {
        let mut mirror = Mirror::default();
        (101..=103).for_each(|number| one_way(&mut mirror, number));
        for at in times {
            let ask = coap::request(coap::CON, coap::GET, 77, &[7], "light", &[]);
            mirror.udp(at * SECOND, (GATEWAY, 42_001), (node(104), 5683), &ask);
        }
        Faces::of(&mirror, &ROLES).reasons().contains(&"blocked")
    };
    assert!(!repeated(&[150, 152]));
    assert!(repeated(&[150, 152, 156, 164]));

    // A SYN that is sent again had no answer, and unexpected traffic is unexpected, whatever is missing.
    mirror.knock(200 * SECOND, (GATEWAY, 43_000), (node(104), 88));
    mirror.udp(210 * SECOND, (node(101), 5_000), (node(102), 7_777), b"who are you");
    // What looks like half of a transfer cannot be told from one.
    mirror.udp(220 * SECOND, (GATEWAY, 50_001), (node(103), 50_002), &tftp::data(1, &[7; 512]));
    let faces = Faces::of(&mirror, &ROLES);
    let mut reasons = faces.reasons();
    reasons.sort_unstable();
    assert_eq!(reasons, ["blocked", "request-not-captured", "undocumented-port"], "{}", faces.terminal);
    faces.are_judged();
    // Nor can an answer of SSDP, or what acknowledges a first window (RFC 7440); notifications and later blocks answer nothing.
    let url = "http://10.20.0.103/description.xml";
    for (at, is_half, payload) in [
        (230, true, ssdp::answer(url, "upnp:rootdevice", "uuid:14")),
        (231, true, tftp::ack(16)),
        (232, false, ssdp::notify("239.255.255.250:1900", url, "upnp:rootdevice", "uuid:14")),
        (233, false, tftp::ack(160)),
    ] {
        let mut mirror = Mirror::default();
        (101..=103).for_each(|number| one_way(&mut mirror, number));
        mirror.udp(at * SECOND, (GATEWAY, 50_003), (node(103), 50_004), &payload);
        let expected = if is_half { "request-not-captured" } else { "undocumented-port" };
        assert_eq!(Faces::of(&mirror, &ROLES).reasons(), [expected], "{payload:?}");
    }
}

/// What is told of what a node says to its gateway, beside a site that works: how bad it is, and why.
fn told_beside(site: impl Fn(&mut Mirror), said: &[(u64, u16, u16, Vec<u8>)]) -> Vec<(String, String)> {
    let mut mirror = Mirror::default();
    let say = |mirror: &mut Mirror, is_before: bool| {
        for (at, from, to, payload) in said.iter().filter(|(at, ..)| (*at < 101 * SECOND) == is_before) {
            mirror.udp(*at, (node(101), *from), (GATEWAY, *to), payload);
        }
    };
    say(&mut mirror, true);
    (101..=103).for_each(|number| {
        healthy(&mut mirror, u64::from(number) * SECOND, GATEWAY, node(number), u16::from(number));
    });
    site(&mut mirror);
    say(&mut mirror, false);
    let faces = Faces::of(&mirror, &ROLES);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = faces.json["findings"].as_array().unwrap();
    let mut told: Vec<_> =
        findings.iter().map(|finding| (text(&finding["severity"]), text(&finding["reason"]))).collect();
    told.dedup();
    told
}

#[test]
fn what_only_answers_a_request_before_the_capture_is_no_undocumented_port() {
    // The services are used here, and seen whole.
    let used = |mirror: &mut Mirror| {
        for number in 0..5 {
            let (client, server): (End, End) = ((GATEWAY, 57_000 + number), (node(102), 50_195));
            mirror.udp(110 * SECOND, client, server, b"FW\0\x01");
            mirror.udp(110 * SECOND + MILLI, server, client, b"FA\0\x01");
        }
        let client: End = (GATEWAY, 49_300);
        mirror.udp(111 * SECOND, client, (node(102), 69), &tftp::read("fw.bin", &[]));
        mirror.transfer(111 * SECOND + MILLI, client, (node(102), 49_400));
    };
    let told = |said: &[(u64, u16, u16, Vec<u8>)]| told_beside(used, said);
    let notice = [("notice".to_owned(), "request-not-captured".to_owned())];
    let alert = [("alert".to_owned(), "undocumented-port".to_owned())];
    let answer = || b"FA\0\x01".to_vec();
    // The site's first frame is of second 101. Five fresh ports are one line.
    let from_firmware: Vec<_> = (0..5).map(|at| (101 * SECOND - MILLI, 50_195 + at, 56_931 + at, answer())).collect();
    assert_eq!(told(&from_firmware), notice);
    assert_eq!(told(&[(100 * SECOND, 49_161, 49_170, tftp::error(1, "none"))]), notice);
    // Where they are not used, from another port, later, again and again, or between hosts that may not: unexpected for sure.
    assert_eq!(told_beside(|_| {}, &from_firmware), alert);
    assert_eq!(told_beside(|_| {}, &[(100 * SECOND, 49_161, 49_170, tftp::error(1, "none"))]), alert);
    assert_eq!(told(&[(100 * SECOND, 50_200, 56_931, answer())]), alert);
    assert_eq!(told(&[(120 * SECOND, 50_195, 56_931, answer())]), alert);
    assert_eq!(told(&[(120 * SECOND, 49_161, 49_170, tftp::error(1, "none"))]), alert);
    assert_eq!(told(&[(100 * SECOND, 50_195, 56_931, answer()), (140 * SECOND, 50_195, 56_931, answer())]), alert);
    let mut mirror = Mirror::default();
    mirror.udp(100 * SECOND, (node(101), 49_161), (node(102), 49_170), &tftp::error(1, "none"));
    assert!(Faces::of(&mirror, &ROLES).reasons().contains(&"undocumented-port"), "no node serves another's files");
    // Blocks with rising numbers were acknowledged, whether that was captured or not; one alone proves nothing.
    let blocks = |last: u16| -> Vec<_> {
        (1..=last)
            .map(|number| {
                (120 * SECOND + u64::from(number) * MILLI, 49_161, 49_170, tftp::data(number, &[number as u8; 512]))
            })
            .collect()
    };
    assert_eq!((told(&blocks(8)), told(&blocks(1))), (notice.to_vec(), alert.to_vec()));
    // Other messages may be numbered, too, and what answers a service was asked from a client's port.
    let numbered: Vec<_> =
        (1..40).map(|number| (u64::from(number) * 10 * SECOND, 49_161, 7_000, tftp::data(number, b"22.5"))).collect();
    assert_eq!(told(&numbered), alert);
    assert_eq!(told(&[(100 * SECOND, 50_195, 6_000, answer())]), alert);
}

#[test]
fn what_several_hosts_answer_by_ssdp_was_asked_of_all() {
    let answer = ssdp::answer("http://10.20.0.101/description.xml", "upnp:rootdevice", "uuid:14");
    let pc = host([2, 0, 0, 0, 1, 50], [10, 20, 0, 50]);
    let group = Host { mac: [0x01, 0, 0x5e, 0x7f, 0xff, 0xfa], ..EVERYONE.at("239.255.255.250") };
    let search = ssdp::search("239.255.255.250:1900", "upnp:rootdevice", Some(2));
    let told = |searched: Option<u16>, answers: &[(u64, u8, u16)], whom: Host| {
        let mut mirror = site(101..=104);
        searched.into_iter().for_each(|port| mirror.udp(200 * SECOND, (whom, port), (group, 1900), &search));
        for (at, number, port) in answers {
            mirror.udp(at * SECOND, (node(*number), *port), (whom, 50_123), &answer);
        }
        Faces::of(&mirror, &ROLES).reasons().join(" ")
    };
    let three = [(300, 101, 1900), (300, 102, 1900), (301, 103, 1900)];
    assert_eq!(told(None, &three, pc), "request-not-captured");
    assert_eq!(told(None, &three.map(|(at, number, _)| (at, number, 50_001)), GATEWAY), "request-not-captured");
    // Who searches at other times may have searched before the capture, and not where one would have been captured.
    assert_eq!(told(Some(50_100), &[(105, 101, 1900)], pc), "request-not-captured");
    assert_eq!(told(Some(50_100), &three[..1], pc), "undocumented-peer");
    // Who answers alone may have been asked alone; one search explains nothing that goes on or comes too late.
    assert_eq!(told(None, &three[..1], pc), "undocumented-peer");
    assert_eq!(told(Some(50_123), &three, pc), "undocumented-peer");
    let again = [&three[..], &three.map(|(at, number, port)| (at + 60, number, port))].concat();
    assert_eq!(told(None, &again, pc), "undocumented-peer");
    // Nobody outside asks a group of the site.
    assert_eq!(told(None, &three, host([2, 0, 0, 0, 0, 9], [198, 51, 100, 20])), "undocumented-peer");
}

/// A SYN-ACK was not captured, for the client acknowledges it.
fn lost(mirror: &mut Mirror, number: u16) {
    let (client, server): (End, End) = ((GATEWAY, 43_000 + number), (node(103), 88));
    let at = 130 * SECOND + u64::from(number) * SECOND;
    mirror.tcp(at, client, server, SYN, [1_000, 0], &[]);
    mirror.tcp(at + MILLI, client, server, ACK, [1_001, 5_001], &[]);
    mirror.tcp(at + 2 * MILLI, server, client, ACK | PSH, [5_001, 1_001], b"CFG");
}

#[test]
fn losses_explain_no_more_answers_than_packets_were_lost() {
    let lossy = |lost: u16, exchanges: u16| {
        move |mirror: &mut Mirror| {
            (1..=lost).for_each(|number| self::lost(mirror, number));
            for number in 0..exchanges {
                let (client, server): (End, End) = ((GATEWAY, 57_000 + number), (node(102), 50_195));
                mirror.udp(160 * SECOND, client, server, b"FW\0\x01");
                mirror.udp(160 * SECOND + MILLI, server, client, b"FA\0\x01");
            }
        }
    };
    let answers = |number: u16| -> Vec<_> {
        (0..number).map(|at| (200 * SECOND, 50_195, 56_931 + at, b"FA\0\x01".to_vec())).collect()
    };
    let reasons = |lost, exchanges, lone| {
        let told = told_beside(lossy(lost, exchanges), &answers(lone));
        told.into_iter().map(|(_, reason)| reason).collect::<Vec<_>>()
    };
    assert_eq!(reasons(4, 3, 2), ["request-not-captured"]);
    // More than were lost, and more than ever were answered.
    assert_eq!(reasons(1, 3, 2), ["undocumented-port"]);
    assert_eq!(reasons(4, 1, 2), ["undocumented-port"]);
    assert_eq!(reasons(0, 3, 2), ["undocumented-port"]);
}

#[test]
fn other_hosts_paths_excuse_no_silence() {
    let mut mirror = site(101..=103);
    let ask = coap::request(0, 1, 9, &[9], "light", &[]);
    mirror.udp(300 * SECOND, (GATEWAY, 42_000), (node(104), 5683), &ask);
    for number in 1..=20 {
        let (client, server) = ((OTHER, 50_000 + number), (host([2, 0, 0, 0, 0, 9], [10, 20, 0, 9]), 8080));
        let at = 310 * SECOND + u64::from(number) * MILLI;
        mirror.tcp(at, client, server, SYN, [1_000, 0], &[]);
        mirror.tcp(at, client, server, ACK | PSH, [1_001, 5_001], &http::get("server", "/"));
    }
    let faces = Faces::of(&mirror, &ROLES);
    assert!(faces.caveats("one-way-mirror").is_empty());
    assert!(faces.reasons().contains(&"blocked"), "{}", faces.terminal);
    // And a few exchanges of others make nobody dead whose packets are acknowledged.
    let mut half = Mirror::default();
    (101..=103).for_each(|number| one_way(&mut half, number));
    for number in 0..4 {
        let at = 300 * SECOND + u64::from(number) * SECOND;
        half.exchange(at, (OTHER, 50_000 + number), (GATEWAY, 80), [1_000, 5_000]);
    }
    let faces = Faces::of(&half, &ROLES);
    assert!(!faces.reasons().contains(&"blocked"), "{}", faces.terminal);
    assert!(!faces.report.contains("switched off"));
}

/// RFC 9293 section 3.8.1: what is not acknowledged is sent again, with the acknowledgment of before, until the sender gives
/// up. Nothing of it says that the other side is there.
#[test]
fn what_is_sent_again_and_again_excuses_no_silence() {
    let silent = |hears: bool, alone: bool| {
        let mut mirror = if alone { Mirror::default() } else { site(101..=103) };
        let (client, server) = ((GATEWAY, 41_900), (node(104), 80));
        for turn in 0..6_u32 {
            let at = (300 + (1 << turn)) * SECOND;
            let said = if hears { [1_000 + 30 * turn, 5_000 + 80 * turn] } else { [1_000, 5_000] };
            mirror.tcp(at, client, server, ACK | PSH, said, b"POST /level HTTP/1.1\r\n\r\n");
            if hears {
                mirror.tcp(at + MILLI, client, server, ACK, [said[0] + 24, said[1] + 80], &[]);
            }
        }
        for turn in 0..4_u64 {
            let ask = coap::request(0, 1, if hears { turn as u16 } else { 9 }, &[9], "light", &[]);
            mirror.udp((310 + 5 * turn) * SECOND, (GATEWAY, 42_000), (node(104), 5683), &ask);
        }
        mirror.tape.sort();
        let faces = Faces::of(&mirror, &ROLES);
        faces.reasons().contains(&"blocked")
    };
    for alone in [false, true] {
        assert!(silent(false, alone), "{alone}");
        assert!(!silent(true, alone), "{alone}");
    }
}

#[test]
fn hosts_of_which_one_direction_is_mirrored_are_named() {
    let faces = |lacks: bool| {
        let mut mirror = site(101..=103);
        if lacks {
            one_way(&mut mirror, 104);
        }
        Faces::of(&mirror, &ROLES)
    };
    let told = faces(true);
    let text = told.caveats("one-way-hosts").join("");
    assert!(text.contains("10.20.0.104 to 10.20.0.10.") && !text.contains("10.20.0.103"), "{text}");
    assert!(told.caveats("one-way-mirror").is_empty() && !told.text().contains("Quality good"), "{}", told.terminal);
    assert!(!told.reasons().contains(&"blocked"), "{}", told.terminal);
    assert!(faces(false).caveats("one-way-hosts").is_empty());
}

/// Whose answers are not captured is known to answer by the acknowledgements of who asks; what fails after the last of them
/// has failed all the same.
#[test]
fn connections_that_live_unseen_make_up_for_those_that_failed() {
    let told = |lives: &[u64], fails: &[u64]| {
        let mut mirror = site(101..=103);
        let mut times: Vec<_> = lives.iter().map(|at| (*at, true)).chain(fails.iter().map(|at| (*at, false))).collect();
        times.sort_unstable();
        for (at, lives) in times {
            let (client, server): (End, End) = ((GATEWAY, 43_000 + at as u16), (node(104), 88));
            if lives {
                mirror.tcp(at * SECOND, client, server, SYN, [1_000, 0], &[]);
                mirror.tcp(at * SECOND + MILLI, client, server, ACK, [1_001, 5_001], &[]);
                mirror.tcp(at * SECOND + 2 * MILLI, client, server, ACK | PSH, [1_001, 5_001], b"CFG");
                mirror.tcp(at * SECOND + 9 * MILLI, client, server, ACK, [1_004, 5_300], &[]);
            } else {
                mirror.knock(at * SECOND, client, server);
            }
        }
        let faces = Faces::of(&mirror.goes_on(), &ROLES);
        let of_silence = |reason: &&str| ["blocked", "stopped-answering"].contains(reason);
        faces.reasons().into_iter().filter(of_silence).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(told(&[300, 600], &[400, 420]), "");
    assert_eq!(told(&[300], &[400, 420]), "stopped-answering");
    assert_eq!(told(&[], &[400, 420]), "blocked");
}

#[test]
fn what_an_older_connection_sends_opens_no_new_one() {
    let blocked = |syns: &[u16]| {
        let mut mirror = site(101..=103);
        let (server, older): (End, u16) = ((node(104), 88), 50_000);
        // The server is gone, and the client of an older connection does not know it.
        for turn in 0..7_u64 {
            let at = (300 + (1 << turn)) * SECOND;
            mirror.tcp(at, (GATEWAY, older), server, ACK | PSH, [1_000, 5_000], b"CFG");
        }
        for (turn, port) in (0..).zip(syns) {
            for late in [0, 1, 3, 7, 15] {
                mirror.tcp((500 + 30 * turn + late) * SECOND, (GATEWAY, *port), server, SYN, [9_000, 0], &[]);
            }
        }
        mirror.tape.sort();
        let faces = Faces::of(&mirror.goes_on(), &ROLES);
        faces.reasons().contains(&"blocked")
    };
    for syns in [&[50_011, 50_012, 50_000][..], &[50_001]] {
        assert!(blocked(syns), "{syns:?}");
    }
}

#[test]
fn one_lone_syn_is_no_sign_of_a_one_way_mirror() {
    let mut mirror = site(101..=103);
    mirror.tcp(300 * SECOND, (GATEWAY, 43_000), (node(104), 88), SYN, [1_000, 0], &[]);
    let faces = Faces::of(&mirror.goes_on(), &ROLES);
    assert!(faces.caveats("one-way-mirror").is_empty());
    assert!(faces.reasons().contains(&"blocked"), "{}", faces.terminal);
}

/// A pcap file with at most so many bytes of each frame.
fn cut(pcap: &[u8], most: usize) -> Vec<u8> {
    let (head, mut rest) = pcap.split_at(24);
    let mut out = head.to_vec();
    while let Some((record, after)) = rest.split_first_chunk::<16>() {
        let length = u32::from_le_bytes(*record[8..].first_chunk().unwrap()) as usize;
        let kept = length.min(most);
        out.extend([&record[..8], &(kept as u32).to_le_bytes(), &record[12..], &after[..kept]].concat());
        rest = &after[length..];
    }
    out
}

#[test]
fn where_the_flags_of_tcp_were_cut_off_nothing_is_well() {
    let mut mirror = Mirror::default();
    for number in 0..4 {
        let (client, server) = ((GATEWAY, 43_000 + number), (node(101), 88));
        mirror.tcp(u64::from(number) * SECOND, client, server, SYN, [1_000, 0], &[]);
        mirror.tcp(u64::from(number) * SECOND + MILLI, server, client, RST | ACK, [0, 1_001], &[]);
    }
    // Ethernet, IPv4, and 13 bytes of TCP: the flags are the next (RFC 9293 section 3.1).
    let capture = mirror.tape.pcap();
    let faces = Faces::of_capture(&cut(&capture, 14 + 20 + 13), &ROLES);
    assert!(faces.text().contains("The flags of TCP were cut off"), "{}", faces.terminal);
    assert!(faces.caveats("headers-cut")[0].starts_with("Of 4 of 4 TCP flows"), "{}", faces.terminal);
    assert!(!faces.terminal.contains("Nothing here contradicts"), "{}", faces.terminal);
    let whole = Faces::of_capture(&cut(&capture, 14 + 20 + 14), &ROLES);
    assert!(whole.caveats("headers-cut").is_empty() && whole.reasons().contains(&"blocked"), "{}", whole.terminal);
}

#[cfg(feature = "live")]
#[test]
fn a_filter_that_leaves_answers_out_makes_no_host_dead() {
    let mut mirror = site(101..=103);
    let ask = coap::request(0, 1, 9, &[9], "light", &[]);
    mirror.udp(300 * SECOND, (GATEWAY, 42_000), (node(104), 5683), &ask);
    // The filters keep what comes later, too.
    mirror.exchange(310 * SECOND, (GATEWAY, 45_000), (node(101), 80), [1_000, 5_000]);
    assert!(Faces::of(&mirror, &ROLES).reasons().contains(&"blocked"));
    let faces = Faces::of(&mirror, &[&ROLES[..], &["--filter", "dst port 5683 or tcp"]].concat());
    assert!(!faces.reasons().contains(&"blocked"), "{}", faces.terminal);
    let faces = Faces::of(&mirror, &[&ROLES[..], &["--filter", "udp port 5683 or tcp"]].concat());
    assert!(faces.reasons().contains(&"blocked"), "the filter would have kept the answer");
    assert!(!faces.findings.contains("may have left it out"), "{}", faces.findings);
    // Where it leaves out all answers, nothing was judged, and the filter is to blame.
    let faces = Faces::of(&mirror, &[&ROLES[..], &["--filter", "udp dst port 5683"]].concat());
    faces.are_not_judged("one direction only was seen");
    assert!(faces.text().contains("Next: Widen the filter \"udp dst port 5683\""), "{}", faces.terminal);
    let faces = Faces::of(&mirror, &[&ROLES[..], &["--filter", "tcp port 9"]].concat());
    faces.are_not_judged("The filter \"tcp port 9\" left no frame.");
    // Who was never heard, was not, where the filter would have kept what it sends.
    let nodes = ["--gateway", "10.20.0.10", "--node", "10.20.0.101", "--node", "10.20.0.177"];
    for (filter, is_told) in [("not tcp port 22", true), ("udp port 5683", false)] {
        let faces = Faces::of(&mirror, &[&nodes[..], &["--filter", filter]].concat());
        assert_eq!(faces.reasons().contains(&"never-heard"), is_told, "{filter}: {}", faces.terminal);
    }
}

#[test]
fn who_reads_tables_alone_is_told_on_standard_error() {
    let folder = folder(&[("empty.pcap", &Mirror::default().tape.pcap())]);
    let capture = folder.path().join("empty.pcap").to_string_lossy().into_owned();
    run(["analyze", &capture, "--format", "csv"]).expect(0, &["NOT JUDGED: Nothing was captured. Next: "]);
}

#[test]
fn names_of_the_inventory_that_match_nobody_are_cut_from_what_is_anonymized() {
    let folder = folder(&[(
        "site.csv",
        b"address,mac,role,name\n10.20.0.10,,gateway,gw\n10.99.7.0/24,,node,acme-wing\n,00:1b:c7:7,node,acme-prefix\n\
          10.20.0.199,,node,acme-gone\n10.20.0.101-10.20.0.104,,node,\n",
    )]);
    let inventory = folder.path().join("site.csv").to_string_lossy().into_owned();
    let faces = Faces::of(&site(101..=103), &["--inventory", &inventory, "--anonymize"]);
    for text in [&faces.terminal, &faces.report, &faces.json.to_string(), &faces.findings] {
        assert!(!text.contains("acme") && !text.contains("10.99.7") && !text.contains("00:1b:c7"), "{text}");
    }
    assert_eq!(faces.caveats("inventory-unmatched").len(), 1);
}

#[test]
fn near_misses_are_told_with_the_flag_that_settles_them() {
    let mut mirror = Mirror::default();
    let (gateway, node) = (host([2, 0, 0, 0, 0, 1], [10, 50, 0, 10]), host([2, 0, 0, 0, 0, 2], [10, 50, 0, 20]));
    let ask = coap::request(0, 1, 9, &[9], "light", &[]);
    mirror.udp(0, (gateway, 42_000), (node, 5683), &ask);
    mirror.udp(MILLI, (node, 5683), (gateway, 42_000), &coap::content(2, 9, &[9], None, "80"));
    let faces = Faces::of(&mirror, &[]);
    faces.are_not_judged("No Igor gateway");
    let told = faces.caveats("roles-unclear");
    assert_eq!(told, ["10.50.0.10 may be a gateway (CoAP to 1 host): --gateway 10.50.0.10"]);
    assert!(faces.text().contains(told[0]));
    Faces::of(&mirror, &["--gateway", "10.50.0.10"]).are_judged();
    // Beside a site that is well, nothing is well of who is not known; unless somebody says who it is.
    let mut beside = site(101..=104);
    let stranger = host([2, 0, 0, 0, 0, 0x11], [10, 20, 0, 11]);
    for (at, number) in [(200, 120), (210, 121)] {
        beside.udp(at * SECOND, (stranger, 42_000), (crate::mirror::node(number), 5683), &ask);
    }
    let faces = Faces::of(&beside, &["--gateway", "10.20.0.10"]);
    assert!(faces.caveats("roles-unclear")[0].starts_with("10.20.0.11 may be a gateway (CoAP to 2 hosts)"));
    assert!(!faces.text().contains("Nothing here contradicts"), "{}", faces.terminal);
    assert!(Faces::of(&site(101..=104), &["--gateway", "10.20.0.10"]).text().contains("Nothing here contradicts"));
    // Devices on the link with public addresses may be the site's.
    let mut public = site(101..=104);
    for number in 1..=3_u8 {
        let device = host([0, 0x50, 0x56, 0, 0, number], [203, 0, 113, number]);
        public.who_has(300 * SECOND + u64::from(number), device, device);
    }
    let told = |options: &[&str]| Faces::of(&public, options).caveats("roles-unclear").join(" ");
    assert!(told(&ROLES).contains("(--site 203.0.113.0/24)"), "{}", told(&ROLES));
    assert_eq!(told(&[&ROLES[..], &["--site", "203.0.113.0/24"]].concat()), "");
    // Who is behind routers that stand in for each other (RFC 9568 section 7.3) is none of them.
    let mut outside = site(101..=104);
    for number in 1..=3_u8 {
        let server = host([0, 0, 0x5e, 0, 1, number], [203, 0, 113, number]);
        outside.exchange(300 * SECOND + u64::from(number), (crate::mirror::node(101), 42_000), (server, 443), [1, 9]);
    }
    assert_eq!(Faces::of(&outside, &ROLES).caveats("roles-unclear"), [""; 0]);
    // Who was inferred is said, and how sure that is.
    let faces = Faces::of(&site(101..=104), &[]);
    let told = faces.caveats("roles-inferred");
    assert!(told[0].contains("gateway 10.20.0.10 (") && told[0].contains("4 nodes ("), "{told:?}");
}

#[test]
fn an_inventory_of_nobody_is_not_written_and_is_warned_of() {
    let mut offices = Mirror::default();
    offices.exchange(0, (OTHER, 50_000), (host([2, 0, 0, 0, 0, 9], [10, 20, 0, 9]), 8080), [1_000, 5_000]);
    let folder = folder(&[("office.pcap", &offices.tape.pcap()), ("empty.toml", b"infer = false\n")]);
    let [capture, out, empty] = ["office.pcap", "site.toml", "empty.toml"].map(|name| folder.path().join(name));
    run_with(&[&"inventory", &"infer", &capture, &"-o", &out])
        .expect(1, &["nobody was found", "was not written", "2 other hosts", "Next: "]);
    assert!(!out.exists());
    run_with(&[&"inventory", &"infer", &capture]).expect(1, &["nobody was found"]);
    run_with(&[&"inventory", &"check", &empty]).expect(0, &["declares nobody"]);
    // A draft that lacks the nodes lets them be found later.
    let draft = run_with(&[&"inventory", &"infer", &sample("visit.pcap")]).expect(0, &[]).out;
    assert!(draft.contains("\ninfer = false"), "{draft}");
}

#[test]
fn what_is_explained_is_told_with_what_comes_before() {
    let mirror = site(101..=104);
    let folder = folder(&[("capture.pcap", &mirror.tape.pcap())]);
    let capture = folder.path().join("capture.pcap").to_string_lossy().into_owned();
    let explained = |hosts: &[&str]| run([&["explain", "f1", &capture][..], hosts].concat()).expect(0, &[]).out;
    assert!(explained(&ROLES).starts_with("f1: "), "{}", explained(&ROLES));
    let exchanged = ["--gateway", "10.20.0.101", "--node", "10.20.0.10"];
    assert!(explained(&exchanged).starts_with("The inventory contradicts the traffic: "), "{}", explained(&exchanged));
    let nobody = explained(&["--gateway", "10.99.0.1", "--node", "10.99.0.2"]);
    assert!(nobody.contains("NOT JUDGED") || nobody.contains("never heard"), "{nobody}");
}

#[test]
fn the_workbook_says_what_the_report_says() {
    let mut offices = Mirror::default();
    offices.exchange(0, (OTHER, 50_000), (host([2, 0, 0, 0, 0, 9], [10, 20, 0, 9]), 8080), [1_000, 5_000]);
    let folder = folder(&[("office.pcap", &offices.tape.pcap())]);
    let [capture, book] = ["office.pcap", "book.xlsx"].map(|name| folder.path().join(name));
    run_with(&[&"analyze", &capture, &"--xlsx", &book]).expect(0, &[]);
    let Some(mut python) = python("openpyxl") else { return };
    let read = "import sys, openpyxl; print(openpyxl.load_workbook(sys.argv[1])['About']['B1'].value)";
    let result = printed(python.args(["-c", read]).arg(book));
    assert!(result.starts_with("NOT JUDGED: No Igor gateway, node or BACnet system is known here. Next: "), "{result}");
}
