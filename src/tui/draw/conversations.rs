//! Who speaks with whom: sorted, and found by typing.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::snapshot::Snapshot;
use super::super::theme::Theme;
use super::super::view::{SORTS, Tab, View};
use super::row::LineBuilder;
use super::{WIDE, ago, list_and_detail, told};
use crate::inventory::Host;
use crate::protocol::Transport;
use crate::report::text::conversations::service;
use crate::report::text::units::{bytes, counted, short};
use crate::verdict::Conversation;

/// Columns: port, outcome, packets, bytes, last packet, and on a wide terminal the verdict.
const PORT: usize = 11;
const OUTCOME: usize = 12;
const PACKETS: usize = 7;
const BYTES: usize = 8;
const LAST: usize = 12;
const VERDICT: usize = 24;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View, theme: &Theme, snapshot: &Snapshot) {
    let selected = view.conversations.selected().and_then(|at| snapshot.survey.conversations.get(at).zip(Some(at)));
    let told = selected.map(|(one, at)| (service(one, &snapshot.names), detail(theme, snapshot, one, at, area.width)));
    list_and_detail(frame, area, (view, theme), told, area.height / 3, |list| rows(view, theme, snapshot, list));
}

fn rows(view: &View, theme: &Theme, snapshot: &Snapshot, area: Rect) -> Vec<Line<'static>> {
    let survey = &snapshot.survey;
    let wide = area.width >= WIDE;
    let fixed = 3 + OUTCOME + PACKETS + BYTES + if wide { LAST + VERDICT } else { 0 };
    let free = usize::from(area.width).saturating_sub(fixed);
    let service_width = if wide { 30 } else { PORT };
    let party_width = free.saturating_sub(service_width) / 2;
    let mut head = LineBuilder::new()
        .left("", 3, theme.quiet())
        .left("client", party_width, theme.quiet())
        .left("server", party_width, theme.quiet())
        .left("service", service_width, theme.quiet())
        .left("outcome", OUTCOME, theme.quiet())
        .right("packets", PACKETS + 1, theme.quiet())
        .right("bytes", BYTES - 1, theme.quiet());
    if wide {
        head = head.left("last packet", LAST, theme.quiet()).left("verdict", VERDICT, theme.quiet());
    }
    let reversed = if view.reversed { ", reversed" } else { "" };
    let filter = view.filter_words(Tab::Conversations);
    let above = format!(
        " {} of {}  sort: {}{reversed}{filter}",
        short(view.conversations.order.len() as u64),
        counted(survey.conversations.len() as u64, "conversation", "conversations"),
        SORTS[view.sort].0,
    );
    let mut lines = vec![LineBuilder::new().text(&above, theme.title()).line(), head.line()];
    for (place, is_selected) in view.conversations.shown(usize::from(area.height).saturating_sub(lines.len())) {
        let Some(one) = survey.conversations.get(place) else { continue };
        let (sign, style) = theme.conversation(one);
        let mut row = LineBuilder::new()
            .left(&format!(" {sign}"), 3, style)
            .left(&party(survey.hosts.get(one.client), party_width), party_width, theme.plain())
            .left(&party(survey.hosts.get(one.server), party_width), party_width, theme.plain())
            .left(&if wide { service(one, &snapshot.names) } else { port(one) }, service_width, theme.plain())
            .left(one.outcome.said(snapshot.survey.hosts.role(one.server)), OUTCOME, theme.plain())
            .right(&short(one.packets.iter().sum()), PACKETS, theme.plain())
            .right(&bytes(one.bytes.iter().sum()), BYTES, theme.plain());
        if wide {
            row = row.left(&ago(one.last, snapshot.now), LAST, theme.quiet()).left(&verdict(one), VERDICT, style);
        }
        lines.push(row.selectable(is_selected, theme.selected(), area.width));
    }
    lines
}

/// Its name and address where both fit, else its name, else its address.
fn party(host: &Host, width: usize) -> String {
    let address = host.address.to_string();
    match host.name.as_deref() {
        None => address,
        Some(name) if address.len() + name.chars().count() + 2 < width => format!("{address} {name}"),
        Some(name) => name.to_owned(),
    }
}

fn port(conversation: &Conversation) -> String {
    let transport = conversation.transport.to_string().to_uppercase();
    match conversation.transport {
        Transport::Other(_) => format!("IP {transport}"),
        _ => format!("{transport} {}", conversation.port),
    }
}

fn verdict(conversation: &Conversation) -> String {
    match conversation.reason {
        Some(reason) => reason.name().replace('-', " "),
        None => conversation.verdict.name().to_owned(),
    }
}

fn detail(theme: &Theme, snapshot: &Snapshot, one: &Conversation, at: usize, width: u16) -> Vec<Line<'static>> {
    let survey = &snapshot.survey;
    let host = |host: &Host| {
        format!("{} {} {}", host.role.name(), host.address, host.name.as_deref().unwrap_or_default())
            .trim_end()
            .to_owned()
    };
    let (client, server) = (survey.hosts.get(one.client), survey.hosts.get(one.server));
    let (sign, style) = theme.conversation(one);
    let reason = one.reason.map_or(String::new(), |reason| format!(" ({})", reason.name()));
    let verdict =
        format!("{sign} {}{reason}, {}", one.verdict.name(), one.outcome.said(snapshot.survey.hosts.role(one.server)));
    let mut lines = told(theme, "Verdict", &verdict, width, style);
    lines.extend(told(theme, "Between", &format!("{} → {}", host(client), host(server)), width, theme.plain()));
    let sums = format!(
        "{}; client {} packets, {}; server {} packets, {}; last {}",
        counted(one.flows.into(), "flow", "flows"),
        short(one.packets[0]),
        bytes(one.bytes[0]),
        short(one.packets[1]),
        bytes(one.bytes[1]),
        ago(one.last, snapshot.now),
    );
    lines.extend(told(theme, "Traffic", &sums, width, theme.plain()));
    lines.extend(told(theme, "Rule", snapshot.names.rule(one.rule), width, theme.plain()));
    let number = u32::try_from(at).unwrap_or(u32::MAX);
    for finding in survey.findings.iter().filter(|finding| finding.conversations.binary_search(&number).is_ok()) {
        let words = finding.words(&survey.context());
        lines.extend(told(theme, "Finding", &words.detail, width, theme.severity(finding.severity)));
        lines.extend(told(theme, "Advice", &words.advice, width, theme.plain()));
    }
    lines
}
