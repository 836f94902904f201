//! What is shown of a live survey without the terminal view: lines for people, or JSON lines.

use std::collections::HashSet;
use std::io::Write;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::super::exit::Failure;
use super::super::terminal::{print, zone};
use super::probe::Disk;
use crate::capture::Timestamp;
use crate::finding::{Context, Finding, Words};
use crate::live::{Ending, Events, FindingsDelta, LiveEnd, Status, Tick, identities, is_early, now};
use crate::policy::Severity;
use crate::report::Names;
use crate::report::json::{finding_row, flow_row, judged_row};
use crate::report::result::unjudged;
use crate::survey::Survey;
use crate::text::visible;
use crate::tui::brief;
use crate::verdict::CellState;

/// Gravest first.
const SEVERITIES: [Severity; 3] = [Severity::Alert, Severity::Warning, Severity::Notice];

/// In which form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Display {
    View,
    /// A line a finding, a status line each interval.
    Plain,
    /// One JSON object a line.
    Json,
    /// Of these, only how the survey and the disk stand.
    Health,
}

pub(super) struct LinePrinter {
    display: Display,
    interval: Duration,
    quiet: bool,
    events: Events,
    next_status: Instant,
    /// Time, frames and bytes at the last status, for rates.
    before: (Duration, u64, u64),
    disk: Option<Disk>,
    /// What was told in full, by [`identities`].
    told: HashSet<u64>,
    zone: TimeZone,
}

