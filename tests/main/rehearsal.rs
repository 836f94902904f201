//! `policy export --against`: what the rules would have dropped of a survey that was made before.

use crate::command::{igorscope, run_with, sample};
use crate::tools::printed;

#[test]
fn a_survey_tells_what_the_rules_would_have_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    let inventory = std::fs::read_to_string(sample("site-survey.toml")).unwrap();
    // One node that nobody entered.
    let forgotten =
        inventory.split("\n\n").filter(|part| !part.contains("10.20.0.103\"")).collect::<Vec<_>>().join("\n\n");
    let site = folder.path().join("site.toml");
    std::fs::write(&site, forgotten).unwrap();
    run_with(&[&"analyze", &sample("site-survey.pcapng"), &"-q", &"-o", &results]).expect(0, &[]);
    let list = |site: &std::path::Path, more: &[&str]| {
        let mut command = igorscope();
        command.args(["policy", "export", "--side", "firewall", "--against"]).arg(&results);
        command.arg("--inventory").arg(site).args(more);
        printed(&mut command)
    };

    let page = list(&site, &[]);
    let rows: Vec<&str> = page.lines().skip_while(|line| !line.starts_with("VERDICT")).skip(1).collect();
    let first = rows[0];
    assert!(first.starts_with("documented"), "the vendor's own ports come first: {first}");
    assert!(first.ends_with("10.20.0.103 is a node here, by no address of the rules"), "{first}");
    assert!(
        rows.iter().any(|row| row.contains("udp 123") && row.ends_with("supporting; see --with-supporting")),
        "{page}"
    );
    assert!(rows.iter().all(|row| !row.starts_with("documented") || row.contains("10.20.0.103")), "{page}");
    let transfers = |row: &&&str| row.starts_with("related") && !row.contains("10.20.0.103");
    assert_eq!(rows.iter().find(transfers), None, "what TFTP's helper lets through is not dropped");
    assert!(page.starts_with(&format!("{} of ", rows.len())), "{page}");

    let page = list(&sample("site-survey.toml"), &["--with-supporting"]);
    assert!(!page.contains("\ndocumented") && !page.contains(" NTP "), "{page}");

    let rules = folder.path().join("igor.nft");
    let page = list(&sample("site-survey.toml"), &["--format", "nftables", "-o", rules.to_str().unwrap()]);
    assert!(page.contains("would have been dropped"), "{page}");
    assert!(std::fs::read_to_string(&rules).unwrap().contains("table inet igor_firewall"));
}
