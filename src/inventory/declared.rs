//! What the user says of the site: entries from a file and from flags.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use super::error::{InventoryErrors, SourceLocation, missing, parse_role, shown};
use super::lookup::{Lookup, Segments, ties};
use super::matcher::Matcher;
use super::{csv_file, toml_file};
use crate::decode::MacAddr;
use crate::policy::Role;
use crate::text;

/// Largest inventory file that is read, in bytes.
pub const MAX_FILE: u64 = 64 << 20;
/// Most entries of an inventory.
pub const MAX_ENTRIES: usize = 1_000_000;

/// One line of the inventory: what it matches and what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What it speaks of.
    pub matcher: Matcher,
    /// The role it gives.
    pub role: Role,
    /// A name for people.
    pub name: Option<Arc<str>>,
    /// Software version.
    pub version: Option<Arc<str>>,
    /// Where it stands.
    pub place: SourceLocation,
}

/// The inventory part of the command line, as it was typed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InventoryFlags {
    /// Values of `--gateway`: addresses, blocks, ranges, MACs or MAC prefixes.
    pub gateway: Vec<String>,
    /// Values of `--node`.
    pub node: Vec<String>,
    /// Values of `--bacnet`.
    pub bacnet: Vec<String>,
    /// Values of `--site`: addresses, blocks or ranges that are ours, not external.
    pub site: Vec<String>,
    /// Value of `--site-name`; goes before the file's.
    pub site_name: Option<String>,
}

/// Whose site it is, and where, for who looks after many of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Labels {
    /// The customer.
    pub customer: Option<Arc<str>>,
    /// The building.
    pub building: Option<Arc<str>>,
}

/// What one line or table says of a device.
#[derive(Default)]
pub(super) struct Device {
    /// By its address, and by its MAC.
    pub(super) matchers: [Option<Matcher>; 2],
    pub(super) role: Option<Role>,
    pub(super) name: Option<Arc<str>>,
    pub(super) version: Option<Arc<str>>,
}

/// What is declared, before it is checked as a whole.
#[derive(Debug, Default)]
pub(super) struct Declarations {
    pub(super) entries: Vec<Entry>,
    pub(super) site: Vec<Matcher>,
    pub(super) site_name: Option<Arc<str>>,
    pub(super) labels: Labels,
    pub(super) infer: Option<bool>,
    /// Columns of a table that mean nothing here.
    pub(super) unread: Vec<String>,
    pub(super) errors: InventoryErrors,
}

impl Declarations {
    pub(super) fn error(&mut self, place: SourceLocation, problem: impl Into<String>) {
        self.errors.push(place, problem.into());
    }

    /// Adds an entry; at the limit an error, once.
    pub(super) fn entry(&mut self, entry: Entry) {
        match self.entries.len() {
            MAX_ENTRIES.. => {}
            len => {
                if len + 1 == MAX_ENTRIES {
                    let problem =
                        format!("more than {len} entries; declare blocks or MAC prefixes instead of single addresses");
                    self.error(entry.place.clone(), problem);
                }
                self.entries.push(entry);
            }
        }
    }

    /// Adds a device; `role` and `known_by` are what files call what it must have, the latter with what is expected.
    pub(super) fn device(&mut self, device: Device, place: &SourceLocation, role: &str, known_by: [&str; 2]) {
        let Device { matchers, role: Some(given), name, version } = device else {
            return self.error(place.clone(), missing(role, "gateway, node, bacnet or host"));
        };
        if matchers == [None, None] {
            return self.error(place.clone(), missing(known_by[0], known_by[1]));
        }
        for matcher in matchers.into_iter().flatten() {
            let (name, version, place) = (name.clone(), version.clone(), place.clone());
            self.entry(Entry { matcher, role: given, name, version, place });
        }
    }

    /// A role, or an error.
    pub(super) fn role(&mut self, text: &str, place: &SourceLocation) -> Option<Role> {
        parse_role(text).map_err(|problem| self.error(place.clone(), problem)).ok()
    }

    /// Text as a matcher, or an error at `place`.
    pub(super) fn matcher(&mut self, text: &str, place: &SourceLocation) -> Option<Matcher> {
        Matcher::parse(text).map_err(|why| self.no_matcher(text, place, &why)).ok()
    }

    /// The same of a cell of an export, where an address may stand with the length of its network's prefix.
    pub(super) fn exported(&mut self, text: &str, place: &SourceLocation) -> Option<Matcher> {
        Matcher::parse_exported(text).map_err(|why| self.no_matcher(text, place, &why)).ok()
    }

