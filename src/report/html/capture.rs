//! What was captured, what is doubtful about it, and how to make the report again.

use super::HtmlOptions;
use super::head::doubts;
use super::page::{Page, put};
use crate::report::text::units::{bytes, count};
use crate::survey::Survey;
use crate::text::{as_file, powershell};

/// Rows of the lists of files, stops, kinds and tunnels.
const SHOWN: usize = 200;

pub(super) fn write(page: &mut Page, survey: &Survey) {
    page.section("capture", "What was captured");
    let doubts = doubts(survey);
    if doubts.is_empty() {
        put!(page, "<p>No caveats: every frame was read and decoded to its end.</p>");
    } else {
        put!(page, "<h3>Caveats</h3><ul class=\"caveats\">");
        for doubt in doubts.iter().take(SHOWN) {
            put!(page, "<li>{}</li>", doubt);
        }
        put!(page, "</ul>");
    }
    files(page, survey);
    let frames = &survey.frames;
    put!(page, "<h3>Frames</h3><p>{} in all", count(frames.total));
    let stopped = frames.stopped.iter().fold(0, |sum: u64, stop| sum.saturating_add(stop.2));
    // Of one site of a merge no more is known.
    if frames.decoded > 0 || stopped > 0 || frames.total == 0 {
        put!(page, ": {} decoded to their end, {} stopped before it", count(frames.decoded), count(stopped));
    }
    put!(page, ".</p>");
    if !frames.stopped.is_empty() {
        page.table("stops", "Where decoding stopped", &["Layer", "Reason", "#Frames"], frames.stopped.len());
        for (layer, reason, number) in frames.stopped.iter().take(SHOWN) {
            put!(page, "<tr><td>{}</td><td>{}</td>", layer, reason);
            page.count_cell(*number);
            put!(page, "</tr>");
        }
        page.end_table();
    }
    if !survey.non_ip.is_empty() {
        put!(page, "<h3>Not IP</h3>");
        page.table("non-ip", "Frames that are not IP", &["Kind", "#Frames", "#Bytes"], survey.non_ip.len());
        for kind in survey.non_ip.iter().take(SHOWN) {
            put!(page, "<tr><td>{}</td>", kind.kind);
            page.count_cell(kind.frames);
            page.number_cell(kind.bytes, bytes(kind.bytes));
            put!(page, "</tr>");
        }
        page.end_table();
    }
    if !survey.encapsulations.is_empty() {
        put!(page, "<h3>Tunnels and mirrors taken off</h3>");
        let headings = &["Kind", "From", "To", "#Frames", "#Bytes"];
        page.table("tunnels", "Tunnels taken off", headings, survey.encapsulations.len());
        for tunnel in survey.encapsulations.iter().take(SHOWN) {
            put!(page, "<tr><td>{}</td>", tunnel.kind);
            put!(page, "<td class=\"addr\">{}</td><td class=\"addr\">{}</td>", tunnel.source, tunnel.destination);
            page.count_cell(tunnel.frames);
            page.number_cell(tunnel.bytes, bytes(tunnel.bytes));
            put!(page, "</tr>");
        }
        page.end_table();
    }
    page.end_section();
}

fn files(page: &mut Page, survey: &Survey) {
    put!(page, "<h3>Files</h3>");
    if survey.inputs.len() > SHOWN {
        put!(page, "<p>The first {} of {}; survey.json has all of them.</p>", SHOWN, survey.inputs.len());
    }
    page.table(
        "files",
        "Files with their SHA-256",
        &["File", "Format", "#Frames", "#Size", "First", "Last", "SHA-256"],
        survey.inputs.len(),
    );
    for input in survey.inputs.iter().take(SHOWN) {
        put!(page, "<tr><td class=\"wide\"><bdi>{}</bdi>", input.path);
        if let Some(damage) = &input.damage {
            put!(page, " <small class=\"trouble\">damaged at byte {}: {}</small>", count(damage.offset), damage.reason);
        }
        put!(page, "</td><td>{}</td>", input.format);
        page.count_cell(input.frames);
        page.number_cell(input.size, bytes(input.size));
        for time in [input.first, input.last] {
            page.time_cell(time);
        }
        put!(page, "<td class=\"hash\">{}</td></tr>\n", input.sha256().unwrap_or("not worked out"));
    }
    page.end_table();
}

