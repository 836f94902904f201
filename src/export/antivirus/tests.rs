use super::*;
use crate::policy::Policy;

/// JSON as PowerShell prints it.
fn machine(paths: &[&str], processes: &[&str], extensions: &[&str]) -> Preferences {
    let list = |values: &[&str]| serde_json::to_string(values).unwrap();
    let json = format!(
        "{{\"DisableRealtimeMonitoring\": false, \"ExclusionPath\": {}, \"ExclusionProcess\": {}, \"ExclusionExtension\": {}}}",
        list(paths),
        list(processes),
        list(extensions)
    );
    Preferences::parse(json.as_bytes()).unwrap()
}

fn vendors() -> (Vec<&'static str>, Vec<&'static str>) {
    let facts = include_str!("../../../tests/fixtures/vendor_antivirus.csv");
    let of = |kind: &str| facts.lines().filter_map(|line| line.strip_prefix(&format!("{kind},"))).collect();
    (of("path"), of("process"))
}

fn check(machine: &Preferences) -> Checklist {
    Checklist::new(Policy::embedded().antivirus(), machine)
}

fn state_of(list: &Checklist, end: &str) -> (ExclusionState, Option<String>) {
    let wanted = list.wanted.iter().find(|wanted| wanted.value.ends_with(end)).unwrap();
    (wanted.state, wanted.found.clone())
}

#[test]
fn the_vendors_own_list_is_good() {
    let (paths, processes) = vendors();
    let list = check(&machine(&paths, &processes, &[]));
    assert!(list.is_good() && list.others.is_empty(), "{list:?}");
    assert_eq!(list.wanted.len(), 9);
    assert!(list.wanted.iter().all(|wanted| wanted.state == ExclusionState::Present));
}

#[test]
fn each_left_out_is_missing() {
    let (paths, processes) = vendors();
    for at in 0..9 {
        let (mut paths, mut processes) = (paths.clone(), processes.clone());
        let gone = if at < 2 { paths.remove(at) } else { processes.remove(at - 2) };
        let list = check(&machine(&paths, &processes, &[]));
        let missing: Vec<_> = list.wanted.iter().filter(|wanted| wanted.state == ExclusionState::Missing).collect();
        assert!(!list.is_good() && missing.len() == 1 && missing[0].value == gone, "{gone}: {list:?}");
    }
}

