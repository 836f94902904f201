//! Live surveys in network namespaces of our own, with real traffic: live equals offline, and every packet
//! that was sent was received or dropped.

mod evidence;
mod folded;
mod health;
mod ipfix;
mod killed;
mod links;
mod probe;
mod schema;
mod states;
mod terminal;

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::namespaces::{Namespaces, sh};

const PROGRAM: &str = env!("CARGO_BIN_EXE_igorscope");
/// Tells this test binary, run in a namespace, what to be there.
const AGENT: &str = "IGORSCOPE_LIVE_AGENT";
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 1);
const NODE: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 2);
const NOBODY: u32 = 65_534;

/// Two namespaces, `gateway` and `node`, joined by a veth pair; both ends are called eth0.
struct Link(Namespaces);

impl Link {
    /// `None`, with the reason printed, where it cannot be made.
    fn open() -> Option<Self> {
        let ends = ["gateway", "node"];
        let link = Self(Namespaces::open("no live capture was tried", &[], &ends)?);
        // Nothing but what the agents send: no neighbour discovery of its own.
        for end in ends {
            link.0.must(end, "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6");
        }
        let [gateway, node] = ends.map(|end| link.0.space(end));
        sh(&format!("ip link add eth0 netns {gateway} type veth peer name eth0 netns {node}")).unwrap();
        for (end, address) in ends.into_iter().zip([GATEWAY, NODE]) {
            link.0.must(end, &format!("ip address add {address}/24 dev eth0; ip link set eth0 up"));
        }
        Some(link)
    }

    fn agent(&self, end: &str, role: &str) -> Child {
        let mut command = self.0.command(end, std::env::current_exe().unwrap());
        command.args(["--exact", "live::agent", "--nocapture", "--test-threads=1"]).env(AGENT, role);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Has the node do something, to its end.
    fn ask(&self, role: &str) {
        assert!(self.agent("node", role).wait().unwrap().success());
    }

    /// Starts the gateway and waits until it listens.
    fn serve(&mut self) {
        let mut server = self.agent("gateway", "server");
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("@ready")), "the server listens");
        self.0.running.push(server);
    }

    /// Has the node ask, and ask anew, each time with a while behind it in which nobody says anything.
    fn ask_twice(&self) {
        for client in ["client", "next client"] {
            self.ask(client);
            std::thread::sleep(Duration::from_millis(3500));
        }
    }

    /// Packets that an interface of the gateway received (`rx`) or sent (`tx`), as the kernel counts them.
    fn count(&self, interface: &str, way: &str) -> u64 {
        let said = self.0.must("gateway", &format!("cat /sys/class/net/{interface}/statistics/{way}_packets"));
        said.trim().parse().unwrap()
    }

    /// Those that went by the gateway's end.
    fn packets(&self) -> u64 {
        self.count("eth0", "rx") + self.count("eth0", "tx")
    }

    /// Begins to capture at the gateway, and waits until the interface is open.
    fn capture(&self, arguments: &[&str], environment: &[(&str, &str)]) -> (Child, BufReader<ChildStderr>) {
        let mut command = self.0.command("gateway", PROGRAM);
        command.args(["live", "-i", "eth0", "--gateway", "10.78.0.1", "--node", "10.78.0.2"]).args(arguments);
        command.env_remove("SUDO_UID").envs(environment.iter().copied());
        begin(&mut command)
    }
}

/// Starts a live survey, and waits until its interfaces are open.
fn begin(command: &mut Command) -> (Child, BufReader<ChildStderr>) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("capturing on") {
        assert!(errors.read_line(&mut said).unwrap() > 0, "the capture began: {said}");
    }
    (child, errors)
}

fn end(child: Child, mut errors: BufReader<ChildStderr>) -> (Output, String) {
    let output = child.wait_with_output().unwrap();
    let mut said = String::new();
    errors.read_to_string(&mut said).unwrap();
    (output, said)
}

/// Ends a survey as whoever started it does, and it ends well.
fn stop(child: Child, errors: BufReader<ChildStderr>) -> (Output, String) {
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let (output, said) = end(child, errors);
    assert_eq!(output.status.code(), Some(0), "{said}");
    (output, said)
}

fn survey(report: &Path) -> Value {
    serde_json::from_slice(&fs::read(report.join("survey.json")).unwrap()).unwrap()
}

/// Analyzes files of the two into a folder.
fn offline(out: &Path, more: &[&str], files: &[impl AsRef<OsStr>]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(["analyze", "-q", "--gateway", "10.78.0.1", "--node", "10.78.0.2", "-o"]);
    command.arg(out).args(more).args(files).output().unwrap()
}

