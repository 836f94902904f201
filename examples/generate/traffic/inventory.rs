//! The inventory that goes with the sample site survey.

use std::fmt::Write;

use super::site::{NODES, Site};
use super::wire::Host;

const HEAD: &str = "\
# The inventory of the sample site: igorscope analyze captures/site-survey.pcapng --inventory captures/site-survey.toml
# `address` takes an address, a block, a range, a MAC address or a MAC prefix; the most specific entry wins.

site-name = \"Sample site\"
site = [\"10.20.0.0/16\", \"10.30.0.0/24\"]
";

fn device(out: &mut String, host: Host, mac: bool, role: &str, name: &str, version: Option<&str>) {
    let [a, b, c, d, e, f] = host.mac;
    // Writing to a String cannot fail.
    let _ = write!(out, "\n[[device]]\naddress = \"{}\"\n", host.ip);
    if mac {
        let _ = writeln!(out, "mac = \"{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}\"");
    }
    let _ = writeln!(out, "role = \"{role}\"\nname = \"{name}\"");
    if let Some(version) = version {
        let _ = writeln!(out, "version = \"{version}\"");
    }
}

pub(crate) fn toml() -> String {
    let site = Site::new();
    let mut out = HEAD.to_owned();
    device(&mut out, site.gateway, true, "gateway", "gateway", Some("1.12.4"));
    device(&mut out, site.bacnet, true, "bacnet", "head-end", None);
    device(&mut out, site.controller, true, "bacnet", "controller", None);
    for number in 1..=NODES {
        // Node 27 is older than the vendor's document covers (3.1.0).
        let version = if number == 27 { "3.0.2" } else { "3.1.4" };
        device(&mut out, site.node(number), true, "node", &format!("node-{number:02}"), Some(version));
    }
    device(&mut out, site.router, false, "host", "router", None);
    device(&mut out, site.pc, true, "host", "office-pc", None);
    out
}
