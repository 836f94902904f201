//! The integration tests, one binary.

#[path = "main/conformance_framing.rs"]
mod conformance_framing;
#[path = "main/corpus.rs"]
mod corpus;
