//! A member of a MUD file, which knows its path; and all that is found wrong or cannot be kept.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::Value;

use super::place::{PathStep, item_lines, offset};
use super::{Described, clean};
use crate::policy::Problem;
use crate::text::{nearest, position};

/// Problems that are told; what follows is more of the same.
const TOLD: usize = 50;

/// Gathers mistakes and losses while a file is read.
pub(super) struct Notes<'t> {
    text: &'t str,
    problems: RefCell<Vec<(Vec<PathStep>, String)>>,
    losses: RefCell<BTreeSet<String>>,
}

impl<'t> Notes<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, problems: RefCell::default(), losses: RefCell::default() }
    }

    /// Notes what a policy cannot keep; the same once.
    pub(super) fn lose(&self, what: impl Into<String>) {
        let mut losses = self.losses.borrow_mut();
        if losses.len() < TOLD {
            losses.insert(what.into());
        }
    }

    /// What every description loses, then what this one does.
    pub(super) fn losses(&self, device: &Described) -> Vec<String> {
        let general = format!(
            "a MUD file says nothing of payload: what is spoken on a port is not checked for the {}",
            device.role.name()
        );
        [general].into_iter().chain(self.losses.borrow().iter().cloned()).collect()
    }

    /// All mistakes, in the order of the file.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let found = self.problems.borrow();
        let mut placed: Vec<_> =
            found.iter().take(TOLD).map(|(steps, message)| (offset(self.text, steps), path(steps), message)).collect();
        placed.sort();
        placed.dedup();
        placed
            .into_iter()
            .map(|(at, path, message)| {
                let (line, column) = position(self.text, at);
                Problem { line, column, message: format!("{path}: {message}") }
            })
            .collect()
    }
}

/// A path as people write it: `a/b[2]/c`.
fn path(steps: &[PathStep]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            PathStep::Key(key) => {
                if !text.is_empty() {
                    text.push('/');
                }
                text.push_str(&clean(key));
            }
            PathStep::Item(item) => text.push_str(&format!("[{item}]")),
        }
    }
    if text.is_empty() { "the file".to_owned() } else { text }
}

/// A value of the file and its path.
#[derive(Clone)]
pub(super) struct Member<'a> {
    value: &'a Value,
    steps: Vec<PathStep>,
    notes: &'a Notes<'a>,
}

impl<'a> Member<'a> {
    pub(super) fn root(value: &'a Value, notes: &'a Notes<'a>) -> Self {
        Self { value, steps: Vec::new(), notes }
    }

    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    fn child(&self, step: PathStep, value: &'a Value) -> Self {
        let steps = self.steps.iter().cloned().chain([step]).collect();
        Self { value, steps, notes: self.notes }
    }

    /// Notes a mistake of this member.
    pub(super) fn complain(&self, message: impl Into<String>) {
        let mut problems = self.notes.problems.borrow_mut();
        if problems.len() < TOLD {
            problems.push((self.steps.clone(), message.into()));
        }
    }

    /// Complains that something else stands here.
    pub(super) fn expected(&self, what: &str) {
        let found = match self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => format!("the text \"{}\"", clean(text)),
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
        };
        self.complain(format!("expected {what}, found {found}"));
    }

    /// The first of these keys that the object has: one of the RFC, and those of its drafts.
    pub(super) fn get(&self, keys: &[&str]) -> Option<Self> {
        let object = self.value.as_object()?;
        keys.iter().find_map(|key| Some(self.child(PathStep::Key((*key).to_owned()), object.get(*key)?)))
    }

    /// The same, where it must be there.
    pub(super) fn required(&self, keys: &[&str], what: &str) -> Option<Self> {
        if !self.value.is_object() {
            self.expected(&format!("{what} as an object"));
            return None;
        }
        let found = self.get(keys);
        if found.is_none() {
            self.complain(format!("{what} needs \"{}\", which is missing", keys.first().unwrap_or(&"")));
        }
        found
    }

    pub(super) fn list(&self) -> Vec<Self> {
        match self.value.as_array() {
            Some(items) => items.iter().enumerate().map(|(at, item)| self.child(PathStep::Item(at), item)).collect(),
            None => {
                self.expected("a list");
                Vec::new()
            }
        }
    }

    /// The members of an object, with their keys.
    pub(super) fn members(&self) -> Vec<(&'a str, Self)> {
        match self.value.as_object() {
            Some(object) => object
                .iter()
                .map(|(key, value)| (key.as_str(), self.child(PathStep::Key(key.clone()), value)))
                .collect(),
            None => {
                self.expected("an object");
                Vec::new()
            }
        }
    }

    /// Text that is not empty.
    pub(super) fn text(&self) -> Option<&'a str> {
        match self.value.as_str() {
            Some(text) if !text.trim().is_empty() => Some(text.trim()),
            _ => {
                self.expected("text");
                None
            }
        }
    }

    /// A whole number up to `last`.
    pub(super) fn number(&self, what: &str, last: u16) -> Option<u16> {
        let number = self.value.as_u64().and_then(|number| u16::try_from(number).ok());
        let number = number.filter(|number| *number <= last);
        if number.is_none() {
            self.expected(&format!("{what} as a number from 0 to {last}"));
        }
        number
    }

    /// Complains of keys that look like one of these, mistyped; others are somebody's extension.
    pub(super) fn check_keys(&self, known: &[&str]) {
        for (key, member) in self.members() {
            if !known.contains(&key) {
                member.unknown(key, known);
            }
        }
    }

    /// A member of an unknown name: a mistake if it is nearly a known one, else a loss.
    pub(super) fn unknown(&self, key: &str, known: &[&str]) {
        match nearest(key, known) {
            Some(near) => self.complain(format!("unknown member; did you mean \"{near}\"?")),
            None => self.notes.lose(format!("the member \"{}\" is not understood and counts for nothing", clean(key))),
        }
    }

    /// Lines in the file, from 1, of the items of a list.
    pub(super) fn item_lines(&self) -> Vec<usize> {
        item_lines(self.notes.text, &self.steps)
    }
}
