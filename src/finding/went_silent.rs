//! `went-silent`: devices that were silent for much longer than they usually are.

use std::fmt::Write as _;

use super::devices::{Affected, Trouble, grouped};
use super::phrases::{lasting, second};
use super::silences::{Quiet, Silence};
use super::{Context, Finding, Judged, Replace, SilentTime, Who};
use crate::capture::Timestamp;
use crate::policy::FindingKind;
use crate::verdict::{Doubts, Observations};

/// How often a device is heard, and when it was not.
#[derive(Clone, Debug)]
struct SilentDevice {
    /// Seconds: its usual gap.
    usual: u64,
    /// Seconds: the gap in the middle.
    median: u64,
    number: usize,
    had_more: bool,
    longest: Silence,
    /// Since when it was not heard again.
    gone: Option<Timestamp>,
    /// Those that are told of no moment.
    own: Vec<Silence>,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    let is_told = |device: &&Quiet| device.silences.iter().any(|silence| !silence.is_shared);
    let told = judged.silences().devices.iter().filter(is_told).filter_map(|device| of(seen, device));
    // How a device stands hangs on whether it came back: these are told apart.
    let (back, gone) = told.partition(|device: &Affected<SilentDevice>| device.what.gone.is_none());
    [gone, back].into_iter().flat_map(|devices| grouped(seen, devices)).collect()
}

fn of(seen: &Observations<'_>, quiet: &Quiet) -> Option<Affected<SilentDevice>> {
    let host = seen.hosts.at(quiet.address)?;
    let longest = *quiet.silences.first()?;
    let gone = quiet.silences.iter().find(|silence| silence.lasts).map(|silence| silence.pause.start);
    let [usual, median] = [quiet.usual, quiet.median].map(|gap| gap.saturating_add(500_000_000) / 1_000_000_000);
    let own = quiet.silences.iter().filter(|silence| !silence.is_shared).copied().collect();
    let what =
        SilentDevice { usual, median, number: quiet.silences.len(), had_more: quiet.had_more, longest, gone, own };
    let pauses = quiet.silences.iter().map(|silence| silence.pause);
    let times = (pauses.clone().map(|pause| pause.start).min()?, pauses.map(|pause| pause.end).max()?);
    Some(Affected::host(host, host.packets_sent, times, what))
}

/// `120 s`, `10 minutes`.
fn every(seconds: u64) -> String {
    match seconds {
        0 | 1 => "every second".to_owned(),
        2..120 => format!("every {seconds} s"),
        _ => format!("every {} minutes", seconds / 60),
    }
}

impl Trouble for SilentDevice {
    const KIND: FindingKind = FindingKind::WentSilent;
    const ADVICE: &'static str = "See what happened at that time to the device's power, cable and switch port, and whether \
                                  it restarted: the log of the switch, LLDP and PoE of that port, and its uptime.";
    const NEXT: &'static str = "See the device's uptime and the log of its switch port";
    const HEADING: &'static str =
        "A device sent no IP packet for much longer than is usual for it, while others were heard.";
    const HEADINGS: &'static str =
        "{number} devices sent no IP packet for much longer than is usual for them, while others were heard.";

    fn sentence(&self, who: Who, context: &Context<'_>) -> String {
        let Silence { pause, lasts, is_asked, speaks_arp, .. } = self.longest;
        let (start, end, length) = (second(pause.start), second(pause.end), lasting(pause.start, pause.end));
        let number = match (self.number, self.had_more) {
            (1, false) => "once".to_owned(),
            (number, false) => format!("{number} times, the longest time"),
            (number, true) => format!("more than {number} times, the longest time"),
        };
        let until = match lasts {
            true => format!("at {start}, and was not heard again until the capture ended at {end}, {length} later"),
            false => format!("from {start} to {end}, for {length}"),
        };
        let though = match is_asked {
            true => "it was asked meanwhile".to_owned(),
            false => format!("it speaks by itself {}", every(self.median)),
        };
        let mut text = format!(
            "{who}{} is heard {} or sooner; it went silent {number} {until}, though {though}.",
            context.name(who),
            every(self.usual)
        );
        if speaks_arp {
            text.push_str(" It still spoke ARP then: it had power and a link.");
        }
        if let Some(gone) = self.gone.filter(|_| !lasts) {
            let _ = write!(text, " Since {} it was not heard again until the capture ended.", second(gone));
        }
        text
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        format!("{} without an IP packet", lasting(self.longest.pause.start, self.longest.pause.end))
    }

    fn filter(&self, who: Who) -> String {
        match who {
            Who::Address(address) if address.is_ipv6() => format!("ipv6.src == {address}"),
            Who::Address(address) => format!("ip.src == {address}"),
            Who::Mac(mac) => format!("eth.src == {mac}"),
        }
    }

    fn replaced(&self, _: &dyn Replace) -> Self {
        self.clone()
    }

    fn silence(&self) -> Option<Timestamp> {
        self.gone
    }

    fn silent_times(&self, who: Who) -> Vec<SilentTime> {
        self.own.iter().map(|silence| silence.of(who)).collect()
    }

    fn doubts(seen: &Observations<'_>, finding: &Finding) -> Doubts {
        seen.missing.of_silence(finding.first, finding.last, 1)
    }
}
