//! The services that tell gateways, nodes and BACnet systems apart, by the ports that the policy's documents give them.

use crate::policy::Policy;
use crate::protocol::{Protocol, Transport, ssdp};
use crate::text::named;

named! {
    /// A service of the vendor's document whose traffic says something of its two ends.
    #[repr(u8)]
    pub(super) enum Service {
        Firmware = "firmware updating",
        Configuration = "configuration",
        Coap = "CoAP",
        Tftp = "TFTP",
        Upnp = "UPnP",
        Bacnet = "BACnet/IP",
        Http = "HTTP",
    }
}

/// Each service with what a legend calls it.
const LEGENDS: [(Service, &str); 7] = [
    (Service::Firmware, "Firmware Updating"),
    (Service::Configuration, "Configuration"),
    (Service::Coap, "CoAP"),
    (Service::Tftp, "TFTP"),
    (Service::Upnp, "UPnP"),
    (Service::Bacnet, "BACnet/IP"),
    (Service::Http, "HTTP"),
];

/// Everything answers SSDP: there is a word of the lighting in it only where it is asked for on another port.
const SSDP: (Transport, u16) = (Transport::Udp, ssdp::PORT);

impl Service {
    fn of_legend(word: &str) -> Option<Self> {
        LEGENDS.iter().find(|(_, legend)| legend.eq_ignore_ascii_case(word)).map(|(service, _)| *service)
    }

    /// Whether gateways and nodes speak it with each other, and hardly anybody else does.
    pub(super) const fn is_lighting(self) -> bool {
        !matches!(self, Self::Bacnet | Self::Http)
    }
}

/// The ports by which services are known, and the payload that would disprove each.
#[derive(Debug)]
pub(super) struct Services {
    /// Ascending by transport and port.
    ports: Vec<((Transport, u16), Service, Option<Protocol>)>,
    /// A bit for each port, which spares most flows a search.
    listed: Box<[u64]>,
    words: [String; Service::ALL.len()],
}

impl Services {
    pub(super) fn of(policy: &Policy) -> Self {
        let known = |(transport, port): (Transport, u16)| {
            let service = Service::of_legend(policy.service(transport, port)?)?;
            Some(((transport, port), service, policy.expected_protocol(transport, port)))
        };
        let documented = policy.documented_ports().filter(|port| *port != SSDP);
        let mut ports: Vec<_> = documented.filter_map(known).collect();
        ports.sort_unstable_by_key(|(place, ..)| *place);
        let mut listed = vec![0_u64; 1 << 10].into_boxed_slice();
        for ((_, port), ..) in &ports {
            listed[usize::from(port / 64)] |= 1 << (port % 64);
        }
        let words = Service::ALL.map(|service| {
            let of_service = ports.iter().filter(|(_, of, _)| *of == service).map(|(place, ..)| *place);
            words(service, &of_service.collect::<Vec<_>>())
        });
        Self { ports, listed, words }
    }

    /// Whether a port may be known for a service: most are of none, and need no closer look.
    #[inline]
    pub(super) fn may_know(&self, port: u16) -> bool {
        self.listed[usize::from(port / 64)] >> (port % 64) & 1 != 0
    }

    /// The service that a port is known for, and what its payload must be, where the format is public.
    pub(super) fn on(&self, transport: Transport, port: u16) -> Option<(Service, Option<Protocol>)> {
        let at = self.ports.binary_search_by_key(&(transport, port), |(place, ..)| *place).ok()?;
        self.ports.get(at).map(|(_, service, protocol)| (*service, *protocol))
    }

    /// How a reason calls a service: by its name and ports.
    pub(super) fn words(&self, service: Service) -> &str {
        &self.words[service as usize]
    }
}

/// Ranges of ports that a sentence names: a policy may have thousands, and each host has its sentence.
const NAMED: usize = 8;

/// `firmware updating (UDP 1050, 50195-50199)`.
fn words(service: Service, ports: &[(Transport, u16)]) -> String {
    let mut text = String::new();
    let mut runs = 0;
    for of_transport in ports.chunk_by(|a, b| a.0 == b.0) {
        let mut name = of_transport[0].0.to_string().to_uppercase() + " ";
        for run in of_transport.chunk_by(|a, b| a.1 + 1 == b.1) {
            runs += 1;
            if runs > NAMED {
                continue;
            }
            let (first, last) = (run[0].1, run[run.len() - 1].1);
            let separator = if text.is_empty() { "" } else { ", " };
            text += separator;
            text += &std::mem::take(&mut name);
            text += &match last - first {
                0 => first.to_string(),
                1 => format!("{first}, {last}"),
                _ => format!("{first}-{last}"),
            };
        }
    }
    if runs > NAMED {
        text += &format!(", and {} more", runs - NAMED);
    }
    if text.is_empty() { service.name().to_owned() } else { format!("{} ({text})", service.name()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_ports_are_known_for_their_services() {
        let services = Services::of(&Policy::embedded());
        let words = Service::ALL.map(|service| services.words(service));
        assert_eq!(
            words,
            [
                "firmware updating (UDP 1050, 50195-50199)",
                "configuration (TCP 88)",
                "CoAP (UDP 5683)",
                "TFTP (UDP 69)",
                "UPnP (TCP 1900, 1901, UDP 1901)",
                "BACnet/IP (UDP 47808)",
                "HTTP (TCP 80)",
            ]
        );
        assert_eq!(services.on(Transport::Udp, 1900), None, "everything answers SSDP");
        assert_eq!(services.on(Transport::Tcp, 443), None, "gateways use it, and so does everybody");
        assert_eq!(services.on(Transport::Udp, 80), None);
        assert_eq!(services.on(Transport::Udp, 69), Some((Service::Tftp, Some(Protocol::Tftp))));
    }

    #[test]
    fn a_site_that_moves_a_port_is_understood() {
        let text = Policy::embedded_text().replace("5683", "15683");
        let services = Services::of(&Policy::parse(&text, "site.toml".as_ref()).unwrap());
        assert_eq!(services.words(Service::Coap), "CoAP (UDP 15683)");
        assert_eq!(services.on(Transport::Udp, 5683), None);
        assert_eq!(services.on(Transport::Udp, 15683), Some((Service::Coap, Some(Protocol::Coap))));
    }

    #[test]
    fn of_many_ports_few_are_named() {
        let ports: Vec<_> = (0..20_000).map(|number| (Transport::Udp, number * 2)).collect();
        assert_eq!(words(Service::Coap, &ports), "CoAP (UDP 0, 2, 4, 6, 8, 10, 12, 14, and 19992 more)");
    }

    #[test]
    fn the_words_of_a_service_stand_where_it_is_counted() {
        assert!(Service::ALL.iter().enumerate().all(|(at, service)| *service as usize == at));
        assert!(LEGENDS.iter().zip(Service::ALL).all(|((service, _), of)| *service == of));
    }
}
