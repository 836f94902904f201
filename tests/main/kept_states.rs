//! States that were kept once are read for good.

use std::fs;
use std::path::Path;

use igorscope::survey::{Options, Source};

use crate::states::{but_health, judged, options, sections, state_of};

/// What was said of links is in no state of version 1: groups that hosts listen to stand in these captures.
fn without_links(files: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    let strip = |(name, text): (&'static str, String)| {
        if name == "survey.json" {
            let mut survey: serde_json::Value = serde_json::from_str(&text).unwrap();
            for host in survey["inventory"].as_array_mut().unwrap() {
                host.as_object_mut().unwrap().remove("groups");
            }
            return (name, survey.to_string());
        }
        // The last column, and a line of a device's section.
        let lines = text.lines().filter(|line| !line.starts_with("groups  "));
        let lines = lines.map(|line| if name == "inventory.csv" { line.rsplit_once(',').unwrap().0 } else { line });
        (name, lines.collect::<Vec<_>>().join("\n"))
    };
    files.into_iter().map(strip).collect()
}

/// Of two sections of each input, that of a kept state begins what this program writes of the same captures.
fn assert_is_written_still(kept: &Path, captures: &[Source], options: &Options) {
    let [kept, now] = [fs::read(kept).unwrap(), state_of(captures, options)].map(|bytes| sections(&bytes));
    assert_eq!(kept.len(), now.len());
    for ((_, kept), (_, now)) in kept.iter().zip(&now) {
        assert!(now.starts_with(kept), "what is stored changed: see docs/states.md, \"Versions\"");
    }
}

/// The captures that a kept state tells of, which are samples.
fn captures_of(states: &[Source]) -> Vec<Source> {
    states.iter().map(|source| Source::File(source.name().into())).collect()
}

/// The kept state of a version, as an input, and the captures that it tells of, which must be so many.
fn kept(version: u8, captures: usize) -> [Vec<Source>; 2] {
    let states = Source::of_state(format!("tests/fixtures/states/v{version}.igstate").into());
    let of = captures_of(&states);
    assert_eq!(of.len(), captures);
    [states, of]
}

/// What was kept as version 1 is read by every later program.
#[test]
fn a_state_of_version_1_is_read_as_its_captures() {
    let [states, captures] = kept(1, 6);
    let options = options(1, None);
    let but_both = |files| but_health(without_links(files));
    // Where a clock was set back, states of version 1 hold a gap that lasts to the frame before; its real end is told now.
    let kept = judged(&states, &options).into_iter();
    let kept =
        kept.map(|(name, text)| (name, text.replace("to 2026-03-17T09:00:20.000Z", "to 2026-03-17T08:30:30.000Z")));
    assert!(but_both(kept.collect()) == but_both(judged(&captures, &options)));
}

/// The same of version 2, with all that `--health` measures. Its marks say of who only asks that he may have answered: the
/// samples are judged alike all the same.
#[test]
fn a_state_of_version_2_is_read_as_its_captures() {
    let [states, captures] = kept(2, 5);
    let options = options(1, None);
    assert!(options.reading.limits.health);
    assert!(judged(&states, &options) == judged(&captures, &options));
}

/// The same of version 3, in which a client and its transaction are one, whenever it was.
#[test]
fn a_state_of_version_3_is_read_as_its_captures() {
    let [states, captures] = kept(3, 5);
    let options = options(1, None);
    assert!(judged(&states, &options) == judged(&captures, &options));
}

/// The same of version 4, in which a request to a group owes an answer whatever it asks.
#[test]
fn a_state_of_version_4_is_read_as_its_captures() {
    let [states, captures] = kept(4, 5);
    let options = options(1, None);
    assert!(judged(&states, &options) == judged(&captures, &options));
}

/// The same of version 5, in which the other end of a connection that is opened anew, and not yet accepted, is as it was.
#[test]
fn a_state_of_version_5_is_read_as_its_captures() {
    let [states, captures] = kept(5, 5);
    let options = options(1, None);
    assert!(judged(&states, &options) == judged(&captures, &options));
}

/// The same of version 6, which this program writes, with its own parts behind what was kept: whoever changes what is stored
/// gives it the next version, and reads all.
#[test]
fn a_state_of_version_6_is_read_as_its_captures_and_written_as_it_was() {
    let [states, captures] = kept(6, 5);
    let options = options(1, None);
    assert!(judged(&states, &options) == judged(&captures, &options));
    assert_is_written_still(Path::new("tests/fixtures/states/v6.igstate"), &captures, &options);
}
