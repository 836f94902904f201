//! The fleet's page: sites by the vendor's cells, worst first, and what changed, for who looks after many of them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Map, Value};

use super::page::{Page, put};
use super::{HtmlOptions, STYLE};
use crate::capture::Timestamp;
use crate::report::text::units::count;

/// The rows that answer a question, each by its columns.
pub type Answer = Vec<Map<String, Value>>;

/// Rows of a table that the page shows.
const SHOWN: usize = 1000;

/// A question as a table of the page: its name, its title, what it says, and its columns with their headings.
struct Asked {
    name: &'static str,
    title: &'static str,
    about: &'static str,
    columns: &'static [&'static str],
    headings: &'static [&'static str],
}

const CHANGED: [Asked; 3] = [
    Asked {
        name: "blocked_now",
        title: "Carried before, blocked now",
        about: "Ports of the vendor that an earlier visit saw blocked for nobody, and that are blocked for some on the latest.",
        columns: &["site_name", "document", "direction", "transport", "port", "service", "devices", "last_carried"],
        headings: &["Site", "Document", "Direction", "Transport", "#Port", "Service", "#Devices", "Last carried"],
    },
    Asked {
        name: "silent_nodes",
        title: "Heard before, silent now",
        about: "Nodes and gateways that an earlier visit heard and the latest did not.",
        columns: &["site_name", "address", "role", "name", "last_heard"],
        headings: &["Site", "Address", "Role", "Name", "Last heard"],
    },
    Asked {
        name: "new_talkers",
        title: "New since the last visit",
        about: "Hosts that speak now and did not on any visit before.",
        columns: &["site_name", "address", "role", "name", "mac", "packets_sent"],
        headings: &["Site", "Address", "Role", "Name", "MAC", "#Packets"],
    },
];

const REST: [Asked; 7] = [
    Asked {
        name: "proves_nothing",
        title: "Visits that prove nothing, or not all",
        about: "No finding of these is no all-clear.",
        columns: &["site_name", "survey_day", "why", "captures", "damaged_captures", "frames"],
        headings: &["Site", "Day", "Why", "#Captures", "#Damaged", "#Frames"],
    },
    Asked {
        name: "blocked_ports",
        title: "Documented ports that are blocked",
        about: "On how many sites, and for how many devices.",
        columns: &["document", "direction", "transport", "port", "service", "sites", "devices"],
        headings: &["Document", "Direction", "Transport", "#Port", "Service", "#Sites", "#Devices"],
    },
    Asked {
        name: "undocumented_ports",
        title: "Undocumented ports on two sites and more",
        about: "A habit of the fleet, or an omission of the vendor's document.",
        columns: &["transport", "server_port", "client_role", "server_role", "sites", "conversations", "packets"],
        headings: &["Transport", "#Port", "Client", "Server", "#Sites", "#Conversations", "#Packets"],
    },
    Asked {
        name: "tftp",
        title: "TFTP: failed, then slowest",
        about: "A request that failed had no transfer in the capture.",
        columns: &[
            "site_name",
            "survey_day",
            "client_ip",
            "client_name",
            "server_ip",
            "tftp_file",
            "result",
            "seconds",
            "bytes",
        ],
        headings: &["Site", "Day", "Client", "Name", "Server", "File", "Result", "#Seconds", "#Bytes"],
    },
    Asked {
        name: "internet",
        title: "Who talks to addresses outside",
        about: "On each site's latest visit.",
        columns: &[
            "site_name",
            "client_ip",
            "client_name",
            "server_ip",
            "transport",
            "server_port",
            "verdict",
            "outcome",
            "packets",
        ],
        headings: &["Site", "Client", "Name", "Server", "Transport", "#Port", "Verdict", "Outcome", "#Packets"],
    },
    Asked {
        name: "versions_by_role",
        title: "Versions",
        about: "As the inventories say; empty where they do not.",
        columns: &["role", "version", "sites", "devices"],
        headings: &["Role", "Version", "#Sites", "#Devices"],
    },
    Asked {
        name: "comparable",
        title: "Which surveys compare",
        about: "Those of one version and one policy.",
        columns: &["tool_version", "policy_name", "policy_digest", "sites", "surveys", "first_day", "last_day"],
        headings: &["Version", "Policy", "Digest", "#Sites", "#Surveys", "First day", "Last day"],
    },
];

