//! Foreign text made harmless for each format. Names and reasons come from the user's files: a
//! quote or a line break in one of them must not become a rule.

pub(super) use crate::text::cell;
use crate::text::visible;

/// One line without control characters, at most `bytes` long.
pub(super) fn line(text: &str, bytes: usize) -> String {
    let text = visible(text).into_owned();
    if text.len() <= bytes {
        return text;
    }
    let mut end = bytes.saturating_sub(3);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...", &text[..end])
}

/// For double quotes that know no escape (nftables, iptables-restore).
pub(super) fn quoted(text: &str, bytes: usize) -> String {
    line(&visible(text).replace('"', "'").replace('\\', "/"), bytes)
}

/// Printable ASCII; all else, and what the set `not` has, as `.`.
pub(super) fn ascii(text: &str, not: &[char], bytes: usize) -> String {
    let plain: String =
        text.chars().map(|c| if (c == ' ' || c.is_ascii_graphic()) && !not.contains(&c) { c } else { '.' }).collect();
    line(&plain, bytes)
}

/// A cell of a Markdown table.
pub(super) fn markdown(text: &str) -> String {
    let mut out = String::new();
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '#' | '!' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// Lower-case letters, digits and `-`.
pub(super) fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            c if c.is_ascii_alphanumeric() => out.push(c.to_ascii_lowercase()),
            _ if out.ends_with('-') || out.is_empty() => {}
            _ => out.push('-'),
        }
    }
    out.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::powershell;

    #[test]
    fn nothing_breaks_out_of_its_quotes_or_its_line() {
        let evil = "a\"; drop\n\r\u{2028}-A INPUT -j ACCEPT\\\" `id` $(id) | ' \u{2019}";
        for harmless in
            [line(evil, 200), quoted(evil, 200), ascii(evil, &['"', '?'], 200), powershell(evil), markdown(evil)]
        {
            assert_eq!(harmless.lines().count(), 1, "{harmless}");
            assert!(!harmless.contains(['\n', '\r', '\u{2028}']), "{harmless}");
        }
        assert!(!quoted(evil, 200).contains(['"', '\\']));
        assert!(!ascii(evil, &['"'], 200).contains('"'));
        assert_eq!(powershell("a'b\u{2019}c"), "'a''b\u{2019}\u{2019}c'");
        assert_eq!(markdown("a|b<c>_"), "a\\|b&lt;c&gt;\\_");
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(slug("HTTP / Höhe!"), "http-h-he");
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(line("ääää", 6), "ä...");
        assert_eq!(line("abc", 3), "abc");
    }
}
