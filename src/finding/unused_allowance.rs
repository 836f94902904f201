//! `unused-allowance`: allowances of the site's own that decided nothing.

use std::sync::Arc;

use super::{Context, Facts, Finding, Judged, Replace, doubts};
use crate::policy::{FindingKind, Role, Rule};
use crate::verdict::Doubts;

/// Nothing but why its use may not have been captured: which it is, the finding's rule says.
#[derive(Debug)]
struct Unused {
    doubts: Doubts,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    let mut used = vec![false; seen.policy.allowances().len()];
    if used.is_empty() {
        return Vec::new();
    }
    for judgement in judged.flows {
        if let Rule::Allowance(at) = judgement.rule
            && let Some(used) = used.get_mut(usize::from(at))
        {
            *used = true;
        }
    }
    let unused = (0u16..).zip(used).filter(|(_, used)| !used);
    unused
        .map(|(at, _)| {
            let facts = Arc::new(Unused { doubts: seen.missing.of_all() });
            let finding = Finding::new(seen, FindingKind::UnusedAllowance, Role::Host, facts);
            Finding { rules: vec![Rule::Allowance(at)], ..finding }
        })
        .collect()
}

impl Facts for Unused {
    fn detail(&self, finding: &Finding, context: &Context<'_>) -> String {
        let rule = self.rule(finding, context);
        format!("Nothing in this survey needed the {rule}.{}", doubts::words(&self.doubts))
    }

    fn gist(&self, finding: &Finding, context: &Context<'_>) -> String {
        self.rule(finding, context)
    }

    fn next(&self, _: &Finding) -> &'static str {
        "Leave the allowance out if its purpose is gone"
    }

    fn advice(&self, _: &Finding, _: &Context<'_>) -> String {
        "Leave it out of the policy file if its purpose is gone; what matched it may also have been documented anyway, or not \
         have happened while the capture ran."
            .to_owned()
    }

    fn replaced(&self, with: &dyn Replace) -> Arc<dyn Facts> {
        Arc::new(Self { doubts: doubts::replaced(&self.doubts, with) })
    }
}
