//! The survey on a terminal: what a technician reads in ten seconds.

pub(crate) mod capture;
mod comparison;
pub(crate) mod conversations;
pub(crate) mod findings;
pub(crate) mod page;
mod policy;
mod ports;
pub(crate) mod units;

pub use comparison::comparison_page;
pub use page::Terminal;
pub use policy::policy_page;

use super::names::Names;
use crate::survey::Survey;
use page::Page;

/// The summary: result and capture quality, the vendor's tables, findings, largest conversations.
/// Every line fits the terminal; foreign text is harmless in it.
pub fn summary(survey: &Survey, names: &Names, terminal: &Terminal) -> String {
    let mut page = Page::new(terminal);
    capture::write(&mut page, survey);
    ports::write(&mut page, survey, names);
    if !survey.findings.is_empty() {
        findings::write(&mut page, survey);
    }
    conversations::write(&mut page, survey, names);
    page.finish()
}

#[cfg(test)]
mod tests;
