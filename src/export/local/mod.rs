//! A Windows machine's own firewall and listening ports, held against the vendor's table: what is read is what the
//! system's own tools print, here or on another machine.
//!
//! Nothing that is parsed depends on the language of the system: rules stand in the registry in a form of their own, and
//! of netstat only addresses, ports and process numbers are read.

mod check;
mod listening;
mod rules;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use check::{Listener, LocalCheck, PortCheck, PortState, WideRule};
pub use listening::Listening;
pub use rules::{FirewallRule, Profile};

use crate::text;

/// Largest text of a tool that is read, in bytes. A machine with a thousand rules prints some 500 kB.
const LARGEST: u64 = 16 << 20;

/// What is asked of the machine: the file that holds the answer where it is saved, and the command that prints it.
pub const QUESTIONS: [Question; 4] = [
    Question {
        file: "firewall.txt",
        command: &[
            "reg",
            "query",
            r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy",
            "/s",
        ],
        tells: "the firewall's rules and profiles",
    },
    Question {
        file: "firewall-policy.txt",
        command: &["reg", "query", r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall", "/s"],
        tells: "the firewall's rules by group policy",
    },
    Question { file: "netstat.txt", command: &["netstat", "-ano"], tells: "what listens" },
    Question { file: "tasklist.txt", command: &["tasklist", "/fo", "csv", "/nh"], tells: "the names of processes" },
];

/// One question to the machine.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Name of the file with the answer.
    pub file: &'static str,
    /// Program and arguments.
    pub command: &'static [&'static str],
    /// What it tells, in words.
    pub tells: &'static str,
}

/// What a machine told of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Machine {
    /// Its firewall's rules, those of group policy behind its own.
    pub rules: Vec<FirewallRule>,
    /// Its firewall's profiles.
    pub profiles: Vec<Profile>,
    /// What listens where others can reach it.
    pub listening: Vec<Listening>,
    /// What was not seen, and so not judged, in words.
    pub unseen: Vec<String>,
}

/// Why nothing can be said of a machine.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// A saved answer cannot be read.
    #[error("cannot read {}: {}", .0.display(), .1)]
    Read(PathBuf, #[source] std::io::Error),
    /// There is no firewall in what was told.
    #[error("no firewall rule in {of}; on the gateway, `{command}` prints them")]
    NoRules {
        /// Where they were looked for.
        of: String,
        /// What prints them.
        command: String,
    },
}

impl Machine {
    /// From saved answers in a folder.
    ///
    /// # Errors
    /// When the firewall's rules are not among them.
    pub fn load(folder: &Path) -> Result<Self, LocalError> {
        let mut answers = [const { None }; 4];
        for (question, answer) in QUESTIONS.iter().zip(&mut answers) {
            let path = folder.join(question.file);
            if path.exists() {
                *answer = Some(text::beginning(&path, LARGEST).map_err(|source| LocalError::Read(path, source))?);
            }
        }
        Self::of(answers, &folder.display().to_string())
    }

    /// From the answers in the order of [`QUESTIONS`]; `None` where there is none. `of` names them in messages.
    ///
    /// # Errors
    /// When there is no rule in them.
    pub fn of(answers: [Option<Vec<u8>>; 4], of: &str) -> Result<Self, LocalError> {
        let mut machine = Self::default();
        let texts = answers.map(|answer| answer.map(|bytes| words(&bytes)));
        for (question, text) in QUESTIONS.iter().zip(&texts) {
            // Most machines have no group policy of this kind: nothing is missing then.
            if text.is_none() && question.file != "firewall-policy.txt" {
                machine.unseen.push(format!("{} ({} was not to be had)", question.tells, question.command.join(" ")));
            }
        }
        let [own, policy, netstat, tasklist] = texts.map(Option::unwrap_or_default);
        for (text, is_policy) in [(&own, false), (&policy, true)] {
            let read = rules::read(text, is_policy);
            machine.rules.extend(read.rules);
            machine.profiles.extend(read.profiles);
            if read.unread > 0 {
                machine.unseen.push(format!("{} firewall rules that are written in an unknown form", read.unread));
            }
        }
        if machine.rules.is_empty() {
            return Err(LocalError::NoRules { of: of.to_owned(), command: QUESTIONS[0].command.join(" ") });
        }
        machine.listening = listening::read(&netstat, &tasklist);
        Ok(machine)
    }
}

/// Old consoles print letters in a code page of their country: what is no UTF-8 is shown as unknown.
fn words(bytes: &[u8]) -> String {
    text::decode(bytes).map_or_else(|_| String::from_utf8_lossy(bytes).into_owned(), |text| text.into_owned())
}