const WORST: Asked = Asked {
    name: "worst_sites",
    title: "Sites, worst first",
    about: "By the latest visit of each.",
    columns: &[
        "site_name",
        "customer",
        "building",
        "survey_day",
        "alerts",
        "warnings",
        "notices",
        "cells_blocked",
        "cells_carried",
        "stopped_answering",
        "not_judged",
    ],
    headings: &[
        "Site",
        "Customer",
        "Building",
        "Day",
        "#Alerts",
        "#Warnings",
        "#Notices",
        "#Ports blocked",
        "#Ports carried",
        "#Went silent",
        "#Not judged",
    ],
};

/// Writes the page from the answers to the questions of fleet/, by their names.
///
/// # Errors
/// When writing fails.
pub fn write_fleet_html(
    out: &mut dyn Write,
    answers: &BTreeMap<&'static str, Answer>,
    options: &HtmlOptions,
) -> io::Result<()> {
    out.write_all(render(answers, options).as_bytes())
}

fn render(answers: &BTreeMap<&'static str, Answer>, options: &HtmlOptions) -> String {
    let of = |name: &str| answers.get(name).map_or(&[][..], Vec::as_slice);
    let mut page = Page::new(&options.zone, (Timestamp::UNKNOWN, Timestamp::UNKNOWN));
    page.open_plain("Fleet \u{b7} igorscope", &[STYLE]);
    let worst = of(WORST.name);
    let with = |column: &str| worst.iter().filter(|row| number(row, column) > 0).count() as u64;
    let class = match (with("alerts"), with("warnings") + with("not_judged")) {
        (0, 0) => "good",
        (0, _) => "warn",
        _ => "bad",
    };
    put!(page, "<section id=\"summary\" class=\"summary\"><h1>{} sites</h1>", count(worst.len() as u64));
    put!(
        page,
        "<p class=\"verdict {}\"><strong>{} with alerts, {} with warnings, {} of which nothing was judged.</strong> Since the visit before: {} \
         ports are blocked that worked, {} devices are silent, {} are new.</p>",
        class,
        count(with("alerts")),
        count(with("warnings")),
        count(with("not_judged")),
        count(of("blocked_now").len() as u64),
        count(of("silent_nodes").len() as u64),
        count(of("new_talkers").len() as u64)
    );
    page.end_section();
    table(&mut page, &WORST, worst);
    map(&mut page, of("heat_map"), worst);
    for asked in CHANGED.iter().chain(&REST) {
        table(&mut page, asked, of(asked.name));
    }
    page.close_plain();
    page.finish()
}

