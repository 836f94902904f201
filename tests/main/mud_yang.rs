//! The MUD files that are exported, held against the RFCs' own YANG modules by yanglint.
//!
//! Needs yanglint (libyang) and the modules, which the Python package pyang brings along; says so
//! and passes where one of them is missing.

use std::path::PathBuf;
use std::process::Command;

use igorscope::export::Side;

use crate::mud_import::exported;
use crate::skips::skipped;

/// The folder with the IETF's modules: `IGORSCOPE_YANG`, or where scripts/test-hosts.sh or pip puts pyang's.
fn modules() -> Option<PathBuf> {
    let asked = Command::new("python3").args(["-c", "import sysconfig; print(sysconfig.get_path('data'))"]).output();
    let python = asked.ok().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let named = std::env::var_os("IGORSCOPE_YANG").map(PathBuf::from);
    let installed = concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-tools/python").to_owned();
    let usual = [installed].into_iter().chain(python).chain(["/usr/local".to_owned(), "/usr".to_owned()]);
    let folders = usual.map(|prefix| PathBuf::from(prefix).join("share/yang/modules/ietf"));
    named.into_iter().chain(folders).find(|folder| folder.join("ietf-mud.yang").is_file())
}

fn validate(modules: &PathBuf, text: &str) -> Result<(), String> {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let output = Command::new("yanglint")
        .arg("-p")
        .arg(modules)
        .args(["-f", "json", "-t", "config"])
        .args(["ietf-mud.yang", "ietf-access-control-list.yang", "ietf-acldns.yang"].map(|name| modules.join(name)))
        .arg(file.path())
        .output()
        .map_err(|error| error.to_string())?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    // What was read comes out again: without it, nothing was checked.
    let read = String::from_utf8_lossy(&output.stdout).contains("\"ace\"");
    if output.status.success() && read { Ok(()) } else { Err(errors) }
}

#[test]
fn mud_files_are_valid_by_the_rfcs_modules() {
    if Command::new("yanglint").arg("--version").output().is_err() {
        skipped("yanglint is not installed (package libyang-tools)");
        return;
    }
    let Some(modules) = modules() else {
        skipped("no ietf-mud.yang found; run scripts/test-hosts.sh, or name the folder in IGORSCOPE_YANG");
        return;
    };
    for side in [Side::Gateway, Side::Nodes] {
        for with_supporting in [false, true] {
            let text = exported(side, with_supporting);
            assert_eq!(validate(&modules, &text), Ok(()), "{side}");
            let wrong = text.replacen("\"port\":1050", "\"port\":99999", 1);
            assert!(validate(&modules, &wrong).unwrap_err().contains("99999"), "the modules are really applied");
        }
    }
}