/// The same of files that are whole, and what survey.json says of them.
fn analyze(out: &Path, more: &[&str], files: &[impl AsRef<OsStr>]) -> Value {
    let output = offline(out, more, files);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    survey(out)
}

fn json_lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

/// Offline, the files of a live survey give the same tables.
fn assert_same_offline(live: &Path, captures: &[String], folder: &Path) {
    let offline = folder.join("offline");
    let is_measured = rows(&live.join("health.csv")).len() > 1;
    analyze(&offline, if is_measured { &["--health"] } else { &[] }, captures);
    let tables = ["flows.csv", "findings.csv", "coverage.csv", "inventory.csv", "nodes.csv"];
    for table in tables.into_iter().chain(is_measured.then_some("health.csv")) {
        let [live, offline] = [live, &offline].map(|folder| fs::read_to_string(folder.join(table)).unwrap());
        assert!(live.lines().count() > 1, "{table} has rows");
        assert_eq!(live, offline, "{table}");
    }
}

/// Lines of a table.
fn rows(table: &Path) -> Vec<String> {
    fs::read_to_string(table).unwrap().lines().map(str::to_owned).collect()
}

/// What a namespace's host does: this test binary, run there by the tests below.
#[test]
fn agent() {
    match std::env::var(AGENT).as_deref() {
        Ok("server") => serve(),
        Ok("client") => ask(20_000),
        Ok("next client") => ask(21_000),
        Ok("flood") => flood(),
        Ok("collector") => ipfix::collect(),
        _ => {}
    }
}

