//! A page of text for a terminal: spans with a tone, lines that fit, paragraphs that wrap.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Where the text goes, and what that place can show.
#[derive(Clone, Debug)]
pub struct Terminal {
    /// Columns of a line.
    pub width: usize,
    /// Whether colours are wanted.
    pub color: bool,
    /// Whose clock times are told by.
    pub zone: jiff::tz::TimeZone,
    /// Whether every finding and conversation is wanted, not just the first ones.
    pub all: bool,
}

/// What a span is, which decides its colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::report) enum Tone {
    Plain,
    Strong,
    Quiet,
    Good,
    Alert,
    Warning,
    Notice,
}

impl Tone {
    /// The parameters of ECMA-48's SGR control.
    const fn sgr(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Quiet => "2",
            Self::Good => "32",
            Self::Alert => "1;31",
            Self::Warning => "33",
            Self::Notice => "36",
        }
    }
}

/// Text in one tone. The text is safe: foreign text goes through `text::visible` first.
pub(in crate::report) type Span = (Tone, String);

/// The page as it grows.
pub(in crate::report) struct Page<'a> {
    pub terminal: &'a Terminal,
    text: String,
}

impl<'a> Page<'a> {
    pub(in crate::report) fn new(terminal: &'a Terminal) -> Self {
        Self { terminal, text: String::new() }
    }

    pub(in crate::report) fn finish(self) -> String {
        self.text
    }

    pub(in crate::report) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// One line; what does not fit is cut with an ellipsis.
    pub(in crate::report) fn line(&mut self, spans: impl IntoIterator<Item = Span>) {
        let mut left = self.terminal.width;
        let mut pending = String::new();
        for (tone, text) in spans {
            let text = fit(&text, left);
            left -= text.width();
            // Trailing blanks are left out, those between spans are kept.
            let trimmed = text.trim_end_matches(' ');
            if !trimmed.is_empty() {
                self.text.push_str(&pending);
                pending.clear();
                self.paint(tone, trimmed);
            }
            pending.extend(std::iter::repeat_n(' ', text.len() - trimmed.len()));
        }
        self.text.push('\n');
    }

    fn paint(&mut self, tone: Tone, text: &str) {
        if self.terminal.color && tone != Tone::Plain {
            self.text.push_str("\u{1b}[");
            self.text.push_str(tone.sgr());
            self.text.push('m');
            self.text.push_str(text);
            self.text.push_str("\u{1b}[0m");
        } else {
            self.text.push_str(text);
        }
    }

    /// A heading and what is said beside it.
    pub(in crate::report) fn heading(&mut self, title: &str, beside: impl IntoIterator<Item = Span>) {
        self.blank();
        let title = (Tone::Strong, title.to_owned());
        self.line([title, (Tone::Plain, "  ".to_owned())].into_iter().chain(beside));
    }

    /// A paragraph behind `first` spans, wrapped at `indent` columns from the left.
    pub(in crate::report) fn paragraph(&mut self, first: Vec<Span>, indent: usize, tone: Tone, text: &str) {
        self.paragraph_and(first, indent, tone, text, (Tone::Plain, String::new()));
    }

    /// The same with a last span of its own tone, which is not broken: behind the text, or below it where there is no room.
    pub(in crate::report) fn paragraph_and(
        &mut self,
        first: Vec<Span>,
        indent: usize,
        tone: Tone,
        text: &str,
        last: Span,
    ) {
        let used: usize = first.iter().map(|(_, text)| text.width()).sum();
        let width = self.terminal.width.saturating_sub(indent).max(20);
        let mut lines: Vec<Vec<Span>> = wrap(text, width).into_iter().map(|line| vec![(tone, line)]).collect();
        if !last.1.is_empty() {
            let end = lines.last().map_or(width, |line| line[0].1.width());
            match lines.last_mut() {
                Some(line) if end + 1 + last.1.width() <= width => line.extend([(Tone::Plain, " ".to_owned()), last]),
                _ => lines.push(vec![last]),
            }
        }
        let mut lines = lines.into_iter();
        let gap = (Tone::Plain, " ".repeat(indent.saturating_sub(used)));
        let opening = lines.next().unwrap_or_default();
        self.line(first.into_iter().chain([gap]).chain(opening));
        for line in lines {
            self.line([(Tone::Plain, " ".repeat(indent))].into_iter().chain(line));
        }
    }
}

