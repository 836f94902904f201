//! `--anonymize`: nothing of the site is left in any result, and the verdicts are the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::command::{entries, folder, run, sample};
use crate::mirror::{Mirror, host};
use crate::skips::{is_there, skipped};
use crate::tools::printed;
use crate::traffic::frame::{self, V4};
use crate::traffic::random::Random;
use crate::traffic::wire::SECOND;

/// The cells of a CSV file, with its header.
fn table(path: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(path).unwrap();
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// Columns of a table, by name.
fn columns(table: &[Vec<String>], names: &[&str]) -> Vec<Vec<String>> {
    let places: Vec<usize> =
        names.iter().map(|name| table[0].iter().position(|column| column == name).unwrap()).collect();
    table[1..].iter().map(|row| places.iter().map(|at| row[*at].clone()).collect()).collect()
}

/// What a finding is, without the words for a person.
const FINDING: [&str; 13] = [
    "severity",
    "verdict",
    "reason",
    "outcome",
    "client_role",
    "server_role",
    "transport",
    "server_port",
    "service",
    "flows",
    "packets",
    "bytes",
    "first_seen",
];

/// An inventory of what a run knew: addresses with a declared role, names and versions.
fn inventory_of(report: &Path) -> String {
    let rows = columns(&table(&report.join("inventory.csv")), &["address", "role", "name", "version"]);
    let declared = rows.iter().filter(|row| ["gateway", "node", "bacnet"].contains(&row[1].as_str()));
    let lines: Vec<String> = declared.map(|row| row.join(",")).collect();
    format!("address,role,name,version\n{}\n", lines.join("\n"))
}

struct Runs {
    out: tempfile::TempDir,
}

impl Runs {
    fn path(&self, name: &str) -> String {
        self.out.path().join(name).to_str().unwrap().to_owned()
    }

    fn analyze(&self, name: &str, capture: &str, more: &[&str]) {
        let (folder, evidence) = (self.path(name), self.path(&format!("{name}.pcapng")));
        let xlsx = format!("{folder}/survey.xlsx");
        fs::create_dir_all(&folder).unwrap();
        let common = ["analyze", "-q", "--format", "csv,json,html,ndjson,text", "-o", &folder, "--xlsx", &xlsx];
        let summary = run(common.iter().chain(&["--evidence", &evidence]).chain(more).chain([&capture])).expect(0, &[]);
        fs::write(format!("{folder}/summary.txt"), summary.out).unwrap();
    }
}

/// What tells whose network it is: addresses, link addresses, names, and the site's words.
fn secrets(plain: &Path, words: &[&str]) -> BTreeSet<String> {
    let mut secrets: BTreeSet<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let inventory = table(&plain.join("inventory.csv"));
    let own = ["role", "address", "mac", "name", "other_macs", "lldp_name", "switch"];
    for row in columns(&inventory, &own) {
        let well_known = row[0] == "group" || row[1].starts_with("0.") || row[1] == "::";
        let texts = row[1..].iter().flat_map(|cell| cell.split(';')).filter(|text| !text.is_empty() && !well_known);
        secrets.extend(texts.map(str::to_owned));
    }
    for row in columns(&table(&plain.join("flows.csv")), &["client_mac", "server_mac"]) {
        let unicast = |mac: &&String| mac.get(1..2).is_some_and(|digit| "02468ace".contains(digit));
        secrets.extend(row.iter().filter(unicast).cloned());
    }
    // Role words are names, too, in the samples.
    for word in ["gateway", "router", "node"] {
        secrets.remove(word);
    }
    secrets
}

fn is_part(text: &str, secret: &str) -> bool {
    let word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '.' || c == ':' || c == '-');
    text.match_indices(secret).any(|(at, _)| {
        !word(text[..at].chars().next_back())
            && !word(text[at + secret.len()..].chars().next().filter(|c| *c != '.' && *c != ':'))
    })
}

fn holds_none(report: &Path, secrets: &BTreeSet<String>) {
    let mut texts: Vec<(String, String)> = Vec::new();
    for path in entries(report, "") {
        let text = match path.extension().is_some_and(|ending| ending == "xlsx") {
            true => workbook(&path),
            false => fs::read_to_string(&path).unwrap(),
        };
        texts.push((path.display().to_string(), text));
    }
    assert!(texts.len() >= 9, "{}", texts.len());
    for (path, text) in &texts {
        for secret in secrets {
            assert!(!is_part(text, secret), "{secret} is in {path}");
        }
    }
}

/// Every part of a workbook, as text; empty, and told, where there is no Python.
fn workbook(path: &Path) -> String {
    let read = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\n\
                print(*(z.read(n).decode() for n in z.namelist()))";
    if !is_there("python3") {
        skipped("there is no python3 to open the workbook");
        return String::new();
    }
    printed(Command::new("python3").args(["-c", read]).arg(path))
}

