//! The sample site survey: half an hour on the mirror port of a site with 36 nodes.

mod blocked;
mod bulk;
mod services;
mod supporting;
mod unexpected;

use super::file::Tape;
use super::site::Site;

/// How long the survey lasts, in seconds.
pub(crate) const SECONDS: u64 = 1_800;

/// Everything the mirror port saw, in order of time.
pub(crate) fn tape() -> Tape {
    let site = Site::new();
    let mut wire = site.wire(0x1907);
    supporting::play(&mut wire, &site);
    services::play(&mut wire, &site);
    bulk::play(&mut wire, &site);
    blocked::play(&mut wire, &site);
    unexpected::play(&mut wire, &site);
    wire.tape.sort();
    wire.tape
}

/// The same as a pcapng file.
pub(crate) fn pcapng() -> Vec<u8> {
    tape().pcapng(
        "Sample site survey, made by igorscope's generator: 1 gateway, 36 nodes, a BACnet system, a router, an office PC",
        "mirror0",
        "mirror port of the lighting switch (VLAN 20), and the office PC's port (VLAN 30)",
        0,
    )
}
