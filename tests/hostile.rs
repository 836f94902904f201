//! What strangers put in files makes the program neither hang nor grow: a hang is over a second for a megabyte, growth
//! over 64 MB and 20 times the file. Memory is counted, in a binary of its own because of its allocator; of time only a
//! generous limit is held, since tests run without optimisation.

// An allocator cannot be written without; this one only counts and hands on.
#![allow(unsafe_code)]

mod hostile {
    mod captures;
    mod packets;
    mod states;
    mod texts;
}

use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
/// All that was ever asked for.
static TOTAL: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn grow(bytes: usize) {
    let live = LIVE.fetch_add(bytes, Relaxed) + bytes;
    PEAK.fetch_max(live, Relaxed);
    TOTAL.fetch_add(bytes, Relaxed);
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Large blocks move without being copied.
        LIVE.fetch_sub(layout.size(), Relaxed);
        grow(size);
        unsafe { System.realloc(block, layout, size) }
    }
}

/// A file is made about so long, in bytes, unless it has to be longer to fill something.
const SIZE: usize = 1 << 18;
/// What may be kept of any file, and how many times its size beside.
const KEPT: usize = 64 << 20;
const TIMES: usize = 20;
/// The processor time of a hang: far more than such a file may take, because tests run without optimisation.
const HANG: Duration = Duration::from_secs(60);

/// Held by each test from its beginning: the memory of all threads is counted together.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a command on one file, and holds it to the limits. `arguments` come before the file's name.
#[track_caller]
fn run(arguments: &[&str], name: &str, bytes: &[u8]) -> ExitCode {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let arguments: Vec<OsString> =
        ["igorscope"].iter().chain(arguments).map(OsString::from).chain([path.into_os_string()]).collect();
    let arguments_text = format!("{arguments:?}");
    let (done, ended) = mpsc::channel();
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let program = thread::spawn(move || {
        let code = igorscope::cli::run(arguments);
        let _ = done.send(PEAK.load(Relaxed));
        code
    });
    let start = (Instant::now(), processor_time());
    let peak = loop {
        match ended.recv_timeout(Duration::from_millis(100)) {
            Ok(peak) => break peak.saturating_sub(before),
            Err(mpsc::RecvTimeoutError::Disconnected) => break 0,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let spent = match (start.1, processor_time()) {
                    (Some(before), Some(now)) => now - before,
                    _ => start.0.elapsed(),
                };
                assert!(spent < HANG, "a hang: {} bytes for {arguments_text} took {spent:?} so far", bytes.len());
            }
        }
    };
    let code = program.join().expect("no panic");
    let limit = KEPT + TIMES * bytes.len();
    assert!(peak <= limit, "{} bytes needed {peak} bytes of memory, more than {limit}", bytes.len());
    code
}

/// Holds a survey of frames by their number to a cost that follows them: from so many frames to twice as many, the bytes
/// that are asked for in all may grow by twice, not by four times what they grew by before. Seconds would differ from
/// machine to machine; bytes do not.
#[track_caller]
fn assert_follows(kind: &str, frames: u32, file: impl Fn(u32) -> Vec<u8>) {
    let [once, twice, four_times] = [1, 2, 4].map(|times| {
        let bytes = file(frames * times);
        let before = TOTAL.load(Relaxed);
        survey(&bytes, 0);
        TOTAL.load(Relaxed) - before
    });
    let (first, second) = (twice.saturating_sub(once), four_times.saturating_sub(twice));
    assert!(second < first * 3, "{kind}: {once} bytes for {frames} frames, then {twice} and {four_times}");
}

/// The processor time that this process has used, where it can be had: other programs do not count.
fn processor_time() -> Option<Duration> {
    // User and system time in hundredths of a second (proc_pid_stat(5)); the name in front may hold anything.
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis((next()? + next()?) * 10))
}

/// Surveys a capture and gives survey.json.
#[track_caller]
fn survey(bytes: &[u8], status: u8) -> serde_json::Value {
    survey_with(&[], bytes, status)
}

/// Surveys a capture, with all that can be written of it, and gives survey.json.
#[track_caller]
fn survey_to_all(bytes: &[u8]) -> serde_json::Value {
    let out = tempfile::tempdir().unwrap();
    let path = |name: &str| out.path().join(name).to_string_lossy().into_owned();
    let (evidence, book) = (path("evidence.pcapng"), path("book.xlsx"));
    survey_with(&["--format", "csv,html", "--evidence", &evidence, "--xlsx", &book], bytes, 0)
}

#[track_caller]
fn survey_with(arguments: &[&str], bytes: &[u8], status: u8) -> serde_json::Value {
    let results = tempfile::tempdir().unwrap();
    let folder = results.path().to_string_lossy();
    let always = ["analyze", "-q", "-j", "2", "--format", "json", "-o", &folder];
    let code = run(&[always.as_slice(), arguments].concat(), "hostile.pcap", bytes);
    assert_eq!(code, ExitCode::from(status));
    let text = std::fs::read(results.path().join("survey.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// Of a survey.json: all frames, and those that could not be decoded to their end.
fn frames(survey: &serde_json::Value) -> (u64, u64) {
    let total = survey["frames"]["total"].as_u64().unwrap();
    (total, total - survey["frames"]["decoded"].as_u64().unwrap())
}

/// The kinds of a survey's caveats.
fn caveats(survey: &serde_json::Value) -> Vec<&str> {
    survey["caveats"].as_array().unwrap().iter().map(|caveat| caveat["kind"].as_str().unwrap()).collect()
}
