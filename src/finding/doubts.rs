//! The words of doubts: why silence may only not have been captured.

use super::Replace;
use super::phrases::times;
use crate::verdict::{AbsenceReason, Doubts};

/// A sentence with the space before it; empty where nothing speaks for it.
pub(super) fn words(doubts: &Doubts) -> String {
    let tries = match doubts.tries {
        1 => ", and there was 1 try".to_owned(),
        tries => format!(", and there were {}", times(tries, "try", "tries")),
    };
    sentence(doubts, "It may only not have been captured", &tries)
}

/// The same of what was measured: it may be of a part of what there was.
pub(super) fn of_measures(doubts: &Doubts) -> String {
    sentence(doubts, "Some of what it was asked may not have been captured", "")
}

fn sentence(doubts: &Doubts, lead: &str, tries: &str) -> String {
    let word = |doubt: &AbsenceReason| match doubt {
        AbsenceReason::OneWay => "the mirror shows one direction only".to_owned(),
        AbsenceReason::Filter => {
            format!("the filter \"{}\" may have left it out", doubts.filter.as_deref().unwrap_or_default())
        }
        AbsenceReason::Dropped => {
            format!("{} lost while capturing{tries}", times(doubts.dropped, "packet was", "packets were"))
        }
        AbsenceReason::Unread => format!("{} not read below IP", times(doubts.unread, "frame was", "frames were")),
        AbsenceReason::Gap(from, to) => format!("nothing at all was captured from {from:.3} to {to:.3}"),
        AbsenceReason::Break(at) => format!("a capture breaks off at {at:.3}"),
        AbsenceReason::End(at) => format!("the capture ends at {at:.3}"),
    };
    let mut list: Vec<String> = doubts.told.iter().map(word).collect();
    if list.is_empty() {
        return String::new();
    }
    if doubts.more > 0 {
        list.push(format!("and {} more such times", doubts.more));
    }
    format!(" {lead}: {}.", list.join("; "))
}

/// The same for a survey that is given away: a filter is of the site.
pub(super) fn replaced(doubts: &Doubts, with: &dyn Replace) -> Doubts {
    Doubts { filter: doubts.filter.as_ref().map(|_| with.left_out()), ..doubts.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Timestamp;
    use crate::verdict::Missing;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(1_700_000_000_000_000_000 + seconds * 1_000_000_000)
    }

    #[test]
    fn only_what_could_hold_the_answer_makes_silence_doubtful() {
        let missing =
            Missing { dropped: 3, gaps: vec![(at(1000), at(2000))], breaks: vec![at(3000)], ..Missing::default() };
        let of = |begin, end, tries| words(&missing.of_silence(at(begin), at(end), tries));
        assert_eq!(of(100, 200, 4), "", "more tries than packets were lost, and far from any gap");
        assert!(of(100, 200, 3).contains("3 packets were lost while capturing, and there were 3 tries"));
        assert!(of(900, 995, 4).contains("nothing at all was captured from"), "the answer may lie in the gap");
        assert_eq!(of(2001, 2100, 4), "");
        assert!(of(2900, 2995, 4).contains("a capture breaks off"));
        assert_eq!(of(2900, 2980, 4), "", "an answer would have come before the end");
        let missing = Missing { unread: 3, ..Missing::default() };
        assert!(words(&missing.of_silence(at(100), at(200), 3)).contains("3 frames were not read below IP"));
        assert_eq!(words(&missing.of_silence(at(100), at(200), 4)), "");
        assert_eq!(words(&Missing::default().of_silence(at(0), at(1), 1)), "");
    }
}
