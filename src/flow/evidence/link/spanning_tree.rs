//! Ports of bridges that took part in a spanning tree (IEEE 802.1Q clause 13).

use super::Window;
use crate::capture::Timestamp;
use crate::decode::VlanPath;
use crate::flow::evidence::lowest::{Add as _, summed};
use crate::protocol::stp::{Bridge, Unit};
use crate::state::stored;

/// Which port, and which root it knew.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct BridgePort {
    /// The VLAN path of its units.
    pub vlan: VlanPath,
    /// The root.
    pub root: Bridge,
    /// The bridge.
    pub bridge: Bridge,
    /// Its port.
    pub port: u16,
}

stored!(BridgePort { vlan, root, bridge, port });

/// What a port said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Port {
    /// All units.
    pub units: Window,
    /// Those of a port that leads away from the root, learns and does not forward yet: only one whose neighbor never agreed
    /// comes to that, when it has waited for the forward delay, and stays as long again (IEEE 802.1Q clause 13.38).
    pub waits: Window,
    /// Those of a port that forwards.
    pub forwards: Window,
    /// Seconds between two units, the least; 0 where none was said.
    pub hello: u16,
    /// Seconds of each state before a port forwards, the most.
    pub forward_delay: u16,
    /// The version, the highest.
    pub version: u8,
}

impl Port {
    pub(super) fn of(unit: &Unit, once: Window) -> Self {
        let when = |holds: bool| if holds { once } else { Window::NONE };
        Self {
            units: once,
            waits: when(unit.designated == Some(true) && unit.learns == Some(true) && unit.forwards == Some(false)),
            forwards: when(unit.forwards == Some(true)),
            hello: unit.hello,
            forward_delay: unit.forward_delay,
            version: unit.version,
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.add(other);
        self
    }
}

summed!(Port { units, waits, forwards }, mine, theirs: {
    mine.hello = match (mine.hello, theirs.hello) {
        (0, other) | (other, 0) => other,
        (a, b) => a.min(b),
    };
    mine.forward_delay = mine.forward_delay.max(theirs.forward_delay);
    mine.version = mine.version.max(theirs.version);
});
stored!(Port { units, waits, forwards, hello, forward_delay, version });

/// The minute of a time as it was written; units without one share a minute of their own.
pub(super) fn minute(time: Timestamp) -> i64 {
    time.nanos().map_or(i64::MIN, |nanos| nanos.div_euclid(60_000_000_000))
}
