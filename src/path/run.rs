//! From captures at several places to the report.

use std::net::IpAddr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::clock::{self, ClockFit, Common, Difference};
use super::conversations::{Conversations, DirectionNumber, Recent};
use super::first_pass::{FirstPass, first_pass};
use super::key::Comparing;
use super::places::Place;
use super::reader::{Timed, read};
use super::report::{self, PlaceReport, Report};
use super::route::{OrderEvidence, Routes};
use super::settle::PlacePacket;
use super::window::{Compared, ComparisonWindow, Rules};
use super::{MOST_PLACES, WAIT};
use crate::capture::{CaptureError, Timestamp};
use crate::flow::wide;
use crate::survey::{self, InputSummary, Progress};

/// What places are compared with.
#[derive(Clone, Debug)]
pub struct Options {
    /// How each is surveyed: policy, inventory, limits.
    pub survey: survey::Options,
    /// Declared NAT: an address at one place, and what it is at another.
    pub nat: Vec<(IpAddr, IpAddr)>,
}

/// Why places cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    /// Not one capture of a place could be read.
    #[error("nothing could be read at {place}: {}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Unusable {
        /// Its name.
        place: String,
        /// Why.
        errors: Vec<CaptureError>,
    },
    /// A place without an IP packet.
    #[error("no IP packet with a time was captured at {0}: there is nothing to compare")]
    Empty(String),
    /// The captures are of different times.
    #[error("the captures share no time: {late} begins {}, {early} ended {}; capture at all places at once{}", .times[0], .times[1], hint(*.aligned))]
    NoOverlap {
        /// Whose begins last.
        late: String,
        /// Whose ends first.
        early: String,
        /// These two times, by the first place's clock.
        times: [Timestamp; 2],
        /// Whether the clocks could be aligned.
        aligned: bool,
    },
    /// The system gives no thread.
    #[error("no thread could be had to read a place: {0}")]
    Thread(std::io::Error),
}

const fn hint(aligned: bool) -> &'static str {
    if aligned { "" } else { " (no packet was seen at both, so their clocks may be wrong too)" }
}

/// Caveats of a survey that tell of what the capture itself lost or made of the traffic.
const OF_CAPTURE: [&str; 5] = ["kernel-drops", "one-way-mirror", "duplicate-frames", "clock-jump", "gap"];

/// Compares captures of the same time.
///
/// # Errors
/// When a place has nothing to compare, or the places share no time.
pub fn run(places: &[Place], options: &Options, progress: &Progress) -> Result<Report, PathError> {
    debug_assert!(places.len() <= MOST_PLACES);
    let nat = options.nat.iter().map(|(same, other)| (wide(*other), wide(*same))).collect();
    let mut comparing = Comparing { payload: None, nat };
    let mut conversations = Conversations::default();
    let (mut inputs, mut caveats) = (Vec::new(), Vec::new());
    for place in places {
        let survey = survey::run(&place.sources, &options.survey, progress)
            .map_err(|errors| PathError::Unusable { place: place.name.clone(), errors })?;
        conversations.add(&survey, &comparing);
        let of_capture = survey.caveats.into_iter().filter(|caveat| OF_CAPTURE.contains(&caveat.kind));
        caveats.push(of_capture.map(|caveat| caveat.text).collect::<Vec<_>>());
        inputs.push(survey.inputs);
    }
    let timed: Vec<Vec<Timed>> = places.iter().zip(&inputs).map(|(place, inputs)| timed(place, inputs)).collect();

    let mut passes = first_passes(&timed, &comparing, &conversations)?;
    // Frames that were cut hold less of the payload: then less is compared, everywhere.
    if let Some(cut) = passes.iter().filter_map(|pass| pass.cut).min() {
        comparing.payload = Some(cut);
        passes = first_passes(&timed, &comparing, &conversations)?;
    }
    if let Some((place, _)) = places.iter().zip(&passes).find(|(_, pass)| pass.packets == 0) {
        return Err(PathError::Empty(place.name.clone()));
    }
    let seen = seen_at(&mut conversations, &passes);
    let common = common(&passes);
    let clocks = clock::align(places.len(), &common);
    let (rules, sampled) = rules(places, &passes, &common, &clocks)?;
    let routes = Routes::of(&conversations, &seen, &OrderEvidence::of(&common, &clocks), places.len());
    let compared = compare(&timed, &comparing, &conversations, &routes, &clocks, rules)?;

    let found = inputs.into_iter().zip(caveats);
    let reports = places.iter().zip(found).zip(&passes).zip(&clocks).enumerate();
    let reports = reports.map(|(at, (((place, (inputs, caveats)), pass), (_, clock)))| PlaceReport {
        name: place.name.clone(),
        packets: pass.packets,
        untimed: pass.untimed,
        set_back: compared.set_back[at],
        beyond: compared.beyond[at],
        outside: compared.outside[at],
        first: Timestamp::from_nanos(pass.first),
        last: Timestamp::from_nanos(pass.last),
        clock: *clock,
        inputs,
        caveats,
    });
    let reports = reports.collect();
    let mut report = Report {
        site: options.survey.site.clone(),
        places: reports,
        shared: (Timestamp::from_nanos(rules.shared.0), Timestamp::from_nanos(rules.shared.1)),
        compared_payload: comparing.payload,
        identified: rules.identified,
        crowded_out: compared.crowded_out,
        sampled,
        rows: report::rows(&conversations, &routes, compared.legs),
        losses: Vec::new(),
    };
    report.losses = report::losses(&report);
    Ok(report)
}

