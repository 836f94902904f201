//! Software versions, compared by their numbers.

use std::cmp::Ordering;
use std::fmt;

/// A dotted version. `1.12.1` is above `1.9`, and `3.1` equals `3.1.0`.
///
/// What follows a number within a part (`-rc1`, `b2`) and a leading `v` do not count.
#[derive(Clone, Debug)]
pub struct Version {
    text: String,
    parts: Vec<u64>,
}

impl Version {
    /// Reads a version; `None` where it does not begin with a number.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let numbers = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let mut parts = Vec::new();
        for part in numbers.split('.') {
            let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            match part[..digits].parse() {
                Ok(number) => parts.push(number),
                Err(_) => break,
            }
            if digits < part.len() {
                break;
            }
        }
        (!parts.is_empty()).then(|| Self { text: text.to_owned(), parts })
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let longest = self.parts.len().max(other.parts.len());
        let padded = |parts: &[u64], at: usize| parts.get(at).copied().unwrap_or(0);
        (0..longest)
            .map(|at| padded(&self.parts, at).cmp(&padded(&other.parts, at)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

/// As it was written.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number_part_by_part() {
        for (a, b, order) in [
            ("1.12.1", "1.9.7", Ordering::Greater),
            ("1.12.1", "1.12.1", Ordering::Equal),
            ("3.1", "3.1.0", Ordering::Equal),
            ("3.0.99", "3.1.0", Ordering::Less),
            ("v3.1.0", "3.1.0", Ordering::Equal),
            ("3.1.0-rc1", "3.1.0", Ordering::Equal),
            ("10", "9.9", Ordering::Greater),
        ] {
            assert_eq!(Version::parse(a).unwrap().cmp(&Version::parse(b).unwrap()), order, "{a} against {b}");
        }
        for text in ["", "latest", ".1", "v"] {
            assert!(Version::parse(text).is_none(), "{text:?}");
        }
        assert!(Version::parse("99999999999999999999999.1").is_none(), "a number beyond counting is no version");
    }
}
