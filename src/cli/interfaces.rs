//! `interfaces`: what can be captured on.

use super::exit::{Failure, Outcome, Status};
use super::terminal::print;
use crate::capture::live::{CaptureDevice, devices};
use crate::text::visible;

pub(super) fn run() -> Outcome {
    let devices = devices().map_err(Failure::unusable)?;
    if devices.is_empty() {
        return Err(Failure::usage(if cfg!(windows) {
            "no interface can be captured on; where Npcap was installed for Administrators only, open the console by \
             \"Run as administrator\""
        } else {
            "no interface can be captured on; the right to may be missing: try `sudo igorscope interfaces`"
        }));
    }
    let lines: Vec<[String; 4]> = devices.iter().map(line).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let (name, state, addresses, description) = (width(0), width(1), width(2).min(48), width(3));
    print(|out| {
        for ([a, b, c, d], number) in lines.iter().zip(1..) {
            // Windows' names are long and say nothing to anybody.
            let text = match cfg!(windows) {
                true => format!("{number:>2}  {d:description$}  {b:state$}  {c:addresses$}  {a}"),
                false => format!("{a:name$}  {b:state$}  {c:addresses$}  {d}"),
            };
            writeln!(out, "{}", text.trim_end())?;
        }
        Ok(())
    })?;
    Ok(Status::Good)
}

/// Name, state, addresses, description.
fn line(device: &CaptureDevice) -> [String; 4] {
    let state = match (device.is_up, device.has_link) {
        (false, _) => "down",
        (true, Some(false)) => "no link",
        (true, Some(true)) => "up, link",
        (true, None) => "up",
    };
    let addresses: Vec<String> = device.addresses.iter().map(ToString::to_string).collect();
    let kind = if device.is_loopback { "this machine with itself" } else { &device.description };
    [visible(&device.name).into_owned(), state.into(), addresses.join(" "), visible(kind).into_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_state_and_addresses() {
        let device = CaptureDevice {
            name: "eth1".into(),
            description: "Mirror\u{1b}[2J".into(),
            addresses: vec!["10.0.0.7".parse().unwrap(), "fe80::1".parse().unwrap()],
            is_up: true,
            has_link: Some(false),
            is_loopback: false,
        };
        assert_eq!(line(&device), ["eth1", "no link", "10.0.0.7 fe80::1", "Mirror\\x1b[2J"]);
    }
}
