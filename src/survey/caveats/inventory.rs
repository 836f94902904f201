//! What is doubtful about the inventory and about roles that were inferred, in words.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use crate::decode::MacAddr;
use crate::inventory::{Contradiction, Guess, Hint, Host, Hosts, InventoryDoubts, RoleSource};
use crate::policy::Role;
use crate::verdict::Caveat;

/// Hosts that a caveat names.
const MOST_NAMED: usize = 5;

/// What is doubtful about the inventory: gravest first, one caveat a kind of contradiction.
pub(in crate::survey) fn of_inventory(doubts: &InventoryDoubts) -> Vec<Caveat> {
    let mut list = Vec::new();
    let mut groups: Vec<(&str, Vec<String>, &str)> = Vec::new();
    for contradiction in &doubts.contradictions {
        let (lead, what, advice) = words(contradiction);
        match groups.iter_mut().find(|group| group.0 == lead) {
            Some((_, items, _)) => items.push(what),
            None => groups.push((lead, vec![what], advice)),
        }
    }
    for (lead, items, advice) in groups {
        let text = format!("{lead}: {}. {advice}", named(&items, "; "));
        list.push(Caveat { kind: "inventory-contradicts", text });
    }
    if !doubts.unmatched.is_empty() {
        let text = format!(
            "Nothing captured matches {} of the inventory: {}. Correct {}, or capture where {} heard.",
            match doubts.unmatched.len() {
                1 => "an entry".to_owned(),
                number => format!("{number} entries"),
            },
            named(&doubts.unmatched, ", "),
            if doubts.unmatched.len() == 1 { "it" } else { "them" },
            if doubts.unmatched.len() == 1 { "it is" } else { "they are" },
        );
        list.push(Caveat { kind: "inventory-unmatched", text });
    }
    list
}

/// What a contradiction begins with, what it says of one host, and what to change.
fn words(contradiction: &Contradiction) -> (&'static str, String, &'static str) {
    match contradiction {
        Contradiction::Behaves { host, declared, guess } => (
            "The inventory contradicts the traffic",
            format!("{host} is declared {}, and behaves as {}", a(*declared), guessed(guess)),
            "Correct the roles in the inventory first: what follows rests on them.",
        ),
        Contradiction::GatewayElsewhere { silent, host, guess } => (
            "The inventory's gateway is not the one that is heard",
            format!("{silent} was never heard, and {host} behaves as {}", guessed(guess)),
            "Correct the gateway's address in the inventory first: what follows rests on it.",
        ),
        Contradiction::OtherMac { host, declared, heard } => (
            "Addresses and MACs of the inventory do not go together",
            format!("{host} is declared with {declared}, and was heard with {heard}"),
            "Correct the MAC, or look for a second device at that address.",
        ),
        Contradiction::OtherAddress { host, mac, heard } => (
            "Devices of the inventory have other addresses",
            format!("{mac} is declared at {host}, and was heard at {heard}"),
            "Correct the address, or leave it out and declare the device by its MAC alone.",
        ),
        Contradiction::NotListed { host, guess } => (
            "Hosts that the inventory does not list behave as Igor's",
            format!("{host} as {}", guessed(guess)),
            "Add them to the inventory; what is none of Igor's is listed with the role host.",
        ),
    }
}

fn guessed(Guess { role, basis, confidence }: &Guess) -> String {
    format!("{} ({basis}; {confidence} %)", a(*role))
}

const fn a(role: Role) -> &'static str {
    match role {
        Role::Gateway => "a gateway",
        Role::Node => "a node",
        Role::Bacnet => "a BACnet system",
        Role::Host => "a host",
        Role::External => "an external host",
        Role::Group => "a group",
    }
}

/// The first few, and how many more.
fn named(items: &[String], separator: &str) -> String {
    let mut text = items.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join(separator);
    if items.len() > MOST_NAMED {
        text.push_str(&format!("{separator}and {} more", items.len() - MOST_NAMED));
    }
    text
}

