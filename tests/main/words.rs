//! The words of every finding of the samples: whoever changes them sees what people will read.

use std::fmt::Write as _;
use std::path::Path;

use igorscope::policy::{FindingKind, Reason};

use crate::command::{captures, sample};
use crate::reading;

#[test]
fn the_words_of_every_finding_of_the_samples() {
    let mut text = String::new();
    for path in captures(&sample("")) {
        let survey = reading::survey(std::slice::from_ref(&path), reading::site(), false);
        for finding in reading::all(&survey) {
            let words = &finding.words;
            let file = path.file_name().expect("a name").to_string_lossy();
            let _ = writeln!(text, "{file}: {} {}\n  {}", finding.severity.name(), finding.kind.name(), words.detail);
            let _ =
                writeln!(text, "  Do: {}\n  Rule: {}\n  Filter: {}", words.advice, words.rule, words.display_filter);
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn every_kind_of_finding_is_explained_under_its_name() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/findings.md");
    let page = std::fs::read_to_string(page).expect("docs/findings.md");
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/policy.md");
    let policies = std::fs::read_to_string(policies).expect("docs/policy.md");
    for kind in FindingKind::ALL {
        assert!(
            policies.contains(&format!("`{kind}`")),
            "docs/policy.md does not say that a severity row can name {kind}"
        );
    }
    let reasons = Reason::ALL.iter().map(|reason| reason.name());
    for name in FindingKind::ALL.iter().map(|kind| kind.name()).chain(reasons) {
        assert!(page.lines().any(|line| line == format!("## {name}")), "docs/findings.md has no heading {name}");
    }
}
