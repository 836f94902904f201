//! docs/proofs.md names tests and samples that exist, and each quirk of a capture is told.

use std::fs;
use std::path::PathBuf;

use crate::command::{below, entries};
use crate::reading;

fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust text of the program and its tests.
fn sources() -> String {
    let files = ["src", "tests"].iter().flat_map(|folder| below(&package().join(folder), ".rs"));
    files.map(|path| fs::read_to_string(path).expect("text")).collect()
}

#[test]
fn what_the_proofs_name_exists() {
    let page = fs::read_to_string(package().join("docs/proofs.md")).expect("docs/proofs.md");
    let text = sources();
    let names = page.lines().filter(|line| line.starts_with('|')).flat_map(|line| line.split('`').skip(1).step_by(2));
    let mut checked = 0;
    for name in names {
        if name.contains(".pcap") {
            assert!(package().join("captures").join(name).is_file(), "captures/{name} is not there");
        } else if name.matches('_').count() >= 3
            && !page.contains(&format!("corpus `{name}`"))
            && !is_corpus(&page, name)
        {
            assert!(text.contains(&format!("fn {name}(")), "no test is called {name}");
        } else {
            continue;
        }
        checked += 1;
    }
    assert!(checked > 40, "{checked} names");
}

/// Who reads how to use the program is not to read how it is tested: that has a page of its own.
#[test]
fn pages_for_users_name_no_tests() {
    let text = sources();
    let pages = entries(&package().join("docs"), ".md").into_iter();
    for page in pages.filter(|path| !path.ends_with("proofs.md")).chain([package().join("README.md")]) {
        let words = fs::read_to_string(&page).expect("a page");
        for name in words.split('`').skip(1).step_by(2) {
            assert!(!name.contains("tests/"), "{}: {name}", page.display());
            let is_test = name.matches('_').count() >= 2 && text.contains(&format!("fn {name}() {{"));
            assert!(!is_test, "{} names the test {name}", page.display());
        }
    }
}

/// Whether a name stands in a list of the corpus's captures.
fn is_corpus(page: &str, name: &str) -> bool {
    page.lines().any(|line| {
        let Some((_, list)) = line.split_once("corpus ") else { return false };
        list.split(';').next().is_some_and(|list| list.contains(&format!("`{name}`")))
    })
}

#[test]
fn each_quirk_is_a_caveat() {
    for (name, caveats) in [
        ("visit.pcap", &[][..]),
        ("one-way-mirror.pcap", &["not-judged", "one-way-mirror"]),
        ("duplicate-frames.pcap", &["duplicate-frames"]),
        ("kernel-drops.pcapng", &["kernel-drops"]),
        ("snapped.pcap", &["cut-by-snap-length"]),
        ("clock-jump.pcap", &["clock-jump", "gap"]),
        ("cut-file.pcapng", &["damaged-input"]),
    ] {
        let survey = reading::of_sample(name);
        // The inventory is that of the whole site, most of which a visit does not see.
        let others = |kind: &&str| !["roles-inferred", "inventory-unmatched"].contains(kind);
        let found: Vec<&str> = survey.caveats.iter().map(|caveat| caveat.kind).filter(others).collect();
        assert_eq!(found, caveats, "{name}");
    }
    // Each packet of the visit is there twice: of IPv4's, each second one is a copy.
    let duplicates = |name| -> (u64, u64) {
        let survey = reading::of_sample(name);
        let ends = survey.flows.iter().flat_map(|(flow, _)| flow.ends).collect::<Vec<_>>();
        (ends.iter().map(|end| end.packets()).sum(), ends.iter().map(|end| end.duplicates()).sum())
    };
    let (packets, copies) = duplicates("duplicate-frames.pcap");
    assert_eq!((packets / 2, duplicates("visit.pcap")), (copies, (copies, 0)));
}
