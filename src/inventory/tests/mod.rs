//! Tests of the stage as a whole.

mod builder;
mod declared;
mod files;
mod flows;
mod infer;
