//! A comparison of places to files and terminal: path.csv, path.json, path.html, text.

mod csv;
mod json;
mod text;
mod words;

pub(super) use csv::Legs;
pub use csv::write_path_csv;
pub use json::write_path_json;
pub(super) use text::changes;
pub use text::path_page;
pub(super) use words::{clock, delay, lead, loss, notes, share};