fn text(row: &Map<String, Value>, column: &str) -> String {
    match row.get(column) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn number(row: &Map<String, Value>, column: &str) -> u64 {
    text(row, column).parse().unwrap_or(0)
}

fn table(page: &mut Page, asked: &Asked, rows: &[Map<String, Value>]) {
    page.section(asked.name, asked.title);
    put!(page, "<p>{}</p>", asked.about);
    if rows.is_empty() {
        put!(page, "<p class=\"quiet\">None.</p>");
        return page.end_section();
    }
    if rows.len() > SHOWN {
        put!(page, "<p>The first {} of {}; fleet/{}.sql has them all.</p>", SHOWN, rows.len(), asked.name);
    }
    page.table(asked.name, asked.title, asked.headings, rows.len().min(SHOWN));
    for row in rows.iter().take(SHOWN) {
        put!(page, "<tr>");
        for (column, heading) in asked.columns.iter().zip(asked.headings) {
            let class = if heading.starts_with('#') { "n" } else { "" };
            put!(page, "<td class=\"{}\"><bdi>{}</bdi></td>", class, text(row, column));
        }
        put!(page, "</tr>\n");
    }
    page.end_table();
    page.end_section();
}

/// A cell of the vendor's tables: document, direction, transport, port.
type FleetCell = (String, String, String, u64);

/// A row a site, a column a cell.
fn map(page: &mut Page, cells: &[Map<String, Value>], worst: &[Map<String, Value>]) {
    let cell = |row| (text(row, "document"), text(row, "direction"), text(row, "transport"), number(row, "port"));
    let mut columns: Vec<FleetCell> = cells.iter().map(cell).collect();
    columns.sort();
    columns.dedup();
    let mut sites: BTreeMap<String, BTreeMap<FleetCell, &Map<String, Value>>> = BTreeMap::new();
    for row in cells {
        sites.entry(text(row, "site_name")).or_default().insert(cell(row), row);
    }
    page.section("map", "Sites by the vendor's ports");
    put!(
        page,
        "<p>The best that the latest visit saw: <span class=\"state carried\">\u{2713} carried</span> <span class=\"state \
         blocked\">\u{2717} blocked</span> <span class=\"state one-way\">\u{2192} one way</span> \u{b7} not seen, which proves nothing. An \
         exclamation mark: carried by some, blocked for others.</p>"
    );
    page.scroll("Sites by the vendor's ports", sites.len());
    put!(
        page,
        "<table class=\"matrix\"><caption class=\"away\">Sites by the vendor's ports</caption><thead><tr><th scope=\"col\">Site</th>"
    );
    for (document, direction, transport, port) in &columns {
        let way = if direction == "incoming" { "in" } else { "out" };
        put!(page, "<th scope=\"col\" class=\"m\">{}<small>{} {} {}</small></th>", port, document, way, transport);
    }
    put!(page, "</tr></thead><tbody>\n");
    for name in worst.iter().map(|row| text(row, "site_name")).take(SHOWN) {
        put!(page, "<tr><th scope=\"row\"><bdi>{}</bdi></th>", name);
        let of = sites.get(&name);
        for column in &columns {
            let row = of.and_then(|of| of.get(column));
            let state = row.map_or_else(String::new, |row| text(row, "state"));
            let (class, sign) = match state.as_str() {
                "carried" if row.is_some_and(|row| number(row, "devices_blocked") > 0) => ("blocked", "\u{2713}!"),
                "carried" => ("carried", "\u{2713}"),
                "blocked" => ("blocked", "\u{2717}"),
                "one-way" => ("one-way", "\u{2192}"),
                _ => ("", "\u{b7}"),
            };
            put!(page, "<td class=\"m {}\" title=\"{}\">{}</td>", class, state, sign);
        }
        put!(page, "</tr>\n");
    }
    page.end_table();
    page.end_section();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_strangers_and_long_answers_are_cut() {
        let row = |site: &str| match serde_json::json!({"site_name": site, "alerts": 2, "address": "<b>", "state": "blocked"})
        {
            Value::Object(row) => row,
            _ => unreachable!(),
        };
        let many = (0..SHOWN + 5).map(|at| row(&format!("<script>{at}"))).collect::<Vec<_>>();
        let answers =
            BTreeMap::from([("worst_sites", many.clone()), ("silent_nodes", many.clone()), ("heat_map", many)]);
        let options = HtmlOptions { zone: jiff::tz::TimeZone::UTC, command: Vec::new(), rendered: String::new() };
        let page = render(&answers, &options);
        assert!(!page.contains("<script>") && page.contains("&lt;script&gt;7<"));
        assert!(page.contains("<h1>1,005 sites</h1>") && page.contains("The first 1000 of 1005"), "{}", &page[..2000]);
        assert!(page.contains("None."));
    }
}
