//! Sends UDP datagrams as fast as asked for, to see what a capture drops. For network namespaces of one's own:
//! `benches/peers/live.sh` makes them.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

/// Packets from one look at the clock to the next.
const BURST: u64 = 32;
/// Client ports that take turns, as a site's nodes do.
const FLOWS: u64 = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let usage = "flood ADDRESS:PORT PACKETS BYTES PACKETS_PER_SECOND (0: as fast as it goes)";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [to, packets, bytes, rate] = arguments.as_slice() else { return Err(usage.into()) };
    let (packets, bytes, rate): (u64, usize, u64) = (packets.parse()?, bytes.parse()?, rate.parse()?);
    let sockets = (0..FLOWS).map(|_| {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.connect(to)?;
        Ok(socket)
    });
    let sockets: Vec<UdpSocket> = sockets.collect::<std::io::Result<_>>()?;
    let payload = vec![0x51; bytes];
    let begin = Instant::now();
    let mut sent = 0;
    for number in 0..packets {
        let socket = &sockets[(number % FLOWS) as usize];
        // Nobody listens: what comes back is an error of the packet before.
        sent += u64::from(socket.send(&payload).or_else(|_| socket.send(&payload)).is_ok());
        if rate > 0 && number % BURST == 0 {
            let due = Duration::from_secs_f64(number as f64 / rate as f64);
            while begin.elapsed() < due {
                std::hint::spin_loop();
            }
        }
    }
    println!("{sent} {:.0}", sent as f64 / begin.elapsed().as_secs_f64());
    Ok(())
}
