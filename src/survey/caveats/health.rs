//! CaveatWriter about what was measured of how well it works.

use super::CaveatWriter;
use crate::finding::Transfers;
use crate::flow::Observed;
use crate::survey::Options;
use crate::text::times;
use crate::verdict::Caveat;

/// That how well it works was to be measured, and was not: states keep only what was asked for when they were written.
pub(in crate::survey) fn not_measured(options: &Options, observed: &Observed) -> Option<Caveat> {
    let is_measured = observed.health.is_measured();
    let text = "How well it works was not measured: the states were observed without --health. Observe the captures again with it.";
    (options.reading.limits.health && !is_measured && !observed.flows.is_empty())
        .then(|| Caveat { kind: "health-not-measured", text: text.to_owned() })
}

/// That more files crossed than are listed.
pub(in crate::survey) fn of_transfers(transfers: &Transfers) -> Option<Caveat> {
    (transfers.more > 0).then(|| Caveat {
        kind: "health-limit",
        text: format!(
            "{} of files by TFTP {} not listed: the {} longest are.",
            times(transfers.more, "transfer", "transfers"),
            if transfers.more == 1 { "is" } else { "are" },
            transfers.list.len()
        ),
    })
}

impl CaveatWriter<'_> {
    /// Response times that had to be left out.
    pub(super) fn health(&mut self) {
        let mixed = self.observed.health.mixed.len();
        if mixed > 0 {
            self.say(
                "health-overlap",
                format!(
                    "Of {mixed} pairs of hosts and services several inputs tell of the same time: how soon they answer is left \
                     out. Captures are read in the order of their times; give those instead of states."
                ),
            );
        }
        if let Some(senders) = self.observed.health.mixed_senders {
            let of = match senders {
                0 => String::new(),
                _ => format!("Of {}, ", times(senders, "sender", "senders")),
            };
            self.say(
                "health-overlap",
                format!(
                    "{of}{} inputs tell of the same time: when devices went silent is left out. Captures are read in the order \
                     of their times; give those instead of states.",
                    if of.is_empty() { "Several" } else { "several" }
                ),
            );
        }
        if self.observed.health.left_out {
            self.say(
                "health-overlap",
                "A capture holds others one behind the other (interfaces, sections, appended ones) and was not read again as one \
                 stream (it is no file, holds too many, was read up to a count, or a state is beside it): how soon devices answer \
                 and when they went silent is left out.",
            );
        }
        let misfits = self.observed.health.misfits;
        if misfits > 0 {
            let text = format!(
                "At {misfits} seams between parts of TCP connections it cannot be told exactly what was sent again: retransmissions \
                 may be a few more or less."
            );
            self.say("health-seam", text);
        }
        if self.observed.health.flows_turned_away || self.observed.health.pairs_turned_away {
            let text = "More flows with questions were seen than are kept: of some, response times are left out.";
            self.say("health-limit", text.to_owned());
        }
        if self.observed.health.loads_turned_away {
            let text = "More devices answered than are kept: of some it is not known whether they are slower the more they are asked.";
            self.say("health-limit", text);
        }
        if self.observed.health.senders_turned_away {
            let text = "More senders were seen than are kept: of some it is not known when they were silent.";
            self.say("health-limit", text);
        }
    }
}
