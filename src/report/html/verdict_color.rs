//! What a conversation is to the eye: its verdict, and blocked before all.

use crate::verdict::{Conversation, Verdict};

/// The colours of the page, from what needs no look to what needs one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum VerdictColor {
    Bystander,
    Supporting,
    Approved,
    Documented,
    Unexpected,
    Blocked,
}

impl VerdictColor {
    pub(super) const ALL: [Self; 6] =
        [Self::Bystander, Self::Supporting, Self::Approved, Self::Documented, Self::Unexpected, Self::Blocked];

    /// Class in the style sheet.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Bystander => "bystander",
            Self::Supporting => "supporting",
            Self::Approved => "approved",
            Self::Documented => "documented",
            Self::Unexpected => "unexpected",
            Self::Blocked => "blocked",
        }
    }

    /// The verdict that stands in the rows of its conversations, where that is one.
    pub(super) const fn verdict(self) -> &'static str {
        match self {
            Self::Bystander => "bystander",
            Self::Supporting => "supporting",
            Self::Approved => "site-approved",
            Self::Unexpected => "unexpected",
            Self::Documented | Self::Blocked => "",
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Bystander => "bystander: no Igor host",
            Self::Supporting => "supporting",
            Self::Approved => "site-approved",
            Self::Documented => "documented and related",
            Self::Unexpected => "unexpected",
            Self::Blocked => "documented, but blocked",
        }
    }

    pub(super) const fn of_verdict(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Documented | Verdict::Related => Self::Documented,
            Verdict::SiteApproved => Self::Approved,
            Verdict::Supporting => Self::Supporting,
            Verdict::Unexpected => Self::Unexpected,
            Verdict::Bystander => Self::Bystander,
        }
    }

    pub(super) const fn of(conversation: &Conversation) -> Self {
        match (conversation.verdict, conversation.outcome.is_blocked()) {
            (Verdict::Documented, true) => Self::Blocked,
            (verdict, _) => Self::of_verdict(verdict),
        }
    }
}
