//! Who listens to which group (IGMP, MLD).

use super::Window;
use crate::flow::evidence::lowest::summed;
use crate::state::stored;

/// IGMP's IP protocol number.
pub(super) const IGMP: u8 = 2;

/// What one host said of one group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Membership {
    /// It listens.
    pub joins: Window,
    /// It listens no more.
    pub leaves: Window,
}

impl Membership {
    pub(super) const fn joined(once: Window) -> Self {
        Self { joins: once, leaves: Window::NONE }
    }

    pub(super) const fn left(once: Window) -> Self {
        Self { joins: Window::NONE, leaves: once }
    }
}

summed!(Membership { joins, leaves });
stored!(Membership { joins, leaves });
