//! The numbers of report.html's first screen, against what the sample was made to be (`captures/README.md`).

use std::fs;

use crate::command::{folder, run, sample};

#[test]
fn the_first_screen_counts_devices_and_not_their_addresses() {
    let out = folder(&[]);
    let (report, capture, inventory) = (out.path(), sample("site-survey.pcapng"), sample("site-survey.toml"));
    let arguments = ["analyze", "-q", "--format", "html", "--inventory", inventory.to_str().unwrap(), "-o"];
    run(arguments.into_iter().chain([report.to_str().unwrap(), capture.to_str().unwrap()])).expect(0, &[]);
    let page = fs::read_to_string(report.join("report.html")).unwrap();
    // A gateway with an IPv4 and a link-local address, a head-end and a controller.
    assert!(page.contains("<small>1 gateway, 2 BACnet systems</small>"));
    let nodes = page.split("href=\"#inventory\"><b>").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    let nodes: u32 = nodes.parse().unwrap();
    assert!((30..=36).contains(&nodes), "{nodes} of the 36 nodes were heard");
}
