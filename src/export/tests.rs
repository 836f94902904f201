//! Every format against small sites, as snapshots that a person has read, and the rules against
//! the vendor's document as facts of our own making.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::inventory::Inventory;
use crate::policy::Policy;
use crate::protocol::Transport;

const SITE: &str = r#"
site-name = "Test site"
node = ["10.20.0.0/24", "fd20::1:0/112"]
gateway = ["10.20.0.2", "fd20::2"]
bacnet = "10.30.0.9"
[[device]]
address = "10.20.0.77"
role = "node"
name = 'Floor 3 "east"'
version = "2.9"
"#;

/// Names and reasons that try to become rules.
const EVIL: &str = "'; \" -j ACCEPT `reboot` $(reboot) } accept # | <b> \\";

fn inventory(text: &str) -> Inventory {
    Inventory::parse(text, "site.toml").unwrap()
}

fn list(policy: &Policy, side: Side, inventory: Option<&Inventory>, with_supporting: bool) -> RuleList {
    RuleList::new(&Request { policy, inventory, side, with_supporting, log_only: false })
}

fn text(format: Format, side: Side, with_inventory: bool) -> String {
    let inventory = with_inventory.then(|| inventory(SITE));
    format.export(&list(&Policy::embedded(), side, inventory.as_ref(), false)).unwrap().text
}

#[test]
fn nftables() {
    insta::assert_snapshot!("nftables_gateway", text(Format::Nftables, Side::Gateway, true));
    insta::assert_snapshot!("nftables_firewall_generic", text(Format::Nftables, Side::Firewall, false));
}

#[test]
fn iptables() {
    insta::assert_snapshot!("iptables_nodes", text(Format::Iptables, Side::Nodes, true));
}

#[test]
fn windows() {
    insta::assert_snapshot!("windows_gateway", text(Format::Windows, Side::Gateway, true));
}

#[test]
fn cisco() {
    insta::assert_snapshot!("cisco_firewall", text(Format::Cisco, Side::Firewall, true));
    insta::assert_snapshot!("cisco_gateway_generic", text(Format::Cisco, Side::Gateway, false));
}

#[test]
fn change_requests() {
    insta::assert_snapshot!("csv_firewall", text(Format::Csv, Side::Firewall, true));
    insta::assert_snapshot!("markdown_nodes_generic", text(Format::Markdown, Side::Nodes, false));
}

#[test]
fn mud() {
    insta::assert_snapshot!("mud_node", text(Format::Mud, Side::Nodes, false));
    let error = Format::Mud.export(&list(&Policy::embedded(), Side::Firewall, None, false)).unwrap_err();
    assert!(error.to_string().contains("--side gateway or --side nodes"), "{error}");
}

#[test]
fn supporting_protocols_are_added_on_request_only() {
    let rules = |with| list(&Policy::embedded(), Side::Gateway, None, with).rules;
    assert!(rules(false).iter().all(|rule| rule.kind != RuleKind::Supporting));
    let services: BTreeSet<String> =
        rules(true).into_iter().filter(|rule| rule.kind == RuleKind::Supporting).map(|rule| rule.service).collect();
    for service in ["DHCP", "DNS", "NTP", "ICMP echo", "mDNS", "LLMNR", "NetBIOS names"] {
        assert!(services.contains(service), "{service}");
    }
}

#[test]
fn a_machine_cannot_guard_what_passes_between_others() {
    let error = Format::Windows.export(&list(&Policy::embedded(), Side::Firewall, None, false)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "windows guards the machine it runs on and cannot stand between; use --side gateway or --side nodes"
    );
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for format in Format::ALL {
        for side in Side::ALL {
            let once = || {
                let inventory = inventory(SITE);
                format.export(&list(&Policy::embedded(), side, Some(&inventory), true))
            };
            assert_eq!(once(), once(), "{format} {side}");
        }
    }
}

#[test]
fn names_and_reasons_do_not_become_rules() {
    let toml = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let inventory = inventory(&format!(
        "site-name = {evil}\ngateway = \"10.0.0.1\"\n[[device]]\naddress = \"10.0.0.2\"\nrole = \"node\"\nname = {evil}\n",
        evil = toml(EVIL)
    ));
    let reason = format!("first line\\n-A INPUT -j ACCEPT\\r\\npermit ip any any\\u2028{}", &toml(EVIL)[1..]);
    let policy = format!(
        "extends = \"igor\"\nname = {evil}\n[[allowance]]\nname = {evil}\nfrom = \"10.9.9.9\"\nto = \"gateway\"\ntransport = \"tcp\"\nport = 22\nreason = \"{reason}\n",
        evil = toml(EVIL)
    );
    let policy = Policy::parse(&policy, Path::new("evil.toml")).unwrap();
    for format in Format::ALL {
        for side in Side::ALL {
            let Ok(exported) = format.export(&list(&policy, side, Some(&inventory), true)) else { continue };
            for line in exported.text.lines() {
                let line = line.trim_start_matches(['\u{feff}', ' ']);
                assert!(!line.starts_with("-A INPUT"), "{format}: {line}");
                assert!(!line.starts_with("permit ip any any") || side == Side::Firewall, "{format}: {line}");
                assert!(!line.contains('\u{2028}'), "{format}: {line}");
            }
            assert!(exported.file_name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)));
        }
    }
    insta::assert_snapshot!(
        "evil_windows",
        only(&Format::Windows.export(&list(&policy, Side::Gateway, Some(&inventory), false)).unwrap().text, "reboot")
    );
    insta::assert_snapshot!(
        "evil_nftables",
        only(&Format::Nftables.export(&list(&policy, Side::Gateway, Some(&inventory), false)).unwrap().text, "reboot")
    );
}

