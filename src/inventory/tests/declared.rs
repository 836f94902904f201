//! Entries that agree, contradict each other, and come from flags.

use crate::inventory::{Inventory, InventoryFlags};
use crate::policy::Role;

fn errors(text: &str) -> Vec<String> {
    let errors = Inventory::parse(text, "site.toml").expect_err("an error");
    errors.errors.iter().map(ToString::to_string).collect()
}

#[test]
fn ties_name_both_lines() {
    for (text, expected) in [
        (
            "node = [\"10.0.0.1\"]\ngateway = [\"10.0.0.1\"]\n",
            "site.toml:1:9: 10.0.0.1 is node here, but gateway at site.toml:2:12; keep one of the two lines",
        ),
        (
            "node = [\"10.0.0.0/31\"]\ngateway = [\"10.0.0.0-10.0.0.1\"]\n",
            "site.toml:1:9: 10.0.0.0/31 is node here, but gateway at site.toml:2:12; keep one of the two lines",
        ),
        (
            "node = [\"00:1b:c5\"]\ngateway = [\"00-1B-C5\"]\n",
            "site.toml:1:9: 00:1b:c5 is node here, but gateway at site.toml:2:12; keep one of the two lines",
        ),
        (
            "gateway = [\"10.0.0.1-10.0.0.4\"]\nnode = [\"10.0.0.3-10.0.0.6\"]\n",
            "site.toml:2:9: 10.0.0.3-10.0.0.4 (in 10.0.0.3-10.0.0.6 and in 10.0.0.1-10.0.0.4, which is as large) \
             is node here, but gateway at site.toml:1:12; keep one of the two lines",
        ),
    ] {
        assert_eq!(errors(text), [expected], "{text}");
    }
}

#[test]
fn different_ranks_are_no_tie() {
    let inventory = Inventory::parse(
        "node = [\"10.0.0.0/24\", \"00:1b:c5\"]\ngateway = [\"10.0.0.1\", \"10.0.0.0/25\", \"00:1b:c5:01\"]\nbacnet = [\"10.0.0.1/32\"]",
        "site.toml",
    )
    .expect("no tie");
    let role = |address: &str| inventory.find(address.parse().expect("address"), None).map(|entry| entry.role);
    assert_eq!(role("10.0.0.1"), Some(Role::Gateway));
    assert_eq!(role("10.0.0.100"), Some(Role::Gateway));
    assert_eq!(role("10.0.0.200"), Some(Role::Node));
    assert_eq!(role("10.0.1.1"), None);
}

#[test]
fn the_same_twice_is_one_entry_and_keeps_the_name() {
    let inventory = Inventory::parse(
        "gateway = [\"10.0.0.1\"]\n[[device]]\naddress = \"10.0.0.1\"\nrole = \"gateway\"\nname = \"GW\"\n",
        "site.toml",
    )
    .expect("no conflict");
    assert_eq!(inventory.entries().len(), 1);
    assert_eq!(inventory.entries()[0].name.as_deref(), Some("GW"));
    assert_eq!(
        errors(
            "[[device]]\naddress = \"10.0.0.1\"\nrole = \"node\"\nname = \"A\"\n[[device]]\naddress = \"10.0.0.1\"\nrole = \"node\"\nname = \"B\"\n"
        ),
        ["site.toml:5:1: 10.0.0.1 has the name \"B\" here, but \"A\" at site.toml:1:1; keep one of the two"]
    );
}

#[test]
fn flags_declare_and_contradict_as_lines_do() {
    let flags = |gateway: &[&str], node: &[&str]| InventoryFlags {
        gateway: gateway.iter().map(ToString::to_string).collect(),
        node: node.iter().map(ToString::to_string).collect(),
        site: vec!["198.51.100.0/24".into()],
        site_name: Some("Plant 7".into()),
        ..InventoryFlags::default()
    };
    let inventory = Inventory::load(None, &flags(&["10.0.0.1"], &["10.0.0.0/24"])).expect("good flags");
    assert!(inventory.declares(Role::Gateway) && !inventory.declares(Role::Bacnet));
    assert!(inventory.is_site("198.51.100.3".parse().expect("address")));
    assert_eq!(inventory.site_name(), Some("Plant 7"));
    let errors = Inventory::load(None, &flags(&["10.0.0.1", "10.0.0"], &["10.0.0.1"])).expect_err("a tie");
    let errors: Vec<String> = errors.errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors.len(), 2);
    assert!(errors[0].starts_with("--gateway 10.0.0: `10.0.0`: expected an address"), "{errors:?}");
    assert_eq!(
        errors[1],
        "--node 10.0.0.1: 10.0.0.1 is node here, but gateway at --gateway 10.0.0.1; keep one of the two lines"
    );
}

#[test]
fn a_hundred_thousand_entries_are_fine() {
    use std::fmt::Write as _;
    let mut text = String::from("address,mac,role\n");
    for i in 0..100_000u32 {
        let [_, a, b, c] = i.to_be_bytes();
        match i % 3 {
            0 => writeln!(text, "10.{a}.{b}.{c},,node"),
            1 => writeln!(text, "11.{a}.{b}.{c}/32,,node"),
            _ => writeln!(text, ",00:1b:c5:{a:02x}:{b:02x}:{c:02x},node"),
        }
        .expect("text");
    }
    let inventory = Inventory::parse(&text, "site.csv").expect("good");
    assert_eq!(inventory.entries().len(), 100_000);
    assert!(inventory.find("11.1.134.157".parse().expect("address"), None).is_some());
}

#[test]
fn says_what_is_declared_and_who_was_never_heard() {
    let inventory = Inventory::parse(
        "gateway = \"10.0.0.1\"\nnode = [\"10.0.0.0/24\", \"10.0.0.2\", \"00:1b:c5:00:00:03\"]\nsite = \"198.51.100.0/24\"",
        "site.toml",
    )
    .expect("good");
    assert_eq!(
        inventory.summary(),
        "4 entries: 1 gateway, 3 node; 1 site block; roles still inferred from traffic: bacnet"
    );
    assert_eq!(Inventory::default().summary(), "0 entries; roles still inferred from traffic: gateway, node, bacnet");
    let talks = [super::flows::Traffic::new("10.0.0.1", "10.0.0.9", crate::protocol::Transport::Tcp, 80)];
    let known = super::flows::known(&talks, &[], &inventory);
    assert_eq!(known.doubts.unmatched, ["10.0.0.2", "00:1b:c5:00:00:03"]);
}