/// Captures with other names and findings: duplicate addresses, switches that name themselves, mirrors.
#[test]
fn other_samples_tell_nothing_either() {
    for name in ["first-questions.pcapng", "erspan-mirror.pcap", "vxlan-mirror.pcap"] {
        // A fixed key: by a random one a host may by chance get the address of another.
        let runs = Runs { out: folder(&[("key", "0123456789abcdef".repeat(4).as_bytes())]) };
        let (capture, key) = (sample(name), runs.path("key"));
        runs.analyze("plain", capture.to_str().unwrap(), &[]);
        runs.analyze("other", capture.to_str().unwrap(), &["--anonymize", "--anonymize-key", &key]);
        let secrets = secrets(&runs.out.path().join("plain"), &[name]);
        assert!(secrets.len() > 3, "{name}: {secrets:?}");
        holds_none(&runs.out.path().join("other"), &secrets);
    }
}

#[test]
fn an_anonymized_survey_tells_nothing_of_the_site_and_judges_the_same() {
    let policy = "extends = \"igor\"\nname = \"Pier campus\"\n[[allowance]]\nname = \"backupjob\"\nfrom = \"gateway\"\n\
                  to = \"10.30.0.0/24\"\ntransport = \"tcp\"\nports = [445]\nreason = \"ticket for Mrs Pier\"\n";
    let key = "0123456789abcdef".repeat(4);
    let runs = Runs { out: folder(&[("pier.toml", policy.as_bytes()), ("key", key.as_bytes())]) };
    let (site, inventory) = (sample("site-survey.pcapng"), sample("site-survey.toml"));
    let (site, policy, key) = (site.to_str().unwrap(), runs.path("pier.toml"), runs.path("key"));
    let own = ["--inventory", inventory.to_str().unwrap(), "--policy", &policy];
    runs.analyze("plain", site, &own);
    runs.analyze("other", site, &[&own[..], &["--anonymize", "--anonymize-key", &key]].concat());
    let (plain, other) = (runs.out.path().join("plain"), runs.out.path().join("other"));

    // The verdicts are the same, finding by finding and flow by flow.
    let findings = |report: &Path| columns(&table(&report.join("findings.csv")), &FINDING);
    assert_eq!(findings(&plain), findings(&other));
    assert!(findings(&plain).len() > 10);
    let flows = |report: &Path| {
        let names = [
            "flow_id",
            "first_seen",
            "vlan",
            "transport",
            "client_port",
            "client_role",
            "server_port",
            "verdict",
            "reason",
            "outcome",
            "related_to",
        ];
        columns(&table(&report.join("flows.csv")), &names)
    };
    assert_eq!(flows(&plain), flows(&other));
    let coverage = |report: &Path| fs::read_to_string(report.join("coverage.csv")).unwrap();
    assert_eq!(coverage(&plain), coverage(&other));

    let words = ["Sample site", "Pier", "backupjob", "site-survey", "pier.toml"];
    let secrets = secrets(&plain, &words);
    assert!(secrets.len() > 80, "{}", secrets.len());
    holds_none(&other, &secrets);

    // The same of the evidence, as bytes; and what is left of it is judged as before.
    let evidence = fs::read(runs.path("other.pcapng")).unwrap();
    let has = |needle: &[u8]| evidence.windows(needle.len()).any(|window| window == needle);
    for secret in &secrets {
        let bytes: Vec<u8> = match secret.parse() {
            Ok(std::net::IpAddr::V6(address)) => address.octets().to_vec(),
            // Four bytes may stand anywhere by chance: the next check reads them as addresses.
            Ok(std::net::IpAddr::V4(_)) => continue,
            Err(_) => {
                assert!(!is_part(&String::from_utf8_lossy(&evidence), secret), "{secret} is in the evidence");
                continue;
            }
        };
        assert!(!has(&bytes), "{secret} is in the evidence");
    }
    for secret in &secrets {
        let pairs: Option<Vec<u8>> = secret.split(':').map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
        if let Some(mac) = pairs.filter(|mac| mac.len() == 6) {
            assert!(!has(&mac), "{secret} is in the evidence");
        }
    }
    let mut judged = Vec::new();
    for name in ["plain", "other"] {
        fs::write(runs.out.path().join(format!("{name}.csv")), inventory_of(&runs.out.path().join(name))).unwrap();
        let again = format!("{name}-again");
        runs.analyze(
            &again,
            &runs.path(&format!("{name}.pcapng")),
            &["--inventory", &runs.path(&format!("{name}.csv"))],
        );
        let mut found = columns(&table(&runs.out.path().join(&again).join("findings.csv")), &FINDING);
        found.sort();
        judged.push(found);
        let addresses = columns(&table(&runs.out.path().join(&again).join("inventory.csv")), &["address"]);
        if name == "other" {
            let known: Vec<_> = addresses.iter().filter(|row| secrets.contains(&row[0])).collect();
            assert!(known.is_empty(), "{known:?}");
        }
    }
    assert!(judged[0].len() > 5);
    assert_eq!(judged[0], judged[1], "the evidence is judged the same");

    // Another run with the same key is the same; without one, another.
    runs.analyze("same", site, &[&own[..], &["--anonymize", "--anonymize-key", &key]].concat());
    runs.analyze("new", site, &[&own[..], &["--anonymize"]].concat());
    let inventory = |name: &str| fs::read(runs.out.path().join(name).join("inventory.csv")).unwrap();
    assert_eq!(inventory("other"), inventory("same"));
    assert_ne!(inventory("other"), inventory("new"));
}

