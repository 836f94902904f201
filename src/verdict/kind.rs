//! Decisions already made, by kind of flow: there are few kinds, however many flows.

use super::decide::{Decision, Question, decide};
use crate::policy::Policy;
use crate::protocol::{Evidence, Transport};

/// Kinds that are remembered at a time; a power of two. A survey has some hundred.
const PLACES: usize = 1 << 9;

/// What was decided of the latest kinds. Each thread has one of its own.
pub(super) struct Decisions<'a> {
    policy: &'a Policy,
    /// Each kind in the place that its number gives it, with what was decided.
    places: Box<[Option<(DecisionKey, Decision)>]>,
}

/// All that a decision rests on where no address counts, packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct DecisionKey(u64);

impl DecisionKey {
    /// Of a question, if a decision on one of this kind holds for all.
    #[inline]
    fn of(policy: &Policy, question: &Question) -> Option<Self> {
        let Question { client, server, transport, icmp_type, payload, related } = question;
        if policy.looks_at_addresses(*transport, server.port) {
            return None;
        }
        // Ports that nothing names are one kind.
        let named = |is_named: bool, port: u16| if is_named { u64::from(port) + 1 } else { 0 };
        let port = named(policy.names_port(server.port), server.port);
        let client_port = named(policy.names_client_port(client.port), client.port);
        let transport = match transport {
            Transport::Other(number) => u64::from(*number) | 1 << 8,
            listed => u64::from(listed.number()),
        };
        let evidence = match payload {
            Evidence::Unknown => 0,
            Evidence::Conforms => 1,
            Evidence::Violates => 2,
        };
        let icmp_type = icmp_type.map_or(0, |kind| u64::from(kind) + 1);
        Some(Self(
            port | client_port << 17
                | transport << 34
                | icmp_type << 43
                | (client.role as u64) << 52
                | (server.role as u64) << 55
                | evidence << 58
                | u64::from(*related) << 60,
        ))
    }

    #[inline]
    fn place(self) -> usize {
        // Multiplied by the golden ratio, what differs in few bits differs in those above.
        (self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % PLACES
    }
}

impl<'a> Decisions<'a> {
    /// None made yet.
    pub(super) fn new(policy: &'a Policy) -> Self {
        Self { policy, places: vec![None; PLACES].into_boxed_slice() }
    }

    /// The same as [`decide`].
    #[inline]
    pub(super) fn decide(&mut self, question: &Question) -> Decision {
        let Some(kind) = DecisionKey::of(self.policy, question) else { return decide(self.policy, question) };
        match &mut self.places[kind.place()] {
            Some((known, decision)) if *known == kind => *decision,
            place => place.insert((kind, decide(self.policy, question))).1,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::policy::{Party, Role};

    /// Rules by address and by the client's port, with and without ports, and a port that a severity alone names.
    const SITE: &str = r#"
extends = "igor"
[[allowance]]
from = ["10.0.0.1"]
to = ["host"]
transport = "tcp"
port = 8443
reason = "by address"
[[allowance]]
from = ["host"]
to = ["node"]
transport = "udp"
ports = ["7000-7010"]
client_ports = ["7000-7010"]
reason = "by the client's port"
[[allowance]]
from = ["node"]
to = ["10.0.0.2"]
transport = "icmp"
reason = "without ports"
[[severity]]
level = "alert"
from = ["host"]
transport = "tcp"
ports = ["9000-9001"]
why = "named by a severity alone"
"#;

    fn party() -> impl Strategy<Value = Party> {
        let ports = prop::sample::select(vec![0_u16, 53, 67, 68, 69, 80, 88, 5353, 5683, 7000, 7005, 8443, 9000, 9002]);
        (prop::sample::select(Role::ALL.to_vec()), 1..4_u8, prop_oneof![4 => ports, 1 => any::<u16>()])
            .prop_map(|(role, last, port)| Party { role, address: IpAddr::from([10, 0, 0, last]), port })
    }

    fn question() -> impl Strategy<Value = Question> {
        let transports = [Transport::Tcp, Transport::Udp, Transport::Icmp, Transport::Icmpv6, Transport::Other(47)];
        let payloads = [Evidence::Unknown, Evidence::Conforms, Evidence::Violates];
        let said = (prop::sample::select(transports.to_vec()), prop::sample::select(payloads.to_vec()), 0..20_u8);
        (party(), party(), said, any::<bool>()).prop_map(|(client, server, (transport, payload, kind), related)| {
            let is_icmp = matches!(transport, Transport::Icmp | Transport::Icmpv6);
            let at = |party: Party| Party { port: if transport.has_ports() { party.port } else { 0 }, ..party };
            let (client, server, icmp_type) = (at(client), at(server), is_icmp.then_some(kind));
            Question { client, server, transport, icmp_type, payload, related }
        })
    }

    proptest! {
        #[test]
        fn what_is_remembered_is_what_would_be_decided(questions in prop::collection::vec(question(), 1..200)) {
            let site = Policy::parse(SITE, Path::new("site.toml")).expect("a policy");
            for policy in [&site, &Policy::embedded()] {
                let mut decisions = Decisions::new(policy);
                for question in questions.iter().chain(&questions) {
                    prop_assert_eq!(decisions.decide(question), decide(policy, question), "{:?}", question);
                }
            }
        }
    }

    #[test]
    fn kinds_differ_in_all_that_they_are_made_of() {
        let policy = Policy::embedded();
        let party = |role, port| Party { role, address: IpAddr::from([10, 0, 0, 1]), port };
        let base = Question {
            client: party(Role::Node, 40_000),
            server: party(Role::Gateway, 80),
            transport: Transport::Tcp,
            icmp_type: None,
            payload: Evidence::Unknown,
            related: false,
        };
        let all = [
            base,
            Question { client: party(Role::Host, 40_000), ..base },
            Question { client: party(Role::Node, 5353), ..base },
            Question { server: party(Role::Node, 80), ..base },
            Question { server: party(Role::Gateway, 88), ..base },
            Question { transport: Transport::Udp, ..base },
            Question { transport: Transport::Other(6), ..base },
            Question { icmp_type: Some(0), ..base },
            Question { payload: Evidence::Violates, ..base },
            Question { payload: Evidence::Conforms, ..base },
            Question { related: true, ..base },
        ];
        let kinds: std::collections::HashSet<u64> =
            all.iter().map(|question| DecisionKey::of(&policy, question).expect("a kind").0).collect();
        assert_eq!(kinds.len(), all.len());
        let same = Question { client: party(Role::Node, 7), ..base };
        assert_eq!(DecisionKey::of(&policy, &same), DecisionKey::of(&policy, &base));
    }
}
