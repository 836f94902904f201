//! The policy that was applied, and what antivirus software must leave alone.

use super::page::{Page, put};
use crate::survey::Survey;

/// Entries of each list.
const SHOWN: usize = 300;

pub(super) fn write(page: &mut Page, survey: &Survey) {
    let policy = &survey.policy;
    page.section("policy", "The policy that was applied");
    put!(page, "<p><b>{}</b> (policy <code>{}</code>, ", policy.title(), policy.name());
    match policy.path() {
        Some(path) => put!(page, "from <bdi>{}</bdi>)</p>", path.to_string_lossy()),
        None => put!(page, "built into igorscope {})</p>", env!("CARGO_PKG_VERSION")),
    }
    put!(page, "<ul>");
    for document in policy.documents() {
        put!(
            page,
            "<li>{}, version {} and higher: {} and {}</li>",
            document.product,
            document.minimum_version,
            document.role.name(),
            document.peer.name()
        );
    }
    put!(page, "</ul>");
    if !policy.losses().is_empty() {
        put!(page, "<p>It was read from a MUD file (RFC 8520), of which the policy does not keep:</p><ul>");
        for loss in policy.losses().iter().take(SHOWN) {
            put!(page, "<li>{}</li>", loss);
        }
        put!(page, "</ul>");
    }
    if policy.allowances().is_empty() {
        put!(page, "<p>The site has no allowances of its own.</p>");
    } else {
        put!(page, "<h3>Allowances of the site</h3><ul>");
        for entry in policy.allowances().iter().take(SHOWN) {
            put!(page, "<li>");
            if let Some(name) = &entry.name {
                put!(page, "<b>{}</b>: ", name);
            }
            put!(page, "{} <small>line {}</small></li>", entry.reason, entry.line);
        }
        put!(page, "</ul>");
    }
    put!(
        page,
        "<details><summary>Supporting protocols: networks need them, the vendor does not list them ({})</summary><ul>",
        policy.supporting().len()
    );
    for entry in policy.supporting().iter().take(SHOWN) {
        put!(page, "<li><b>{}</b>: {}</li>", entry.service, entry.reason);
    }
    put!(
        page,
        "</ul></details><details><summary>Severities: the first line that holds ({})</summary><ol>",
        policy.severities().len()
    );
    for row in policy.severities().iter().take(SHOWN) {
        put!(page, "<li><span class=\"sev {}\">{}</span> {}</li>", row.level.name(), row.level.name(), row.why);
    }
    put!(page, "</ol></details>");
    page.end_section();
}

pub(super) fn antivirus(page: &mut Page, survey: &Survey) {
    let antivirus = survey.policy.antivirus();
    page.section("antivirus", "Antivirus checklist for the gateway");
    if antivirus.paths.is_empty() && antivirus.processes.is_empty() {
        put!(page, "<p>This policy asks for no exclusions.</p>");
        page.end_section();
        return;
    }
    put!(
        page,
        "<p>The vendor asks that antivirus software on the gateway leave these alone. Captures cannot show whether it \
         does: tick them off on the machine.</p><div class=\"checks\">"
    );
    for (title, list) in [("Path exclusions", &antivirus.paths), ("Process exclusions", &antivirus.processes)] {
        put!(page, "<fieldset><legend>{}</legend><ul>", title);
        for entry in list.iter().take(SHOWN) {
            put!(page, "<li><label><input type=\"checkbox\"> <code>{}</code></label></li>", entry);
        }
        put!(page, "</ul></fieldset>");
    }
    put!(
        page,
        "</div><p>Or have it checked. On the gateway, as Administrator: <code>Get-MpPreference | ConvertTo-Json &gt; \
         exclusions.json</code>; then, anywhere: <code>igorscope antivirus check exclusions.json</code></p>"
    );
    page.end_section();
}
