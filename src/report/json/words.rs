//! The words of a survey.json back to what the program works with; `None` where a word is not known.

use std::net::IpAddr;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;

use super::v1::{self, Text};
use super::values::Time;
use crate::capture::Timestamp;
use crate::decode::{MacAddr, TcpFlags, VlanPath};
use crate::finding::{Kind, SilentTime, SilentTimes, Who};
use crate::inventory::{Attachment, Dot1x, Host, HostLink, Powered, RoleSource};
use crate::policy::{FindingKind, Reason, Role};
use crate::protocol::{Protocol, Transport};
use crate::verdict::CellState;

/// What a word says that may be missing.
pub(super) fn maybe<T>(text: Option<&Text<'_>>, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    text.map_or(Some(None), |text| read(text).map(Some))
}

pub(super) fn protocol(text: &str) -> Option<Protocol> {
    Protocol::ALL.into_iter().find(|protocol| protocol.name() == text)
}

/// `one-way` is read as such, though it may have been sent to a group.
pub(super) fn cell_state(text: &str) -> Option<CellState> {
    let all = [CellState::NotSeen, CellState::OneWay, CellState::Blocked, CellState::Carried];
    all.into_iter().find(|state| state.name() == text)
}

pub(super) fn kind(text: &str) -> Option<Kind> {
    let other = || FindingKind::of_name(text).map(Kind::Other);
    Reason::of_name(text).map(Kind::Unexpected).or_else(other)
}

pub(in crate::report) fn transport(text: &str) -> Option<Transport> {
    Some(match text {
        "tcp" => Transport::Tcp,
        "udp" => Transport::Udp,
        "icmp" => Transport::Icmp,
        "icmpv6" => Transport::Icmpv6,
        number => Transport::from(number.parse::<u8>().ok()?),
    })
}

/// Seconds in nanoseconds; 0 where there are none.
pub(in crate::report) fn nanos(seconds: Option<f64>) -> u64 {
    seconds.map_or(0, |seconds| (seconds * 1e9).round() as u64)
}

pub(in crate::report) fn time(time: Option<Time>) -> Timestamp {
    time.map_or(Timestamp::UNKNOWN, Time::get)
}

/// When devices were silent: of what is none, nothing.
pub(super) fn silent_times(row: &v1::Finding<'_>) -> SilentTimes {
    let time = |text: &str| {
        let text: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
        Time::deserialize(text).ok().map(Time::get)
    };
    let read = |text: &str| {
        let mut words = text.splitn(3, ' ');
        let (who, (start, end)) = (words.next()?, words.next()?.split_once('/')?);
        let who = who.parse().map(Who::Address).ok().or_else(|| MacAddr::parse(who).map(Who::Mac))?;
        Some(SilentTime { who, start: time(start)?, end: time(end)?, lasts: words.next() == Some("lasts") })
    };
    let told = SilentTimes::of(row.silent_times.iter().flatten().filter_map(|text| read(text)).collect());
    SilentTimes { more: told.more.saturating_add(row.more_silent_times.unwrap_or(0)), ..told }
}

/// `.S..A...`
pub(super) fn tcp_flags(text: Option<&Text<'_>>) -> TcpFlags {
    let letters = text.map_or("", |text| text).bytes().zip(0..8);
    TcpFlags(letters.filter(|(letter, _)| *letter != b'.').fold(0, |flags, (_, bit)| flags | 1 << bit))
}

/// `100.10`
pub(super) fn vlan(text: Option<&Text<'_>>) -> Option<VlanPath> {
    let Some(text) = text else { return Some(VlanPath::Untagged) };
    // A VLAN's number has 12 bits (IEEE 802.1Q).
    let number = |tag: &str| tag.parse::<u16>().ok().filter(|number| *number < 4096);
    let tags: Vec<u16> = text.split('.').map(number).collect::<Option<_>>()?;
    Some(match tags[..] {
        [one] => VlanPath::One(one),
        [one, two] => VlanPath::Two(one, two),
        _ => VlanPath::Deep(tags.into()),
    })
}

/// Whom a cell names, and how many more it says there are.
pub(super) fn who(cell: Option<&Text<'_>>) -> (Vec<Who>, u64) {
    let mut more = 0;
    let mut all = Vec::new();
    for name in cell.map_or("", |cell| cell).split(';') {
        match name.strip_prefix("and ").and_then(|rest| rest.strip_suffix(" more")) {
            Some(number) => more = number.parse().unwrap_or(0),
            None => {
                all.extend(name.parse::<IpAddr>().ok().map(Who::Address).or_else(|| MacAddr::parse(name).map(Who::Mac)))
            }
        }
    }
    (all, more)
}

/// A host that only a conversation names.
pub(super) fn bare_host(address: IpAddr, role: Role) -> Host {
    Host { role, basis: "".into(), ..Host::new(address) }
}

