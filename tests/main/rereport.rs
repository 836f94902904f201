//! `report` and `compare`: a survey.json rendered again says what it said the first time, of each site by itself; two of them say
//! what is fixed, new and still open.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::command::{Run, entries, folder, run, run_with, sample};

const TABLES: [&str; 6] = ["flows.csv", "findings.csv", "coverage.csv", "nodes.csv", "inventory.csv", "health.csv"];

/// Analyzes a sample into a folder, and returns what the terminal says.
fn analyze(out: &Path, capture: &str, more: &[&str]) -> String {
    let capture = sample(capture);
    let fixed = [OsStr::new("analyze"), OsStr::new("--health"), capture.as_os_str(), OsStr::new("-o"), out.as_os_str()];
    run(fixed.into_iter().chain(more.iter().map(OsStr::new))).expect(0, &[]).out
}

fn report(survey: &Path, out: &Path) -> Run {
    run_with(&[&"report", &survey, &"-o", &out])
}

fn without_files(text: &str) -> &str {
    text.split_once("\nFiles  ").unwrap().0
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{}: {error}", folder.join(name).display()))
}

/// A survey.json, changed, in a file of its own.
fn changed(from: &Path, to: &Path, change: impl FnOnce(&mut Value)) -> PathBuf {
    let mut value: Value = serde_json::from_str(&read(from, "survey.json")).unwrap();
    change(&mut value);
    fs::write(to, value.to_string()).unwrap();
    to.to_owned()
}

#[test]
fn a_survey_rendered_again_says_the_same() {
    let out = folder(&[]);
    let (first, again) = (out.path().join("first"), out.path().join("again"));
    let inventory = sample("site-survey.toml");
    let captures: [(&str, &[&str]); 5] = [
        ("site-survey.pcapng", &["--inventory", inventory.to_str().unwrap(), "--site-name", "Harbour"]),
        ("first-questions.pcapng", &[]),
        ("qinq.pcap", &[]),
        ("one-way-mirror.pcap", &[]),
        ("erspan-mirror.pcap", &[]),
    ];
    for (capture, more) in captures {
        let said = analyze(&first, capture, more);
        let told = report(&first, &again).expect(0, &[]).out;
        assert_eq!(without_files(&told), without_files(&said), "{capture}");
        for table in TABLES {
            assert_eq!(read(&again, table), read(&first, table), "{table} of {capture}");
        }
        let page = read(&again, "report.html");
        assert!(page.contains("rendered again from a survey.json, which igorscope "), "{capture}");
        assert!(page.contains("igorscope report -o report "), "{capture}");
        for part in ["id=\"ports\"", "id=\"nodes\"", "id=\"time\"", "id=\"finding-1\""] {
            assert_eq!(page.contains(part), read(&first, "report.html").contains(part), "{part} of {capture}");
        }
        assert!(!again.join("survey.json").exists());
    }
    let survey = first.join("survey.json");
    let printed = run_with(&[&"report", &survey]).expect(0, &[]).out;
    assert!(printed.contains("\nFiles     none"), "{printed}");
}

#[test]
fn each_site_of_a_merge_has_a_report_of_its_own() {
    let out = folder(&[]);
    let [harbour, station, all, sites] = ["harbour", "station", "all.json", "sites"].map(|name| out.path().join(name));
    analyze(&harbour, "site-survey.pcapng", &["--site-name", "Harbour Street 4"]);
    analyze(&station, "first-questions.pcapng", &["--site-name", "<script>alert(1)</script>"]);
    let merge = ["merge".as_ref(), harbour.as_os_str(), station.as_os_str(), "-o".as_ref(), all.as_os_str()];
    run(merge).expect(0, &[]);
    let told = report(&all, &sites).expect(0, &[]).out;
    assert!(told.contains("Harbour Street 4"), "{told}");

    let index = read(&sites, "index.html");
    assert!(index.contains("2 sites") && index.contains("Harbour Street 4"), "{index}");
    assert!(!index.contains("<script") && index.contains("&lt;script&gt;"), "a label is text");
    assert_eq!(entries(&sites, "").iter().filter(|entry| entry.is_dir()).count(), 2);
    let of = |label: &str| entries(&sites, label).remove(0);
    for (site, alone) in [(of("harbour-street-4"), &harbour), (of("script-alert-1-script"), &station)] {
        let name = site.file_name().unwrap().to_str().unwrap();
        assert!(index.contains(&format!("href=\"{name}/report.html\"")), "{index}");
        // Private addresses repeat between sites: nothing of one is in the other's tables.
        for table in ["coverage.csv", "nodes.csv", "inventory.csv", "flows.csv"] {
            assert_eq!(read(&site, table), read(alone, table), "{table} of {name}");
        }
        let page = read(&site, "report.html");
        assert!(page.contains("a merge counts those of all its surveys together"), "{name}");
        assert!(!page.contains(" 0 decoded to their end"), "{name}");
    }
}

