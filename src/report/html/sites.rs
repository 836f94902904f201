//! index.html: the sites of a merge, each with a report of its own.

use std::io::{self, Write};

use super::head::span;
use super::page::{Page, put};
use super::{HtmlOptions, STYLE};
use crate::policy::{Role, Severity};
use crate::report::result::{Sentence, sentence};
use crate::report::text::capture::devices;
use crate::report::text::units::count;
use crate::report::value;
use crate::survey::Survey;

/// Writes index.html of sites and the folders, beside it, that hold their reports.
///
/// # Errors
/// When writing fails.
pub fn write_sites_html(out: &mut dyn Write, sites: &[(String, Survey)], options: &HtmlOptions) -> io::Result<()> {
    out.write_all(render(sites, options).as_bytes())
}

fn render(sites: &[(String, Survey)], options: &HtmlOptions) -> String {
    let spans = sites.iter().map(|(_, survey)| span(survey));
    let mut page = Page::new(&options.zone, value::span(spans.clone()));
    page.open_plain("Sites \u{b7} igorscope", &[STYLE]);
    put!(
        page,
        "<section id=\"summary\" class=\"summary\"><h1>{} sites</h1><p class=\"when\">Each has a report of its own: addresses repeat \
         between sites.</p>",
        sites.len()
    );
    let headings =
        ["Site", "Result", "#Alerts", "#Warnings", "#Notices", "#Gateways", "#Nodes", "#Frames", "First", "Last"];
    page.table("sites", "Sites", &headings, sites.len());
    for ((folder, survey), (first, last)) in sites.iter().zip(spans) {
        let Sentence { class, lead, .. } = sentence(survey);
        let label = if survey.site.is_empty() { "without a label" } else { &survey.site };
        put!(page, "<tr><td><a href=\"{}/report.html\"><bdi>{}</bdi></a></td>", folder, label);
        let class = if class == "good" { "" } else { "trouble" };
        put!(page, "<td class=\"wide {}\">{}</td>", class, lead);
        for severity in [Severity::Alert, Severity::Warning, Severity::Notice] {
            let number = survey.findings.iter().filter(|finding| finding.severity == severity).count();
            put!(page, "<td class=\"n\">{}</td>", count(number as u64));
        }
        let (heard, _) = devices(survey);
        for role in [Role::Gateway, Role::Node] {
            let number = Role::ALL.iter().zip(heard).find(|(one, _)| **one == role).map_or(0, |(_, number)| number);
            put!(page, "<td class=\"n\">{}</td>", count(number));
        }
        page.count_cell(survey.frames.total);
        page.time_cell(first);
        page.time_cell(last);
        put!(page, "</tr>\n");
    }
    page.end_table();
    page.end_section();
    page.close_plain();
    page.finish()
}
