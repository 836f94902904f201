//! Whether an interface has a link. libpcap waits in silence while it has none, and what others send meanwhile is
//! missing from the capture like what was dropped.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::capture::{Outages, Timestamp};

/// Time from one look to the next, and so how exact the times of an outage are.
const LOOK: Duration = Duration::from_secs(1);

/// Looks at what Linux tells of an interface in sysfs; where there is none, nothing is known and nothing is said.
pub(super) struct LinkWatch {
    folder: Option<PathBuf>,
    next: Instant,
    last: Option<LinkState>,
    last_at: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct LinkState {
    has_link: bool,
    /// How often it came and went since the interface was made.
    changes: u64,
}

impl LinkWatch {
    pub(super) fn new(interface: &str) -> Self {
        let folder = Path::new("/sys/class/net").join(interface);
        Self::of(is_ours(interface, &folder).then_some(folder))
    }

    fn of(folder: Option<PathBuf>) -> Self {
        Self { folder, next: Instant::now(), last: None, last_at: Timestamp::UNKNOWN }
    }

    /// Looks, if it is time, and writes down what changed since.
    pub(super) fn look(&mut self, outages: &mut Outages) {
        if Instant::now() >= self.next {
            self.next = Instant::now() + LOOK;
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let now = Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
            self.look_at(now, outages);
        }
    }

    fn look_at(&mut self, now: Timestamp, outages: &mut Outages) {
        let Some(state) = self.state() else { return };
        let had_link = self.last.is_none_or(|last| last.has_link);
        match (had_link, state.has_link) {
            (true, false) => outages.begin(now),
            (false, true) => outages.end(now),
            // It went and came between two looks.
            (true, true) if self.last.is_some_and(|last| last.changes != state.changes) => {
                outages.begin(self.last_at);
                outages.end(now);
            }
            _ => {}
        }
        (self.last, self.last_at) = (Some(state), now);
    }

    fn state(&self) -> Option<LinkState> {
        let folder = self.folder.as_ref()?;
        let changes = fs::read_to_string(folder.join("carrier_changes")).ok()?.trim().parse().ok()?;
        // Of an interface that is down, this file cannot be read.
        let carrier = fs::read_to_string(folder.join("carrier"));
        Some(LinkState { has_link: carrier.is_ok_and(|text| text.trim() == "1"), changes })
    }
}

/// In a namespace of its own, sysfs may be that of another, with another interface of this name.
#[cfg(unix)]
fn is_ours(interface: &str, folder: &Path) -> bool {
    let told = fs::read_to_string(folder.join("ifindex"));
    let index = nix::net::if_::if_nametoindex(interface);
    told.is_ok_and(|told| index.is_ok_and(|index| told.trim() == index.to_string()))
}

#[cfg(not(unix))]
fn is_ours(_: &str, _: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Linux writes it: no carrier can be read of an interface that is down.
    fn write(folder: &Path, carrier: Option<&str>, changes: u64) {
        fs::write(folder.join("carrier_changes"), format!("{changes}\n")).unwrap();
        match carrier {
            Some(carrier) => fs::write(folder.join("carrier"), carrier).unwrap(),
            None => drop(fs::remove_file(folder.join("carrier"))),
        }
    }

    #[test]
    fn outages_have_times() {
        let folder = tempfile::tempdir().unwrap();
        let at = Timestamp::from_nanos;
        let mut watch = LinkWatch::of(Some(folder.path().to_owned()));
        let mut outages = Outages::default();
        let steps = [
            (Some("1\n"), 2),
            (Some("1\n"), 2),
            (None, 3),
            (None, 3),
            (Some("1\n"), 4),
            (Some("1\n"), 6), // a second outage, shorter than from look to look
            (Some("0\n"), 7),
        ];
        for ((carrier, changes), now) in steps.into_iter().zip(1..) {
            write(folder.path(), carrier, changes);
            watch.look_at(at(now), &mut outages);
        }
        let times = vec![(at(3), Some(at(5))), (at(5), Some(at(6))), (at(7), None)];
        assert_eq!(outages, Outages { number: 3, times });
    }

    #[test]
    fn nothing_is_known_of_what_sysfs_does_not_name() {
        let mut outages = Outages::default();
        LinkWatch::of(None).look_at(Timestamp::from_nanos(1), &mut outages);
        assert_eq!(outages, Outages::default());
    }

    #[test]
    fn an_interface_whose_link_comes_and_goes_costs_no_memory() {
        let mut outages = Outages::default();
        for now in 0..1000 {
            outages.begin(Timestamp::from_nanos(now));
            outages.end(Timestamp::from_nanos(now + 1));
        }
        assert_eq!((outages.number, outages.times.len()), (1000, 16));
        assert_eq!(outages.times.last(), Some(&(Timestamp::from_nanos(15), Some(Timestamp::from_nanos(16)))));
    }
}
