//! The survey on a terminal: what a technician reads in ten seconds.

pub(crate) mod capture;
pub(crate) mod comparison;
pub(crate) mod conversations;
pub(crate) mod findings;
pub(crate) mod next;
pub(crate) mod page;
mod policy;
pub(crate) mod ports;
pub(crate) mod units;

pub use comparison::comparison_page;
pub use page::Terminal;
pub use policy::policy_page;

use super::names::Names;
use crate::survey::Survey;
use page::Page;

/// The summary: result and capture quality, findings by cause, the vendor's tables, what to do next; with all of it,
/// every finding in full and the conversations too.
/// Every line fits the terminal; foreign text is harmless in it.
pub fn summary(survey: &Survey, names: &Names, terminal: &Terminal) -> String {
    let mut page = Page::new(terminal);
    capture::write(&mut page, survey);
    if !survey.findings.is_empty() {
        findings::write(&mut page, survey);
    }
    ports::write(&mut page, survey, names);
    if terminal.all {
        conversations::write(&mut page, survey, names);
    }
    next::write(&mut page, survey);
    page.finish()
}

#[cfg(test)]
mod tests;
