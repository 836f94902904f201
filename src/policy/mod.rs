//! The vendor's documents and the site's own allowances, as data.
//!
//! A servant: it imports no stage. The embedded policy (`igor.toml`) holds the vendor's three
//! documents cell by cell; `--policy FILE` extends or replaces it.

mod check;
mod document;
mod error;
mod index;
mod interest;
mod limits;
mod load;
mod matcher;
pub(crate) mod mud;
mod parts;
mod ports;
pub(crate) mod read;
mod severity;
#[cfg(test)]
mod tests;
mod version;
mod words;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

pub use document::{Cell, Document, LegendEntry, RoleSet};
pub use error::{PolicyError, Problem};
pub use limits::{HealthLimits, LinkLimits};
pub use matcher::{Allowance, Endpoint, Matcher, Party, PortSet, Supporting};
pub use severity::{Case, SeverityRow};
pub use version::Version;
pub use words::{Direction, FindingKind, Reason, Role, Rule, Severity};

use crate::protocol::{Protocol, Transport};
use crate::text;
use index::MatcherIndex;
use interest::Interest;
use ports::PortMap;

const EMBEDDED: &str = include_str!("igor.toml");

/// Bytes that a policy file may have.
const LARGEST: u64 = 16 << 20;

/// Ports that lie in the ephemeral range: a client may hold one by chance, so that the number
/// alone does not tell who is the server.
const EPHEMERAL: std::ops::RangeInclusive<u16> = 49_152..=u16::MAX;

/// The documents and rules that a survey is held against.
#[derive(Clone, Default, Debug)]
pub struct Policy {
    name: String,
    title: String,
    path: Option<PathBuf>,
    documents: Vec<Document>,
    cells: Vec<Cell>,
    /// The documented ports, ascending by transport and port.
    documented: Vec<(Transport, u16)>,
    /// For each of these ports and its transports the cells, by index.
    by_port: PortMap<Vec<(Transport, Vec<u16>)>>,
    /// Which allowances and supporting entries a flow may match.
    allowed: MatcherIndex,
    supported: MatcherIndex,
    /// What tells flows apart.
    interest: Interest,
    allowances: Vec<Allowance>,
    supporting: Vec<Supporting>,
    severities: Vec<SeverityRow>,
    antivirus: Antivirus,
    link: LinkLimits,
    health: HealthLimits,
    losses: Vec<String>,
    toml: Option<String>,
}

/// What the vendor wants antivirus software on the gateway to leave alone.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Antivirus {
    /// Folders, as Windows paths.
    pub paths: Vec<String>,
    /// Processes, as Windows paths.
    pub processes: Vec<String>,
}

impl Policy {
    /// The vendor's documents as they are built in.
    pub fn embedded() -> Arc<Self> {
        static POLICY: OnceLock<Arc<Policy>> = OnceLock::new();
        let build = || Arc::new(load::build(EMBEDDED, None).expect("a test holds that the embedded policy is good"));
        Arc::clone(POLICY.get_or_init(build))
    }

    /// A policy file, which extends (`extends = "igor"`) or replaces the embedded one.
    ///
    /// # Errors
    /// If the file cannot be read, or with every mistake in it at its line and column.
    pub fn load(path: &Path) -> Result<Arc<Self>, PolicyError> {
        let read = |source| PolicyError::Read(path.to_owned(), source);
        let bytes = text::beginning(path, LARGEST + 1).map_err(read)?;
        if bytes.len() as u64 > LARGEST {
            let message = format!("the file is larger than {LARGEST} bytes: this is no policy");
            let problems = vec![Problem { line: 1, column: 1, message }];
            return Err(PolicyError::Invalid { path: path.to_owned(), problems });
        }
        let text = text::decode(&bytes).map_err(|error| {
            let valid = String::from_utf8_lossy(bytes.get(..error.valid).unwrap_or_default()).into_owned();
            let (line, column) = text::position(&valid, valid.len());
            let message = format!("{error}; save the file as UTF-8");
            PolicyError::Invalid { path: path.to_owned(), problems: vec![Problem { line, column, message }] }
        })?;
        Self::parse(&text, path)
    }

    /// The same from text; `path` names it in messages and citations. JSON is read as a device's own
    /// description (MUD, RFC 8520).
    ///
    /// # Errors
    /// With every mistake in it at its line and column.
    pub fn parse(text: &str, path: &Path) -> Result<Arc<Self>, PolicyError> {
        let policy = if mud::is_mud(text) { Self::from_mud(text, path) } else { load::build(text, Some(path)) };
        policy.map(Arc::new).map_err(|problems| PolicyError::Invalid { path: path.to_owned(), problems })
    }

