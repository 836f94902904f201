//! Which node was seen to use which of its ports.

use std::collections::BTreeMap;

use super::page::{Page, put};
use super::ports::{self, class, look};
use crate::finding::{Standing, Standings, State};
use crate::inventory::HostId;
use crate::policy::{Direction, Role};
use crate::protocol::Transport;
use crate::survey::Survey;
use crate::verdict::{CellState, HostCoverage, Verdict};

/// Nodes that the page shows, the worst first.
const SHOWN: usize = 500;

type PortColumn = (Transport, u16);

struct DeviceRow {
    host: HostId,
    standing: Standing,
    unexpected: u32,
    blocked: u32,
    /// Incoming, outgoing.
    cells: BTreeMap<PortColumn, [Option<CellState>; 2]>,
}

pub(super) fn write(page: &mut Page, survey: &Survey) {
    let mut columns: BTreeMap<PortColumn, (&str, [bool; 2], [u32; CellState::ALL.len()])> = BTreeMap::new();
    for cell in survey.policy.cells().iter().filter(|cell| cell.role == Role::Node) {
        let column = columns.entry((cell.transport, cell.port)).or_insert((
            &cell.service,
            [false; 2],
            [0; CellState::ALL.len()],
        ));
        column.1[usize::from(cell.direction == Direction::Outgoing)] = true;
    }
    let nodes: Vec<&HostCoverage> =
        survey.nodes.iter().filter(|node| survey.hosts.role(node.host) == Role::Node).collect();
    page.section("nodes", "Node by service");
    if nodes.is_empty() || columns.is_empty() {
        put!(page, "<p>No node is known in this survey.</p>");
        page.end_section();
        return;
    }
    let standings = Standings::of(&survey.findings, &survey.hosts);
    let mut rows: Vec<DeviceRow> = nodes.into_iter().map(|node| row(survey, node, standings.get(node.host))).collect();
    for (column, (_, _, counts)) in &mut columns {
        for row in &rows {
            let best = row.cells.get(column).and_then(|states| states.iter().flatten().max());
            counts[best.copied().unwrap_or(CellState::NotSeen) as usize] += 1;
        }
    }
    count_troubles(survey, &mut rows);
    put!(
        page,
        "<p>Each node and the ports of its document. Where a port goes both ways, the first sign is for the port as \
         the node offers it (in), the second as the node uses it elsewhere (out).</p>"
    );
    ports::legend(page);
    let all = rows.len();
    rows.sort_by_key(|row| std::cmp::Reverse(row.standing.state));
    rows.truncate(SHOWN);
    page.filter("matrix", "address or name …");
    page.scroll("Nodes", rows.len());
    put!(
        page,
        "<table id=\"matrix\" class=\"sorts matrix\"><caption class=\"away\">Node by \
         service</caption><thead><tr><th scope=\"col\">Node</th><th scope=\"col\">State</th><th scope=\"col\" class=\"n\">Unex&shy;pected</th><th \
         scope=\"col\" class=\"n\">Blocked</th>"
    );
    for ((transport, port), (service, has, counts)) in &columns {
        put!(
            page,
            "<th scope=\"col\" class=\"m n\" title=\"{}: {}\">{} {} <small>{}</small></th>",
            service,
            ports::devices(counts, "node", "nodes"),
            transport.to_string().to_uppercase(),
            port,
            match has {
                [true, true] => "in · out",
                [true, false] => "in",
                _ => "out",
            }
        );
    }
    put!(page, "</tr></thead><tbody>\n");
    for row in rows {
        put!(page, "<tr><th scope=\"row\" data-v=\"{}\">", row.host.0);
        page.host(survey.hosts.get(row.host));
        put!(page, "</th>");
        standing(page, row.standing);
        for number in [row.unexpected, row.blocked] {
            let class = if number > 0 { "n some" } else { "n zero" };
            put!(page, "<td class=\"{}\">{}</td>", class, number);
        }
        for (column, (_, has, _)) in &columns {
            cell(page, row.cells.get(column).copied().unwrap_or_default(), *has);
        }
        put!(page, "</tr>\n");
    }
    page.end_table();
    if all > SHOWN {
        put!(page, "<p class=\"more\">{} of {} nodes, the worst first.</p>", SHOWN, all);
    }
    page.end_section();
}

