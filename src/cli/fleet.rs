//! `fleet`: the questions of fleet/ asked of many surveys' Parquet files by DuckDB, as one page.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use super::apart;
use super::args::{Fleet, Verbosity};
use super::exit::{Failure, Outcome, Status};
use super::terminal::{print, zone};
use crate::report::{Answer, HtmlOptions, write_file, write_fleet_html};
use crate::text::visible;

/// Each question and its SQL.
const QUESTIONS: [(&str, &str); 12] = [
    ("blocked_now", include_str!("../../fleet/blocked_now.sql")),
    ("blocked_ports", include_str!("../../fleet/blocked_ports.sql")),
    ("comparable", include_str!("../../fleet/comparable.sql")),
    ("heat_map", include_str!("../../fleet/heat_map.sql")),
    ("internet", include_str!("../../fleet/internet.sql")),
    ("new_talkers", include_str!("../../fleet/new_talkers.sql")),
    ("proves_nothing", include_str!("../../fleet/proves_nothing.sql")),
    ("silent_nodes", include_str!("../../fleet/silent_nodes.sql")),
    ("tftp", include_str!("../../fleet/tftp.sql")),
    ("undocumented_ports", include_str!("../../fleet/undocumented_ports.sql")),
    ("versions_by_role", include_str!("../../fleet/versions_by_role.sql")),
    ("worst_sites", include_str!("../../fleet/worst_sites.sql")),
];

/// The tables that the questions ask.
const TABLES: [&str; 5] = ["surveys", "flows", "conversations", "coverage", "hosts"];
/// Bytes of an answer that are read.
const LARGEST: u64 = 256 * 1024 * 1024;
/// Python's program. It runs in a folder that may be somebody else's, and must take no module from there.
const MODULE: &str =
    "import sys; sys.path = [p for p in sys.path if p]; import duckdb; duckdb.connect().execute(sys.stdin.read())";
/// DuckDB as a program, and as a module of Python: each takes SQL on standard input.
const ENGINES: [(&str, &[&str]); 3] = [
    ("duckdb", &["-bail", "-init", if cfg!(windows) { "NUL" } else { "/dev/null" }]),
    ("python3", &["-c", MODULE]),
    ("python", &["-c", MODULE]),
];

pub(super) fn run(args: &Fleet, verbosity: &Verbosity) -> Outcome {
    if let Some(table) = TABLES.iter().find(|table| !args.folder.join(table).is_dir()) {
        let folder = args.folder.display();
        return Err(Failure::usage(format!(
            "{folder} has no table {table}: igorscope analyze --format parquet -o {folder} CAPTURE... writes them"
        )));
    }
    let tables = TABLES.map(|table| args.folder.join(table));
    apart::check(tables.iter().map(|table| &**table), [args.output.clone()])?;
    let answers = ask(&args.folder)?;
    let html = HtmlOptions { zone: zone(), command: Vec::new(), rendered: String::new() };
    write_file(&args.output, |out| write_fleet_html(out, &answers, &html))?;
    if !verbosity.quiet {
        let sites = answers.get("worst_sites").map_or(0, Vec::len);
        let text = format!("{sites} sites, see {}\n", visible(&args.output.display().to_string()));
        print(|out| out.write_all(text.as_bytes()))?;
    }
    Ok(Status::Good)
}

/// The answers to all questions.
fn ask(folder: &Path) -> Result<BTreeMap<&'static str, Answer>, Failure> {
    let failed = |error: io::Error| Failure::usage(format!("cannot ask DuckDB: {error}"));
    let to = tempfile::tempdir().map_err(failed)?;
    let script = script(to.path());
    let mut refused = String::new();
    for (program, arguments) in ENGINES {
        // The folder's own name stands in no SQL.
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder);
        match execute(command, &script) {
            Ok(()) => return read(to.path()).map_err(failed),
            Err(said) => {
                // Of several, the first that is there at all has the word.
                if refused.is_empty() {
                    refused = said.unwrap_or_default();
                }
            }
        }
    }
    let reason = if refused.is_empty() { String::new() } else { format!(" It said: {}", visible(&refused)) };
    Err(Failure::usage(format!(
        "the fleet's page needs DuckDB: put its program `duckdb` on the path, or install its module for Python \
         (python3 -m pip install duckdb).{reason}"
    )))
}

/// Views of the tables, and each answer into a file. Nothing is fetched from anywhere.
fn script(to: &Path) -> String {
    let mut script = String::from(
        "SET autoinstall_known_extensions = false;\nSET TimeZone = 'UTC';\nSET enable_progress_bar = false;\n",
    );
    for table in TABLES {
        // Writing to a String cannot fail.
        let _ = writeln!(
            script,
            "CREATE VIEW {table} AS SELECT * FROM read_parquet('{table}/**/*.parquet', union_by_name = true);"
        );
    }
    for (name, question) in QUESTIONS {
        let path = to.join(name).display().to_string().replace('\'', "''");
        let question = question.trim_end().trim_end_matches(';');
        let _ = writeln!(script, "COPY (\n{question}\n) TO '{path}' (FORMAT json, ARRAY true);");
    }
    script
}

/// Runs DuckDB; `Err` holds its message, `None` if the program is not installed.
fn execute(mut command: Command, script: &str) -> Result<(), Option<String>> {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|_| None)?;
    let mut input = child.stdin.take();
    // What ends early does not read all of it, and says why.
    let _ = input.as_mut().map(|input| input.write_all(script.as_bytes()));
    drop(input);
    let output = child.wait_with_output().map_err(|error| Some(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Some(said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()))
}

fn read(from: &Path) -> io::Result<BTreeMap<&'static str, Answer>> {
    let mut answers = BTreeMap::new();
    for (name, _) in QUESTIONS {
        let path = from.join(name);
        if fs::metadata(&path)?.len() > LARGEST {
            return Err(io::Error::other(format!("the answer to {name} is larger than {LARGEST} bytes")));
        }
        answers.insert(name, serde_json::from_slice(&fs::read(&path)?)?);
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each question stands alone, to be pasted into any engine; what they have in common is the same in all.
    #[test]
    fn every_question_counts_a_survey_that_was_judged_again_once() {
        for begin in ["WITH judged AS (", "visits AS (", "latest AS (", "earlier AS ("] {
            let part = |(name, sql): &(&'static str, &'static str)| {
                let from = sql.find(begin)?;
                Some((*name, sql[from..].split_once("\n)").unwrap_or_default().0))
            };
            let parts: Vec<_> = QUESTIONS.iter().filter_map(part).collect();
            assert!(parts.iter().all(|(_, text)| *text == parts[0].1), "{begin}: {parts:#?}");
            assert!(begin != "WITH judged AS (" || parts.len() == QUESTIONS.len(), "{parts:#?}");
        }
    }
}
