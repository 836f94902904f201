//! Real programs against each other in network namespaces of our own, while tcpdump captures: what we say of it must
//! be what they really did.
//!
//! Each needs root, `ip`, `tcpdump` and its programs (`scripts/test-hosts.sh` installs them), says so and passes where one
//! of them is missing. Five of these captures lie in `captures/`, and are held to the same everywhere.
//! `IGORSCOPE_KEEP=FOLDER` keeps the captures of a run.

mod health;
mod lab;
mod path;
mod tftp;

use std::net::IpAddr;
use std::path::Path;

use crate::namespaces::which;
use crate::reading::{self, Read, of_kind};
use igorscope::finding::Who;
use igorscope::inventory::Inventory;
use igorscope::protocol::Transport;
use igorscope::survey::Survey;
use igorscope::verdict::Conversation;

use lab::Host::{Bacnet, Far, Gateway, Middle, Node};
use lab::{INVENTORY, Lab};

fn survey(path: &Path) -> Survey {
    let inventory = Inventory::parse(INVENTORY, "lab.toml").expect("a sound inventory");
    reading::survey(&[path.into()], inventory, false)
}

/// Plays in a lab, if one can be made, and checks what we say of it.
fn try_out(name: &str, needs: &[&str], play: fn(&mut Lab), check: fn(&Survey)) {
    let mut labs = (0..3).map_while(|_| Lab::open(name, needs));
    let Some(mut lab) = labs.next() else { return };
    play(&mut lab);
    let path = loop {
        if let Some(path) = lab.captured() {
            break path;
        }
        println!("tcpdump lost packets: once more");
        lab = labs.next().expect("tcpdump loses packets three times in a row");
        play(&mut lab);
    };
    if let Some(folder) = std::env::var_os("IGORSCOPE_KEEP") {
        std::fs::copy(&path, Path::new(&folder).join(format!("real-{name}.pcap"))).expect("the capture can be kept");
    }
    check(&survey(&path));
}

/// The same check on the capture of an earlier run, which lies in `captures/`.
fn hold_sample(name: &str, check: fn(&Survey)) {
    check(&survey(&Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(format!("real-{name}.pcap"))));
}

/// The one conversation of a client, server, transport and port.
fn conversation<'a>(
    survey: &'a Survey,
    client: &str,
    server: &str,
    transport: Transport,
    port: u16,
) -> &'a Conversation {
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    let (client, server) = (address(client), address(server));
    let same = |it: &&Conversation| {
        let [from, to] = [it.client, it.server].map(|host| survey.hosts.get(host).address);
        (from, to, it.transport, it.port) == (client, server, transport, port)
    };
    let found: Vec<_> = survey.conversations.iter().filter(same).collect();
    assert_eq!(found.len(), 1, "{client} to {server}, {transport} {port}");
    found[0]
}

/// What is said of a conversation: verdict, reason, outcome, and what the payload of its first flow is.
fn said(survey: &Survey, client: &str, server: &str, transport: Transport, port: u16) -> [&'static str; 4] {
    let found = conversation(survey, client, server, transport, port);
    let place = |it: &Conversation| std::ptr::eq(it, found);
    let at = survey.conversations.iter().position(place).expect("it is one of them");
    let of_it =
        survey.flows.iter().map(|(_, judgement)| judgement).filter(|judgement| judgement.conversation as usize == at);
    let payload = of_it.filter_map(|judgement| judgement.payload_protocol).map(|protocol| protocol.name()).next();
    [found.verdict.name(), found.reason.map_or("", |reason| reason.name()), found.outcome.name(), payload.unwrap_or("")]
}

/// The one finding of a kind about a server's port.
fn finding<'a>(survey: &'a Survey, kind: &str, server: &str, port: u16) -> Read<'a> {
    let mut found = of_kind(survey, kind);
    found.retain(|it| it.server_port == Some(port) && is_about(it, server));
    assert_eq!(found.len(), 1, "{kind} at {server} port {port}: {:?}", survey.findings);
    found.remove(0)
}

fn is_about(finding: &Read<'_>, server: &str) -> bool {
    finding.servers.contains(&Who::Address(server.parse().expect("an address")))
}

const GATEWAY: &str = Gateway.address();
const NODE: &str = Node.address();
const BACNET: &str = Bacnet.address();
const FAR: &str = Far.address();
use Transport::{Tcp, Udp};

