//! igorscope: a passive traffic classifier for Igor power-over-Ethernet lighting networks.
//!
//! It reads packet captures or a live interface, works out which host spoke to which on what port,
//! and holds that against the vendor's port document: what is documented, what is not, what is
//! blocked, and what was never seen. It never sends a packet, unless it is asked to tell a collector.
//!
//! # The map
//!
//! Data flows one way, from bytes to report:
//!
//! ```text
//! capture -> decode -> health -> flow -> relation -> inventory -> verdict
//! bytes      packet    answers   table   linked      roles        outcome
//!                      in time                                    coverage
//!
//!     ... -> finding -> survey -> path -> anonymize -> evidence -> report
//!            what to    of one    of      to give      frames of   csv, json, html,
//!            read       run       places  away         findings    workbook, terminal
//!
//! servants: protocol (payload -> evidence), policy (documents as data), text (names, escapes, files of text)
//!           and state (observations as files), which import no stage
//! outside:  export (policy -> firewall rules), live (surveys while they happen), tui (the live view), cli
//! ```
//!
//! Each stage is one folder and imports only the stages to its left and the servants;
//! `tests/main/architecture.rs` reads the imports and fails on an arrow that runs back.
//!
//! # An example
//!
//! ```
//! use std::sync::Arc;
//!
//! use igorscope::inventory::{Inventory, InventoryFlags};
//! use igorscope::policy::Policy;
//! use igorscope::survey::{Options, Progress, Source, run};
//!
//! // A capture in which a firewall refuses what the gateway at 10.79.0.1 asks of its nodes.
//! let capture = Source::File("captures/real-blocked.pcap".into());
//! let flags = InventoryFlags { gateway: vec!["10.79.0.1".to_owned()], ..InventoryFlags::default() };
//! let inventory = Inventory::load(None, &flags).expect("an address");
//! let options = Options::new(Policy::embedded(), Arc::new(inventory));
//!
//! let survey = run(&[capture], &options, &Progress::default()).expect("a capture");
//! let worst = &survey.findings[0];
//! assert_eq!(worst.kind.name(), "blocked");
//! let words = worst.words(&survey.context());
//! assert!(words.detail.starts_with("TCP 1900 (UPnP) is documented here and was refused by a TCP reset: 2 tries."));
//! assert!(words.advice.starts_with("The host answers, but refuses: nothing listens on the port"));
//! ```
//!
//! # The words
//!
//! | word | meaning |
//! |---|---|
//! | frame | one captured record: bytes as captured, original length, timestamp, link type and id |
//! | packet | a decoded frame: a borrowed view, how far decoding got and why it stopped |
//! | flow | all packets of a survey with one key: VLAN path, transport, two endpoints; counted each way |
//! | conversation | the flows of one (client, server, transport, service port), across VLAN paths |
//! | role | what a host is: gateway, node, bacnet, host, external, group |
//! | document | one vendor table: product, lowest version, ports in and out for TCP and UDP, legend |
//! | cell | one port of one document, direction and transport; 60 in all |
//! | verdict | what the policy says of a flow |
//! | outcome | what the network did to it |
//! | finding | one line a person must read, grouped over its conversations, with evidence and advice |
//! | coverage | the vendor's tables, cell by cell: carried, blocked, one-way, not seen |
//! | survey | the result of one run, with a site label |
//! | state | what was observed of some inputs, as a file: a survey before it is judged |
//! | place, leg | where captures were made; from there to the next place on a direction's way |
//!
//! # The law
//!
//! A flow table is addable: `merge(observe(a), observe(b)) == observe(a ++ b)` for every cut of
//! every capture whose clock only goes forward; where it is set, `b` must know how it stood behind `a`. A record therefore holds only sums, minima, maxima, sets and "first by frame id";
//! whatever needs the order of things is worked out after merging, once per flow, never per packet. What is kept of it
//! in files, states, adds up the same: verdicts do not add, so judging comes last.

pub mod anonymize;
pub mod capture;
pub mod cli;
pub mod decode;
pub mod evidence;
pub mod export;
pub mod finding;
pub mod flow;
pub mod health;
pub mod inventory;
#[cfg(feature = "live")]
pub mod live;
pub mod path;
pub mod policy;
pub mod protocol;
pub mod relation;
pub mod report;
pub mod state;
pub mod survey;
pub mod text;
#[cfg(feature = "live")]
pub mod tui;
pub mod verdict;
