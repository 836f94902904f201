//! Hosts and their roles: declared by the user, or inferred from the traffic.

mod address;
mod addresses;
mod attachment;
mod builder;
mod candidate;
mod contacts;
mod csv_file;
mod declared;
mod dedup_vec;
mod doubts;
mod draft;
mod error;
mod hints;
mod host;
mod infer;
mod link;
mod links;
mod lookup;
mod matcher;
mod profile;
mod roles;
mod services;
mod toml_file;

pub use builder::{Heard, Known, hosts_of};
pub use declared::{Entry, Inventory, InventoryFlags, Labels, MAX_ENTRIES, MAX_FILE};
pub use doubts::{Contradiction, Guess, InventoryDoubts, Named};
pub use draft::draft;
pub use error::{InventoryError, InventoryErrors, SourceLocation};
pub use hints::Hint;
pub use host::{Attachment, Host, HostId, Hosts, RoleSource};
pub use link::{Dot1x, HostLink, Powered, milliwatts, watts};
pub(crate) use link::{powers, seconds, stations};
pub use matcher::{MacPrefix, Matcher};

#[cfg(test)]
mod tests;
