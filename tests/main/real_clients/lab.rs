//! Network namespaces of our own: a gateway, a node and a BACnet system on one link, another node behind a router.

use crate::skips::skipped;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Who is in the lab. The middle is the link's switch, and the router to the far node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Host {
    Gateway = 1,
    Node = 2,
    Bacnet = 4,
    Far = 9,
    Middle = 254,
}

use Host::{Bacnet, Far, Gateway, Middle, Node};

const ALL: [Host; 5] = [Gateway, Node, Bacnet, Far, Middle];

impl Host {
    pub(super) const fn address(self) -> &'static str {
        match self {
            Gateway => "10.79.0.1",
            Node => "10.79.0.2",
            Bacnet => "10.79.0.4",
            Far => "10.79.9.2",
            Middle => "10.79.0.254",
        }
    }
}

/// The lab as an inventory; 10.79.0.3 and 10.79.9.3 are nobody's.
pub(super) const INVENTORY: &str = "gateway = \"10.79.0.1\"\nnode = [\"10.79.0.2\", \"10.79.0.3\", \"10.79.9.2\", \"10.79.9.3\"]\nbacnet = \"10.79.0.4\"\n";

/// A lab with a capture at the gateway's link.
pub(super) struct Lab {
    name: String,
    made: Vec<String>,
    running: Vec<Child>,
    /// And what it says.
    tcpdump: Option<(Child, JoinHandle<Vec<String>>)>,
    /// For what the programs serve and write.
    pub(super) folder: tempfile::TempDir,
}

impl Lab {
    /// `None`, with the reason printed, where it cannot be made.
    pub(super) fn open(what: &str, needs: &[&str]) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let skip = |reason: String| skipped(&format!("{what} was not tried with real programs: {reason}"));
        if let Err(reason) = possible(needs) {
            skip(reason);
            return None;
        }
        let name = format!("igor-real-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = tempfile::tempdir().expect("a folder");
        let mut lab = Self { name, made: Vec::new(), running: Vec::new(), tcpdump: None, folder };
        for host in ALL {
            let space = lab.space(host);
            if let Err(reason) = sh(&format!("ip netns add {space}")) {
                skip(format!("no network namespace can be made: {reason}"));
                return None;
            }
            lab.made.push(space);
            lab.must(host, "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; ip link set lo up");
            // Ports by lot, but none of the vendor's: a TFTP client on 50195 would rightly be judged by that port.
            lab.must(host, "echo 33000 47000 >/proc/sys/net/ipv4/ip_local_port_range");
        }
        lab.must(Middle, "ip link add br0 type bridge mcast_snooping 0; ip link set br0 address 02:49:67:79:00:fe; ip link set br0 up");
        for host in [Gateway, Node, Bacnet, Far] {
            let (space, middle, number) = (lab.space(host), lab.space(Middle), host as u8);
            let link = format!(
                "ip link add eth0 netns {space} address 02:49:67:79:00:{number:02x} type veth peer name port{number} netns {middle}"
            );
            sh(&link).expect("a link");
            // Checksums are to be in the packets, as on a wire.
            let offload = "ethtool -K eth0 tx off >/dev/null 2>&1 || true";
            lab.must(
                host,
                &format!("ip address add {}/24 brd + dev eth0; ip link set eth0 up; {offload}", host.address()),
            );
            let join = if host == Far {
                "ip address add 10.79.9.1/24 dev port9"
            } else {
                &format!("ip link set port{number} master br0")
            };
            lab.must(Middle, &format!("{join}; ip link set port{number} up"));
            // No default route: the name servers of this machine are not to be found from here.
            let route = if host == Far { "10.79.0.0/24 via 10.79.9.1" } else { "10.79.9.0/24 via 10.79.0.254" };
            lab.must(host, &format!("ip route add {route}"));
        }
        lab.must(Middle, "ip address add 10.79.0.254/24 dev br0; echo 1 >/proc/sys/net/ipv4/ip_forward");
        lab.capture();
        Some(lab)
    }

    fn space(&self, host: Host) -> String {
        format!("{}-{}", self.name, host as u8)
    }

    fn command(&self, host: Host, line: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.space(host), "sh", "-c", line]).current_dir(self.folder.path());
        command
    }

    /// Runs a command line in a host; what it says is the caller's to judge.
    pub(super) fn run(&self, host: Host, line: &str) -> Output {
        self.command(host, line).stdin(Stdio::null()).output().expect("ip can be run")
    }

    /// The same where it has to succeed.
    pub(super) fn must(&self, host: Host, line: &str) -> String {
        let output = self.run(host, line);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{host:?}: {line}: {said}");
        said
    }

    /// Starts a server; it ends with the lab.
    pub(super) fn serve(&mut self, host: Host, line: &str) {
        let child = self
            .command(host, &format!("exec {line}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ip can be run");
        self.running.push(child);
    }

    /// Starts a server and waits until its port is open: `tcp` or `udp`.
    pub(super) fn serve_on(&mut self, host: Host, line: &str, transport: &str, port: u16) {
        self.serve(host, line);
        let until = Instant::now() + Duration::from_secs(20);
        let list = format!("ss -H -l -n --{transport} 'sport = :{port}'");
        while Instant::now() < until {
            if !self.run(host, &list).stdout.is_empty() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{host:?}: {line}: nothing listens on {transport} {port}");
    }

    /// Ends the servers.
    pub(super) fn stop_servers(&mut self) {
        for mut child in self.running.drain(..) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn capture(&mut self) {
        let mut child = self
            .command(Gateway, "exec tcpdump -i eth0 -s 0 -U --immediate-mode -w capture.pcap -Z root")
            .stderr(Stdio::piped())
            .spawn()
            .expect("ip can be run");
        let errors = child.stderr.take().expect("it is piped");
        let mut lines = BufReader::new(errors).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("listening on")), "tcpdump did not begin");
        self.tcpdump = Some((child, std::thread::spawn(move || lines.collect())));
    }

    /// Ends the capture; where it lies. `None` where tcpdump says that it wrote less than it was handed: what still
    /// waits in its ring when it is stopped is lost.
    pub(super) fn captured(&mut self) -> Option<PathBuf> {
        std::thread::sleep(Duration::from_millis(500));
        let (mut child, words) = self.tcpdump.take()?;
        let _ = sh(&format!("kill -INT {}", child.id()));
        let _ = child.wait();
        let words = words.join().expect("its words");
        let said = |what: &str| {
            let line = words.iter().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}: {words:?}"));
            line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).expect("a number")
        };
        let whole = said("captured") == said("received by filter") && said("dropped by kernel") == 0;
        whole.then(|| self.folder.path().join("capture.pcap"))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.stop_servers();
        if let Some((mut child, _)) = self.tcpdump.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        for space in &self.made {
            let _ = sh(&format!("ip netns del {space}"));
        }
    }
}

/// A program's path, with the folders of a root's shell.
pub(super) fn which(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}

fn possible(needs: &[&str]) -> Result<(), String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|_| "this is no Linux".to_owned())?;
    if !status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0")) {
        return Err("network namespaces need root".to_owned());
    }
    let missing = ["ip", "ss", "tcpdump"].iter().chain(needs).find(|program| which(program).is_none());
    missing.map_or(Ok(()), |program| Err(format!("{} is not installed", Path::new(program).display())))
}

fn sh(line: &str) -> Result<(), String> {
    let output = Command::new("sh").args(["-c", line]).output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
