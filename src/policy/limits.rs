//! From when on what is said of the link, or of how well the network works, is a finding: numbers that a policy may set.

use toml::de::DeTable;

use super::read::Reader;

/// Numbers of one table, each set by its own name.
macro_rules! limits {
    (
        $(#[$doc:meta])* $name:ident in $table:literal {
            $($(#[$field_doc:meta])* $field:ident = $default:literal;)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: u32,)+
        }

        /// Those of the embedded policy.
        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $name {
            pub(super) const TABLE: &'static str = $table;
            const NAMES: &'static [&'static str] = &[$(stringify!($field)),+];

            /// Takes over those that a file sets.
            pub(super) fn set(&mut self, reader: &Reader<'_>, top: &DeTable<'_>) {
                let Some(value) = top.get(Self::TABLE) else { return };
                let title = concat!("[", $table, "]");
                let Some(entry) = reader.table(value, title, Self::NAMES) else { return };
                $(
                    let number = entry.get(stringify!($field));
                    if let Some(number) = number.and_then(|value| reader.number(value, "a limit", 1..1_000_001)) {
                        self.$field = number;
                    }
                )+
            }
        }
    };
}

limits! {
    /// Of the link itself. docs/link.md gives the reason of each.
    LinkLimits in "link" {
        /// Seconds for which a device must have been given less power than it asks for, or none negotiated.
        poe_seconds = 60;
        /// Frames by which a device must have begun or answered 802.1X without being let in.
        dot1x_tries = 3;
        /// Minutes in which a spanning tree must have changed.
        topology_change_minutes = 5;
        /// Seconds for which a port must have waited before it forwarded.
        forwarding_seconds = 10;
        /// Seconds that a capture must last before the lack of a querier means anything.
        querier_seconds = 300;
        /// Transactions that must have been answered by two DHCP servers.
        dhcp_transactions = 1;
        /// Broadcasts a second, over ten seconds, that are a storm.
        storm_rate = 500;
        /// ICMP errors about one sender and receiver that say that packets are too big.
        too_big_errors = 3;
        /// Datagrams of two hosts that must have lacked a fragment.
        lost_datagrams = 3;
        /// Of a hundred fragmented datagrams, how many must have lacked one.
        lost_percent = 5;
    }
}

limits! {
    /// Of how well the network works. docs/health.md gives the reason of each.
    HealthLimits in "health" {
        /// Answers by which a device is compared with others.
        samples = 20;
        /// Other devices of its role that it is compared with, at least.
        peers = 4;
        /// How many times as long as its peers a slow device takes.
        slow_times = 3;
        /// Milliseconds that it must take longer than its peers.
        slow_milliseconds = 50;
        /// Milliseconds from which on an answer is late, whatever others take.
        late_milliseconds = 1000;
        /// Segments, or questions, of which losses are told in percent.
        sent = 100;
        /// Of a hundred, how many must have been sent again.
        repeated_percent = 3;
        /// Kilobytes from which a transfer is large enough to tell how quick it is.
        transfer_kilobytes = 50;
        /// Kilobytes a second below which it is slow.
        transfer_rate = 20;
        /// How many times its usual gap a device must have been silent.
        silent_times = 5;
        /// Seconds that it must have been silent.
        silent_seconds = 30;
        /// Devices that must have been silent at the same time.
        silent_together = 3;
        /// Stretches of ten seconds in which a device must have answered, to tell whether it is slower the more it is asked.
        load_stretches = 20;
        /// How many times as much it must have been asked when it was asked most.
        load_rate_times = 2;
        /// How many times as long it must have taken then.
        load_times = 3;
        /// Milliseconds that it must have taken longer then.
        load_milliseconds = 50;
        /// Of a hundred: how far its times must rise with what it is asked, by rank.
        load_correlation = 50;
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
        assert_eq!((*policy.link(), *policy.health()), (LinkLimits::default(), HealthLimits::default()));
        let text = Policy::embedded_text();
        for (table, names) in [(LinkLimits::TABLE, LinkLimits::NAMES), (HealthLimits::TABLE, HealthLimits::NAMES)] {
            let (_, entries) = text.split_once(&format!("\n[{table}]\n")).expect("a table");
            let (entries, _) = entries.split_once("\n\n").expect("an end");
            let said: Vec<&str> = entries.lines().filter_map(|line| Some(line.split_once(" = ")?.0)).collect();
            assert_eq!(said, names, "[{table}]");
        }
    }

    #[test]
    fn a_site_sets_those_it_likes() {
        let parse = |text: &str| Policy::parse(text, Path::new("site.toml"));
        let policy =
            parse("extends = \"igor\"\n[link]\nstorm_rate = 2000\n[health]\nsamples = 50\n").expect("a policy");
        assert_eq!(*policy.link(), LinkLimits { storm_rate: 2000, ..LinkLimits::default() });
        assert_eq!(*policy.health(), HealthLimits { samples: 50, ..HealthLimits::default() });
        for wrong in ["storm_rate = 0", "storm_rate = \"much\"", "storms = 5", "samples = 5"] {
            assert!(parse(&format!("extends = \"igor\"\n[link]\n{wrong}\n")).is_err(), "{wrong}");
        }
    }
}
