use std::collections::BTreeSet;
use std::path::Path;

use super::*;

/// The vendor's document as facts of our own making, cell by cell.
const CELLS: &str = include_str!("../../tests/fixtures/vendor_document.csv");
const ANTIVIRUS: &str = include_str!("../../tests/fixtures/vendor_antivirus.csv");

/// What the fixture says and the policy does not, and what the policy says and the fixture does not.
fn differences(policy: &Policy) -> (Vec<String>, Vec<String>) {
    let facts: BTreeSet<String> = CELLS.lines().skip(1).map(str::to_owned).collect();
    let held: BTreeSet<String> = policy
        .cells()
        .iter()
        .map(|cell| {
            let document = policy.document_of(cell);
            format!(
                "{},{},{},{},{},{},{},{}",
                document.name,
                document.product,
                document.minimum_version,
                cell.role.name(),
                cell.direction.name(),
                cell.transport,
                cell.port,
                cell.service
            )
        })
        .collect();
    (facts.difference(&held).cloned().collect(), held.difference(&facts).cloned().collect())
}

fn problems(text: &str) -> Vec<String> {
    match Policy::parse(text, Path::new("site.toml")) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems().iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn the_embedded_policy_is_the_vendors_document() {
    let policy = Policy::embedded();
    assert_eq!(differences(&policy), (vec![], vec![]));
    let order: Vec<_> =
        policy.cells().iter().map(|cell| (cell.document, cell.direction, cell.transport, cell.port)).collect();
    assert!(order.is_sorted(), "the vendor's order: document, incoming, TCP, port");
    let count = |document| policy.cells().iter().filter(|cell| cell.document == document).count();
    assert_eq!([count(0), count(1), count(2), policy.cells().len()], [29, 28, 3, 60]);
    assert_eq!(CELLS.lines().count(), 61);
}

#[test]
fn a_wrong_cell_is_found() {
    for (from, to) in [
        ("incoming.udp = [69, 1050,", "incoming.udp = [1050,"),
        ("outgoing.tcp = [80, 88, 443, 1900, 1901]", "outgoing.tcp = [80, 88, 443, 1050, 1900, 1901]"),
        ("minimum_version = \"3.1.0\"", "minimum_version = \"3.0.1\""),
        ("service = \"CoAP\"", "service = \"COAP\""),
        ("product = \"Igor BACnet Service\"", "product = \"BACnet\""),
    ] {
        let text = EMBEDDED.replacen(from, to, 1);
        assert_ne!(text, EMBEDDED, "{from} stands in the policy");
        let policy = Policy::parse(&text, Path::new("igor.toml")).unwrap();
        assert_ne!(differences(&policy), (vec![], vec![]), "{to} goes unnoticed");
    }
}

#[test]
fn the_antivirus_list_is_the_vendors() {
    let policy = Policy::embedded();
    let held: Vec<String> = (policy.antivirus().paths.iter().map(|path| format!("path,{path}")))
        .chain(policy.antivirus().processes.iter().map(|process| format!("process,{process}")))
        .collect();
    assert_eq!(held, ANTIVIRUS.lines().skip(1).map(str::to_owned).collect::<Vec<_>>());
    assert_eq!((policy.antivirus().paths.len(), policy.antivirus().processes.len()), (2, 7));
}

#[test]
fn every_service_is_named_and_has_the_payload_of_its_transport() {
    let policy = Policy::embedded();
    for (transport, port, service, protocol) in [
        (Transport::Udp, 69, "TFTP", Some(Protocol::Tftp)),
        (Transport::Tcp, 80, "HTTP", Some(Protocol::Http)),
        (Transport::Tcp, 88, "Configuration", None),
        (Transport::Tcp, 443, "HTTPS", Some(Protocol::Tls)),
        (Transport::Udp, 1050, "Firmware Updating", None),
        (Transport::Udp, 1900, "UPnP", Some(Protocol::Ssdp)),
        (Transport::Tcp, 1900, "UPnP", Some(Protocol::Upnp)),
        (Transport::Udp, 1901, "UPnP", Some(Protocol::Ssdp)),
        (Transport::Tcp, 1901, "UPnP", Some(Protocol::Upnp)),
        (Transport::Udp, 5683, "CoAP", Some(Protocol::Coap)),
        (Transport::Udp, 50195, "Firmware Updating", None),
        (Transport::Udp, 50199, "Firmware Updating", None),
        (Transport::Udp, 47808, "BACnet/IP", Some(Protocol::Bacnet)),
    ] {
        assert_eq!(policy.service(transport, port), Some(service));
        assert_eq!(policy.expected_protocol(transport, port), protocol, "{transport} {port}");
    }
    assert_eq!(policy.service(Transport::Tcp, 69), None);
    assert!(!policy.is_documented_port(Transport::Udp, 443));
    assert!(policy.is_documented_port(Transport::Udp, 50197) && !policy.tells_server(Transport::Udp, 50197));
    assert!(policy.tells_server(Transport::Udp, 47808));
    assert_eq!(policy.documented_ports().count(), 16);
}

#[test]
fn a_rule_is_cited_in_words() {
    let policy = Policy::embedded();
    assert_eq!(policy.cite(Rule::None), "");
    assert_eq!(policy.cite(Rule::Cell(0)), "Igor Gateway Software 1.12.1 and higher, incoming TCP 80 (HTTP)");
    assert_eq!(policy.cite(Rule::Cell(57)), "Igor BACnet Service 1.0.0 and higher, incoming UDP 47808 (BACnet/IP)");
    assert_eq!(policy.cite(Rule::Cell(60)), "");
    assert!(policy.cite(Rule::Supporting(0)).starts_with("supporting dhcp: "));
}

#[test]
fn a_file_extends_the_vendors_documents() {
    let policy = Policy::parse(
        r#"
            name = "north campus"
            extends = "igor"
            without_supporting = ["netbios"]
            [[allowance]]
            name = "backup"
            from = "gateway"
            to = "10.9.8.7"
            transport = "tcp"
            ports = 445
            reason = "nightly backup, ticket 4711"
            [[supporting]]
            name = "ntp"
            transport = "udp"
            ports = [123]
            from = "any"
            to = "any"
            reason = "our nodes ask the provider"
            [[severity]]
            level = "alert"
            from = "gateway"
            to = "external"
        "#,
        Path::new("site.toml"),
    )
    .unwrap();
    assert_eq!((policy.name(), policy.cells().len()), ("north campus", 60));
    assert_eq!(policy.cite(Rule::Allowance(0)), "allowance \"backup\" (line 5): nightly backup, ticket 4711");
    let named = |name: &str| policy.supporting().iter().filter(|entry| entry.name == name).count();
    assert_eq!((named("netbios"), named("ntp"), named("dns")), (0, 1, 2));
    let case = Case::Unexpected(Reason::UndocumentedPort);
    assert_eq!(policy.severity(case, Role::Gateway, Role::External, Transport::Tcp, 22), Severity::Alert);
    assert_eq!(Policy::embedded().severity(case, Role::Gateway, Role::External, Transport::Tcp, 22), Severity::Warning);
}

#[test]
fn a_document_of_the_same_name_takes_the_place_of_the_vendors() {
    let policy = Policy::parse(
        r#"
            extends = "igor"
            [[document]]
            name = "node"
            product = "Igor Firmware"
            minimum_version = "4.0.0"
            role = "node"
            peer = "gateway"
            incoming = { tcp = [8080] }
            outgoing = {}
            legend = [{ port = 8080, service = "HTTP", tcp = "http" }]
        "#,
        Path::new("site.toml"),
    )
    .unwrap();
    assert_eq!(
        policy.documents().iter().map(|document| document.name.as_str()).collect::<Vec<_>>(),
        ["gateway", "node", "bacnet"]
    );
    assert_eq!(policy.cells().len(), 29 + 1 + 3);
    assert_eq!(policy.service(Transport::Tcp, 8080), Some("HTTP"));
}

#[test]
fn every_mistake_is_told_at_its_place() {
    let text = "extends = \"igor\"\n\n[[allowance]]\nform = \"gateway\"\nto = \"nod\"\ntransport = \"tpc\"\n\
                ports = [70000, \"9-1\"]\n[[severity]]\nlevel = \"high\"\n";
    assert_eq!(
        problems(text),
        [
            "3:1: an [[allowance]] has no \"from\"",
            "3:1: an [[allowance]] has no \"reason\"",
            "4:1: unknown key \"form\" in [[allowance]]; did you mean \"from\"?",
            "5:6: \"nod\" is no role; did you mean \"node\"?",
            "6:13: \"tpc\" is no transport; did you mean \"tcp\"?",
            "7:9: \"ports\" needs transport = tcp or udp beside it, and no other",
            "7:10: expected a port as a number from 1 to 65535, found the number 70000",
            "7:17: expected a port as a number, or a range such as \"8000-8100\", found the text \"9-1\"",
            "9:9: \"high\" is no severity; expected one of alert, warning, notice",
        ]
    );
}

#[test]
fn other_mistakes() {
    for (text, expected) in [
        ("", "1:1: the policy has no documents; put extends = \"igor\" at its top"),
        ("extends = \"igro\"", "1:11: \"igro\" is no policy to extend; did you mean \"igor\"?"),
        ("extends = ", "1:"),
        ("extends = \"igor\"\nallowance = 3", "2:13: expected a list of tables, [[allowance]], found the number 3"),
        (
            "extends = \"igor\"\n[[allowance]]\nfrom = \"10.0.0.300\"\nto = \"any\"\nreason = \"x\"",
            "3:8: \"10.0.0.300\" is no address or CIDR block",
        ),
        (
            "extends = \"igor\"\n[[allowance]]\nfrom = \"any\"\nto = \"any\"\nports = 22\nreason = \"x\"",
            "5:9: \"ports\" needs transport = tcp or udp",
        ),
        (
            "extends = \"igor\"\n[[allowance]]\nfrom = \"any\"\nto = \"any\"\nreason = \"\"",
            "5:10: expected a reason as text, found the text \"\"",
        ),
        ("extends = \"igor\"\nwithout_supporting = \"nbt\"", "2:22: \"nbt\" is no supporting protocol"),
        (
            "[[document]]\nname = \"a\"\nproduct = \"A\"\nminimum_version = \"new\"\nrole = \"node\"\npeer = \"gateway\"\n\
             incoming.tcp = [80]\noutgoing = {}\nlegend = [{ port = 81, service = \"x\" }]",
            "4:19: expected a version such as \"1.12.1\", found the text \"new\"",
        ),
        (
            "[[document]]\nname = \"a\"\nproduct = \"A\"\nminimum_version = \"1\"\nrole = \"node\"\npeer = \"gateway\"\n\
             incoming.tcp = [80]\noutgoing = {}\nlegend = [{ port = 80, service = \"x\", tcp = \"htp\" }]",
            "9:45: \"htp\" is no known protocol; did you mean \"http\"?",
        ),
        (
            "[[document]]\nname = \"a\"\nproduct = \"A\"\nminimum_version = \"1\"\nrole = \"node\"\npeer = \"gateway\"\n\
             incoming.tcp = [80, 82]\noutgoing = {}\nlegend = [{ port = 80, service = \"x\" }]",
            "7:21: port 82 is not in the legend of \"a\"",
        ),
    ] {
        let found = problems(text);
        assert!(found.iter().any(|problem| problem.starts_with(expected)), "{text}\n{found:#?}");
    }
}

#[test]
fn a_file_that_is_not_there_or_no_text_is_named() {
    let missing = Policy::load(Path::new("no/such/policy.toml")).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read the policy no/such/policy.toml: "), "{missing}");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"extends = \"igor\"\nname = \"\xff\"").unwrap();
    let error = Policy::load(file.path()).unwrap_err();
    assert_eq!(error.problems()[0].to_string(), "2:9: byte 25: neither UTF-8 nor UTF-16 text; save the file as UTF-8");
}