#[test]
fn surveys_of_one_site_that_stand_side_by_side_are_told_one_by_one() {
    let out = folder(&[]);
    let [monday, tuesday, all, both] = ["monday", "tuesday", "all.json", "both"].map(|name| out.path().join(name));
    analyze(&monday, "site-survey.pcapng", &["--site-name", "Harbour"]);
    analyze(&tuesday, "first-questions.pcapng", &["--site-name", "Harbour"]);
    run_with(&[&"merge", &monday, &tuesday, &"-o", &all]).expect(0, &[]);
    report(&all, &both).expect(0, &[]);
    for (folder, alone) in [("1-harbour-survey-1", &monday), ("2-harbour-survey-2", &tuesday)] {
        let folder = both.join(folder);
        for table in ["coverage.csv", "nodes.csv", "inventory.csv", "flows.csv"] {
            assert_eq!(read(&folder, table), read(alone, table), "{table} of {}", folder.display());
        }
        assert!(read(&folder, "report.html").contains("stand side by side"));
    }
}

#[test]
fn a_survey_from_a_stranger_does_no_harm() {
    let out = folder(&[]);
    let (survey, again) = (out.path().join("survey"), out.path().join("again"));
    analyze(&survey, "site-survey.pcapng", &[]);
    let hostile = "<img src=x onerror=alert(1)>\u{1b}[2J\u{202e}";
    let file = changed(&survey, &out.path().join("hostile.json"), |value| {
        value["site"] = json!(hostile);
        value["findings"][0]["detail"] = json!(hostile);
        value["findings"][0]["gist"] = json!(hostile);
        value["findings"][0]["conversations"] = json!([0, 4_000_000_000_u32]);
        value["findings"][0]["sources"] = json!([7, 4_000_000_000_u32]);
        value["findings"][1]["reason"] = json!("of-tomorrow");
        value["flows"][0]["conversation"] = json!(4_000_000_000_u32);
        value["flows"][1]["verdict"] = json!("of-tomorrow");
        value["flows"][2]["sources"] = json!([9]);
        value["flows"][2]["vlan"] = json!("1.2.x");
        value["flows"][3]["related_to"] = json!("f99999");
        value["conversations"][2]["transport"] = json!("900");
        value["conversations"][3]["client_ip"] = json!("192.0.2.99");
        value["nodes"][0]["ports"]["in_tcp_88"] = json!("of-tomorrow");
        for rows in ["flows", "conversations", "findings", "coverage", "inventory", "inputs", "non_ip"] {
            for row in value[rows].as_array_mut().unwrap() {
                let counts = ["packets", "bytes", "flows", "peers", "frames", "size", "hosts_", "duplicates"];
                let is_count = |name: &String| counts.iter().any(|count| name.contains(count));
                let numbers =
                    row.as_object_mut().unwrap().iter_mut().filter(|(name, value)| is_count(name) && value.is_u64());
                numbers.for_each(|(_, value)| *value = json!(u64::MAX));
            }
        }
        value["frames"]["total"] = json!(u64::MAX);
        value["frames"]["decoded"] = json!(u64::MAX);
        value["flows"][4]["first_seen"] = json!("1677-09-22T00:00:00.000000000Z");
        value["flows"][5]["last_seen"] = json!("2262-04-11T00:00:00.000000000Z");
        let twin = value["inventory"][0].clone();
        value["inventory"].as_array_mut().unwrap().push(twin);
        value["inputs"][0]["path"] = json!(hostile);
    });
    let told = report(&file, &again).expect(0, &[]).out;
    assert!(!told.contains('\u{1b}') && !told.contains('\u{202e}'), "{told}");
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("rows of the survey.json are left out: igorscope"), "{told}");
    let page = read(&again, "report.html");
    assert!(!page.contains("<img") && page.contains("&lt;img"), "texts stay texts");
    assert!(!TABLES.iter().any(|table| read(&again, table).contains('\u{1b}')));

    let many = changed(&survey, &out.path().join("many.json"), |value| {
        let input = value["inputs"][0].clone();
        let inputs = (0..1001).map(|number| {
            let mut input = input.clone();
            input["site"] = json!(format!("site {number}"));
            input
        });
        value["inputs"] = inputs.collect();
    });
    report(&many, &again).expect(2, &["many.json", "more than 1000 sites"]);
    run_with(&[&"report", &sample("README.md")]).expect(2, &["README.md"]);
}