/// The class and the words of how a device stands.
pub(super) fn state_words(standing: Standing) -> (&'static str, String) {
    let class = match standing.state {
        State::Healthy => "zero",
        _ if standing.is_bad() => "alert",
        _ => "warning",
    };
    (class, standing.state.name().replace('-', " "))
}

/// How a device stands, and since when it is silent.
fn standing(page: &mut Page, standing: Standing) {
    let (class, words) = state_words(standing);
    put!(page, "<td class=\"stands {}\" data-v=\"{}\">{}", class, standing.state as usize, words);
    if let Some(since) = standing.since {
        put!(page, " since ");
        page.time(since);
    }
    put!(page, "</td>");
}

/// A node's states by port, without its troubles.
fn row(survey: &Survey, node: &HostCoverage, standing: Standing) -> DeviceRow {
    let mut row = DeviceRow { host: node.host, standing, unexpected: 0, blocked: 0, cells: BTreeMap::new() };
    for (at, state) in &node.cells {
        let Some(cell) = survey.policy.cells().get(usize::from(*at)) else { continue };
        let held = &mut row.cells.entry((cell.transport, cell.port)).or_default()
            [usize::from(cell.direction == Direction::Outgoing)];
        *held = (*held).max(Some(*state));
    }
    row
}

/// Counts unexpected and blocked conversations of each node, whichever of its addresses spoke.
fn count_troubles(survey: &Survey, rows: &mut [DeviceRow]) {
    let places: BTreeMap<HostId, usize> = rows.iter().zip(0..).map(|(row, at)| (row.host, at)).collect();
    let find = |id: HostId| places.get(&survey.hosts.device_of(id)).copied();
    for conversation in &survey.conversations {
        let unexpected = conversation.verdict == Verdict::Unexpected;
        let blocked = conversation.verdict == Verdict::Documented && conversation.outcome.is_blocked();
        if !unexpected && !blocked {
            continue;
        }
        for row in [conversation.client, conversation.server].into_iter().filter_map(find) {
            let Some(row) = rows.get_mut(row) else { continue };
            row.unexpected += u32::from(unexpected);
            row.blocked += u32::from(blocked);
        }
    }
}

/// One element a cell, and no word where nothing was seen, for there are thousands: the class colours all of it, or a
/// half for each direction.
fn cell(page: &mut Page, states: [Option<CellState>; 2], has: [bool; 2]) {
    let [incoming, outgoing] = states.map(|state| state.unwrap_or(CellState::NotSeen));
    let rank = incoming as usize + outgoing as usize;
    let [(sign, words), (then_sign, then_words)] = [incoming, outgoing].map(look);
    match (has, rank) {
        ([true, true], 0) => put!(page, "<td class=\"m two\" data-v=\"0\">{} {}</td>", sign, then_sign),
        (_, 0) => put!(page, "<td class=\"m\" data-v=\"0\">{}</td>", sign),
        ([true, true], _) if incoming != outgoing => put!(
            page,
            "<td class=\"m two {} then-{}\" data-v=\"{}\" title=\"in: {}, out: {}\">{} {}</td>",
            class(incoming),
            class(outgoing),
            rank,
            words,
            then_words,
            sign,
            then_sign
        ),
        ([true, true], _) => put!(
            page,
            "<td class=\"m two {}\" data-v=\"{}\" title=\"in, out: {}\">{} {}</td>",
            class(incoming),
            rank,
            words,
            sign,
            sign
        ),
        _ => {
            let state = incoming.max(outgoing);
            let (sign, words) = look(state);
            put!(page, "<td class=\"m {}\" data-v=\"{}\" title=\"{}\">{}</td>", class(state), rank, words, sign);
        }
    }
}
