//! What a capture did not get, by its own counts and times, in words.

use crate::capture::{InterfaceSummary, Timestamp};
use crate::flow::Tally;

/// Packets that were lost while an input was captured, as far as it says.
pub(super) fn dropped(interfaces: &[InterfaceSummary]) -> u64 {
    interfaces.iter().map(InterfaceSummary::not_captured).fold(0, u64::saturating_add)
}

/// How many packets were not captured, and who says so.
pub(super) fn drops(path: &str, interfaces: &[InterfaceSummary]) -> Option<String> {
    let sum = |of: fn(&InterfaceSummary) -> u64| interfaces.iter().map(of).fold(0, u64::saturating_add);
    let total = dropped(interfaces);
    let by = [
        (sum(|interface| interface.dropped.unwrap_or(0)), "by the interface"),
        (sum(|interface| interface.os_dropped.unwrap_or(0)), "by the operating system"),
        (sum(|interface| interface.lost), "as its packets count what was lost before them"),
    ];
    let by: Vec<_> =
        by.iter().filter(|(packets, _)| *packets > 0).map(|(packets, by)| format!("{packets} {by}")).collect();
    (total > 0).then(|| {
        let by = by.join(", ");
        format!("{total} packets were dropped while {path} was captured ({by}): what is missing may have been there.")
    })
}

/// What is to be said where every frame has the same time, or none has any but zero.
pub(super) fn stopped_clock(path: &str, tally: &Tally) -> Option<String> {
    let (first, frames) = (tally.first(), tally.frames);
    let is_zero = first.nanos() == Some(0);
    if first != tally.last || first == Timestamp::UNKNOWN || !(is_zero || frames > 1) {
        return None;
    }
    let what = if is_zero { "has the time zero" } else { "has the same time" };
    Some(format!(
        "Every one of the {frames} frames of {path} {what}: the capture had no clock. Order is that of the file, and \
         whatever rests on durations is doubtful."
    ))
}