fn only(text: &str, word: &str) -> String {
    text.lines().filter(|line| line.contains(word)).collect::<Vec<_>>().join("\n")
}

/// What the vendor's document lets pass between gateway, node and BACnet system, from the fixture
/// and the words of the design, not from the policy.
fn facts() -> BTreeSet<(String, String, Transport, u16)> {
    let cells: Vec<Vec<&str>> = include_str!("../../tests/fixtures/vendor_document.csv")
        .lines()
        .skip(1)
        .map(|line| line.split(',').collect())
        .collect();
    let lists = |document: &str, direction: &str, transport: &str, port: &str| {
        cells.iter().any(|cell| (cell[0], cell[4], cell[5], cell[6]) == (document, direction, transport, port))
    };
    let mut facts = BTreeSet::new();
    for cell in &cells {
        let (transport, port) = (cell[5], cell[6]);
        let mut add = |from: &str, to: &str| {
            let transport = if transport == "tcp" { Transport::Tcp } else { Transport::Udp };
            facts.insert((from.to_owned(), to.to_owned(), transport, port.parse().unwrap()));
        };
        for (from, to) in [("gateway", "node"), ("node", "gateway")] {
            if lists(from, "outgoing", transport, port) && lists(to, "incoming", transport, port) {
                add(from, to);
            }
        }
        match (cell[0], cell[4]) {
            ("bacnet", "incoming") => add("bacnet", "gateway"),
            ("bacnet", "outgoing") => add("gateway", "bacnet"),
            // In no node's list: any peer that is not a node.
            ("gateway", "outgoing") if port == "443" => add("gateway", "any but nodes"),
            _ => {}
        }
    }
    facts
}

fn of_list(list: &RuleList) -> BTreeSet<(String, String, Transport, u16)> {
    let here = list.side.role().map_or("", |role| role.name());
    let end = |end: &End| match &end.base {
        Base::ThisHost => here.to_owned(),
        Base::Set(set) if end.except.is_empty() => set.name().to_owned(),
        _ => end.words(),
    };
    let unicast =
        list.rules.iter().filter(|rule| rule.kind == RuleKind::Documented && !matches!(rule.to.base, Base::Group(_)));
    unicast.map(|rule| (end(&rule.from), end(&rule.to), rule.transport.unwrap(), *rule.ports.0[0].start())).collect()
}

#[test]
fn the_rules_are_the_vendors_cells() {
    let policy = Policy::embedded();
    let facts = facts();
    assert_eq!(of_list(&list(&policy, Side::Firewall, None, false)), facts);
    for (side, role) in [(Side::Gateway, "gateway"), (Side::Nodes, "node")] {
        let own: BTreeSet<_> = facts.iter().filter(|fact| fact.0 == role || fact.1 == role).cloned().collect();
        assert_eq!(of_list(&list(&policy, side, None, false)), own, "{side}");
    }
}

#[test]
fn a_wrong_cell_makes_a_wrong_rule() {
    let facts = facts();
    for (from, to) in [
        ("incoming.udp = [69, 1050,", "incoming.udp = [1050,"),
        ("outgoing.tcp = [80, 88, 443, 1900, 1901]", "outgoing.tcp = [80, 443, 1900, 1901]"),
        ("incoming.udp = [47808]", "incoming.udp = []"),
        ("\"host\", \"external\", \"group\"]", "\"host\", \"group\"]"),
    ] {
        let text = Policy::embedded_text().replacen(from, to, 1);
        assert_ne!(text, Policy::embedded_text(), "{from} stands in the policy");
        let policy = Policy::parse(&text, Path::new("igor.toml")).unwrap();
        assert_ne!(of_list(&list(&policy, Side::Firewall, None, false)), facts, "{to} goes unnoticed");
    }
}

