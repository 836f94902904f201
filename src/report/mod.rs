//! A survey to files and terminal: text, csv, json.