/// Who was inferred to be what, and who came near to it.
pub(in crate::survey) fn of_roles(hosts: &Hosts, hints: &[Hint]) -> Vec<Caveat> {
    let mut list = Vec::new();
    for hint in hints.iter().take(MOST_NAMED) {
        let Hint { address, role, what } = hint;
        let text = match role {
            Role::Bacnet => format!(
                "{address} speaks BACnet ({what}), and no gateway is known there: the gateway's second network card \
                 (--gateway {address}), or a BACnet system (--bacnet {address})?"
            ),
            _ => format!("{address} may be {} ({what}): --{} {address}", a(*role), role.name()),
        };
        list.push(Caveat { kind: "roles-unclear", text });
    }
    if hints.len() > MOST_NAMED {
        let text = format!("{} more hosts came near to a role: inventory.csv says why.", hints.len() - MOST_NAMED);
        list.push(Caveat { kind: "roles-unclear", text });
    }
    list.extend(of_strangers(hosts));
    let inferred =
        |role: Role| hosts.iter().filter(move |host| host.source == RoleSource::Inferred && host.role == role);
    let mut parts = Vec::new();
    for (role, many) in [(Role::Gateway, "gateways"), (Role::Node, "nodes"), (Role::Bacnet, "BACnet systems")] {
        let Some((least, most, number)) = inferred(role).fold(None, |sum: Option<(u8, u8, usize)>, host| {
            let (least, most, number) = sum.unwrap_or((host.confidence, host.confidence, 0));
            Some((least.min(host.confidence), most.max(host.confidence), number + 1))
        }) else {
            continue;
        };
        let sure = if least == most { format!("{least} %") } else { format!("{least} to {most} %") };
        let who = inferred(role).map(|host| host.address.to_string());
        parts.push(match number {
            1 => format!("{} {} ({sure})", role.name(), who.collect::<String>()),
            2 | 3 => format!("{many} {} ({sure})", who.collect::<Vec<_>>().join(", ")),
            _ => format!("{number} {many} ({sure})"),
        });
    }
    if !parts.is_empty() {
        let text = format!(
            "Roles were inferred from the traffic: {}. What rests on them is no more certain. `igorscope inventory infer` \
             writes a draft to correct.",
            parts.join(", ")
        );
        list.push(Caveat { kind: "roles-inferred", text });
    }
    list
}

/// The /24 of a host.
fn network(host: &Host) -> Option<Ipv4Addr> {
    match host.address {
        IpAddr::V4(address) => Some(Ipv4Addr::from(u32::from(address) & 0xffff_ff00)),
        IpAddr::V6(_) => None,
    }
}

/// Devices of one network that are on the link with public addresses, which nobody says to be the site's.
fn of_strangers(hosts: &Hosts) -> Option<Caveat> {
    let on_link = hosts.iter().filter(|host| host.role == Role::External && host.mac_is_own);
    let mut macs: BTreeMap<Ipv4Addr, BTreeMap<MacAddr, IpAddr>> = BTreeMap::new();
    let of_device = |host: &Host| host.mac.filter(|mac| !mac.is_of_routers());
    for (network, mac, address) in on_link.filter_map(|host| Some((network(host)?, of_device(host)?, host.address))) {
        macs.entry(network).or_default().entry(mac).or_insert(address);
    }
    let (network, devices) = macs.iter().max_by_key(|(_, devices)| devices.len())?;
    let is_igors = hosts.iter().any(|host| host.role.is_igor() && self::network(host) == Some(*network));
    if devices.len() < 3 && !is_igors {
        return None;
    }
    let text = format!(
        "{} are devices on this link with public addresses, which are held for strangers' outside: if they are the site's, \
         say so (--site {network}/24).",
        named(&devices.values().map(ToString::to_string).collect::<Vec<_>>(), ", "),
    );
    Some(Caveat { kind: "roles-unclear", text })
}