/// What `scripts/test-hosts.sh` put aside, for it cannot be installed beside the rest.
fn tool(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools").join(path).display().to_string()
}

// --- CoAP: libcoap's client and server -----------------------------------------------------------

fn play_coap(lab: &mut Lab) {
    for host in [Gateway, Node] {
        lab.must(host, "ip route add 224.0.0.0/4 dev eth0");
    }
    lab.serve_on(Node, "coap-server-notls -A 0.0.0.0 -p 5683 -g 224.0.1.187", "udp", 5683);
    let time = lab.must(Gateway, "coap-client-notls -B 5 -m get coap://10.79.0.2/time");
    assert!(time.contains(':'), "the server tells the time: {time}");
    lab.must(Gateway, "coap-client-notls -B 5 -m get -s 2 coap://10.79.0.2/time");
    // Answers to a group come within a leisure of some seconds (RFC 7252 section 8.2).
    lab.run(Gateway, "coap-client-notls -B 8 -N -m get coap://224.0.1.187/.well-known/core");
    lab.stop_servers();
    std::thread::sleep(std::time::Duration::from_millis(200));
    lab.run(Gateway, "coap-client-notls -B 3 -m get coap://10.79.9.2/time");
}

fn check_coap(survey: &Survey) {
    assert_eq!(said(survey, GATEWAY, NODE, Udp, 5683), ["documented", "", "established", "coap"]);
    // The far node runs no server: its own system says so.
    assert_eq!(said(survey, GATEWAY, FAR, Udp, 5683), ["documented", "", "rejected", "coap"]);
    let blocked = finding(survey, "blocked", FAR, 5683);
    blocked.says(&["10.79.9.2 sent port unreachable (type 3 code 3)"]);
    assert!(blocked.words.advice.contains("nothing listens"), "{}", blocked.words.advice);
    // The group's request, and the answer that another address gave.
    assert_eq!(said(survey, GATEWAY, "224.0.1.187", Udp, 5683)[..3], ["documented", "", "established"]);
    let answers = survey.flows.iter().filter(|(flow, judgement)| {
        let asked = judgement.related_to.map(|at| survey.flows.view(at as usize).0);
        flow.ends.iter().any(|end| end.address.to_string() == NODE)
            && asked.is_some_and(|asked| asked.ends.iter().any(|end| end.address.is_multicast()))
    });
    assert_eq!(answers.count(), 1, "one node answered the group");
}

#[test]
fn libcoap_speaks_with_itself() {
    try_out("coap", &["coap-client-notls", "coap-server-notls"], play_coap, check_coap);
}

// --- TFTP: tftp-hpa with tftpd-hpa and with atftpd -----------------------------------------------

fn files(lab: &Lab) {
    let folder = lab.folder();
    std::fs::create_dir_all(folder.join("files")).expect("a folder");
    std::fs::write(folder.join("files/boot.cfg"), vec![b'a'; 1500]).expect("a file");
    lab.must(Gateway, "chmod 755 . files && chmod 644 files/boot.cfg");
}

fn read_files(lab: &Lab) {
    lab.must(Node, "cd files && tftp -m binary 10.79.0.1 -c get boot.cfg ../read.cfg && cmp boot.cfg ../read.cfg");
    // A server that is busy may leave a request unanswered.
    let refused = (0..3).any(|_| {
        let said = lab.run(Node, "tftp -m binary 10.79.0.1 -c get missing.cfg /dev/null");
        String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).to_lowercase().contains("not found")
    });
    assert!(refused, "the server says that it has no such file");
}

fn play_tftp_hpa(lab: &mut Lab) {
    files(lab);
    let folder = lab.folder().join("files");
    let line = format!("in.tftpd -L -4 -u root -a 10.79.0.1:69 -s {}", folder.display());
    lab.serve_on(Gateway, &line, "udp", 69);
    read_files(lab);
}

/// Debian's atftpd and tftpd-hpa exclude each other: one of them lies aside.
fn atftpd() -> String {
    which("atftpd").map_or_else(|| tool("atftpd/usr/sbin/atftpd"), |path| path.display().to_string())
}

fn play_atftpd(lab: &mut Lab) {
    files(lab);
    let folder = lab.folder().join("files");
    let line = format!(
        "{} --daemon --no-fork --user root --group root --bind-address 10.79.0.1 --port 69 {}",
        atftpd(),
        folder.display()
    );
    lab.serve_on(Gateway, &line, "udp", 69);
    read_files(lab);
}

