//! Fills the fuzz targets' corpora from `captures/` and the embedded policy: one input for each kind of frame and payload.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use igorscope::capture::Capture;
use igorscope::decode::{Network, Transport, decode};
use igorscope::inventory::Inventory;
use igorscope::policy::Policy;
use igorscope::report::Names;
use igorscope::report::json::write_survey;
use igorscope::state::{Blocks, Unpack, sections};
use igorscope::survey::{Options, Progress, Source, run};

use crate::traffic::layers::{LAYERS, Layer};
use crate::traffic::quirk;

/// Longer inputs slow a fuzzer down more than they teach it.
const LONGEST: usize = 20_000;

/// A short policy with one of everything.
const SITE_POLICY: &str = r#"name = "campus"
extends = "igor"
without_supporting = ["netbios"]
[[allowance]]
name = "backup"
from = "gateway"
to = "10.9.8.7"
transport = "tcp"
ports = [445, "5000-5010"]
reason = "nightly backup"
[[supporting]]
name = "ntp"
transport = "udp"
ports = [123]
from = "any"
to = "any"
reason = "our nodes ask the provider"
[[severity]]
level = "alert"
from = "gateway"
to = "external"
"#;

type Seeds = BTreeMap<(&'static str, String), Vec<u8>>;

/// Writes `folder/TARGET/NAME` for each; returns how many there are.
///
/// # Errors
/// When the samples cannot be read or the folder not be written.
pub(crate) fn write(captures: &Path, folder: &Path) -> io::Result<usize> {
    let mut seeds = Seeds::new();
    let mut paths: Vec<PathBuf> = fs::read_dir(captures)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.sort();
    for path in &paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("pcap" | "pcapng") => capture(path, &name, &mut seeds)?,
            Some("toml") => {
                let text = fs::read(path)?;
                seeds.insert(("inventory", name), [&[0], &text[..text.len().min(1_500)]].concat());
            }
            _ => {}
        }
    }
    let visit = quirk::visit(&[]).records;
    if let Some(record) = visit.iter().find(|record| record.frame.len() < 200) {
        for Layer { name, link, wrap } in LAYERS {
            let head = [&(*link as u16).to_be_bytes()[..], &[255]].concat();
            seeds.insert(("decode", (*name).to_owned()), [head, wrap(&record.frame)].concat());
        }
    }
    seeds.insert(("policy", "embedded".into()), Policy::embedded_text().as_bytes().to_vec());
    seeds.insert(("policy", "site".into()), SITE_POLICY.as_bytes().to_vec());
    seeds.insert(("survey_json", "site-survey".into()), survey_json(&captures.join("tftp-without-request.pcap"))?);
    states(&captures.join("../tests/fixtures/states/v1.igstate"), &mut seeds)?;
    let sheet = b"\x01address,mac,role,name,version\n10.20.0.10,,gateway,gw,1.12.4\n10.20.0.100-10.20.0.130,,node,,\n,02:49:67,node,,3.1.4\n";
    seeds.insert(("inventory", "sheet".into()), sheet.to_vec());
    for ((target, name), bytes) in &seeds {
        fs::create_dir_all(folder.join(target))?;
        fs::write(folder.join(target).join(name), bytes)?;
    }
    Ok(seeds.len())
}

/// A whole state, and the heads and bodies of its inputs.
fn states(path: &Path, seeds: &mut Seeds) -> io::Result<()> {
    seeds.insert(("state", "whole".into()), [&[0], &fs::read(path)?[..]].concat());
    for (number, (head, section)) in sections(path).map_err(io::Error::other)?.into_iter().enumerate() {
        let (mut blocks, mut body) = (Blocks::open(path, &section)?, vec![1]);
        while let Some(block) = blocks.unpack_next().map_err(io::Error::other)? {
            body.extend(block);
        }
        seeds.insert(("state", format!("body-{number}")), body);
        seeds.insert(("state", format!("head-{number}")), [&[2], &head[..]].concat());
    }
    Ok(())
}

fn capture(path: &Path, name: &str, seeds: &mut Seeds) -> io::Result<()> {
    let whole = fs::read(path)?;
    let front = &whole[..whole.len().min(LONGEST)];
    seeds.insert(("framing", name.to_owned()), front.to_vec());
    seeds.insert(("survey", name.to_owned()), front.to_vec());
    let mut capture = Capture::open(path, 0).map_err(io::Error::other)?;
    while let Some(frames) = capture.next_block() {
        for frame in frames {
            let packet = decode(&frame);
            let tunnels = packet.encapsulations.len();
            let head = [&frame.link.0.to_be_bytes()[..], &[255]].concat();
            let mut kind = format!("{}-{:?}-{tunnels}", frame.link.0, packet.vlan);
            if let Network::Ip(ip) = &packet.network {
                kind += &format!("-{}-{}", ip.protocol, ip.destination.is_ipv6());
                let (transport, source, destination, payload) = match ip.transport {
                    Transport::Tcp { source_port, destination_port, payload, .. } => {
                        (0, source_port, destination_port, payload)
                    }
                    Transport::Udp { source_port, destination_port, payload, .. } => {
                        (1, source_port, destination_port, payload)
                    }
                    _ => (2, 0, 0, &[][..]),
                };
                let port = source.min(destination);
                kind += &format!("-{port}");
                if !payload.is_empty() {
                    let ports = [source.to_be_bytes(), destination.to_be_bytes()].concat();
                    let bytes = [&[transport], &ports[..], &[255], payload].concat();
                    let first = payload.iter().take(2).map(|byte| format!("{byte:02x}")).collect::<String>();
                    seeds.entry(("payload", format!("{transport}-{port}-{first}"))).or_insert(bytes);
                }
            } else if let [.., a, b] = frame.data.get(..14).unwrap_or_default() {
                kind += &format!("-{a:02x}{b:02x}");
            }
            let kind: String = kind.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
            seeds.entry(("decode", kind)).or_insert_with(|| [&head, frame.data].concat());
        }
    }
    Ok(())
}

/// The survey.json of a small capture.
fn survey_json(capture: &Path) -> io::Result<Vec<u8>> {
    let options = Options {
        site: "Sample site".into(),
        ..Options::new(Policy::embedded(), Arc::new(Inventory::parse("", "none.toml").map_err(io::Error::other)?))
    };
    let survey = run(&[Source::File(capture.to_owned())], &options, &Progress::default())
        .map_err(|errors| io::Error::other(format!("{errors:?}")))?;
    let mut out = Vec::new();
    write_survey(&mut out, &survey, &Names::of(&survey), None, 1)?;
    Ok(out)
}