impl LinePrinter {
    pub(super) fn new(display: Display, interval: Duration, fold_after: Duration, quiet: bool) -> Self {
        Self {
            display,
            interval,
            quiet,
            events: Events::new(fold_after),
            next_status: Instant::now() + interval,
            before: (Duration::ZERO, 0, 0),
            disk: None,
            told: HashSet::new(),
            zone: zone(),
        }
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
        let FindingsDelta { found, changed, withdrawn } = self.events.findings(survey, told_by);
        let meant = |places: Vec<usize>| places.into_iter().filter_map(|at| Some((at, survey.findings.get(at)?)));
        if self.display == Display::Plain {
            // At the end the summary says it better.
            if told_by.is_none() {
                return Vec::new();
            }
            let identities = identities(&survey.findings);
            let found: Vec<(u64, &Finding)> = meant(found).map(|(at, finding)| (identities[at], finding)).collect();
            return self.plain_news(&found, &withdrawn, &context, now);
        }
        let line = |kind, at, finding| object(kind, now, serde_json::from_slice(&finding_row(at, finding, &context)));
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

    /// A line for each finding that is new or gone. What only turned into another one of the same hosts is not told as gone.
    fn plain_news(
        &mut self,
        found: &[(u64, &Finding)],
        withdrawn: &[Finding],
        context: &Context<'_>,
        now: Timestamp,
    ) -> Vec<String> {
        let at = stamp(now, &self.zone);
        let mut lines: Vec<String> = Vec::new();
        for (identity, finding) in found {
            let text = if self.told.insert(*identity) {
                in_full(finding, context)
            } else {
                in_short("again", finding, context)
            };
            lines.push(format!("{at} {text}"));
        }
        let is_other = |gone: &&Finding| !found.iter().any(|(_, finding)| subject(finding) == subject(gone));
        let gone = withdrawn.iter().filter(is_other);
        lines.extend(gone.map(|finding| format!("{at} {}", in_short("no longer", finding, context))));
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
            Display::Plain => Some(format!("{} {}", stamp(now, &self.zone), status_line(status, survey, now, rates))),
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

/// `2026-03-17T08:31:45+01:00`, by the clock on the wall.
fn stamp(now: Timestamp, zone: &TimeZone) -> String {
    let time = now.nanos().and_then(|nanos| jiff::Timestamp::from_nanosecond(i128::from(nanos)).ok());
    let local = time.map(|time| time.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string());
    local.unwrap_or_else(|| now.to_string())
}

/// `alert: blocked TCP 1901 UPnP: node 10.20.0.101 and 3 more to gateway 10.20.0.10, unanswered. WHAT. Advice: WHAT TO DO`
fn in_full(finding: &Finding, context: &Context<'_>) -> String {
    let words = finding.words(context);
    let outcome = finding.outcome.map_or_else(String::new, |outcome| format!(", {}", outcome.name()));
    let brief = brief(finding, &words);
    let line = format!("{}: {}{outcome}.", finding.severity.name(), brief.trim_end_matches('.'));
    let about = if brief.contains(&words.detail) { String::new() } else { without_evidence(finding, &words) };
    let advice = if words.advice.is_empty() { String::new() } else { format!("Advice: {}", words.advice) };
    let parts = [line, about, advice];
    let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    visible(&parts.join(" ")).into_owned()
}

fn in_short(word: &str, finding: &Finding, context: &Context<'_>) -> String {
    visible(&format!("{word}: {}: {}", finding.severity.name(), brief(finding, &finding.words(context)))).into_owned()
}

/// What a finding's detail says before it lists who exactly: they stand in the line already.
fn without_evidence(finding: &Finding, words: &Words) -> String {
    let hosts: Vec<String> = finding.clients.iter().chain(finding.servers.iter()).map(ToString::to_string).collect();
    let names = |sentence: &str| hosts.iter().any(|host| sentence.starts_with(&format!("{host} ")));
    let sentences = words.detail.split_inclusive(". ").take_while(|sentence| !names(sentence));
    sentences.collect::<String>().trim_end().to_owned()
}

/// What stays the same while a finding turns into another: an attempt that is answered after all, say.
fn subject(finding: &Finding) -> impl PartialEq + use<> {
    (
        (finding.client_role, finding.server_role, finding.transport, finding.server_port),
        (finding.kind, finding.verdict.map(|verdict| verdict.name())),
    )
}

fn status_line(status: &Status, survey: &Survey, now: Timestamp, [packets, bits]: [f64; 2]) -> String {
    let told = |finding: &&Finding| !is_early(survey, finding, Some(now));
    let count = |severity| survey.findings.iter().filter(told).filter(|finding| finding.severity == severity).count();
    let findings = SEVERITIES.map(|severity| format!("{} {}", count(severity), severity.name()));
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
    let row = serde_json::from_slice(&flow_row(survey, names, at)).map(|mut row| {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::inventory::{Inventory, InventoryFlags};
    use crate::policy::Policy;
    use crate::survey::{Options, Progress, Source, run};

    fn survey() -> Survey {
        let flags = InventoryFlags { node: vec!["10.20.0.150".into()], ..InventoryFlags::default() };
        let inventory = Inventory::load(Some(std::path::Path::new("captures/site-survey.toml")), &flags).unwrap();
        let options = Options::new(Policy::embedded(), Arc::new(inventory));
        run(&[Source::File("captures/site-survey.pcapng".into())], &options, &Progress::default()).unwrap()
    }

    fn at(survey: &Survey, seconds: i64) -> Timestamp {
        Timestamp::from_nanos(survey.inputs[0].first.nanos().unwrap() + seconds * 1_000_000_000)
    }

    fn show() -> LinePrinter {
        let mut show = LinePrinter::new(Display::Plain, Duration::from_secs(10), Duration::from_secs(300), false);
        show.zone = TimeZone::fixed(jiff::tz::offset(1));
        show
    }

    #[test]
    fn a_plain_line_says_when_what_who_and_what_to_do_once() {
        let survey = survey();
        let now = at(&survey, 1905);
        let lines = show().news(&survey, now, Some(now));
        let line = lines.iter().find(|line| line.contains("TCP 1901")).unwrap();
        assert_eq!(
            line,
            "2026-03-17T09:31:45+01:00 alert: blocked TCP 1901 UPnP: node 10.20.0.101 and 3 more to gateway 10.20.0.10, \
             unanswered. TCP 1901 (UPnP) is documented here and no answer was seen: 20 tries. 4 conversations: 4 nodes with 1 \
             gateway. Advice: The host is alive (other packets of it were captured) and silent here: a firewall on the way or \
             on the host drops it. Allow TCP 1901 (UPnP) from 10.20.0.101, 10.20.0.102, 10.20.0.103, 10.20.1.134 to 10.20.0.10."
        );
        assert!(lines.iter().all(|line| line.contains(" Advice: ") && !line.contains('\n')), "{lines:#?}");
        let kinds: HashSet<&String> = lines.iter().collect();
        assert_eq!(kinds.len(), lines.len(), "no line is told twice");
    }

    #[test]
    fn what_was_told_is_not_told_in_full_again() {
        let (survey, mut show) = (survey(), show());
        let now = at(&survey, 1905);
        let all = show.news(&survey, now, Some(now)).len();
        assert_eq!(all, survey.findings.len());
        assert_eq!(show.news(&survey, now, Some(now)), Vec::<String>::new(), "nothing is new");
        let mut fewer = super::tests::survey();
        let gone = fewer.findings.remove(0);
        let lines = show.news(&fewer, now, Some(now));
        assert_eq!(
            lines,
            [format!("2026-03-17T09:31:45+01:00 no longer: alert: {}", brief(&gone, &gone.words(&survey.context())))]
        );
        let lines = show.news(&survey, now, Some(now));
        assert_eq!(
            lines,
            [format!("2026-03-17T09:31:45+01:00 again: alert: {}", brief(&gone, &gone.words(&survey.context())))]
        );
        // An attempt that is answered after all is one line, not two.
        let mut answered = super::tests::survey();
        answered.findings[0].outcome = Some(crate::verdict::Outcome::Refused);
        let lines = show.news(&answered, now, Some(now));
        assert!(lines.len() == 1 && lines[0].contains("refused"), "{lines:#?}");
    }

    #[test]
    fn never_heard_is_told_after_three_minutes_and_withdrawn_when_heard() {
        let (survey, mut show) = (survey(), show());
        let told =
            |lines: Vec<String>| lines.into_iter().filter(|line| line.contains("never heard")).collect::<Vec<_>>();
        let early = at(&survey, 1);
        assert_eq!(told(show.news(&survey, early, Some(early))), Vec::<String>::new());
        let late = at(&survey, 181);
        assert_eq!(told(show.news(&survey, late, Some(late))).len(), 1);
        let mut heard = super::tests::survey();
        heard.findings.retain(|finding| finding.kind.name() != "never-heard");
        let lines = told(show.news(&heard, late, Some(late)));
        assert!(lines.len() == 1 && lines[0].contains(" no longer: "), "{lines:?}");
    }
}
