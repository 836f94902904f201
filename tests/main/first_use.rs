//! What somebody meets who uses the program for the first time: help, the guide and its words.

use std::path::Path;

use igorscope::policy::{Reason, Role};
use igorscope::verdict::{CellState, Outcome, Verdict};

use crate::command::{folder, run, sample};

fn page(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).unwrap()
}

#[test]
fn a_commands_own_options_come_first_in_its_help() {
    for command in [&["analyze"][..], &["live"], &["policy", "export"], &["path"], &["explain"]] {
        if command == ["live"] && cfg!(not(feature = "live")) {
            continue;
        }
        let long = run([&["help"], command].concat());
        let short = run([command, &["--help"]].concat());
        assert_eq!(long.out, short.out, "help {command:?}");
        let place = |word: &str| short.out.find(word).unwrap_or_else(|| panic!("{word} in {}", short.out));
        let general = place("\nGeneral:");
        assert!(place("--quiet") > general && place("--color") > general, "{}", short.out);
        let headings = short.out.lines().filter(|line| line.ends_with(':') && !line.starts_with(' '));
        let after: Vec<&str> = headings.skip_while(|line| *line != "General:").skip(1).collect();
        assert!(after.iter().all(|heading| heading.starts_with("Example")), "{command:?}: {after:?}");
    }
}

#[test]
fn a_version_that_is_none_is_a_mistake_of_the_inventory() {
    let device =
        |version: &str| format!("[[device]]\naddress = \"10.0.0.2\"\nrole = \"node\"\nversion = \"{version}\"\n");
    for (version, status) in [("latest", 1), ("n/a", 1), ("3.1.0", 0), ("v2.9-rc1", 0)] {
        let folder = folder(&[("site.toml", device(version).as_bytes())]);
        let path = folder.path().join("site.toml");
        let told = run(["inventory".as_ref(), "check".as_ref(), path.as_os_str()]);
        assert_eq!(told.status, status, "{version}: {}", told.err);
        assert_eq!(told.err.contains(&format!("version \"{version}\" is no version")), status == 1, "{}", told.err);
    }
}

#[test]
fn the_glossary_explains_every_word_of_the_tables() {
    let glossary = page("glossary.md").to_lowercase();
    let states = [CellState::NotSeen, CellState::OneWay, CellState::Blocked, CellState::Carried];
    let words = Verdict::ALL
        .iter()
        .map(|word| word.name())
        .chain(Outcome::ALL.iter().map(|word| word.name()))
        .chain(states.iter().map(|word| word.name()))
        .chain(Reason::ALL.iter().map(|word| word.name()))
        .chain(Role::ALL.iter().map(|word| word.name()));
    for word in words {
        let spoken = word.replace('-', " ");
        assert!(glossary.contains(word) || glossary.contains(&spoken), "the glossary says nothing of {word}");
    }
}

#[test]
fn the_guide_names_commands_that_there_are() {
    let guide = page("first-survey.md");
    let mut commands = 0;
    for part in guide.split("igorscope ").skip(1) {
        let command: String = part.chars().take_while(char::is_ascii_lowercase).collect();
        if ["analyze", "live", "interfaces", "inventory", "policy", "compare", "explain"].contains(&command.as_str()) {
            let is_live = ["live", "interfaces"].contains(&command.as_str());
            if !is_live || cfg!(feature = "live") {
                assert_eq!(run([command.as_str(), "--help"]).status, 0, "{command}");
            }
            commands += 1;
        }
    }
    assert!(commands > 8, "{commands}");
}

/// What the guide quotes is what is printed.
#[test]
fn the_guide_quotes_what_its_commands_print() {
    let guide = page("first-survey.md");
    let (survey, inventory) = (sample("site-survey.pcapng"), sample("site-survey.toml"));
    let bad = run(["analyze".as_ref(), survey.as_os_str(), "--inventory".as_ref(), inventory.as_os_str()]);
    let good = run(["analyze".as_ref(), sample("visit.pcap").as_os_str()]);
    for (heading, next, printed) in
        [("## A good result", "## A bad result", good.out), ("## A bad result", "## Afterwards", bad.out)]
    {
        let section = &guide[guide.find(heading).unwrap()..guide.find(next).unwrap()];
        let quoted: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix("    ")).collect();
        assert!(quoted.len() > 4, "{heading}");
        for line in quoted {
            assert!(printed.lines().any(|found| found == line), "{line:?} is not in:\n{printed}");
        }
    }
}
