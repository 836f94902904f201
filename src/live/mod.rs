//! The live side: what interfaces carry, judged again and again while it grows.
//!
//! The capturing thread observes frames where they lie, and each interval hands what it observed, a tick,
//! to a thread that adds it to the whole and judges that. By the law of the flow table the end of it
//! equals what is read from the files that were written beside it.

mod events;
mod fold;
mod states;
mod take;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{io, thread};

pub use self::events::{Ending, Events, FindingsDelta, identities, is_early, is_young};
use self::fold::Idle;
use self::states::States;
pub use self::states::{Save, StateOptions, WriteState};
use self::take::FrameSink;
use crate::capture::live::{Live, LiveInterface, RING_DELAY};
use crate::capture::{CaptureCounts, CaptureSummary, Damage, InterfaceSummary, Recorder, Shift, Timestamp};
pub use crate::evidence::LiveEvidence;
use crate::evidence::SharedSelection;
use crate::flow::{Observation, Seed};
use crate::relation::Relations;
use crate::survey::run::{Input, judge, judge_related};
use crate::survey::{Options, Survey};

/// So long an answer may take, or a question be sent again: CoAP's EXCHANGE_LIFETIME (RFC 7252 section 4.8.2) is 247 s, and of
/// what is measured the longest.
const LONGEST_EXCHANGE: Duration = Duration::from_secs(300);
/// Draining ends by the frames' own times; this is for a clock that is set back meanwhile.
const LONGEST_DRAIN: Duration = Duration::from_secs(5);

/// How long to survey and how often to judge.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// As offline; [`ReadOptions::count`](crate::survey::ReadOptions::count) ends the capture.
    pub survey: Options,
    /// From one tick to the next.
    pub interval: Duration,
    /// End after this time.
    pub duration: Option<Duration>,
    /// Fold flows that are idle for so long, if nothing but counts rests on them.
    pub fold_after: Duration,
}

/// How a live survey stands.
#[derive(Clone, Debug)]
pub struct Status {
    /// Since the capture began.
    pub elapsed: Duration,
    /// Frames taken so far.
    pub frames: u64,
    /// Their bytes on the wire.
    pub wire_bytes: u64,
    /// The interfaces with what they received and dropped.
    pub interfaces: Vec<LiveInterface>,
    /// Why nothing is written any more, if that is so.
    pub recording_failed: Option<String>,
}

impl Status {
    /// Frames dropped by the kernel, the interfaces or their drivers.
    pub fn dropped(&self) -> u64 {
        self.interfaces.iter().map(|interface| interface.kernel_dropped + interface.interface_dropped).sum()
    }
}

/// The survey so far.
#[derive(Debug)]
pub struct Tick {
    /// How it stands.
    pub status: Status,
    /// Everything up to now, judged.
    pub survey: Survey,
}

/// How a live survey ended.
#[derive(Debug)]
pub struct LiveEnd {
    /// Status and survey at the end.
    pub last: Tick,
    /// The files that were written.
    pub files: Vec<PathBuf>,
    /// Why they are not whole, if they are not.
    pub recording: io::Result<()>,
    /// How many frames the evidence has; `None` if none was wanted.
    pub evidence: Option<io::Result<u64>>,
    /// Whether the states are whole, if any were wanted.
    pub states: io::Result<()>,
}

/// What is written beside the survey.
#[derive(Default)]
pub struct AuxOutputs {
    /// All frames.
    pub recorder: Option<Recorder>,
    /// Those of the findings.
    pub evidence: Option<LiveEvidence>,
    /// What was observed.
    pub states: Option<StateOptions>,
}

/// Captures until `stop` is set, the time or the count is reached, or all interfaces went away.
///
/// `on_tick` is called on a thread of its own: however long it takes, no frame waits for it.
pub fn run_live(
    live: Live,
    AuxOutputs { recorder, evidence, states }: AuxOutputs,
    options: &LiveOptions,
    stop: &AtomicBool,
    mut on_tick: impl FnMut(Tick) + Send,
) -> LiveEnd {
    let seed = Seed::random();
    thread::scope(|scope| {
        let (ticks, growing) = channel::<ObservationDelta>();
        let judge = Arc::new(Judge::default());
        let (survey, busy) = (&options.survey, Arc::clone(&judge));
        let mut folder = FlowFolder::new(options.fold_after);
        let selection = evidence.as_ref().map(LiveEvidence::selection);
        let judging = scope.spawn(move || {
            give_way();
            let mut whole = Observation::new(0, seed, survey.reading.limits);
            let mut states = states.map(|states| States::new(states, survey));
            for growth in growing {
                let begin = Instant::now();
                if let Some(states) = &mut states {
                    states.take(&growth.parts);
                    states.tick(&growth.inputs);
                }
                whole = growth.onto(whole, survey, selection.as_ref(), &mut folder, &mut on_tick);
                busy.rest(begin.elapsed());
            }
            (whole, states)
        });
        let mut session =
            Session { live, taker: FrameSink::new(recorder, evidence, options, seed), begin: Instant::now(), options };
        session.capture(stop, |session| {
            if judge.is_ready(session.begin) {
                // Where nobody listens any more, the judge failed, and joining it says so.
                let _ = ticks.send(session.growth());
            }
        });
        session.drain();
        drop(ticks);
        let (whole, states) = judging.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        session.end(whole, states)
    })
}