    fn no_matcher(&mut self, text: &str, place: &SourceLocation, why: &str) {
        self.error(place.clone(), format!("`{}`: {why}", shown(text)));
    }

    /// Text as a MAC or MAC prefix, or an error.
    pub(super) fn mac(&mut self, text: &str, place: &SourceLocation) -> Option<Matcher> {
        let matcher = self.matcher(text, place)?;
        if matcher.span().is_some() {
            self.no_matcher(text, place, "expected a MAC (00:1b:c5:01:02:03) or a MAC prefix (00:1b:c5)");
            return None;
        }
        Some(matcher)
    }

    /// Adds a block of the site.
    pub(super) fn site(&mut self, text: &str, place: &SourceLocation) {
        let Some(matcher) = self.matcher(text, place) else { return };
        if matcher.span().is_none() {
            return self.no_matcher(text, place, "a site is a block (10.0.0.0/8), a range or an address, not a MAC");
        }
        self.site.push(matcher);
    }

    /// A name or version: trimmed, nothing if it is empty, an error if it could do harm when printed.
    pub(super) fn text(&mut self, key: &'static str, text: &str, place: &SourceLocation) -> Option<Arc<str>> {
        const LONGEST: usize = 200;
        let text = text.trim();
        let why = if text.chars().any(char::is_control) {
            "contains control characters; write it as plain text"
        } else if text.chars().count() > LONGEST {
            "is longer than 200 characters"
        } else {
            return (!text.is_empty()).then(|| text.into());
        };
        self.error(place.clone(), format!("`{key}` {why}"));
        None
    }

    fn flags(&mut self, flags: &InventoryFlags) {
        for (name, role, values) in [
            ("--gateway", Role::Gateway, &flags.gateway),
            ("--node", Role::Node, &flags.node),
            ("--bacnet", Role::Bacnet, &flags.bacnet),
        ] {
            for value in values {
                let place = SourceLocation::Flag(format!("{name} {}", shown(value)).into());
                if let Some(matcher) = self.matcher(value, &place) {
                    self.entry(Entry { matcher, role, name: None, version: None, place });
                }
            }
        }
        for value in &flags.site {
            self.site(value, &SourceLocation::Flag(format!("--site {}", shown(value)).into()));
        }
        if let Some(name) = &flags.site_name {
            let place = SourceLocation::Flag("--site-name".into());
            self.site_name = self.text("site-name", name, &place);
        }
    }

    fn file(&mut self, path: &Path) {
        let name: Arc<str> = path.display().to_string().into();
        match read_bounded(path) {
            Ok(bytes) => self.bytes(&bytes, name),
            Err(problem) => self.error(SourceLocation::File(name), problem),
        }
    }

    /// A TOML or CSV file's content, told apart by its name's ending, else by its first lines.
    fn bytes(&mut self, bytes: &[u8], name: Arc<str>) {
        let text = match text::decode(bytes) {
            Ok(text) => text,
            Err(error) => {
                let problem = format!("{error}; save the file as UTF-8 (in Excel: \"CSV UTF-8\")");
                return self.error(SourceLocation::File(name), problem);
            }
        };
        if is_csv(&name, &text) {
            csv_file::read(&text, &name, self);
        } else {
            toml_file::read(&text, &name, self);
        }
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let unreadable = |error: std::io::Error| format!("cannot read the inventory: {error}");
    let too_large = |found: u64| format!("{found} bytes is too large for an inventory; at most {MAX_FILE} are read");
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    if size > MAX_FILE {
        return Err(too_large(size));
    }
    let mut bytes = Vec::new();
    // A pipe or a device says nothing of its size beforehand.
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    match bytes.len() as u64 {
        found if found > MAX_FILE => Err(too_large(found)),
        _ => Ok(bytes),
    }
}

fn is_csv(name: &str, text: &str) -> bool {
    match name.rsplit_once('.') {
        Some((_, ending)) if ending.eq_ignore_ascii_case("csv") => true,
        Some((_, ending)) if ending.eq_ignore_ascii_case("toml") => false,
        _ => {
            let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
            first.is_some_and(|line| !line.starts_with('[') && !line.contains('='))
        }
    }
}

/// What is declared of the site's hosts. [`Inventory::default`] declares nothing.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    entries: Vec<Entry>,
    lookup: Lookup,
    site: Segments,
    site_blocks: Vec<Matcher>,
    site_name: Option<Arc<str>>,
    labels: Labels,
    complete: bool,
    unread: Vec<String>,
}

