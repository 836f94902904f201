//! From when on what is said of the link itself is a finding. docs/link.md gives the reason of each number.

use toml::de::DeTable;

use super::read::Reader;

/// The limits, each of which a policy may set by its name in `[link]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkLimits {
    /// Seconds for which a device must have been given less power than it asks for, or none negotiated.
    pub poe_seconds: u32,
    /// Frames by which a device must have begun or answered 802.1X without being let in.
    pub dot1x_tries: u32,
    /// Minutes in which a spanning tree must have changed.
    pub topology_change_minutes: u32,
    /// Seconds for which a port must have waited before it forwarded.
    pub forwarding_seconds: u32,
    /// Seconds that a capture must last before the lack of a querier means anything.
    pub querier_seconds: u32,
    /// Transactions that must have been answered by two DHCP servers.
    pub dhcp_transactions: u32,
    /// Broadcasts a second, over ten seconds, that are a storm.
    pub storm_rate: u32,
    /// ICMP errors about one sender and receiver that say that packets are too big.
    pub too_big_errors: u32,
    /// Datagrams of two hosts that must have lacked a fragment.
    pub lost_datagrams: u32,
    /// Of a hundred fragmented datagrams, how many must have lacked one.
    pub lost_percent: u32,
}

impl LinkLimits {
    /// Those of the embedded policy.
    pub const DEFAULT: Self = Self {
        poe_seconds: 60,
        dot1x_tries: 3,
        topology_change_minutes: 5,
        forwarding_seconds: 10,
        querier_seconds: 300,
        dhcp_transactions: 1,
        storm_rate: 500,
        too_big_errors: 3,
        lost_datagrams: 3,
        lost_percent: 5,
    };

    fn fields(&mut self) -> [(&'static str, &mut u32); 10] {
        [
            ("poe_seconds", &mut self.poe_seconds),
            ("dot1x_tries", &mut self.dot1x_tries),
            ("topology_change_minutes", &mut self.topology_change_minutes),
            ("forwarding_seconds", &mut self.forwarding_seconds),
            ("querier_seconds", &mut self.querier_seconds),
            ("dhcp_transactions", &mut self.dhcp_transactions),
            ("storm_rate", &mut self.storm_rate),
            ("too_big_errors", &mut self.too_big_errors),
            ("lost_datagrams", &mut self.lost_datagrams),
            ("lost_percent", &mut self.lost_percent),
        ]
    }

    /// Takes over those that a file sets.
    pub(super) fn set(&mut self, reader: &Reader<'_>, top: &DeTable<'_>) {
        let keys = Self::DEFAULT.fields_names();
        let Some(value) = top.get("link") else { return };
        let Some(entry) = reader.table(value, "[link]", &keys) else { return };
        for (name, field) in self.fields() {
            if let Some(number) = entry.get(name).and_then(|value| reader.number(value, "a limit", 1..1_000_001)) {
                *field = number;
            }
        }
    }

    fn fields_names(mut self) -> [&'static str; 10] {
        self.fields().map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::policy::Policy;

    #[test]
    fn the_embedded_policy_says_all_of_them() {
        let policy = Policy::embedded();
        assert_eq!(*policy.link(), LinkLimits::DEFAULT);
        for name in LinkLimits::DEFAULT.fields_names() {
            assert!(Policy::embedded_text().contains(&format!("\n{name} = ")), "{name}");
        }
    }

    #[test]
    fn a_site_sets_those_it_likes() {
        let parse = |text: &str| Policy::parse(text, Path::new("site.toml"));
        let policy = parse("extends = \"igor\"\n[link]\nstorm_rate = 2000\n").expect("a policy");
        assert_eq!(*policy.link(), LinkLimits { storm_rate: 2000, ..LinkLimits::DEFAULT });
        for wrong in ["storm_rate = 0", "storm_rate = \"much\"", "storms = 5"] {
            assert!(parse(&format!("extends = \"igor\"\n[link]\n{wrong}\n")).is_err(), "{wrong}");
        }
    }
}
