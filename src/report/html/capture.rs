//! What was captured, what is doubtful about it, and how to make the report again.

use super::HtmlOptions;
use super::head::doubts;
use super::page::{Page, put};
use crate::report::text::units::{bytes, count};
use crate::survey::Survey;

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
            put!(
                page,
                "<tr><td>{}</td><td>{}</td><td class=\"n\" data-v=\"{}\">{}</td></tr>",
                layer,
                reason,
                number,
                count(*number)
            );
        }
        page.end_table();
    }
    if !survey.non_ip.is_empty() {
        put!(page, "<h3>Not IP</h3>");
        page.table("non-ip", "Frames that are not IP", &["Kind", "#Frames", "#Bytes"], survey.non_ip.len());
        for kind in survey.non_ip.iter().take(SHOWN) {
            put!(
                page,
                "<tr><td>{}</td><td class=\"n\" data-v=\"{}\">{}</td><td class=\"n\" data-v=\"{}\">{}</td></tr>",
                kind.kind,
                kind.frames,
                count(kind.frames),
                kind.bytes,
                bytes(kind.bytes)
            );
        }
        page.end_table();
    }
    if !survey.encapsulations.is_empty() {
        put!(page, "<h3>Tunnels and mirrors taken off</h3>");
        let headings = &["Kind", "From", "To", "#Frames", "#Bytes"];
        page.table("tunnels", "Tunnels taken off", headings, survey.encapsulations.len());
        for tunnel in survey.encapsulations.iter().take(SHOWN) {
            put!(
                page,
                "<tr><td>{}</td><td class=\"addr\">{}</td><td class=\"addr\">{}</td><td class=\"n\" data-v=\"{}\">{}\
                 </td><td class=\"n\" data-v=\"{}\">{}</td></tr>",
                tunnel.kind,
                tunnel.source,
                tunnel.destination,
                tunnel.frames,
                count(tunnel.frames),
                tunnel.bytes,
                bytes(tunnel.bytes)
            );
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
        put!(
            page,
            "</td><td>{}</td><td class=\"n\" data-v=\"{}\">{}</td><td class=\"n\" data-v=\"{}\">{}</td>",
            input.format,
            input.frames,
            count(input.frames),
            input.size,
            bytes(input.size)
        );
        for time in [input.first, input.last] {
            page.time_cell(time);
        }
        put!(page, "<td class=\"hash\">{}</td></tr>\n", input.sha256.as_deref().unwrap_or("not worked out"));
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
    let command = if options.command.is_empty() {
        let inputs: Vec<String> = survey.inputs.iter().take(SHOWN).map(|input| quoted(&input.path)).collect();
        format!("igorscope analyze {} -o report", inputs.join(" "))
    } else {
        options.command.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    };
    put!(
        page,
        "<p class=\"filter\"><code tabindex=\"0\">{}</code> <button type=\"button\" class=\"copy\" hidden>Copy</button></p>",
        command
    );
    page.end_section();
}

/// A word as a POSIX shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
