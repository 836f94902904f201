//! The inventory as TOML: lists as the flags have them, and one `[[device]]` table a device.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::declared::{Declarations, Device, Entry};
use super::error::{self, SourceLocation};
use crate::policy::Role;
use crate::text::{Lines, hint};

/// Keys at the top of the file that give a role to each of a list.
const LISTS: [(&str, Role); 3] = [("gateway", Role::Gateway), ("node", Role::Node), ("bacnet", Role::Bacnet)];
const TOP: [&str; 9] = ["site-name", "customer", "building", "site", "infer", "gateway", "node", "bacnet", "device"];
const DEVICE: [&str; 5] = ["address", "mac", "role", "name", "version"];

/// Reads a TOML inventory into `into`, with an error for each thing that is wrong.
pub(super) fn read(text: &str, name: &Arc<str>, into: &mut Declarations) {
    let places = Places { name, lines: Lines::of(text) };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let place = places.place(error.span().map_or(text.len(), |span| span.start));
        into.error(place, error.message().trim_end());
    }
    if !errors.is_empty() {
        // What recovery made of the rest would only raise errors that follow from these.
        return;
    }
    for (key, value) in table.get_ref() {
        let found: &str = key.get_ref();
        match found {
            "site-name" => into.site_name = label("site-name", value, &places, into),
            "customer" => into.labels.customer = label("customer", value, &places, into),
            "building" => into.labels.building = label("building", value, &places, into),
            "infer" => match value.get_ref().as_bool() {
                Some(infer) => into.infer = Some(infer),
                None => into.error(places.of(value), wrong_type(found, value, "true or false")),
            },
            "site" => {
                for (text, place) in strings(found, value, &places, into) {
                    into.site(text, &place);
                }
            }
            "device" => devices(value, &places, into),
            _ => match LISTS.iter().find(|(list, _)| *list == found) {
                Some(&(_, role)) => {
                    for (text, place) in strings(found, value, &places, into) {
                        if let Some(matcher) = into.matcher(text, &place) {
                            into.entry(Entry { matcher, role, name: None, version: None, place });
                        }
                    }
                }
                None => into.error(places.of(key), unknown(found, &TOP)),
            },
        }
    }
}

fn devices(value: &Spanned<DeValue<'_>>, places: &Places<'_>, into: &mut Declarations) {
    const EXPECTED: &str = "tables, each headed [[device]]";
    let Some(list) = value.get_ref().as_array() else {
        return into.error(places.of(value), wrong_type("device", value, EXPECTED));
    };
    for item in list.iter() {
        match item.get_ref().as_table() {
            Some(table) => device(table, &places.of(item), places, into),
            None => into.error(places.of(item), wrong_type("device", item, EXPECTED)),
        }
    }
}

fn device(table: &DeTable<'_>, place: &SourceLocation, places: &Places<'_>, into: &mut Declarations) {
    let (before, mut device) = (into.errors.count(), Device::default());
    for (key, value) in table {
        let found: &str = key.get_ref();
        if !DEVICE.contains(&found) {
            into.error(places.of(key), unknown(found, &DEVICE));
            continue;
        }
        let Some(text) = string(found, value, places, into) else { continue };
        let at = places.of(value);
        match found {
            "address" => device.matchers[0] = into.matcher(text, &at),
            "mac" => device.matchers[1] = into.mac(text, &at),
            "role" => device.role = into.role(text, &at),
            "name" => device.name = into.text("name", text, &at),
            _ => device.version = into.text("version", text, &at),
        }
    }
    if into.errors.count() == before {
        let expected = "what the device is known by: an address, block or range, or a MAC or MAC prefix";
        into.device(device, place, "`role`", ["`address` or `mac`", expected]);
    }
}

/// A text that stands for itself, or an error.
fn label(
    key: &'static str,
    value: &Spanned<DeValue<'_>>,
    places: &Places<'_>,
    into: &mut Declarations,
) -> Option<Arc<str>> {
    let text = string(key, value, places, into)?;
    into.text(key, text, &places.of(value))
}

fn unknown(found: &str, known: &[&'static str]) -> String {
    let hint = match found {
        "ip" | "block" | "cidr" | "range" | "subnet" | "network" | "prefix" => {
            "`address` takes addresses, blocks, ranges, MACs and MAC prefixes alike".into()
        }
        "devices" | "host" | "hosts" => "did you mean \"[[device]]\"?".into(),
        _ => hint(found, known),
    };
    error::unknown("key", found, &hint)
}

fn wrong_type(key: &str, value: &Spanned<DeValue<'_>>, expected: &str) -> String {
    format!("`{key}` is of type {}, expected {expected}", value.get_ref().type_str())
}

fn string<'a>(
    key: &str,
    value: &'a Spanned<DeValue<'_>>,
    places: &Places<'_>,
    into: &mut Declarations,
) -> Option<&'a str> {
    let text = value.get_ref().as_str();
    if text.is_none() {
        into.error(places.of(value), wrong_type(key, value, "a text in quotes"));
    }
    text
}

/// A text or a list of texts, each with its place.
fn strings<'a>(
    key: &str,
    value: &'a Spanned<DeValue<'_>>,
    places: &Places<'_>,
    into: &mut Declarations,
) -> Vec<(&'a str, SourceLocation)> {
    const EXPECTED: &str = "a list of texts in quotes, such as [\"10.0.0.1\"]";
    let one = std::slice::from_ref(value);
    let items = match value.get_ref() {
        DeValue::Array(list) => list.iter().as_slice(),
        DeValue::String(_) => one,
        _ => {
            into.error(places.of(value), wrong_type(key, value, EXPECTED));
            return Vec::new();
        }
    };
    let mut texts = Vec::with_capacity(items.len());
    for item in items {
        match item.get_ref().as_str() {
            Some(text) => texts.push((text, places.of(item))),
            None => into.error(places.of(item), wrong_type(key, item, EXPECTED)),
        }
    }
    texts
}

/// Places in a file of this name.
struct Places<'a> {
    name: &'a Arc<str>,
    lines: Lines<'a>,
}

impl Places<'_> {
    fn of<T>(&self, value: &Spanned<T>) -> SourceLocation {
        self.place(value.span().start)
    }

    fn place(&self, offset: usize) -> SourceLocation {
        let (line, column) = self.lines.position(offset);
        SourceLocation::Toml(self.name.clone(), line as u32, column as u32)
    }
}
