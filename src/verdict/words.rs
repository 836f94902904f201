//! The words of a judgement.

use crate::policy::Role;
use crate::text::named;

named! {
    /// What the policy says of a flow.
    pub enum Verdict {
        /// The vendor's document lists it for this pair, this way round.
        Documented = "documented",
        /// It belongs to a documented exchange.
        Related = "related",
        /// An allowance of the site's own matches.
        SiteApproved = "site-approved",
        /// Networks need it; the vendor's document does not list it.
        Supporting = "supporting",
        /// An Igor host is at one end, and nothing explains it.
        Unexpected = "unexpected",
        /// No Igor host at either end.
        Bystander = "bystander",
    }
}

impl Verdict {
    /// The gravest first.
    pub(super) const fn gravity(self) -> u8 {
        match self {
            Self::Unexpected => 0,
            Self::Documented => 1,
            Self::Related => 2,
            Self::SiteApproved => 3,
            Self::Supporting => 4,
            Self::Bystander => 5,
        }
    }
}

named! {
    /// What the network did to a flow.
    pub enum Outcome {
        /// TCP handshake or data both ways; for UDP, an answer.
        Established = "established",
        /// SYN answered by RST, and never established.
        Refused = "refused",
        /// An ICMP unreachable quotes it, and it was never established.
        Rejected = "rejected",
        /// SYN, or a request that calls for an answer, and nothing came back.
        Unanswered = "unanswered",
        /// Only the client was seen to send.
        OneWay = "one-way",
        /// The capture began inside it.
        Midstream = "midstream",
    }
}

impl Outcome {
    /// Name as people read it, by who was addressed: what goes to a group owes no answer, and is sent.
    pub fn said(self, server: Role) -> &'static str {
        match self {
            Self::OneWay if server == Role::Group => "sent",
            Self::OneWay => "one way",
            other => other.name(),
        }
    }

    /// Whether the network or the host turned it away.
    pub const fn is_blocked(self) -> bool {
        matches!(self, Self::Refused | Self::Rejected | Self::Unanswered)
    }
}
