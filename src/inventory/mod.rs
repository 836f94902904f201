//! Hosts and their roles: declared by the user, or inferred from the traffic.

mod host;

pub use host::{Host, HostId, Hosts, RoleSource};
