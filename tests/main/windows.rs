//! What is Windows' own: files that others hold, wildcards, long paths, Npcap.

use std::fs;
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::command::{Run, folder, igorscope, pcap, run, run_with};

#[test]
fn a_result_that_is_open_in_excel_is_told_as_that() {
    let place = folder(&[("a.pcap", &pcap(3)), ("out/flows.csv", b"last week's")]);
    let table = place.path().join("out/flows.csv");
    // As Excel holds a workbook: nobody else may write or replace it.
    let held = fs::File::options().read(true).write(true).share_mode(1).open(&table).unwrap();
    let at = |name: &str| place.path().join(name).into_os_string();
    run_with(&[&"analyze", &"-q", &"-o", &at("out"), &at("a.pcap")]).expect(4, &["flows.csv", "Excel", "close it"]);
    drop(held);
    assert_eq!(fs::read(&table).unwrap(), b"last week's");
    run_with(&[&"analyze", &"-q", &"-o", &at("out"), &at("a.pcap")]).expect(0, &[]);
    assert!(fs::read_to_string(&table).unwrap().starts_with("flow_id,"));
}

#[test]
fn wildcards_are_expanded() {
    let place = folder(&[("monday.pcap", &pcap(3)), ("tuesday.pcap", &pcap(5)), ("notes.txt", b"no capture")]);
    let output = igorscope().current_dir(&place).args(["analyze", "*day.pcap"]).output().unwrap();
    let run = Run::of(output).expect(0, &[]);
    assert!(
        run.out.contains("monday.pcap") || run.out.contains("2 captures") || run.out.contains("8 frames"),
        "{}",
        run.out
    );
    let output = igorscope().current_dir(&place).args(["analyze", "*.pcapng"]).output().unwrap();
    Run::of(output).expect(2, &["*.pcapng"]);
}

#[test]
fn paths_may_be_longer_than_260_characters() {
    let place = folder(&[]);
    let deep = (0..8).fold(place.path().to_owned(), |path, _| path.join("a folder with a long name, as sites have"));
    assert!(deep.as_os_str().len() > 300);
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("Höhe 3. Stock.pcap"), pcap(4)).unwrap();
    let out = deep.join("report");
    let arguments = [Path::new("analyze"), Path::new("-q"), Path::new("-o"), &out, &deep];
    run(arguments).expect(0, &[]);
    let survey = fs::read_to_string(out.join("survey.json")).unwrap();
    assert!(survey.contains("Höhe 3. Stock.pcap"));
    assert!(out.join("report.html").exists());
}

#[test]
fn without_npcap_capturing_says_what_to_install_and_reading_works() {
    let system = std::env::var_os("SystemRoot").unwrap();
    if Path::new(&system).join("System32/Npcap").exists() {
        println!("skipped: Npcap is installed here");
        return;
    }
    let says = ["Npcap is not installed", "https://npcap.com"];
    run(["interfaces"]).expect(2, &says);
    run(["live", "-i", "1"]).expect(2, &says);
    let place = folder(&[("a.pcap", &pcap(3))]);
    let capture = place.path().join("a.pcap");
    run([Path::new("analyze"), Path::new("-f"), Path::new("tcp"), &capture]).expect(2, &says);
    run([Path::new("analyze"), &capture]).expect(0, &[]);
}

#[test]
fn advice_names_no_sudo() {
    for arguments in [&["help", "live"][..], &["help", "interfaces"], &["--help"]] {
        let run = run(arguments.iter().copied()).expect(0, &[]);
        assert!(!run.out.contains("sudo"), "{}", run.out);
    }
}
