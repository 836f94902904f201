//! What is measured, of whom, and the sums of it.

use std::net::IpAddr;

use super::window::PATIENCE;
use super::{Histogram, Losses};
use crate::state::{Broken, Load, Stored, coded, stored};
use crate::text::named;

named! {
    /// What response times are measured of. Each is from a question to its answer as they pass the capture's place.
    pub enum Measure {
        /// CoAP request to response, by token (RFC 7252 section 5.3).
        Coap = "coap",
        /// BACnet confirmed request to its answer, by invoke id (ANSI/ASHRAE 135 clause 5.4).
        Bacnet = "bacnet",
        /// TFTP DATA to ACK, by block number (RFC 1350).
        Tftp = "tftp-block",
        /// HTTP request to the first byte of the response (RFC 9112).
        Http = "http",
        /// DNS query to answer, by identifier (RFC 1035).
        Dns = "dns",
        /// TCP SYN to SYN-ACK: the server's half of a handshake (RFC 9293 section 3.5).
        Server = "tcp-server-half",
        /// TCP SYN-ACK to ACK: the client's half.
        Client = "tcp-client-half",
        /// ICMP echo request to reply (RFC 792, RFC 4443).
        Echo = "icmp-echo",
        /// The first TCP segment of a flight to its acknowledgment.
        Ack = "tcp-ack",
        /// TFTP ACK to the next DATA: what the sender of the file takes.
        TftpNext = "tftp-next",
        /// DHCP DISCOVER, or the REQUEST of who needs none, to the ACK (RFC 2131 section 3).
        Dhcp = "dhcp",
    }
}

coded!(Measure {
    1: Coap,
    2: Bacnet,
    3: Tftp,
    4: Http,
    5: Dns,
    6: Server,
    7: Client,
    8: Echo,
    9: Ack,
    10: TftpNext,
    11: Dhcp
});

impl Measure {
    /// Whether there are questions that may stay unanswered: not of data, of which only what is timed is counted.
    pub const fn has_questions(self) -> bool {
        !matches!(self, Self::Client | Self::Ack | Self::TftpNext)
    }

    /// Whether an application answers, not the network or the kernel.
    pub const fn is_application(self) -> bool {
        matches!(self, Self::Coap | Self::Bacnet | Self::Tftp | Self::TftpNext | Self::Http | Self::Dns | Self::Dhcp)
    }

    /// Whether it is kept stretch by stretch of time: what applications answer, and what kernels answer by themselves, which
    /// tells how long the way takes.
    pub const fn tells_load(self) -> bool {
        self.is_application() && !matches!(self, Self::Dhcp) || matches!(self, Self::Server | Self::Echo)
    }

    /// Whether the same question may be asked anew under the same identifier as soon as it was answered: BACnet stacks that
    /// have one question on the way at a time use one invoke id, resolvers one port and one number, and monitors ping with one
    /// sequence number. Elsewhere the same identifier is the same question.
    pub(super) const fn renews(self) -> bool {
        matches!(self, Self::Bacnet | Self::Dns | Self::Echo)
    }

    /// Whether answers find their questions by an identifier, however many are on their way at once.
    pub(super) const fn may_wait(self) -> bool {
        matches!(self, Self::Coap | Self::Bacnet | Self::Dns | Self::Echo)
    }

    /// Its [`transport`](Self::transport), [`dissector`](Self::dissector) and [`words`](Self::words).
    const fn description(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Coap => ("udp", "coap", "CoAP request to response"),
            Self::Bacnet => ("udp", "bacapp", "BACnet request to answer"),
            Self::Tftp => ("udp", "tftp", "TFTP block to acknowledgement"),
            Self::Http => ("tcp", "http", "HTTP request to response"),
            Self::Dns => ("udp", "dns", "DNS query to answer"),
            Self::Server => ("tcp", "tcp", "TCP SYN to SYN-ACK"),
            Self::Client => ("tcp", "tcp", "TCP SYN-ACK to ACK"),
            Self::Echo => ("icmp", "(icmp || icmpv6)", "ping to reply"),
            Self::Ack => ("tcp", "tcp", "TCP data to acknowledgment"),
            Self::TftpNext => ("udp", "tftp", "TFTP acknowledgement to next block"),
            Self::Dhcp => ("udp", "dhcp", "DHCP question to address"),
        }
    }

    /// What carries it.
    pub const fn transport(self) -> &'static str {
        self.description().0
    }

    /// A display filter of Wireshark for what it is measured by.
    pub const fn dissector(self) -> &'static str {
        self.description().1
    }

    /// What it is, in a few words.
    pub const fn words(self) -> &'static str {
        self.description().2
    }
}

