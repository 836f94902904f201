//! What is shown of a live survey without the terminal view: lines for people, or JSON lines.

use std::io::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::super::exit::Failure;
use super::super::terminal::print;
use super::probe::Disk;
use crate::capture::Timestamp;
use crate::finding::{Finding, Words};
use crate::policy::Severity;
use crate::report::json::{finding_row, flow_row, judged_row};
use crate::report::result::unjudged;
use crate::report::{Names, visible};
use crate::survey::Survey;
use crate::survey::live::{Ending, Events, LiveEnd, News, Status, Tick};
use crate::verdict::CellState;

/// Gravest first.
const SEVERITIES: [Severity; 3] = [Severity::Alert, Severity::Warning, Severity::Notice];

/// In which form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Display {
    /// The terminal view.
    View,
    /// A line a finding, a status line each interval.
    Plain,
    /// One JSON object a line.
    Json,
    /// Of these, only how the survey and the disk stand.
    Health,
}

pub(super) struct Show {
    display: Display,
    interval: Duration,
    quiet: bool,
    events: Events,
    next_status: Instant,
    /// Time, frames and bytes at the last status, for rates.
    before: (Duration, u64, u64),
    disk: Option<Disk>,
}

impl Show {
    pub(super) fn new(display: Display, interval: Duration, fold_after: Duration, quiet: bool) -> Self {
        let next_status = Instant::now() + interval;
        let (events, before) = (Events::new(fold_after), (Duration::ZERO, 0, 0));
        Self { display, interval, quiet, events, next_status, before, disk: None }
    }

    pub(super) fn tick(&mut self, tick: &Tick, disk: Option<Disk>) -> Result<(), Failure> {
        let now = now();
        self.disk = disk;
        let mut lines = self.news(&tick.survey, now, Some(now));
        // A tick comes a little early or late: half of one does not skip a status.
        if Instant::now() + Duration::from_millis(100) >= self.next_status {
            self.next_status += self.interval;
            lines.extend(self.status(tick, now, "tick"));
        }
        write(&lines)
    }

    /// What is left to be told.
    pub(super) fn end(&mut self, end: &LiveEnd) -> Result<(), Failure> {
        let now = now();
        let mut lines = self.news(&end.last.survey, now, None);
        if matches!(self.display, Display::Json | Display::Health) {
            lines.extend(self.status(&end.last, now, "end").map(|line| with_files(line, end)));
        }
        write(&lines)
    }

    fn news(&mut self, survey: &Survey, now: Timestamp, told_by: Option<Timestamp>) -> Vec<String> {
        if self.display == Display::Health {
            return Vec::new();
        }
        let context = survey.context();
        let News { found, changed, withdrawn } = self.events.findings(survey, told_by);
        let meant = |places: Vec<usize>| places.into_iter().filter_map(|at| Some((at, survey.findings.get(at)?)));
        if self.display == Display::Plain {
            // At the end the summary says it better.
            if told_by.is_none() {
                return Vec::new();
            }
            let gone =
                withdrawn.iter().map(|finding| format!("no longer: {}", line_of(finding, &finding.words(&context))));
            return meant(found).map(|(_, finding)| plain(finding, &finding.words(&context))).chain(gone).collect();
        }
        let line = |kind, at, finding| object(kind, now, serde_json::to_value(finding_row(at, finding, &context)));
        let mut lines: Vec<String> = meant(found).map(|(at, finding)| line("finding", at, finding)).collect();
        lines.extend(meant(changed).map(|(at, finding)| line("finding-changed", at, finding)));
        lines.extend(withdrawn.iter().map(|finding| line("finding-withdrawn", 0, finding)));
        let ended = self.events.flows(survey, told_by);
        if !ended.is_empty() {
            let names = Names::of(survey);
            lines.extend(ended.iter().map(|(at, ending)| flow_end(survey, &names, *at, *ending, now)));
        }
        lines
    }

    fn status(&mut self, tick: &Tick, now: Timestamp, kind: &str) -> Option<String> {
        let Tick { status, survey } = tick;
        let (elapsed, frames, bytes) = self.before;
        let seconds = status.elapsed.saturating_sub(elapsed).as_secs_f64().max(0.001);
        let rates = [(status.frames - frames) as f64 / seconds, (status.wire_bytes - bytes) as f64 * 8.0 / seconds];
        self.before = (status.elapsed, status.frames, status.wire_bytes);
        match self.display {
            Display::Plain if self.quiet => None,
            Display::Plain => Some(status_line(status, survey, rates)),
            Display::Json | Display::Health | Display::View => {
                let mut status_of = status_object(status, survey);
                if let (Some(disk), Value::Object(map)) = (self.disk, &mut status_of) {
                    let Disk { kept, limit, removed } = disk;
                    map.insert("disk".into(), json!({"kept": kept, "limit": limit, "removed_files": removed}));
                }
                Some(object(kind, now, Ok(status_of)))
            }
        }
    }
}

fn plain(finding: &Finding, words: &Words) -> String {
    visible(&format!("{}: {}", line_of(finding, words), words.detail)).into_owned()
}

