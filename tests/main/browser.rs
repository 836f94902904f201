//! report.html in headless Chromium: it renders, sorts, filters, prints, asks for nothing, and hostile names
//! stay names. Needs chromium and node; axe-core (by scripts/test-hosts.sh, or where AXE says) checks accessibility.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Names that a careless page or spreadsheet would act on. An inventory takes no control characters; terminal
/// escapes are tried in the unit tests of the page.
const HOSTILE: [&str; 4] = [
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "=cmd|'/C calc'!A0",
    "</title></style></script><svg onload=alert(4)>",
    "gpj.\\u202eexe\\\" onmouseover=\\\"alert(3)",
];

#[test]
fn the_report_works_in_a_browser() {
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
    if !is_there(&chromium) || !is_there("node") {
        println!("skipped: chromium and node are needed to open report.html");
        return;
    }
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let mut inventory = format!("site-name = \"{}\"\n", HOSTILE[0]);
    for (address, role, name) in [
        ("10.20.0.10", "gateway", HOSTILE[0]),
        ("10.20.0.40", "bacnet", HOSTILE[1]),
        ("10.20.0.101", "node", HOSTILE[2]),
        ("10.20.0.122", "node", HOSTILE[3]),
    ] {
        writeln!(inventory, "[[device]]\naddress = \"{address}\"\nrole = \"{role}\"\nname = \"{name}\"").unwrap();
    }
    let file = folder.path().join("site.toml");
    fs::write(&file, inventory).unwrap();

    let out = folder.path().join("report");
    let analyzed = Command::new(env!("CARGO_BIN_EXE_igorscope"))
        .args(["-q", "analyze", "--format", "html", "--inventory"])
        .arg(&file)
        .arg("-o")
        .arg(&out)
        .arg(package.join("captures/site-survey.pcapng"))
        .output()
        .unwrap();
    assert!(analyzed.status.success(), "{}", String::from_utf8_lossy(&analyzed.stderr));

    let report = out.join("report.html");
    assert!(fs::read_to_string(&report).unwrap().contains("&lt;script&gt;alert(1)"), "the hostile names are in it");
    let mut browser = Command::new("node");
    browser.arg(package.join("tests/browser/report.mjs")).arg(&report).env("CHROMIUM", chromium);
    let axe = std::env::var_os("AXE").map_or_else(|| package.join("target/test-tools/axe.min.js"), PathBuf::from);
    match axe.is_file() {
        true => drop(browser.arg(axe)),
        false => println!("skipped, accessibility was not checked: there is no axe-core; run scripts/test-hosts.sh"),
    }
    let browser = browser.output().unwrap();
    println!("{}", String::from_utf8_lossy(&browser.stdout));
    assert!(browser.status.success(), "{}", String::from_utf8_lossy(&browser.stderr));
}
