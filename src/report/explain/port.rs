//! What the policy says of a port, and what a survey saw of it.

use std::collections::BTreeMap;

use super::{allowance, put};
use crate::policy::{Policy, Role, Rule};
use crate::protocol::Transport;
use crate::report::json::Lookup;
use crate::verdict::documented;

/// What a survey saw of a port: conversations by the roles of both ends, verdict and outcome.
pub(crate) fn port_seen(survey: &Lookup<'_>, transport: Transport, port: u16) -> String {
    let name = transport.to_string();
    let at_port = survey.conversations().filter(|it| it.server_port == Some(port) && it.transport == name.as_str());
    let mut kinds: BTreeMap<[String; 4], u64> = BTreeMap::new();
    for it in at_port {
        let kind = [&it.client_role, &it.server_role, &it.verdict, &it.outcome].map(ToString::to_string);
        *kinds.entry(kind).or_default() += 1;
    }
    let name = format!("{} {port}", name.to_uppercase());
    let mut out = String::new();
    if kinds.is_empty() {
        put(&mut out, &format!("This survey saw nothing of {name}."));
    } else {
        put(&mut out, &format!("This survey saw of {name}, in conversations:"));
    }
    for ([client, server, verdict, outcome], number) in kinds {
        let line = format!("  {number} from {client} to {server}: {verdict}, {outcome}.");
        put(&mut out, &line);
    }
    out
}

/// What the policy says of a port, for every pair of roles.
pub fn explain_port(policy: &Policy, transport: Transport, port: u16) -> String {
    let mut out = String::new();
    let name = format!("{} {port}", transport.to_string().to_uppercase());
    match policy.service(transport, port) {
        Some(service) => put(&mut out, &format!("{name} is {service}, in the words of the vendor's documents.")),
        None => put(&mut out, &format!("{name} is in none of the vendor's documents.")),
    }
    let mut pairs = 0;
    for (client, server) in Role::ALL.into_iter().flat_map(|a| Role::ALL.map(|b| (a, b))) {
        let Some(filled) = documented(policy, client, server, transport, port) else { continue };
        pairs += 1;
        let cells: Vec<String> =
            [filled.client, filled.server].into_iter().flatten().map(|at| policy.cite(Rule::Cell(at))).collect();
        put(&mut out, &format!("  {} to {}: documented by {}.", client.name(), server.name(), cells.join("; and ")));
    }
    if let Some(protocol) = policy.expected_protocol(transport, port) {
        put(
            &mut out,
            &format!("Its payload must be {}; anything else is unexpected (wrong-protocol).", protocol.name()),
        );
    }
    for entry in policy.supporting() {
        let matcher = &entry.matcher;
        let listed = !matcher.ports.0.is_empty() && matcher.ports.contains(port);
        if listed && (matcher.transports.is_empty() || matcher.transports.contains(&transport)) {
            put(&mut out, &format!("  supporting, {}: {}.", entry.service, entry.reason));
            pairs += 1;
        }
    }
    for (entry, at) in policy.allowances().iter().zip(0u16..) {
        let matcher = &entry.matcher;
        if matcher.ports.contains(port) && (matcher.transports.is_empty() || matcher.transports.contains(&transport)) {
            put(&mut out, &format!("  site-approved, {}.", policy.cite(Rule::Allowance(at))));
        }
    }
    let other = if transport == Transport::Tcp { Transport::Udp } else { Transport::Tcp };
    if policy.service(transport, port).is_none()
        && let Some(service) = policy.service(other, port)
    {
        put(
            &mut out,
            &format!("It is documented for {} only ({service}): wrong-transport.", other.to_string().to_uppercase()),
        );
    }
    match pairs {
        0 => put(&mut out, "With an Igor host at one end it is unexpected. To approve it for the site:"),
        _ => put(
            &mut out,
            "Between any others, with an Igor host at one end, it is unexpected. To approve more for the site:",
        ),
    }
    out + &allowance("gateway", "10.0.0.5", &transport.to_string(), Some(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_told_for_every_pair() {
        let policy = Policy::embedded();
        let coap = explain_port(&policy, Transport::Udp, 5683);
        assert!(coap.starts_with("UDP 5683 is CoAP"), "{coap}");
        assert!(coap.contains("  gateway to node: documented by Igor Gateway Software 1.12.1 and higher, outgoing UDP 5683 (CoAP); and Igor Firmware 3.1.0 and higher, incoming UDP 5683 (CoAP)."), "{coap}");
        assert!(coap.contains("Its payload must be coap"));
        let telnet = explain_port(&policy, Transport::Tcp, 23);
        assert!(telnet.starts_with("TCP 23 is in none") && telnet.contains("[[allowance]]"), "{telnet}");
        let quic = explain_port(&policy, Transport::Udp, 443);
        assert!(quic.contains("documented for TCP only (HTTPS): wrong-transport"), "{quic}");
        let dns = explain_port(&policy, Transport::Udp, 53);
        assert!(dns.contains("supporting, DNS: names are looked up by DNS"), "{dns}");
    }
}
