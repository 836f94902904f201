//! Traffic of an invented site, from a seed: the same bytes on every machine.
//!
//! ```text
//! payload  -> frame (layers)       -> wire, connection      -> survey, quirk        -> file
//! messages    headers, checksums      what a mirror sees       who says what, when      pcap, pcapng
//!                                                              load: big captures for benchmarks
//! ```
//!
//! Used by the `generate` example, by the tests (which make the samples again and compare them) and by the benches.
#![allow(dead_code)] // each of the three uses its own part

pub(crate) mod connection;
pub(crate) mod file;
pub(crate) mod frame;
pub(crate) mod inventory;
pub(crate) mod layers;
pub(crate) mod load;
pub(crate) mod payload;
pub(crate) mod quirk;
pub(crate) mod random;
pub(crate) mod site;
pub(crate) mod stamp;
pub(crate) mod survey;
pub(crate) mod wire;

/// Every file of `captures/` that the generator makes.
pub(crate) fn samples() -> Vec<quirk::Sample> {
    let mut list = vec![
        quirk::Sample { name: "site-survey.pcapng", bytes: survey::pcapng() },
        quirk::Sample { name: "site-survey.toml", bytes: inventory::toml().into_bytes() },
    ];
    list.extend(quirk::all());
    list
}
