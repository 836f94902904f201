//! What CoAP's clients tell of a mirror: whether they were answered though no answer was seen.

use crate::flow::{EndView, FlowView};
use crate::protocol::{Protocol, Transport};

/// Flows of CoAP in which one end alone was seen to ask, again and again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CoapQuestions {
    /// It never sent a message again, as who had no acknowledgment must after 2 to 3 s (RFC 7252 section 4.2): it had them.
    go_on: u64,
    /// It did.
    repeat: u64,
}

impl CoapQuestions {
    /// So many questions, over so many nanoseconds, tell.
    const LEAST: (u32, i64) = (3, 10_000_000_000);

    pub(super) fn of(flow: &FlowView<'_>) -> Self {
        let asks = flow.ends.iter().find(|end| end.packets() > 0);
        let is_coap =
            flow.transport == Transport::Udp && flow.ends.iter().any(|end| Protocol::Coap.ports().contains(&end.port));
        let Some(waiting) = asks.filter(|_| is_coap).map(EndView::waiting) else { return Self::default() };
        let lasted = waiting.first.nanos().zip(waiting.last.nanos()).map_or(0, |(from, to)| to.saturating_sub(from));
        let tells = waiting.count >= Self::LEAST.0 && lasted >= Self::LEAST.1;
        let go_on = tells && waiting.goes_on();
        Self { go_on: u64::from(go_on), repeat: u64::from(waiting.count > 1 && waiting.repeats) }
    }

    pub(super) const fn add(&mut self, more: Self) {
        self.go_on += more.go_on;
        self.repeat += more.repeat;
    }

    /// How many flows tell anything.
    pub(super) const fn sum(self) -> u64 {
        self.go_on + self.repeat
    }

    /// Whether the clients of all of them were answered.
    pub(super) const fn all_go_on(self) -> bool {
        self.go_on > 0 && self.repeat == 0
    }
}
