//! How many flows may be kept by default: as many as the memory of the machine, or of its control group, holds. What is free
//! at the moment plays no part, so that a machine answers the same each time.

use std::fs;
use std::path::Path;

/// Bytes that a flow takes in all, results being written, with room to spare.
const PER_FLOW: u64 = 1024;
/// Flows where the memory is not known, and the least and the most that are a default.
const UNKNOWN: usize = 1 << 22;
const RANGE: (u32, u32) = (16, 26);

/// The default of `--max-flows`: a power of two.
pub(super) fn usual_flows() -> usize {
    total().map_or(UNKNOWN, flows_in)
}

fn flows_in(bytes: u64) -> usize {
    let bits = (bytes / PER_FLOW).checked_ilog2().unwrap_or(0).clamp(RANGE.0, RANGE.1);
    1 << bits
}

/// Bytes of memory of the machine, or of the control group if that has less.
#[cfg(windows)]
fn total() -> Option<u64> {
    super::windows::memory()
}

#[cfg(not(windows))]
fn total() -> Option<u64> {
    let machine = read("/proc/meminfo").and_then(|text| meminfo(&text));
    let own = read("/proc/self/cgroup").unwrap_or_default();
    [machine, group(&own, read)].into_iter().flatten().min()
}

#[cfg_attr(windows, allow(dead_code))]
fn read(path: &str) -> Option<String> {
    fs::read_to_string(Path::new(path)).ok()
}

/// proc_meminfo(5): `MemTotal:  24690412 kB`.
#[cfg_attr(windows, allow(dead_code))]
fn meminfo(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The least limit of the control groups that the process is in (cgroups(7)); version 2, else version 1.
#[cfg_attr(windows, allow(dead_code))]
fn group(own: &str, read: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let number = |text: String| text.trim().parse::<u64>().ok();
    let limits = own.lines().filter_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            names if names.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => return None,
        };
        // A limit of a group above holds too; inside a container the paths may begin at its own group.
        let above = Path::new(path).ancestors().map(|path| path.to_string_lossy().trim_end_matches('/').to_owned());
        above.filter_map(|path| read(&format!("{root}{path}/{file}")).and_then(number)).min()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_rounded_down_to_a_power_of_two_of_flows() {
        assert_eq!(flows_in(24 << 30), 1 << 24);
        assert_eq!(flows_in(16 << 30), 1 << 24);
        assert_eq!(flows_in((16 << 30) - 1), 1 << 23);
        assert_eq!(flows_in(1 << 20), 1 << 16, "no less");
        assert_eq!(flows_in(u64::MAX), 1 << 26, "no more");
        assert!(usual_flows().is_power_of_two());
    }

    #[test]
    fn the_least_limit_holds() {
        assert_eq!(meminfo("MemFree: 3 kB\nMemTotal:       24690412 kB\n"), Some(24_690_412 * 1024));
        assert_eq!(meminfo("MemTotal: much\n"), None);
        let files = |path: &str| {
            let text = match path {
                "/sys/fs/cgroup/a/b/memory.max" => "max\n",
                "/sys/fs/cgroup/a/memory.max" => "1073741824\n",
                "/sys/fs/cgroup/memory/old/memory.limit_in_bytes" => "536870912\n",
                _ => return None,
            };
            Some(text.to_owned())
        };
        assert_eq!(group("0::/a/b\n", files), Some(1 << 30));
        assert_eq!(group("5:cpu,memory:/old\n4:pids:/a\n", files), Some(1 << 29));
        assert_eq!(group("0::/elsewhere\n\nodd", files), None);
    }
}