/// Text in `width` columns at most, cut with an ellipsis.
pub(crate) fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = head(text, width.saturating_sub(1)).to_owned();
    if width > 0 {
        out.push('…');
    }
    out
}

/// The longest beginning of a text that takes `width` columns at most.
fn head(text: &str, width: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > width {
            return &text[..at];
        }
    }
    text
}

/// A path in `width` columns at most, cut in the middle: its end tells most.
pub(crate) fn fit_path(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let front = width.saturating_sub(1) / 3;
    let back: Vec<char> = {
        let mut left = width.saturating_sub(1 + front);
        let fits = |c: &char| {
            let width = c.width().unwrap_or(0);
            let fits = width <= left;
            left = left.saturating_sub(width);
            fits
        };
        text.chars().rev().take_while(fits).collect()
    };
    format!("{}…{}", head(text, front), back.into_iter().rev().collect::<String>())
}

/// Text padded with blanks on the right to `width` columns, cut if it is longer.
pub(crate) fn left(text: &str, width: usize) -> String {
    let text = fit(text, width);
    let gap = width - text.width();
    text + &" ".repeat(gap)
}

/// Text padded with blanks on the left to `width` columns.
pub(crate) fn right(text: &str, width: usize) -> String {
    let text = fit(text, width);
    " ".repeat(width - text.width()) + &text
}

/// Lines of `width` columns at most, broken at blanks, and inside a word only where it is longer
/// than a line.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for mut word in text.split_whitespace() {
        let gap = usize::from(!line.is_empty());
        if line.width() + gap + word.width() > width && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        while word.width() > width {
            let part = head(word, width);
            // A single character that is wider than the line cannot be split further.
            if part.is_empty() {
                break;
            }
            lines.push(part.to_owned());
            word = &word[part.len()..];
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_fitted_by_columns_not_bytes() {
        assert_eq!(fit("照明照明", 5), "照明…");
        assert_eq!(fit("plain", 5), "plain");
        assert_eq!(fit("plain", 0), "");
        assert_eq!(left("照", 4), "照  ");
        assert_eq!(right("12", 4), "  12");
        assert_eq!(fit_path("/a/very/long/path/monday.pcapng", 20), "/a/ver…monday.pcapng");
    }

    #[test]
    fn paragraphs_wrap_at_blanks() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert_eq!(wrap("", 4), [""; 0]);
    }

    #[test]
    fn the_last_span_of_a_paragraph_is_whole_behind_it_or_below() {
        let terminal = Terminal { width: 24, color: false, zone: jiff::tz::TimeZone::UTC, all: false };
        for (text, page) in [
            ("one two three", "  one two three (1, 2)\n"),
            ("one two three four", "  one two three four\n  (1, 2)\n"),
            ("one two three four five", "  one two three four\n  five (1, 2)\n"),
            ("", "  (1, 2)\n"),
        ] {
            let mut out = Page::new(&terminal);
            out.paragraph_and(Vec::new(), 2, Tone::Plain, text, (Tone::Quiet, "(1, 2)".to_owned()));
            assert_eq!(out.finish(), page);
        }
    }

    #[test]
    fn a_line_keeps_inner_blanks_and_drops_trailing_ones() {
        let terminal = Terminal { width: 20, color: true, zone: jiff::tz::TimeZone::UTC, all: false };
        let mut page = Page::new(&terminal);
        page.line([(Tone::Alert, "a  ".to_owned()), (Tone::Plain, "b   ".to_owned())]);
        assert_eq!(page.finish(), "\u{1b}[1;31ma\u{1b}[0m  b\n");
    }
}
