//! TOML to a checked policy.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use toml::de::DeTable;

use super::index::MatcherIndex;
use super::interest::Interest;
use super::ports::PortMap;
use super::read::{Reader, Value};
use super::{
    Allowance, Antivirus, Cell, Direction, Document, FindingKind, LegendEntry, Matcher, Policy, PortSet, Problem,
    Reason, RoleSet, Severity, SeverityRow, Supporting, Version,
};
use crate::protocol::{Protocol, Transport};

const TOP_KEYS: &[&str] = &[
    "name",
    "title",
    "extends",
    "without_documents",
    "without_supporting",
    "document",
    "antivirus",
    "allowance",
    "supporting",
    "severity",
    "link",
    "health",
];
const DOCUMENT_KEYS: &[&str] =
    &["name", "product", "minimum_version", "role", "peer", "incoming", "outgoing", "legend", "peers"];
const ALLOWANCE_KEYS: &[&str] =
    &["name", "from", "to", "transport", "port", "ports", "client_ports", "types", "reason"];
const SUPPORTING_KEYS: &[&str] =
    &["name", "service", "from", "to", "transport", "port", "ports", "client_ports", "types", "reason"];
const SEVERITY_KEYS: &[&str] =
    &["level", "reason", "finding", "from", "to", "between", "transport", "port", "ports", "why"];
const SEVERITIES: &[(&str, Severity)] =
    &[("alert", Severity::Alert), ("warning", Severity::Warning), ("notice", Severity::Notice)];
const DIRECTIONS: &[(&str, Direction)] = &[("incoming", Direction::Incoming), ("outgoing", Direction::Outgoing)];

/// A table of the file and where it stands.
type TomlEntry<'a, 'i> = (&'a DeTable<'i>, Range<usize>);

/// Builds a policy, or tells every mistake in the text. `path` is `None` for the embedded policy.
pub(super) fn build(text: &str, path: Option<&Path>) -> Result<Policy, Vec<Problem>> {
    let (top, reader) = Reader::parse(text);
    let table = top.get_ref();
    reader.check_keys(table, "a policy", TOP_KEYS);

    let extends = table.get("extends").and_then(|value| reader.word(value, "policy to extend", &[("igor", ())]));
    let mut policy = match extends {
        Some(()) => Policy::clone(&Policy::embedded()),
        None => Policy { name: "unnamed".to_owned(), ..Policy::default() },
    };
    policy.path = path.map(Path::to_owned);
    for (key, field) in [("name", &mut policy.name), ("title", &mut policy.title)] {
        if let Some(text) = table.get(key).and_then(|value| reader.text(value, key)) {
            text.clone_into(field);
        }
    }

    documents(&reader, table, &mut policy);
    if policy.documents.is_empty() && !["extends", "document"].iter().any(|key| table.contains_key(*key)) {
        reader.complain(
            0..0,
            "the policy has no documents; put extends = \"igor\" at its top to add to the vendor's, \
             or write [[document]] tables of your own",
        );
    }
    for (entry, at) in reader.tables(table, "allowance", ALLOWANCE_KEYS) {
        policy.allowances.extend(allowance(&reader, (entry, at)));
    }
    supporting(&reader, table, &mut policy);
    let rows: Vec<_> = reader
        .tables(table, "severity", SEVERITY_KEYS)
        .into_iter()
        .filter_map(|entry| severity(&reader, entry))
        .collect();
    // The site's own rows come first, and the first that holds decides.
    policy.severities.splice(0..0, rows);
    policy.link.set(&reader, table);
    policy.health.set(&reader, table);
    if let Some(value) = table.get("antivirus")
        && let Some(entry) = reader.table(value, "[antivirus]", &["paths", "processes"])
    {
        let list = |key| {
            let value = entry.get(key);
            value.map(|value| reader.several(value, |one| reader.text(one, key).map(str::to_owned))).unwrap_or_default()
        };
        policy.antivirus = Antivirus { paths: list("paths"), processes: list("processes") };
    }
    super::check::too_many(&reader, &policy);

    let problems = reader.problems();
    if !problems.is_empty() {
        return Err(problems);
    }
    policy.index();
    Ok(policy)
}

