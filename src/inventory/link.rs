//! What the link itself says of each device: its power (LLDP), whether the switch let it in (802.1X), its groups.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::host::Host;
use crate::capture::Timestamp;
use crate::decode::MacAddr;
use crate::flow::{Authentication, LinkEvidence, SideEvidence, Window};
use crate::protocol::poe::{PoeEnd, Power, UNNEGOTIATED, class_power};
use crate::text::named;

/// The group to which both ends of 802.1X send where they know no address (IEEE 802.1X-2020 table 11-1).
const PAE_GROUP: MacAddr = MacAddr([0x01, 0x80, 0xc2, 0, 0, 0x03]);
/// Groups of one host that are told.
const MOST_GROUPS: usize = 32;

named! {
    /// How far a device came with 802.1X.
    pub enum Dot1x {
        /// The switch let it in.
        Authenticated = "authenticated",
        /// The switch refused it.
        Refused = "refused",
        /// It began, and neither came.
        Started = "started",
    }
}

/// What LLDP says of a device's power; powers are in tenths of a watt at the device's end of the cable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Powered {
    /// The class, 0 to 8.
    pub class: Option<u8>,
    /// What it asks for.
    pub requested: Option<u16>,
    /// What it was given.
    pub allocated: Option<u16>,
    /// The pairs that carry it: `signal`, `spare` or `both`.
    pub pairs: Option<&'static str>,
    /// Units that say that it is given less than it asks for, if that is how it stands at the end, since the last that
    /// said otherwise.
    pub(crate) short: Option<Window>,
    /// The switch's units that show that nothing beyond the least was ever asked for, though the class needs it.
    pub(crate) unnegotiated: Option<Window>,
}

/// What the link says of one host.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct HostLink {
    /// Its power.
    pub power: Option<Powered>,
    /// Whether the switch let it in.
    pub dot1x: Option<Dot1x>,
    /// Groups that it listens to, ascending, the first few.
    pub groups: Vec<IpAddr>,
    /// How many more there are.
    pub more_groups: u32,
}

