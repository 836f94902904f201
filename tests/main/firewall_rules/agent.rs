//! What runs in each host of the lab: listens on every port, and connects where it is told.

use std::collections::BTreeSet;
use std::io::{BufRead, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::facts::Facts;

/// The host's own addresses, separated by blanks. Set for agents only.
pub(super) const ADDRESSES: &str = "IGORSCOPE_LAB_ADDRESSES";

/// How long a probe waits. Lost SYNs are sent again after one second and after three.
const PATIENCE: Duration = Duration::from_millis(2500);

type Heard = Arc<Mutex<BTreeSet<String>>>;

/// Not a test: the lab starts the test program itself in each namespace, with this name.
#[test]
fn agent() {
    let Ok(addresses) = std::env::var(ADDRESSES) else { return };
    let heard = Heard::default();
    for address in addresses.split(' ').map(|address| address.parse::<IpAddr>().unwrap()) {
        // Groups and broadcasts reach only who listens on every address.
        let listen = if address.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { address };
        for (transport, port) in Facts::read().ports() {
            let at = SocketAddr::new(listen, port);
            match transport {
                "tcp" => serve_tcp(TcpListener::bind(at).unwrap()),
                _ => serve_udp(UdpSocket::bind(at).unwrap(), address, heard.clone()),
            }
        }
    }
    say(&format!("{} ready", addresses.replace(' ', "+")));
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let heard = heard.clone();
        small(move || {
            let words: Vec<&str> = line.split(' ').collect();
            let to = || SocketAddr::new(words[2].parse().unwrap(), words[3].parse().unwrap());
            let answer = match words[1] {
                "tcp" => ok(tcp(to())),
                "udp" => ok(udp(to())),
                "tftp" => ok(tftp(to())),
                "ssdp" => ssdp(to()),
                "shout" => return shout(to(), words[4]),
                "heard" => ok(was_heard(&heard, words[2])),
                other => panic!("{other}"),
            };
            say(&format!("{} {answer}", words[0]));
        });
    }
    std::process::exit(0);
}

/// One write for the line: other threads print, too.
fn say(line: &str) {
    let _ = std::io::stdout().lock().write_all(format!("\n@{line}\n").as_bytes());
}

fn ok(passed: bool) -> String {
    if passed { "ok" } else { "no" }.to_owned()
}

/// A thread with a small stack: there are hundreds.
fn small(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(128 * 1024).spawn(work).unwrap();
}

fn serve_tcp(listener: TcpListener) {
    small(move || {
        for stream in listener.incoming().flatten() {
            let _ = (&stream).write_all(b"pong");
        }
    });
}

fn serve_udp(socket: UdpSocket, own: IpAddr, heard: Heard) {
    let port = socket.local_addr().unwrap().port();
    if let (IpAddr::V4(own), 1900) = (own, port) {
        socket.join_multicast_v4(&Ipv4Addr::new(239, 255, 255, 250), &own).unwrap();
    }
    small(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            let fresh = || UdpSocket::bind(SocketAddr::new(own, 0)).unwrap();
            match &buffer[..length] {
                // SSDP may be answered from any port, TFTP is from a fresh one (RFC 1350 section 4).
                request if request.starts_with(b"M-SEARCH") => drop(fresh().send_to(b"HTTP/1.1 200 OK\r\n", client)),
                [0, 1, ..] => small({
                    let transfer = fresh();
                    move || send_file(&transfer, client)
                }),
                mark if mark.starts_with(b"mark ") => {
                    heard.lock().unwrap().insert(String::from_utf8_lossy(&mark[5..]).into_owned());
                }
                _ => drop(socket.send_to(b"pong", client)),
            }
        }
    });
}

/// Block 1, whole, and block 2, empty, each after the one before was acknowledged.
fn send_file(transfer: &UdpSocket, client: SocketAddr) {
    let _ = transfer.set_read_timeout(Some(PATIENCE));
    let mut ack = [0; 16];
    let mut first = vec![0, 3, 0, 1];
    first.resize(516, b'x');
    let _ = transfer.send_to(&first, client);
    if let Ok((4, from)) = transfer.recv_from(&mut ack)
        && from == client
        && ack[..4] == [0, 4, 0, 1]
    {
        let _ = transfer.send_to(&[0, 3, 0, 2], client);
    }
}

fn any(to: SocketAddr) -> UdpSocket {
    let unspecified = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(unspecified).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    socket
}

fn tcp(to: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&to, PATIENCE) else { return false };
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).is_ok() && &answer == b"pong"
}

fn udp(to: SocketAddr) -> bool {
    let socket = any(to);
    let until = Instant::now() + PATIENCE;
    let mut answer = [0; 16];
    while Instant::now() < until {
        // What a rule drops on its way out is an error here; it may pass later no more.
        let _ = socket.send_to(b"ping", to);
        if let Ok((4, from)) = socket.recv_from(&mut answer) {
            return from == to;
        }
        thread::sleep(Duration::from_millis(100));
    }
    false
}

fn tftp(to: SocketAddr) -> bool {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let socket = any(to);
        let _ = socket.send_to(b"\0\x01igor.bin\0octet\0", to);
        let mut data = [0; 600];
        let Ok((516, from)) = socket.recv_from(&mut data) else {
            thread::sleep(Duration::from_millis(100));
            continue;
        };
        let _ = socket.send_to(&[0, 4, 0, 1], from);
        return from.port() != to.port() && matches!(socket.recv_from(&mut data), Ok((4, again)) if again == from);
    }
    false
}

/// Everyone who answers a search, separated by commas.
fn ssdp(to: SocketAddr) -> String {
    let socket = any(to);
    let until = Instant::now() + PATIENCE;
    let mut answer = [0; 600];
    let mut from = BTreeSet::new();
    while Instant::now() < until {
        let _ = socket.send_to(b"M-SEARCH * HTTP/1.1\r\nMX: 1\r\n\r\n", to);
        while let Ok((_, who)) = socket.recv_from(&mut answer) {
            from.insert(who.ip().to_string());
        }
        thread::sleep(Duration::from_millis(100));
    }
    from.into_iter().collect::<Vec<_>>().join(",")
}

fn shout(to: SocketAddr, name: &str) {
    let socket = any(to);
    socket.set_broadcast(true).unwrap();
    for _ in 0..5 {
        let _ = socket.send_to(format!("mark {name}").as_bytes(), to);
        thread::sleep(Duration::from_millis(100));
    }
}

fn was_heard(heard: &Heard, name: &str) -> bool {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if heard.lock().unwrap().contains(name) {
            return true;
        }
        thread::sleep(Duration::from_millis(50));
    }
    false
}