impl Policy {
    fn index(&mut self) {
        let mut pairs: Vec<_> =
            self.cells.iter().zip(0u16..).map(|(cell, at)| ((cell.transport, cell.port), at)).collect();
        pairs.sort_unstable();
        let mut by_port: BTreeMap<u16, Vec<(Transport, Vec<u16>)>> = BTreeMap::new();
        self.documented.clear();
        for chunk in pairs.chunk_by(|a, b| a.0 == b.0) {
            let ((transport, port), _) = chunk[0];
            let cells = chunk.iter().map(|(_, at)| *at).collect();
            by_port.entry(port).or_default().push((transport, cells));
            self.documented.push((transport, port));
        }
        self.by_port = PortMap::new(by_port);
        self.allowed = MatcherIndex::new(self.allowances.iter().map(|entry| &entry.matcher));
        self.supported = MatcherIndex::new(self.supporting.iter().map(|entry| &entry.matcher));
        let allowed = self.allowances.iter().map(|entry| &entry.matcher);
        let matchers = allowed.chain(self.supporting.iter().map(|entry| &entry.matcher));
        self.interest = Interest::of(&self.cells, &self.severities, matchers);
    }
}

/// Adds the file's documents; one of the same name takes the place of the embedded one.
fn documents(reader: &Reader<'_>, table: &DeTable<'_>, policy: &mut Policy) {
    let entries = reader.tables(table, "document", DOCUMENT_KEYS);
    let without = without_documents(reader, table, policy);
    if entries.is_empty() && without.is_empty() {
        return;
    }
    let mut all: Vec<(Document, Vec<Cell>)> = policy
        .documents
        .drain(..)
        .zip(0u16..)
        .map(|(document, at)| {
            let cells = policy.cells.iter().filter(|cell| cell.document == at).cloned().collect();
            (document, cells)
        })
        .filter(|(document, _): &(Document, _)| !without.contains(&document.name))
        .collect();
    let mut own: Vec<String> = Vec::new();
    for (entry, at) in entries {
        let Some((document, cells)) = document(reader, entry, at.clone()) else { continue };
        if own.contains(&document.name) {
            reader.complain(at, format!("there is another document named \"{}\" above", document.name));
            continue;
        }
        own.push(document.name.clone());
        match all.iter_mut().find(|(other, _)| other.name == document.name) {
            Some(place) => *place = (document, cells),
            None => all.push((document, cells)),
        }
    }
    policy.cells.clear();
    for ((document, mut cells), at) in all.into_iter().zip(0u16..) {
        cells.iter_mut().for_each(|cell| cell.document = at);
        policy.documents.push(document);
        policy.cells.append(&mut cells);
    }
}

/// Documents of the extended policy that the file leaves out.
fn without_documents(reader: &Reader<'_>, table: &DeTable<'_>, policy: &Policy) -> Vec<String> {
    let Some(value) = table.get("without_documents") else { return Vec::new() };
    let known: Vec<_> = policy.documents.iter().map(|document| (document.name.as_str(), ())).collect();
    reader.several(value, |one| {
        let name = reader.text(one, "a name")?;
        reader.word(one, "document of the extended policy", &known)?;
        Some(name.to_owned())
    })
}

