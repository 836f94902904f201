//! What can be captured on.

use std::net::IpAddr;

use super::LiveError;
use crate::capture::load_libpcap;

/// An interface that libpcap can capture on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaptureDevice {
    /// Its name, as `live -i` takes it.
    pub name: String,
    /// What the system says it is; empty if nothing.
    pub description: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether it is switched on.
    pub is_up: bool,
    /// Whether it has a link, where that can be said.
    pub has_link: Option<bool>,
    /// Whether it is the machine talking to itself.
    pub is_loopback: bool,
}

/// All interfaces, as libpcap orders them.
///
/// # Errors
/// When libpcap cannot list them.
pub fn devices() -> Result<Vec<CaptureDevice>, LiveError> {
    load_libpcap::ready().map_err(LiveError::Missing)?;
    let list = pcap::Device::list().map_err(|error| LiveError::List { reason: error.to_string() })?;
    Ok(list.into_iter().map(device).collect())
}

/// What a word of the command line means among the interfaces that there are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Choice {
    /// The interface of this name.
    One(String),
    /// None of those listed; libpcap may know it all the same.
    Unknown,
    /// The names of several that fit.
    Several(Vec<String>),
}

/// Which interface is meant: by its name, its number in the list (from 1), one of its addresses, or its description,
/// whole or a part of it that no other has. Capital letters do not matter in a description.
pub fn choose(wanted: &str, devices: &[CaptureDevice]) -> Choice {
    let by_name = devices.iter().find(|device| device.name == wanted);
    let by_number = || wanted.parse::<usize>().ok()?.checked_sub(1).and_then(|at| devices.get(at));
    let by_address = || {
        let address: IpAddr = wanted.parse().ok()?;
        devices.iter().find(|device| device.addresses.contains(&address))
    };
    if let Some(device) = by_name.or_else(by_number).or_else(by_address) {
        return Choice::One(device.name.clone());
    }
    let wanted = wanted.to_lowercase();
    let described = |fits: &dyn Fn(&str) -> bool| -> Vec<String> {
        let fitting = devices.iter().filter(|device| fits(&device.description.to_lowercase()));
        fitting.map(|device| device.name.clone()).collect()
    };
    let whole = described(&|description| description == wanted);
    let fitting = if whole.is_empty() { described(&|description| description.contains(&wanted)) } else { whole };
    match <[String; 1]>::try_from(fitting) {
        Ok([name]) => Choice::One(name),
        Err(none) if none.is_empty() => Choice::Unknown,
        Err(several) => Choice::Several(several),
    }
}

fn device(device: pcap::Device) -> CaptureDevice {
    let has_link = match device.flags.connection_status {
        pcap::ConnectionStatus::Connected => Some(true),
        pcap::ConnectionStatus::Disconnected => Some(false),
        pcap::ConnectionStatus::Unknown | pcap::ConnectionStatus::NotApplicable => None,
    };
    CaptureDevice {
        addresses: device.addresses.iter().map(|address| address.addr).collect(),
        description: device.desc.unwrap_or_default(),
        is_up: device.flags.is_up(),
        has_link,
        is_loopback: device.flags.is_loopback(),
        name: device.name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(name: &str, description: &str, address: &str) -> CaptureDevice {
        CaptureDevice {
            name: name.to_owned(),
            description: description.to_owned(),
            addresses: vec![address.parse().unwrap()],
            is_up: true,
            has_link: Some(true),
            is_loopback: false,
        }
    }

    #[test]
    fn an_interface_is_chosen_by_name_number_address_or_description() {
        let devices = [
            described(r"\Device\NPF_{A}", "Intel(R) Ethernet Connection", "10.0.0.7"),
            described(r"\Device\NPF_{B}", "Realtek USB GbE", "fe80::1"),
            described("2", "Realtek USB GbE #2", "10.0.0.9"),
        ];
        let one = |at: usize| Choice::One(devices[at].name.clone());
        assert_eq!(choose(r"\Device\NPF_{B}", &devices), one(1));
        assert_eq!(choose("1", &devices), one(0));
        assert_eq!(choose("2", &devices), one(2), "a name goes before a number");
        assert_eq!(choose("10.0.0.7", &devices), one(0));
        assert_eq!(choose("fe80::1", &devices), one(1));
        assert_eq!(choose("intel", &devices), one(0));
        assert_eq!(choose("Realtek usb gbe", &devices), one(1), "the whole description goes before a part of it");
        assert_eq!(choose("Realtek", &devices), Choice::Several(vec![devices[1].name.clone(), "2".to_owned()]));
        for unknown in ["0", "4", "any", "10.0.0.8", "eth0"] {
            assert_eq!(choose(unknown, &devices), Choice::Unknown, "{unknown}");
        }
        assert_eq!(choose("", &[]), Choice::Unknown);
    }
}
