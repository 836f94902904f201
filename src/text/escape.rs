//! Foreign text made harmless: what came from a packet, a file name or an inventory may hold
//! terminal escapes, controls that turn text around, or what a spreadsheet takes for a formula.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character could move a terminal's cursor, change its colours, break a line or hide or
/// reverse its neighbours: C0 and C1 controls, bidirectional controls (Unicode UAX #9 section 2),
/// line and paragraph separators, zero-width space and joiner, byte order mark, and tag characters.
const fn is_harmful(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with every harmful character written out (`\n`, `\x1b`, `\u{202e}`).
pub fn visible(text: &str) -> Cow<'_, str> {
    // Nearly all text is plain ASCII, which a glance at its bytes tells: all of them, many at a time.
    let is_plain = text.bytes().fold(true, |plain, byte| plain & (b' '..=b'~').contains(&byte));
    if is_plain || !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_harmful(c) && c.is_ascii() => write!(out, "\\x{:02x}", c as u32).unwrap_or(()),
            c if is_harmful(c) => write!(out, "\\u{{{:x}}}", c as u32).unwrap_or(()),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The same for a text of several lines, whose line ends stay.
pub fn visible_lines(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

/// Whether a spreadsheet would read a cell with this text as a formula (OWASP: CSV injection).
fn is_formula(text: &str) -> bool {
    matches!(text.as_bytes().first(), Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r'))
}

/// A PowerShell string in single quotes. PowerShell takes typographic single quotes for quotes too.
pub(crate) fn powershell(text: &str) -> String {
    let mut out = String::from("'");
    for c in visible(text).chars() {
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
    out
}

/// A file's name as an argument that nobody takes for an option.
pub(crate) fn as_file(name: &str) -> String {
    if name.starts_with('-') { format!("./{name}") } else { name.to_owned() }
}

/// Foreign text as it may stand in a cell of a table: harmful characters are written out, and what a spreadsheet would take
/// for a formula gets a leading `'`.
pub(crate) fn cell(text: &str) -> Cow<'_, str> {
    let visible = visible(text);
    if is_formula(text) { Cow::Owned(format!("'{visible}")) } else { visible }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_borrowed() {
        for text in ["", "Höhe 3. Stock", "C:\\Igor\\Data", "照明"] {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn what_could_harm_is_written_out() {
        for (text, expected) in [
            ("\u{1b}[2Jgone", "\\x1b[2Jgone"),
            ("a\r\nb\tc\0", "a\\r\\nb\\tc\\x00"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("gpj.\u{202e}exe", "gpj.\\u{202e}exe"),
            ("\u{2066}x\u{2069}\u{feff}", "\\u{2066}x\\u{2069}\\u{feff}"),
        ] {
            assert_eq!(visible(text), expected);
        }
    }

    #[test]
    fn formulas_are_known_by_their_first_character() {
        for text in ["=1+1", "+1", "-1", "@SUM", "\tx", "\rx"] {
            assert!(is_formula(text), "{text:?}");
        }
        for text in ["", "a=1", "'=1", " =1", "1-1"] {
            assert!(!is_formula(text), "{text:?}");
        }
        assert_eq!([cell("=1"), cell("\t=1"), cell("plain"), cell("a\n")], ["'=1", "'\\t=1", "plain", "a\\n"]);
    }
}
