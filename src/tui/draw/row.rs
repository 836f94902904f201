//! A line of columns. All text enters through here, and is made harmless.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use crate::report::text::page;
use crate::text::visible;

/// A line as it grows.
#[derive(Default)]
pub(super) struct LineBuilder {
    spans: Vec<Span<'static>>,
    width: usize,
}

impl LineBuilder {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Text as long as it is.
    pub(super) fn text(self, text: &str, style: Style) -> Self {
        self.push(visible(text).into_owned(), style)
    }

    /// Text in a column, from its left, and a gap.
    pub(super) fn left(self, text: &str, width: usize, style: Style) -> Self {
        self.push(page::left(&page::fit(&visible(text), width.saturating_sub(1)), width), style)
    }

    /// Text in a column, at its right, and a gap.
    pub(super) fn right(self, text: &str, width: usize, style: Style) -> Self {
        self.push(page::right(&visible(text), width.saturating_sub(1)) + " ", style)
    }

    /// Another row behind this one.
    pub(super) fn append(mut self, other: Self) -> Self {
        self.width += other.width;
        self.spans.extend(other.spans);
        self
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn line(self) -> Line<'static> {
        Line::from(self.spans)
    }

    /// The line, shown as selected over its whole width or not.
    pub(super) fn selectable(mut self, is_selected: bool, style: Style, width: u16) -> Line<'static> {
        if !is_selected {
            return self.line();
        }
        let free = usize::from(width).saturating_sub(self.width);
        self.spans.push(Span::raw(" ".repeat(free)));
        Line::from(self.spans).patch_style(style)
    }

    fn push(mut self, text: String, style: Style) -> Self {
        self.width += text.width();
        self.spans.push(Span::styled(text, style));
        self
    }
}
