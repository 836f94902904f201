//! The inferred roles as a file for a person to correct.

use std::fmt::Write as _;

use super::declared::{Entry, Inventory};
use super::host::{Host, Hosts, RoleSource};
use crate::policy::Role;
use crate::text::times;

/// How many hosts without a role are listed as comments.
const MOST_OTHERS: usize = 500;

/// A TOML inventory that gives every host of a survey the role it has there: what `inventory`
/// declared, then what was inferred from the traffic, with reason and confidence as comments.
///
/// Reading it back (`--inventory`) gives the same roles for the same captures.
pub fn draft(hosts: &Hosts, inventory: &Inventory) -> String {
    let mut out = String::from(
        "# Draft inventory, written by `igorscope inventory infer` from the traffic.\n\
         # Roles are guesses until somebody who knows the site has read them: correct them, add names\n\
         # and software versions, and use the file with --inventory.\n\n",
    );
    if let Some(name) = inventory.site_name() {
        let _ = writeln!(out, "site-name = {}", quoted(name));
    }
    let labels = inventory.labels();
    for (key, label) in [("customer", &labels.customer), ("building", &labels.building)] {
        if let Some(label) = label {
            let _ = writeln!(out, "{key} = {}", quoted(label));
        }
    }
    if !inventory.site_blocks().is_empty() {
        let blocks: Vec<String> = inventory.site_blocks().iter().map(|block| quoted(&block.to_string())).collect();
        let _ = writeln!(out, "site = [{}]", blocks.join(", "));
    }
    let knows = |role| inventory.declares(role) || hosts.iter().any(|host| host.role == role);
    if inventory.is_complete() || knows(Role::Gateway) && knows(Role::Node) {
        out.push_str("# The list is complete: give no other host a role by its traffic.\ninfer = false\n");
    } else {
        // A list that lacks one or the other would keep it from ever being found.
        out.push_str(
            "# No gateway, or no node, is known yet. Once the list is complete: give no other host a role by its traffic.\n\
             # infer = false\n",
        );
    }
    for entry in inventory.entries() {
        declared(&mut out, entry);
    }
    for role in [Role::Gateway, Role::Node, Role::Bacnet] {
        let inferred = hosts.iter().filter(|host| host.source == RoleSource::Inferred && host.role == role);
        for host in inferred {
            device(&mut out, host);
        }
    }
    others(&mut out, hosts);
    out
}

fn declared(out: &mut String, entry: &Entry) {
    let _ = write!(
        out,
        "\n[[device]] # declared\naddress = {}\nrole = {}\n",
        quoted(&entry.matcher.to_string()),
        quoted(entry.role.name())
    );
    for (key, value) in [("name", &entry.name), ("version", &entry.version)] {
        if let Some(value) = value {
            let _ = writeln!(out, "{key} = {}", quoted(value));
        }
    }
}

fn device(out: &mut String, host: &Host) {
    let _ = write!(
        out,
        "\n# {} %: {}\n[[device]]\naddress = {}{}\nrole = {}\n# name = \"\"\n# version = \"\"\n",
        host.confidence,
        comment(&host.basis),
        quoted(&host.address.to_string()),
        host.mac.map(|mac| format!(" # MAC {mac}")).unwrap_or_default(),
        quoted(host.role.name()),
    );
}

/// The site's hosts that got no role, as comments.
fn others(out: &mut String, hosts: &Hosts) {
    let is_other = |host: &&Host| host.role == Role::Host && host.source == RoleSource::Address;
    let count = hosts.iter().filter(is_other).count();
    if count == 0 {
        return;
    }
    let _ = write!(out, "\n# {} of the site got no role:\n", times(count as u64, "host", "hosts"));
    for host in hosts.iter().filter(is_other).take(MOST_OTHERS) {
        let mac = host.mac.map(|mac| format!(" (MAC {mac})")).unwrap_or_default();
        let _ = writeln!(out, "# {}{mac}: {}", host.address, comment(&host.basis));
    }
    if count > MOST_OTHERS {
        let _ = writeln!(out, "# and {} more", count - MOST_OTHERS);
    }
}

/// Text as a TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.into()).to_string()
}

/// Text that cannot end its comment.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
