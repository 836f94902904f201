//! BPF filters, compiled by libpcap (the feature `live`).

use std::fmt;

use super::Frame;

/// A filter in the language of pcap-filter(7).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter {
    text: String,
    /// Whether libpcap may be asked what it means.
    is_ours: bool,
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Filter {
    /// A filter that a state names. It is untrusted text: only if all its words are harmless is libpcap asked what it
    /// means, for others it would look up, or has to take apart for the first time.
    pub fn of_state(text: &str) -> Self {
        let words = text.split(|c: char| c.is_whitespace() || "()".contains(c)).filter(|word| !word.is_empty());
        let is_ours = text.len() <= LONGEST && words.into_iter().all(is_harmless);
        let filter = Self { text: text.to_owned(), is_ours: false };
        if is_ours { Self::new(text).unwrap_or(filter) } else { filter }
    }
}

/// The longest filter of a state that libpcap is asked about.
const LONGEST: usize = 1024;

/// Words of filters that name neither a host nor a service nor an expression.
const WORDS: [&str; 21] = [
    "and",
    "or",
    "not",
    "src",
    "dst",
    "host",
    "net",
    "port",
    "portrange",
    "tcp",
    "udp",
    "icmp",
    "icmp6",
    "ip",
    "ip6",
    "arp",
    "vlan",
    "ether",
    "proto",
    "multicast",
    "broadcast",
];

fn is_harmless(word: &str) -> bool {
    let is_number = |word: &str| word.len() <= 5 && word.bytes().all(|digit| digit.is_ascii_digit());
    let is_range = || word.split_once('-').is_some_and(|(from, to)| is_number(from) && is_number(to));
    let is_net = || word.parse::<ipnet::IpNet>().is_ok() || word.parse::<std::net::IpAddr>().is_ok();
    WORDS.contains(&word) || is_number(word) || is_range() || is_net()
}

/// Why a filter cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FilterError {
    /// This build has no libpcap.
    #[error("the filter \"{0}\" needs libpcap, and this igorscope was built without it; build with the feature `live`")]
    NeedsLibpcap(String),
    /// This machine has none.
    #[cfg(feature = "live")]
    #[error("the filter \"{filter}\" cannot be used: {missing}")]
    Missing {
        /// As it was given.
        filter: String,
        /// What to install.
        missing: super::load_libpcap::Missing,
    },
    /// libpcap does not understand it.
    #[error(
        "the filter \"{filter}\" is not understood: {reason}; see pcap-filter(7), for example \"host 10.0.0.7 and udp port 5683\""
    )]
    NotUnderstood {
        /// As it was given.
        filter: String,
        /// What libpcap says.
        reason: String,
    },
}

#[cfg(feature = "live")]
mod program {
    use std::net::IpAddr;

    use etherparse::{IpNumber, PacketBuilder};
    use pcap::{BpfProgram, Capture, Linktype};

    use super::{Filter, FilterError, Frame};
    use crate::capture::{FrameId, LinkType, Timestamp, load_libpcap};

    /// Compiles for a link type, which stands in files by another number than in libpcap's calls for raw IP.
    fn compile(filter: &str, link: LinkType) -> Result<BpfProgram, String> {
        const DLT_RAW: i32 = 12;
        let number = if link == LinkType::RAW { DLT_RAW } else { i32::from(link.0) };
        Capture::dead(Linktype(number))
            .and_then(|capture| capture.compile(filter, true))
            .map_err(|error| error.to_string())
    }

    impl Filter {
        /// Checks a filter by compiling it for Ethernet.
        ///
        /// # Errors
        /// When libpcap is missing or does not understand it.
        pub fn new(filter: &str) -> Result<Self, FilterError> {
            load_libpcap::ready().map_err(|missing| FilterError::Missing { filter: filter.to_owned(), missing })?;
            match compile(filter, LinkType::ETHERNET) {
                Ok(_) => Ok(Self { text: filter.to_owned(), is_ours: true }),
                Err(reason) => Err(FilterError::NotUnderstood { filter: filter.to_owned(), reason }),
            }
        }

        /// What one thread matches frames with.
        pub fn matcher(&self) -> Matcher {
            Matcher { filter: self.clone(), programs: Vec::new() }
        }

        /// Why the filter can keep no frame of a link type, if that is so.
        pub fn trouble_with(&self, link: LinkType) -> Option<String> {
            if self.is_ours { compile(&self.text, link).err() } else { None }
        }
    }

    /// A filter at work: a program for each link type that was met.
    pub struct Matcher {
        filter: Filter,
        programs: Vec<(LinkType, Option<BpfProgram>)>,
    }

