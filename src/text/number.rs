//! Numbers of things in a sentence.

/// `1 packet`, `3 packets`; `1 packet was`, `3 packets were`.
pub(crate) fn times(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// `863 µs`, `1.9 ms`, `24 ms`, `2.5 s`, `4 min 10 s`, `3 h 20 min`, `2 d 4 h`.
pub(crate) fn duration(nanos: u64) -> String {
    let seconds = nanos / 1_000_000_000;
    match seconds {
        0 if nanos == 0 => "0 ms".to_owned(),
        0 if nanos <= 999_000 => format!("{} µs", nanos.div_ceil(1000)),
        // Rounded; a digit behind the point as long as a millisecond more or less says much.
        0 if nanos < 9_950_000 => format!("{:.1} ms", nanos as f64 / 1e6),
        0 if nanos < 999_500_000 => format!("{:.0} ms", nanos as f64 / 1e6),
        0 => "1.0 s".to_owned(),
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
        assert_eq!(duration(999_001), "1.0 ms");
        assert_eq!(duration(1_960_000), "2.0 ms");
        assert_eq!(duration(3_930_000), "3.9 ms");
        assert_eq!(duration(9_949_999), "9.9 ms");
        assert_eq!(duration(9_950_000), "10 ms");
        assert_eq!(duration(24_600_000), "25 ms");
        assert_eq!(duration(999_499_999), "999 ms");
        assert_eq!(duration(999_500_000), "1.0 s");
        assert_eq!(duration(2_500_000_000), "2.5 s");
        assert_eq!(duration(250_000_000_000), "4 min 10 s");
        assert_eq!(duration(187_200_000_000_000), "2 d 4 h");
    }
}
