//! The exported rules, loaded in network namespaces of our own and met by real connections: every
//! documented pair passes, TFTP's data and discovery's answers included; nothing else does.
//!
//! Needs root, `ip`, and `nft` or `iptables`; says so and passes where one of them is missing.

mod agent;
mod facts;
mod lab;

use std::collections::BTreeMap;
use std::path::Path;

use igorscope::export::{Format, Request, RuleList, Side};
use igorscope::inventory::Inventory;
use igorscope::policy::Policy;

use facts::Facts;
use lab::{Host, Lab, Layout};

const NFTABLES: &[&str] = &["nft"];

fn rules(policy: &Policy, format: Format, side: Side, lab: &Lab) -> String {
    written(policy, format, side, lab, false)
}

fn written(policy: &Policy, format: Format, side: Side, lab: &Lab, log_only: bool) -> String {
    let inventory = Inventory::parse(&lab.inventory(), "site.toml").unwrap();
    let request = Request { policy, inventory: Some(&inventory), side, with_supporting: false, log_only };
    format.export(&RuleList::new(&request)).unwrap().text
}

/// Loads the rules, after they were only checked.
fn load(lab: &Lab, host: Host, format: Format, text: &str) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let path = file.path().to_str().unwrap();
    let (check, load) = match format {
        Format::Nftables => (format!("nft -c -f {path}"), format!("nft -f {path}")),
        _ => (format!("sh {path} --test"), format!("sh {path}")),
    };
    [&check, &load, &load].iter().for_each(|line| lab.must(host, line));
}

/// What passes between two hosts, and what should.
type Differences = BTreeMap<String, (bool, bool)>;

/// Something to try: who, what, and whether it should pass.
struct Probe {
    client: Host,
    what: &'static str,
    arguments: String,
    name: String,
    passes: bool,
}

/// Tries every port between every two hosts of which one is judged by the rules.
fn differences(lab: &mut Lab, facts: &Facts, judged: &[Host], also_others: bool) -> Differences {
    let mut probes = Vec::new();
    for client in lab.hosts() {
        for server in lab.hosts().into_iter().filter(|server| *server != client) {
            let ruled = judged.contains(&client) || judged.contains(&server);
            if !ruled && !also_others {
                continue;
            }
            let tries = facts.ports().into_iter().map(|(transport, port)| (transport, transport, port));
            for (what, transport, port) in tries.chain([("tftp", "udp", 69)]) {
                let passes = !ruled || facts.pass(client.role(), server.role(), transport, port);
                probes.extend(lab.addresses(server).into_iter().map(|address| Probe {
                    client,
                    what,
                    name: format!("{client:?} to {server:?} {address} {what} {port}"),
                    arguments: format!("{address} {port}"),
                    passes,
                }));
            }
        }
    }
    let mut wrong = attempt(lab, probes);
    // What passed has passed; what was too slow on a busy machine gets a second chance.
    let slow: Vec<Probe> = wrong.extract_if(.., |probe| probe.passes).collect();
    wrong.extend(attempt(lab, slow));
    wrong.into_iter().map(|probe| (probe.name, (probe.passes, !probe.passes))).collect()
}

/// Tries all at once; those that did not go as they should.
fn attempt(lab: &mut Lab, probes: Vec<Probe>) -> Vec<Probe> {
    let ids: Vec<String> = probes.iter().map(|probe| lab.probe(probe.client, probe.what, &probe.arguments)).collect();
    let answers = lab.answers(ids.len());
    let passed = |id: &String| answers.get(id).is_some_and(|answer| answer == "ok");
    probes.into_iter().zip(&ids).filter(|(probe, id)| passed(id) != probe.passes).map(|(probe, _)| probe).collect()
}

fn prove(format: Format, needs: &[&str], side: Side) {
    let layout = if side == Side::Firewall { Layout::Routed } else { Layout::OneLink };
    let Some(mut lab) = Lab::open(layout, needs) else { return };
    let text = rules(&Policy::embedded(), format, side, &lab);
    let (at, judged): (Host, &[Host]) = match side {
        Side::Gateway => (Host::Gateway, &[Host::Gateway]),
        Side::Nodes => (Host::Node, &[Host::Node]),
        Side::Firewall => (Host::Middle, &[Host::Gateway, Host::Node, Host::OtherNode]),
    };
    load(&lab, at, format, &text);
    let wrong = differences(&mut lab, &Facts::read(), judged, side == Side::Firewall);
    assert!(wrong.is_empty(), "{format} {side}: what should pass or not, and did: {wrong:#?}");
    if layout == Layout::OneLink {
        discovery(&mut lab, format, at);
    }
}