#[test]
fn a_path_is_known_however_it_is_written() {
    for (found, state) in [
        (r"C:\Igor\Data", ExclusionState::Present),
        (r"c:\IGOR\data\", ExclusionState::Present),
        ("C:/Igor/Data", ExclusionState::Present),
        ("\"C:\\Igor\\Data\" ", ExclusionState::Present),
        (r"%SystemDrive%\Igor\Data", ExclusionState::Present),
        (r"\\?\C:\Igor\Data", ExclusionState::Present),
        (r"C:\Igor", ExclusionState::Covered),
        (r"C:\Igor\", ExclusionState::Covered),
        (r"C:\*\Data", ExclusionState::Covered),
        (r"C:\Igor\Dat?", ExclusionState::Covered),
        (r"C:\Igor\Data\*", ExclusionState::Partial),
        (r"C:\Igor\*", ExclusionState::Partial),
        (r"C:\Igor\Date", ExclusionState::Misspelt),
        (r"D:\Igor\Data", ExclusionState::Misspelt),
        (r"C:\Igr\Dta", ExclusionState::Misspelt),
        (r"C:\Igor\Data\Log", ExclusionState::Missing),
        (r"C:\Elsewhere", ExclusionState::Missing),
        (r"%USERPROFILE%\Igor\Data", ExclusionState::Missing),
    ] {
        let list = check(&machine(&[found], &[], &[]));
        assert_eq!(state_of(&list, r"\Data").0, state, "{found}");
    }
}

#[test]
fn a_process_is_known_however_it_is_written() {
    for (found, state) in [
        (r"C:\Igor\BACnet\Igor.Bacnet.Service.exe", ExclusionState::Present),
        (r"c:\igor\bacnet\IGOR.BACNET.SERVICE.EXE", ExclusionState::Present),
        (r"Igor.Bacnet.Service.exe", ExclusionState::Covered),
        (r"C:\Igor\BACnet\*", ExclusionState::Covered),
        (r"C:\Igor\*\Igor.*.Service.exe", ExclusionState::Covered),
        (r"C:\Igor\*", ExclusionState::Missing),
        (r"C:\Igor\BACnet\Igor.Bacnet.Sevice.exe", ExclusionState::Misspelt),
        (r"C:\Program Files\Igor\Igor.Bacnet.Service.exe", ExclusionState::Misspelt),
        (r"C:\Igor\Cloud\Igor.Cloud.Service.exe", ExclusionState::Missing),
    ] {
        let list = check(&machine(&[], &[found], &[]));
        assert_eq!(state_of(&list, "Igor.Bacnet.Service.exe").0, state, "{found}");
    }
}

#[test]
fn a_process_among_the_paths_is_in_the_wrong_list() {
    let list = check(&machine(&[r"C:\Igor\UPnP\Igor.Upnp.Service.exe"], &[r"C:\Igor\Sampling"], &[]));
    assert_eq!(state_of(&list, "Igor.Upnp.Service.exe").0, ExclusionState::WrongList);
    assert_eq!(state_of(&list, r"C:\Igor\Sampling").0, ExclusionState::WrongList);
}

#[test]
fn what_opens_the_machine_is_named() {
    let broad = [
        (ExclusionList::Path, r"C:\"),
        (ExclusionList::Path, "C:"),
        (ExclusionList::Path, r"C:\*"),
        (ExclusionList::Path, "*"),
        (ExclusionList::Path, "*.*"),
        (ExclusionList::Path, r"C:\Windows"),
        (ExclusionList::Path, r"%windir%\System32"),
        (ExclusionList::Path, r"C:\Users\*"),
        (ExclusionList::Path, r"C:\Users\alice\AppData\Local\Temp"),
        (ExclusionList::Path, "%TEMP%"),
        (ExclusionList::Path, "*.exe"),
        (ExclusionList::Path, r"D:\Program Files (x86)\"),
        (ExclusionList::Path, r"%USERPROFILE%"),
        (ExclusionList::Path, ""),
        (ExclusionList::Process, "*.exe"),
        (ExclusionList::Process, "*"),
        (ExclusionList::Process, "svchost.exe"),
        (ExclusionList::Process, r"C:\*"),
        (ExclusionList::Process, r"C:\Windows\System32\cmd.exe"),
        (ExclusionList::Process, r"C:\*\*.exe"),
        (ExclusionList::Extension, "exe"),
        (ExclusionList::Extension, ".DLL"),
        (ExclusionList::Extension, "*"),
    ];
    for (list, value) in broad {
        let of = |which: ExclusionList| if list == which { vec![value] } else { vec![] };
        let found =
            check(&machine(&of(ExclusionList::Path), &of(ExclusionList::Process), &of(ExclusionList::Extension)));
        assert_eq!(found.broad.len(), 1, "{list} {value}");
        assert!(!found.is_good());
    }
    let (paths, processes) = vendors();
    let narrow_paths = [r"C:\Igor", r"C:\Program Files\Vendor\Product", r"D:\Backup", r"C:\Users\svc\Igor\Data"];
    let found = check(&machine(&[&paths[..], &narrow_paths].concat(), &processes, &[".igr"]));
    assert!(found.is_good(), "{found:?}");
    assert_eq!(found.others.len(), 5, "{:?}", found.others);
}

#[test]
fn what_has_to_go_does_not_stand_in_for_what_has_to_be_there() {
    let list = check(&machine(&[r"C:\", r"C:\Igor\Date"], &[], &[]));
    assert_eq!(state_of(&list, r"\Data"), (ExclusionState::Misspelt, Some(r"C:\Igor\Date".to_owned())));
    assert_eq!((list.broad.len(), list.others.len()), (1, 0));
}

#[test]
fn every_encoding_that_windows_writes_is_read() {
    let json = r#"{"ExclusionPath": ["C:\\Igör\\Data"], "ExclusionProcess": null}"#;
    let utf16 = |unit: fn(u16) -> [u8; 2]| json.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    let marked = |mark: &[u8], text: Vec<u8>| [mark, &text].concat();
    for bytes in [
        json.as_bytes().to_vec(),
        marked(&[0xef, 0xbb, 0xbf], json.as_bytes().to_vec()),
        marked(&[0xff, 0xfe], utf16(u16::to_le_bytes)),
        marked(&[0xfe, 0xff], utf16(u16::to_be_bytes)),
        utf16(u16::to_le_bytes),
        utf16(u16::to_be_bytes),
    ] {
        let machine = Preferences::parse(&bytes).unwrap();
        assert_eq!(machine.of(ExclusionList::Path), ["C:\\Igör\\Data"]);
        assert!(machine.of(ExclusionList::Process).is_empty());
    }
}

#[test]
fn one_value_and_wrapped_lists_are_read() {
    let json = br#"[{"ExclusionPath": "C:\\Igor\\Data", "ExclusionProcess": {"value": ["a.exe"], "Count": 1}}]"#;
    let machine = Preferences::parse(json).unwrap();
    assert_eq!(
        (machine.of(ExclusionList::Path).len(), machine.of(ExclusionList::Process)),
        (1, &["a.exe".to_owned()][..])
    );
}

#[test]
fn what_is_no_answer_is_refused_with_advice() {
    for (bytes, part) in [
        (&b""[..], "empty"),
        (b"\xff\xfe\x20\x00\x0a\x00", "empty"),
        (b"ExclusionPath : {C:\\Igor}", "line 1, column 1: no JSON"),
        (b"{\"ExclusionPath\": [", "ends too early"),
        (b"{}", "neither ExclusionPath nor ExclusionProcess"),
        (b"[{}, {}]", "2 machines"),
        (b"3", "neither ExclusionPath"),
        (b"{\"ExclusionPath\": \"N/A: Must be an administrator to view exclusions\"}", "not run as Administrator"),
        (b"{\"ExclusionPath\": [3]}", "no text"),
        (b"{\"a\": \"\xc3\"}", "byte 7: neither UTF-8 nor UTF-16"),
        (b"\xff\xfe{\x00}", "byte 5: UTF-16 text ends within"),
        (b"\xff\xfe\x00\xd8\x00\xd8", "character 1: no valid UTF-16"),
    ] {
        let error = Preferences::parse(bytes).unwrap_err();
        assert!(error.contains(part), "{bytes:?}: {error}");
    }
}

#[test]
fn written_for_each_tool() {
    for format in AntivirusFormat::ALL {
        insta::assert_snapshot!(format.name(), format.write(Policy::embedded().antivirus()).replace('\r', ""));
    }
}

#[test]
fn a_policys_values_stay_in_their_quotes() {
    let evil = crate::policy::Antivirus {
        paths: vec!["C:\\a'; Remove-Item C:\\ #\n\"x\"=\"1\"".to_owned()],
        processes: vec!["a|b\u{2019}; calc".to_owned()],
    };
    let text = AntivirusFormat::DefenderPowershell.write(&evil);
    assert!(
        text.contains("'C:\\a''; Remove-Item C:\\ #\\n\"x\"=\"1\"'") && text.contains("b\u{2019}\u{2019}; calc'"),
        "{text}"
    );
    let text = AntivirusFormat::GpoReg.write(&evil);
    assert!(text.contains(r#""C:\\a'; Remove-Item C:\\ #\\n\"x\"=\"1\""="0""#), "{text}");
    assert!(AntivirusFormat::IntuneCsv.write(&evil).contains("ab\u{2019}; calc"));
}

proptest::proptest! {
    #[test]
    fn foreign_bytes_never_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = Preferences::parse(&bytes);
    }

    #[test]
    fn foreign_values_never_panic(value in "[a-c:%*?.\\\\/]{0,12}") {
        let _ = check(&machine(&[&value], &[&value], &[&value]));
    }
}

/// Beside the vendor's own list: what opens the machine by a pattern of part of its name, and its twins that do not.
#[test]
fn wide_exclusions_are_known_through_their_wildcards() {
    let (paths, processes) = vendors();
    for (path, process, is_good) in [
        (r"C:\Window?", "", false),
        (r"C:\Users\*\AppDat?", "", false),
        (r"C:\Program*", "", false),
        ("", "power*.exe", false),
        ("", "cmd.e?e", false),
        ("", r"C:\Windows\System32\c?d.exe", false),
        (r"C:\Igor*\Data", "", true),
        (r"C:\*\Data", "", true),
        ("", r"C:\Igor\BACnet\*", true),
        ("", "Igor.*.Service.exe", true),
    ] {
        let add = |list: &[&'static str], one| {
            let mut list: Vec<&str> = list.to_vec();
            list.extend(Some(one).filter(|one: &&str| !one.is_empty()));
            list
        };
        let list = check(&machine(&add(&paths, path), &add(&processes, process), &[]));
        assert_eq!(list.is_good(), is_good, "{path}{process}");
    }
}
