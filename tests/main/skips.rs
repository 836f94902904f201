//! Checks that a run leaves out for lack of a tool: told where they are left out, and counted at the end of `make test`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// Whether a program is installed.
pub(crate) fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Says that something was not checked, and why.
pub(crate) fn skipped(what: &str) {
    println!("skipped: {what}");
    // Tests run at once: each line is one write at the end of the file.
    let list = Path::new(env!("CARGO_TARGET_TMPDIR")).join("skipped.txt");
    if let Ok(mut list) = OpenOptions::new().create(true).append(true).open(list) {
        let _ = list.write_all(format!("{what}\n").as_bytes());
    }
}
