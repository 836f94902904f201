//! Igor devices: their last sign of life, and what each has not done yet.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use super::super::snapshot::{ListedDevice, Snapshot};
use super::super::theme::Theme;
use super::super::view::{DEVICE_SORTS, Tab, View};
use super::row::LineBuilder;
use super::{ago, list_and_detail, told};
use crate::finding::{Standing, State};
use crate::policy::Direction;
use crate::report::text::units::{counted, short};
use crate::verdict::CellState;

/// Columns: role, last sign of life, packets, ports.
const ROLE: usize = 9;
const LAST: usize = 12;
const PACKETS: usize = 7;
const PORTS: usize = 9;
const STATE: usize = 17;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View, theme: &Theme, snapshot: &Snapshot) {
    let selected = view.devices.selected().and_then(|at| snapshot.devices.get(at));
    let told = selected.map(|device| {
        let name = format!("{} {} {}", device.role.name(), device.address, device.name);
        (name.trim_end().to_owned(), detail(theme, snapshot, device, area.width))
    });
    list_and_detail(frame, area, (view, theme), told, area.height * 2 / 5, |list| rows(view, theme, snapshot, list));
}

fn rows(view: &View, theme: &Theme, snapshot: &Snapshot, area: Rect) -> Vec<Line<'static>> {
    let longest = |of: fn(&ListedDevice) -> usize, least, most| {
        snapshot.devices.iter().map(of).max().unwrap_or(0).clamp(least, most) + 1
    };
    let wide = area.width >= super::WIDE;
    let address = longest(|device| device.address.len(), 12, if wide { 39 } else { 17 });
    let name = longest(|device| device.name.chars().count(), 4, if wide { 30 } else { 10 });
    // Where there is little room, how it stands tells more than how much it sent.
    let packets = if wide { PACKETS } else { 0 };
    let used = 3 + address + name + ROLE + LAST + packets + PORTS + STATE;
    let missing = usize::from(area.width).saturating_sub(used);
    let above = format!(
        " {}{}  sort: {}{}",
        if view.filter(Tab::Nodes).is_empty() { String::new() } else { format!("{} of ", view.devices.order.len()) },
        counted(snapshot.devices.len() as u64, "device", "devices"),
        DEVICE_SORTS[view.device_sort].0,
        view.filter_words(Tab::Nodes),
    );
    let mut lines = vec![
        LineBuilder::new().text(&above, theme.title()).line(),
        LineBuilder::new()
            .left("", 3, theme.quiet())
            .left("address", address, theme.quiet())
            .left("name", name, theme.quiet())
            .left("role", ROLE, theme.quiet())
            .left("last sign", LAST, theme.quiet())
            .right(if wide { "packets" } else { "" }, packets + 1, theme.quiet())
            .left("carried", PORTS - 1, theme.quiet())
            .left("state", STATE, theme.quiet())
            .left("not yet", missing, theme.quiet())
            .line(),
    ];
    if snapshot.devices.is_empty() {
        lines.push(LineBuilder::new().text("   no gateway, node or BACnet system is known yet", theme.quiet()).line());
    }
    for (place, is_selected) in view.devices.shown(usize::from(area.height).saturating_sub(lines.len())) {
        let Some(device) = snapshot.devices.get(place) else { continue };
        let (sign, style) = match device {
            ListedDevice { blocked: 1.., .. } => ("✗", theme.alert()),
            ListedDevice { unexpected: 1.., .. } => ("!", theme.warning()),
            device if device.last.nanos().is_none() && !snapshot.is_young => ("?", theme.warning()),
            _ => (" ", theme.plain()),
        };
        let is_silent = device.last.nanos().is_none();
        let last = match is_silent {
            // It may speak yet.
            true if snapshot.is_young => "not yet".to_owned(),
            true => "never heard".to_owned(),
            false => ago(device.last, snapshot.now),
        };
        // Nothing can be said of one that was not heard in the first minutes.
        let state = match is_silent && snapshot.is_young {
            true => String::new(),
            false => device.standing.state.name().replace('-', " "),
        };
        let row = LineBuilder::new()
            .left(&format!(" {sign}"), 3, style)
            .left(&device.address, address, theme.plain())
            .left(&device.name, name, theme.plain())
            .left(device.role.name(), ROLE, theme.quiet())
            .left(&last, LAST, if is_silent && !snapshot.is_young { theme.warning() } else { theme.plain() })
            .right(&if wide { short(device.packets) } else { String::new() }, packets, theme.plain())
            .right(&format!("{}/{}", device.count(CellState::Carried), device.cells.len()), PORTS - 1, theme.plain())
            .text(" ", theme.plain())
            .left(&state, STATE, stands(theme, device.standing))
            .left(&cells(snapshot, device, &[CellState::NotSeen], false), missing, theme.quiet());
        lines.push(row.selectable(is_selected, theme.selected(), area.width));
    }
    lines
}

fn stands(theme: &Theme, standing: Standing) -> Style {
    match standing.state {
        State::Healthy => theme.quiet(),
        _ if standing.is_bad() => theme.alert(),
        _ => theme.warning(),
    }
}

/// The cells of a device in some state: `in TCP 80, UDP 69; out UDP 1023`.
fn cells(snapshot: &Snapshot, device: &ListedDevice, states: &[CellState], in_words: bool) -> String {
    let mut parts = Vec::new();
    for (direction, word) in [(Direction::Incoming, "in"), (Direction::Outgoing, "out")] {
        let mut list: Vec<String> = Vec::new();
        for (at, state) in &device.cells {
            let Some((cell, _)) = snapshot.names.cell(*at) else { continue };
            if cell.direction != direction || !states.contains(state) {
                continue;
            }
            let port = format!("{} {}", cell.transport.to_string().to_uppercase(), cell.port);
            let text = if in_words { format!("{port} {}", cell.service) } else { port };
            // Two documents of one role may list one port.
            if !list.contains(&text) {
                list.push(text);
            }
        }
        if !list.is_empty() {
            parts.push(format!("{word} {}", list.join(", ")));
        }
    }
    parts.join("; ")
}

fn detail(theme: &Theme, snapshot: &Snapshot, device: &ListedDevice, width: u16) -> Vec<Line<'static>> {
    let of = |state| cells(snapshot, device, &[state], true);
    let known = format!("{}{}", device.basis, trouble(device));
    let mut lines = told(theme, "Blocked", &of(CellState::Blocked), width, theme.alert());
    lines.extend(told(theme, "Not yet", &of(CellState::NotSeen), width, theme.plain()));
    lines.extend(told(theme, "One way", &of(CellState::OneWay), width, theme.warning()));
    lines.extend(told(theme, "Sent", &of(CellState::Sent), width, theme.plain()));
    lines.extend(told(theme, "Known by", &known, width, theme.plain()));
    lines.extend(told(theme, "Carried", &of(CellState::Carried), width, theme.good()));
    lines
}

fn trouble(device: &ListedDevice) -> String {
    match (device.blocked, device.unexpected) {
        (0, 0) => String::new(),
        (blocked, unexpected) => format!("; {blocked} blocked and {unexpected} unexpected conversations"),
    }
}
