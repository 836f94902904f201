//! A device's own description of its traffic (MUD, RFC 8520) as a policy.
//!
//! The description is turned into the TOML of a policy file, which is then read like any other:
//! `policy show --toml` prints it, for whoever wants to go on from there. What a policy cannot say
//! is told as a loss.

mod entry;
mod gather;
mod member;
mod place;
#[cfg(test)]
mod tests;
mod toml;

use serde_json::Value;

use super::{Problem, Role};
use entry::AccessEntry;
use member::{Member, Notes};

/// Where this tool's own descriptions are said to lie. The vendor publishes none; whoever does sets
/// a real one.
pub(crate) const AUTHORITY: &str = "https://igor.example/mud";

/// Entries of access lists that are read: a device's description is a page, not a database.
const ENTRIES: usize = 10_000;

pub(super) struct Translated {
    pub(super) toml: String,
    /// For each allowance, the line of its entry in the description.
    pub(super) lines: Vec<usize>,
    /// What the policy does not keep of the description, in words.
    pub(super) losses: Vec<String>,
}

/// What the description is of.
struct Described {
    role: Role,
    /// Short name, of letters, digits and hyphens.
    slug: String,
    product: String,
    version: String,
    url: String,
}

/// Which of a description's two lists an entry stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum MudList {
    /// `from-device-policy`.
    From,
    /// `to-device-policy`.
    To,
}

/// Whether a policy file is a MUD file: JSON, which no TOML file begins like.
pub(super) fn is_mud(text: &str) -> bool {
    text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).starts_with('{')
}

/// Reads a description.
///
/// # Errors
/// With every mistake in it, at its line and column and with the path of the member.
pub(super) fn translate(text: &str) -> Result<Translated, Vec<Problem>> {
    let text = text.trim_start_matches('\u{feff}');
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let message = format!("no valid JSON: {}", json_words(&error));
        vec![Problem { line: error.line().max(1), column: error.column().max(1), message }]
    })?;
    let notes = Notes::new(text);
    let translated = read(&Member::root(&value, &notes), &notes);
    let problems = notes.problems();
    match translated {
        Some(translated) if problems.is_empty() => Ok(translated),
        _ => Err(problems),
    }
}

/// What is wrong, without the place, which stands before it anyway.
fn json_words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

fn read(root: &Member<'_>, notes: &Notes<'_>) -> Option<Translated> {
    root.check_keys(&["ietf-mud:mud", "mud", "ietf-access-control-list:acls", "ietf-access-control-list:access-lists"]);
    let mud = root.required(&["ietf-mud:mud", "mud"], "a MUD file (RFC 8520)");
    let lists =
        root.required(&["ietf-access-control-list:acls", "ietf-access-control-list:access-lists"], "a MUD file");
    let (mud, lists) = (mud?, lists?);
    let device = device(&mud);
    let acls = lists.required(&["acl", "access-list"], "the access lists")?.list();
    let mut entries = Vec::new();
    let mut used = Vec::new();
    for (leg, key) in [(MudList::From, "from-device-policy"), (MudList::To, "to-device-policy")] {
        // A device that only listens, or only asks, need not have both.
        let Some(policy) = mud.get(&[key]) else { continue };
        let Some(names) = policy.required(&["access-lists"], "a policy") else { continue };
        for item in names.required(&["access-list"], "the access lists of a policy").into_iter().flat_map(|m| m.list())
        {
            let Some(named) = item.required(&["name", "acl-name"], "an access list") else { continue };
            let Some(name) = named.text() else { continue };
            let found = acls.iter().enumerate().find(|(_, acl)| acl_name(acl) == Some(name));
            let Some((at, acl)) = found else {
                named.complain(format!("there is no access list named \"{}\" in this file", clean(name)));
                continue;
            };
            used.push(at);
            let own = acl.required(&["aces", "access-list-entries"], "an access list");
            let own = own.and_then(|aces| aces.required(&["ace"], "the entries of an access list"));
            let lines = own.as_ref().map(Member::item_lines).unwrap_or_default();
            for (ace, line) in own.into_iter().flat_map(|ace| ace.list()).zip(lines) {
                if entries.len() >= ENTRIES {
                    ace.complain(format!(
                        "there are more than {ENTRIES} entries; no device's description needs so many"
                    ));
                    return None;
                }
                entries.extend(AccessEntry::read(&ace, (leg, at, line), &device, notes));
            }
        }
    }
    for (at, acl) in acls.iter().enumerate() {
        if !used.contains(&at) {
            let name = clean(acl_name(acl).unwrap_or_default());
            notes.lose(format!("the access list \"{name}\" is in neither policy of the device; it counts for nothing"));
        }
    }
    if used.is_empty() {
        mud.complain("neither from-device-policy nor to-device-policy names an access list: nothing is described");
    }
    let gathered = gather::gather(&entries, &device, notes);
    let losses = notes.losses(&device);
    let (toml, lines) = toml::write(&device, &gathered, &losses);
    Some(Translated { toml, lines, losses })
}

fn acl_name<'a>(acl: &Member<'a>) -> Option<&'a str> {
    acl.get(&["name", "acl-name"]).and_then(|name| name.value().as_str())
}

fn device(mud: &Member<'_>) -> Described {
    let url = mud.required(&["mud-url"], "the description of a device").and_then(|url| url.text()).unwrap_or_default();
    if let Some(version) = mud.get(&["mud-version"])
        && version.value().as_u64() != Some(1)
    {
        version.complain("expected version 1, the only one that is defined");
    }
    let word = |key: &str| mud.get(&[key]).and_then(|member| member.text()).map(clean).filter(|text| !text.is_empty());
    let (role, own_version) = role_of(url).unwrap_or((Role::Node, None));
    let last = url.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let last = last.split(['?', '#']).next().unwrap_or_default();
    let last = last.strip_suffix(".json").unwrap_or(last);
    let words: String =
        last.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let slug: String = words.trim_matches('-').chars().take(40).collect();
    let slug = if slug.is_empty() { "device".to_owned() } else { slug };
    let product = match (word("mfg-name"), word("model-name"), word("systeminfo")) {
        (Some(maker), Some(model), _) => format!("{maker} {model}"),
        (_, Some(one), _) | (_, None, Some(one)) | (Some(one), None, None) => one,
        (None, None, None) => slug.clone(),
    };
    let numbered = |key: &str| word(key).filter(|text| super::Version::parse(text).is_some());
    let version = own_version.or_else(|| numbered("firmware-rev")).or_else(|| numbered("software-rev"));
    Described { role, slug, product, version: version.unwrap_or_else(|| "0".to_owned()), url: url.to_owned() }
}

/// The role and version in the URL of one of this tool's own descriptions (`igor-ROLE-VERSION.json`).
fn role_of(url: &str) -> Option<(Role, Option<String>)> {
    let name = url.strip_prefix(AUTHORITY)?.strip_prefix("/igor-")?.strip_suffix(".json")?;
    let role = Role::ALL.into_iter().find(|role| name.starts_with(role.name()))?;
    let version = name.strip_prefix(role.name())?.strip_prefix('-').map(|text| text.replace('-', "."));
    Some((role, version))
}

/// Text of the file for a line of a person's: without control characters, and of bounded length.
fn clean(text: &str) -> String {
    let words: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    words.trim().to_owned()
}
