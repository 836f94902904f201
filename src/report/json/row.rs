//! Rows of survey.json, by the columns of their table: cells that need no escapes are those of CSV.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::column::Table;
use crate::report::line::Line;
use crate::report::value::Value;

impl Line {
    /// Appends the object that the table's columns make of `row` to `out`.
    pub(in crate::report) fn json_row<T: Table>(&mut self, row: &T::Row<'_>, out: &mut Vec<u8>) {
        self.byte(b'{');
        for column in T::COLUMNS.iter().filter(|column| column.files.json()) {
            let value = (column.cell)(row);
            if !(column.files.is_sparse() && matches!(value, Value::Missing)) {
                self.text(column.key.as_bytes());
                self.json_value(value);
            }
        }
        self.end_row(out);
        if let Some(last) = out.last_mut() {
            *last = b'}';
        }
    }

    /// A value, and a comma.
    fn json_value(&mut self, value: Value<'_>) {
        match value {
            Value::Missing => self.plain(b"null"),
            Value::Number(number) => self.number(number),
            Value::Flag(flag) => self.plain(if flag { b"true" } else { b"false" }),
            Value::Seconds(..) => self.json(&value.as_seconds()),
            Value::Text(text) => self.json_text(&text),
            Value::Word(word) => self.json_text(&word.text),
            Value::Inputs(places, _) | Value::Places(places) => {
                self.json_list(places.iter().map(|place| Value::from(*place)));
            }
            Value::List(list) => self.json_list(list.into_iter()),
            Value::Ports(..) => self.json(&value.ports().collect::<BTreeMap<_, _>>()),
            other => {
                self.byte(b'"');
                self.value(other);
                self.end_by(b"\",");
            }
        }
    }

    fn json_list<'v>(&mut self, list: impl ExactSizeIterator<Item = Value<'v>>) {
        if list.len() == 0 {
            return self.plain(b"[]");
        }
        self.byte(b'[');
        list.for_each(|value| self.json_value(value));
        self.end_by(b"],");
    }

    fn json_text(&mut self, text: &str) {
        // All bytes, without an early end: many at a time.
        if text.bytes().fold(false, |any, byte| any | matches!(byte, b'"' | b'\\' | ..0x20)) {
            return self.json(text);
        }
        self.byte(b'"');
        self.text(text.as_bytes());
        self.text(b"\",");
    }

    fn json(&mut self, value: &(impl Serialize + ?Sized)) {
        // Neither a number nor text fails, nor a map of texts.
        self.plain(&serde_json::to_vec(value).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::MacAddr;

    fn json(value: Value<'_>) -> String {
        let mut line = Line::default();
        line.json_value(value);
        String::from_utf8(line.take()).unwrap()
    }

    fn by_serde(value: impl Serialize) -> String {
        serde_json::to_string(&value).unwrap() + ","
    }

    proptest::proptest! {
        /// Against serde_json.
        #[test]
        fn values_print_as_json_has_them(
            texts in proptest::collection::vec("[\\x00-\\x7f]{0,20}|\\PC{0,20}|[a-z]{1020,1030}", 0..4),
            numbers in proptest::collection::vec(proptest::num::u32::ANY, 0..4),
            nanos: u64,
            negative: bool,
            v6: u128,
        ) {
            for text in &texts {
                proptest::prop_assert_eq!(json(text.as_str().into()), by_serde(text));
            }
            proptest::prop_assert_eq!(json(Value::list(texts.iter().map(String::as_str))), by_serde(&texts));
            proptest::prop_assert_eq!(json(Value::Places(&numbers)), by_serde(&numbers));
            proptest::prop_assert_eq!(json(nanos.into()), by_serde(nanos));
            let seconds = nanos as f64 / 1e9;
            let signed = if negative { -seconds } else { seconds };
            proptest::prop_assert_eq!(json(Value::Seconds(nanos, negative)), by_serde(signed));
            for address in [std::net::IpAddr::from(v6.to_be_bytes()), (v6 as u32).to_be_bytes().into()] {
                proptest::prop_assert_eq!(json(address.into()), by_serde(address));
            }
        }
    }

    #[test]
    fn what_needs_no_escapes_is_in_quotes() {
        assert_eq!(json(Value::Missing), "null,");
        assert_eq!(json(true.into()), "true,");
        assert_eq!(json(Value::Numbered(b'f', 17)), "\"f17\",");
        assert_eq!(json(MacAddr([2, 0x1b, 0, 0xff, 0x9a, 7]).into()), "\"02:1b:00:ff:9a:07\",");
        assert_eq!(json(Value::list([Value::list(["a"]), Value::Missing])), "[[\"a\"],null],");
    }
}
