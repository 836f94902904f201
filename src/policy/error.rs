//! What can be wrong with a policy file.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// One mistake in a file, where it is and what was expected there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// Why a policy cannot be used.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("cannot read the policy {}: {}", .0.display(), .1)]
    Read(PathBuf, #[source] std::io::Error),
    /// The file says something that cannot be.
    #[error("{}", lines(path, problems))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Every mistake, in the order of the file.
        problems: Vec<Problem>,
    },
}

impl PolicyError {
    /// The mistakes in the file; empty if it could not be read.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Read(..) => &[],
            Self::Invalid { problems, .. } => problems,
        }
    }
}

/// Mistakes that are told one by one, as those of an inventory.
const TOLD: usize = 50;

fn lines(path: &std::path::Path, problems: &[Problem]) -> String {
    let mut lines: Vec<String> =
        problems.iter().take(TOLD).map(|problem| format!("{}:{problem}", path.display())).collect();
    if problems.len() > TOLD {
        lines.push(format!("and {} more mistakes", problems.len() - TOLD));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_mistakes_the_first_are_told() {
        let problem = Problem { line: 1, column: 1, message: "no".into() };
        let told = |count| lines(std::path::Path::new("p.toml"), &vec![problem.clone(); count]).lines().count();
        assert_eq!((told(1), told(TOLD), told(35_000)), (1, TOLD, TOLD + 1));
    }
}
