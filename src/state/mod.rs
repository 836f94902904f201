//! Observations as files: how values become bytes, and the blocks, checksums and version around them.
//!
//! A servant: it knows no stage. Each type says itself which of its fields are stored (`Stored`), and
//! `docs/states.md` lists them. A state is an untrusted file like any other: no length in it is believed, memory is
//! taken only as bytes arrive, and every list has a limit.

mod blocks;
mod error;
mod field;
#[cfg(test)]
mod tests;

use blocks::TIGHTEST;
pub use blocks::{Ahead, Blocks, EXTENSION, Packer, Section, Unpack, VERSION, Writer, is_state, sections};
pub use error::Broken;
pub(crate) use field::{Load, Stored, coded, store_list, store_map, stored};