impl Powered {
    /// `class 4, asks for 25.5 W, is given 13.0 W, signal pairs`.
    pub(crate) fn words(&self) -> String {
        let parts = [
            self.class.map(|class| format!("class {class}")),
            self.requested.map(|tenths| format!("asks for {} W", watts(tenths))),
            self.allocated.map(|tenths| format!("is given {} W", watts(tenths))),
            self.pairs.map(|pairs| format!("{pairs} pairs")),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// A value in tenths of a watt as people read it: `25.5`.
pub fn watts(tenths: u16) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The same in milliwatts.
pub fn milliwatts(tenths: u16) -> u32 {
    100 * u32::from(tenths)
}

/// What one end said of power, by time; the same in several captures is one.
type PowerReports<'a> = Vec<(&'a Power, Window)>;

/// The power of each device that LLDP tells of. `devices` says which device is alone on the link of an input, so that
/// what the switch says is of it.
pub(crate) fn powers(evidence: &LinkEvidence, devices: &BTreeMap<u32, MacAddr>) -> BTreeMap<MacAddr, Powered> {
    let mut said: BTreeMap<MacAddr, [BTreeMap<&Power, Window>; 2]> = BTreeMap::new();
    for ((input, from, power), window) in evidence.power() {
        let (device, end) = match power.side() {
            Some(PoeEnd::Device) => (*from, 0),
            Some(PoeEnd::Source) => match devices.get(input) {
                Some(device) if device != from => (*device, 1),
                _ => continue,
            },
            None => continue,
        };
        let known = said.entry(device).or_default()[end].entry(power).or_insert(Window::NONE);
        *known = known.and(*window);
    }
    said.into_iter().map(|(mac, ends)| (mac, powered(ends.map(|said| said.into_iter().collect())))).collect()
}

fn powered(mut ends: [PowerReports<'_>; 2]) -> Powered {
    ends.iter_mut().for_each(|said| said.sort_by_key(|(power, window)| (window.end, window.begin, **power)));
    let [own, switch] = [0, 1].map(|end| ends[end].last().copied());
    let of = |get: &dyn Fn(&Power) -> Option<u16>, end: Option<(&Power, Window)>| end.and_then(|(power, _)| get(power));
    let requested = of(&Power::requested, own).or(of(&Power::requested, switch));
    let given = of(&Power::allocated, switch);
    // A switch that gave more before has taken it back, whatever the device still holds for granted.
    let is_cut = given.is_some() && ends[1].iter().any(|(power, _)| power.allocated() > given);
    let allocated = if is_cut { given } else { given.max(of(&Power::allocated, own)) };
    let class = own.and_then(|(power, _)| power.class()).or(switch.and_then(|(power, _)| power.class()));
    let pairs = switch.and_then(|(power, _)| power.pairs()).or(own.and_then(|(power, _)| power.pairs()));
    // A switch that tells its power without negotiating it grants by classification: what the device holds for granted is
    // only what it began with, unless the class that the switch says gives no more.
    let by_class = |power: &Power| power.class().and_then(class_power);
    let may_tell = switch
        .is_none_or(|(power, _)| power.negotiates() || by_class(power).is_some_and(|given| Some(given) < requested));
    let is_short = may_tell
        && matches!((requested, allocated), (Some(requested), Some(allocated)) if is_less(allocated, requested));
    let is_own = !is_cut && own.is_some_and(|(power, _)| power.requested().is_some());
    let short = is_short.then(|| since(&ends[usize::from(!is_own)]));
    let negotiates = ends[0].iter().any(|(power, _)| power.negotiates());
    let least = allocated.is_some_and(|allocated| allocated <= UNNEGOTIATED) && requested <= allocated;
    let unnegotiated = match switch {
        Some((_, window)) if class >= Some(4) && least && !negotiates => Some(window),
        _ => None,
    };
    Powered { class, requested, allocated, pairs, short, unnegotiated }
}

/// Whether a power, in tenths of a watt, is less than another by more than two ends' rounding explains.
const fn is_less(allocated: u16, requested: u16) -> bool {
    requested > allocated.saturating_add(2)
}

/// When the last unit of an end was sent, from the last on that said that all was well.
fn since(said: &PowerReports<'_>) -> Window {
    let Some((_, last)) = said.last() else { return Window::NONE };
    let is_well =
        |power: &Power| matches!((power.requested(), power.allocated()), (Some(r), Some(a)) if !is_less(a, r));
    let well = said.iter().filter(|(power, _)| is_well(power)).map(|(_, window)| window.last).max();
    let mut window = *last;
    if let Some(well) = well.filter(|well| *well > window.first) {
        window.first = well;
    }
    window
}

/// How far each device came with 802.1X, and what it rests on. What a switch sent to the group is of the only device that
/// tried in that input, or in all of them where none did there (a capture of one direction); else it is somebody's, and who
/// was not let in by a unit of its own is not told.
pub(crate) fn stations(evidence: &LinkEvidence) -> BTreeMap<MacAddr, (Dot1x, Authentication)> {
    let mut sums: BTreeMap<MacAddr, Authentication> = BTreeMap::new();
    let mut by_input: BTreeMap<u32, BTreeSet<MacAddr>> = BTreeMap::new();
    let said = |to_group: bool| evidence.authentication().filter(move |((_, to), _)| (*to == PAE_GROUP) == to_group);
    for ((input, station), said) in said(false) {
        let sum = sums.entry(*station).or_insert(Authentication::NONE);
        *sum = sum.and(*said);
        if said.was_tried() {
            by_input.entry(*input).or_default().insert(*station);
        }
    }
    sums.retain(|_, said| said.was_tried());
    let all: BTreeSet<MacAddr> = sums.keys().copied().collect();
    let mut unclear: BTreeSet<MacAddr> = BTreeSet::new();
    for ((input, _), said) in said(true) {
        let tried = by_input.get(input).unwrap_or(&all);
        match (tried.len(), tried.first()) {
            (1, Some(station)) => {
                if let Some(sum) = sums.get_mut(station) {
                    *sum = sum.and(*said);
                }
            }
            // Somebody was let in, and which of them is not said.
            _ if said.successes.count > 0 => unclear.extend(tried),
            _ => {}
        }
    }
    sums.retain(|station, said| said.successes.count > 0 || !unclear.contains(station));
    sums.into_iter().map(|(station, said)| (station, (state(&said), said))).collect()
}

fn state(said: &Authentication) -> Dot1x {
    match (said.successes.count, said.failures.count) {
        (0, 0) => Dot1x::Started,
        (0, _) => Dot1x::Refused,
        // Who is asked again and again was let in in between.
        _ => Dot1x::Authenticated,
    }
}

/// The groups that each host listens to.
fn groups(evidence: &LinkEvidence) -> BTreeMap<IpAddr, Vec<IpAddr>> {
    let mut groups: BTreeMap<IpAddr, Vec<IpAddr>> = BTreeMap::new();
    for ((_, host, group), said) in evidence.members() {
        if said.joins.count > 0 && (said.leaves.count == 0 || said.joins.end >= said.leaves.end) {
            groups.entry(*host).or_default().push(*group);
        }
    }
    groups.values_mut().for_each(|list| {
        list.sort_unstable();
        list.dedup();
    });
    groups
}

/// Writes to each host what the link says of it.
pub(super) fn give(evidence: &SideEvidence, devices: &BTreeMap<u32, MacAddr>, hosts: &mut [Host]) {
    let evidence = &evidence.link;
    if evidence.is_empty() {
        return;
    }
    let (powers, stations, groups) = (powers(evidence, devices), stations(evidence), groups(evidence));
    if powers.is_empty() && stations.is_empty() && groups.is_empty() {
        return;
    }
    for host in hosts {
        let mut link = HostLink::default();
        if let Some(mac) = host.mac {
            link.power = powers.get(&mac).cloned();
            link.dot1x = stations.get(&mac).map(|(state, _)| *state);
        }
        if let Some(groups) = groups.get(&host.address) {
            link.groups = groups.iter().take(MOST_GROUPS).copied().collect();
            link.more_groups = groups.len().saturating_sub(MOST_GROUPS) as u32;
        }
        if link != HostLink::default() {
            host.link = Some(Arc::new(link));
        }
    }
}

/// Seconds from the first to the last unit of a window, as written.
pub(crate) fn seconds(window: &Window) -> u64 {
    let nanos = |time: Timestamp| time.nanos();
    match (nanos(window.first), nanos(window.last)) {
        (Some(first), Some(last)) if last >= first => last.abs_diff(first) / 1_000_000_000,
        _ => 0,
    }
}
