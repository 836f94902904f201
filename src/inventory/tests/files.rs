//! TOML and CSV as people and spreadsheets write them, good and bad.

use proptest::prelude::*;

use crate::inventory::{Inventory, InventoryFlags};

fn errors(text: &str, name: &str) -> Vec<String> {
    let errors = Inventory::parse(text, name).expect_err("an error");
    errors.errors.iter().map(ToString::to_string).collect()
}

fn listing(text: &str, name: &str) -> Vec<String> {
    let inventory = Inventory::parse(text, name).unwrap_or_else(|errors| panic!("{errors}"));
    let line = |entry: &crate::inventory::Entry| {
        format!(
            "{} {} {} {}",
            entry.matcher,
            entry.role.name(),
            entry.name.as_deref().unwrap_or("-"),
            entry.version.as_deref().unwrap_or("-")
        )
    };
    inventory.entries().iter().map(line).collect()
}

#[test]
fn toml_in_full() {
    let text = r#"
        # The main building.
        site-name = "Main"
        site = ["198.51.100.0/24"]
        gateway = "10.0.0.1"
        node = ["10.0.1.0/24", "00:1b:c5"]

        [[device]]
        address = "10.0.0.2-10.0.0.3"
        role = "BACnet"
        name = "BMS"

        [[device]]
        address = "10.0.0.9"
        mac = "02-00-00-00-00-09"
        role = "host"
        version = "3.1.0"
    "#;
    let expected = [
        "10.0.0.2-10.0.0.3 bacnet BMS -",
        "10.0.0.9 host - 3.1.0",
        "02:00:00:00:00:09 host - 3.1.0",
        "10.0.0.1 gateway - -",
        "10.0.1.0/24 node - -",
        "00:1b:c5 node - -",
    ];
    assert_eq!(listing(text, "site.toml"), expected);
    assert_eq!(Inventory::parse(text, "site.toml").expect("good").site_name(), Some("Main"));
}

#[test]
fn toml_errors_come_all_at_once_with_their_places() {
    let text = r#"sitee = ["10.0.0.0/8"]
node = ["10.0.0.300", 5]
infer = "no"

[[device]]
adress = "10.0.0.1"
role = "node"

[[device]]
address = "10.0.0.1"
role = "gatway"

[[device]]
role = "node"

[[device]]
ip = "10.0.0.1"
name = "a\u001b[31m"

[[device]]
mac = "10.0.0.1"
role = "node"
"#;
    let found = errors(text, "site.toml");
    let expected = [
        ("site.toml:1:1: unknown key \"sitee\"; did you mean \"site\"?"),
        ("site.toml:2:9: `10.0.0.300`: expected an address"),
        ("site.toml:2:23: `node` is of type integer, expected a list of texts in quotes"),
        ("site.toml:3:9: `infer` is of type string, expected true or false"),
        ("site.toml:6:1: unknown key \"adress\"; did you mean \"address\"?"),
        ("site.toml:11:8: unknown role \"gatway\"; did you mean \"gateway\"?"),
        ("site.toml:13:1: `address` or `mac` is missing; expected what the device is known by"),
        ("site.toml:17:1: unknown key \"ip\"; `address` takes addresses"),
        ("site.toml:18:8: `name` contains control characters"),
        ("site.toml:21:7: `10.0.0.1`: expected a MAC"),
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\nexpected {expected}");
    }
}

#[test]
fn toml_syntax_errors_have_a_place() {
    let found = errors("node = [\"10.0.0.1\"\n[[device]\n", "site.toml");
    assert!(found[0].starts_with("site.toml:"), "{found:?}");
    assert!(found.iter().all(|error| error.contains(":1:") || error.contains(":2:")), "{found:?}");
}