fn check_tftp(survey: &Survey) {
    assert_eq!(said(survey, NODE, GATEWAY, Udp, 69), ["documented", "", "established", "tftp"]);
    // Two requests; the data of the first and the error of the second come from ports of their own.
    let related: Vec<_> = survey.flows.iter().filter(|(_, judgement)| judgement.verdict.name() == "related").collect();
    let all = || survey.flows.iter().map(|(flow, judgement)| format!("{flow:?} {judgement:?}"));
    assert_eq!(related.len(), 2, "{:#?}", all().collect::<Vec<_>>());
    for (flow, judgement) in related {
        assert!(flow.ends.iter().all(|end| end.port != 69));
        let request = survey.flows.view(judgement.related_to.expect("its request") as usize).0;
        assert!(request.ends.iter().any(|end| end.port == 69));
        assert_eq!(judgement.payload_protocol.map(|protocol| protocol.name()), Some("tftp"));
    }
    assert!(survey.findings.iter().all(|finding| finding.kind.name() == "never-heard"), "{:?}", survey.findings);
}

#[test]
fn tftp_hpa_reads_from_tftpd_hpa() {
    try_out("tftp-hpa", &["tftp", "in.tftpd"], play_tftp_hpa, check_tftp);
}

#[test]
fn tftp_hpa_reads_from_atftpd() {
    try_out("atftpd", &["tftp", &atftpd()], play_atftpd, check_tftp);
}

// --- HTTP and TLS: curl, Python's http.server, openssl s_server ----------------------------------

fn play_http(lab: &mut Lab) {
    lab.must(
        Middle,
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=lab 2>/dev/null && chmod 644 key.pem",
    );
    lab.serve_on(Node, "python3 -m http.server 80 --bind 10.79.0.2", "tcp", 80);
    lab.serve_on(Bacnet, "openssl s_server -accept 10.79.0.4:443 -key key.pem -cert cert.pem -www", "tcp", 443);
    // A server of TLS where HTTP is documented.
    lab.serve_on(Far, "openssl s_server -accept 10.79.9.2:80 -key key.pem -cert cert.pem -www", "tcp", 80);
    lab.must(Gateway, "curl -sS -m 10 http://10.79.0.2/ >/dev/null");
    lab.must(Gateway, "curl -sS -m 10 -k https://10.79.0.4/ >/dev/null");
    lab.must(Gateway, "curl -sS -m 10 -k https://10.79.9.2:80/ >/dev/null");
    lab.run(Gateway, "curl -sS -m 5 http://10.79.0.2:88/");
}

fn check_http(survey: &Survey) {
    assert_eq!(said(survey, GATEWAY, NODE, Tcp, 80), ["documented", "", "established", "http"]);
    assert_eq!(said(survey, GATEWAY, BACNET, Tcp, 443), ["documented", "", "established", "tls"]);
    assert_eq!(said(survey, GATEWAY, FAR, Tcp, 80), ["unexpected", "wrong-protocol", "established", "tls"]);
    assert_eq!(finding(survey, "wrong-protocol", FAR, 80).words.service, "tls");
    assert_eq!(said(survey, GATEWAY, NODE, Tcp, 88)[..3], ["documented", "", "refused"]);
    assert!(finding(survey, "blocked", NODE, 88).words.advice.contains("nothing listens"));
}

#[test]
fn curl_speaks_http_and_tls() {
    try_out("http", &["curl", "python3", "openssl"], play_http, check_http);
}

// --- UPnP: miniupnpc's client, minissdpd, and a description over HTTP ----------------------------

/// Tells minissdpd of a service by its socket: command 4, then device type, name, server and location, each behind its
/// length (minissdpd's own protocol, which miniupnpd speaks).
const SUBMIT: &str = r"
import socket, sys
kind = b'urn:schemas-upnp-org:device:InternetGatewayDevice:1'
text = [kind, b'uuid:1234::' + kind, b'lab/1 UPnP/1.1 igor/1', b'http://10.79.0.1:1900/rootDesc.xml']
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.send(bytes([4]) + b''.join(bytes([len(t)]) + t for t in text))
s.close()
";

