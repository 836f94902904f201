//! Numbers as a person reads them.

use jiff::tz::TimeZone;

use crate::capture::Timestamp;
pub(crate) use crate::text::duration;

/// `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

/// `1 flow`, `3 flows`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// `999`, `1.2k`, `35k`, `4.1M`: four columns at most for what a survey counts.
pub(crate) fn short(number: u64) -> String {
    scaled(number, &["", "k", "M", "G", "T", "P", "E"])
}

/// `999 B`, `1.2 kB`, `35 MB`.
pub(crate) fn bytes(number: u64) -> String {
    scaled(number, &[" B", " kB", " MB", " GB", " TB", " PB", " EB"])
}

fn scaled(number: u64, units: &[&str]) -> String {
    let mut value = number as f64;
    let mut units = units.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    if number < 1000 {
        return format!("{number}{unit}");
    }
    // 999.5 would round to four digits.
    while value >= 999.5 {
        let Some(&next) = units.next() else { break };
        value /= 1000.0;
        unit = next;
    }
    if value < 9.95 { format!("{value:.1}{unit}") } else { format!("{value:.0}{unit}") }
}

/// Local date, time and offset; the time alone where the day is that of `same_day_as`.
pub(crate) fn local(time: Timestamp, same_day_as: Timestamp, zone: &TimeZone) -> String {
    let zoned = |time: Timestamp| {
        let nanos = time.nanos()?;
        Some(jiff::Timestamp::from_nanosecond(nanos.into()).ok()?.to_zoned(zone.clone()))
    };
    let Some(time) = zoned(time) else { return "unknown".to_owned() };
    let same_day = zoned(same_day_as).is_some_and(|other| other.date() == time.date());
    time.strftime(if same_day { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" }).to_string()
}

/// `2025-03-04 09:15:00 to 09:20:00 +01:00`; each time with its own offset where the clock was put forward or back between.
pub(crate) fn span(first: Timestamp, last: Timestamp, zone: &TimeZone) -> String {
    let [begin, end] = [first, last].map(|time| offset(time, zone));
    let from = local(first, Timestamp::UNKNOWN, zone);
    let to = local(last, first, zone);
    if begin == end { format!("{from} to {to} {end}") } else { format!("{from} {begin} to {to} {end}") }
}

/// `+01:00`.
pub(in crate::report) fn offset(time: Timestamp, zone: &TimeZone) -> String {
    let at = time.nanos().and_then(|nanos| jiff::Timestamp::from_nanosecond(nanos.into()).ok());
    at.map_or_else(String::new, |at| at.to_zoned(zone.clone()).strftime("%:z").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(short(999), "999");
        assert_eq!(short(9_949), "9.9k");
        assert_eq!(short(999_499), "999k");
        assert_eq!(short(999_500), "1.0M");
        assert_eq!(bytes(33_214), "33 kB");
        assert_eq!(bytes(u64::MAX), "18 EB");
        assert_eq!(counted(1, "flow", "flows"), "1 flow");
    }

    #[test]
    fn each_time_has_its_own_offset_where_summer_time_ends() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at = |utc: &str| Timestamp::from_nanos(utc.parse::<jiff::Timestamp>().unwrap().as_nanosecond() as i64);
        let (first, last) = (at("2026-10-25T00:50:00Z"), at("2026-10-25T01:10:10Z"));
        assert_eq!(span(first, last, &zone), "2026-10-25 02:50:00 +02:00 to 02:10:10 +01:00");
        assert_eq!(span(first, first, &zone), "2026-10-25 02:50:00 to 02:50:00 +02:00");
    }

    #[test]
    fn times_are_local() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let time = Timestamp::from_nanos(1_741_076_100_000_000_000);
        assert_eq!(local(time, Timestamp::UNKNOWN, &zone), "2025-03-04 09:15:00");
        assert_eq!(local(time, time, &zone), "09:15:00");
        assert_eq!(offset(time, &zone), "+01:00");
        assert_eq!(local(Timestamp::UNKNOWN, time, &zone), "unknown");
    }
}
