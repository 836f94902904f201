//! Policy to firewall rules, MUD and antivirus exclusions; and the policy held against what a machine has of them.
//!
//! `rules` turns documents and inventory into a list that knows no format; each format is one
//! small file that writes it, and says what it cannot express.

pub mod antivirus;
mod cisco;
mod ends;
mod format;
mod groundwork;
mod groups;
mod hosts;
mod iptables;
pub mod local;
mod matched;
mod mud;
mod nftables;
mod refused;
mod rehearsal;
mod rules;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod windows;

pub use ends::{Base, End, HostSet, RuleDirection, Side};
pub use format::{Exported, Format, Unfit};
pub use groups::Groups;
pub use hosts::{Family, Hosts, Member};
pub use rehearsal::{Refused, Rehearsal, rehearsal_page, rehearse};
pub use rules::{Helper, Product, Request, Rule, RuleKind, RuleList};
