//! Which node was seen to use which of its ports.

use std::collections::BTreeMap;

use super::page::{Page, put};
use super::ports::{self, look};
use super::strand::is_blocked;
use crate::policy::{Direction, Role, Transport};
use crate::survey::Survey;
use crate::verdict::{CellState, Conversation, Outcome, Verdict};

/// Nodes that the page shows, those in trouble first.
const SHOWN: usize = 500;

type Column = (Transport, u16);

#[derive(Clone, Default)]
struct Row {
    unexpected: u32,
    blocked: u32,
    /// Incoming, outgoing.
    cells: BTreeMap<Column, [Option<CellState>; 2]>,
}

pub(super) fn write(page: &mut Page, survey: &Survey) {
    let mut columns: BTreeMap<Column, (&str, [bool; 2])> = BTreeMap::new();
    for cell in survey.policy.cells().iter().filter(|cell| cell.role == Role::Node) {
        let column = columns.entry((cell.transport, cell.port)).or_insert((&cell.service, [false; 2]));
        column.1[usize::from(cell.direction == Direction::Outgoing)] = true;
    }
    let nodes: Vec<usize> =
        survey.hosts.iter().enumerate().filter(|(_, host)| host.role == Role::Node).map(|(at, _)| at).collect();
    page.section("nodes", "Node by service");
    if nodes.is_empty() || columns.is_empty() {
        put!(page, "<p>No node is known in this survey.</p>");
        page.end_section();
        return;
    }
    let mut rows: BTreeMap<usize, Row> = nodes.iter().map(|at| (*at, Row::default())).collect();
    for conversation in &survey.conversations {
        for (side, host) in [(1, conversation.client), (0, conversation.server)] {
            if let Some(row) = rows.get_mut(&(host.0 as usize)) {
                add(row, conversation, side, &columns);
            }
        }
    }
    put!(
        page,
        "<p>Each node and the ports of its document: the first sign is for the port as the node offers it (in), the \
         second as the node uses it elsewhere (out).</p>"
    );
    ports::legend(page);
    let mut order: Vec<(usize, Row)> = rows.into_iter().collect();
    let all = order.len();
    order.sort_by_key(|(_, row)| std::cmp::Reverse(row.unexpected.saturating_add(row.blocked) > 0));
    order.truncate(SHOWN);
    put!(
        page,
        "<p class=\"tools\"><label>Filter <input type=\"search\" data-table=\"matrix\" placeholder=\"address or name …\">\
         </label> <output id=\"matrix-count\"></output></p><div class=\"scroll tall\" tabindex=\"0\" role=\"region\" \
         aria-label=\"Table of nodes\"><table id=\"matrix\" class=\"sorts matrix\"><caption class=\"away\">Node by \
         service</caption><thead><tr><th scope=\"col\">Node</th><th scope=\"col\" class=\"n\">Unex&shy;pected</th><th \
         scope=\"col\" class=\"n\">Blocked</th>"
    );
    for ((transport, port), (service, _)) in &columns {
        let transport = transport.to_string().to_uppercase();
        put!(page, "<th scope=\"col\" class=\"n\" title=\"{}\">{} {}</th>", service, transport, port);
    }
    put!(page, "</tr></thead><tbody>\n");
    for (at, row) in order {
        let Some(host) = survey.hosts.iter().nth(at) else { continue };
        put!(page, "<tr><th scope=\"row\" data-v=\"{}\">", at);
        page.host(host);
        put!(page, "</th>");
        for number in [row.unexpected, row.blocked] {
            let class = if number > 0 { "n some" } else { "n zero" };
            put!(page, "<td class=\"{}\">{}</td>", class, number);
        }
        for (column, (_, has)) in &columns {
            cell(page, row.cells.get(column).copied().unwrap_or_default(), *has);
        }
        put!(page, "</tr>\n");
    }
    page.end_table();
    if all > SHOWN {
        put!(page, "<p class=\"more\">{} of {} nodes, those in trouble first.</p>", SHOWN, all);
    }
    page.end_section();
}

fn add(row: &mut Row, conversation: &Conversation, side: usize, columns: &BTreeMap<Column, (&str, [bool; 2])>) {
    if conversation.verdict == Verdict::Unexpected {
        row.unexpected += 1;
        return;
    }
    let column = (conversation.transport, conversation.port);
    if conversation.verdict != Verdict::Documented || !columns.contains_key(&column) {
        return;
    }
    row.blocked += u32::from(is_blocked(conversation.outcome));
    let both_ways = conversation.packets.iter().all(|packets| *packets > 0);
    let state = match conversation.outcome {
        Outcome::Established => CellState::Carried,
        Outcome::Midstream if both_ways => CellState::Carried,
        Outcome::Refused | Outcome::Rejected | Outcome::Unanswered => CellState::Blocked,
        Outcome::Midstream | Outcome::OneWay => CellState::OneWay,
    };
    let cell = &mut row.cells.entry(column).or_default()[side];
    *cell = (*cell).max(Some(state));
}

fn cell(page: &mut Page, states: [Option<CellState>; 2], has: [bool; 2]) {
    let rank: usize = states.iter().map(|state| state.map_or(0, |state| state as usize)).sum();
    put!(page, "<td class=\"m\" data-v=\"{}\">", rank);
    for (state, has) in states.into_iter().zip(has) {
        let state = state.unwrap_or(CellState::NotSeen);
        match (has, look(state)) {
            (false, _) => put!(page, "<i></i>"),
            (true, (sign, _)) if state == CellState::NotSeen => put!(page, "<i>{}</i>", sign),
            (true, (sign, words)) => {
                put!(page, "<i class=\"{}\" title=\"{}\">{}</i>", state.name(), words, sign);
            }
        }
    }
    put!(page, "</td>");
}
