//! Ports looked up by a bit each: most ports of a capture are in no list, and one look tells.

use super::matcher::Matcher;

const WORDS: usize = 1 << 16 >> 6;

/// Ports with what is known of each.
#[derive(Clone, Debug)]
pub(super) struct PortMap<T> {
    set: PortBits,
    /// For each word of the set, how many ports stand in those before.
    before: Vec<u16>,
    /// By port, ascending.
    items: Vec<T>,
}

impl<T> PortMap<T> {
    /// From ports in any order, each once.
    pub(super) fn new(mut list: Vec<(u16, T)>) -> Self {
        list.sort_by_key(|(port, _)| *port);
        let mut set = PortBits::default();
        list.iter().for_each(|(port, _)| set.insert(*port));
        let mut sum = 0;
        let before = set.words.iter().map(|word| {
            let before = sum;
            sum += word.count_ones() as u16;
            before
        });
        Self { before: before.collect(), set, items: list.into_iter().map(|(_, item)| item).collect() }
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

/// A set of ports.
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
            rule.ports.0.iter().cloned().flatten().for_each(|port| set.insert(port));
        }
        set
    }

    fn insert(&mut self, port: u16) {
        self.words[usize::from(port / 64)] |= 1 << (port % 64);
    }

    #[inline]
    pub(super) fn contains(&self, port: u16) -> bool {
        self.words.get(usize::from(port / 64)).is_some_and(|word| word >> (port % 64) & 1 != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_port_has_its_own() {
        let ports = [0, 1, 63, 64, 69, 80, 5683, 50195, 65535];
        let map = PortMap::new(ports.iter().rev().map(|port| (*port, u32::from(*port) * 2)).collect());
        for port in 0..=u16::MAX {
            assert_eq!(map.get(port).copied(), ports.contains(&port).then_some(u32::from(port) * 2), "{port}");
        }
    }
}
