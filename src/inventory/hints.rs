//! Who came near to a role.

use std::net::IpAddr;

use super::candidate::{gateway_side, points};
use super::infer::{Inference, RolesToInfer};
use super::profile::{ContactEnd, Profile};
use super::services::Service;
use crate::policy::Role;

/// A host that came near to a role, and too little speaks for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hint {
    /// The host.
    pub address: IpAddr,
    /// What it may be.
    pub role: Role,
    /// What speaks for it: `CoAP to 1 host`.
    pub what: String,
}

/// What nodes alone are asked for.
const OF_GATEWAYS: [(Service, ContactEnd); 3] = [
    (Service::Firmware, ContactEnd::Client),
    (Service::Configuration, ContactEnd::Client),
    (Service::Coap, ContactEnd::Client),
];

/// What a node has to do with its gateway: any computer asks whatever announces itself by UPnP for its description.
const OF_NODES: [(Service, ContactEnd); 9] = [
    (Service::Firmware, ContactEnd::Client),
    (Service::Firmware, ContactEnd::Server),
    (Service::Configuration, ContactEnd::Client),
    (Service::Configuration, ContactEnd::Server),
    (Service::Coap, ContactEnd::Client),
    (Service::Coap, ContactEnd::Server),
    (Service::Tftp, ContactEnd::Client),
    (Service::Tftp, ContactEnd::Server),
    (Service::Upnp, ContactEnd::Server),
];

impl Inference<'_> {
    /// Who came near to a role: in the order of their addresses.
    pub(super) fn hints(&self, wanted: RolesToInfer) -> Vec<Hint> {
        let mut hints = Vec::new();
        let speaks = |unit: u32| self.profiles.of(unit).is_some_and(Profile::speaks_bacnet);
        let gateway_speaks = self.gateways.iter().any(|gateway| speaks(gateway.0));
        let profiles = self.gateways.iter().filter_map(|gateway| self.profiles.of(gateway.0));
        let mut served: Vec<u32> = profiles.flat_map(|profile| &profile.peers).copied().collect();
        served.sort_unstable();
        for profile in self.profiles.iter().filter(|profile| self.is_candidate(profile.unit)) {
            let address = self.address(profile.unit);
            let what = || self.profiles.brief(profile);
            let (mut stands, mut opposite) = (0, 0);
            for service in Service::ALL.into_iter().filter(|service| service.is_lighting()) {
                let own = gateway_side(service);
                stands += u32::from(profile.side(service, own).tried > 0) * points(service);
                opposite += u32::from(profile.side(service, own.other()).tried > 0) * points(service);
            }
            let meets = |asked: &[(Service, ContactEnd)], is_one: &dyn Fn(u32) -> bool| {
                let mut peers = asked.iter().flat_map(|(service, side)| self.profiles.peers(profile, *service, *side));
                peers.any(|(peer, _)| is_one(*peer))
            };
            let knows_gateway = meets(&OF_NODES, &|peer| self.gateway(peer).is_some());
            // Beside a gateway, whoever asks hosts with which none has to do.
            let is_free = |peer| self.gateway(peer).is_none() && served.binary_search(&peer).is_err();
            let may_serve = if self.gateways.is_empty() { wanted[0] } else { meets(&OF_GATEWAYS, &is_free) };
            if may_serve && stands > 0 && stands >= opposite {
                hints.push(Hint { address, role: Role::Gateway, what: what() });
            } else if wanted[1] && knows_gateway {
                hints.push(Hint { address, role: Role::Node, what: what() });
            } else if wanted[2] && profile.speaks_bacnet() && !gateway_speaks && profile.peers.is_empty() {
                hints.push(Hint { address, role: Role::Bacnet, what: what() });
            }
        }
        hints.sort_unstable_by_key(|hint| (hint.role, hint.address));
        hints
    }
}