fn play_upnp(lab: &mut Lab) {
    std::fs::write(lab.folder().join("submit.py"), SUBMIT).expect("a file");
    std::fs::write(lab.folder().join("rootDesc.xml"), "<root><device></device></root>").expect("a file");
    for host in [Gateway, Node] {
        lab.must(host, "ip route add 224.0.0.0/4 dev eth0");
    }
    lab.serve_on(Gateway, "minissdpd -d -i eth0 -s ssdp.sock -p ssdp.pid", "udp", 1900);
    lab.serve_on(Gateway, "python3 -m http.server 1900 --bind 10.79.0.1", "tcp", 1900);
    lab.must(Gateway, "python3 submit.py ssdp.sock");
    // What it says of the device it found does not matter: it searched, and fetched what the answer names.
    lab.run(Node, "upnpc -m 10.79.0.2 -s");
}

fn check_upnp(survey: &Survey) {
    assert_eq!(said(survey, NODE, "239.255.255.250", Udp, 1900), ["documented", "", "established", "ssdp"]);
    assert_eq!(said(survey, NODE, GATEWAY, Tcp, 1900), ["documented", "", "established", "upnp"]);
    let answers = survey.flows.iter().filter(|(flow, judgement)| {
        let unicast = flow.ends.iter().all(|end| !end.address.is_multicast());
        unicast
            && judgement.payload_protocol.is_some_and(|protocol| protocol.name() == "ssdp")
            && judgement.related_to.is_some()
    });
    assert!(answers.count() > 0, "the unicast answer belongs to the search");
}

#[test]
fn upnpc_finds_what_minissdpd_knows() {
    try_out("upnp", &["upnpc", "minissdpd", "python3"], play_upnp, check_upnp);
}

// --- BACnet/IP: BACpypes3 ------------------------------------------------------------------------

const DEVICE: &str = r"
import asyncio
from bacpypes3.argparse import SimpleArgumentParser
from bacpypes3.app import Application

async def main():
    app = Application.from_args(SimpleArgumentParser().parse_args())
    await asyncio.Future()

asyncio.run(main())
";

const CLIENT: &str = r"
import asyncio
from bacpypes3.argparse import SimpleArgumentParser
from bacpypes3.app import Application
from bacpypes3.pdu import Address
from bacpypes3.primitivedata import ObjectIdentifier

async def main():
    app = Application.from_args(SimpleArgumentParser().parse_args())
    found = await app.who_is(100, 100)
    assert [i.iAmDeviceIdentifier[1] for i in found] == [100], found
    name = await app.read_property(Address('10.79.0.1'), ObjectIdentifier('device,100'), 'object-name')
    assert str(name) == 'igor', name
    app.close()

asyncio.run(main())
";

/// A Python that has BACpypes3: `scripts/test-hosts.sh` makes it.
fn python() -> String {
    tool("bacpypes/bin/python3")
}

fn play_bacnet(lab: &mut Lab) {
    std::fs::write(lab.folder().join("device.py"), DEVICE).expect("a file");
    std::fs::write(lab.folder().join("client.py"), CLIENT).expect("a file");
    let python = python();
    lab.serve_on(
        Gateway,
        &format!("{python} device.py --name igor --instance 100 --address 10.79.0.1/24"),
        "udp",
        47808,
    );
    lab.must(Bacnet, &format!("timeout 30 {python} client.py --name bms --instance 200 --address 10.79.0.4/24"));
}

fn check_bacnet(survey: &Survey) {
    assert_eq!(said(survey, BACNET, GATEWAY, Udp, 47808), ["documented", "", "established", "bacnet"]);
    assert_eq!(said(survey, BACNET, "10.79.0.255", Udp, 47808)[..2], ["documented", ""]);
    assert!(survey.findings.iter().all(|finding| finding.kind.name() == "never-heard"), "{:?}", survey.findings);
}

#[test]
fn bacpypes_finds_a_device_and_reads_from_it() {
    try_out("bacnet", &[&python()], play_bacnet, check_bacnet);
}

// --- Filters: nftables and iptables that drop and reject -----------------------------------------

