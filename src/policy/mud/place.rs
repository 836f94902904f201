//! Where a member of a JSON text stands.

use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::text::Lines;

/// A step from a value to one inside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum PathStep {
    Key(String),
    Item(usize),
}

/// Byte offset of the value that the steps lead to, in text that is valid JSON; of the innermost
/// one that is there, else.
pub(super) fn offset(text: &str, steps: &[PathStep]) -> usize {
    offset_in(text, find(text, steps))
}

/// Lines, from 1, of the items of the list that the steps lead to.
pub(super) fn item_lines(text: &str, steps: &[PathStep]) -> Vec<usize> {
    let lines = Lines::of(text);
    let items: Vec<&RawValue> = serde_json::from_str(find(text, steps)).unwrap_or_default();
    items.into_iter().map(|item| lines.position(offset_in(text, item.get())).0).collect()
}

/// Where a part of a text begins in it.
fn offset_in(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// The text of the value that the steps lead to, as far as they lead.
fn find<'t>(text: &'t str, steps: &[PathStep]) -> &'t str {
    let whole: Option<&RawValue> = serde_json::from_str(text).ok();
    let mut found = whole.map_or(text, RawValue::get);
    for step in steps {
        let inner: Option<&RawValue> = match step {
            PathStep::Key(key) => {
                serde_json::from_str(found).ok().and_then(|mut all: HashMap<String, _>| all.remove(key))
            }
            PathStep::Item(item) => serde_json::from_str(found).ok().and_then(|all: Vec<_>| all.get(*item).copied()),
        };
        let Some(inner) = inner else { break };
        found = inner.get();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found_past_strings_and_brackets() {
        let text = r#"{ "a": [1, {"b\"}": "x]"}, [2, 3]], "c": {"d": null, "e": -1.5e3} }"#;
        let key = |name: &str| PathStep::Key(name.to_owned());
        for (steps, expected) in [
            (vec![], "{ \"a\""),
            (vec![key("a")], "[1,"),
            (vec![key("a"), PathStep::Item(1)], "{\"b"),
            (vec![key("a"), PathStep::Item(1), key("b\"}")], "\"x]\""),
            (vec![key("a"), PathStep::Item(2), PathStep::Item(1)], "3]]"),
            (vec![key("c"), key("e")], "-1.5e3"),
            (vec![key("c"), key("missing")], "{\"d\""),
            (vec![key("a"), PathStep::Item(9)], "[1,"),
        ] {
            assert!(text[offset(text, &steps)..].starts_with(expected), "{steps:?}");
        }
        let lined = "{\n\"a\": [\n1, {\n\"b\": 2}, [\n3],\n\n4 ]}";
        assert_eq!(item_lines(lined, &[key("a")]), [3, 3, 4, 7]);
        assert_eq!(item_lines(lined, &[]), [0; 0], "no list");
    }
}
