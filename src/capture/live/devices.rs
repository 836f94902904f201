//! What can be captured on.

use std::net::IpAddr;

use super::LiveError;

/// An interface that libpcap can capture on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Device {
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
pub fn devices() -> Result<Vec<Device>, LiveError> {
    let list = pcap::Device::list().map_err(|error| LiveError::List { reason: error.to_string() })?;
    Ok(list.into_iter().map(device).collect())
}

fn device(device: pcap::Device) -> Device {
    let has_link = match device.flags.connection_status {
        pcap::ConnectionStatus::Connected => Some(true),
        pcap::ConnectionStatus::Disconnected => Some(false),
        pcap::ConnectionStatus::Unknown | pcap::ConnectionStatus::NotApplicable => None,
    };
    Device {
        addresses: device.addresses.iter().map(|address| address.addr).collect(),
        description: device.desc.unwrap_or_default(),
        is_up: device.flags.is_up(),
        has_link,
        is_loopback: device.flags.is_loopback(),
        name: device.name,
    }
}
