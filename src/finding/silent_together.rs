//! `silent-together`: moments at which several devices were silent, and what they share.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::devices::MAX_TOLD;
use super::phrases::{called, lasting, second};
use super::silences::{Moment, Silence};
use super::{Context, Facts, Finding, Judged, Replace, SilentTimes, Who, doubts};
use crate::decode::VlanPath;
use crate::health::Pause;
use crate::inventory::{Host, HostId};
use crate::policy::{FindingKind, Role};
use crate::verdict::{Doubts, Observations};

/// Of so many devices, one need not have what the others share.
const BUT_ONE_OF: usize = 10;
/// Bits of a subnet, as far as one is taken for it.
const SUBNET: (u8, u8) = (24, 64);

/// What devices may share.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Shared {
    Vlan(VlanPath),
    /// By LLDP.
    Switch(String),
    /// By its first address.
    Subnet(IpAddr),
}

#[derive(Clone, Debug)]
struct Together {
    /// The devices, and the silence of each.
    who: Vec<(Who, Silence)>,
    /// Devices of which silence could be told.
    of: usize,
    /// When all of them were silent.
    pause: Pause,
    /// Whether a gateway is among them.
    has_gateway: bool,
    /// What they share, and not all devices have.
    shared: Vec<Shared>,
}

/// All that each device has, of what devices may share.
type Traits = BTreeMap<HostId, BTreeSet<Shared>>;

/// The moments of a survey, those with the most devices first.
#[derive(Clone, Debug)]
struct Moments {
    list: Vec<Together>,
    doubts: Doubts,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let (seen, silences) = (judged.seen, judged.silences());
    let Some(first) = silences.moments.first() else { return Vec::new() };
    let traits = traits(seen, &silences.judged);
    let all = counts(&silences.judged, &traits);
    let mut list: Vec<Together> =
        silences.moments.iter().map(|moment| together(seen, moment, &traits, (&all, silences.judged.len()))).collect();
    list.sort_by_key(|one| (std::cmp::Reverse(one.who.len()), one.pause.start));
    let devices: BTreeSet<HostId> =
        silences.moments.iter().flat_map(|moment| &moment.devices).map(|(device, _)| *device).collect();
    let hosts: Vec<&Host> = devices.iter().map(|device| seen.hosts.get(*device)).collect();
    let role = seen.hosts.role(first.devices.first().map_or(HostId(0), |(device, _)| *device));
    let mut moments = Moments { list, doubts: Doubts::default() };
    let mut finding = Finding::new(seen, FindingKind::SilentTogether, role, Arc::new(moments.clone()));
    finding.client_role = hosts.iter().all(|host| host.role == role).then_some(role);
    finding.clients = hosts.iter().map(|host| Who::Address(host.address)).collect();
    finding.packets = hosts.iter().fold(0, |sum, host| sum.saturating_add(host.packets_sent));
    for one in &moments.list {
        finding.first = finding.first.earlier(one.pause.start);
        finding.last = finding.last.max(one.pause.end);
    }
    moments.doubts = seen.missing.of_silence(finding.first, finding.last, 1);
    finding.facts = Arc::new(moments);
    vec![finding]
}

fn traits(seen: &Observations<'_>, devices: &[HostId]) -> Traits {
    let mut traits: Traits = devices.iter().map(|one| (*one, BTreeSet::new())).collect();
    for (host, id) in seen.hosts.iter().zip((0..).map(HostId)) {
        let Some(of) = traits.get_mut(&seen.hosts.device_of(id)) else { continue };
        of.insert(Shared::Subnet(subnet(host.address)));
        of.extend(host.attachment.as_deref().map(|at| Shared::Switch(at.switch.clone())));
    }
    for (place, parties) in (0..).zip(seen.parties) {
        let flow = seen.flows.view(place);
        for (_, host) in flow.ends.iter().zip(parties).filter(|(end, _)| end.packets() > 0) {
            if let Some(of) = traits.get_mut(&seen.hosts.device_of(*host)) {
                of.insert(Shared::Vlan(flow.vlan().network()));
            }
        }
    }
    traits
}

fn subnet(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => Ipv4Addr::from(u32::from(v4) & u32::MAX << (32 - SUBNET.0)).into(),
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) & u128::MAX << (128 - SUBNET.1)).into(),
    }
}

/// How many of some devices have each of these.
fn counts<'a>(devices: &[HostId], traits: &'a Traits) -> BTreeMap<&'a Shared, usize> {
    let mut counts = BTreeMap::new();
    for shared in devices.iter().filter_map(|device| traits.get(device)).flatten() {
        *counts.entry(shared).or_default() += 1;
    }
    counts
}

fn together(
    seen: &Observations<'_>,
    moment: &Moment,
    traits: &Traits,
    (all, of): (&BTreeMap<&Shared, usize>, usize),
) -> Together {
    let devices: Vec<HostId> = moment.devices.iter().map(|(device, _)| *device).collect();
    let least = devices.len() - devices.len() / BUT_ONE_OF;
    let is_shared =
        |(shared, count): &(&Shared, usize)| *count >= least && all.get(shared).is_some_and(|all| *all < of);
    let who = |(device, silence): &(HostId, Silence)| (Who::Address(seen.hosts.get(*device).address), *silence);
    Together {
        who: moment.devices.iter().map(who).collect(),
        of,
        pause: moment.pause,
        has_gateway: devices.iter().any(|device| seen.hosts.role(*device) == Role::Gateway),
        shared: counts(&devices, traits).into_iter().filter(is_shared).map(|(shared, _)| shared.clone()).collect(),
    }
}

