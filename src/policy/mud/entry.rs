//! One entry of an access list (RFC 8519 section 4.1, RFC 8520 section 4): what it matches.

use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::member::{Member, Notes};
use super::{Described, MudList, clean, role_of};
use crate::policy::{Role, RoleSet};
use crate::protocol::Transport;

/// Ports; empty for all.
pub(super) type Ports = Vec<RangeInclusive<u16>>;

/// The other end: roles, or blocks of addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Peers {
    pub(super) roles: RoleSet,
    pub(super) blocks: Vec<IpNet>,
}

/// What one entry matches, as it stands.
#[derive(Clone, Debug)]
pub(super) struct AccessEntry {
    pub(super) leg: MudList,
    /// Which access list, for the order of entries.
    pub(super) list: usize,
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) accept: bool,
    /// IP version, where the entry says one.
    pub(super) version: Option<u8>,
    pub(super) transport: Option<Transport>,
    pub(super) source: Ports,
    pub(super) destination: Ports,
    /// ICMP type.
    pub(super) kind: Option<u16>,
    /// For TCP, who opens the connection: whether it is the device.
    pub(super) device_opens: Option<bool>,
    pub(super) peers: Peers,
}

const MUD: &[&str] = &["ietf-mud:mud", "ietf-mud:mud-acl", "mud"];
const MATCHES: &[&str] = &[
    "ietf-mud:mud",
    "ietf-mud:mud-acl",
    "mud",
    "ipv4",
    "ipv6",
    "tcp",
    "udp",
    "icmp",
    "l3",
    "l4",
    "ipv4-acl",
    "ipv6-acl",
    "tcp-acl",
    "udp-acl",
    "icmp-acl",
];
/// Addresses and names, seen from the packet: (key, whether it is the destination's).
const NETWORKS: &[(&str, bool)] = &[
    ("destination-ipv4-network", true),
    ("source-ipv4-network", false),
    ("destination-ipv6-network", true),
    ("source-ipv6-network", false),
];
const NAMES: &[(&str, bool)] = &[
    ("ietf-acldns:dst-dnsname", true),
    ("ietf-acldns:src-dnsname", false),
    ("dst-dnsname", true),
    ("src-dnsname", false),
];
const IP: &[&str] = &[
    "protocol",
    "destination-ipv4-network",
    "source-ipv4-network",
    "destination-ipv6-network",
    "source-ipv6-network",
    "ietf-acldns:dst-dnsname",
    "ietf-acldns:src-dnsname",
    "dst-dnsname",
    "src-dnsname",
];
const SOURCE: &[&str] = &["source-port", "source-port-range-or-operator", "source-port-range"];
const DESTINATION: &[&str] = &["destination-port", "destination-port-range-or-operator", "destination-port-range"];
const OPENS: &[&str] = &["ietf-mud:direction-initiated", "direction-initiated"];
const PORTED: &[&str] = &[
    "source-port",
    "source-port-range-or-operator",
    "source-port-range",
    "destination-port",
    "destination-port-range-or-operator",
    "destination-port-range",
    "ietf-mud:direction-initiated",
    "direction-initiated",
];

/// On site, but no group.
const LOCAL: [Role; 4] = [Role::Gateway, Role::Node, Role::Bacnet, Role::Host];

impl AccessEntry {
    /// Reads an entry of a list at a line; `None`, with the mistakes noted, if it cannot be understood.
    pub(super) fn read(
        ace: &Member<'_>,
        (leg, list, line): (MudList, usize, usize),
        device: &Described,
        notes: &Notes<'_>,
    ) -> Option<Self> {
        let name = ace.required(&["name", "rule-name"], "an entry").and_then(|name| name.text());
        let matches = ace.required(&["matches"], "an entry");
        let accept = ace.required(&["actions"], "an entry").and_then(|actions| forwarding(&actions));
        let name = clean(name?);
        let mut entry = Self {
            leg,
            list,
            line,
            accept: accept?,
            version: None,
            transport: None,
            source: Vec::new(),
            destination: Vec::new(),
            kind: None,
            device_opens: None,
            peers: Peers { roles: RoleSet::ANY, blocks: Vec::new() },
            name,
        };
        let mut about = About::default();
        entry.matches(&matches?, device, &mut about, notes);
        entry.peers = about.peers(&entry, notes);
        Some(entry)
    }

    fn matches(&mut self, matches: &Member<'_>, device: &Described, about: &mut About, notes: &Notes<'_>) {
        for (key, member) in matches.members() {
            match key {
                // Drafts wrapped the headers by layer.
                "l3" | "l4" => self.matches(&member, device, about, notes),
                "ipv4" | "ipv4-acl" => self.ip(&member, 4, about, notes),
                "ipv6" | "ipv6-acl" => self.ip(&member, 6, about, notes),
                "tcp" | "tcp-acl" => self.ported(&member, Transport::Tcp, notes),
                "udp" | "udp-acl" => self.ported(&member, Transport::Udp, notes),
                "icmp" | "icmp-acl" => {
                    self.transport.get_or_insert(Transport::Icmp);
                    self.kind = member.get(&["type"]).and_then(|kind| kind.number("an ICMP type", 255));
                    self.rest(&member, &["type"], notes);
                }
                _ if MUD.contains(&key) => about.abstractions(self, &member, device, notes),
                _ => self.also(&member, key, MATCHES, notes),
            }
        }
    }