#[test]
fn what_a_device_may_not_hold_is_told() {
    // Every second address of a /20, so that no two make a subnet.
    let nodes: Vec<String> = (0..1500).map(|n| format!("\"10.20.{}.{}\"", n / 100, n % 100 * 2)).collect();
    let large = inventory(&format!("gateway = \"10.20.200.1\"\nnode = [{}]\n", nodes.join(", ")));
    let policy = Policy::embedded();
    let limits = |format: Format, inventory: &Inventory| {
        format.export(&list(&policy, Side::Gateway, Some(inventory), false)).unwrap()
    };
    for format in [Format::Cisco, Format::Iptables, Format::Windows] {
        let exported = limits(format, &large);
        let [limit] = &exported.limits[..] else { panic!("{format}: {:?}", exported.limits) };
        assert!(exported.text.contains(&limit[..100.min(limit.len())]), "{format}: the file says it, too");
        assert_eq!(limits(format, &inventory(SITE)).limits, Vec::<String>::new(), "{format}: a small site meets none");
        assert_eq!(exported.lines(), exported.text.lines().count());
    }
    // Windows has no "but": what lies between 1,500 addresses are some ranges more.
    assert!(
        limits(Format::Windows, &large).limits[0].starts_with("up to 15"),
        "{:?}",
        limits(Format::Windows, &large).limits
    );
    assert_eq!(limits(Format::Nftables, &large).limits, Vec::<String>::new(), "sets hold any number");

    // The number of entries is that of the lists with every group written out.
    let cisco = limits(Format::Cisco, &large);
    let entries = cisco.text.lines().filter(|line| line.starts_with(" permit ") || line.starts_with(" deny "));
    let written_out: usize = entries.map(|line| if line.contains("IGOR-NODE") { 1500 } else { 1 }).sum();
    assert!(cisco.limits[0].starts_with(&format!("{written_out} entries")), "{}", cisco.limits[0]);
}

fn exported(format: Format, side: Side, log_only: bool) -> Exported {
    let site =
        inventory(&format!("{SITE}[[device]]\nmac = \"00:1b:c5:01:02:03\"\nrole = \"node\"\nname = \"attic\"\n"));
    let policy = Policy::embedded();
    let request = Request { policy: &policy, inventory: Some(&site), side, with_supporting: false, log_only };
    format.export(&RuleList::new(&request)).unwrap()
}

#[test]
fn a_file_opens_with_what_it_drops_and_whom_it_could_not_place() {
    for format in [Format::Nftables, Format::Iptables, Format::Windows, Format::Cisco, Format::Markdown] {
        let text = exported(format, Side::Gateway, false).text.replace('\\', "");
        let head: Vec<&str> = text.lines().filter(|line| !line.is_empty() && !line.starts_with("#!")).take(7).collect();
        let head = head.join("\n");
        for words in [
            "Not let through: DHCP, DHCPv6, DNS, NTP,",
            "remote administration (SSH 22, Telnet 23, RDP 3389",
            "Not placed: the node \"attic\" 00:1b:c5:01:02:03 (site.toml:11): known by MAC only",
        ] {
            assert!(head.contains(words), "{format}: {words} in {head}");
        }
    }
    let allowance = "extends = \"igor\"\n[[allowance]]\nname = \"ssh\"\nfrom = \"host\"\nto = \"gateway\"\n\
                     transport = \"tcp\"\nport = 22\nreason = \"the site's own\"\n";
    let policy = Policy::parse(allowance, Path::new("p.toml")).unwrap();
    let refused = list(&policy, Side::Gateway, None, true).refused.join("\n");
    assert!(refused.contains("SSH 22 but for the site's allowance, Telnet 23,"), "{refused}");
    assert!(!refused.contains("DHCP"), "what is let through is not told: {refused}");
}

#[test]
fn a_form_that_only_logs_drops_nothing() {
    for side in Side::ALL {
        for (format, drops) in [(Format::Nftables, "drop;"), (Format::Iptables, "-j DROP"), (Format::Cisco, " deny ")] {
            let [trial, real] = [true, false].map(|log_only| exported(format, side, log_only).text);
            assert!(trial.contains("Log only: nothing is dropped"), "{format} {side}");
            assert!(!trial.contains(drops) && !trial.contains("invalid drop"), "{format} {side}: {trial}");
            assert!(trial.contains("igor would drop: ") || format == Format::Cisco, "{format} {side}");
            assert!(format != Format::Cisco || trial.contains(" log\n"), "{side}: {trial}");
            assert!(real.contains(drops) || real.contains("counter drop"), "{format} {side}");
        }
    }
    let policy = Policy::embedded();
    let request =
        Request { policy: &policy, inventory: None, side: Side::Gateway, with_supporting: false, log_only: true };
    let error = Format::Windows.export(&RuleList::new(&request)).unwrap_err().to_string();
    assert_eq!(error, "windows has no form that only logs; use --log-only with nftables, iptables or cisco-ios");
}