impl Shared {
    fn word(&self) -> String {
        match self {
            Self::Vlan(vlan) if vlan.is_untagged() => "frames without a VLAN tag".to_owned(),
            Self::Vlan(vlan) => format!("VLAN {vlan}"),
            Self::Switch(switch) => format!("switch {switch}"),
            Self::Subnet(address) => {
                format!("subnet {address}/{}", if address.is_ipv4() { SUBNET.0 } else { SUBNET.1 })
            }
        }
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        match self {
            Self::Vlan(vlan) => Self::Vlan(vlan.clone()),
            Self::Switch(_) => Self::Switch(with.left_out()),
            Self::Subnet(address) => Self::Subnet(subnet(with.address(*address))),
        }
    }
}

/// When the first few devices were heard again, and when all were.
fn returns(back: &[(Who, Silence)], context: &Context<'_>) -> String {
    let one =
        |(who, silence): &(Who, Silence)| format!("{} at {}", called(&[*who], context), second(silence.pause.end));
    let mut each: Vec<String> = back.iter().take(MAX_TOLD).map(one).collect();
    if let Some(last) = back.iter().skip(MAX_TOLD).map(|(_, silence)| silence.pause.end).max() {
        each.push(format!("{} more by {}", back.len() - MAX_TOLD, second(last)));
    }
    each.join(", ")
}

impl Together {
    fn sentence(&self, context: &Context<'_>) -> String {
        let Pause { start, end } = self.pause;
        let (from, to, length) = (second(start), second(end), lasting(start, end));
        let (gone, back): (Vec<_>, Vec<_>) = self.who.iter().partition(|(_, silence)| silence.lasts);
        let gone: Vec<Who> = gone.into_iter().map(|(who, _)| who).collect();
        let until = match &*back {
            [] => format!("from {from} on, and none was heard again until the capture ended at {to}, {length} later"),
            _ => format!("from {from} to {to}, for {length}"),
        };
        let though = match self.who.iter().all(|(_, silence)| silence.is_asked) {
            true => ", though they were asked meanwhile",
            false => "",
        };
        let list = match &*back {
            [] => format!(": {}", called(&gone, context)),
            _ => format!(". Heard again: {}", returns(&back, context)),
        };
        let mut text = format!("{} of {} devices were silent {until}{though}{list}", self.who.len(), self.of);
        if !gone.is_empty() && !back.is_empty() {
            let _ = write!(text, "; not until the capture ended: {}", called(&gone, context));
        }
        text.push('.');
        let shared = self.shared();
        let _ = match &*shared {
            "" => write!(text, " Of VLAN, switch and subnet they share nothing that others do not have."),
            shared => write!(text, " They share what not all devices have: {shared}."),
        };
        text
    }

    fn shared(&self) -> String {
        self.shared.iter().map(Shared::word).collect::<Vec<_>>().join(", ")
    }
}

impl Moments {
    fn has_gateway(&self) -> bool {
        self.list.iter().any(|one| one.has_gateway)
    }
}

impl Facts for Moments {
    fn detail(&self, _: &Finding, context: &Context<'_>) -> String {
        let mut text = "Devices were silent at the same time, while others were heard.".to_owned();
        for one in self.list.iter().take(MAX_TOLD) {
            let _ = write!(text, " {}", one.sentence(context));
        }
        if self.list.len() > MAX_TOLD {
            let _ = write!(text, " And {} more such times.", self.list.len() - MAX_TOLD);
        }
        text + &doubts::words(&self.doubts)
    }

    fn gist(&self, _: &Finding, _: &Context<'_>) -> String {
        let first = self.list.first();
        first.map_or_else(String::new, |one| match &*one.shared() {
            "" => format!("{} of {} devices", one.who.len(), one.of),
            shared => format!("{} of {} devices, {shared}", one.who.len(), one.of),
        })
    }

    fn silent_times(&self) -> SilentTimes {
        let each = self.list.iter().flat_map(|one| &one.who);
        SilentTimes::of(each.map(|(who, silence)| silence.of(*who)).collect())
    }

    fn next(&self, _: &Finding) -> &'static str {
        match self.has_gateway() {
            true => "See the gateway first, then what they share: a switch, its power, its uplink",
            false => "See what they share: a switch, its power, its uplink",
        }
    }

    fn advice(&self, _: &Finding, _: &Context<'_>) -> String {
        let gateway = match self.has_gateway() {
            true => "Look at the gateway first: whoever only answers is silent with it. Then look",
            false => "Look",
        };
        format!(
            "{gateway} for one cause at that time: a switch or its power supply that restarted, an uplink that went down, a \
             broadcast storm; the logs and uptimes of the switches, and those of the devices, tell which."
        )
    }

    fn display_filter(&self, finding: &Finding) -> String {
        let address = |who: &Who| match who {
            Who::Address(address) if address.is_ipv6() => format!("ipv6.addr == {address}"),
            who => format!("ip.addr == {who}"),
        };
        finding.clients.iter().take(100).map(address).collect::<Vec<_>>().join(" || ")
    }

    fn replaced(&self, with: &dyn Replace) -> Arc<dyn Facts> {
        let other = |one: &Together| {
            let mut who: Vec<_> = one.who.iter().map(|(who, silence)| (who.replaced(with), *silence)).collect();
            // The order of the real addresses would tell which they are.
            who.sort_by_key(|(who, _)| *who);
            let shared = one.shared.iter().map(|shared| shared.replaced(with)).collect();
            Together { who, shared, ..one.clone() }
        };
        Arc::new(Self { list: self.list.iter().map(other).collect(), doubts: doubts::replaced(&self.doubts, with) })
    }
}
