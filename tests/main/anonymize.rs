//! `--anonymize`: nothing of the site is left in any result, and the verdicts are the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::command::{folder, run, sample};

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
        let common = ["analyze", "-q", "--format", "csv,json,html,ndjson", "-o", &folder, "--evidence", &evidence];
        run(common.iter().chain(more).chain([&capture])).expect(0, &[]);
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

    // Nothing that tells whose network it is: addresses, link addresses, names, and the site's words.
    let mut secrets: BTreeSet<String> =
        ["Sample site", "Pier", "backupjob", "site-survey", "pier.toml"].map(str::to_owned).into();
    for row in columns(&table(&plain.join("inventory.csv")), &["address", "mac", "name", "role"]) {
        let well_known = row[3] == "group" || row[0].starts_with("0.") || row[0] == "::";
        secrets.extend(row[..3].iter().filter(|text| !text.is_empty() && !well_known).cloned());
    }
    for row in columns(&table(&plain.join("flows.csv")), &["client_mac", "server_mac"]) {
        let unicast = |mac: &&String| mac.get(1..2).is_some_and(|digit| "02468ace".contains(digit));
        secrets.extend(row.iter().filter(unicast).cloned());
    }
    // Role words are names, too, in this sample.
    for word in ["gateway", "router"] {
        secrets.remove(word);
    }
    assert!(secrets.len() > 80, "{}", secrets.len());
    let is_part = |text: &str, secret: &str| {
        let word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '.' || c == ':' || c == '-');
        text.match_indices(secret).any(|(at, _)| {
            !word(text[..at].chars().next_back())
                && !word(text[at + secret.len()..].chars().next().filter(|c| *c != '.' && *c != ':'))
        })
    };
    for file in fs::read_dir(&other).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for secret in &secrets {
            assert!(!is_part(&text, secret), "{secret} is in {}", path.display());
        }
    }

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
