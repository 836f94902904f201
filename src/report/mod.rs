//! A survey to files and terminal: text, csv, json.

mod column;
mod community_id;
mod conversations;
mod coverage;
mod csv;
mod dictionary;
mod explain;
mod file;
mod finding_text;
mod findings;
#[cfg(test)]
pub(crate) mod fixture;
mod flow_rows;
mod flows;
mod health;
pub(crate) mod html;
mod inventory;
mod ipfix;
mod joins;
pub mod json;
mod line;
mod names;
mod nodes;
mod ordered_writer;
mod parquet;
mod path;
pub(crate) mod result;
mod table;
pub mod text;
mod transfers;
mod value;
mod xlsx;

pub use csv::{write_coverage, write_findings, write_flows, write_inventory, write_nodes};
pub use dictionary::data_dictionary;
pub use explain::{Subject, explain_port};
pub(crate) use explain::{before_all, explain_finding, explain_flow, explain_host, explain_kind, is_kind, port_seen};
pub use file::{INCOMPLETE, ReportFolder, WriteError, is_aside, target, write_file, write_file_durably};
pub use health::write_health;
pub use html::{
    Answer, HtmlOptions, write_comparison_html, write_fleet_html, write_html, write_path_html, write_sites_html,
};
pub use ipfix::{send_ipfix, write_ipfix};
pub use json::Comparison;
pub use names::Names;
pub use parquet::{parquet_page, write_parquet};
pub use path::{path_page, write_path_csv, write_path_json};
pub use text::{Terminal, comparison_page, policy_page, summary};
pub use transfers::write_transfers;
pub use xlsx::write_workbook;
