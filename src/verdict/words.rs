//! The words of a judgement.

use crate::policy::Role;
use crate::text::named;

named! {
    explained
    /// What the policy says of a flow.
    pub enum Verdict {
        /// The vendor's document lists it for this pair, this way round.
        Documented = "documented",
        /// It belongs to a documented exchange: the data of a TFTP request, say.
        Related = "related",
        /// An allowance of the site's own lets it pass.
        SiteApproved = "site-approved",
        /// Networks need it (DHCP, DNS, time); the vendor's document does not list it.
        Supporting = "supporting",
        /// One of Igor's hosts is at one end, and nothing explains it.
        Unexpected = "unexpected",
        /// None of Igor's hosts is at either end.
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
    explained
    /// What the network did to a flow.
    pub enum Outcome {
        /// It was answered.
        Established = "established",
        /// The host said no, by a TCP reset.
        Refused = "refused",
        /// A host or router on the way said no, by an ICMP error.
        Rejected = "rejected",
        /// What owes an answer got none.
        Unanswered = "unanswered",
        /// Only the client was heard, and nothing owed an answer; to a group it is called sent.
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