    fn ip(&mut self, ip: &Member<'_>, version: u8, about: &mut About, notes: &Notes<'_>) {
        self.version = Some(version);
        if let Some(protocol) = ip.get(&["protocol"])
            && let Some(number) = protocol.number("an IP protocol", 255).and_then(|number| u8::try_from(number).ok())
        {
            let transport = Transport::from(number);
            match self.transport {
                Some(Transport::Icmp) if transport == Transport::Icmpv6 => self.transport = Some(transport),
                Some(other) if other != transport => {
                    protocol.complain(format!("the entry is of {other} and of IP protocol {number} at once"));
                }
                _ => self.transport = Some(transport),
            }
        }
        for (key, destination) in NETWORKS {
            let Some(member) = ip.get(&[*key]) else { continue };
            let Some(text) = member.text() else { continue };
            match text.parse::<IpNet>() {
                Ok(block) => about.networks.push((block.trunc(), *destination)),
                Err(_) => member.expected("a network, such as 192.0.2.0/24"),
            }
        }
        for (key, destination) in NAMES {
            if let Some(name) = ip.get(&[*key]).and_then(|member| member.text()) {
                about.names.push((clean(name), *destination));
            }
        }
        self.rest(ip, IP, notes);
    }

    fn ported(&mut self, l4: &Member<'_>, transport: Transport, notes: &Notes<'_>) {
        match self.transport {
            Some(other) if other != transport => {
                l4.complain(format!("the entry is of {transport} and of IP protocol {} at once", other.number()));
            }
            _ => self.transport = Some(transport),
        }
        self.source = l4.get(SOURCE).map(|ports| self::ports(&ports)).unwrap_or_default();
        self.destination = l4.get(DESTINATION).map(|ports| self::ports(&ports)).unwrap_or_default();
        if let Some(opens) = l4.get(OPENS) {
            match opens.value().as_str() {
                Some("from-device") => self.device_opens = Some(true),
                Some("to-device") => self.device_opens = Some(false),
                _ => opens.expected("\"from-device\" or \"to-device\""),
            }
        }
        self.rest(l4, PORTED, notes);
    }

    /// What else an entry asks of a packet.
    fn rest(&self, member: &Member<'_>, known: &[&str], notes: &Notes<'_>) {
        for (key, found) in member.members() {
            if !known.contains(&key) {
                self.also(&found, key, known, notes);
            }
        }
    }

    fn also(&self, member: &Member<'_>, key: &str, known: &[&str], notes: &Notes<'_>) {
        // Near to a known key of another kind (`source-port` to `source-ports`) is a slip of the pen.
        match crate::text::nearest(key, known) {
            Some(_) => member.unknown(key, known),
            None => notes.lose(format!(
                "entry \"{}\": \"{}\" is not looked at, so it holds for more",
                self.name,
                clean(key)
            )),
        }
    }
}

/// What is said of the other end, before it is put together.
#[derive(Default)]
struct About {
    roles: Option<RoleSet>,
    networks: Vec<(IpNet, bool)>,
    names: Vec<(String, bool)>,
}

impl About {
    /// MUD's abstractions (RFC 8520 section 4), as roles.
    fn abstractions(&mut self, entry: &AccessEntry, mud: &Member<'_>, device: &Described, notes: &Notes<'_>) {
        for (key, member) in mud.members() {
            let roles: RoleSet = match key {
                "my-controller" => [Role::Gateway].into_iter().collect(),
                "local-networks" => LOCAL.into_iter().collect(),
                "controller" => match member.text() {
                    Some(class) => controller(class, notes),
                    None => continue,
                },
                "model" => match member.text() {
                    Some(url) => model(url, device, notes),
                    None => continue,
                },
                "same-manufacturer" => [device.role].into_iter().collect(),
                "manufacturer" => match member.text() {
                    Some(authority) if device.url.contains(&format!("//{authority}/")) => {
                        [device.role].into_iter().collect()
                    }
                    Some(authority) => {
                        notes.lose(format!(
                            "devices of the manufacturer \"{}\" are taken for any other host on site",
                            clean(authority)
                        ));
                        [Role::Host].into_iter().collect()
                    }
                    None => continue,
                },
                "ietf-mud:direction-initiated" | "direction-initiated" => continue,
                _ => {
                    const KNOWN: &[&str] = &[
                        "my-controller",
                        "local-networks",
                        "controller",
                        "model",
                        "same-manufacturer",
                        "manufacturer",
                    ];
                    entry.also(&member, key, KNOWN, notes);
                    continue;
                }
            };
            self.roles =
                Some(self.roles.map_or(roles, |old| old.iter().filter(|role| roles.contains(*role)).collect()));
        }
    }

