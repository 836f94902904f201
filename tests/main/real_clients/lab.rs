//! Network namespaces of our own: a gateway, a node and a BACnet system on one link, another node behind a router.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::namespaces::{Namespaces, sh};

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
    spaces: Namespaces,
    /// And what it says.
    tcpdump: Option<(Child, JoinHandle<Vec<String>>)>,
}

impl Lab {
    /// `None`, with the reason printed, where it cannot be made.
    pub(super) fn open(what: &str, needs: &[&str]) -> Option<Self> {
        let what = format!("{what} was not tried with real programs");
        let spaces = Namespaces::open(&what, &[&["ss", "tcpdump"], needs].concat(), &ALL.map(|host| host as u8))?;
        let mut lab = Self { spaces, tcpdump: None };
        for host in ALL {
            lab.must(host, "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; ip link set lo up");
            // Ports by lot, but none of the vendor's: a TFTP client on 50195 would rightly be judged by that port.
            lab.must(host, "echo 33000 47000 >/proc/sys/net/ipv4/ip_local_port_range");
        }
        lab.must(Middle, "ip link add br0 type bridge mcast_snooping 0; ip link set br0 address 02:49:67:79:00:fe; ip link set br0 up");
        for host in [Gateway, Node, Bacnet, Far] {
            let number = host as u8;
            let [space, middle] = [number, Middle as u8].map(|number| lab.spaces.space(number));
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

    /// For what the programs serve and write.
    pub(super) fn folder(&self) -> &Path {
        self.spaces.folder.path()
    }

    /// Runs a command line in a host; what it says is the caller's to judge.
    pub(super) fn run(&self, host: Host, line: &str) -> Output {
        self.spaces.run(host as u8, line)
    }

    /// The same where it has to succeed.
    pub(super) fn must(&self, host: Host, line: &str) -> String {
        self.spaces.must(host as u8, line)
    }

    /// Starts a server; it ends with the lab.
    pub(super) fn serve(&mut self, host: Host, line: &str) {
        let mut command = self.spaces.shell(host as u8, &format!("exec {line}"));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("ip can be run");
        self.spaces.running.push(child);
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
        self.spaces.stop();
    }

    fn capture(&mut self) {
        let mut child = self
            .spaces
            .shell(Gateway as u8, "exec tcpdump -i eth0 -s 0 -U --immediate-mode -w capture.pcap -Z root")
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
        whole.then(|| self.folder().join("capture.pcap"))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.spaces.running.extend(self.tcpdump.take().map(|(tcpdump, _)| tcpdump));
    }
}