#[test]
fn a_report_of_another_policy_says_so() {
    let policy =
        b"extends = \"igor\"\nname = \"site\"\n\n[[allowance]]\nname = \"ssh\"\nfrom = \"any\"\nto = \"any\"\n\
                   transport = \"tcp\"\nports = [22]\nreason = \"the service laptop\"\n";
    let out = folder(&[("site.toml", policy)]);
    let (survey, again, file) = (out.path().join("survey"), out.path().join("again"), out.path().join("site.toml"));
    let file = file.to_str().unwrap();
    let said = analyze(&survey, "site-survey.pcapng", &["--policy", file]);
    let told = report(&survey, &again).expect(0, &[]).out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("held against another policy") && told.contains("Name its file with --policy"), "{told}");
    let told = run_with(&[&"report", &survey, &"--policy", &file, &"-o", &again]).expect(0, &[]).out;
    assert_eq!(without_files(&told), without_files(&said));
}

#[test]
fn two_visits_say_what_is_fixed_new_and_still_open() {
    let out = folder(&[]);
    let [before, after, page] = ["before", "after", "both.html"].map(|name| out.path().join(name));
    analyze(&before, "site-survey.pcapng", &["--site-name", "Harbour"]);
    fs::create_dir(&after).unwrap();
    let file = changed(&before, &after.join("survey.json"), |value| {
        // One blocked conversation works now, one finding is new.
        let findings = value["findings"].as_array_mut().unwrap();
        let at = findings.iter().position(|finding| finding["reason"] == "blocked").unwrap();
        let mended = findings.remove(at);
        let mut new = findings[0].clone();
        new["reason"] = json!("undocumented-peer");
        new["server_port"] = json!(4711);
        findings.push(new);
        for place in mended["conversations"].as_array().unwrap() {
            value["conversations"][place.as_u64().unwrap() as usize]["outcome"] = json!("established");
        }
        value["caveats"]
            .as_array_mut()
            .unwrap()
            .push(json!({"kind": "kernel-drops", "text": "<b>7 frames were lost.</b>"}));
    });
    let compare = [OsStr::new("compare"), before.as_os_str(), file.as_os_str(), "-o".as_ref(), page.as_os_str()];
    let told = run(compare).expect(1, &[]).out;
    let order = [
        "Before  Harbour · 20",
        "\nAfter   Harbour · 20",
        "7 frames were lost",
        "\nFixed  1 finding\n",
        "\nNew  1 finding\n",
    ];
    let mut places: Vec<usize> = order.map(|part| told.find(part).unwrap_or_else(|| panic!("{part:?}: {told}"))).into();
    places.push(told.find("\nStill open  ").unwrap_or_else(|| panic!("{told}")));
    assert!(places.is_sorted(), "{told}");
    let flat = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(": works now (was alert, unanswered)"), "{told}");

    let page = fs::read_to_string(&page).unwrap();
    let order = ["id=\"visits\"", "Caveats before", "id=\"fixed\"", "id=\"new\"", "id=\"open\"", "id=\"lost\""];
    let places: Vec<usize> = order.map(|part| page.find(part).unwrap_or_else(|| panic!("{part}: {page}"))).into();
    assert!(places.is_sorted());
    assert!(page.contains("&lt;b&gt;7 frames were lost.&lt;/b&gt;") && !page.contains("<b>7"), "texts stay texts");
    assert!(!page.contains("<script") && page.contains("default-src 'none'; style-src 'sha256-"), "no script");

    let same = run_with(&[&"compare", &before, &before]).expect(0, &[]).out;
    assert!(same.contains("The surveys are the same.") && same.contains("\nStill open  "), "{same}");
}