fn serve() {
    let http = TcpListener::bind((GATEWAY, 80)).unwrap();
    let coap = UdpSocket::bind((GATEWAY, 5683)).unwrap();
    std::thread::spawn(move || {
        let mut datagram = [0; 1500];
        while let Ok((length, from)) = coap.recv_from(&mut datagram) {
            // An acknowledgement of the same message id and token (RFC 7252 section 5.2.1), code 2.05.
            let mut answer = datagram[..length.min(6)].to_vec();
            (answer[0], answer[1]) = (0x62, 0x45);
            coap.send_to(&answer, from).unwrap();
        }
    });
    println!("@ready");
    for stream in http.incoming() {
        let mut stream = stream.unwrap();
        let mut request = [0; 1000];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
}

/// Documented traffic of a node, and some that is refused. The UDP ports are given: of those that the kernel
/// draws, two runs now and then have one in common, and a port used again after its flow was folded is rightly
/// a flow more than offline (docs/live.md).
fn ask(first_port: u16) {
    for number in 0..20_u16 {
        let socket = UdpSocket::bind((NODE, first_port + number)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let [high, low] = number.to_be_bytes();
        socket.send_to(&[0x42, 1, high, low, 0xab, low], (GATEWAY, 5683)).unwrap();
        socket.recv_from(&mut [0; 100]).unwrap();
        let mut stream = TcpStream::connect((GATEWAY, 80)).unwrap();
        stream.write_all(b"GET /status HTTP/1.1\r\nHost: gateway\r\n\r\n").unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
    }
    let refused = SocketAddrV4::new(GATEWAY, 8123);
    assert!(TcpStream::connect_timeout(&refused.into(), Duration::from_secs(5)).is_err());
}

/// As much as goes out for a moment.
fn flood() {
    let socket = UdpSocket::bind((NODE, 40_000)).unwrap();
    for _ in 0..30_000 {
        let _ = socket.send_to(&[0; 300], (GATEWAY, 9));
    }
}

#[test]
fn live_equals_offline_and_every_packet_is_accounted_for() {
    let Some(mut link) = Link::open() else { return };
    link.serve();
    // A small buffer, so that a slow machine drops: what is dropped must be counted.
    let settings: [&[&str]; 3] =
        [&["--rotate-size", "20K"], &["--buffer-size", "512K"], &["--health", "--rotate-size", "20K"]];
    for (settings, traffic) in settings.into_iter().zip([&["client"][..], &["client", "flood"], &["client"]]) {
        let folder = tempfile::tempdir().unwrap();
        let (report, capture) = (folder.path().join("report"), folder.path().join("site.pcapng"));
        let before = link.packets();
        let (report_name, capture_name) = (report.to_string_lossy(), capture.to_string_lossy());
        let mut arguments = vec!["--json", "--interval", "1s", "-o", &report_name, "-w", &capture_name];
        arguments.extend(settings);
        let (child, errors) = link.capture(&arguments, &[]);
        for role in traffic {
            link.ask(role);
        }
        let sent = link.packets() - before;
        // Long enough for a tick, and for what is told only when it stands.
        std::thread::sleep(Duration::from_secs(2));
        let (output, _) = stop(child, errors);

        let lines = json_lines(&output);
        let last = lines.last().unwrap();
        assert_eq!(last["type"], "end");
        let number = |value: &Value| value.as_u64().unwrap();
        let interface = &last["interfaces"][0];
        let (received, dropped) = (number(&interface["received"]), number(&interface["kernel_dropped"]));
        assert_eq!(received, sent, "libpcap counts what was sent: {interface}");
        assert_eq!(number(&last["frames"]) + dropped, sent, "{interface}");

        lines.iter().for_each(schema::assert_described);
        let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
        assert!(of("tick") >= 1, "a tick came");
        assert_eq!(of("flow-end") as u64, number(&last["flows"]), "each flow ended once");
        let finding = lines.iter().find(|line| line["type"] == "finding" && line["server_port"] == 8123).unwrap();
        assert_eq!(finding["reason"], "undocumented-port");

        let files: Vec<String> =
            last["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap().to_owned()).collect();
        assert_eq!(files.len() > 1, settings.contains(&"--rotate-size"), "{files:?}");
        assert_eq!(rows(&report.join("health.csv")).len() > 1, settings.contains(&"--health"));
        assert_same_offline(&report, &files, folder.path());
    }
}

#[test]
fn an_interface_that_goes_away_ends_the_survey_whole_and_root_is_given_up() {
    let Some(mut link) = Link::open() else { return };
    link.serve();
    let folder = tempfile::tempdir().unwrap();
    chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let (report, capture) = (folder.path().join("report"), folder.path().join("site.pcapng"));
    let arguments = ["--plain", "-o", &report.to_string_lossy(), "-w", &capture.to_string_lossy()];
    let caller = [("SUDO_UID", "65534"), ("SUDO_GID", "65534")];
    let (mut child, errors) = link.capture(&arguments, &caller);
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let uids = status.lines().find(|line| line.starts_with("Uid:")).unwrap();
    assert_eq!(uids.split_whitespace().skip(1).collect::<Vec<_>>(), ["65534"; 4]);
    assert_confined(&child);
    link.ask("client");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(child.try_wait().unwrap(), None, "it goes on while the interface is there");
    link.0.must("gateway", "ip link del eth0");
    let (output, said) = end(child, errors);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("eth0 gave no more packets"), "{said}");
    assert_eq!(fs::metadata(&capture).unwrap().uid(), NOBODY);
    assert!(String::from_utf8_lossy(&output.stdout).contains("8123"), "the finding was told");
    assert_same_offline(&report, &[capture.to_string_lossy().into_owned()], folder.path());
}

#[test]
fn a_link_that_went_and_came_is_told_with_its_times() {
    let Some(link) = Link::open() else { return };
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let (child, errors) = link.capture(&["--plain", "--duration", "6s", "-o", &report.to_string_lossy()], &[]);
    std::thread::sleep(Duration::from_millis(1500));
    link.0.must("gateway", "ip link set eth0 down");
    std::thread::sleep(Duration::from_millis(1500));
    link.0.must("gateway", "ip link set eth0 up");
    let (output, said) = end(child, errors);
    assert_eq!(output.status.code(), Some(0), "it outlives the outage: {said}");
    let survey = survey(&report);
    let caveats: Vec<_> = survey["caveats"].as_array().unwrap().iter().filter(|it| it["kind"] == "no-link").collect();
    let [caveat] = &caveats[..] else { panic!("{}", survey["caveats"]) };
    let text = caveat["text"].as_str().unwrap();
    assert!(text.starts_with("eth0 had no link from ") && text.contains(" to "), "{text}");
}

/// No capability is left, none can be had back, and system calls are filtered (proc_pid_status(5)).
fn assert_confined(child: &Child) {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    for capabilities in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(field(capabilities).trim_start_matches('0'), "", "{capabilities}");
    }
    assert_eq!((field("NoNewPrivs:"), field("Seccomp:")), ("1".to_owned(), "2".to_owned()));
}

#[test]
fn root_that_stays_for_its_own_folder_is_left_with_nothing_else() {
    let Some(link) = Link::open() else { return };
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let (child, errors) = link.capture(&["--plain", "--duration", "2s", "-o", &report.to_string_lossy()], &[]);
    assert_confined(&child);
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    assert!(status.contains("Uid:\t0\t0\t0\t0"), "it stays root, because the folder is root's: {status}");
    let (output, said) = end(child, errors);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(report.join("survey.json").exists());
}

#[test]
fn an_interface_that_is_not_there_is_wrong_usage() {
    let output = Command::new(PROGRAM).args(["live", "-i", "nowhere0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere0"), "{output:?}");
}
