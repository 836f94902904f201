//! Interfaces whose frames are not Ethernet's: a tunnel device hands out raw IP, `any` cooked frames.

use crate::skips::skipped;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Link, PROGRAM, begin};

/// Makes tun0, says so, and once it is told sends five packets each way and one to itself.
const TUNNEL: &str = r#"
import fcntl, os, socket, struct, sys, time
tunnel = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tunnel, 0x400454CA, struct.pack("16sH", b"tun0", 0x1001))
assert os.system("ip address add 10.90.1.1/24 dev tun0 && ip link set tun0 up && ip link set lo up") == 0
print("ready", flush=True)
sys.stdin.readline()
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.bind(("0.0.0.0", 40000))
out.sendto(b"hello", ("127.0.0.1", 40000))
for number in range(5):
    out.sendto(b"x" * 20, ("10.90.1.2", 5683))
    udp = struct.pack("!HHHH", 5683, 40000, 28, 0) + b"y" * 20
    header = struct.pack("!BBHHHBBH", 0x45, 0, 48, number, 0, 64, 17, 0)
    os.write(tunnel, header + bytes([10, 90, 1, 2, 10, 90, 1, 1]) + udp)
sys.stdin.readline()
"#;

/// Client and server packets of each UDP flow to port 5683 or 40000, and the link types, as survey.json has them.
fn seen(file: &std::path::Path) -> (Vec<(u64, u64)>, Vec<String>) {
    let output = Command::new(PROGRAM).args(["analyze", "-q", "--format", "json"]).arg(file).output().unwrap();
    let survey: Value = serde_json::from_slice(&output.stdout).unwrap();
    let ours =
        |flow: &&Value| flow["transport"] == "udp" && [5683, 40000].iter().any(|port| flow["server_port"] == *port);
    let packets = |flow: &Value| (flow["client_packets"].as_u64().unwrap(), flow["server_packets"].as_u64().unwrap());
    let flows = survey["flows"].as_array().unwrap().iter().filter(ours).map(packets).collect();
    let links = survey["inputs"][0]["link_types"]
        .as_array()
        .unwrap()
        .iter()
        .map(|link| link.as_str().unwrap().to_owned())
        .collect();
    (flows, links)
}

#[test]
fn raw_ip_and_cooked_frames_are_read_live() {
    let Some(link) = Link::open() else { return };
    let mut tunnel = link.0.command("gateway", "python3");
    let tunnel =
        tunnel.args(["-c", TUNNEL]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut tunnel) = tunnel else { return skipped("there is no python3") };
    let mut said = String::new();
    BufReader::new(tunnel.stdout.take().unwrap()).read_line(&mut said).unwrap();
    if said.trim() != "ready" {
        let mut why = String::new();
        tunnel.stderr.take().unwrap().read_to_string(&mut why).unwrap();
        return skipped(&format!("no tunnel device can be made: {why}"));
    }
    let folder = tempfile::tempdir().unwrap();
    let files = ["tun0+lo.pcapng", "any.pcapng"].map(|name| folder.path().join(name));
    let captures: Vec<_> = [&["-i", "tun0", "-i", "lo"][..], &["-i", "any"]]
        .into_iter()
        .zip(&files)
        .map(|(interfaces, file)| {
            let mut command = link.0.command("gateway", PROGRAM);
            command.arg("live").args(interfaces).args(["--plain", "--duration", "4s", "-w"]).arg(file);
            begin(&mut command)
        })
        .collect();
    let orders = tunnel.stdin.as_mut().unwrap();
    orders.write_all(b"\n").unwrap();
    for (mut child, mut errors) in captures {
        errors.read_to_string(&mut said).unwrap();
        assert!(matches!(child.wait().unwrap().code(), Some(0 | 1)), "{said}");
    }
    orders.write_all(b"\n").unwrap();
    tunnel.wait().unwrap();
    let (mut flows, links) = seen(&files[0]);
    flows.sort_unstable();
    assert_eq!(flows, [(1, 0), (5, 5)]);
    assert_eq!(links, ["ETHERNET", "RAW"]);
    let (mut flows, links) = seen(&files[1]);
    flows.sort_unstable();
    assert_eq!(flows, [(1, 0), (5, 5)]);
    assert!(links.len() == 1 && links[0].starts_with("LINUX_SLL"), "{links:?}");
}
