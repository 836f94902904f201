//! Reads TOML and gathers everything that is wrong with it, with the place.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Problem;
use crate::text::{Lines, hint};

/// A value and where it stands.
pub(crate) type Value<'a, 't> = &'a Spanned<DeValue<'t>>;

/// Gathers mistakes while a file is read, so that all of them are told at once.
pub(crate) struct Reader<'t> {
    lines: Lines<'t>,
    found: RefCell<Vec<(usize, String)>>,
}

impl<'t> Reader<'t> {
    /// Parses a file; what is no TOML is a mistake too, and the rest of the file is still read.
    pub(crate) fn parse(text: &'t str) -> (Spanned<DeTable<'t>>, Self) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let reader = Self { lines: Lines::of(text), found: RefCell::default() };
        for error in errors {
            reader.complain(error.span().unwrap_or(0..0), format!("no valid TOML: {}", error.message()));
        }
        (table, reader)
    }

    /// Notes a mistake.
    pub(crate) fn complain(&self, at: Range<usize>, message: impl Into<String>) {
        self.found.borrow_mut().push((at.start, message.into()));
    }

    /// The line of a place, from 1.
    pub(crate) fn line(&self, at: &Range<usize>) -> usize {
        self.lines.position(at.start).0
    }

    /// All mistakes, in the order of the file.
    pub(crate) fn problems(self) -> Vec<Problem> {
        let mut found = self.found.take();
        found.sort();
        found.dedup();
        found
            .into_iter()
            .map(|(at, message)| {
                let (line, column) = self.lines.position(at);
                Problem { line, column, message }
            })
            .collect()
    }

    /// Complains of every key that `known` does not have.
    pub(crate) fn check_keys(&self, table: &DeTable<'_>, what: &str, known: &[&str]) {
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref();
            let advice = hint(name, known);
            self.complain(key.span(), format!("unknown key \"{name}\" in {what}; {advice}"));
        }
    }

    /// The value as a table with these keys.
    pub(crate) fn table<'a, 'i>(&self, value: Value<'a, 'i>, what: &str, known: &[&str]) -> Option<&'a DeTable<'i>> {
        let table = value.get_ref().as_table();
        match table {
            Some(table) => self.check_keys(table, what, known),
            None => self.expected(value, &format!("{what} as a table")),
        }
        table
    }

    /// The values of a list of tables (`[[key]]`), each with where it stands; none if the key is absent.
    pub(crate) fn tables<'a, 'i>(
        &self,
        parent: &'a DeTable<'i>,
        key: &str,
        known: &[&str],
    ) -> Vec<(&'a DeTable<'i>, Range<usize>)> {
        let Some(value) = parent.get(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.expected(value, &format!("a list of tables, [[{key}]]"));
            return Vec::new();
        };
        list.iter().filter_map(|entry| Some((self.table(entry, &format!("[[{key}]]"), known)?, entry.span()))).collect()
    }

    /// A key that must be there.
    pub(crate) fn required<'a, 'i>(
        &self,
        table: &'a DeTable<'i>,
        at: &Range<usize>,
        key: &str,
        what: &str,
    ) -> Option<Value<'a, 'i>> {
        let value = table.get(key);
        if value.is_none() {
            self.complain(at.clone(), format!("{what} has no \"{key}\""));
        }
        value
    }

    /// Text that is not empty.
    pub(crate) fn text<'a>(&self, value: Value<'a, '_>, what: &str) -> Option<&'a str> {
        match value.get_ref().as_str() {
            Some(text) if !text.trim().is_empty() => Some(text.trim()),
            _ => {
                self.expected(value, &format!("{what} as text"));
                None
            }
        }
    }

    /// One value or a list of them, each of which `one` reads.
    pub(crate) fn several<'a, 'i, T>(
        &self,
        value: Value<'a, 'i>,
        mut one: impl FnMut(Value<'a, 'i>) -> Option<T>,
    ) -> Vec<T> {
        match value.get_ref().as_array() {
            Some(list) => list.iter().filter_map(one).collect(),
            None => one(value).into_iter().collect(),
        }
    }

    /// A word out of a list.
    pub(crate) fn word<T: Copy>(&self, value: Value<'_, '_>, what: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(value, what)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.complain(value.span(), format!("\"{text}\" is no {what}; {}", hint(text, &known)));
        }
        found
    }

    /// A whole number within bounds.
    pub(crate) fn number(&self, value: Value<'_, '_>, what: &str, bounds: Range<u32>) -> Option<u32> {
        let number = value.get_ref().as_integer().and_then(|n| u32::from_str_radix(n.as_str(), n.radix()).ok());
        let number = number.filter(|number| bounds.contains(number));
        if number.is_none() {
            self.expected(value, &format!("{what} as a number from {} to {}", bounds.start, bounds.end - 1));
        }
        number
    }

    /// Complains that something else stands here.
    pub(crate) fn expected(&self, value: Value<'_, '_>, what: &str) {
        let found = match value.get_ref() {
            DeValue::String(text) => format!("the text \"{text}\""),
            DeValue::Integer(number) => format!("the number {number}"),
            DeValue::Array(list) if list.is_empty() => "an empty list".to_owned(),
            other => format!("a value of type {}", other.type_str()),
        };
        self.complain(value.span(), format!("expected {what}, found {found}"));
    }
}