impl Inventory {
    /// From a file (TOML or CSV) and the flags.
    ///
    /// # Errors
    /// Everything that is wrong with them, and entries that contradict each other.
    pub fn load(file: Option<&Path>, flags: &InventoryFlags) -> Result<Self, InventoryErrors> {
        let mut declarations = Declarations::default();
        declarations.flags(flags);
        let label = declarations.site_name.take();
        if let Some(path) = file {
            declarations.file(path);
        }
        declarations.site_name = label.or(declarations.site_name);
        Self::checked(declarations)
    }

    /// From the text of a TOML or CSV file; `name` is its path, for messages, and tells the two apart.
    ///
    /// # Errors
    /// As [`Inventory::load`].
    pub fn parse(text: &str, name: &str) -> Result<Self, InventoryErrors> {
        let mut declarations = Declarations::default();
        declarations.bytes(text.as_bytes(), name.into());
        Self::checked(declarations)
    }

    fn checked(declarations: Declarations) -> Result<Self, InventoryErrors> {
        let Declarations { entries, site, site_name, labels, infer, unread, mut errors } = declarations;
        let entries = unite(entries, &mut errors);
        let spans: Vec<_> = entries
            .iter()
            .zip(0u32..)
            .filter(|(entry, _)| !matches!(entry.matcher, Matcher::Address(_)))
            .filter_map(|(entry, at)| entry.matcher.span().map(|span| (span, at, entry.role)))
            .collect();
        for tie in ties(&spans) {
            let (Some(a), Some(b)) = (entries.get(tie.owners.0 as usize), entries.get(tie.owners.1 as usize)) else {
                continue;
            };
            let (first, last) = tie.overlap;
            let both = if first == last { first.to_string() } else { format!("{first}-{last}") };
            let subject = format!("{both} (in {} and in {}, which is as large)", b.matcher, a.matcher);
            errors.push(b.place.clone(), conflict(&subject, b, a));
        }
        if !errors.errors.is_empty() {
            errors.errors.sort_by(|a, b| a.place.cmp(&b.place));
            return Err(errors);
        }
        // A link has a prefix of 64 bits (RFC 7421), and all of it is where the declared host is.
        let igors = entries.iter().filter(|entry| entry.role.is_igor());
        let links: Vec<Matcher> = igors.filter_map(|entry| entry.matcher.link()).collect();
        Ok(Self {
            lookup: Lookup::new(&entries),
            site: Segments::new(site.iter().chain(&links).filter_map(|matcher| Some((matcher.span()?, 0)))),
            site_blocks: site,
            entries,
            site_name,
            labels,
            complete: infer == Some(false),
            unread,
        })
    }

    /// The entries, in the order in which they were declared; no two match the same.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Columns of the file that mean nothing here, as they are headed.
    pub fn unread(&self) -> &[String] {
        &self.unread
    }

    /// Label of the site.
    pub fn site_name(&self) -> Option<&str> {
        self.site_name.as_deref()
    }

    /// Whose site it is, and where.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Whether the inventory says of itself that it is complete (`infer = false`): no role is inferred.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether any entry gives this role.
    pub fn declares(&self, role: Role) -> bool {
        self.entries.iter().any(|entry| entry.role == role)
    }

    /// Whether an address is in a block of the site (`--site`).
    pub fn is_site(&self, address: IpAddr) -> bool {
        !self.site.is_empty() && self.site.find(address).is_some()
    }

    /// The blocks, ranges and addresses of the site (`--site`), as they were declared.
    pub fn site_blocks(&self) -> &[Matcher] {
        &self.site_blocks
    }

    /// The entry of exactly this address.
    pub fn by_address(&self, address: IpAddr) -> Option<&Entry> {
        self.entry(self.lookup.address(address))
    }

    /// The entry of the smallest block or range that holds an address.
    pub fn by_block(&self, address: IpAddr) -> Option<&Entry> {
        self.entry(self.lookup.block(address))
    }

    /// The entry of a MAC, else of its longest declared prefix.
    pub fn by_mac(&self, mac: MacAddr) -> Option<&Entry> {
        self.entry(self.lookup.mac(mac))
    }

    /// The most specific entry: by address, then block or range, then MAC, then MAC prefix.
    pub fn find(&self, address: IpAddr, mac: Option<MacAddr>) -> Option<&Entry> {
        self.by_address(address).or_else(|| self.by_block(address)).or_else(|| mac.and_then(|mac| self.by_mac(mac)))
    }

