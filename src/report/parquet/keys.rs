//! What tells one survey from others: each row of each table carries it.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::capture::Timestamp;
use crate::policy::Policy;
use crate::report::column::{Day, columns};
use crate::report::json::v1::Text;
use crate::report::names::role_basis;
use crate::report::value::Value;
use crate::survey::Survey;

/// Of one survey.
pub(in crate::report) struct Keys {
    pub site: String,
    /// Time of the first frame.
    pub first: Timestamp,
    pub inputs: String,
    pub survey: String,
    pub policy: String,
    pub inventory: String,
    pub judged_at: Timestamp,
}

impl Keys {
    pub(super) fn of(survey: &Survey, judged_at: Timestamp) -> Self {
        let known = survey.inputs.iter().map(|input| input.first).filter(|time| time.nanos().is_some());
        let mut inputs: Vec<String> = survey
            .inputs
            .iter()
            .map(|input| {
                let unhashed = || format!("{} {} {} {}", input.path, input.size, input.first, input.last);
                format!("{} {}", input.sha256().map_or_else(unhashed, str::to_owned), input.frames)
            })
            .collect();
        inputs.sort();
        let hosts = survey.hosts.iter().map(|host| {
            format!(
                "{} {:?} {} {} {:?} {:?}",
                host.address,
                host.mac,
                host.role.name(),
                role_basis(host),
                host.name,
                host.version
            )
        });
        let (inputs, policy, inventory) = (digest(inputs), digest(said(&survey.policy)), digest(hosts));
        Self {
            survey: digest([&inputs, &policy, &inventory, &survey.site, env!("CARGO_PKG_VERSION")]),
            site: survey.site.clone(),
            first: known.min().unwrap_or(Timestamp::UNKNOWN),
            inputs,
            policy,
            inventory,
            judged_at,
        }
    }

    /// The survey's folder below that of a table.
    pub(super) fn folder(&self, table: &Path) -> PathBuf {
        let day = match self.first.nanos() {
            Some(_) => self.first.to_string().chars().take_while(|c| *c != 'T').collect(),
            // What engines take for an unknown value.
            None => "__HIVE_DEFAULT_PARTITION__".to_owned(),
        };
        table.join(format!("day={day}")).join(format!("site={}", slug(&self.site)))
    }
}

/// All that a policy says.
fn said(policy: &Policy) -> [String; 5] {
    [
        format!("{:?}", policy.documents()),
        format!("{:?}", policy.cells()),
        format!("{:?}", policy.allowances()),
        format!("{:?}", policy.supporting()),
        format!("{:?}", policy.severities()),
    ]
}

/// Letters of a label that the name of its folder keeps.
const LONGEST: usize = 60;

/// A label as the name of a folder: it is untrusted text.
fn slug(label: &str) -> String {
    let letters = label.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' });
    let words = letters.take(LONGEST).collect::<String>();
    let slug = words.split_whitespace().collect::<Vec<_>>().join("-");
    if slug.is_empty() { "unnamed".to_owned() } else { slug }
}

/// The first half of the SHA-256 of several texts.
fn digest<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.as_ref().len() as u64).to_be_bytes());
        hash.update(text.as_ref());
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// A reference to the keys of a survey.
pub(in crate::report) type KeysRow<'a> = &'a Keys;

columns! {
    KeyColumns of KeysRow, in "":
    "The first columns of every table.";

    site_name: Text<'static> = |r| r.site.as_str();
    "text", "Harbour Street 4", "Label of the site (`--site-name`, or the inventory's).";
    survey_day: Day = |r| Value::from(r.first);
    "date", "2025-03-04", "Day of the survey's first frame, in UTC; all rows of a survey have the same.";
    inputs_digest: Text<'static> = |r| r.inputs.as_str();
    "SHA-256, first 16 bytes", "b1946ac9...", "The same for surveys of the same captures: of these the newest counts (`judged_at` of `surveys`).";
    survey_id: Text<'static> = |r| r.survey.as_str();
    "SHA-256, first 16 bytes", "2c26b46b...", "Of captures, policy, inventory, site and version: names the survey, and its files.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_makes_a_harmless_folder() {
        for (label, name) in
            [("Harbour Street 4", "harbour-street-4"), ("", "unnamed"), ("../../etc", "etc"), ("a=b/c%", "a-b-c")]
        {
            assert_eq!(slug(label), name);
        }
    }

    #[test]
    fn texts_are_told_apart_where_they_end() {
        assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
    }
}
