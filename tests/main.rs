//! The integration tests, one binary.

#[path = "main/conformance_decode.rs"]
mod conformance_decode;
#[path = "main/conformance_framing.rs"]
mod conformance_framing;
#[path = "main/corpus.rs"]
mod corpus;