    fn from_mud(text: &str, path: &Path) -> Result<Self, Vec<Problem>> {
        let mud::Translated { toml, lines, losses } = mud::translate(text)?;
        let mut policy = load::build(&toml, Some(path))?;
        for (allowance, line) in policy.allowances.iter_mut().zip(lines) {
            allowance.line = line;
        }
        Ok(Self { losses, toml: Some(toml), ..policy })
    }

    /// The text of the embedded policy: a template for a file of one's own.
    pub const fn embedded_text() -> &'static str {
        EMBEDDED
    }

    /// Name of the policy.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Title of the vendor's document.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The file it came from; `None` if it is the embedded one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The vendor's tables, in the vendor's order.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// Whether a document speaks of a role's own ports.
    pub fn owns(&self, role: Role) -> bool {
        self.documents.iter().any(|document| document.role == role)
    }

    /// Every cell in the vendor's order: document, incoming before outgoing, TCP before UDP, port.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The document of a cell.
    pub fn document_of(&self, cell: &Cell) -> &Document {
        &self.documents[usize::from(cell.document)]
    }

    /// The site's own allowances, in the order of the file.
    pub fn allowances(&self) -> &[Allowance] {
        &self.allowances
    }

    /// The supporting protocols, in the order of the file.
    pub fn supporting(&self) -> &[Supporting] {
        &self.supporting
    }

    /// The severity table: the first row that holds decides.
    pub fn severities(&self) -> &[SeverityRow] {
        &self.severities
    }

    /// From when on what is said of the link itself is a finding.
    pub const fn link(&self) -> &LinkLimits {
        &self.link
    }

    /// From when on what is said of how well the network works is a finding.
    pub const fn health(&self) -> &HealthLimits {
        &self.health
    }

    /// What the policy does not keep of the file it came from, in words. Only a MUD file loses any.
    pub fn losses(&self) -> &[String] {
        &self.losses
    }

    /// What a site wrote in words: names and reasons of allowances, of supporting entries and severities.
    pub fn site_texts(&self) -> Vec<String> {
        let words = |policy: &Self| -> Vec<String> {
            let supporting = policy.supporting.iter().flat_map(|entry| [entry.reason.clone(), entry.service.clone()]);
            supporting.chain(policy.severities.iter().map(|row| row.why.clone())).collect()
        };
        let known = words(&Self::embedded());
        let mut texts: Vec<String> = words(self).into_iter().filter(|text| !known.contains(text)).collect();
        for allowance in &self.allowances {
            texts.extend(allowance.name.clone());
            texts.push(allowance.reason.clone());
        }
        texts
    }

    /// The same rules to give away: a site's own words and addresses replaced, its file's name too. For
    /// printing: nothing can be held against it.
    #[must_use]
    pub fn with_texts(&self, path: &Path, text: impl Fn(&str) -> String) -> Self {
        let mut policy = self.clone();
        if self.path.is_none() {
            return policy;
        }
        let own = self.site_texts();
        let hidden = |old: &str| if own.iter().any(|own| own == old) { "(left out)".to_owned() } else { text(old) };
        policy.path = Some(path.to_owned());
        policy.toml = None;
        policy.name = if self.name == Self::embedded().name { self.name.clone() } else { "site".to_owned() };
        policy.title = text(&self.title);
        policy.losses = self.losses.iter().map(|loss| text(loss)).collect();
        for allowance in &mut policy.allowances {
            allowance.name = allowance.name.as_deref().map(hidden);
            allowance.reason = hidden(&allowance.reason);
            allowance.matcher.from.blocks.clear();
            allowance.matcher.to.blocks.clear();
        }
        for entry in &mut policy.supporting {
            entry.reason = hidden(&entry.reason);
            entry.service = hidden(&entry.service);
            entry.matcher.from.blocks.clear();
            entry.matcher.to.blocks.clear();
        }
        for row in &mut policy.severities {
            row.why = hidden(&row.why);
        }
        policy
    }

    /// A MUD file as the policy file that it was read as.
    pub fn mud_as_toml(&self) -> Option<&str> {
        self.toml.as_deref()
    }

    /// What antivirus software on the gateway must leave alone.
    pub fn antivirus(&self) -> &Antivirus {
        &self.antivirus
    }

    /// The cells of a port, by index in [`Policy::cells`]; empty if it is not documented.
    #[inline]
    pub fn cells_on(&self, transport: Transport, port: u16) -> &[u16] {
        let Some(of_port) = self.by_port.get(port) else { return &[] };
        of_port.iter().find(|(of, _)| *of == transport).map_or(&[], |(_, cells)| cells)
    }

    /// Whether any document lists the port for this transport.
    pub fn is_documented_port(&self, transport: Transport, port: u16) -> bool {
        !self.cells_on(transport, port).is_empty()
    }

    /// Whether the port number alone tells who is the server: documented, and not in the ephemeral
    /// range, where a client may hold it by chance.
    pub fn tells_server(&self, transport: Transport, port: u16) -> bool {
        !EPHEMERAL.contains(&port) && self.is_documented_port(transport, port)
    }

    /// The documented ports, ascending by transport and port.
    pub fn documented_ports(&self) -> impl Iterator<Item = (Transport, u16)> {
        self.documented.iter().copied()
    }

    /// The vendor's word for a port, whoever uses it.
    pub fn service(&self, transport: Transport, port: u16) -> Option<&str> {
        self.cells_on(transport, port).first().map(|cell| self.cells[usize::from(*cell)].service.as_str())
    }

    /// The word for what a flow is: the vendor's for a documented port, else that of the rule.
    pub fn service_by(&self, rule: Rule, transport: Transport, port: u16) -> Option<&str> {
        match self.named_by(rule, transport, port) {
            Rule::Supporting(at) => self.supporting.get(usize::from(at)).map(|entry| entry.service.as_str()),
            Rule::Cell(at) => self.cells.get(usize::from(at)).map(|cell| cell.service.as_str()),
            _ => None,
        }
    }

    /// Whose word it is: a supporting entry's or a cell's, or [`Rule::None`].
    pub fn named_by(&self, rule: Rule, transport: Transport, port: u16) -> Rule {
        match rule {
            Rule::Supporting(_) => rule,
            _ => self.cells_on(transport, port).first().map_or(Rule::None, |cell| Rule::Cell(*cell)),
        }
    }

    /// What the payload on a documented port must be, where the format is public.
    pub fn expected_protocol(&self, transport: Transport, port: u16) -> Option<Protocol> {
        self.cells_on(transport, port).iter().find_map(|cell| self.cells[usize::from(*cell)].protocol)
    }

    /// The first allowance that a flow matches.
    pub fn allowance(&self, client: &Party, server: &Party, transport: Transport, kind: Option<u8>) -> Option<u16> {
        let matcher = |at| self.allowances.get(usize::from(at)).map(|entry| &entry.matcher);
        self.allowed.first(matcher, (client, server), transport, kind)
    }

    /// The first supporting entry that a flow matches.
    pub fn support(&self, client: &Party, server: &Party, transport: Transport, kind: Option<u8>) -> Option<u16> {
        let matcher = |at| self.supporting.get(usize::from(at)).map(|entry| &entry.matcher);
        self.supported.first(matcher, (client, server), transport, kind)
    }

    /// Whether a document, a rule or a severity names a port. All other ports are alike.
    #[inline]
    pub fn names_port(&self, port: u16) -> bool {
        self.interest.names(port)
    }

    /// Whether a rule names a port as the client's. All others are alike there.
    #[inline]
    pub fn names_client_port(&self, port: u16) -> bool {
        self.interest.names_client(port)
    }

    /// Whether what goes to a server's port may be decided by the address of an end, not by roles and ports alone.
    #[inline]
    pub fn looks_at_addresses(&self, transport: Transport, server_port: u16) -> bool {
        self.interest.looks_at_addresses(transport, server_port)
    }

    /// How much it matters. Without a row that holds, a notice.
    pub fn severity(&self, case: Case, client: Role, server: Role, transport: Transport, port: u16) -> Severity {
        self.severities
            .iter()
            .find(|row| row.holds(case, client, server, transport, port))
            .map_or(Severity::Notice, |row| row.level)
    }

    /// What decided, in words; empty for [`Rule::None`].
    pub fn cite(&self, rule: Rule) -> String {
        match rule {
            Rule::None => String::new(),
            Rule::Cell(at) => self.cells.get(usize::from(at)).map_or_else(String::new, |cell| self.cite_cell(cell)),
            Rule::Allowance(at) => self.allowances.get(usize::from(at)).map_or_else(String::new, |entry| {
                let name = entry.name.as_ref().map_or_else(String::new, |name| format!(" \"{name}\""));
                format!("allowance{name} (line {}): {}", entry.line, entry.reason)
            }),
            Rule::Supporting(at) => self
                .supporting
                .get(usize::from(at))
                .map_or_else(String::new, |entry| format!("supporting {}: {}", entry.name, entry.reason)),
        }
    }

    fn cite_cell(&self, cell: &Cell) -> String {
        let Cell { direction, transport, port, service, .. } = cell;
        let transport = if *transport == Transport::Tcp { "TCP" } else { "UDP" };
        let document = self.document_of(cell);
        format!(
            "{} {} and higher, {} {transport} {port} ({service})",
            document.product,
            document.minimum_version,
            direction.name()
        )
    }
}
