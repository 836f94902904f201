//! What is wrong is named, with path and byte or line; what could be read is reported all the same.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use super::command::{Run, folder, igorscope, pcap, run, run_with, sample};

fn analyze(path: &std::path::Path) -> Run {
    run_with(&[&"analyze", &path])
}

#[test]
fn a_missing_file_is_named() {
    let says = if cfg!(windows) { "os error 3" } else { "No such file" };
    run(["analyze", "no/such.pcap"]).expect(2, &["no/such.pcap", says, "check the name"]);
}

#[test]
fn a_folder_without_captures_says_so() {
    let empty = folder(&[]);
    analyze(empty.path()).expect(2, &["no captures in", empty.path().to_str().unwrap()]);
    let notes = folder(&[("notes.txt", b"to do"), ("deep/more.txt", b"later")]);
    analyze(notes.path()).expect(2, &["no captures in", "notes.txt", "more.txt"]);
}

#[test]
fn a_folder_is_searched_and_what_is_no_capture_is_passed_over() {
    let mixed = folder(&[("notes.txt", b"to do"), ("deep/monday.dump", &pcap(2)), ("tuesday.pcap", &pcap(3))]);
    let run = analyze(mixed.path()).expect(0, &["passed over", "notes.txt"]);
    assert!(run.out.contains("5 frames"), "{}", run.out);
}

#[test]
fn an_empty_file_is_no_capture() {
    let empty = folder(&[("empty.pcap", b"")]);
    analyze(&empty.path().join("empty.pcap")).expect(2, &["empty.pcap", "empty"]);
}