fn play_blocked(lab: &mut Lab) {
    lab.serve_on(Node, "python3 -m http.server 80 --bind 10.79.0.2", "tcp", 80);
    // The node's own firewall: silent, an ICMP error that forbids, the default error, a reset.
    lab.must(
        Node,
        "nft add table ip f && nft add chain ip f in '{ type filter hook input priority 0; }' && \
         nft add rule ip f in tcp dport 88 drop && \
         nft add rule ip f in udp dport 1050 reject with icmp type admin-prohibited && \
         nft add rule ip f in udp dport 5683 reject && \
         nft add rule ip f in tcp dport 1900 reject with tcp reset",
    );
    // The router before the far node.
    lab.must(
        Middle,
        "iptables -A FORWARD -d 10.79.9.0/24 -p tcp --dport 88 -j REJECT && iptables -A FORWARD -d 10.79.9.0/24 -p tcp --dport 80 -j DROP && \
         iptables -A FORWARD -d 10.79.9.0/24 -p udp --dport 1050 -j REJECT --reject-with icmp-admin-prohibited",
    );
    lab.must(Gateway, "curl -sS -m 5 http://10.79.0.2/ >/dev/null");
    for (address, port) in
        [("10.79.0.2", 88), ("10.79.0.2", 1900), ("10.79.9.2", 88), ("10.79.9.2", 80), ("10.79.9.3", 1901)]
    {
        lab.run(Gateway, &format!("curl -sS -m 4 http://{address}:{port}/"));
    }
    let send = "import socket,sys,time\ns=socket.socket(type=socket.SOCK_DGRAM)\ns.connect((sys.argv[1],int(sys.argv[2])))\n\
                for _ in range(3):\n    try: s.send(bytes.fromhex(sys.argv[3]))\n    except OSError: pass\n    time.sleep(.1)\n";
    std::fs::write(lab.folder().join("send.py"), send).expect("a file");
    for (address, port, bytes) in
        [("10.79.0.2", 1050, "f701"), ("10.79.0.2", 5683, "40010001"), ("10.79.9.2", 1050, "f701")]
    {
        lab.must(Gateway, &format!("python3 send.py {address} {port} {bytes}"));
    }
    // The far node is alive (it refuses), and nobody is at 10.79.0.3.
    for address in ["10.79.9.2", "10.79.0.3"] {
        lab.run(Gateway, &format!("curl -sS -m 3 http://{address}:1900/"));
    }
}

fn check_blocked(survey: &Survey) {
    assert_eq!(said(survey, GATEWAY, NODE, Tcp, 80), ["documented", "", "established", "http"]);
    for (server, transport, port, outcome, cause) in [
        (NODE, Tcp, 88, "unanswered", "The host is alive"),
        (NODE, Tcp, 1900, "refused", "The host answers, but refuses"),
        (NODE, Udp, 1050, "rejected", "The host's own firewall forbids it"),
        (NODE, Udp, 5683, "rejected", "The host itself says that the port is closed"),
        (FAR, Tcp, 88, "rejected", "A firewall or router that sent the error forbids it"),
        (FAR, Udp, 1050, "rejected", "A firewall or router that sent the error forbids it"),
        (FAR, Tcp, 80, "unanswered", "The host is alive"),
        (FAR, Tcp, 1900, "refused", "The host answers, but refuses"),
        ("10.79.9.3", Tcp, 1901, "rejected", "A router knows the network but got no answer"),
    ] {
        assert_eq!(said(survey, GATEWAY, server, transport, port)[..3], ["documented", "", outcome], "{server} {port}");
        let mut found = of_kind(survey, "blocked");
        found.retain(|it| is_about(it, server) && (it.transport, it.server_port) == (Some(transport), Some(port)));
        assert_eq!(found.len(), 1, "{server} {port}");
        assert!(found[0].words.advice.starts_with(cause), "{server} {port}: {}", found[0].words.advice);
    }
    // The router's error names it; the packet is the one that tcpdump numbered.
    assert!(
        finding(survey, "blocked", FAR, 88).words.detail.contains("10.79.0.254 sent port unreachable (type 3 code 3)")
    );
    let absent = &of_kind(survey, "never-heard")[0];
    absent.says(&["10.79.0.3 was asked for by ARP"]);
}

#[test]
fn what_filters_do_is_told_by_its_cause() {
    try_out("blocked", &["nft", "iptables", "curl", "python3"], play_blocked, check_blocked);
}

/// Where no lab can be made, the captures of an earlier run say the same.
#[test]
fn the_samples_of_real_programs_are_judged_right() {
    for (name, check) in [
        ("coap", check_coap as fn(&Survey)),
        ("tftp-hpa", check_tftp),
        ("upnp", check_upnp),
        ("bacnet", check_bacnet),
        ("blocked", check_blocked),
    ] {
        hold_sample(name, check);
    }
}