/// Who asked whom, and what is measured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Pair {
    /// Who asked.
    pub asker: IpAddr,
    /// Who answered, or was asked.
    pub answerer: IpAddr,
    /// Port of the service: of who was asked, but for [`Measure::Client`]; 0 where there is none.
    pub port: u16,
    /// What is measured.
    pub measure: Measure,
}

stored!(Pair { asker, answerer, port, measure });

/// Questions of which too few were asked to tell a share of them.
const FEW: u64 = 20;

/// What was counted of a pair.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Sums {
    /// Questions, without those that were sent again.
    pub asked: u64,
    /// Questions sent again.
    pub repeated: u64,
    /// Of those, the ones whose question was answered in the end.
    pub recovered: u64,
    /// Answers sent again.
    pub answered_again: u64,
    /// Answers whose question was not seen, or lies too far back to be known ([`super::WINDOW`]).
    pub unasked: u64,
    /// Of [`Measure::Tftp`]: last blocks of files that were acknowledged.
    pub ended: u64,
    /// Pings that were never answered, though the next one was.
    pub missed: u64,
    /// Of [`Measure::Ack`]: SYNs, SYN-ACKs and FINs that were last sent again and never acknowledged, and of these the repetitions.
    pub vain: [u64; 2],
    /// From a question, as it was sent first, to its answer.
    pub times: Histogram,
    /// Of [`Measure::Ack`]: what TCP's numbers say of losses.
    pub losses: Option<Box<Losses>>,
}

/// But for how many files ended, and what was missed or in vain, which have parts of their own.
impl Stored for Sums {
    fn store(&self, to: &mut Vec<u8>) {
        [self.asked, self.repeated, self.recovered, self.answered_again, self.unasked].store(to);
        self.times.store(to);
        self.losses.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let [asked, repeated, recovered, answered_again, unasked] = from.get()?;
        let (times, losses) = from.get()?;
        Ok(Self { asked, repeated, recovered, answered_again, unasked, times, losses, ..Self::default() })
    }
}

impl Sums {
    /// Questions to which nothing came: not those whose answer came and was not told from another's.
    pub fn unanswered(&self) -> u64 {
        self.asked.saturating_sub(self.times.count()).saturating_sub(self.unasked)
    }

    /// Of questions that were sent again, so many of which count, and answers: those that were lost. Who is impatient has each of
    /// his questions answered, late as they are.
    pub fn lost(&self, repeated: u64) -> u64 {
        let is_late = self.times.percentile(50) >= Some(PATIENCE);
        // All of it exactly once more is what two captures show whose clocks differ.
        let is_twice = |again: u64| again.abs_diff(self.asked).saturating_mul(20) <= self.asked;
        if is_late && is_twice(self.repeated) {
            // Nobody loses the first of each and never the second: who asks does not wait as long as the answer takes.
            0
        } else if is_late {
            repeated.saturating_sub(self.answered_again)
        } else if is_twice(self.repeated) && is_twice(self.answered_again) {
            repeated
        } else {
            repeated.max(self.answered_again)
        }
    }

    /// The same of a hundred questions; 0 where fewer than twenty were asked.
    pub fn unanswered_percent(&self) -> u64 {
        match self.asked {
            0..FEW => 0,
            asked => self.unanswered().saturating_mul(100) / asked,
        }
    }

    /// Adds what another part counted.
    pub fn absorb(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.asked, other.asked),
            (&mut self.repeated, other.repeated),
            (&mut self.recovered, other.recovered),
            (&mut self.answered_again, other.answered_again),
            (&mut self.unasked, other.unasked),
            (&mut self.ended, other.ended),
            (&mut self.missed, other.missed),
        ] {
            *mine = mine.saturating_add(theirs);
        }
        self.vain = [0, 1].map(|at| self.vain[at].saturating_add(other.vain[at]));
        self.times.absorb(&other.times);
        if let Some(losses) = &other.losses {
            self.losses.get_or_insert_default().absorb(losses);
        }
    }
}

/// What one message turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Asked,
    Repeated,
    /// After so many nanoseconds, for which the question had been sent again so many times.
    Answered {
        nanos: u64,
        repeats: u8,
    },
    AnsweredAgain,
    Unasked,
    /// A ping before it was never answered, though the next one was.
    Missed,
}
