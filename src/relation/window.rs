//! Whether an answer lies in its request's time.

use crate::capture::Timestamp;

/// How much earlier than its request an answer may be stamped: two interfaces of one capture, or
/// the clocks of two capture points, differ a little.
pub(super) const SKEW: i64 = 100_000_000;

/// Whether `answer` lies between the first request and `seconds` after the last one, by clocks that differ by `skew`; `None`
/// if one of the times is not known.
pub(super) fn covers(
    (first, last): (Timestamp, Timestamp),
    seconds: u32,
    answer: Timestamp,
    skew: i64,
) -> Option<bool> {
    let (first, last, answer) = (first.nanos()?, last.nanos()?, answer.nanos()?);
    let end = last.saturating_add(i64::from(seconds) * 1_000_000_000).saturating_add(skew);
    Some((first.saturating_sub(SKEW.saturating_add(skew))..=end).contains(&answer))
}