fn timed(place: &Place, inputs: &[InputSummary]) -> Vec<Timed> {
    let all = place.sources.iter().zip(inputs).filter(|(_, input)| !input.format.is_empty());
    // Without any time it overlaps with nothing.
    let all = all.map(|(source, input)| Timed {
        source: source.clone(),
        first: input.first.nanos().unwrap_or(i64::MAX),
        last: input.last.nanos().unwrap_or(i64::MIN),
    });
    all.collect()
}

fn first_passes(
    places: &[Vec<Timed>],
    comparing: &Comparing,
    conversations: &Conversations,
) -> Result<Vec<FirstPass>, PathError> {
    thread::scope(|scope| {
        let begin = |sources: &Vec<Timed>| {
            let sources = sources.clone();
            thread::Builder::new().spawn_scoped(scope, move || first_pass(&sources, comparing, conversations))
        };
        let threads: Vec<_> = places.iter().map(begin).collect::<Result<_, _>>().map_err(PathError::Thread)?;
        Ok(threads.into_iter().map(join).collect())
    })
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// By way, a bit for each place that saw a packet of it. Conversations that no survey told of are added.
fn seen_at(conversations: &mut Conversations, passes: &[FirstPass]) -> Vec<u16> {
    let mut keys: Vec<_> =
        passes.iter().flat_map(|pass| &pass.unknown).filter_map(|ends| conversations.find(ends).err()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter().for_each(|key| conversations.add_unknown(key));
    let mut seen = vec![0; conversations.len() * 2];
    for (place, pass) in passes.iter().enumerate() {
        let known = pass.seen.iter().enumerate().filter(|(_, seen)| **seen).map(|(way, _)| way);
        let unknown = pass.unknown.iter().filter_map(|ends| Some(conversations.find(ends).ok()? as usize));
        for way in known.chain(unknown) {
            seen[way] |= 1 << place;
        }
    }
    seen
}

fn common(passes: &[FirstPass]) -> Common {
    let places = 0..passes.len();
    let pairs = places.clone().flat_map(|a| places.clone().filter(move |b| a < *b).map(move |b| (a, b)));
    Common(pairs.map(|(a, b)| ((a, b), passes[a].sample.common(&passes[b].sample))).collect())
}

/// Of identifications that are there, so many hundredths must be the same at both places to be believed.
const SAME_IDENTIFICATION: usize = 95;
/// Shortest and safest time between identical packets that belong apart, nanoseconds.
const LEAST_GAP: i64 = 20_000_000;

/// By what packets are compared; packets of the sample at two places, and how many of them lie too far apart.
fn rules(
    places: &[Place],
    passes: &[FirstPass],
    common: &Common,
    clocks: &[(ClockFit, Option<Difference>)],
) -> Result<(Rules, (u64, u64)), PathError> {
    let (mut delays, mut numbered, mut same) = (Vec::new(), 0, 0);
    for ((a, b), points) in &common.0 {
        for (here, there) in points {
            let [here_time, there_time] = [clocks[*a].0.apply(here.time), clocks[*b].0.apply(there.time)];
            delays.push(there_time.saturating_sub(here_time).saturating_abs());
            let both = here.identification != 0 && there.identification != 0;
            numbered += usize::from(both);
            same += usize::from(both && here.identification == there.identification);
        }
    }
    let spans =
        || passes.iter().zip(clocks).map(|(pass, (clock, _))| (clock.apply(pass.first), clock.apply(pass.last)));
    let (late, begin) = spans().map(|span| span.0).enumerate().max_by_key(|(_, time)| *time).unwrap_or_default();
    let (early, end) = spans().map(|span| span.1).enumerate().min_by_key(|(_, time)| *time).unwrap_or_default();
    if begin > end {
        return Err(PathError::NoOverlap {
            late: places[late].name.clone(),
            early: places[early].name.clone(),
            times: [begin, end].map(Timestamp::from_nanos),
            aligned: clocks.iter().skip(1).all(|(_, clock)| clock.is_some()),
        });
    }
    let apart = delays.iter().filter(|delay| **delay > WAIT).count();
    let sampled = (delays.len() as u64, apart as u64);
    // Few are slower than one in a thousand is: four times that is beyond doubt.
    let at = delays.len() - delays.len() / 1000;
    let slow = (!delays.is_empty()).then(|| *delays.select_nth_unstable(at - 1).1);
    let most = slow.map_or(WAIT, |slow| slow.saturating_mul(4).min(WAIT));
    let rules = Rules {
        gap: most.max(LEAST_GAP),
        shared: (begin, end),
        margin: most.saturating_add(1_000_000).min((end - begin) / 4),
        identified: numbered > 0 && same * 100 >= numbered * SAME_IDENTIFICATION,
    };
    Ok((rules, sampled))
}

/// A packet on its way from the thread that reads its place.
struct SeenPacket {
    digest: u64,
    way: DirectionNumber,
    seen: PlacePacket,
}

/// Packets that are handed over at a time, and how many such lots wait.
const LOT: usize = 1024;
const LOTS: usize = 8;

/// Reads all places side by side, each by a thread of its own, and puts their packets together by time.
fn compare(
    places: &[Vec<Timed>],
    comparing: &Comparing,
    conversations: &Conversations,
    routes: &Routes,
    clocks: &[(ClockFit, Option<Difference>)],
    rules: Rules,
) -> Result<Compared, PathError> {
    thread::scope(|scope| {
        let (mut streams, mut threads) = (Vec::new(), Vec::new());
        for (place, sources) in places.iter().enumerate() {
            let (send, receive) = sync_channel(LOTS);
            let clock = clocks[place].0;
            let work = move || hand_over(sources, place as u8, (&clock, &rules), comparing, conversations, &send);
            threads.push(thread::Builder::new().spawn_scoped(scope, work).map_err(PathError::Thread)?);
            streams.push(PlaceStream { receive, lot: Vec::new().into_iter(), next: None });
        }
        let mut window = ComparisonWindow::new(routes, rules, places.len(), conversations.len() * 2);
        streams.iter_mut().for_each(PlaceStream::advance);
        loop {
            let time = |stream: &PlaceStream| stream.next.as_ref().map_or(i64::MAX, |sent| sent.seen.time);
            let Some(first) = streams.iter_mut().min_by_key(|stream| (stream.next.is_none(), time(stream))) else {
                break;
            };
            let Some(SeenPacket { digest, way, seen }) = first.next.take() else { break };
            window.add(digest, way, seen);
            first.advance();
        }
        let mut compared = window.finish();
        for (place, passed_over) in threads.into_iter().map(join).enumerate() {
            compared.outside[place] += passed_over.outside;
            compared.beyond.push(passed_over.beyond);
            compared.set_back.push(passed_over.set_back);
        }
        Ok(compared)
    })
}

struct PlaceStream {
    receive: Receiver<Vec<SeenPacket>>,
    lot: std::vec::IntoIter<SeenPacket>,
    next: Option<SeenPacket>,
}

impl PlaceStream {
    #[inline]
    fn advance(&mut self) {
        self.next = self.lot.next();
        while self.next.is_none() {
            let Ok(lot) = self.receive.recv() else { return };
            self.lot = lot.into_iter();
            self.next = self.lot.next();
        }
    }
}

/// Packets that are not compared.
#[derive(Default)]
struct PassedOver {
    /// Beyond what may still belong to the time that all share.
    outside: u64,
    /// Of conversations beyond the limit.
    beyond: u64,
    /// So much earlier than one before that they may not be compared right.
    set_back: u64,
    latest: i64,
}

/// Hands over what can be compared. What lies outside must not get that far: one frame with a mad time would hold up its place.
fn hand_over(
    sources: &[Timed],
    place: u8,
    (clock, rules): (&ClockFit, &Rules),
    comparing: &Comparing,
    conversations: &Conversations,
    send: &SyncSender<Vec<SeenPacket>>,
) -> PassedOver {
    let mut passed_over = PassedOver { latest: i64::MIN, ..PassedOver::default() };
    let mut lot = Vec::with_capacity(LOT);
    let mut recent = Recent::new();
    let packet = |frame: &crate::capture::Frame<'_>| {
        let written = frame.time.nanos()?;
        let fields = comparing.fields(frame)?;
        let time = clock.apply(written);
        if time < rules.shared.0.saturating_sub(WAIT) || time > rules.shared.1.saturating_add(WAIT) {
            passed_over.outside += 1;
            return None;
        }
        passed_over.set_back += u64::from(time.saturating_add(WAIT) < passed_over.latest);
        passed_over.latest = passed_over.latest.max(time);
        let Ok(way) = recent.find(conversations, &fields.ends) else {
            passed_over.beyond += 1;
            return None;
        };
        let seen = PlacePacket {
            time,
            written,
            identification: fields.identification,
            length: if fields.ends.protocol == 6 { fields.length } else { 0 },
            mss: fields.mss,
            vlan: fields.vlan,
            dscp: fields.dscp,
            place,
        };
        Some((written, SeenPacket { digest: fields.digest, way, seen }))
    };
    read(sources, packet, |_, sent| {
        lot.push(sent);
        if lot.len() == LOT {
            // Whoever compares is gone only where something failed.
            let _ = send.send(std::mem::replace(&mut lot, Vec::with_capacity(LOT)));
        }
    });
    let _ = send.send(lot);
    passed_over
}
