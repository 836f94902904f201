//! The stages, one by one, on generated traffic: packets/s and bytes/s, each result asserted.
//!
//! `cargo bench` measures; `cargo test --benches` runs each once, for CI. `benches/peers/run.sh` holds the whole
//! program against the field's own tools.
#![allow(missing_docs)] // criterion's macros make public items

mod decode;
mod flow;
mod framing;
mod input;
mod protocol;
mod survey;
#[path = "../../examples/generate/traffic/mod.rs"]
mod traffic;

use criterion::{criterion_group, criterion_main};

criterion_group!(stages, framing::bench, decode::bench, protocol::bench, flow::bench, survey::bench);
criterion_main!(stages);