    fn peers(self, entry: &AccessEntry, notes: &Notes<'_>) -> Peers {
        let mut roles = self.roles;
        let mut blocks = Vec::new();
        let is_peer = |destination: bool| destination == (entry.leg == MudList::From);
        for (block, destination) in self.networks {
            let group = block.network().is_multicast() || block.to_string() == "255.255.255.255/32";
            match (is_peer(destination), group) {
                // To a group: who hears it is whoever listens.
                (true, true) => roles = Some([Role::Group].into_iter().collect()),
                (true, false) if block.prefix_len() == 0 => {}
                (true, false) => blocks.push(block),
                (false, true) => {}
                (false, false) => notes.lose(format!(
                    "entry \"{}\" names addresses of the device itself ({block}), which are not looked at",
                    entry.name
                )),
            }
        }
        for (name, destination) in self.names {
            if is_peer(destination) {
                notes.lose(format!("\"{name}\" is taken for every external address: this tool looks up no names"));
                roles = Some([Role::External].into_iter().collect());
            }
        }
        let whole = if blocks.is_empty() { RoleSet::ANY } else { RoleSet::NONE };
        Peers { roles: if blocks.is_empty() { roles.unwrap_or(whole) } else { whole }, blocks }
    }
}

/// A class of controllers: the well-known ones (RFC 8520 section 4.1), and ours.
fn controller(class: &str, notes: &Notes<'_>) -> RoleSet {
    match class {
        "urn:ietf:params:mud:dns" | "urn:ietf:params:mud:ntp" => LOCAL.into_iter().chain([Role::External]).collect(),
        "urn:ietf:params:mud:gateway" => [Role::Host].into_iter().collect(),
        _ if class == format!("{}/class/bacnet", super::AUTHORITY) => [Role::Bacnet].into_iter().collect(),
        _ => {
            notes.lose(format!("the controllers of class \"{}\" are taken for the gateway", clean(class)));
            [Role::Gateway].into_iter().collect()
        }
    }
}

/// Devices of a model, by the URL of their description.
fn model(url: &str, device: &Described, notes: &Notes<'_>) -> RoleSet {
    if url == device.url {
        return [device.role].into_iter().collect();
    }
    if let Some((role, _)) = role_of(url) {
        return [role].into_iter().collect();
    }
    notes.lose(format!("devices of the model \"{}\" are taken for any other host on site", clean(url)));
    [Role::Host].into_iter().collect()
}

/// Whether packets pass (RFC 8519 `forwarding`, or the drafts' `permit` and `deny`).
fn forwarding(actions: &Member<'_>) -> Option<bool> {
    for (key, accept) in [("permit", true), ("deny", false)] {
        if actions.get(&[key]).is_some() {
            return Some(accept);
        }
    }
    let forwarding = actions.required(&["forwarding"], "the actions of an entry")?;
    let word = forwarding.value().as_str().unwrap_or_default();
    match word.rsplit(':').next().unwrap_or_default() {
        "accept" => Some(true),
        "drop" | "reject" => Some(false),
        _ => {
            forwarding.expected("\"accept\", \"drop\" or \"reject\"");
            None
        }
    }
}

/// Ports by operator or range (RFC 8519 `port-range-or-operator`).
fn ports(member: &Member<'_>) -> Ports {
    if member.value().is_u64() {
        return port(member).filter(|port| *port > 0).map(|port| vec![port..=port]).unwrap_or_default();
    }
    member.check_keys(&["operator", "port", "lower-port", "upper-port", "port-operator"]);
    if let (Some(low), Some(high)) = (member.get(&["lower-port"]), member.get(&["upper-port"])) {
        let (Some(from), Some(to)) = (port(&low), port(&high)) else { return Vec::new() };
        if from > to {
            high.complain(format!("the upper port {to} is below the lower port {from}"));
            return Vec::new();
        }
        return vec![from.max(1)..=to.max(1)];
    }
    let Some(port) = member.required(&["port"], "a port match").and_then(|member| port(&member)) else {
        return Vec::new();
    };
    let operator = member.get(&["operator", "port-operator"]);
    if port == 0 {
        member.complain("port 0 is no port");
        return Vec::new();
    }
    match operator.as_ref().map_or(Some("eq"), |operator| operator.value().as_str()) {
        Some("eq") => vec![port..=port],
        Some("lte") => vec![1..=port],
        Some("gte") => vec![port..=u16::MAX],
        Some("neq") => [1..=port.saturating_sub(1), port.saturating_add(1)..=u16::MAX]
            .into_iter()
            .filter(|range| !range.is_empty() && !range.contains(&port))
            .collect(),
        _ => {
            if let Some(operator) = operator {
                operator.expected("\"eq\", \"neq\", \"lte\" or \"gte\"");
            }
            Vec::new()
        }
    }
}

fn port(member: &Member<'_>) -> Option<u16> {
    member.number("a port", u16::MAX)
}
