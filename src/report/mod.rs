//! A survey to files and terminal: text, csv, json.

mod chunks;
mod community_id;
mod coverage;
mod csv;
mod dictionary;
mod explain;
mod explain_host;
mod file;
mod findings;
#[cfg(test)]
pub(crate) mod fixture;
mod flows;
mod health;
pub(crate) mod html;
mod inventory;
mod joins;
pub mod json;
mod names;
mod nodes;
mod path;
mod record;
pub(crate) mod result;
mod said;
mod table;
pub mod text;
mod xlsx;

pub use csv::{write_coverage, write_findings, write_flows, write_inventory};
pub use dictionary::data_dictionary;
pub use explain::{Subject, explain_port};
pub(crate) use explain::{before_all, explain_finding, explain_flow, port_seen};
pub(crate) use explain_host::explain_host;
pub use file::{ReportFolder, WriteError, write_file};
pub use health::write_health;
pub use html::{HtmlOptions, write_comparison_html, write_html, write_path_html, write_sites_html};
pub use json::Comparison;
pub use names::Names;
pub use nodes::write_nodes;
pub use path::{path_page, write_path_csv, write_path_json};
pub use text::{Terminal, comparison_page, policy_page, summary};
pub use xlsx::write_workbook;