/// What it is and whom it is about.
fn line_of(finding: &Finding, words: &Words) -> String {
    let outcome = finding.outcome.map(|outcome| format!(" {}", outcome.name())).unwrap_or_default();
    let parties = match (words.client.as_str(), words.server.as_str()) {
        ("", "") => String::new(),
        (client, "") => format!(" {client}"),
        (client, server) => format!(" {client} -> {server}"),
    };
    let port = finding.server_port.map(|port| format!(" port {port}")).unwrap_or_default();
    let line = format!("{}: {}{outcome}{parties}{port}", finding.severity.name(), finding.kind.name());
    visible(&line).into_owned()
}

fn status_line(status: &Status, survey: &Survey, [packets, bits]: [f64; 2]) -> String {
    let findings = SEVERITIES.map(|severity| format!("{} {}", of(survey, severity), severity.name()));
    let mut line = format!(
        "status: {} s, {} packets ({packets:.0}/s, {:.3} Mbit/s), {} dropped, {} hosts, {} conversations, {}/{} ports seen, findings: {}",
        status.elapsed.as_secs(),
        status.frames,
        bits / 1e6,
        status.dropped(),
        survey.hosts.iter().filter(|host| host.heard).count(),
        survey.conversations.len(),
        survey.coverage.iter().filter(|cell| cell.state != CellState::NotSeen).count(),
        survey.coverage.len(),
        findings.join(", ")
    );
    if let Some([unjudged, _]) = unjudged(survey) {
        line.push_str(&format!("; {unjudged}"));
    }
    if let Some(error) = &status.recording_failed {
        line.push_str(&format!("; packets are not written any more: {error}"));
    }
    visible(&line).into_owned()
}

fn of(survey: &Survey, severity: Severity) -> usize {
    survey.findings.iter().filter(|finding| finding.severity == severity).count()
}

fn status_object(status: &Status, survey: &Survey) -> Value {
    let cells = |state| survey.coverage.iter().filter(|cell| cell.state == state).count();
    json!({
        "elapsed_s": status.elapsed.as_secs_f64(),
        "frames": status.frames,
        "wire_bytes": status.wire_bytes,
        "interfaces": status.interfaces.iter().map(|interface| json!({
            "name": visible(&interface.name),
            "link_type": interface.link.to_string(),
            "received": interface.received,
            "kernel_dropped": interface.kernel_dropped,
            "interface_dropped": interface.interface_dropped,
            "ended": interface.ended.as_deref().map(visible),
        })).collect::<Vec<_>>(),
        "hosts": survey.hosts.iter().filter(|host| host.heard).count(),
        "flows": survey.flows.iter().map(|(flow, _)| flow.count()).sum::<u64>(),
        "conversations": survey.conversations.len(),
        "findings": SEVERITIES.map(|severity| (severity.name().to_owned(), Value::from(of(survey, severity))))
            .into_iter().collect::<Map<_, _>>(),
        "coverage": json!({
            "carried": cells(CellState::Carried),
            "blocked": cells(CellState::Blocked),
            "one-way": cells(CellState::OneWay) + cells(CellState::Sent),
            "not-seen": cells(CellState::NotSeen),
        }),
        "judged": judged_row(&survey.judged),
        "recording_failed": status.recording_failed.as_deref().map(visible),
    })
}

fn flow_end(survey: &Survey, names: &Names, at: usize, ending: Ending, now: Timestamp) -> String {
    let row = serde_json::to_value(flow_row(survey, names, at)).map(|mut row| {
        if let Value::Object(map) = &mut row {
            map.insert("ending".into(), ending.name().into());
        }
        row
    });
    object("flow-end", now, row)
}

/// Names of places in a whole survey, which mean nothing in a line of its own.
const PLACES: [&str; 6] = ["id", "flow_id", "conversation", "conversations", "related_to", "sources"];

/// A JSON line: what it is, when it was told, and what it says.
fn object(kind: &str, now: Timestamp, row: serde_json::Result<Value>) -> String {
    let Ok(Value::Object(mut map)) = row else { return String::new() };
    if kind.starts_with("finding") || kind == "flow-end" {
        PLACES.iter().for_each(|place| drop(map.remove(*place)));
    }
    map.insert("type".into(), kind.into());
    map.insert("time".into(), now.to_string().into());
    Value::Object(map).to_string()
}

fn with_files(line: String, end: &LiveEnd) -> String {
    let Ok(Value::Object(mut map)) = serde_json::from_str(&line) else { return line };
    let files = end.files.iter().map(|file| Value::from(visible(&file.to_string_lossy()))).collect::<Vec<_>>();
    map.insert("files".into(), files.into());
    Value::Object(map).to_string()
}

/// Each line as soon as it is there: somebody waits for it.
fn write(lines: &[String]) -> Result<(), Failure> {
    if lines.is_empty() {
        return Ok(());
    }
    print(|out: &mut dyn Write| {
        lines.iter().filter(|line| !line.is_empty()).try_for_each(|line| writeln!(out, "{line}"))
    })
}

/// By the clock that frames are stamped by.
pub(super) fn now() -> Timestamp {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}
