//! The long tables: conversations and inventory.

use super::findings::service;
use super::page::{Page, put};
use super::verdict_color::VerdictColor;
use crate::inventory::Host;
use crate::report::Names;
use crate::report::inventory::services;
use crate::report::names::role_basis;
use crate::report::text::units::{bytes, count, counted, duration};
use crate::report::value::nanos_between;
use crate::survey::Survey;
use crate::verdict::Conversation;

/// Conversations that the page shows.
const CONVERSATIONS: usize = 400;
/// Hosts that the page shows.
const HOSTS: usize = 1000;
/// Ports that a host's line names.
const SERVES: usize = 8;
const PLACEHOLDER: &str = "address, name, port, verdict …";

pub(super) fn conversations(page: &mut Page, survey: &Survey, names: &Names) {
    page.section("conversations", "Top conversations");
    let all = survey.conversations.len();
    if all > CONVERSATIONS {
        put!(
            page,
            "<p>The {} with most packets, of {}; survey.json has all of them, flows.csv their flows.</p>",
            CONVERSATIONS,
            count(all as u64)
        );
    } else {
        put!(page, "<p>All {}.</p>", counted(all as u64, "conversation", "conversations"));
    }
    page.filter("talk", PLACEHOLDER);
    page.table(
        "talk",
        "Conversations",
        &["Client", "Server", "Verdict", "Outcome", "Service", "#Packets", "#Bytes", "#Flows", "First", "#Lasted"],
        all.min(CONVERSATIONS),
    );
    for conversation in survey.conversations.iter().take(CONVERSATIONS) {
        row(page, survey, names, conversation);
    }
    page.end_table();
    page.end_section();
}

fn row(page: &mut Page, survey: &Survey, names: &Names, conversation: &Conversation) {
    let strand = VerdictColor::of(conversation);
    put!(page, "<tr>");
    for host in [conversation.client, conversation.server].map(|host| survey.hosts.get(host)) {
        put!(page, "<td>");
        page.host(host);
        put!(page, " <small>{}</small></td>", host.role.name());
    }
    put!(page, "<td><i class=\"swatch {}\"></i>{}", strand.class(), conversation.verdict);
    if let Some(reason) = conversation.reason {
        put!(page, " <small>{}</small>", reason);
    }
    let outcome = if conversation.outcome.is_blocked() { "trouble" } else { "" };
    put!(
        page,
        "</td><td class=\"{}\">{}</td><td>{}</td>",
        outcome,
        conversation.outcome.said(survey.hosts.role(conversation.server)),
        service(conversation, names)
    );
    let (packets, sum) = (conversation.packets.iter().sum::<u64>(), conversation.bytes.iter().sum::<u64>());
    page.count_cell(packets);
    page.number_cell(sum, bytes(sum));
    page.count_cell(conversation.flows.into());
    let lasted = nanos_between(conversation.first, conversation.last);
    page.time_cell(conversation.first);
    page.number_cell(lasted.unwrap_or(0), lasted.map_or_else(String::new, duration));
    put!(page, "</tr>\n");
}

pub(super) fn inventory(page: &mut Page, survey: &Survey) {
    page.section("inventory", "Inventory");
    let mut hosts: Vec<(usize, &Host)> = survey.hosts.iter().enumerate().collect();
    let all = hosts.len();
    put!(page, "<p>Every address that was seen or declared, and how its role is known.");
    if survey.hosts.any_inferred() {
        put!(
            page,
            " <strong>Some roles were inferred from the traffic:</strong> correct them with an inventory file, and \
             the verdicts follow."
        );
    }
    put!(page, "</p>");
    if all > HOSTS {
        hosts.sort_by_key(|(at, host)| {
            let packets = host.packets_sent.saturating_add(host.packets_received);
            (!host.role.is_igor(), std::cmp::Reverse(packets), *at)
        });
        hosts.truncate(HOSTS);
        put!(
            page,
            "<p>{} of {} addresses: Igor’s own, then those with most packets; inventory.csv has all of them.</p>",
            HOSTS,
            count(all as u64)
        );
    }
    page.filter("hosts", PLACEHOLDER);
    page.table(
        "hosts",
        "Inventory",
        &[
            "Address",
            "Role",
            "Known by",
            "#Confidence",
            "Version",
            "MAC",
            "#Sent",
            "#Received",
            "Serves",
            "First",
            "Last",
        ],
        hosts.len(),
    );
    for (at, host) in hosts {
        put!(page, "<tr><td data-v=\"{}\">", at);
        page.host(host);
        put!(page, "</td><td>{}</td><td class=\"wide\">{}</td>", host.role.name(), role_basis(host));
        page.number_cell(host.confidence.into(), format!("{}%", host.confidence));
        put!(page, "<td>{}</td><td class=\"addr\">", host.version.as_deref().unwrap_or_default());
        if let Some(mac) = host.mac {
            put!(page, "{}", mac);
        }
        let mut serves: Vec<String> = services(host).take(SERVES).map(|service| service.to_string()).collect();
        if services(host).count() > SERVES {
            serves.push("…".into());
        }
        put!(page, "</td>");
        page.count_cell(host.packets_sent);
        page.count_cell(host.packets_received);
        put!(page, "<td class=\"wide\">{}</td>", serves.join(", "));
        for time in [host.first_seen, host.last_seen] {
            page.time_cell(time);
        }
        put!(page, "</tr>\n");
    }
    page.end_table();
    page.end_section();
}