pub(super) fn reproduce(page: &mut Page, survey: &Survey, options: &HtmlOptions) {
    page.section("reproduce", "How to make this report again");
    put!(
        page,
        "<p>With igorscope {}, the same files (compare the SHA-256 above with <code>sha256sum</code>) and the same \
         inventory and policy, this page comes out the same, byte for byte, on any machine whose clock keeps the same \
         time zone.</p>",
        env!("CARGO_PKG_VERSION")
    );
    if !options.rendered.is_empty() {
        put!(
            page,
            "<p>It was rendered again from a survey.json, which {} wrote, not from the captures. That file has the frames of the \
             findings in their text only, so there is no table of them.</p>",
            options.rendered
        );
    }
    let mut words = options.command.clone();
    if words.is_empty() {
        words.extend(["igorscope", "analyze"].map(str::to_owned));
        words.extend(survey.inputs.iter().take(SHOWN).map(|input| as_file(&input.path)));
        words.extend(["-o", "report"].map(str::to_owned));
    }
    let lines = Console::HERE.iter().filter_map(|shell| Some((*shell, shell.line(&words)?)));
    let mut lines: Vec<(Console, String)> = lines.collect();
    lines.dedup_by(|later, first| later.1 == first.1);
    for (shell, line) in &lines {
        let whose = if lines.len() > 1 { format!("{}: ", shell.name()) } else { String::new() };
        put!(
            page,
            "<p class=\"filter\">{}<code tabindex=\"0\">{}</code> <button type=\"button\" class=\"copy\" hidden>Copy</button></p>",
            whose,
            line
        );
    }
    page.end_section();
}

/// Who takes a command line apart: in Windows there are two, and what one quotes the other does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Console {
    Posix,
    Cmd,
    PowerShell,
}

impl Console {
    /// Those of this system.
    const HERE: &[Self] = if cfg!(windows) { &[Self::Cmd, Self::PowerShell] } else { &[Self::Posix] };

    fn name(self) -> &'static str {
        match self {
            Self::Posix => "shell",
            Self::Cmd => "cmd",
            Self::PowerShell => "PowerShell",
        }
    }

    /// A word as this shell hands it over whole; `None` where it has no way to.
    fn quoted(self, word: &str) -> Option<String> {
        let signs = if self == Self::Posix { "-_./:,=+@%" } else { "-_./:+\\" };
        if !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || signs.contains(c)) {
            return Some(word.to_owned());
        }
        // Within its quotes cmd still takes these, and knows no sign that keeps it from doing so.
        if word.chars().any(char::is_control) || self == Self::Cmd && word.contains(['"', '%', '!']) {
            return None;
        }
        // Programs of Windows take a backslash before the closing quote for one that quotes it.
        let end = &word[word.trim_end_matches('\\').len()..];
        Some(match self {
            Self::Posix => format!("'{}'", word.replace('\'', "'\\''")),
            Self::Cmd => format!("\"{word}{end}\""),
            Self::PowerShell => powershell(&format!("{word}{end}")),
        })
    }

    fn line(self, words: &[String]) -> Option<String> {
        Some(words.iter().map(|word| self.quoted(word)).collect::<Option<Vec<_>>>()?.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::Console;

    #[test]
    fn each_shell_gets_its_own_quotes() {
        let quoted = |word| {
            [Console::Posix, Console::Cmd, Console::PowerShell].map(|shell| shell.quoted(word).unwrap_or_default())
        };
        assert_eq!(quoted("two words"), ["'two words'", "\"two words\"", "'two words'"]);
        assert_eq!(quoted("it's"), ["'it'\\''s'", "\"it's\"", "'it''s'"]);
        assert_eq!(quoted(r"C:\Igor\a.pcap")[1..], [r"C:\Igor\a.pcap"; 2]);
        assert_eq!(quoted(r"C:\my site\")[1..], [r#""C:\my site\\""#, r"'C:\my site\\'"]);
        assert_eq!(quoted("100%")[1..], ["", "'100%'"]);
        assert_eq!(quoted("x\u{2019}; calc #")[2], "'x\u{2019}\u{2019}; calc #'");
        assert_eq!(quoted("x\" & calc & \"")[1], "", "cmd has no way to say it");
        assert_eq!(quoted("a&b;$c")[1..], ["\"a&b;$c\"", "'a&b;$c'"]);
        assert_eq!(quoted(""), ["''", "\"\"", "''"]);
    }
}
