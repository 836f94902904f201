//! Text files: inventories, policies, MUD files, antivirus exports and surveys of adverse shape.

use std::process::ExitCode;

use super::super::{SIZE, run, turn};

const BAD: u8 = 1;
const UNUSABLE: u8 = 2;

/// `begin` and `end` around as many `items` as make about [`SIZE`] bytes.
fn list(begin: &str, item: impl Fn(u32) -> String, end: &str) -> Vec<u8> {
    let mut text = begin.to_owned();
    for number in 0.. {
        if text.len() >= SIZE {
            break;
        }
        text.push_str(&item(number));
    }
    text.push_str(end);
    text.into_bytes()
}

/// TOML that is deep, long or wide, whatever it is for.
fn toml() -> [Vec<u8>; 6] {
    [
        list("a = ", |_| "[".into(), ""),
        list("a = ", |_| "{a=".into(), ""),
        list("a", |_| ".a".into(), " = 1\n"),
        list("[a", |_| ".a".into(), "]\n"),
        list("a = \"", |_| "a".into(), "\"\n"),
        list("", |number| format!("[t{number}]\n"), ""),
    ]
}

#[test]
fn inventories_of_any_shape_are_answered() {
    let _turn = turn();
    for text in toml() {
        assert_eq!(run(&["inventory", "check"], "site.toml", &text), ExitCode::from(BAD));
    }
    let address = |number: u32| std::net::Ipv4Addr::from(0x0a00_0000 | number);
    let rows: [(&dyn Fn(u32) -> String, u8); 6] = [
        (&|number| format!("{},node\n", address(number)), 0),
        (&|number| format!("{}-{},node\n", address(number), address(0x00ff_ffff - number)), 0),
        (&|number| format!("{}-{},node\n", address(number), address(number + 0x8000)), 0),
        // Every line contradicts the first.
        (&|number| format!("10.0.0.1,{}\n", if number % 2 == 0 { "node" } else { "gateway" }), BAD),
        (
            &|number| {
                format!(
                    "{}-{},{}\n",
                    address(number),
                    address(number + 0x8000),
                    ["node", "gateway"][number as usize % 2]
                )
            },
            BAD,
        ),
        (&|_| "nobody,nothing\n".into(), BAD),
    ];
    for (row, status) in rows {
        let text = list("address,role\n", row, "");
        assert_eq!(run(&["inventory", "check"], "site.csv", &text), ExitCode::from(status));
    }
    // Empty cells, and one that never ends, are an empty row.
    for text in [list("address,role\n\"", |_| "\n".into(), ""), list("address,role\n", |_| ",".into(), "\n")] {
        assert_eq!(run(&["inventory", "check"], "site.csv", &text), ExitCode::from(0));
    }
}

#[test]
fn policies_of_any_shape_are_answered() {
    let _turn = turn();
    for text in toml() {
        assert_eq!(run(&["policy", "check"], "site.toml", &text), ExitCode::from(BAD));
    }
    let allowances = list(
        "extends = \"igor\"\n",
        |number| {
            format!(
                "[[allowance]]\nfrom=\"host\"\nto=\"gateway\"\ntransport=\"udp\"\nport={}\nreason=\"r\"\n",
                number % 65_535 + 1
            )
        },
        "",
    );
    assert_eq!(run(&["policy", "check"], "site.toml", &allowances), ExitCode::from(0));
}

/// JSON that is deep, long or wide, whatever it is for.
fn json() -> [Vec<u8>; 5] {
    [
        list("", |_| "[".into(), ""),
        list("", |_| "{\"a\":".into(), ""),
        list("{\"schema_version\":1,\"site\":\"", |_| "\\u0000".into(), "\"}"),
        list("{\"ietf-mud:mud\":{}", |number| format!(",\"a{number}\":{{}}"), "}"),
        list("{\"schema_version\":1,\"flows\":[{}", |_| ",{}".into(), "]}"),
    ]
}

#[test]
fn mud_files_of_any_shape_are_answered() {
    let _turn = turn();
    for text in json() {
        assert_eq!(run(&["policy", "check"], "device.json", &text), ExitCode::from(BAD));
    }
}

#[test]
fn surveys_of_any_shape_are_answered() {
    let _turn = turn();
    for text in json() {
        assert_eq!(run(&["merge"], "survey.json", &text), ExitCode::from(UNUSABLE));
    }
    // A label that each row would have a copy of is none.
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().to_string_lossy().into_owned();
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/visit.pcap");
    let arguments = ["igorscope", "analyze", "-q", "--format", "json", "-o", &folder, capture];
    assert_eq!(igorscope::cli::run(arguments.map(std::ffi::OsString::from)), ExitCode::SUCCESS);
    let text = std::fs::read_to_string(out.path().join("survey.json")).unwrap();
    let labelled = text.replacen("\"site\":\"\"", &format!("\"site\":\"{}\"", "x".repeat(1 << 20)), 1);
    assert!(labelled.len() > 1 << 20);
    assert_eq!(run(&["merge"], "survey.json", labelled.as_bytes()), ExitCode::from(UNUSABLE));
}

#[test]
fn antivirus_exports_of_any_shape_are_answered() {
    let _turn = turn();
    let exports = [
        list("", |_| "\"".into(), ""),
        list("", |_| ",".into(), "\n"),
        list("", |number| format!("C:\\{number}\\*\n"), ""),
        list("", |_| "*".into(), "\n"),
        list("", |_| "a\\..\\".into(), "\n"),
    ];
    for text in exports {
        run(&["antivirus", "check"], "exclusions.csv", &text);
    }
}
