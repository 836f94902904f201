//! The formats, and what they have in common.

use super::ends::Side;
use super::rules::RuleList;
use super::{cisco, iptables, mud, nftables, table, text, windows};
use crate::text::named;

named! {
    /// What rules are written as.
    pub enum Format {
        /// nftables, for `nft -f`.
        Nftables = "nftables",
        /// iptables and ip6tables, as a shell script.
        Iptables = "iptables",
        /// Windows Defender Firewall, as a PowerShell script.
        Windows = "windows",
        /// Cisco IOS extended access lists.
        Cisco = "cisco-ios",
        /// A change request as CSV.
        Csv = "csv",
        /// A change request as a Markdown table.
        Markdown = "markdown",
        /// A Manufacturer Usage Description (RFC 8520).
        Mud = "mud",
    }
}

/// A written file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exported {
    /// A name for it.
    pub file_name: String,
    /// The content.
    pub text: String,
    /// What the format cannot express of the rules; the file says it too.
    pub losses: Vec<String>,
    /// Limits of the device that so many rules or addresses may meet; the file says them too.
    pub limits: Vec<String>,
}

impl Exported {
    /// Lines of the file.
    pub fn lines(&self) -> usize {
        self.text.lines().count()
    }
}

/// Why a format cannot hold the rules of a place at all.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{format} {why}; use {instead}")]
pub struct Unfit {
    /// The format.
    pub format: Format,
    /// Why.
    pub why: &'static str,
    /// What to ask for instead.
    pub instead: &'static str,
}

/// What a format's file says and leaves out.
pub(super) struct Written {
    pub(super) text: String,
    pub(super) losses: Vec<String>,
    pub(super) limits: Vec<String>,
}

/// More rules or addresses than this may be too many for a device: smaller lists fit everywhere.
pub(super) const MANY: usize = 1_000;

impl Format {
    /// Writes the rules.
    ///
    /// # Errors
    /// If the format has no such place.
    pub fn export(self, list: &RuleList) -> Result<Exported, Unfit> {
        const SIDES: &str = "--side gateway or --side nodes";
        if list.log_only && !matches!(self, Self::Nftables | Self::Iptables | Self::Cisco) {
            let why = "has no form that only logs";
            return Err(Unfit { format: self, why, instead: "--log-only with nftables, iptables or cisco-ios" });
        }
        let (write, ending): (fn(&RuleList) -> Written, _) = match self {
            Self::Nftables => (nftables::write, ".nft"),
            Self::Iptables => (iptables::write, "-iptables.sh"),
            Self::Windows if list.side == Side::Firewall => {
                let why = "guards the machine it runs on and cannot stand between";
                return Err(Unfit { format: self, why, instead: SIDES });
            }
            Self::Mud if list.side == Side::Firewall => {
                let why = "describes a device, and a firewall between is none of the documents'";
                return Err(Unfit { format: self, why, instead: SIDES });
            }
            Self::Mud => (mud::write, ".mud.json"),
            Self::Windows => (windows::write, "-windows-firewall.ps1"),
            Self::Cisco => (cisco::write, "-cisco-ios.txt"),
            Self::Csv => (table::write_csv, ".csv"),
            Self::Markdown => (table::write_markdown, ".md"),
        };
        let Written { text, losses, limits } = write(list);
        let site = list.site.as_deref().map(text::slug).filter(|slug| !slug.is_empty());
        let site = site.map_or_else(String::new, |slug| format!("-{slug}"));
        Ok(Exported { file_name: format!("igor-{}{site}{ending}", list.side), text, losses, limits })
    }
}

/// The lines that open every file: what it is, for whom, what to know, what is lost, and what a device may not hold.
pub(super) fn header(list: &RuleList, losses: &[String], limits: &[String]) -> Vec<String> {
    let place = match list.side {
        Side::Gateway => "the gateway",
        Side::Nodes => "the nodes",
        Side::Firewall => "the firewall between gateway and nodes",
    };
    let supporting = if list.with_supporting { ", with supporting protocols" } else { "" };
    let mut lines = vec![format!("Rules for {place}{supporting}, by igorscope policy export")];
    if list.log_only {
        lines.push("Log only: nothing is dropped; what is not let through is written to the log".to_owned());
    }
    lines.extend(list.refused.iter().map(|what| format!("Not let through: {what}")));
    lines.extend(list.hosts.unplaced().iter().map(|device| format!("Not placed: {device}")));
    let title = if list.title.is_empty() { String::new() } else { format!(": {}", list.title) };
    lines.push(format!("Policy {}{title}", list.policy));
    for product in &list.products {
        lines.push(format!("covers {} {} and higher", product.name, product.version));
    }
    match &list.site {
        Some(site) => lines.push(format!("Site {site}")),
        None if list.hosts.placeholders => {
            lines.push("No inventory was given: fill in the addresses of each role before use".to_owned());
        }
        None => {}
    }
    lines.extend(list.notes.iter().map(|note| format!("Note: {note}")));
    lines.extend(losses.iter().map(|loss| format!("Lost: {loss}")));
    lines.extend(limits.iter().map(|limit| format!("Limit: {limit}")));
    lines.iter().map(|line| text::line(line, 400)).collect()
}

/// Every header line behind a mark.
pub(super) fn commented(mark: &str, lines: &[String]) -> String {
    lines.iter().map(|line| format!("{mark} {line}\n")).collect()
}
