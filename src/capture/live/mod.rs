//! Frames from network interfaces, by libpcap.
//!
//! Frames are lent in place, out of libpcap's ring buffer. An idle interface never blocks: reading is
//! non-blocking, and [`Live::wait`] waits at the selectable descriptors (libpcap's own time-out does
//! not fire on an idle Linux interface), or on Windows for some milliseconds.

#[cfg(target_os = "linux")]
mod confine;
mod devices;
mod error;
mod link;
mod order;
mod privilege;
#[cfg(unix)]
mod root;

use std::time::{Duration, Instant};

use pcap::{Active, Capture, Packet};

use super::frame::{Frame, FrameId, LinkType, Timestamp};
use super::writer::CaptureCounts;
use super::{Outages, load_libpcap};

use order::Reorder;

pub use devices::{CaptureDevice, Choice, choose, devices};
pub use error::LiveError;
pub use privilege::{Dropped, confine, drop_root};

/// Milliseconds after which libpcap hands over what a block of its ring holds, full or not.
const BLOCK_TIMEOUT: i32 = 100;
/// How long frames may lie in the ring before [`Live::read`] sees them.
pub const RING_DELAY: Duration = Duration::from_millis(3 * BLOCK_TIMEOUT as u64);
/// Frames taken from one interface before the others have their turn.
const TURN: usize = 1024;
/// Linux offers nanoseconds wherever it captures; elsewhere libpcap's microseconds are taken.
const NANOSECONDS: bool = cfg!(target_os = "linux");
/// The pseudo-interface that stands for all of them. It cannot be promiscuous.
const ANY: &str = "any";

/// How to capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveSettings {
    /// Ask for frames that are not sent to this machine: what a mirror port carries.
    pub promiscuous: bool,
    /// Longest part of a frame that is kept, in bytes.
    pub snap_len: u32,
    /// Size of the kernel's ring buffer for each interface, in bytes.
    pub buffer_size: u32,
    /// Capture only what this BPF filter keeps, in the language of pcap-filter(7).
    pub filter: Option<String>,
    /// Hand out the frames of several interfaces in the order of their times, each [`RING_DELAY`] later and copied; otherwise
    /// each interface's come as they lie in its ring, a turn of one after a turn of another.
    pub in_order: bool,
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self { promiscuous: true, snap_len: 262_144, buffer_size: 32 << 20, filter: None, in_order: false }
    }
}

/// What an interface that is captured on has to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveInterface {
    /// Its name.
    pub name: String,
    /// Link type of its frames.
    pub link: LinkType,
    /// Longest part of a frame that is kept, in bytes.
    pub snap_len: u32,
    /// Frames that reached the filter and passed it, those dropped among them.
    pub received: u64,
    /// Frames the kernel dropped because the ring was full.
    pub kernel_dropped: u64,
    /// Frames the interface or its driver dropped.
    pub interface_dropped: u64,
    /// Why it gives no more frames, if it went away.
    pub ended: Option<String>,
    /// When it had no link, as far as the system tells.
    pub outages: Outages,
}

impl LiveInterface {
    /// As a pcapng statistics block says it: all drops, and those of the operating system among them.
    pub fn counts(&self) -> CaptureCounts {
        CaptureCounts {
            received: Some(self.received),
            dropped: Some(self.kernel_dropped + self.interface_dropped),
            os_dropped: Some(self.kernel_dropped),
        }
    }
}

/// A capture on one or several interfaces.
pub struct Live {
    handles: Vec<Handle>,
    /// Where several interfaces are to be read as one.
    order: Option<Reorder>,
}

struct Handle {
    /// `None` once the interface went away.
    capture: Option<Capture<Active>>,
    about: LiveInterface,
    /// libpcap counts in 32 bits: the counts at the last look, to see them wrap.
    last: [u32; 3],
    link: link::LinkWatch,
}

