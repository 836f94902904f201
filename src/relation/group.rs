//! What the relations of group requests share.

use super::{Link, Relations};
use crate::flow::Flows;

/// The earlier of two flows to cite.
pub(super) fn better_cause(flows: &Flows, held: Option<u32>, new: u32) -> Option<u32> {
    let begin = |at: u32| flows.view(at).begin();
    Some(held.filter(|&held| begin(held) <= begin(new)).unwrap_or(new))
}

impl Relations {
    /// An answer that was sent back, all of it, reached nobody.
    pub(super) fn forget_sent_back(&mut self, flows: &Flows) {
        for (at, rejection) in &self.rejections {
            let Some(link) = self.link(*at).filter(|link| link.kind.answers_group()) else { continue };
            let sent = flows.view(*at).ends[usize::from(rejection.failed & 1)].packets();
            if let Some(cause) = link.flow
                && self.sent_back(*at, rejection.failed, sent).is_some()
                && let Some(answers) = self.answered.get_mut(&cause)
            {
                *answers = answers.saturating_sub(1);
            }
        }
        self.answered.retain(|_, answers| *answers > 0);
    }

    /// Notes a unicast answer to a group's request, unless the flow has a surer link.
    pub(super) fn add_answer(&mut self, at: u32, link: Link) {
        if self.link(at).is_some_and(|held| !held.probable || link.probable) {
            return;
        }
        self.set_link(at, link);
        self.answered_among_others(link.flow);
    }

    /// Notes the same of a flow that carries more than the answer, and is judged by itself.
    pub(super) fn answered_among_others(&mut self, cause: Option<u32>) {
        if let Some(cause) = cause {
            *self.answered.entry(cause).or_default() += 1;
        }
    }
}
