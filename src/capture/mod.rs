//! Bytes to frames: pcap and pcapng files, streams, folders, live interfaces; frames to pcapng files.
//!
//! Every source feeds one core: a block of bytes is read, its whole records are walked and handed
//! out as [`Frame`]s that borrow from it, and the rest of a cut record is moved to the front.
//! Lengths in a file are untrusted claims: none is believed before the bytes are there.

mod background_writer;
mod buffer;
mod compressed;
mod error;
mod filter;
mod frame;
mod interface;
#[cfg(feature = "live")]
pub mod live;
#[cfg(feature = "live")]
mod load_libpcap;
mod magic;
mod pcap;
mod pcapng;
mod prefetch;
mod reader;
mod recorder;
mod search;
mod span;
mod stored;
#[cfg(test)]
mod tests;
mod writer;

pub use background_writer::BackgroundWriter;
pub use error::{CaptureError, Damage};
pub use filter::{Filter, FilterError, Matcher};
pub use frame::{Frame, FrameId, LinkType, Moment, Shift, Timestamp};
pub use interface::{InterfaceSummary, Outages};
pub use pcap::PcapFrames;
pub use pcapng::PcapngFrames;
pub(crate) use prefetch::{prefetch, prefetch_whole};
pub use reader::{Capture, CaptureSummary, Frames};
pub use recorder::{RecordedInterface, Recorder, Rotation, number_in, numbered};
pub use search::{EVIDENCE, Found, PassedOver, find_captures, is_capture};
pub use span::{Span, SpanPart, Start, plan_spans, read_spans};
pub use writer::{CaptureCounts, PcapngWriter};
