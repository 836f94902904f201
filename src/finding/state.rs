//! How a device stands: one word for all that was found about it.

use std::collections::BTreeMap;

use super::{Finding, Kind, Who};
use crate::capture::Timestamp;
use crate::decode::MacAddr;
use crate::inventory::{HostId, Hosts};
use crate::policy::{FindingKind, Reason};
use crate::text::named;

named! {
    explained
    /// How a device stands. Orders from good to bad.
    pub enum State {
        /// Nothing was found about the device.
        Healthy = "healthy",
        /// It answers late.
        Slow = "slow",
        /// Much between it and others is lost and sent again.
        Lossy = "lossy",
        /// It was silent for a while, and came back.
        WasSilent = "was-silent",
        /// It has conversations that nothing explains.
        Unexpected = "unexpected",
        /// A documented port of it does not work.
        Blocked = "blocked",
        /// Its version is below what the document covers.
        OldVersion = "old-version",
        /// It is given less power than it asks for, or than its class needs.
        Underpowered = "underpowered",
        /// It starts again and again.
        Restarting = "restarting",
        /// Its link goes down and up again and again.
        LinkFlaps = "link-flaps",
        /// It worked, and then answered no more.
        Silent = "silent",
        /// The switch does not let it in by 802.1X.
        NotAuthenticated = "not-authenticated",
        /// Another device has its address.
        AddressConflict = "address-conflict",
        /// It asked for an address and was given none.
        NoAddress = "no-address",
        /// The inventory names it, and nothing of it was heard.
        Absent = "absent",
    }
}

/// How one device stands, and since when it is silent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Standing {
    /// The worst of what was found about it.
    pub state: State,
    /// Of a silent one: its last answer.
    pub since: Option<Timestamp>,
}

impl Standing {
    /// Whether it is worse than unexpected conversations.
    pub fn is_bad(self) -> bool {
        self.state > State::Unexpected
    }

    /// Nothing was found.
    pub const HEALTHY: Self = Self { state: State::Healthy, since: None };
}

/// Devices about which something was found, each by the host that stands for it; all others are healthy.
#[derive(Clone, Default, Debug)]
pub struct Standings(BTreeMap<HostId, Standing>);

impl Standings {
    /// From the findings of a survey.
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>, hosts: &Hosts) -> Self {
        let by_mac: BTreeMap<MacAddr, HostId> =
            hosts.iter().zip(0..).filter_map(|(host, id)| Some((host.mac?, HostId(id)))).collect();
        let device = |who: &Who| match who {
            Who::Address(address) => hosts.device_at(*address),
            Who::Mac(mac) => by_mac.get(mac).map(|id| hosts.device_of(*id)),
        };
        let mut standings: BTreeMap<HostId, Standing> = BTreeMap::new();
        for finding in findings {
            let Some(state) = state(finding.kind) else { continue };
            let silent = finding.facts.silence();
            // One that came back tells no [`super::Facts::silence`].
            let state = if state == State::Silent && silent.is_none() { State::WasSilent } else { state };
            let (clients, servers) = match silent {
                Some((true, _)) => (&finding.clients[..], &[][..]),
                Some((false, _)) => (&[][..], &finding.servers[..]),
                None => (&finding.clients[..], &finding.servers[..]),
            };
            let standing = Standing { state, since: silent.map(|(_, since)| since) };
            for id in clients.iter().chain(servers).filter_map(device) {
                let worst = standings.entry(id).or_insert(Standing::HEALTHY);
                *worst = standing.max(*worst);
            }
        }
        Self(standings)
    }

    /// How the device that a host stands for stands.
    pub fn get(&self, device: HostId) -> Standing {
        self.0.get(&device).copied().unwrap_or(Standing::HEALTHY)
    }
}

const fn state(kind: Kind) -> Option<State> {
    let kind = match kind {
        // What cannot be told says nothing of a device.
        Kind::Unexpected(Reason::RequestNotCaptured) => return None,
        Kind::Unexpected(_) => return Some(State::Unexpected),
        Kind::Other(kind) => kind,
    };
    match kind {
        FindingKind::Blocked | FindingKind::RejectedUnseen => Some(State::Blocked),
        FindingKind::StoppedAnswering | FindingKind::WentSilent | FindingKind::SilentTogether => Some(State::Silent),
        FindingKind::SlowDevice | FindingKind::Overloaded => Some(State::Slow),
        FindingKind::LossyPath => Some(State::Lossy),
        FindingKind::OldVersion => Some(State::OldVersion),
        FindingKind::NoDhcpOffer | FindingKind::NoLease => Some(State::NoAddress),
        FindingKind::AddressConflict => Some(State::AddressConflict),
        FindingKind::PoeTooLittle | FindingKind::PoeNotNegotiated => Some(State::Underpowered),
        FindingKind::NotAuthenticated => Some(State::NotAuthenticated),
        FindingKind::Restarting => Some(State::Restarting),
        FindingKind::LinkFlaps => Some(State::LinkFlaps),
        FindingKind::NeverHeard => Some(State::Absent),
        // Of the network, not of a device, or without harm to it.
        FindingKind::UnusedAllowance
        | FindingKind::AddressChanged
        | FindingKind::OtherAddress
        | FindingKind::RefusedTransfer
        | FindingKind::TopologyChanges
        | FindingKind::ForwardsLate
        | FindingKind::NoQuerier
        | FindingKind::SecondDhcpServer
        | FindingKind::BroadcastStorm
        | FindingKind::PacketsTooBig
        | FindingKind::LostFragments
        | FindingKind::SlowTransfer => None,
    }
}