#[test]
fn csv_dialects() {
    let expected = ["10.0.0.1 gateway GW, main 1.12.1", "10.0.1.0/24 node - -", "00:1b:c5:00:00:01 host PC -"];
    for text in [
        "address,mac,role,name,version\n10.0.0.1,,gateway,\"GW, main\",1.12.1\n10.0.1.0/24,,node,,\n,00:1b:c5:00:00:01,host,PC,\n",
        // Excel: byte order mark, CRLF, semicolons, short lines.
        "\u{feff}Address;MAC;Role;Name;Version\r\n10.0.0.1;;Gateway;GW, main;1.12.1\r\n10.0.1.0/24;;node\r\n;00-1B-C5-00-00-01;host;PC;\r\n",
        "sep=;\r\nIP address;MAC address;Role;Device name;Software version\r\n10.0.0.1;;gateway;GW, main;1.12.1\r\n10.0.1.0/24;;node;;\r\n;001bc5000001;host;PC;\r\n;;;;\r\n",
        "address\tmac\trole\tname\tversion\tLocation\n10.0.0.1\t\tgateway\tGW, main\t1.12.1\tcellar\n# comment\n\n10.0.1.0/24\t\tnode\n\t00:1b:c5:00:00:01\thost\tPC",
    ] {
        assert_eq!(listing(text, "site.csv"), expected, "{text}");
    }
}

#[test]
fn csv_errors_come_all_at_once_with_their_places() {
    let text = "sep=;\naddress;role;name\n10.0.0.1;gatway;\n;node;\n10.0.0.0.1;node;\n\"10.0.0.2\";;\n10.0.0.3;node;\"a\nb\"\n10.0.0.4;nod;\n";
    let expected = [
        "site.csv:3, cell 2: unknown role \"gatway\"; did you mean \"gateway\"?",
        "site.csv:4: the address or MAC is missing",
        "site.csv:5, cell 1: `10.0.0.0.1`: expected an address",
        "site.csv:6: the role is missing; expected gateway, node, bacnet or host",
        "site.csv:7, cell 3: `name` contains control characters",
        "site.csv:9, cell 2: unknown role \"nod\"; did you mean \"node\"?",
    ];
    let found = errors(text, "site.csv");
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\nexpected {expected}");
    }
}

#[test]
fn csv_headers_are_checked() {
    for (text, expected) in [
        ("", "site.csv:1: the header line is missing"),
        ("adress,role\n", "site.csv:1, cell 1: unknown column \"adress\"; did you mean \"address\"?"),
        ("address,ip,role\n", "site.csv:1, cell 2: unknown column \"ip\"; another column means the same"),
        ("10.0.0.1,gateway\n", "site.csv:1: the column `role` is missing"),
        ("role,name\n", "site.csv:1: the column `address` or `mac` is missing"),
    ] {
        let found = errors(text, "site.csv");
        assert!(found[0].starts_with(expected), "{text}: {found:?}");
    }
}

#[test]
fn exports_of_address_managers_are_read() {
    let text = "id,Address,Status,notes,Mode,role,Name,mac\r\n\r\n1,10.20.0.10/24,active,,x,gateway,gw,\r\n\r\n\r\n\
                2,10.20.0.0/24,active,,x,node,,\r\n3,,active,,x,node,one,d8:80:39:41:12:3\r\n";
    let expected = ["10.20.0.10 gateway gw -", "10.20.0.0/24 node - -", "d8:80:39:41:12:03 node one -"];
    assert_eq!(listing(text, "site.csv"), expected);
    let inventory = Inventory::parse(text, "site.csv").expect("good");
    assert_eq!(inventory.unread(), ["id", "Status", "notes", "Mode"]);
    let places: Vec<String> = inventory.entries().iter().map(|entry| entry.place.line()).collect();
    assert_eq!(places, ["site.csv:3", "site.csv:6", "site.csv:7"]);
    // The same by other line ends, with comments and a text over two lines.
    for (text, line) in [
        ("address,role\n\n\n10.0.0.1,x\n", 4),
        ("address,role\r\r\r10.0.0.1,x\r", 4),
        ("# a\r\n\r\n# b\r\naddress,role\r\n# c\r\n10.0.0.1,x\r\n", 6),
        ("sep=,\r\naddress,role,name\r\n10.0.0.2,node,\"a,b\"\r\n10.0.0.1,x,\r\n", 4),
    ] {
        let found = errors(text, "site.csv");
        assert!(found[0].starts_with(&format!("site.csv:{line}, cell 2: ")), "{text:?}: {found:?}");
    }
    // A flag says what it means: an address in a block is a mistake there.
    assert!(crate::inventory::Matcher::parse("10.20.0.10/24").is_err());
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(folder.path().join("site.csv"), utf16).expect("written");
    let loaded = Inventory::load(Some(&folder.path().join("site.csv")), &InventoryFlags::default()).expect("good");
    assert_eq!(loaded.entries().len(), 3);
}

