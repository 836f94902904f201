//! What somebody meets who uses the program for the first time: help, the guide and its words.

use std::path::Path;

use igorscope::policy::{Reason, Role};
use igorscope::verdict::{CellState, Outcome, Verdict};

#[cfg(unix)]
use crate::command::igorscope;
use crate::command::{below, folder, run, run_with, sample};

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
        let told = run_with(&[&"inventory", &"check", &path]);
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
    let bad = run_with(&[&"analyze", &survey, &"--inventory", &inventory]);
    let good = run_with(&[&"analyze", &sample("visit.pcap")]);
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

/// The last lines of what was printed, from that with the files on.
fn files(out: &str) -> String {
    out.split("\nFiles     ").nth(1).unwrap_or_else(|| panic!("no files in: {out}")).to_owned()
}

#[test]
fn every_file_that_was_written_is_named_and_none_else() {
    let folder = folder(&[]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (visit, evidence, sheet, results) = (sample("visit.pcap"), path("e.pcapng"), path("s.xlsx"), path("out"));
    let visit = visit.to_str().unwrap();
    let analyze = |more: &[&str]| run([&["analyze", visit], more].concat());
    assert!(files(&analyze(&[]).expect(0, &[]).out).starts_with("none: -o FOLDER "));
    assert_eq!(files(&analyze(&["--evidence", &evidence]).expect(0, &[]).out), format!("{evidence}\n"));
    let both = analyze(&["--evidence", &evidence, "--xlsx", &sheet]).expect(0, &[]).out;
    assert_eq!(files(&both), format!("{sheet}, {evidence}\n"));
    let all = analyze(&["-o", &results, "--evidence", &evidence]).expect(0, &[]).out;
    let beside = "          survey.json for compare, explain and report; CSV tables\n";
    let report = Path::new(&results).join("report.html").display().to_string();
    assert_eq!(files(&all), format!("{report}, {evidence}\n{beside}"));
    let tables = analyze(&["-o", &results, "--format", "csv,text"]).expect(0, &[]).out;
    assert_eq!(files(&tables), format!("{results}\n          CSV tables\n"));
    // What could not be written is not there.
    let failed = analyze(&["--evidence", &path("no/such/e.pcapng")]).expect(4, &["e.pcapng"]).out;
    assert!(failed.contains("\nVendor's ports ") && !failed.contains("\nFiles "), "{failed}");
}

#[cfg(unix)]
#[test]
fn the_evidence_is_written_though_nobody_reads_the_summary() {
    let folder = folder(&[]);
    let evidence = folder.path().join("e.pcapng");
    let mut command = igorscope();
    command.arg("analyze").arg(sample("site-survey.pcapng")).arg("--evidence").arg(&evidence);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(std::fs::metadata(evidence).unwrap().len() > 0);
}

#[test]
fn who_replaces_the_results_of_another_visit_is_told() {
    let folder = folder(&[]);
    let results = folder.path().join("out");
    let analyze = |name: &str, more: &[&str]| {
        let capture = sample(name);
        let arguments = ["analyze", "-o", results.to_str().unwrap(), capture.to_str().unwrap()];
        run([&arguments[..], more].concat()).expect(0, &[]).err
    };
    let told = |text: &str| text.contains("earlier run over other captures") && text.contains("name another folder");
    assert_eq!(analyze("visit.pcap", &[]), "", "nothing was there");
    assert_eq!(analyze("visit.pcap", &["--site-name", "Pier"]), "", "the same capture, judged again");
    let visit = sample("visit.pcap");
    assert_eq!(analyze("snapped.pcap", &[visit.to_str().unwrap()]), "", "a capture more");
    assert!(told(&analyze("qinq.pcap", &[])));
    assert_eq!(analyze("visit.pcap", &["-q"]), "");
    assert!(told(&analyze("qinq.pcap", &["--anonymize"])));
    let there = std::fs::read(results.join("survey.json")).unwrap();
    std::fs::write(results.join("survey.json"), "{\"inputs\":[\n{\"path\": 7}]").unwrap();
    assert_eq!(analyze("visit.pcap", &[]), "", "of what is no survey nothing is said");
    // As `report` does.
    let other = sample("qinq.pcap");
    let report = run(["report", "-o", results.to_str().unwrap(), other.to_str().unwrap()]).expect(0, &[]);
    assert!(told(&report.err), "{}", report.err);
    // Tables alone do not replace what else is there.
    std::fs::write(results.join("survey.json"), &there).unwrap();
    let beside = analyze("visit.pcap", &["--format", "csv"]);
    assert!(told(&beside) && beside.contains("stand beside what was written now"), "{beside}");
}

#[test]
fn a_capture_in_the_place_of_a_survey_is_told_how_it_becomes_one() {
    let capture = std::fs::read(sample("visit.pcap")).unwrap();
    let packed = zstd::encode_all(&capture[..], 1).unwrap();
    let folder =
        folder(&[("a.pcap", &capture), ("b.pcap.zst", &packed), ("c.json", &capture), ("day/a.pcap", &capture)]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (a, b, c, day, state) = (path("a.pcap"), path("b.pcap.zst"), path("c.json"), path("day"), path("d.igstate"));
    run(["observe", &a, "-o", &state]).expect(0, &[]);
    for arguments in [
        vec!["compare", &a, &b],
        vec!["compare", &b, &a],
        vec!["compare", &state, &a],
        vec!["merge", &b, &a],
        vec!["report", &c],
        vec!["explain", "1", &c],
        vec!["policy", "export", "--against", &a],
    ] {
        let told = run(&arguments).expect(2, &["and a survey.json is wanted", "igorscope analyze -o FOLDER "]).err;
        assert!(!told.contains("column") && told.lines().count() == 1, "{arguments:?}: {told}");
    }
    run(["compare", &day, &day]).expect(2, &["holds no survey.json", "igorscope analyze -o"]);
    // What is a survey is no capture.
    let results = path("results");
    run(["analyze", "-q", "-o", &results, &a]).expect(0, &[]);
    let survey = Path::new(&results).join("survey.json").to_str().unwrap().to_owned();
    run(["analyze", &survey]).expect(2, &["igorscope report shows its results"]);
    run(["compare", &survey, &results]).expect(0, &[]);
}

#[test]
fn of_a_file_that_is_not_there_the_nearest_name_is_offered() {
    let missing = |arguments: &[&str], status: i32, near: &str| {
        let near = sample(near);
        run(arguments).expect(status, &[&format!("; did you mean {}?", near.display())]);
    };
    let [survey, visit, inventory] =
        ["site-survey.pcap", "visit.pcap", "site-survey.tom"].map(|name| sample(name).to_str().unwrap().to_owned());
    missing(&["analyze", &survey], 2, "site-survey.pcapng");
    missing(&["analyze", &visit, &survey], 3, "site-survey.pcapng");
    missing(&["analyze", &visit, "--inventory", &inventory], 2, "site-survey.toml");
    let far = sample("nothing-like-it.pcap");
    assert!(!run(["analyze", far.to_str().unwrap()]).expect(2, &["cannot open"]).err.contains("did you mean"));
    run(["analyze", "--format", "cvs", &visit]).expect(2, &["a similar value exists: 'csv'"]);
}

#[test]
fn the_first_line_names_the_site_or_else_what_was_read() {
    let (visit, cut) = (sample("visit.pcap"), sample("qinq.pcap"));
    let (visit, cut) = (visit.to_str().unwrap(), cut.to_str().unwrap());
    for (arguments, line) in [
        (&["analyze", visit][..], "igorscope  visit.pcap"),
        (&["analyze", visit, cut], "igorscope  visit.pcap and 1 more"),
        (&["analyze", visit, "--site-name", "Pier 7"], "igorscope  Pier 7"),
    ] {
        assert_eq!(run(arguments).expect(0, &[]).out.lines().next(), Some(line));
    }
}

#[test]
fn one_of_a_thing_is_told_in_the_singular() {
    let told = |name: &str| {
        let out = run(["analyze", sample(name).to_str().unwrap()]).expect(0, &[]).out;
        out.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(told("clock-jump.pcap").contains("steps backward 1 time, at most by"), "{}", told("clock-jump.pcap"));
    // As captures/README.md says.
    assert!(told("kernel-drops.pcapng").contains("9 packets were dropped"));
    assert!(told("kernel-drops.pcapng").contains("(9 by the interface or the kernel)"));
}

/// As the command is called.
#[test]
fn to_analyze_has_one_spelling() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![package.join("README.md"), package.join("Makefile")];
    for ending in [".rs", ".md", ".json"] {
        pages.extend(["docs", "src"].iter().flat_map(|folder| below(&package.join(folder), ending)));
    }
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap().to_lowercase();
        let british = ["e ", "e:", "e.", "ed", "ing"].map(|ending| format!("analys{ending}"));
        let found = british.iter().find(|word| text.contains(*word));
        assert!(found.is_none(), "{found:?} in {}", page.display());
    }
    assert!(run(["--help"]).expect(0, &[]).out.contains("report.html"), "the main result is named");
}
