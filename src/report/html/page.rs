//! The page under construction. Every value that goes into it is escaped on the way: raw markup can
//! only be a literal of this program.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write};
use std::net::IpAddr;

use jiff::tz::TimeZone;

use crate::capture::Timestamp;
use crate::inventory::Host;
use crate::report::text::units::{count, local, offset};
use crate::text::visible;

/// Rows of a table that are surely taller than the box in which it scrolls (`.scroll` in the style sheet).
const LONG: usize = 60;

/// Markup with values in it. The markup is a literal; each value is escaped, whatever it is.
macro_rules! put {
    ($page:expr, $markup:literal $(, $value:expr)* $(,)?) => {
        // `concat!` keeps `{name}` in the literal from taking a value past the escaping.
        $page.markup(format_args!(concat!($markup) $(, $crate::report::html::page::Safe(&$value))*))
    };
}
pub(super) use put;

/// A value as it may stand in HTML text and in quoted attributes.
pub(super) struct Safe<'a, T: ?Sized>(pub(super) &'a T);

impl<T: Display + ?Sized> Display for Safe<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaper(f), "{}", self.0)
    }
}

struct Escaper<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaper<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let text = visible(text);
        let mut rest = &*text;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            let (before, from) = rest.split_at(at);
            self.0.write_str(before)?;
            let (special, after) = from.split_at(1);
            self.0.write_str(match special {
                "&" => "&amp;",
                "<" => "&lt;",
                ">" => "&gt;",
                "\"" => "&quot;",
                _ => "&#39;",
            })?;
            rest = after;
        }
        self.0.write_str(rest)
    }
}

/// The page's text so far, and whose clock it tells the time by.
pub(super) struct Page {
    html: String,
    pub(super) zone: TimeZone,
    /// Whether the clock was put forward or back meanwhile: then each time needs its offset from UTC.
    clock_changes: bool,
    /// The sections of devices, by their addresses.
    pub(super) devices: BTreeMap<IpAddr, u32>,
}

impl Page {
    /// For a survey from one time to another.
    pub(super) fn new(zone: &TimeZone, (first, last): (Timestamp, Timestamp)) -> Self {
        let clock_changes = offset(first, zone) != offset(last, zone);
        Self { html: String::with_capacity(256 * 1024), zone: zone.clone(), clock_changes, devices: BTreeMap::new() }
    }

    pub(super) fn finish(self) -> String {
        self.html
    }

