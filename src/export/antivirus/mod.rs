//! Antivirus exclusions: the vendor's list for IT's tools, and a check of what IT sends back.

mod broad;
mod check;
mod exclusion;
mod preferences;
#[cfg(test)]
mod tests;
mod write;

pub use check::{Checked, Checklist, ExclusionState, TooBroadExclusion};
pub use exclusion::ExclusionList;
pub use preferences::{Preferences, PreferencesError};
pub use write::AntivirusFormat;