impl Live {
    /// Opens interfaces.
    ///
    /// # Errors
    /// When one of them does not exist or may not be captured on, or the filter is not understood.
    pub fn open(names: &[String], settings: &LiveSettings) -> Result<Self, LiveError> {
        let handles = names.iter().map(|name| Handle::open(name, settings)).collect::<Result<_, _>>()?;
        let order = (settings.in_order && names.len() > 1).then(Reorder::default);
        Ok(Self { handles, order })
    }

    /// The interfaces, in the order in which they were named, with what was counted at the last
    /// [`Live::count`].
    pub fn interfaces(&self) -> impl ExactSizeIterator<Item = &LiveInterface> {
        self.handles.iter().map(|handle| &handle.about)
    }

    /// Whether all interfaces went away.
    pub fn is_over(&self) -> bool {
        self.handles.iter().all(|handle| handle.capture.is_none())
    }

    /// Waits until there may be frames, a signal came, or the time is over.
    pub fn wait(&self, timeout: Duration) {
        wait(&self.handles, timeout);
    }

    /// Hands out what lies in the rings, a turn of each interface, until `take` answers `false`, and says
    /// how many frames it handed out. [`Frame::id`] is for the caller to give: it alone knows when an
    /// input begins. [`Frame::interface`] is the place of the interface in the order of their names.
    ///
    /// An interface that went away says so in [`LiveInterface::ended`].
    pub fn read(&mut self, mut take: impl FnMut(Frame<'_>) -> bool) -> u64 {
        if self.order.is_some() {
            return self.read_in_order(take);
        }
        let (mut frames, mut wanted) = (0, true);
        for (handle, number) in self.handles.iter_mut().zip(0..) {
            if !wanted {
                break;
            }
            frames += handle.read(number, &mut wanted, &mut take);
        }
        frames
    }

    /// Hands out what was put in order and waits for others to come before it; nothing will.
    pub fn rest(&mut self, take: impl FnMut(Frame<'_>) -> bool) {
        if let Some(order) = &mut self.order {
            order.release(|_| true, take);
        }
    }

    fn read_in_order(&mut self, take: impl FnMut(Frame<'_>) -> bool) -> u64 {
        let Some(order) = &mut self.order else { return 0 };
        let (begin, mut is_drained) = (Instant::now(), true);
        for (handle, number) in self.handles.iter_mut().zip(0..) {
            let frames = handle.read(number, &mut true, &mut |frame| {
                order.hold(&frame, begin);
                true
            });
            is_drained &= frames < TURN as u64;
        }
        // While a ring holds more, nobody knows what comes next.
        order.release(|seen| is_drained && begin.duration_since(seen) >= RING_DELAY, take)
    }

    /// Asks for the counts of frames received and dropped.
    pub fn count(&mut self) {
        self.handles.iter_mut().for_each(Handle::count);
    }
}

impl Handle {
    fn open(name: &str, settings: &LiveSettings) -> Result<Self, LiveError> {
        let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
        load_libpcap::ready().map_err(LiveError::Missing)?;
        let failed = |error| LiveError::of_opening(name, error);
        #[cfg_attr(not(target_os = "linux"), allow(unused_mut))]
        let mut inactive = Capture::from_device(name)
            .map_err(failed)?
            .promisc(settings.promiscuous && name != ANY)
            .snaplen(number(settings.snap_len))
            .buffer_size(number(settings.buffer_size))
            .timeout(BLOCK_TIMEOUT);
        #[cfg(target_os = "linux")]
        {
            inactive = inactive.precision(pcap::Precision::Nano);
        }
        let mut capture = inactive.open().map_err(failed)?.setnonblock().map_err(failed)?;
        if let Some(filter) = &settings.filter {
            capture.filter(filter, true).map_err(|error| LiveError::Filter {
                filter: filter.clone(),
                interface: name.to_owned(),
                reason: error.to_string(),
            })?;
        }
        let about = LiveInterface {
            name: name.to_owned(),
            link: link_type(capture.get_datalink().0),
            snap_len: settings.snap_len,
            received: 0,
            kernel_dropped: 0,
            interface_dropped: 0,
            ended: None,
            outages: Outages::default(),
        };
        Ok(Self { capture: Some(capture), about, last: [0; 3], link: link::LinkWatch::new(name) })
    }

    fn read(&mut self, number: u32, wanted: &mut bool, take: &mut impl FnMut(Frame<'_>) -> bool) -> u64 {
        let Some(capture) = &mut self.capture else { return 0 };
        self.link.look(&mut self.about.outages);
        let (link, mut frames) = (self.about.link, 0);
        // One at a time, so that a frame that is not wanted any more stays where it is.
        while *wanted && frames < TURN as u64 {
            match capture.next_packet() {
                Ok(packet) => {
                    frames += 1;
                    *wanted = take(frame(&packet, link, number));
                }
                Err(pcap::Error::TimeoutExpired | pcap::Error::NoMorePackets) => break,
                Err(error) => {
                    self.count();
                    self.about.ended = Some(error.to_string());
                    self.capture = None;
                    break;
                }
            }
        }
        frames
    }

    fn count(&mut self) {
        // An interface that is going away cannot be asked: what was counted before stands.
        let Some(Ok(now)) = self.capture.as_mut().map(Capture::stats) else { return };
        let now = [now.received, now.dropped, now.if_dropped];
        let sums = [&mut self.about.received, &mut self.about.kernel_dropped, &mut self.about.interface_dropped];
        for ((sum, now), last) in sums.into_iter().zip(now).zip(self.last) {
            *sum += u64::from(now.wrapping_sub(last));
        }
        self.last = now;
    }
}

#[allow(clippy::useless_conversion)] // the width of time fields differs from system to system
fn frame<'a>(packet: &Packet<'a>, link: LinkType, interface: u32) -> Frame<'a> {
    let header = packet.header;
    let fraction = i64::from(header.ts.tv_usec).saturating_mul(if NANOSECONDS { 1 } else { 1000 });
    let nanos = i64::from(header.ts.tv_sec).saturating_mul(1_000_000_000).saturating_add(fraction);
    let time = Timestamp::from_nanos(nanos);
    Frame { id: FrameId::NONE, time, link, interface, original_len: header.len, data: packet.data }
}

/// The link type that stands in files for libpcap's own number: they differ for raw IP only.
fn link_type(number: i32) -> LinkType {
    const DLT_RAW: i32 = if cfg!(target_os = "openbsd") { 14 } else { 12 };
    match number {
        DLT_RAW => LinkType::RAW,
        other => LinkType(u16::try_from(other).unwrap_or(u16::MAX)),
    }
}

#[cfg(unix)]
fn wait(handles: &[Handle], timeout: Duration) {
    use std::os::fd::AsFd;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    let open = handles.iter().filter_map(|handle| handle.capture.as_ref());
    let mut descriptors: Vec<PollFd<'_>> =
        open.map(|capture| PollFd::new(capture.as_fd(), PollFlags::POLLIN)).collect();
    // A signal ends it early, which is as well; any other failure shows when reading.
    let _ = poll(&mut descriptors, PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX));
}

/// Npcap's event is one for each interface; a nap keeps well within what its buffer holds, and is no load.
#[cfg(not(unix))]
fn wait(_: &[Handle], timeout: Duration) {
    const NAP: Duration = Duration::from_millis(10);
    std::thread::sleep(timeout.min(NAP));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_ip_has_another_number_in_files() {
        assert_eq!(link_type(1), LinkType::ETHERNET);
        assert_eq!(link_type(12), LinkType::RAW);
        assert_eq!(link_type(276), LinkType::LINUX_SLL2);
    }

    #[test]
    fn an_interface_that_is_not_there_is_named() {
        let Err(error) = Live::open(&["nowhere0".to_owned()], &LiveSettings::default()) else {
            panic!("there is no interface nowhere0");
        };
        let is_missing = matches!(error, LiveError::Missing(_));
        assert!(error.to_string().contains("nowhere0") || is_missing && cfg!(windows), "{error}");
    }
}