fn document(reader: &Reader<'_>, entry: &DeTable<'_>, at: Range<usize>) -> Option<(Document, Vec<Cell>)> {
    let what = "a [[document]]";
    let required = |key| reader.required(entry, &at, key, what);
    // Every key is read before any that is missing ends it, so that all mistakes are told.
    let name = required("name").and_then(|value| reader.text(value, "a name"));
    let product = required("product").and_then(|value| reader.text(value, "a product"));
    let version = required("minimum_version").and_then(|value| {
        let version = reader.text(value, "a version").and_then(Version::parse);
        if version.is_none() {
            reader.expected(value, "a version such as \"1.12.1\"");
        }
        version
    });
    let role = required("role").and_then(|value| reader.role(value));
    let peer = required("peer").and_then(|value| reader.role(value));
    let legend = required("legend").map(|value| legend(reader, value)).unwrap_or_default();
    let lists: Vec<_> = [("incoming", Direction::Incoming), ("outgoing", Direction::Outgoing)]
        .into_iter()
        .filter_map(|(key, direction)| Some((direction, reader.table(required(key)?, key, &["tcp", "udp"])?)))
        .collect();
    let (name, product, minimum_version, role, peer) = (name?, product?, version?, role?, peer?);

    let mut cells = Vec::new();
    for (direction, table) in lists {
        for (key, transport) in [("tcp", Transport::Tcp), ("udp", Transport::Udp)] {
            let Some(value) = table.get(key) else { continue };
            for (port, place) in reader.several(value, |one| Some((reader.number(one, "a port", 1..65536)?, one))) {
                let Ok(port) = u16::try_from(port) else { continue };
                let Some(line) = legend.iter().find(|line| line.port == port) else {
                    reader.complain(place.span(), format!("port {port} is not in the legend of \"{name}\""));
                    continue;
                };
                let seen = |cell: &Cell| (cell.direction, cell.transport, cell.port) == (direction, transport, port);
                if cells.iter().any(seen) {
                    reader.complain(place.span(), format!("port {port} stands here twice"));
                    continue;
                }
                cells.push(Cell {
                    document: 0,
                    role,
                    document_peer: peer,
                    peers: RoleSet::NONE.with(peer),
                    direction,
                    transport,
                    port,
                    service: line.service.clone(),
                    protocol: if transport == Transport::Tcp { line.tcp } else { line.udp },
                    on_demand: line.on_demand.clone(),
                });
            }
        }
    }
    peers(reader, entry, &mut cells);
    let document = Document { name: name.to_owned(), product: product.to_owned(), minimum_version, role, peer, legend };
    super::check::legend_is_used(reader, &document, &cells, &at);
    Some((document, cells))
}

fn legend(reader: &Reader<'_>, value: Value<'_, '_>) -> Vec<LegendEntry> {
    let protocols: Vec<_> = Protocol::ALL.iter().map(|protocol| (protocol.name(), *protocol)).collect();
    reader.several(value, |one| {
        let entry = reader.table(one, "a legend's line", &["port", "service", "tcp", "udp", "on_demand"])?;
        let (at, what) = (one.span(), "a legend's line");
        let port = reader.required(entry, &at, "port", what).and_then(|value| reader.number(value, "a port", 1..65536));
        let service = reader.required(entry, &at, "service", what).and_then(|value| reader.text(value, "a service"));
        let protocol = |key| entry.get(key).and_then(|value| reader.word(value, "known protocol", &protocols));
        let (tcp, udp) = (protocol("tcp"), protocol("udp"));
        let on_demand = entry.get("on_demand").and_then(|value| reader.text(value, "what makes it be used"));
        let on_demand = on_demand.map(str::to_owned);
        Some(LegendEntry { port: u16::try_from(port?).ok()?, service: service?.to_owned(), tcp, udp, on_demand })
    })
}

/// The cells that mean other peers than their document.
fn peers(reader: &Reader<'_>, document: &DeTable<'_>, cells: &mut [Cell]) {
    for (entry, at) in reader.tables(document, "peers", &["direction", "transport", "port", "roles", "reason"]) {
        let required = |key| reader.required(entry, &at, key, "a line of peers");
        let direction = required("direction").and_then(|value| reader.word(value, "direction", DIRECTIONS));
        let transport = required("transport").and_then(|value| reader.port_transport(value));
        let port = required("port").and_then(|value| reader.number(value, "a port", 1..65536));
        let roles = required("roles").map(|value| reader.roles(value));
        required("reason").and_then(|value| reader.text(value, "a reason"));
        let (Some(direction), Some(transport), Some(port), Some(roles)) = (direction, transport, port, roles) else {
            continue;
        };
        let meant =
            |cell: &&mut Cell| (cell.direction, cell.transport, u32::from(cell.port)) == (direction, transport, port);
        match cells.iter_mut().find(meant) {
            Some(cell) => cell.peers = roles,
            None => reader.complain(at, format!("the document lists no {} {transport} {port}", direction.name())),
        }
    }
}

fn matcher(reader: &Reader<'_>, (entry, at): &TomlEntry<'_, '_>, what: &str) -> Option<Matcher> {
    let end = |key| reader.required(entry, at, key, what).map(|value| reader.endpoint(value));
    let (from, to) = (end("from"), end("to"));
    let transports = entry.get("transport").map(|value| reader.transports(value)).unwrap_or_default();
    let set = |key, what, last| entry.get(key).map(|value| reader.ports(value, what, last));
    let ports = set("ports", "a port", u16::MAX).or_else(|| set("port", "a port", u16::MAX));
    let client_ports = set("client_ports", "a port", u16::MAX);
    let types = set("types", "an ICMP type", 255);
    super::check::ports_fit(reader, entry, &transports);
    let (ports, client_ports) = (ports.unwrap_or_default(), client_ports.unwrap_or_default());
    Some(Matcher { from: from?, to: to?, transports, ports, client_ports, types: types.unwrap_or_default() })
}