    /// What is declared, in a line: `3 entries: 1 gateway, 2 node`. A device with address and MAC is one.
    pub fn summary(&self) -> String {
        let mut roles: Vec<(&SourceLocation, Role)> =
            self.entries.iter().map(|entry| (&entry.place, entry.role)).collect();
        roles.sort_unstable();
        roles.dedup();
        let count = |role| roles.iter().filter(|(_, given)| *given == role).count();
        let parts: Vec<String> = Role::ALL
            .into_iter()
            .filter(|role| count(*role) > 0)
            .map(|role| format!("{} {}", count(role), role.name()))
            .collect();
        let plural = if roles.len() == 1 { "entry" } else { "entries" };
        let inferred: Vec<&str> = match self.complete {
            true => Vec::new(),
            false => Role::ALL.into_iter().filter(|role| role.is_igor() && count(*role) == 0).map(Role::name).collect(),
        };
        let mut text = format!("{} {plural}", roles.len());
        if !parts.is_empty() {
            text += &format!(": {}", parts.join(", "));
        }
        if !self.site_blocks.is_empty() {
            let plural = if self.site_blocks.len() == 1 { "" } else { "s" };
            text += &format!("; {} site block{plural}", self.site_blocks.len());
        }
        if !inferred.is_empty() {
            text += &format!("; roles still inferred from traffic: {}", inferred.join(", "));
        }
        text
    }

    /// Which addresses belong to which entry, the most specific one: disjoint ranges in order, IPv4
    /// first. Entries by MAC have none.
    pub fn ranges(&self) -> Vec<(IpAddr, IpAddr, &Entry)> {
        // Of spans of one size the lower owner wins: an address goes before a block of one address.
        let (addresses, others): (Vec<_>, Vec<_>) =
            self.entries.iter().partition(|entry| matches!(entry.matcher, Matcher::Address(_)));
        let order: Vec<&Entry> = addresses.into_iter().chain(others).collect();
        let spans = order.iter().zip(0u32..).filter_map(|(entry, at)| Some((entry.matcher.span()?, at)));
        let segments = Segments::new(spans);
        segments.iter().filter_map(|(first, last, at)| Some((first, last, *order.get(at as usize)?))).collect()
    }

    /// The blocks of the site (`--site`), first and last address, in order.
    pub fn site_ranges(&self) -> Vec<(IpAddr, IpAddr)> {
        self.site.iter().map(|(first, last, _)| (first, last)).collect()
    }

    fn entry(&self, at: Option<u32>) -> Option<&Entry> {
        self.entries.get(at? as usize)
    }
}

/// Makes one of entries that match the same; reports those that contradict each other.
fn unite(entries: Vec<Entry>, errors: &mut InventoryErrors) -> Vec<Entry> {
    let mut united: Vec<Entry> = Vec::with_capacity(entries.len());
    let mut seen: HashMap<Matcher, usize> = HashMap::with_capacity(entries.len());
    for entry in entries {
        // A block and a range of the same addresses are the same.
        let key = match entry.matcher {
            Matcher::Block(block) => Matcher::Range(block.network(), block.broadcast()),
            other => other,
        };
        let first = match seen.entry(key) {
            Slot::Vacant(slot) => {
                slot.insert(united.len());
                united.push(entry);
                continue;
            }
            Slot::Occupied(slot) => *slot.get(),
        };
        let Some(first) = united.get_mut(first) else { continue };
        if first.role != entry.role {
            errors.push(entry.place.clone(), conflict(&entry.matcher.to_string(), &entry, first));
            continue;
        }
        for (key, known, given) in
            [("name", &mut first.name, entry.name), ("version", &mut first.version, entry.version)]
        {
            match (known.as_deref(), given) {
                (Some(known), Some(given)) if known != &*given => {
                    let (here, there) = (shown(&given), shown(known));
                    let problem = format!(
                        "{} has the {key} \"{here}\" here, but \"{there}\" at {}; keep one of the two",
                        entry.matcher, first.place
                    );
                    errors.push(entry.place.clone(), problem);
                }
                (None, given) => *known = given,
                _ => {}
            }
        }
    }
    united
}

fn conflict(subject: &str, here: &Entry, there: &Entry) -> String {
    let [role, other] = [here, there].map(|entry| entry.role.name());
    format!("{subject} is {role} here, but {other} at {}; keep one of the two lines", there.place)
}
