//! Numbers of things in a sentence.

/// `1 packet`, `3 packets`; `1 packet was`, `3 packets were`.
pub(crate) fn times(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// `2.5 s`, `4 min 10 s`, `3 h 20 min`, `2 d 4 h`.
pub(crate) fn duration(nanos: u64) -> String {
    let seconds = nanos / 1_000_000_000;
    match seconds {
        0..10 if nanos > 0 && nanos < 1_000_000 => format!("{} µs", nanos.div_ceil(1000)),
        0 => format!("{} ms", nanos / 1_000_000),
        1..10 => format!("{:.1} s", nanos as f64 / 1e9),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_as_people_do() {
        assert_eq!(duration(0), "0 ms");
        assert_eq!(duration(900), "1 µs");
        assert_eq!(duration(2_500_000_000), "2.5 s");
        assert_eq!(duration(250_000_000_000), "4 min 10 s");
        assert_eq!(duration(187_200_000_000_000), "2 d 4 h");
    }
}
