//! Ports looked up by a bit each: most ports of a capture are in no list, and one look tells.

use std::collections::BTreeMap;

use super::matcher::Matcher;

const WORDS: usize = 1 << 16 >> 6;

/// Ports with what is known of each.
#[derive(Clone, Default, Debug)]
pub(super) struct PortMap<T> {
    set: PortBits,
    /// For each word of the set, how many ports stand in those before.
    before: Vec<u16>,
    /// By port, ascending.
    items: Vec<T>,
}

impl<T> PortMap<T> {
    pub(super) fn new(ports: BTreeMap<u16, T>) -> Self {
        let mut set = PortBits::default();
        ports.keys().for_each(|port| set.insert_all(*port, *port));
        let mut sum = 0;
        let before = set.words.iter().map(|word| {
            let before = sum;
            sum += word.count_ones() as u16;
            before
        });
        Self { before: before.collect(), set, items: ports.into_values().collect() }
    }

    #[inline]
    pub(super) fn get(&self, port: u16) -> Option<&T> {
        let (at, bit) = (usize::from(port / 64), port % 64);
        let word = *self.set.words.get(at)?;
        if word >> bit & 1 == 0 {
            return None;
        }
        let below = (word & ((1 << bit) - 1)).count_ones() as usize;
        self.items.get(usize::from(*self.before.get(at)?) + below)
    }
}

#[derive(Clone, Debug)]
pub(super) struct PortBits {
    words: Vec<u64>,
}

impl Default for PortBits {
    fn default() -> Self {
        Self { words: vec![0; WORDS] }
    }
}

impl PortBits {
    /// The server's ports that any of some rules may match.
    pub(super) fn of_rules<'a>(rules: impl Iterator<Item = &'a Matcher>) -> Self {
        let mut set = Self::default();
        let with_ports = |rule: &&Matcher| {
            rule.transports.is_empty() || rule.transports.iter().any(|transport| transport.has_ports())
        };
        for rule in rules.filter(with_ports) {
            if rule.ports.0.is_empty() {
                set.words.fill(u64::MAX);
            }
            rule.ports.0.iter().for_each(|ports| set.insert_all(*ports.start(), *ports.end()));
        }
        set
    }

    /// Word by word: a policy may name all ports thousands of times.
    pub(super) fn insert_all(&mut self, first: u16, last: u16) {
        for at in first / 64..=last / 64 {
            let from = if at == first / 64 { first % 64 } else { 0 };
            let to = if at == last / 64 { last % 64 } else { 63 };
            if from <= to {
                self.words[usize::from(at)] |= u64::MAX >> (63 - to) & u64::MAX << from;
            }
        }
    }

    #[inline]
    pub(super) fn contains(&self, port: u16) -> bool {
        self.words.get(usize::from(port / 64)).is_some_and(|word| word >> (port % 64) & 1 != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Endpoint, PortSet};
    use crate::protocol::Transport;

    #[test]
    fn rules_reach_their_ports_and_no_others() {
        let rule = |transports: &[Transport], ports: Vec<std::ops::RangeInclusive<u16>>| Matcher {
            from: Endpoint::ANY,
            to: Endpoint::ANY,
            transports: transports.to_vec(),
            ports: PortSet(ports),
            client_ports: PortSet(vec![7..=7]),
            types: PortSet::default(),
        };
        #[expect(clippy::reversed_empty_ranges, reason = "a policy may say so")]
        let sets =
            [vec![53..=53], vec![0..=0, 63..=64], vec![100..=5000], vec![0..=65535], vec![9..=3], vec![65535..=65535]];
        for ports in sets {
            let rule = rule(&[Transport::Udp], ports);
            let set = PortBits::of_rules([&rule].into_iter());
            assert!((0..=u16::MAX).all(|port| set.contains(port) == rule.ports.contains(port)), "{rule:?}");
        }
        let reach = |rule: &Matcher| {
            (0..=u16::MAX).filter(|port| PortBits::of_rules([rule].into_iter()).contains(*port)).count()
        };
        assert_eq!(reach(&rule(&[Transport::Icmp], vec![])), 0, "it has no ports");
        for all in [rule(&[], vec![]), rule(&[Transport::Icmp, Transport::Tcp], vec![])] {
            let set = PortBits::of_rules([&all].into_iter());
            assert!((0..=u16::MAX).all(|port| set.contains(port)));
        }
    }

    #[test]
    fn each_port_has_its_own() {
        let ports = [0, 1, 63, 64, 69, 80, 5683, 50195, 65535];
        let map = PortMap::new(ports.iter().rev().map(|port| (*port, u32::from(*port) * 2)).collect());
        for port in 0..=u16::MAX {
            assert_eq!(map.get(port).copied(), ports.contains(&port).then_some(u32::from(port) * 2), "{port}");
        }
    }
}
