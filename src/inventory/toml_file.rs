//! The inventory as TOML: lists as the flags have them, and one `[[device]]` table a device.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::declared::{Declarations, Entry};
use super::error::{Place, Problem, hint, parse_role, shown};
use crate::policy::Role;

/// Keys at the top of the file that give a role to each of a list.
const LISTS: [(&str, Role); 3] = [("gateway", Role::Gateway), ("node", Role::Node), ("bacnet", Role::Bacnet)];
const TOP: [&str; 7] = ["site-name", "site", "infer", "gateway", "node", "bacnet", "device"];
const DEVICE: [&str; 5] = ["address", "mac", "role", "name", "version"];

/// Reads a TOML inventory into `into`, with an error for each thing that is wrong.
pub(super) fn read(text: &str, name: &Arc<str>, into: &mut Declarations) {
    let lines = Lines::new(text, name);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let place = lines.place(error.span().map_or(text.len(), |span| span.start));
        into.error(place, Problem::Syntax(error.message().trim_end().into()));
    }
    if !errors.is_empty() {
        // What recovery made of the rest would only raise errors that follow from these.
        return;
    }
    for (key, value) in table.get_ref() {
        let found: &str = key.get_ref();
        match found {
            "site-name" => {
                if let Some(label) = string(found, value, &lines, into) {
                    into.site_name = into.text("site-name", label, &lines.of(value));
                }
            }
            "infer" => match value.get_ref().as_bool() {
                Some(infer) => into.infer = Some(infer),
                None => into.error(lines.of(value), wrong_type(found, value, "true or false")),
            },
            "site" => {
                for (text, place) in strings(found, value, &lines, into) {
                    into.site(text, &place);
                }
            }
            "device" => devices(value, &lines, into),
            _ => match LISTS.iter().find(|(list, _)| *list == found) {
                Some(&(_, role)) => {
                    for (text, place) in strings(found, value, &lines, into) {
                        if let Some(matcher) = into.matcher(text, &place) {
                            into.entry(Entry { matcher, role, name: None, version: None, place });
                        }
                    }
                }
                None => into.error(lines.of(key), unknown(found, &TOP)),
            },
        }
    }
}

fn devices(value: &Spanned<DeValue<'_>>, lines: &Lines<'_>, into: &mut Declarations) {
    const EXPECTED: &str = "tables, each headed [[device]]";
    let Some(list) = value.get_ref().as_array() else {
        return into.error(lines.of(value), wrong_type("device", value, EXPECTED));
    };
    for item in list.iter() {
        match item.get_ref().as_table() {
            Some(table) => device(table, &lines.of(item), lines, into),
            None => into.error(lines.of(item), wrong_type("device", item, EXPECTED)),
        }
    }
}

fn device(table: &DeTable<'_>, place: &Place, lines: &Lines<'_>, into: &mut Declarations) {
    let before = into.errors.errors.len() + into.errors.more;
    let (mut matchers, mut role, mut name, mut version) = ([None, None], None, None, None);
    for (key, value) in table {
        let found: &str = key.get_ref();
        if !DEVICE.contains(&found) {
            into.error(lines.of(key), unknown(found, &DEVICE));
            continue;
        }
        let Some(text) = string(found, value, lines, into) else { continue };
        let at = lines.of(value);
        match found {
            "address" => matchers[0] = into.matcher(text, &at),
            "mac" => matchers[1] = into.mac(text, &at),
            "role" => match parse_role(text) {
                Ok(given) => role = Some(given),
                Err(problem) => into.error(at, problem),
            },
            "name" => name = into.text("name", text, &at),
            _ => version = into.text("version", text, &at),
        }
    }
    if into.errors.errors.len() + into.errors.more > before {
        return;
    }
    let Some(role) = role else {
        return into
            .error(place.clone(), Problem::Missing { what: "`role`", expected: "gateway, node, bacnet or host" });
    };
    if matchers == [None, None] {
        let expected = "what the device is known by: an address, block or range, or a MAC or MAC prefix";
        return into.error(place.clone(), Problem::Missing { what: "`address` or `mac`", expected });
    }
    for matcher in matchers.into_iter().flatten() {
        into.entry(Entry { matcher, role, name: name.clone(), version: version.clone(), place: place.clone() });
    }
}

fn unknown(found: &str, known: &[&'static str]) -> Problem {
    let hint = match found {
        "ip" | "block" | "cidr" | "range" | "subnet" | "network" | "prefix" => {
            "`address` takes addresses, blocks, ranges, MACs and MAC prefixes alike".into()
        }
        "devices" | "host" | "hosts" => "did you mean `[[device]]`?".into(),
        _ => hint(found, known),
    };
    Problem::Unknown { what: "key", found: shown(found), hint }
}

fn wrong_type(key: &str, value: &Spanned<DeValue<'_>>, expected: &'static str) -> Problem {
    Problem::WrongType { key: key.into(), found: format!("of type {}", value.get_ref().type_str()), expected }
}

fn string<'a>(
    key: &str,
    value: &'a Spanned<DeValue<'_>>,
    lines: &Lines<'_>,
    into: &mut Declarations,
) -> Option<&'a str> {
    let text = value.get_ref().as_str();
    if text.is_none() {
        into.error(lines.of(value), wrong_type(key, value, "a text in quotes"));
    }
    text
}

/// A text or a list of texts, each with its place.
fn strings<'a>(
    key: &str,
    value: &'a Spanned<DeValue<'_>>,
    lines: &Lines<'_>,
    into: &mut Declarations,
) -> Vec<(&'a str, Place)> {
    const EXPECTED: &str = "a list of texts in quotes, such as [\"10.0.0.1\"]";
    let one = std::slice::from_ref(value);
    let items = match value.get_ref() {
        DeValue::Array(list) => list.iter().as_slice(),
        DeValue::String(_) => one,
        _ => {
            into.error(lines.of(value), wrong_type(key, value, EXPECTED));
            return Vec::new();
        }
    };
    let mut texts = Vec::with_capacity(items.len());
    for item in items {
        match item.get_ref().as_str() {
            Some(text) => texts.push((text, lines.of(item))),
            None => into.error(lines.of(item), wrong_type(key, item, EXPECTED)),
        }
    }
    texts
}

/// Byte offsets to lines and columns.
struct Lines<'a> {
    text: &'a str,
    name: &'a Arc<str>,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str, name: &'a Arc<str>) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text, name, starts: std::iter::once(0).chain(ends).collect() }
    }

    fn of<T>(&self, value: &Spanned<T>) -> Place {
        self.place(value.span().start)
    }

    fn place(&self, offset: usize) -> Place {
        /// Beyond this, columns are bytes: counting characters from the start of each would take too long.
        const LONG_LINE: usize = 4096;
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = match self.text.get(start..offset) {
            Some(before) if before.len() <= LONG_LINE => before.chars().count(),
            _ => offset.saturating_sub(start),
        };
        Place::Toml(self.name.clone(), line as u32, column as u32 + 1)
    }
}
