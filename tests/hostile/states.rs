//! States that a stranger made: their checks are right, and what they say is what he likes.

use std::path::PathBuf;
use std::process::ExitCode;

use igorscope::state::{Writer, sections};

use super::super::{run, turn};

const GOOD: u8 = 0;
const UNUSABLE: u8 = 2;

/// The head of an input, from a state that is whole.
fn head() -> Vec<u8> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/states/v1.igstate"));
    sections(&path).unwrap().remove(0).0
}

fn state<'a>(bodies: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let (mut writer, head) = (Writer::begin(Vec::new()).unwrap(), head());
    for body in bodies {
        let mut packer = writer.section(&head).unwrap();
        packer.body().extend(body);
        packer.finish().unwrap();
    }
    writer.finish().unwrap()
}

/// A number as LEB128.
fn number(mut rest: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

/// A body as docs/states.md has it, of so many frames, with these VLAN paths and IPv4 flows behind their numbers.
fn body(frames: u64, vlan_paths: &[u8], flows: &[u8]) -> Vec<u8> {
    let tally = [number(frames), number(frames), number(frames * 60), number(0), number(0), vec![0; 16]].concat();
    let clock = [vec![0; 16], vec![0; 4], number(0), vec![0; 8]].concat();
    let links = [number(1), number(1), number(frames), number(1)].concat();
    let (sorted, neighbours, side, fragments) = ([0; 6], [0; 3], [0; 18], [0; 4]);
    [&tally, &clock, &links, vlan_paths, &sorted, &neighbours, &side, &fragments, &[0; 3], flows, &[0; 4]].concat()
}

/// A flow of one packet that says as little as can be.
fn flow(port: u32) -> Vec<u8> {
    let [.., a, b, c] = port.to_be_bytes();
    let key = [10, 0, 0, 1, 10, a, 0, 2, 0, 7, b, c, 17, 0xff, 0xff, 0xff];
    let counts = [vec![0; 16], vec![1, 0, 60, 0], vec![0; 2], vec![0; 4], vec![0; 3]].concat();
    let cold = [&[1][..], &[0; 8], &[0], &[0; 24], &[0; 2], &[0, 0, 0], &[0; 6], &[0; 6], &[0; 6], &[0]].concat();
    [&key, &counts[..], &cold].concat()
}

#[test]
fn states_of_many_flows_take_memory_that_follows_them() {
    let _turn = turn();
    let count = 100_000_u32;
    let flows: Vec<u8> = (0..count).flat_map(flow).collect();
    let body = body(count.into(), &number(0), &[number(count.into()), flows].concat());
    let state = state([&body[..]]);
    let folder = tempfile::tempdir().unwrap();
    let tables = folder.path().to_str().unwrap();
    assert_eq!(run(&["analyze", "-q", "--format", "csv", "-o", tables], "many.igstate", &state), ExitCode::from(GOOD));
}

#[test]
fn states_of_much_that_packs_well_take_memory_that_follows_the_file() {
    let _turn = turn();
    let path = [number(16_384), vec![0; 16_384]].concat();
    let paths = [number(1_000), path.repeat(1_000)].concat();
    let state = state([&body(1, &paths, &number(0))[..]]);
    assert_eq!(run(&["analyze", "-q"], "paths.igstate", &state), ExitCode::from(GOOD));
}

#[test]
fn states_that_claim_more_than_they_hold_are_refused() {
    let _turn = turn();
    let claims = [
        body(1, &number(u64::MAX >> 1), &number(0)),
        body(1, &number(0), &number(u64::from(u32::MAX >> 2))),
        // More packets than frames: sums would run over.
        body(0, &number(0), &[number(1), flow(9)].concat()),
        body(u64::MAX / 60, &number(0), &number(0)),
        Vec::new(),
    ];
    for body in claims {
        assert_eq!(run(&["analyze", "-q"], "claims.igstate", &state([&body[..]])), ExitCode::from(UNUSABLE));
    }
    let many = vec![&[][..]; 5_000];
    assert_eq!(run(&["analyze", "-q"], "heads.igstate", &state(many)), ExitCode::from(UNUSABLE));
}