    /// Opens a page without a script: its head with these styles, and its main part.
    pub(super) fn open_plain(&mut self, title: &str, styles: &[&'static str]) {
        put!(self, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        put!(self, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src");
        styles.iter().for_each(|style| put!(self, " '{}'", super::hash(style)));
        put!(
            self,
            "; base-uri 'none'; form-action 'none'\">\n<meta name=\"viewport\" content=\"width=device-width, \
             initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" \
             content=\"no-referrer\">\n<title>{}</title>\n",
            title
        );
        for style in styles {
            put!(self, "<style>");
            self.own(style);
            put!(self, "</style>");
        }
        put!(self, "\n</head>\n<body><main>\n");
    }

    pub(super) fn close_plain(&mut self) {
        put!(
            self,
            "</main>\n<footer>Made by igorscope {} from captures alone: it sent no packet and asked no \
             one.</footer>\n</body>\n</html>\n",
            env!("CARGO_PKG_VERSION")
        );
    }

    /// For [`put!`] alone.
    pub(super) fn markup(&mut self, markup: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.html.write_fmt(markup);
    }

    /// A part of this program: style, script.
    pub(super) fn own(&mut self, text: &'static str) {
        self.html.push_str(text);
    }

    /// A local time, with UTC behind it: for people to the millisecond, for programs to the nanosecond.
    pub(super) fn time(&mut self, time: Timestamp) {
        if time.nanos().is_some() {
            let shown = self.shown(time);
            put!(self, "<time datetime=\"{}\" title=\"{}\">{}</time>", time, format!("{time:.3}"), shown);
        } else {
            put!(self, "<span class=\"quiet\">unknown</span>");
        }
    }

    /// A table's cell with a local time, which sorts by UTC.
    pub(super) fn time_cell(&mut self, time: Timestamp) {
        match time.nanos() {
            Some(_) => put!(self, "<td title=\"{}\">{}</td>", format!("{time:.3}"), self.shown(time)),
            None => put!(self, "<td></td>"),
        }
    }

    /// A table's cell with a number as it is to be read, which sorts by the number.
    pub(super) fn number_cell(&mut self, number: u64, shown: impl Display) {
        put!(self, "<td class=\"n\" data-v=\"{}\">{}</td>", number, shown);
    }

    /// The same of how many there are.
    pub(super) fn count_cell(&mut self, number: u64) {
        self.number_cell(number, count(number));
    }

    /// A local time, with its offset where that is needed.
    pub(super) fn shown(&self, time: Timestamp) -> String {
        let mut shown = local(time, Timestamp::UNKNOWN, &self.zone);
        if self.clock_changes {
            shown.push(' ');
            shown.push_str(&offset(time, &self.zone));
        }
        shown
    }

    /// The zone's offset from UTC, for all times; `None` where each has its own.
    pub(super) fn offset(&self, time: Timestamp) -> Option<String> {
        (!self.clock_changes).then(|| offset(time, &self.zone))
    }

    /// A host: its name, where known, and its address, which leads to the section of a device.
    pub(super) fn host(&mut self, host: &Host) {
        let Some(device) = self.devices.get(&host.address).copied() else { return self.plain_host(host) };
        if let Some(name) = host.name.as_deref() {
            put!(self, "<bdi class=\"name\">{}</bdi> ", name);
        }
        put!(self, "<a class=\"addr\" href=\"#device-{}\">{}</a>", device, host.address);
    }

    /// The same without a link.
    pub(super) fn plain_host(&mut self, host: &Host) {
        if let Some(name) = host.name.as_deref() {
            put!(self, "<bdi class=\"name\">{}</bdi> ", name);
        }
        put!(self, "<span class=\"addr\">{}</span>", host.address);
    }

    pub(super) fn section(&mut self, id: &'static str, title: &'static str) {
        put!(self, "<section id=\"{}\" aria-labelledby=\"{}-title\"><h2 id=\"{}-title\">{}</h2>", id, id, id, title);
    }

    pub(super) fn end_section(&mut self) {
        put!(self, "</section>\n");
    }

    /// Opens the box in which a table scrolls. That of a long one has the height that the style sheet allows, and
    /// browsers lay out what is in it when it is scrolled to.
    pub(super) fn scroll(&mut self, label: &'static str, rows: usize) {
        let class = if rows > LONG { "scroll long" } else { "scroll" };
        put!(self, "<div class=\"{}\" tabindex=\"0\" role=\"region\" aria-label=\"Table: {}\">", class, label);
    }

    /// The box that filters a table, where scripts run.
    pub(super) fn filter(&mut self, table: &'static str, placeholder: &'static str) {
        put!(
            self,
            "<p class=\"tools\"><label>Filter <input type=\"search\" data-table=\"{}\" placeholder=\"{}\"></label> \
             <output id=\"{}-count\"></output></p>",
            table,
            placeholder,
            table
        );
    }

    /// Opens a table of so many rows that sorts where scripts run. A heading that begins with `#` is that of a
    /// column of numbers.
    pub(super) fn table(&mut self, id: &'static str, caption: &'static str, headings: &[&'static str], rows: usize) {
        self.scroll(caption, rows);
        put!(self, "<table id=\"{}\" class=\"sorts\"><caption class=\"away\">{}</caption><thead><tr>", id, caption);
        for heading in headings {
            match heading.strip_prefix('#') {
                Some(heading) => put!(self, "<th scope=\"col\" class=\"n\">{}</th>", heading),
                None => put!(self, "<th scope=\"col\">{}</th>", heading),
            }
        }
        put!(self, "</tr></thead><tbody>\n");
    }

    pub(super) fn end_table(&mut self) {
        put!(self, "</tbody></table></div>");
    }
}