fn allowance(reader: &Reader<'_>, entry: TomlEntry<'_, '_>) -> Option<Allowance> {
    let what = "an [[allowance]]";
    let name = entry.0.get("name").and_then(|value| reader.text(value, "a name")).map(str::to_owned);
    let reason = reader.required(entry.0, &entry.1, "reason", what).and_then(|value| reader.text(value, "a reason"));
    let matcher = matcher(reader, &entry, what);
    Some(Allowance { name, matcher: matcher?, reason: reason?.to_owned(), line: reader.line(&entry.1) })
}

/// Adds the file's supporting entries. A name that the extended policy has is replaced, and the
/// names in `without_supporting` are left out.
fn supporting(reader: &Reader<'_>, table: &DeTable<'_>, policy: &mut Policy) {
    if let Some(value) = table.get("without_supporting") {
        let known: Vec<_> = policy.supporting.iter().map(|entry| (entry.name.as_str(), ())).collect();
        let without = reader.several(value, |one| {
            let name = reader.text(one, "a name")?;
            reader.word(one, "supporting protocol", &known)?;
            Some(name)
        });
        policy.supporting.retain(|entry| !without.contains(&entry.name.as_str()));
    }
    let what = "a [[supporting]]";
    let mut own = Vec::new();
    for entry in reader.tables(table, "supporting", SUPPORTING_KEYS) {
        let text = |key, what_it_is| {
            reader.required(entry.0, &entry.1, key, what).and_then(|value| reader.text(value, what_it_is))
        };
        let (name, reason) = (text("name", "a name"), text("reason", "a reason"));
        let service = entry.0.get("service").and_then(|value| reader.text(value, "a service")).or(name);
        let matcher = matcher(reader, &entry, what);
        if let (Some(name), Some(service), Some(matcher), Some(reason)) = (name, service, matcher, reason) {
            let (name, service, reason) = (name.to_owned(), service.to_owned(), reason.to_owned());
            own.push(Supporting { name, service, matcher, reason });
        }
    }
    policy.supporting.retain(|entry| own.iter().all(|other| other.name != entry.name));
    policy.supporting.append(&mut own);
}

fn severity(reader: &Reader<'_>, (entry, at): TomlEntry<'_, '_>) -> Option<SeverityRow> {
    let what = "a [[severity]]";
    let reasons: Vec<_> = Reason::ALL.iter().map(|reason| (reason.name(), *reason)).collect();
    let kinds: Vec<_> = FindingKind::ALL.iter().map(|kind| (kind.name(), *kind)).collect();
    let level = reader.required(entry, &at, "level", what);
    let level = level.and_then(|value| reader.word(value, "severity", SEVERITIES));
    let list = |key| entry.get(key);
    let roles = |key| list(key).map_or(RoleSet::ANY, |value| reader.roles(value));
    let between = list("between").and_then(|value| match reader.several(value, |one| reader.role(one))[..] {
        [a, b] => Some((a, b)),
        _ => {
            reader.expected(value, "two roles, such as [\"node\", \"gateway\"]");
            None
        }
    });
    let transports = list("transport").map(|value| reader.transports(value)).unwrap_or_default();
    super::check::ports_fit(reader, entry, &transports);
    let row = SeverityRow {
        level: Severity::Notice,
        reasons: list("reason")
            .map(|value| reader.several(value, |one| reader.word(one, "reason", &reasons)))
            .unwrap_or_default(),
        findings: list("finding")
            .map(|value| reader.several(value, |one| reader.word(one, "finding", &kinds)))
            .unwrap_or_default(),
        from: roles("from"),
        to: roles("to"),
        between,
        transports,
        ports: list("ports")
            .or(list("port"))
            .map_or_else(PortSet::default, |value| reader.ports(value, "a port", u16::MAX)),
        why: list("why").and_then(|value| reader.text(value, "a reason")).unwrap_or_default().to_owned(),
    };
    Some(SeverityRow { level: level?, ..row })
}