    impl Matcher {
        /// Whether the filter keeps a frame; `None` for a link type that it cannot be compiled for.
        pub fn keeps(&mut self, frame: &Frame<'_>) -> bool {
            let at = self.programs.iter().position(|(link, _)| *link == frame.link).unwrap_or_else(|| {
                let program = Some(&self.filter).filter(|filter| filter.is_ours);
                self.programs.push((frame.link, program.and_then(|filter| compile(&filter.text, frame.link).ok())));
                self.programs.len() - 1
            });
            self.programs[at].1.as_ref().is_some_and(|program| program.filter(frame.data))
        }

        /// Whether the filter keeps the first packet of one endpoint to another, or the first that answers such a one, as
        /// plain Ethernet would carry it. `protocol` is IP's number.
        pub fn keeps_packet(&mut self, protocol: u8, from: (IpAddr, u16), to: (IpAddr, u16), answers: bool) -> bool {
            let data = packet(protocol, from, to, answers);
            self.keeps(&Frame {
                id: FrameId::new(0, 1),
                time: Timestamp::UNKNOWN,
                link: LinkType::ETHERNET,
                interface: 0,
                original_len: u32::try_from(data.len()).unwrap_or(u32::MAX),
                data: &data,
            })
        }
    }

    fn packet(protocol: u8, from: (IpAddr, u16), to: (IpAddr, u16), answers: bool) -> Vec<u8> {
        let link = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
        let ip = match (from.0, to.0) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => link.ipv4(source.octets(), destination.octets(), 64),
            (IpAddr::V6(source), IpAddr::V6(destination)) => link.ipv6(source.octets(), destination.octets(), 64),
            _ => return Vec::new(),
        };
        let mut data = Vec::new();
        // Writing to a vector cannot fail.
        let _ = match (protocol, answers) {
            (6, false) => ip.tcp(from.1, to.1, 1, 64_240).syn().write(&mut data, &[]),
            (6, true) => ip.tcp(from.1, to.1, 1, 64_240).syn().ack(2).write(&mut data, &[]),
            (17, _) => ip.udp(from.1, to.1).write(&mut data, &[]),
            (other, _) => ip.write(&mut data, IpNumber(other), &[]),
        };
        data
    }
}

#[cfg(not(feature = "live"))]
mod program {
    use std::net::IpAddr;

    use super::{Filter, FilterError, Frame};

    impl Filter {
        /// Without libpcap, no filter can be used.
        ///
        /// # Errors
        /// Always.
        pub fn new(filter: &str) -> Result<Self, FilterError> {
            Err(FilterError::NeedsLibpcap(filter.to_owned()))
        }

        /// What one thread matches frames with.
        pub fn matcher(&self) -> Matcher {
            Matcher
        }

        /// Never asked.
        pub fn trouble_with(&self, _link: crate::capture::LinkType) -> Option<String> {
            None
        }
    }

    /// Never made: there is no [`Filter`] without libpcap.
    pub struct Matcher;

    impl Matcher {
        /// Keeps everything.
        pub fn keeps(&mut self, _frame: &Frame<'_>) -> bool {
            true
        }

        /// The same.
        pub fn keeps_packet(
            &mut self,
            _protocol: u8,
            _from: (IpAddr, u16),
            _to: (IpAddr, u16),
            _answers: bool,
        ) -> bool {
            true
        }
    }
}

pub use program::Matcher;

#[cfg(all(test, feature = "live"))]
mod tests {
    use super::*;
    use crate::capture::{FrameId, LinkType, Timestamp};

    #[test]
    fn a_filter_keeps_what_it_names_on_each_link_type() {
        let ip = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x16, 0x33, 0, 7, 0, 8, 0, 0];
        let ethernet: Vec<u8> = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0].into_iter().chain(ip).collect();
        let frame = |link, data| Frame {
            id: FrameId::new(0, 1),
            time: Timestamp::UNKNOWN,
            link,
            interface: 0,
            original_len: 42,
            data,
        };
        let mut coap = Filter::new("udp port 5683").unwrap().matcher();
        let mut tftp = Filter::new("udp port 69").unwrap().matcher();
        for (link, data) in [(LinkType::ETHERNET, &ethernet[..]), (LinkType::RAW, &ip), (LinkType::IPV4, &ip)] {
            assert!(coap.keeps(&frame(link, data)), "{link}");
            assert!(!tftp.keeps(&frame(link, data)), "{link}");
        }
    }

    #[test]
    fn a_filter_that_means_nothing_on_a_link_type_says_so() {
        let filter = Filter::new("ether host 02:00:00:00:00:01").unwrap();
        assert_eq!(filter.trouble_with(LinkType::ETHERNET), None);
        assert!(filter.trouble_with(LinkType::RAW).is_some());
    }

    #[test]
    fn what_libpcap_does_not_understand_is_said() {
        let error = Filter::new("udp prot 69").unwrap_err().to_string();
        assert!(error.contains("udp prot 69") && error.contains("pcap-filter"), "{error}");
    }
}