/// Lets other threads go first, the one that captures above all: where there are few cores, judging would else keep it from
/// the ring for longer than that has room. Threads started from here inherit the niceness.
fn give_way() {
    // On Linux niceness is a thread's; elsewhere it is the process's, which would be of no help. Where it is refused,
    // all threads stay equal.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(10);
}

/// Judging all so far takes longer as the survey grows: it gets one part in so many of a core, no more.
const JUDGES_SHARE: u64 = 3;

/// Whether the judge is at work, and when it may be asked again.
#[derive(Default)]
struct Judge {
    is_busy: AtomicBool,
    /// How long it took last, in nanoseconds.
    took: AtomicU64,
    /// When it was asked last, in nanoseconds since the survey began.
    asked: AtomicU64,
}

impl Judge {
    /// Whether it may be asked now; if so it counts as asked.
    fn is_ready(&self, begin: Instant) -> bool {
        let now = nanos(begin.elapsed());
        let rest = self.took.load(Ordering::Relaxed).saturating_mul(JUDGES_SHARE);
        if now < self.asked.load(Ordering::Relaxed).saturating_add(rest) || self.is_busy.swap(true, Ordering::Acquire) {
            return false;
        }
        self.asked.store(now, Ordering::Relaxed);
        true
    }

    fn rest(&self, took: Duration) {
        self.took.store(nanos(took), Ordering::Relaxed);
        self.is_busy.store(false, Ordering::Release);
    }
}

/// By the clock that frames are stamped by.
pub(crate) fn now() -> Timestamp {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

/// So long before a time.
fn before(now: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
    now.nanos().map_or(now, |now| Timestamp::from_nanos(now.saturating_sub(by)))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX >> 3)
}

/// What came since the last tick.
struct ObservationDelta {
    /// In the order of the inputs.
    parts: Vec<Observation>,
    inputs: Vec<Input>,
    status: Status,
}

impl ObservationDelta {
    /// Adds itself to the whole, and has that judged.
    fn onto(
        self,
        mut whole: Observation,
        options: &Options,
        selection: Option<&SharedSelection>,
        folder: &mut FlowFolder,
        on_tick: &mut impl FnMut(Tick),
    ) -> Observation {
        self.parts.into_iter().for_each(|part| whole.absorb(part, Shift::NONE));
        whole.limit_questions();
        let (survey, relations) = judge_related(self.inputs, whole.clone().finish(), options);
        folder.fold(&mut whole, &survey, &relations);
        if let Some(selection) = selection {
            let now = Some(now());
            selection.say(&survey, |finding| !is_early(&survey, finding, now));
        }
        on_tick(Tick { status: self.status, survey });
        whole
    }
}

/// Folds idle flows now and then: all flows are looked at for it.
struct FlowFolder {
    after: Duration,
    last: Instant,
}

impl FlowFolder {
    /// So many times within the time after which a flow is idle.
    const TIMES: u32 = 5;

    fn new(after: Duration) -> Self {
        Self { after, last: Instant::now() }
    }

    fn fold(&mut self, whole: &mut Observation, survey: &Survey, relations: &Relations) {
        if self.last.elapsed() >= self.after / Self::TIMES {
            let now = now();
            Idle::find(survey, relations, now, self.after).fold(whole);
            whole.forget_questions(before(now, self.after.max(LONGEST_EXCHANGE)));
            self.last = Instant::now();
        }
    }
}

/// The capturing side.
struct Session<'a> {
    live: Live,
    taker: FrameSink<'a>,
    begin: Instant,
    options: &'a LiveOptions,
}