#[test]
fn a_picture_named_pcap_is_no_capture() {
    let picture = folder(&[("holiday.pcap", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0")]);
    analyze(&picture.path().join("holiday.pcap")).expect(2, &["holiday.pcap", "not a packet capture", "PNG"]);
}

#[test]
fn a_cut_file_is_reported_up_to_the_cut() {
    let whole = pcap(10);
    let cut = folder(&[("cut.pcap", &whole[..whole.len() - 20])]);
    // The file header has 24 bytes, a record 16 and 42.
    let run = analyze(&cut.path().join("cut.pcap")).expect(3, &["cut.pcap", "byte 546"]);
    assert!(run.out.contains("9 frames"), "{}", run.out);
}

#[test]
fn a_lying_length_ends_the_reading() {
    let mut lie = pcap(10);
    let at = 24 + 4 * 58 + 8;
    lie[at..at + 4].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    let lying = folder(&[("lie.pcap", &lie)]);
    let run = analyze(&lying.path().join("lie.pcap")).expect(3, &["lie.pcap", "byte 256"]);
    assert!(run.out.contains("4 frames"), "{}", run.out);
}

#[test]
fn one_bad_file_of_several_does_not_hide_the_others() {
    let two = folder(&[("good.pcap", &pcap(4)), ("bad.pcap", b"this is no capture at all, but text")]);
    let out = two.path().join("out");
    let run = run_with(&[&"analyze", &two.path().join("bad.pcap"), &two.path().join("good.pcap"), &"-o", &out])
        .expect(3, &["bad.pcap"]);
    assert!(run.out.contains("4 frames") && run.out.contains("bad.pcap"), "{}", run.out);
    let survey: serde_json::Value = serde_json::from_slice(&fs::read(out.join("survey.json")).unwrap()).unwrap();
    assert_eq!(survey["inputs"][0]["damage"]["offset"], 0);
    assert!(survey["inputs"][1]["damage"].is_null());
}

#[test]
fn damage_goes_before_findings() {
    let cut = folder(&[]);
    let path = cut.path().join("cut.pcapng");
    let whole = fs::read(sample("site-survey.pcapng")).unwrap();
    fs::write(&path, &whole[..whole.len() - 10]).unwrap();
    run_with(&[&"analyze", &path, &"--fail-on", &"notice"]).expect(3, &["cut.pcapng", "byte"]);
}

#[test]
fn an_inventory_that_contradicts_itself_names_both_lines() {
    let site = folder(&[("site.csv", b"address,role\n10.20.0.2,gateway\n10.20.0.3,node\n10.20.0.2,node\n")]);
    let path = site.path().join("site.csv");
    let capture = sample("site-survey.pcapng");
    run_with(&[&"analyze", &capture, &"--inventory", &path]).expect(2, &["site.csv", "10.20.0.2", "4", "2"]);
    run_with(&[&"inventory", &"check", &path]).expect(1, &["site.csv", "10.20.0.2"]);
}

#[test]
fn an_address_that_is_none_is_named() {
    run(["analyze", "--gateway", "10.20.0.300", "x.pcap"]).expect(2, &["--gateway", "10.20.0.300"]);
}

#[test]
fn a_policy_with_mistakes_names_line_and_column() {
    let site = folder(&[("site.toml", b"extends = \"igor\"\n\n[[allowance]]\nfrom = \"hots\"\n")]);
    let path = site.path().join("site.toml");
    let capture = sample("site-survey.pcapng");
    run_with(&[&"analyze", &capture, &"--policy", &path]).expect(2, &["site.toml:4:", "hots"]);
    run_with(&[&"policy", &"check", &path]).expect(1, &["site.toml:4:"]);
    run(["policy", "check", "no/such.toml"]).expect(2, &["no/such.toml"]);
}

#[test]
fn an_output_folder_that_cannot_be_written_is_named() {
    let place = folder(&[("file", b"")]);
    let capture = sample("site-survey.pcapng");
    let under_a_file = place.path().join("file/out");
    let run = run_with(&[&"analyze", &capture, &"-o", &under_a_file]);
    let run = run.expect(4, &["file/out"]);
    assert!(run.out.contains("Findings"), "the summary is printed all the same");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = igorscope()
        .args(["analyze", "--format", "csv"])
        .arg(sample("site-survey.pcapng"))
        .stdout(full)
        .output()
        .unwrap();
    Run::of(output).expect(4, &["standard output", "No space left"]);
    let capture = sample("site-survey.pcapng");
    run_with(&[&"inventory", &"infer", &capture, &"-o", &"/dev/full"]).expect(4, &["/dev/full", "No space left"]);
}

#[test]
fn a_broken_pipe_ends_quietly() {
    let mut child = igorscope()
        .args(["analyze", "--format", "json"])
        .arg(sample("site-survey.pcapng"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The reader takes one byte and goes away: survey.json does not fit the pipe.
    let mut byte = [0];
    child.stdout.take().unwrap().read_exact(&mut byte).unwrap();
    let run = Run::of(child.wait_with_output().unwrap()).expect(0, &[]);
    assert_eq!(run.err, "");
}

#[test]
fn wrong_usage_is_status_2() {
    run(["analyze"]).expect(2, &["CAPTURE"]);
    run(["frobnicate"]).expect(2, &["frobnicate"]);
    run(["analyze", "x.pcap", "--format", "docx"]).expect(2, &["docx"]);
    run(["analyze", "x.pcap", "--count", "0"]).expect(2, &["--count"]);
    run(["analyze", "x.pcap", "-j", "0"]).expect(2, &["--threads"]);
}

#[test]
fn file_names_from_strangers_move_no_cursor() {
    // Windows' file systems take no control characters, but one that turns text around.
    let (sign, shown, other) = match cfg!(windows) {
        true => ('\u{202e}', "evil\\u{202e}[2J.pcap", "evil\u{202e}.txt"),
        false => ('\u{1b}', "evil\\x1b[2J.pcap", "evil\u{1b}]0;x\u{7}.txt"),
    };
    let strange = folder(&[(&format!("evil{sign}[2J.pcap"), &pcap(1)), (other, b"no capture")]);
    let run = analyze(strange.path()).expect(0, &["passed over"]);
    assert!(!run.out.contains(sign) && !run.err.contains(sign));
    assert!(run.out.contains(shown), "{}", run.out);
}

/// A capture, an inventory, a survey that is named for a result is left as it is, and so is the first of two results of one name.
#[test]
fn nothing_that_is_read_is_replaced_and_no_result_by_another() {
    let capture = pcap(3);
    let folder = folder(&[
        ("a.pcap", &capture),
        ("deep/b.pcap", &capture),
        ("pq/path.json", &capture),
        ("lake/flows/day.parquet", b"PAR1"),
        ("lake/surveys/none", b""),
        ("lake/conversations/none", b""),
        ("lake/coverage/none", b""),
        ("lake/hosts/none", b""),
        ("site.toml", b"node = \"10.0.0.1\"\n"),
    ]);
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    run(["analyze", "-q", &at("a.pcap"), "-o", &at("rep")]).expect(0, &[]);
    let policy = at("policy.toml");
    fs::write(&policy, run(["policy", "show", "--toml"]).expect(0, &[]).out).expect("a policy");
    for name in ["rep/path.csv", "rep/INCOMPLETE.txt"] {
        fs::copy(&policy, at(name)).expect("a policy");
    }
    let files = [
        "a.pcap",
        "deep/b.pcap",
        "site.toml",
        "rep/survey.json",
        "policy.toml",
        "pq/path.json",
        "lake/flows/day.parquet",
    ];
    let bytes = || files.map(|name| fs::read(folder.path().join(name)).expect("a file"));
    let before = bytes();
    let (a, deep, site, json, other) =
        (at("a.pcap"), at("deep"), at("site.toml"), at("rep/survey.json"), at("new.file"));
    for arguments in [
        vec!["analyze", &a, "--xlsx", &a],
        vec!["analyze", &a, "--ipfix", &a],
        vec!["analyze", &a, "--evidence", &a],
        vec!["analyze", &deep, "--xlsx", &at("deep/b.pcap")],
        vec!["analyze", &a, "--inventory", &site, "--xlsx", &site],
        vec!["observe", &a, "-o", &a],
        vec!["inventory", "infer", &a, "-o", &a],
        vec!["inventory", "infer", &a, "--inventory", &site, "-o", &site],
        vec!["compare", &at("rep"), &at("rep"), "-o", &json],
        vec!["merge", &at("rep"), "-o", &json],
        // Of a folder that is to be made, a file above it.
        vec!["analyze", &a, "-o", &at("new"), "--evidence", &at("new/../a.pcap")],
        vec!["analyze", &a, "--xlsx", &at("new/deeper/./../../a.pcap")],
        vec!["policy", "export", "--format", "nftables", "--inventory", &site, "-o", &site],
        vec!["policy", "export", "--format", "nftables", "--policy", &policy, "-o", &policy],
        vec!["policy", "export", "--format", "nftables", "--against", &at("rep"), "-o", &json],
        vec!["antivirus", "export", "--format", "gpo-reg", "--policy", &policy, "-o", &policy],
        vec!["path", &at("pq/path.json"), &a, "-o", &at("pq")],
        vec!["path", &format!("x={}", at("pq")), &a, "-o", &at("pq")],
        vec!["path", &deep, &a, "--policy", &at("rep/path.csv"), "-o", &at("rep")],
        vec!["report", &json, "--policy", &at("rep/INCOMPLETE.txt"), "-o", &at("rep")],
        vec!["fleet", &at("lake"), "-o", &at("lake/flows/day.parquet")],
        #[cfg(feature = "live")]
        vec!["live", "-i", "lo", "--inventory", &site, "-w", &site],
        #[cfg(feature = "live")]
        vec!["live", "-i", "lo", "--inventory", &at("rep/inventory.csv"), "-o", &at("rep")],
    ] {
        run(arguments).expect(2, &["is one of the files that are read, and would be replaced; name another file"]);
    }
    for arguments in [
        vec!["analyze", &a, "--xlsx", &other, "--ipfix", &other],
        vec!["analyze", &a, "-o", &at("rep"), "--xlsx", &at("rep/flows.csv")],
        vec!["analyze", &a, "-o", &at("new"), "--xlsx", &at("new/../new/flows.csv")],
        vec!["analyze", &a, "-o", &at("new/.."), "--xlsx", &at("survey.json")],
        #[cfg(feature = "live")]
        vec!["live", "-i", "lo", "-w", &at("new/survey.json"), "-o", &at("new")],
        #[cfg(feature = "live")]
        vec!["live", "-i", "lo", "-w", &at("x.pcapng"), "--rotate-count", "9", "--evidence", &at("x_00002.pcapng")],
        #[cfg(feature = "live")]
        vec!["live", "-i", "lo", "-w", &other, "--state", &other],
    ] {
        run(arguments).expect(2, &["is named for two results"]);
    }
    assert_eq!(bytes(), before);
    // What is only near is written.
    run(["analyze", "-q", &a, "-o", &at("new"), "--evidence", &at("new/../a-evidence.pcap")]).expect(0, &[]);
    run(["policy", "export", "--format", "nftables", "--inventory", &site, "-o", &at("site.nft")]).expect(0, &[]);
    run(["path", &at("deep"), &a, "-o", &at("pq/new")]).expect(2, &["there is nothing to compare"]);
    assert_eq!(bytes(), before);
}

#[cfg(unix)]
#[test]
fn standard_input_that_is_a_file_is_not_replaced() {
    let capture = pcap(3);
    let folder = folder(&[("a.pcap", &capture)]);
    let path = folder.path().join("a.pcap");
    let piped = |arguments: [&str; 3], to: &str| {
        let input = fs::File::open(&path).expect("a capture");
        let mut command = igorscope();
        command.args(arguments).arg(folder.path().join(to)).stdin(input);
        Run::of(command.output().expect("it runs"))
    };
    for arguments in [["analyze", "-", "--evidence"], ["analyze", "-", "--xlsx"], ["observe", "-", "-o"]] {
        piped(arguments, "a.pcap").expect(2, &["is one of the files that are read"]);
        assert_eq!(fs::read(&path).expect("a capture"), capture);
        piped(arguments, "b.file").expect(0, &[]);
        assert!(folder.path().join("b.file").is_file());
    }
    // A capture that is named is read, whatever standard input is.
    piped(["analyze", path.to_str().expect("a path"), "--xlsx"], "c.file").expect(0, &[]);
}

/// A result on standard output goes on behind what a file holds, and the name of standard output stays what it is.
#[cfg(target_os = "linux")]
#[test]
fn a_result_is_written_to_standard_output_that_is_a_file() {
    use std::io::Write as _;
    let folder = folder(&[("a.pcap", &pcap(3)), ("out", b"")]);
    let (path, out, link) = (folder.path().join("a.pcap"), folder.path().join("out"), folder.path().join("stdout"));
    std::os::unix::fs::symlink("/proc/self/fd/1", &link).expect("a link");
    run_with(&[&"observe", &path, &"-o", &folder.path().join("whole")]).expect(0, &[]);
    let whole = fs::read(folder.path().join("whole")).expect("a state");
    for (name, before) in [(&*link, &b""[..]), (std::path::Path::new("/dev/stdout"), b"there, ")] {
        fs::write(&out, b"").expect("it is written");
        let mut to = fs::File::create(&out).expect("it opens");
        to.write_all(before).expect("it is written");
        let run = igorscope().arg("observe").arg(&path).arg("-o").arg(name).stdout(to).output().expect("it runs");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        assert_eq!(fs::read(&out).expect("a state"), [before, &whole].concat());
        assert!(name.is_symlink());
    }
}
