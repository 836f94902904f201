//! L2TPv3 (RFC 3931) with Ethernet in it (RFC 4719).

use super::packet::TunnelKind;
use super::span::{Span, be16};
use super::stop::{Stop, StopLayer};
use super::walk::{Step, Walk};
use super::{ethernet, plausible};

/// Bytes that may stand between the session and the frame: a cookie of 0, 4 or 8 (section 4.1), and a sublayer of 4
/// (section 4.6). The control connection agreed on them; which it was, the frame behind them tells.
const BEFORE_THE_FRAME: [usize; 4] = [0, 4, 8, 12];

/// Over IP (section 4.1.1): the session, 0 for control messages.
pub(super) fn over_ip<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    match span.split::<4>(StopLayer::L2tp) {
        Ok((session, rest)) if *session != [0; 4] => enter(walk, rest),
        _ => Ok(Step::Done),
    }
}

/// Over UDP (section 4.1.2): a data message of version 3, two reserved bytes, the session.
pub(super) fn over_udp<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    const DATA_VERSION_3: u16 = 3;
    match span.split::<4>(StopLayer::L2tp) {
        Ok((&[f0, f1, 0, 0], rest)) if be16(f0, f1) == DATA_VERSION_3 => over_ip(walk, rest),
        _ => Ok(Step::Done),
    }
}

/// Enters where a frame with an IP packet that ends with it, or ARP, begins; else the packet around stands.
fn enter<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let mut starts = BEFORE_THE_FRAME.iter().filter_map(|bytes| span.skip(*bytes, StopLayer::L2tp).ok());
    match starts.find(|frame| plausible::is_frame_with_ip(*frame)) {
        Some(frame) => walk.enter(TunnelKind::L2tpV3, ethernet::ethernet, frame),
        None => Ok(Step::Done),
    }
}