impl Session<'_> {
    fn capture(&mut self, stop: &AtomicBool, mut tick: impl FnMut(&mut Self)) {
        let end = self.options.duration.and_then(|duration| self.begin.checked_add(duration));
        let mut next = self.begin + self.options.interval;
        while !stop.load(Ordering::Relaxed) && !self.is_over() {
            let now = Instant::now();
            if end.is_some_and(|end| now >= end) {
                break;
            }
            if now >= next {
                self.count();
                self.taker.flush();
                tick(self);
                next = now + self.options.interval;
            }
            if self.read() == 0 {
                let until = end.map_or(next, |end| end.min(next));
                self.live.wait(until.saturating_duration_since(Instant::now()).min(RING_DELAY));
            }
        }
    }

    /// What lies in the rings came before the end: takes it, and nothing that came after.
    fn drain(&mut self) {
        self.taker.until = Some(now());
        let begin = Instant::now();
        let mut idle_since = begin;
        while !self.is_over() && idle_since.elapsed() < RING_DELAY && begin.elapsed() < LONGEST_DRAIN {
            if self.read() > 0 {
                idle_since = Instant::now();
            } else {
                self.live.wait(RING_DELAY);
            }
        }
        if !self.taker.has_enough() {
            let taker = &mut self.taker;
            self.live.rest(|frame| taker.take(frame));
        }
    }

    fn is_over(&self) -> bool {
        self.taker.has_enough() || self.live.is_over()
    }

    /// Says how many frames were taken.
    fn read(&mut self) -> u64 {
        let taker = &mut self.taker;
        if taker.has_enough() {
            return 0;
        }
        let before = taker.frames;
        self.live.read(|frame| taker.take(frame));
        taker.frames - before
    }

    fn count(&mut self) {
        self.live.count();
        self.taker.counts = self.live.interfaces().map(LiveInterface::counts).collect();
    }

    fn growth(&mut self) -> ObservationDelta {
        ObservationDelta { parts: self.taker.hand_over(), inputs: self.inputs(), status: self.status() }
    }

    fn status(&self) -> Status {
        Status {
            elapsed: self.begin.elapsed(),
            frames: self.taker.frames,
            wire_bytes: self.taker.wire_bytes,
            interfaces: self.live.interfaces().cloned().collect(),
            recording_failed: self.taker.recording.as_ref().err().map(ToString::to_string),
        }
    }

    /// The files that are written, or else the interfaces, as one input.
    fn inputs(&self) -> Vec<Input> {
        let mut inputs: Vec<Input> = if self.taker.files.is_empty() {
            let names: Vec<&str> = self.live.interfaces().map(|interface| interface.name.as_str()).collect();
            vec![Input { name: names.join("+"), size: 0, summary: self.summary("live", &self.taker.since(&[])) }]
        } else {
            let inputs = self.taker.files.iter().map(|file| Input {
                name: file.path.to_string_lossy().into_owned(),
                size: file.path.metadata().map_or(0, |metadata| metadata.len()),
                summary: self.summary("pcapng", file.counts.as_ref().unwrap_or(&self.taker.since(&self.taker.base))),
            });
            inputs.collect()
        };
        if let Some(last) = inputs.last_mut() {
            for (summary, interface) in last.summary.interfaces.iter_mut().zip(self.live.interfaces()) {
                summary.outages = interface.outages.clone();
            }
        }
        let mut gone =
            self.live.interfaces().filter_map(|interface| Some((&interface.name, interface.ended.as_ref()?)));
        if let (Some(last), Some((name, reason))) = (inputs.last_mut(), gone.next()) {
            let reason = format!("{name} gave no more frames: {reason}");
            last.summary.damage = Some(Damage { offset: last.size, reason });
        }
        inputs
    }

    fn summary(&self, format: &str, counts: &[CaptureCounts]) -> CaptureSummary {
        let interfaces = self.live.interfaces().zip(counts).map(|(interface, counts)| InterfaceSummary {
            name: interface.name.clone(),
            link: interface.link,
            snap_len: interface.snap_len,
            received: counts.received,
            dropped: counts.dropped,
            os_dropped: counts.os_dropped,
            ..InterfaceSummary::default()
        });
        CaptureSummary { format: format.to_owned(), interfaces: interfaces.collect(), ..CaptureSummary::default() }
    }

    fn end(mut self, mut whole: Observation, mut states: Option<States>) -> LiveEnd {
        self.count();
        let parts = self.taker.hand_over();
        states.iter_mut().for_each(|states| states.take(&parts));
        parts.into_iter().for_each(|part| whole.absorb(part, Shift::NONE));
        self.taker.finish();
        let inputs = self.inputs();
        let states = states.map_or(Ok(()), |states| states.finish(&inputs));
        let survey = judge(inputs, whole.finish(), &self.options.survey);
        let evidence = self.taker.finish_evidence(&survey);
        let last = Tick { status: self.status(), survey };
        let files = self.taker.files.into_iter().map(|file| file.path).collect();
        LiveEnd { last, files, recording: self.taker.recording, evidence, states }
    }
}
