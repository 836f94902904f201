//! Bytes to frames: pcap and pcapng files, streams, folders.

mod frame;

pub use frame::{Frame, FrameId, LinkType, Timestamp};
