//! How things theme, with colours and without.

use ratatui::style::{Color, Modifier, Style};

use crate::policy::Severity;
use crate::verdict::{CellState, Conversation, Verdict};

/// Styles and signs. Without colours, signs and brightness tell the same.
#[derive(Clone, Debug)]
pub struct Theme {
    /// Whether colours are wanted.
    pub color: bool,
    /// Whose clock times are told by.
    pub zone: jiff::tz::TimeZone,
}

impl Theme {
    fn color(&self, color: Color) -> Style {
        if self.color { Style::new().fg(color) } else { Style::new() }
    }

    pub(super) fn plain(&self) -> Style {
        Style::new()
    }

    pub(super) fn strong(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(super) fn quiet(&self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(super) fn title(&self) -> Style {
        self.color(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    pub(super) fn good(&self) -> Style {
        self.color(Color::Green)
    }

    pub(super) fn alert(&self) -> Style {
        self.color(Color::Red).add_modifier(Modifier::BOLD)
    }

    pub(super) fn warning(&self) -> Style {
        self.color(Color::Yellow)
    }

    pub(super) fn notice(&self) -> Style {
        self.color(Color::Cyan)
    }

    /// The line of the selection; it must stand out without colours.
    pub(super) fn selected(&self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    pub(super) fn severity(&self, severity: Severity) -> Style {
        match severity {
            Severity::Alert => self.alert(),
            Severity::Warning => self.warning(),
            Severity::Notice => self.notice(),
        }
    }

    /// Sign and style of what was seen of a cell.
    pub(super) fn cell(&self, state: CellState) -> (&'static str, Style) {
        match state {
            CellState::Carried => ("●", self.good()),
            CellState::Blocked => ("✗", self.alert()),
            CellState::OneWay => ("◐", self.warning()),
            CellState::Sent => ("○", self.plain()),
            CellState::NotSeen => ("·", self.quiet()),
        }
    }

    pub(super) fn conversation(&self, conversation: &Conversation) -> (&'static str, Style) {
        match (conversation.severity, conversation.verdict) {
            (Some(severity), _) => (sign(severity), self.severity(severity)),
            (None, Verdict::Documented) => ("✓", self.good()),
            (None, Verdict::Related) => ("~", self.good()),
            (None, Verdict::SiteApproved) => ("+", self.good()),
            (None, Verdict::Supporting) => ("·", self.quiet()),
            (None, Verdict::Unexpected) => ("?", self.notice()),
            (None, Verdict::Bystander) => (" ", self.quiet()),
        }
    }
}

/// One column that says how grave it is.
pub(super) const fn sign(severity: Severity) -> &'static str {
    match severity {
        Severity::Alert => "✗",
        Severity::Warning => "!",
        Severity::Notice => "i",
    }
}
