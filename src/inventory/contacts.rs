//! Who asked whom for which of the services that tell gateways, nodes and BACnet systems apart.

use rayon::prelude::*;

use super::host::HostId;
use super::services::{Service, Services};
use crate::flow::{FlowView, Flows};
use crate::policy::Policy;
use crate::protocol::{Evidence, Protocol, Transport};
use crate::relation::Orientation;

/// One host asked another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Contact {
    pub(super) client: u32,
    pub(super) server: u32,
    pub(super) service: Service,
    /// Whether something came of it: not a SYN into the void, nor a scan.
    pub(super) worked: bool,
}

/// The contacts of a survey, and for which services.
#[derive(Debug)]
pub(super) struct Contacts {
    /// Ascending, each once: of two that differ in `worked` alone, the one that worked.
    pub(super) list: Vec<Contact>,
    pub(super) services: Services,
}

/// The contacts of a survey for the services of a policy's documents.
pub(super) fn contacts(
    flows: &Flows,
    orientations: &[Orientation],
    parties: &[[HostId; 2]],
    policy: &Policy,
) -> Contacts {
    let services = Services::of(policy);
    let of_flow = |place: u32| {
        let at = place as usize;
        flows.transport_ports(place).ports.iter().find(|port| services.may_know(**port))?;
        contact(&services, &flows.view(place), *orientations.get(at)?, *parties.get(at)?)
    };
    let mut list: Vec<Contact> = flows.places().into_par_iter().filter_map(of_flow).collect();
    // Sort order as numbers: contacts that worked first, so that they are the ones kept.
    list.par_sort_unstable_by_key(|contact| contact.pair() << 1 | u128::from(!contact.worked));
    list.dedup_by_key(|contact| contact.pair());
    Contacts { list, services }
}

impl Contact {
    /// Everything but whether it worked, packed in its order.
    fn pair(&self) -> u128 {
        u128::from(self.client) << 40 | u128::from(self.server) << 8 | self.service as u128
    }
}

/// What a flow says, if it is one of the services and its payload does not disprove that.
fn contact(
    services: &Services,
    flow: &FlowView<'_>,
    orientation: Orientation,
    parties: [HostId; 2],
) -> Option<Contact> {
    let asks = usize::from(orientation.client & 1);
    let (client, server) = (&flow.ends[asks], &flow.ends[1 - asks]);
    let (service, protocol) = services.on(flow.transport, server.port)?;
    // From a well-known port to an ephemeral one is an answer whose request was not captured.
    if server.port >= 49152 && client.port < 1024 {
        return None;
    }
    let says = |wanted| {
        protocol.is_some_and(|protocol| client.evidence(protocol) == wanted || server.evidence(protocol) == wanted)
    };
    let conforms = says(Evidence::Conforms);
    if says(Evidence::Violates) && !conforms {
        return None;
    }
    // Domain controllers have the port of the configuration.
    if service == Service::Configuration
        && [client, server].iter().any(|end| end.conforms() & Protocol::Kerberos.bit() != 0)
    {
        return None;
    }
    let worked = match flow.transport {
        Transport::Tcp => client.has_payload() || server.has_payload(),
        _ => server.packets() > 0 || conforms,
    };
    Some(Contact { client: parties[asks].0, server: parties[1 - asks].0, service, worked })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_contacts_order_as_their_fields_do() {
        let one = |client, server, service| Contact { client, server, service, worked: true };
        let ascending = [
            one(1, 2, Service::Firmware),
            one(1, 2, Service::Http),
            one(1, 3, Service::Coap),
            one(1, u32::MAX, Service::Tftp),
            one(2, 0, Service::Firmware),
        ];
        assert!(ascending.is_sorted() && ascending.is_sorted_by_key(Contact::pair));
    }
}
