//! Who asked whom for which of the services that tell gateways, nodes and BACnet systems apart.

use rayon::prelude::*;

use super::host::HostId;
use crate::flow::{FlowView, Flows};
use crate::protocol::Transport;
use crate::protocol::{Evidence, Protocol};
use crate::relation::Orientation;

/// A service of the vendor's document whose traffic says something of its two ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub(super) enum Service {
    Firmware,
    Configuration,
    Coap,
    Tftp,
    Upnp,
    Bacnet,
    Http,
}

impl Service {
    pub(super) const ALL: [Self; 7] =
        [Self::Firmware, Self::Configuration, Self::Coap, Self::Tftp, Self::Upnp, Self::Bacnet, Self::Http];

    /// How a reason calls it.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Firmware => "firmware updating (UDP 1050, 50195-50199)",
            Self::Configuration => "configuration (TCP 88)",
            Self::Coap => "CoAP (UDP 5683)",
            Self::Tftp => "TFTP (UDP 69)",
            Self::Upnp => "UPnP (TCP 1900, 1901, UDP 1901)",
            Self::Bacnet => "BACnet/IP (UDP 47808)",
            Self::Http => "HTTP (TCP 80)",
        }
    }

    /// Whether gateways and nodes speak it with each other, and hardly anybody else does.
    pub(super) const fn is_lighting(self) -> bool {
        !matches!(self, Self::Bacnet | Self::Http)
    }
}

/// The ports by which a service is known, and the payload that would disprove it. UDP 1900 is not among
/// them: everything answers SSDP.
const PORTS: [(Transport, u16, u16, Service, Option<Protocol>); 9] = [
    (Transport::Tcp, 80, 80, Service::Http, Some(Protocol::Http)),
    (Transport::Tcp, 88, 88, Service::Configuration, None),
    (Transport::Tcp, 1900, 1901, Service::Upnp, Some(Protocol::Upnp)),
    (Transport::Udp, 69, 69, Service::Tftp, Some(Protocol::Tftp)),
    (Transport::Udp, 1050, 1050, Service::Firmware, None),
    (Transport::Udp, 1901, 1901, Service::Upnp, None),
    (Transport::Udp, 5683, 5683, Service::Coap, Some(Protocol::Coap)),
    (Transport::Udp, 47808, 47808, Service::Bacnet, Some(Protocol::Bacnet)),
    (Transport::Udp, 50195, 50199, Service::Firmware, None),
];

/// The service that a port is known for.
#[inline]
fn service_on(transport: Transport, port: u16) -> Option<&'static (Transport, u16, u16, Service, Option<Protocol>)> {
    // Most ports are of no service, and a few comparisons tell.
    if !is_listed(port) {
        return None;
    }
    PORTS.iter().find(|(of, first, last, ..)| *of == transport && (*first..=*last).contains(&port))
}

/// Whether a port stands in [`PORTS`].
#[inline]
const fn is_listed(port: u16) -> bool {
    matches!(port, 69 | 80 | 88 | 1050 | 1900 | 1901 | 5683 | 47808 | 50195..=50199)
}

/// One host asked another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Contact {
    pub(super) client: u32,
    pub(super) server: u32,
    pub(super) service: Service,
    /// Whether something came of it: not a SYN into the void, nor a scan.
    pub(super) worked: bool,
}

/// The contacts of a survey, ascending, each once: of those that differ in `worked` alone, that which did.
pub(super) fn contacts(flows: &Flows, orientations: &[Orientation], parties: &[[HostId; 2]]) -> Vec<Contact> {
    let of_flow = |recent: &mut Recent, place: u32| {
        let at = place as usize;
        let flow = flows.transport_ports(place);
        // Most flows are of no service, and need no closer look.
        flow.ports.iter().find_map(|port| service_on(flow.transport, *port))?;
        contact(&flows.view(place), *orientations.get(at)?, *parties.get(at)?).filter(|contact| recent.is_new(contact))
    };
    let all = flows.places().into_par_iter().map_init(Recent::default, of_flow);
    let mut contacts: Vec<Contact> = all.flatten_iter().collect();
    // As numbers, those that worked first: of them one stays.
    contacts.par_sort_unstable_by_key(Contact::number);
    contacts.dedup_by_key(|contact| contact.pair());
    contacts
}

impl Contact {
    /// Everything but whether it worked, packed in its order.
    fn pair(&self) -> u128 {
        u128::from(self.client) << 40 | u128::from(self.server) << 8 | self.service as u128
    }

    /// All of it, packed in its order, but that what worked comes first.
    fn number(&self) -> u128 {
        self.pair() << 1 | u128::from(!self.worked)
    }
}

/// Contacts that came lately, each in the place that its number calls for: most come again and again, and need not be
/// sorted to be found the same.
struct Recent(Box<[u128]>);

impl Default for Recent {
    fn default() -> Self {
        Self(vec![u128::MAX; Self::PLACES].into())
    }
}

impl Recent {
    /// A power of two.
    const PLACES: usize = 1 << 12;

    /// Whether it was not among them; now it is.
    fn is_new(&mut self, contact: &Contact) -> bool {
        let number = contact.number();
        // Multiplied by the golden ratio, what differs in few bits differs in those above.
        let mixed = ((number >> 32) as u64 ^ number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let held = &mut self.0[(mixed >> 40) as usize % Self::PLACES];
        std::mem::replace(held, number) != number
    }
}

/// What a flow says, if it is one of the services and its payload does not disprove that.
fn contact(flow: &FlowView<'_>, orientation: Orientation, parties: [HostId; 2]) -> Option<Contact> {
    let asks = usize::from(orientation.client & 1);
    let (client, server) = (&flow.ends[asks], &flow.ends[1 - asks]);
    let &(_, first, _, service, protocol) = service_on(flow.transport, server.port)?;
    // From a well-known port to an ephemeral one is an answer whose request was not captured.
    if first >= 49152 && client.port < 1024 {
        return None;
    }
    let says = |wanted| {
        protocol.is_some_and(|protocol| client.evidence(protocol) == wanted || server.evidence(protocol) == wanted)
    };
    let conforms = says(Evidence::Conforms);
    if says(Evidence::Violates) && !conforms {
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
    fn the_listed_ports_are_those_of_the_services() {
        for port in 0..=u16::MAX {
            let stands = PORTS.iter().any(|(_, first, last, ..)| (*first..=*last).contains(&port));
            assert_eq!(is_listed(port), stands, "{port}");
        }
    }

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
