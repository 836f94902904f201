//! Roles inferred from whole captures, held against what is known of them from elsewhere.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use igorscope::inventory::{Host, Hosts, Inventory, InventoryFlags, RoleSource, draft};
use igorscope::policy::{Policy, Role, Severity};
use igorscope::survey::{Options, Progress, Source, run};

use crate::command::sample;
use crate::corpus;
use crate::field::told;
use crate::mirror::{C, Mirror, S, addresses, host, node};
use crate::reading;
use crate::traffic::payload::tftp;
use crate::traffic::wire::SECOND;

fn survey(path: &Path, inventory: Inventory) -> Option<Hosts> {
    let options = Options::new(Policy::embedded(), Arc::new(inventory));
    Some(run(&[Source::File(path.into())], &options, &Progress::default()).ok()?.hosts)
}

/// The roles of the hosts that used their addresses.
fn igor(hosts: &Hosts) -> BTreeMap<IpAddr, &'static str> {
    let spoke = |host: &&Host| host.packets_sent + host.packets_received > 0;
    hosts.iter().filter(spoke).filter(|host| host.role.is_igor()).map(|host| (host.address, host.role.name())).collect()
}

/// The draft of an inference, read back, gives every host the role that was inferred.
fn assert_round_trip(path: &Path, found: &Hosts) {
    let text = draft(found, &Inventory::default());
    let read = Inventory::parse(&text, "draft.toml").unwrap_or_else(|errors| panic!("{}: {errors}", path.display()));
    let again = survey(path, read).expect("a survey");
    for (a, b) in found.iter().zip(again.iter()) {
        assert_eq!((a.address, a.role), (b.address, b.role), "{}", path.display());
        assert_ne!(b.source, RoleSource::Inferred, "{}: {}", path.display(), b.address);
    }
}

#[test]
fn the_sample_site_without_its_inventory() {
    let path = sample("site-survey.pcapng");
    let flags = InventoryFlags::default();
    let inventory = Inventory::load(Some(&sample("site-survey.toml")), &flags).expect("the sample's inventory");
    let declared = survey(&path, inventory).expect("a survey");
    let inferred = survey(&path, Inventory::default()).expect("a survey");
    assert_eq!(igor(&inferred), igor(&declared));
    assert_round_trip(&path, &inferred);
}

#[test]
fn the_sample_site_with_only_its_gateway() {
    let path = sample("site-survey.pcapng");
    let inventory = Inventory::load(Some(&sample("site-survey.toml")), &InventoryFlags::default());
    let declared = survey(&path, inventory.expect("the sample's inventory")).expect("a survey");
    let flags = InventoryFlags { gateway: vec!["10.20.0.10".into()], ..InventoryFlags::default() };
    let inventory = Inventory::load(None, &flags).expect("a good flag");
    assert_eq!(igor(&survey(&path, inventory).expect("a survey")), igor(&declared));
}

/// None of the corpus is from a lighting network: whoever gets a role there gets it wrongly.
#[test]
fn foreign_captures_get_no_roles() {
    let Some(folder) = corpus::folder() else { return };
    for part in ["service", "framing", "link", "malformed"] {
        let files = std::fs::read_dir(folder.join(part)).expect("the corpus's folder");
        for file in files {
            let path = file.expect("an entry").path();
            let Some(found) = survey(&path, Inventory::default()) else { continue };
            assert_eq!(igor(&found), BTreeMap::new(), "{}", path.display());
        }
    }
}

/// Where a link has no addresses, as a tunnel's or that of `tcpdump -i any` for what the host itself sends, the address alone tells
/// what went to a whole subnet (RFC 919 section 7).
#[test]
fn a_broadcast_without_a_group_mac_is_told_by_its_address() {
    let asked_with = |blocks: &[&str], whom: [u8; 4]| {
        let mut mirror = Mirror::default();
        for turn in 0..3 {
            let (at, from, to) = (turn * 5 * SECOND, (node(101), 2000), (host([0x02; 6], whom), 69));
            mirror.udp(at, from, to, &tftp::read("fw.bin", &[]));
        }
        let mut capture = mirror.goes_on().tape;
        capture.records.retain(|record| record.frame[12..14] == [8, 0]);
        for record in &mut capture.records {
            record.frame.drain(..14);
            record.original -= 14;
        }
        let mut bytes = capture.pcap();
        // LINKTYPE_RAW.
        bytes[20..24].copy_from_slice(&101_u32.to_le_bytes());
        let mut flags = addresses();
        flags.node.extend(blocks.iter().map(|block| (*block).to_owned()));
        let survey = reading::survey_of(&bytes, Inventory::load(None, &flags).unwrap(), false);
        let server = survey.hosts.iter().find(|host| host.address == IpAddr::from(whom)).unwrap();
        (server.role, told(&survey))
    };
    let asked = |whom| asked_with(&[], whom);
    assert_eq!(asked([10, 20, 0, 255]), (Role::Group, vec![]));
    assert_eq!(asked([10, 20, 0, 10]), (Role::Gateway, vec![(Severity::Alert, "blocked")]));
    // In a wider subnet it may be a node, as its block says.
    let (of_block, _) = asked_with(&["10.20.0.0/22"], [10, 20, 0, 255]);
    assert_eq!(of_block, Role::Node);
    // A host whose answer shows that it is one.
    let mut mirror = Mirror::default();
    mirror.exchange(0, (node(101), 40_000), (host([0x02; 6], [10, 20, 0, 255]), 80), [C, S]);
    assert!(mirror.by_address().hosts.iter().all(|host| host.role != Role::Group));
}
