//! The addresses of the site, set by set.

use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{IpNet, IpSubnets, Ipv4Subnets, Ipv6Subnets};

use super::HostSet;
use crate::inventory::{Entry, Inventory, Matcher};

/// An address, block or range of a set, and what the inventory calls it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// First address.
    pub first: IpAddr,
    /// Last address, of the same family.
    pub last: IpAddr,
    /// Name, as the user wrote it.
    pub name: Option<Arc<str>>,
}

impl Member {
    /// The same addresses as the fewest CIDR blocks.
    pub fn blocks(&self) -> IpSubnets {
        match (self.first, self.last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => Ipv4Subnets::new(first, last, 0).into(),
            (IpAddr::V6(first), IpAddr::V6(last)) => Ipv6Subnets::new(first, last, 0).into(),
            // A range has one family; of two, only the first address is meant.
            (first, _) => {
                let alone = IpNet::from(first);
                match alone {
                    IpNet::V4(net) => Ipv4Subnets::new(net.addr(), net.addr(), 0).into(),
                    IpNet::V6(net) => Ipv6Subnets::new(net.addr(), net.addr(), 0).into(),
                }
            }
        }
    }
}

impl fmt::Display for Member {
    /// An address, a block, or a range `first-last`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut blocks = self.blocks();
        match (blocks.next(), blocks.next()) {
            _ if self.first == self.last => write!(f, "{}", self.first),
            (Some(block), None) => write!(f, "{block}"),
            _ => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

/// The address families.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// `4` or `6`.
    pub const fn digit(self) -> char {
        match self {
            Self::V4 => '4',
            Self::V6 => '6',
        }
    }

    /// Whether an address is of the family.
    pub const fn holds(self, address: IpAddr) -> bool {
        address.is_ipv4() == matches!(self, Self::V4)
    }
}

/// A block, or its only address.
pub(super) fn plain(block: IpNet) -> String {
    if block.prefix_len() == block.max_prefix_len() { block.addr().to_string() } else { block.to_string() }
}

/// Who is in each set.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    members: [Vec<Member>; 4],
    /// Devices that the inventory names without an address.
    unplaced: Vec<String>,
    /// Whether no inventory was given: the sets of roles are to be filled in by a person.
    pub placeholders: bool,
}

impl Hosts {
    /// From the inventory; without one, placeholders.
    pub fn new(inventory: Option<&Inventory>) -> Self {
        let mut hosts = Self { placeholders: inventory.is_none(), ..Self::default() };
        hosts.members[HostSet::Site as usize] = private();
        let Some(inventory) = inventory else { return hosts };
        for (first, last, entry) in inventory.ranges() {
            let set = HostSet::of(entry.role).unwrap_or(HostSet::Site);
            let member = Member { first, last, name: entry.name.clone() };
            if set != HostSet::Site && !hosts.is_private(&member) {
                hosts.members[HostSet::Site as usize].push(Member { name: None, ..member });
            }
            hosts.members[set as usize].push(member);
        }
        let site = inventory.site_ranges().into_iter().map(|(first, last)| Member { first, last, name: None });
        hosts.members[HostSet::Site as usize].extend(site);
        hosts.unplaced = unplaced(inventory);
        hosts
    }

    /// The members of a set, IPv4 before IPv6, in order.
    pub fn of(&self, set: HostSet) -> &[Member] {
        &self.members[set as usize]
    }

    /// The members of one family.
    pub fn of_family(&self, set: HostSet, family: Family) -> impl Iterator<Item = &Member> {
        self.of(set).iter().filter(move |member| family.holds(member.first))
    }

    /// Whether a set may match anything of a family: it has members, or a person will fill it in.
    pub fn may_match(&self, set: HostSet, family: Family) -> bool {
        self.is_placeholder(set) || self.of_family(set, family).next().is_some()
    }

    /// Whether a person has to fill the set in.
    pub fn is_placeholder(&self, set: HostSet) -> bool {
        self.placeholders && set != HostSet::Site
    }

    /// Each device of the inventory that no rule can name, and why.
    pub fn unplaced(&self) -> &[String] {
        &self.unplaced
    }

    /// Whether the inventory names nobody of the set.
    pub fn is_empty(&self, set: HostSet) -> bool {
        !self.is_placeholder(set) && self.of(set).is_empty()
    }

    fn is_private(&self, member: &Member) -> bool {
        let within = |site: &Member| {
            site.first.is_ipv4() == member.first.is_ipv4() && site.first <= member.first && member.last <= site.last
        };
        self.of(HostSet::Site).iter().any(within)
    }
}