/// What the link says of a host; `None` where that is nothing.
pub(crate) fn link(row: &v1::Host<'_>) -> Option<Arc<HostLink>> {
    let tenths = |milliwatts: Option<u32>| milliwatts.and_then(|milliwatts| u16::try_from(milliwatts / 100).ok());
    let power = Powered {
        class: row.poe_class,
        requested: tenths(row.poe_requested_mw),
        allocated: tenths(row.poe_allocated_mw),
        pairs: ["signal", "spare", "both"].into_iter().find(|word| row.poe_pairs.as_deref() == Some(word)),
        short: None,
        unnegotiated: None,
    };
    let is_known =
        power.class.is_some() || power.requested.is_some() || power.allocated.is_some() || power.pairs.is_some();
    let words = row.groups.as_deref().unwrap_or_default();
    let link = HostLink {
        power: is_known.then_some(power),
        dot1x: row.dot1x.as_deref().and_then(Dot1x::of_name),
        groups: words.iter().filter_map(|word| word.parse().ok()).collect(),
        more_groups: words.last().and_then(|word| word.strip_prefix('+')?.parse().ok()).unwrap_or(0),
    };
    (link != HostLink::default()).then(|| Arc::new(link))
}

pub(super) fn host(row: v1::Host<'_>, role: Role) -> Host {
    let (source, basis) = row.role_basis.split_once(": ").unwrap_or((&row.role_basis, ""));
    let (source, basis) = match source {
        "declared" => (RoleSource::Declared, basis),
        "inferred" => (RoleSource::Inferred, basis),
        "address" => (RoleSource::Address, basis),
        _ => (RoleSource::Address, &*row.role_basis),
    };
    let port = |text: &Text<'_>| {
        let (transport_name, port) = text.split_once('/')?;
        Some((transport(transport_name)?, port.parse::<u16>().ok()?))
    };
    let mut serves: Vec<_> = row.serves.iter().filter_map(port).collect();
    serves.truncate(Host::MAX_SERVES);
    let more = row.serves.last().and_then(|text| text.strip_prefix('+')?.parse().ok());
    Host {
        mac: row.mac.map(|mac| mac.0),
        more_macs: row.other_macs.iter().map(|mac| mac.0).collect(),
        lldp_name: row.lldp_name.as_deref().map(Into::into),
        attachment: row.switch.as_deref().map(|switch| {
            Attachment { switch: switch.to_owned(), port: row.switch_port.as_deref().unwrap_or_default().to_owned() }
                .into()
        }),
        link: link(&row),
        source,
        basis: basis.to_owned().into(),
        confidence: row.confidence,
        name: row.name.as_deref().map(Into::into),
        version: row.version.as_deref().map(Into::into),
        heard: row.heard,
        first_seen: time(row.first_seen),
        last_seen: time(row.last_seen),
        packets_sent: row.packets_sent,
        bytes_sent: row.bytes_sent,
        packets_received: row.packets_received,
        bytes_received: row.bytes_received,
        serves: serves.into(),
        serves_more: more.unwrap_or(0),
        ..bare_host(row.address, role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{self, at, who};

    #[test]
    fn silent_times_are_read_and_what_is_none_is_left_out() {
        let survey = fixture::survey();
        let mut row =
            crate::report::findings::rows(&survey, None).filter_map(|row| v1::Finding::of(&row)).next().unwrap();
        assert_eq!((silent_times(&row), &row.silent_times), (SilentTimes::default(), &None));
        let (start, end) = (at(0), at(90_000));
        let said = [
            format!("10.0.0.1 {start}/{end} lasts"),
            format!("02:00:00:00:00:01 {start}/{end}"),
            format!("10.0.0.1 {end}/{start} and more"),
            "10.0.0.1".to_owned(),
            format!("nobody {start}/{end}"),
            "10.0.0.1 yesterday/today".to_owned(),
            String::new(),
            format!("10.0.0.1  {start}/{end}"),
        ];
        row.silent_times = Some(said.into_iter().map(Text::from).collect());
        row.more_silent_times = Some(u64::MAX);
        let one = SilentTime { who: who("10.0.0.1"), start, end, lasts: true };
        let mac = Who::Mac(MacAddr::parse("02:00:00:00:00:01").unwrap());
        let back = SilentTime { start: end, end: start, lasts: false, ..one };
        let list = vec![one, SilentTime { who: mac, lasts: false, ..one }, back];
        assert_eq!(silent_times(&row), SilentTimes { list, more: u64::MAX });
        let many = (0..300).map(|second| Text::from(format!("10.0.0.1 {}/{end}", at(second))));
        row.silent_times = Some(many.collect());
        row.more_silent_times = None;
        let told = silent_times(&row);
        assert_eq!((told.list.len(), told.more), (SilentTimes::MOST, 200));
    }
}
