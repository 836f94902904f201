//! report.html: the survey as one page that opens anywhere, by itself.
//!
//! No network, no script but its own: the page's security policy allows the one style sheet and the one
//! script that it carries, by their hashes. Values enter it through `put!` alone, which escapes them.
//! Its size is bounded: long tables show their first rows and say how many there are.

mod capture;
mod comparison;
mod devices;
mod findings;
mod fleet;
mod glossary;
pub(crate) mod head;
mod health;
mod matrix;
mod page;
mod path;
mod picture;
mod policy;
mod ports;
mod silences;
mod sites;
mod tables;
#[cfg(test)]
mod tests;
mod timeline;
mod transfers;
mod verdict_color;

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::names::Names;
use crate::survey::Survey;
pub use comparison::write_comparison_html;
pub use fleet::{Answer, write_fleet_html};
use page::{Page, put};
pub use path::write_path_html;
pub use sites::write_sites_html;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// What the page needs to know beside the survey.
#[derive(Clone, Debug)]
pub struct HtmlOptions {
    /// Whose clock times are told by.
    pub zone: jiff::tz::TimeZone,
    /// The command line that made the report, for the reader who wants to make it again; empty if
    /// there was none.
    pub command: Vec<String>,
    /// The program that wrote the survey.json from which the report is rendered again; empty if it is not.
    pub rendered: String,
}

/// Writes report.html.
///
/// # Errors
/// When writing fails.
pub fn write_html(out: &mut dyn Write, survey: &Survey, names: &Names, options: &HtmlOptions) -> io::Result<()> {
    out.write_all(render(survey, names, options).as_bytes())
}

fn render(survey: &Survey, names: &Names, options: &HtmlOptions) -> String {
    let mut page = Page::new(&options.zone, head::span(survey));
    page.devices = devices::anchors(survey);
    let page_title = if survey.site.is_empty() { "Site survey" } else { &survey.site };
    put!(page, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    put!(
        page,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src '{}'; \
         style-src '{}'; base-uri 'none'; form-action 'none'\">\n",
        hash(SCRIPT),
        hash(STYLE)
    );
    put!(
        page,
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" \
         content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"generator\" \
         content=\"igorscope {}\">\n<title>{} · igorscope</title>\n<style>",
        env!("CARGO_PKG_VERSION"),
        page_title
    );
    page.own(STYLE);
    put!(page, "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#summary\">Skip to the result</a>\n");
    head::write(&mut page, survey);
    findings::write(&mut page, survey, names);
    ports::write(&mut page, survey, names);
    picture::write(&mut page, survey);
    matrix::write(&mut page, survey);
    if survey.tells_health() {
        health::write(&mut page, survey);
    }
    devices::write(&mut page, survey, names);
    timeline::write(&mut page, survey);
    tables::conversations(&mut page, survey, names);
    tables::inventory(&mut page, survey);
    capture::write(&mut page, survey);
    policy::write(&mut page, survey);
    policy::antivirus(&mut page, survey);
    capture::reproduce(&mut page, survey, options);
    glossary::write(&mut page);
    put!(
        page,
        "</main>\n<p class=\"paper\">On paper are the findings with what to do, the ports, the picture and the nodes; evidence, \
         conversations and inventory stand in report.html and in the tables beside it. A device that is opened in the page is \
         printed with it.</p><footer>Made by igorscope {} from captures alone: it sent no packet and asked no one. What it \
         did not see, it cannot vouch for.</footer>\n<script>",
        env!("CARGO_PKG_VERSION")
    );
    page.own(SCRIPT);
    put!(page, "</script>\n</body>\n</html>\n");
    page.finish()
}

/// A source expression of the security policy (CSP Level 3, section 2.3.1).
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}
