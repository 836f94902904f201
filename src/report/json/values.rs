//! Values that JSON carries as text: times and MAC addresses.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::capture::Timestamp;
use crate::decode::MacAddr;
use crate::report::value::nanos_between;

/// A known time: RFC 3339 in UTC with nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Time(Timestamp);

impl Time {
    /// `None` for an unknown time.
    pub fn known(time: Timestamp) -> Option<Self> {
        time.nanos().map(|_| Self(time))
    }

    /// The time.
    pub const fn get(self) -> Timestamp {
        self.0
    }

    /// Seconds from this time to a later one.
    pub(super) fn seconds_to(self, later: Self) -> Option<f64> {
        nanos_between(self.0, later.0).map(|nanos| nanos as f64 / 1e9)
    }
}

#[cfg(test)]
macro_rules! text_schema {
    ($type:ty, $name:literal, $pattern:literal, $about:literal) => {
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern, "description": $about })
            }
        }
    };
}
#[cfg(test)]
text_schema!(
    Time,
    "Time",
    r"^-?[0-9]{4,}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}Z$",
    "RFC 3339 in UTC with nanoseconds."
);
#[cfg(test)]
text_schema!(Mac, "Mac", "^([0-9a-f]{2}:){5}[0-9a-f]{2}$", "Six pairs of lower-case hex digits, joined by colons.");

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor {
            expecting: "a time such as 2025-03-04T08:15:00.000000000Z",
            parse: |text| {
                let nanos = text.parse::<jiff::Timestamp>().ok()?.as_nanosecond();
                Some(Self(Timestamp::from_nanos(i64::try_from(nanos).ok()?)))
            },
        })
    }
}

/// A MAC address: six pairs of lower-case hex digits, joined by colons.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Mac(pub MacAddr);

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor {
            expecting: "a MAC address such as 02:1b:00:00:00:1f",
            parse: |text| MacAddr::parse(text).map(Self),
        })
    }
}

struct TextVisitor<T> {
    expecting: &'static str,
    parse: fn(&str) -> Option<T>,
}

impl<T> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_macs_come_back_as_they_went() {
        for nanos in [0, -1, 1_741_076_100_000_123_000, i64::MAX, i64::MIN + 1] {
            let time = Time::known(Timestamp::from_nanos(nanos)).unwrap();
            let text = serde_json::to_string(&time).unwrap();
            assert_eq!(serde_json::from_str::<Time>(&text).unwrap(), time, "{text}");
        }
        let mac = Mac(MacAddr([0x02, 0x1b, 0, 0xff, 0x9a, 7]));
        assert_eq!(serde_json::to_string(&mac).unwrap(), "\"02:1b:00:ff:9a:07\"");
        assert_eq!(serde_json::from_str::<Mac>("\"02:1b:00:ff:9a:07\"").unwrap(), mac);
        assert_eq!(Time::known(Timestamp::UNKNOWN), None);
    }

    #[test]
    fn what_is_no_time_is_an_error_that_says_what_was_expected() {
        let error = serde_json::from_str::<Time>("\"yesterday\"").unwrap_err().to_string();
        assert!(error.contains("yesterday") && error.contains("a time such as"), "{error}");
        assert!(serde_json::from_str::<Mac>("\"02:1b\"").is_err());
        assert!(serde_json::from_str::<Mac>("\"02:1b:00:ff:9a:07:08\"").is_err());
    }
}