/// Captures of random addresses, with a router that sends nothing but errors, recorded routes, EUI-64 addresses, and names of
/// any length, roles' among them: none of it is left in any result or in the evidence.
#[test]
fn nothing_of_any_site_is_left() {
    const NAMES: [&str; 6] = ["gateway", "node", "ß", "照明", "host", "external"];
    for seed in 0..12 {
        let mut random = Random::new(seed);
        let any = |random: &mut Random| {
            let [b, c, d] = [random.between(11, 250), random.between(11, 250), random.between(11, 250)];
            let mut mac = [0x02; 6];
            mac[1..].copy_from_slice(&random.bytes(5));
            host(mac, [10, b as u8, c as u8, d as u8])
        };
        let [gateway, node, router] = [(); 3].map(|()| any(&mut random));
        let mut mirror = Mirror::default();
        mirror.knock(0, (gateway, 40_000), (node, 88));
        // The router quotes what it could not deliver; nobody speaks with it.
        let quoted = {
            let segment = frame::udp((gateway.address, 41_000), (node.address, 1050), &[1; 8]);
            frame::ipv4(gateway.v4(), node.v4(), frame::UDP, V4 { ttl: 63, ..V4::default() }, &segment)
        };
        mirror.udp(SECOND, (gateway, 41_000), (node, 1050), &[1; 8]);
        mirror.ip(2 * SECOND, router, gateway, frame::ICMP, &frame::icmp(3, 13, [0; 4], &quoted));
        // A packet that recorded its route (RFC 791 section 3.1).
        let route = [&[7, 7, 8][..], &router.v4().octets(), &[0]].concat();
        let payload = frame::udp((gateway.address, 42_000), (node.address, 7_777), b"a stranger's words");
        let head = V4 { ttl: 64, options: &route, ..V4::default() };
        let packet = frame::ipv4(gateway.v4(), node.v4(), frame::UDP, head, &payload);
        mirror.ethernet(3 * SECOND, gateway.mac, node.mac, 0x0800, &packet);
        // Addresses made of MACs (RFC 4291 appendix A).
        let eui = |mac: [u8; 6]| {
            let [a, b, c, d, e, f] = mac.map(u16::from);
            let groups = [(a ^ 2) << 8 | b, c << 8 | 0xff, 0xfe00 | d, e << 8 | f];
            format!("fe80::{:x}:{:x}:{:x}:{:x}", groups[0], groups[1], groups[2], groups[3])
        };
        let (six, other) = (gateway.at(&eui(gateway.mac)), node.at(&eui(node.mac)));
        mirror.udp(4 * SECOND, (six, 43_000), (other, 9_999), b"words");

        let name = |random: &mut Random| NAMES[random.below(NAMES.len() as u64) as usize];
        let names = [name(&mut random), name(&mut random)];
        let inventory = format!(
            "address,role,name\n{},gateway,{}\n{},node,{}\n10.9.9.0/24,node,Pier 7\n",
            gateway.address, names[0], node.address, names[1]
        );
        let runs = Runs { out: folder(&[("site.pcap", &mirror.tape.pcap()), ("site.csv", inventory.as_bytes())]) };
        runs.analyze("other", &runs.path("site.pcap"), &["--anonymize", "--inventory", &runs.path("site.csv")]);

        let hosts = [gateway, node, router, six, other];
        let mut secrets: BTreeSet<String> = hosts.iter().map(|host| host.address.to_string()).collect();
        let text = |mac: [u8; 6]| mac.map(|byte| format!("{byte:02x}")).join(":");
        secrets.extend(hosts.iter().map(|host| text(host.mac)));
        secrets.extend(["Pier 7", "10.9.9.0", "a stranger's words"].map(str::to_owned));
        holds_none(&runs.out.path().join("other"), &secrets);
        let cells = table(&runs.out.path().join("other/inventory.csv"));
        for row in columns(&cells, &["name"]) {
            assert!(row[0].is_empty() || !NAMES.contains(&row[0].as_str()), "{row:?}");
        }
        let findings = fs::read_to_string(runs.out.path().join("other/findings.csv")).unwrap();
        for name in names {
            assert!(!findings.contains(&format!("({name})")), "{name} stands behind its owner: {findings}");
        }
        let evidence = fs::read(runs.path("other.pcapng")).unwrap();
        for host in hosts {
            let mut needles = vec![host.mac.to_vec()];
            needles.push(host.mac.iter().rev().copied().collect());
            needles.push(match host.address {
                std::net::IpAddr::V4(address) => address.octets().to_vec(),
                std::net::IpAddr::V6(address) => address.octets()[8..].to_vec(),
            });
            for needle in needles {
                let found = evidence.windows(needle.len()).any(|window| window == needle);
                assert!(!found, "seed {seed}: {needle:02x?} of {} is in the evidence", host.address);
            }
        }
    }
}

