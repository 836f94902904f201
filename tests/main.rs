//! The integration tests, one binary.

#[path = "main/addresses.rs"]
mod addresses;
#[path = "main/anonymize.rs"]
mod anonymize;
#[path = "main/answers.rs"]
mod answers;
#[path = "main/antivirus.rs"]
mod antivirus;
#[path = "main/architecture.rs"]
mod architecture;
#[path = "main/asked.rs"]
mod asked;
#[path = "main/bad_input.rs"]
mod bad_input;
#[path = "main/below_ip.rs"]
mod below_ip;
#[path = "main/browser.rs"]
mod browser;
#[path = "main/command.rs"]
mod command;
#[path = "main/conformance_conversations.rs"]
mod conformance_conversations;
#[path = "main/conformance_decode.rs"]
mod conformance_decode;
#[path = "main/conformance_framing.rs"]
mod conformance_framing;
#[path = "main/corpus.rs"]
mod corpus;
#[path = "main/crossing.rs"]
mod crossing;
#[path = "main/evidence.rs"]
mod evidence;
#[path = "main/evidence_pcapng.rs"]
mod evidence_pcapng;
#[path = "main/explain.rs"]
mod explain;
#[path = "main/field.rs"]
mod field;
#[path = "main/firewall_rules/mod.rs"]
mod firewall_rules;
#[path = "main/first_questions.rs"]
mod first_questions;
#[path = "main/first_use.rs"]
mod first_use;
#[path = "main/health.rs"]
mod health;
#[path = "main/how_well.rs"]
mod how_well;
#[path = "main/ipfix.rs"]
mod ipfix;
#[path = "main/kept_states.rs"]
mod kept_states;
#[path = "main/layers.rs"]
mod layers;
#[path = "main/libreoffice.rs"]
mod libreoffice;
#[path = "main/licences.rs"]
mod licences;
#[path = "main/link.rs"]
mod link;
#[cfg(all(feature = "live", target_os = "linux"))]
#[path = "main/live/mod.rs"]
mod live;
#[path = "main/local.rs"]
mod local;
#[path = "main/losses.rs"]
mod losses;
#[path = "main/mirror.rs"]
mod mirror;
#[path = "main/mud_import.rs"]
mod mud_import;
#[path = "main/mud_yang.rs"]
mod mud_yang;
#[path = "main/never_reassured.rs"]
mod never_reassured;
#[path = "main/one_way_tags.rs"]
mod one_way_tags;
#[path = "main/overload.rs"]
mod overload;
#[path = "main/parquet.rs"]
mod parquet;
#[path = "main/path.rs"]
mod path;
#[path = "main/powershell.rs"]
mod powershell;
#[path = "main/proofs.rs"]
mod proofs;
#[path = "main/reading.rs"]
mod reading;
#[cfg(target_os = "linux")]
#[path = "main/real_clients/mod.rs"]
mod real_clients;
#[path = "main/refused_transfer.rs"]
mod refused_transfer;
#[path = "main/rehearsal.rs"]
mod rehearsal;
#[path = "main/relations.rs"]
mod relations;
#[path = "main/report_numbers.rs"]
mod report_numbers;
#[path = "main/rereport.rs"]
mod rereport;
#[path = "main/roles.rs"]
mod roles;
#[path = "main/samples.rs"]
mod samples;
#[path = "main/silence.rs"]
mod silence;
#[path = "main/silent_times.rs"]
mod silent_times;
#[path = "main/site_survey.rs"]
mod site_survey;
#[path = "main/skips.rs"]
mod skips;
#[path = "main/splits.rs"]
mod splits;
#[path = "main/states.rs"]
mod states;
#[path = "main/stops.rs"]
mod stops;
#[path = "main/survey_schema.rs"]
mod survey_schema;
#[path = "main/ten_seconds.rs"]
mod ten_seconds;
#[path = "main/threads.rs"]
mod threads;
#[path = "../examples/generate/traffic/mod.rs"]
mod traffic;
#[path = "main/transfers.rs"]
mod transfers;
#[path = "main/traps.rs"]
mod traps;
#[cfg(windows)]
#[path = "main/windows.rs"]
mod windows;
#[path = "main/words.rs"]
mod words;
#[path = "main/xlsx.rs"]
mod xlsx;
