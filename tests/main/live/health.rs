//! How soon devices answer, by two interfaces of which one has the questions and the other the answers, and by states.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::{Link, PROGRAM, analyze, assert_same_offline, begin, stop, survey};
use crate::command::entries;
use crate::namespaces::sh;

/// Asked, answered, repeated and unasked of the gateway's measure.
fn counts(survey: &Value, measure: &str) -> [u64; 4] {
    let rows = survey["health"].as_array().unwrap().iter();
    let mut rows = rows.filter(|row| row["measure"] == measure && row["answerer_ip"] == "10.78.0.1");
    let row = rows.next().unwrap_or_else(|| panic!("{measure}: {}", survey["health"]));
    ["asked", "answered", "repeated", "unasked"].map(|count| row[count].as_u64().unwrap())
}

fn doubts(survey: &Value) -> Vec<&str> {
    let caveats = survey["caveats"].as_array().unwrap().iter().map(|caveat| caveat["kind"].as_str().unwrap());
    caveats.filter(|kind| kind.starts_with("health")).collect()
}

/// A second cable: what the node sends goes by it, what the gateway sends by the first.
fn add_way(link: &Link) {
    let [gateway, node] = ["gateway", "node"].map(|end| link.0.space(end));
    sh(&format!("ip link add eth1 netns {gateway} type veth peer name eth1 netns {node}")).unwrap();
    for (end, address) in [("gateway", "10.79.0.1/24"), ("node", "10.79.0.2/24")] {
        link.0.must(end, &format!("ip address add {address} dev eth1; ip link set eth1 up"));
        link.0.must(end, "for filter in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$filter; done");
    }
    link.0.must("node", "ip route add 10.78.0.1/32 via 10.79.0.1 dev eth1 src 10.78.0.2");
}

#[test]
fn interfaces_are_read_in_the_order_of_time() {
    let Some(mut link) = Link::open() else { return };
    add_way(&link);
    link.serve();
    let folder = tempfile::tempdir().unwrap();
    let (report, capture) = (folder.path().join("report"), folder.path().join("site.pcapng"));
    let mut command = link.0.command("gateway", PROGRAM);
    command.args(["live", "-i", "eth0", "-i", "eth1", "--gateway", "10.78.0.1", "--node", "10.78.0.2", "--health"]);
    command.args(["--plain", "-o"]).arg(&report).arg("-w").arg(&capture).env_remove("SUDO_UID");
    let (child, errors) = begin(&mut command);
    link.ask("client");
    std::thread::sleep(Duration::from_secs(2));
    link.ask("next client");
    stop(child, errors);

    let live = survey(&report);
    let answers_and_questions = [link.count("eth0", "tx"), link.count("eth1", "rx")];
    assert!(answers_and_questions.iter().all(|packets| *packets > 100), "{answers_and_questions:?}");
    assert!(link.count("eth0", "rx") < 10 && link.count("eth1", "tx") < 10, "each cable is used in one direction");
    assert_eq!(counts(&live, "coap"), [40, 40, 0, 0]);
    assert_eq!(counts(&live, "http"), [40, 40, 0, 0]);
    assert_eq!(counts(&live, "tcp-server-half")[1], 40, "all handshakes");
    assert_eq!(doubts(&live), Vec::<&str>::new());
    let node = live["nodes"].as_array().unwrap().iter().find(|node| node["address"] == "10.78.0.1").unwrap();
    assert_eq!((&node["answers"], &node["asked_again"]), (&80.into(), &0.into()));
    assert_same_offline(&report, &[capture.to_string_lossy().into_owned()], folder.path());
}

#[test]
fn states_have_what_was_measured() {
    let Some(mut link) = Link::open() else { return };
    link.serve();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (state, capture, report) = (path("site.igstate"), path("site.pcapng"), path("report"));
    let mut arguments = vec!["--plain", "--interval", "1s", "--fold-after", "1s", "--checkpoint", "1s", "--health"];
    arguments.extend(["--state", &state, "--rotate-state", "2s", "-w", &capture, "-o", &report]);
    let (child, errors) = link.capture(&arguments, &[]);
    link.ask_twice();
    // Written while it goes on.
    assert_eq!(counts(&survey(Path::new(&report)), "coap")[1], 40);
    stop(child, errors);
    let states = entries(folder.path(), ".igstate");
    assert!(states.len() > 1, "{states:?}");
    let analyze = |name: &str, inputs: &[PathBuf]| analyze(&folder.path().join(name), &["--health"], inputs);
    let live = survey(Path::new(&report));
    assert_eq!((counts(&live, "coap"), counts(&live, "http")), ([40, 40, 0, 0], [40, 40, 0, 0]));
    for other in [analyze("packets", &[capture.into()]), analyze("states", &states)] {
        assert_eq!(doubts(&other), doubts(&live));
        assert_eq!((&other["health"], &other["nodes"]), (&live["health"], &live["nodes"]));
    }
}