/// The requests to groups and broadcasts, and their answers from fresh ports.
fn discovery(lab: &mut Lab, format: Format, at: Host) {
    let peer = if at == Host::Gateway { Host::Node } else { Host::Gateway };
    let asks = [(at, peer, true), (peer, at, true), (Host::Outside, at, false), (at, Host::Outside, false)];
    let ids: Vec<String> = asks.iter().map(|(asker, ..)| lab.probe(*asker, "ssdp", "239.255.255.250 1900")).collect();
    let answers = lab.answers(ids.len());
    for ((asker, answerer, expected), id) in asks.iter().zip(&ids) {
        let address = lab.addresses(*answerer)[0].clone();
        let answered = answers.get(id).is_some_and(|answer| answer.split(',').any(|from| from == address));
        assert_eq!(answered, *expected, "{format}: {asker:?} asks the SSDP group, {answerer:?} answers ({answers:?})");
    }
    if at == Host::Gateway {
        for (sender, heard) in [(Host::Bacnet, true), (Host::Outside, false)] {
            lab.probe(sender, "shout", &format!("10.77.0.255 47808 {sender:?}"));
            let id = lab.probe(at, "heard", &format!("{sender:?} 0"));
            let answer = lab.answers(1).remove(&id);
            assert_eq!(answer.as_deref() == Some("ok"), heard, "{format}: {sender:?} broadcasts BACnet");
        }
    }
}

/// All places side by side: most of the time goes into waiting for what must not come.
fn prove_every_side(format: Format, needs: &[&str]) {
    std::thread::scope(|scope| {
        for side in Side::ALL {
            scope.spawn(move || prove(format, needs, side));
        }
    });
}

#[test]
fn nftables_lets_the_documented_through_and_nothing_else() {
    prove_every_side(Format::Nftables, NFTABLES);
}

#[test]
fn iptables_lets_the_documented_through_and_nothing_else() {
    prove_every_side(Format::Iptables, &["iptables", "iptables-restore", "ip6tables", "ip6tables-restore", "sh"]);
}

/// Rules that only log stop nobody, and count what they would have stopped.
#[test]
fn rules_that_only_log_let_all_through() {
    for (format, needs, count) in [
        (Format::Nftables, NFTABLES, "nft list chain inet igor_firewall would_drop | grep -q 'counter packets [1-9]'"),
        (
            Format::Iptables,
            &["iptables", "iptables-restore", "ip6tables", "ip6tables-restore", "sh"],
            "iptables -t mangle -L igor-would-drop -v -n -x | grep -q '[1-9][0-9]* .*ACCEPT'",
        ),
    ] {
        let Some(mut lab) = Lab::open(Layout::Routed, needs) else { return };
        load(&lab, Host::Middle, format, &written(&Policy::embedded(), format, Side::Firewall, &lab, true));
        let address = lab.addresses(Host::Gateway)[0].clone();
        let id = lab.probe(Host::Outside, "tcp", &format!("{address} 50199"));
        let answers = lab.answers(1);
        assert_eq!(
            answers.get(&id).map(String::as_str),
            Some("ok"),
            "{format}: a stranger's TCP 50199, not documented"
        );
        lab.must(Host::Middle, count);
    }
}

/// The proof would notice: one port left out of the policy, and just its connections fail.
#[test]
fn a_wrong_cell_stops_real_traffic() {
    let Some(mut lab) = Lab::open(Layout::Routed, NFTABLES) else { return };
    let embedded = Policy::embedded_text();
    let text = embedded.replacen("outgoing.udp = [69, 1050, 1900,", "outgoing.udp = [69, 1900,", 1);
    let text = text.replacen(
        "{ port = 1050, service = \"Firmware Updating\" },\n",
        "{ port = 1050, service = \"Firmware\" },\n",
        1,
    );
    assert_ne!(text, embedded);
    let policy = Policy::parse(&text, Path::new("igor.toml")).unwrap();
    load(&lab, Host::Middle, Format::Nftables, &rules(&policy, Format::Nftables, Side::Firewall, &lab));
    let wrong = differences(&mut lab, &Facts::read(), &[Host::Gateway, Host::Node, Host::OtherNode], false);
    let stopped: Vec<&String> = wrong.keys().collect();
    let is_the_cell =
        |what: &&String| what.starts_with("Gateway to ") && what.contains("Node") && what.ends_with(" udp 1050");
    assert!(stopped.iter().all(is_the_cell), "{wrong:#?}");
    // Two nodes, two address families.
    assert_eq!(stopped.len(), 4, "{wrong:#?}");
}
