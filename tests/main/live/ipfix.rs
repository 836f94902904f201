//! A live survey that tells a collector, over the very interface that it captures on.

use super::*;

/// The collector's place: the node.
const COLLECTOR: &str = "10.78.0.2:4739";

/// Takes what comes, until there is nothing more.
pub(super) fn collect() {
    let socket = UdpSocket::bind(COLLECTOR).unwrap();
    println!("@ready");
    let mut message = [0; 1500];
    let mut records = None;
    while let Ok(length) = socket.recv(&mut message) {
        socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        // Records in the messages before this one.
        records = Some(u32::from_be_bytes(message[8..12].try_into().unwrap()));
        assert_eq!((message[0], message[1], length <= 1400), (0, 10, true));
    }
    println!("@last {}", records.unwrap());
}

#[test]
fn a_survey_that_tells_a_collector_leaves_that_out_of_itself() {
    let Some(mut link) = Link::open() else { return };
    link.serve();
    let mut collector = link.agent("node", "collector");
    let mut lines = BufReader::new(collector.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("@ready")), "the collector listens");
    link.0.running.push(collector);
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let arguments = ["--plain", "-o", &report.to_string_lossy(), "--ipfix-to", COLLECTOR];
    let (child, errors) = link.capture(&arguments, &[]);
    let output = link.agent("node", "client").wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    std::thread::sleep(Duration::from_secs(1));
    let before = link.packets();
    let (_, said) = stop(child, errors);
    // It sent, with its rights given up, and the survey has nothing of it.
    assert!(link.packets() > before, "it sent: {said}");
    let flows = fs::read_to_string(report.join("flows.csv")).unwrap();
    assert!(flows.lines().count() > 40 && !flows.contains(",4739,"), "{flows}");
    let last =
        lines.map_while(Result::ok).find_map(|line| line.split_once("@last ").map(|(_, number)| number.to_owned()));
    assert!(last.is_some_and(|number| number.parse::<u32>().unwrap() > 0), "the collector received several messages");
}
