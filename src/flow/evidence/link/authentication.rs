//! Port-based access control (IEEE 802.1X): whether a device was let in.

use super::Window;
use crate::flow::evidence::lowest::{Add as _, summed};
use crate::protocol::eapol::Step;
use crate::state::stored;

/// What one device and its switch said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Authentication {
    /// It began.
    pub starts: Window,
    /// It took its leave.
    pub logoffs: Window,
    /// The switch asked.
    pub requests: Window,
    /// It answered.
    pub responses: Window,
    /// It was let in.
    pub successes: Window,
    /// It was refused.
    pub failures: Window,
}

impl Authentication {
    /// Nothing was said.
    pub const NONE: Self = Self {
        starts: Window::NONE,
        logoffs: Window::NONE,
        requests: Window::NONE,
        responses: Window::NONE,
        successes: Window::NONE,
        failures: Window::NONE,
    };

    pub(super) const fn of(step: Step, once: Window) -> Self {
        match step {
            Step::Start => Self { starts: once, ..Self::NONE },
            Step::Logoff => Self { logoffs: once, ..Self::NONE },
            Step::Request => Self { requests: once, ..Self::NONE },
            Step::Response => Self { responses: once, ..Self::NONE },
            Step::Success => Self { successes: once, ..Self::NONE },
            Step::Failure => Self { failures: once, ..Self::NONE },
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.add(other);
        self
    }

    /// Whether the device itself said anything that it does not say of its own accord when it leaves.
    pub const fn was_tried(&self) -> bool {
        self.starts.count > 0 || self.responses.count > 0
    }
}

summed!(Authentication { starts, logoffs, requests, responses, successes, failures });
stored!(Authentication { starts, logoffs, requests, responses, successes, failures });