#[test]
fn the_examples_of_the_documentation_are_good() {
    let page = include_str!("../../docs/policy.md");
    let mut count = 0;
    for example in page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        assert_eq!(problems(example), [""; 0], "{example}");
        count += 1;
    }
    assert_eq!(count, 4);
}

/// Another vendor's list of ports as a policy, held against some of its lines.
#[test]
fn another_vendors_document_is_a_policy() {
    let text = include_str!("../../examples/policies/unifi-network.toml");
    assert_eq!(problems(text), [""; 0]);
    let policy = Policy::parse(text, Path::new("unifi-network.toml")).unwrap();
    assert_eq!(policy.documents().len(), 1, "Igor's own documents are left out");
    assert_eq!(policy.cells().len(), 11);
    assert!(!policy.supporting().is_empty() && policy.antivirus().paths.is_empty());
    for (direction, transport, port, service, peer) in [
        (Direction::Incoming, Transport::Udp, 3478, "STUN", Role::Node),
        (Direction::Incoming, Transport::Tcp, 8080, "Device and application communication", Role::Node),
        (Direction::Incoming, Transport::Udp, 10001, "Device discovery", Role::Node),
        (Direction::Incoming, Transport::Tcp, 8443, "Web interface", Role::Host),
        (Direction::Outgoing, Transport::Tcp, 8883, "Remote access service", Role::External),
    ] {
        let cell = policy.cells().iter().find(|cell| {
            (cell.direction, cell.transport, cell.port) == (direction, transport, port) && cell.admits(peer)
        });
        assert_eq!(cell.map(|cell| cell.service.as_str()), Some(service), "{transport} {port}");
    }
    assert!(policy.cells().iter().all(|cell| cell.port != 8443 || !cell.admits(Role::Node)));
}

/// What docs/policy-from-any-vendor.md says that mistakes look like.
#[test]
fn the_mistakes_of_the_documentation_are_told_as_it_says() {
    let page = include_str!("../../docs/policy-from-any-vendor.md");
    let block = |rest: &'static str| rest.split("```").next().unwrap();
    let mut count = 0;
    for rest in page.split("```toml wrong\n").skip(1) {
        let told = rest.split_once("```text\n").map(|(_, told)| block(told)).unwrap();
        assert_eq!(problems(block(rest)), told.lines().collect::<Vec<_>>(), "{}", block(rest));
        count += 1;
    }
    assert_eq!(count, 4);
}