#[test]
fn the_kind_of_file_is_told_by_its_text_if_its_name_does_not_say() {
    assert_eq!(listing("# x\naddress,role\n10.0.0.1,node\n", "list.txt"), ["10.0.0.1 node - -"]);
    assert_eq!(listing("# x\nnode = [\"10.0.0.1\"]\n", "list.txt"), ["10.0.0.1 node - -"]);
    assert_eq!(listing("", "nothing"), [""; 0]);
}

#[test]
fn unreadable_files_are_named() {
    let folder = tempfile::tempdir().expect("folder");
    let load = |path: &std::path::Path| {
        Inventory::load(Some(path), &InventoryFlags::default()).expect_err("an error").to_string()
    };
    let missing = folder.path().join("missing.toml");
    assert!(load(&missing).starts_with(&format!("{}: cannot read the inventory: ", missing.display())));
    assert!(load(folder.path()).contains("cannot read the inventory"));
    let latin = folder.path().join("latin.csv");
    std::fs::write(&latin, b"address,role,name\n10.0.0.1,node,B\xfcro\n").expect("written");
    assert!(load(&latin).contains("byte 33: neither UTF-8 nor UTF-16 text"), "{}", load(&latin));
}

#[test]
fn errors_are_bounded() {
    let text: String =
        std::iter::once("address,role\n".into()).chain((0..500).map(|i| format!("{i},node\n"))).collect();
    let errors = Inventory::parse(&text, "site.csv").expect_err("errors");
    assert_eq!((errors.errors.len(), errors.more), (50, 450));
    assert!(errors.to_string().ends_with("and 450 more errors"));
}

proptest! {
    #[test]
    fn toml_never_panics(text in "\\PC{0,200}") {
        let _ = Inventory::parse(&text, "x.toml");
    }

    #[test]
    fn csv_never_panics(text in "\\PC{0,200}") {
        let _ = Inventory::parse(&text, "x.csv");
    }

    #[test]
    fn likely_toml_never_panics(lines in prop::collection::vec(
        prop::sample::select(vec![
            "[[device]]", "device = 1", "address = \"10.0.0.1\"", "role = \"node\"", "role = 7", "mac = \"00:1b:c5\"",
            "node = [\"10.0.0.0/8\", 1]", "gateway = \"10.0.0.1\"", "[device]", "[node]", "x.y.z = {a = [1]}", "site = \"::/0\"",
            "infer = true", "name = '''\n'''", "site-name = \"\\u001b\"", "\u{feff}", "= = =", "é = \"ü\"",
        ]), 0..12)) {
        let _ = Inventory::parse(&lines.join("\n"), "x.toml");
    }

    #[test]
    fn likely_csv_never_panics(cells in prop::collection::vec(
        prop::sample::select(vec![
            "address", "role", "mac", "name", ",", ";", "\t", "\n", "\r\n", "\"", "\"\"", "10.0.0.1", "node", "#", "sep=", "00:1b:c5", "é",
        ]), 0..40)) {
        let _ = Inventory::parse(&cells.concat(), "x.csv");
    }
}

/// The blocks of docs/roles.md that are marked as one language.
fn examples(language: &str) -> Vec<&'static str> {
    let docs = include_str!("../../../docs/roles.md");
    let fence = format!("```{language}\n");
    let blocks = docs.split(fence.as_str()).skip(1);
    blocks.filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn the_examples_of_the_documentation_are_good() {
    let [toml] = examples("toml")[..] else { panic!("one TOML example") };
    assert_eq!(
        listing(toml, "site.toml"),
        [
            "10.0.1.17 node Corridor 3, east 3.1.0",
            "00:1b:c5:00:12:34 node Corridor 3, east 3.1.0",
            "10.0.0.1 gateway - -",
            "10.0.1.0/24 node - -",
            "00:1b:c5 node - -"
        ]
    );
    let [csv] = examples("csv")[..] else { panic!("one CSV example") };
    assert_eq!(
        listing(csv, "site.csv"),
        ["10.0.0.1 gateway Gateway 1.12.1", "10.0.1.0/24 node - -", "00:1b:c5:00:12:34 node Corridor 3, east 3.1.0"]
    );
}