/// Addresses that stand in other headers than an address's own place: of a Multipath TCP option (RFC 8684 section 3.4.1), of an
/// IPv6 routing header behind hop-by-hop options (RFC 8200 sections 4.3 and 4.4), and of the gateway that an ICMP redirect names.
#[test]
fn addresses_in_options_and_errors_are_not_left() {
    let gateway = host([2, 0x1a, 0x2b, 0x3c, 0x4d, 0x5e], [10, 131, 77, 19]);
    let node = host([2, 0x6f, 0x7a, 0x8b, 0x9c, 0xad], [10, 131, 92, 203]);
    let router = host([2, 0x11, 0x72, 0x83, 0x94, 0xa5], [10, 131, 88, 211]);
    let (unheard, by_way_of) =
        ([10_u8, 131, 201, 117], "fd4b:93d1:7c22:5d17::ab".parse::<std::net::Ipv6Addr>().unwrap());
    let mut mirror = Mirror::default();
    mirror.exchange(0, (gateway, 40_000), (node, 88), [1, 1]);
    // A SYN to a port that nobody lists, with ADD_ADDR of the node's address.
    let segment = frame::Segment { seq: 1, ack: 0, flags: frame::SYN, window: 64_240, payload: &[] };
    let mut syn = frame::tcp((gateway.address, 40_001), (node.address, 7_777), segment);
    syn.splice(20.., [&[30, 8, 0x34, 1][..], &node.v4().octets(), &[2, 4, 5, 180]].concat());
    let packet = frame::ipv4(gateway.v4(), node.v4(), frame::TCP, V4::default(), &syn);
    mirror.ethernet(SECOND, gateway.mac, node.mac, 0x0800, &packet);
    let asked = frame::udp((gateway.address, 41_000), (node.address, 7_778), b"words");
    let quoted = frame::ipv4(gateway.v4(), node.v4(), frame::UDP, V4::default(), &asked);
    mirror.udp(2 * SECOND, (gateway, 41_000), (node, 7_778), b"words");
    mirror.ip(3 * SECOND, router, gateway, frame::ICMP, &frame::icmp(5, 1, unheard, &quoted));
    let (six, other) = (gateway.at("fd00::1:5"), node.at("fd00::1:9"));
    let datagram = frame::udp((six.address, 43_000), (other.address, 7_779), b"words");
    let routing = [&[17, 2, 4, 1, 0, 0, 0, 0][..], &by_way_of.octets(), &datagram].concat();
    let chain = [&[43, 0, 5, 2, 0, 0, 1, 0][..], &routing].concat();
    let (std::net::IpAddr::V6(a), std::net::IpAddr::V6(b)) = (six.address, other.address) else { unreachable!() };
    mirror.ethernet(4 * SECOND, gateway.mac, node.mac, 0x86dd, &frame::ipv6(a, b, 0, 64, &chain));
    mirror.udp(5 * SECOND, (six, 43_001), (other, 7_780), b"words");

    let inventory = format!("address,role\n{},gateway\n{},node\n", gateway.address, node.address);
    let runs = Runs { out: folder(&[("site.pcap", &mirror.tape.pcap()), ("site.csv", inventory.as_bytes())]) };
    let inventory = runs.path("site.csv");
    runs.analyze("plain", &runs.path("site.pcap"), &["--inventory", &inventory]);
    runs.analyze("other", &runs.path("site.pcap"), &["--anonymize", "--inventory", &inventory]);
    let [plain, other] = ["plain.pcapng", "other.pcapng"].map(|name| fs::read(runs.path(name)).unwrap());
    let holds = |bytes: &[u8], needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    for needle in [&node.v4().octets()[..], &unheard, &by_way_of.octets()] {
        assert!(holds(&plain, needle), "the plain evidence shows {needle:02x?}");
        assert!(!holds(&other, needle), "{needle:02x?} is left");
    }
    assert!(holds(&other, &[2, 4, 5, 180]), "options that hold numbers stay");
}
