//! What the relations of group requests share.

use super::{Link, Relations};
use crate::flow::Flows;

/// The earlier of two flows to cite.
pub(super) fn better_cause(flows: &Flows, held: Option<u32>, new: u32) -> Option<u32> {
    let begin = |at: u32| flows.view(at).begin();
    Some(held.filter(|&held| begin(held) <= begin(new)).unwrap_or(new))
}

impl Relations {
    /// Notes a unicast answer to a group's request, unless the flow has a surer link.
    pub(super) fn add_answer(&mut self, at: u32, link: Link) {
        if self.link(at).is_some_and(|held| !held.probable || link.probable) {
            return;
        }
        self.set_link(at, link);
        if let Some(cause) = link.flow {
            *self.answered.entry(cause).or_default() += 1;
        }
    }
}
