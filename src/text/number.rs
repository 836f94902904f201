//! Numbers of things in a sentence.

/// `1 packet`, `3 packets`; `1 packet was`, `3 packets were`.
pub(crate) fn times(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