/// Names what is known by MAC only: rules are of addresses. A device that is declared with both has a place.
fn unplaced(inventory: &Inventory) -> Vec<String> {
    let by_mac = |entry: &Entry| matches!(entry.matcher, Matcher::Mac(_) | Matcher::MacPrefix(_));
    let placed: HashSet<_> =
        inventory.entries().iter().filter(|entry| !by_mac(entry)).map(|entry| &entry.place).collect();
    let entries = inventory
        .entries()
        .iter()
        .filter(|entry| HostSet::of(entry.role).is_some() && by_mac(entry) && !placed.contains(&entry.place));
    let words = |entry: &Entry| {
        let name = entry.name.as_deref().map_or_else(String::new, |name| format!(" \"{name}\""));
        let (what, matcher) = match entry.matcher {
            Matcher::MacPrefix(_) => ("every", format!("whose MAC begins with {}", entry.matcher)),
            _ => ("the", entry.matcher.to_string()),
        };
        format!("{what} {}{name} {matcher} ({}): known by MAC only", entry.role.name(), entry.place.line())
    };
    entries.map(words).collect()
}

/// RFC 1918, 6598, 3927, 4193 and link-local IPv6: what is never external.
fn private() -> Vec<Member> {
    let v4 =
        |a: [u8; 4], b: [u8; 4]| Member { first: Ipv4Addr::from(a).into(), last: Ipv4Addr::from(b).into(), name: None };
    let v6 = |first: u16, last: u16| Member {
        first: Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, 0).into(),
        last: Ipv6Addr::from((u128::from(last) << 112) | (u128::MAX >> 16)).into(),
        name: None,
    };
    vec![
        v4([10, 0, 0, 0], [10, 255, 255, 255]),
        v4([100, 64, 0, 0], [100, 127, 255, 255]),
        v4([169, 254, 0, 0], [169, 254, 255, 255]),
        v4([172, 16, 0, 0], [172, 31, 255, 255]),
        v4([192, 168, 0, 0], [192, 168, 255, 255]),
        v6(0xfc00, 0xfdff),
        v6(0xfe80, 0xfebf),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> Hosts {
        Hosts::new(Some(&Inventory::parse(text, "site.toml").unwrap()))
    }

    fn text(hosts: &Hosts, set: HostSet) -> Vec<String> {
        hosts.of(set).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_most_specific_entry_has_the_address() {
        let hosts = hosts(
            "node = [\"10.0.0.0/29\", \"fd00::5\"]\ngateway = \"10.0.0.2\"\nsite = \"198.51.100.0/24\"\n\
             [[device]]\naddress = \"10.0.0.7\"\nrole = \"host\"\n\
             [[device]]\naddress = \"203.0.113.9\"\nrole = \"host\"\n",
        );
        assert_eq!(text(&hosts, HostSet::Gateway), ["10.0.0.2"]);
        assert_eq!(text(&hosts, HostSet::Node), ["10.0.0.0/31", "10.0.0.3-10.0.0.6", "fd00::5"]);
        let site = text(&hosts, HostSet::Site);
        assert!(site.contains(&"203.0.113.9".into()) && site.contains(&"198.51.100.0/24".into()), "{site:?}");
        assert!(site.contains(&"10.0.0.0/8".into()) && site.contains(&"fc00::/7".into()), "{site:?}");
        assert!(hosts.is_empty(HostSet::Bacnet) && hosts.unplaced().is_empty());
    }

    #[test]
    fn each_device_without_an_address_is_named_and_no_other() {
        let hosts = hosts(
            "node = [\"00:1b:c5\", \"00:1b:c6:01:02:03\"]\n\
             [[device]]\nmac = \"00:1b:c6:01:02:04\"\naddress = \"10.0.0.4\"\nrole = \"node\"\n\
             [[device]]\nmac = \"00:1b:c6:01:02:05\"\nrole = \"gateway\"\nname = \"Cellar\"\n\
             [[device]]\nmac = \"00:1b:c6:01:02:06\"\nrole = \"host\"\n",
        );
        assert_eq!(
            hosts.unplaced(),
            [
                "the gateway \"Cellar\" 00:1b:c6:01:02:05 (site.toml:6): known by MAC only",
                "every node whose MAC begins with 00:1b:c5 (site.toml:1): known by MAC only",
                "the node 00:1b:c6:01:02:03 (site.toml:1): known by MAC only",
            ]
        );
    }

    #[test]
    fn without_an_inventory_the_roles_are_to_be_filled_in() {
        let hosts = Hosts::new(None);
        assert!(hosts.is_placeholder(HostSet::Node) && !hosts.is_placeholder(HostSet::Site));
        assert!(hosts.may_match(HostSet::Node, Family::V6) && !hosts.is_empty(HostSet::Node));
    }
}
