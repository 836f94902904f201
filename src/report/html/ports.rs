//! The vendor's tables as the vendor prints them, each port with what was seen of it.

use super::page::{Page, put};
use crate::policy::Direction;
use crate::protocol::Transport;
use crate::report::Names;
use crate::report::text::ports::{amount, missing};
use crate::report::text::units::{count, counted, short};
use crate::survey::Survey;
use crate::verdict::{CellCoverage, CellState};

/// State, sign (for who sees no colours) and words.
pub(super) const STATES: [(CellState, &str, &str); 5] = [
    (CellState::Carried, "●", "works"),
    (CellState::Blocked, "✗", "blocked"),
    (CellState::OneWay, "◐", "one way only"),
    (CellState::Sent, "○", "sent to a group"),
    (CellState::NotSeen, "·", "not seen"),
];

/// The class of the elements that show a state.
pub(super) fn class(state: CellState) -> String {
    state.said().replace(' ', "-")
}

/// Sign and words of a state.
pub(super) fn look(state: CellState) -> (&'static str, &'static str) {
    STATES.iter().find(|look| look.0 == state).map_or(("·", "not seen"), |look| (look.1, look.2))
}

const COLUMNS: [(Direction, Transport, &str); 4] = [
    (Direction::Incoming, Transport::Tcp, "TCP"),
    (Direction::Incoming, Transport::Udp, "UDP"),
    (Direction::Outgoing, Transport::Tcp, "TCP"),
    (Direction::Outgoing, Transport::Udp, "UDP"),
];

pub(super) fn write(page: &mut Page, survey: &Survey, names: &Names) {
    page.section("ports", "The vendor’s ports");
    put!(
        page,
        "<p>The tables of the vendor’s document, with what this capture shows of each port. The number behind the sign \
         is how many peers used it, or, as n/m, on how many of how many devices. “Not seen” is no fault: it was not needed, or not captured.</p>"
    );
    legend(page);
    put!(page, "<div class=\"documents\">");
    for (at, document) in survey.policy.documents().iter().enumerate() {
        let cells: Vec<_> = survey
            .coverage
            .iter()
            .filter_map(|seen| names.cell(seen.cell).map(|(cell, _)| (cell, seen)))
            .filter(|(cell, _)| usize::from(cell.document) == at)
            .collect();
        put!(
            page,
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Ports of {}\"><table class=\"ports\">\
             <caption><b>{}</b> <span class=\"quiet\">{} and higher</span></caption><thead><tr><th colspan=\"2\" \
             scope=\"colgroup\">Incoming</th><th colspan=\"2\" scope=\"colgroup\">Outgoing</th><th rowspan=\"2\" \
             scope=\"col\">Service</th></tr><tr>",
            document.name,
            document.product,
            document.minimum_version
        );
        for (_, _, title) in COLUMNS {
            put!(page, "<th scope=\"col\">{}</th>", title);
        }
        put!(page, "</tr></thead><tbody>");
        for entry in &document.legend {
            put!(page, "<tr>");
            for (direction, transport, _) in COLUMNS {
                let cell = cells.iter().find(|(cell, _)| {
                    (cell.direction, cell.transport, cell.port) == (direction, transport, entry.port)
                });
                match cell {
                    Some((_, seen)) => self::cell(page, entry.port, seen),
                    None => put!(page, "<td class=\"void\">–</td>"),
                }
            }
            put!(page, "<th scope=\"row\">{}", entry.service);
            if let Some(demand) = &entry.on_demand {
                put!(page, " <small>on {}</small>", demand);
            }
            put!(page, "</th></tr>");
        }
        put!(page, "</tbody></table></div>");
    }
    put!(page, "</div>");
    let missing = missing(survey);
    if !missing.is_empty() {
        put!(page, "<ul class=\"list\">");
        missing.iter().for_each(|line| put!(page, "<li>{}</li>", line));
        put!(page, "</ul>");
    }
    page.end_section();
}

pub(super) fn legend(page: &mut Page) {
    put!(page, "<ul class=\"legend states\">");
    for (state, sign, words) in STATES {
        put!(page, "<li><i class=\"state {}\">{}</i>{}</li>", class(state), sign, words);
    }
    put!(page, "</ul>");
}

/// `24 nodes carried, 1 blocked, 11 not seen`: devices by state, in the order of [`CellState`].
pub(super) fn devices(counts: &[u32; CellState::ALL.len()], one: &str, many: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for (state, ..) in STATES {
        let number = u64::from(counts[state as usize]);
        if number > 0 {
            let what = if words.is_empty() { counted(number, one, many) } else { count(number) };
            words.push(format!("{what} {}", state.said()));
        }
    }
    words.join(", ")
}

fn cell(page: &mut Page, port: u16, seen: &CellCoverage) {
    let (sign, words) = look(seen.state);
    let blocked = seen.peer_states[CellState::Blocked as usize];
    let mut title = words.to_owned();
    if seen.state != CellState::NotSeen {
        title = format!(
            "{words}: {}, {}, {}",
            counted(seen.peers.into(), "peer", "peers"),
            counted(seen.flows, "flow", "flows"),
            counted(seen.packets, "packet", "packets")
        );
        if blocked > 0 {
            title.push_str(&format!("; blocked with {}", count(blocked.into())));
        }
    }
    if seen.hosts.iter().any(|number| *number > 0) {
        title.push_str(&format!("; {}", devices(&seen.hosts, "device", "devices")));
    }
    put!(
        page,
        "<td class=\"cell {}\" title=\"{}\"><b>{}</b> <span class=\"sign\">{}</span><span class=\"away\">{}</span>",
        class(seen.state),
        title,
        port,
        sign,
        words
    );
    if seen.state != CellState::NotSeen {
        put!(page, " <small>{}</small>", amount(seen));
        if seen.state == CellState::Carried && blocked > 0 {
            put!(page, " <small class=\"partly\">✗ {}</small>", short(blocked.into()));
        }
    }
    put!(page, "</td>");
}
