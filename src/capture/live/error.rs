//! Why an interface cannot be captured on, and what to type.

use crate::capture::load_libpcap::Missing;

/// An interface that could not be opened.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LiveError {
    /// There is no libpcap.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// Several fit what was asked for.
    #[error("{wanted} may be any of {}; give the name or the number that `igorscope interfaces` shows", names.join(", "))]
    Several {
        /// As it was asked for.
        wanted: String,
        /// Names of those that fit.
        names: Vec<String>,
    },
    /// There is none of that name.
    #[error("there is no interface {interface}; `igorscope interfaces` lists what there is")]
    NoSuchInterface {
        /// As it was named.
        interface: String,
    },
    /// The right to capture is missing.
    #[error("{}", may_not(interface))]
    MayNot {
        /// Its name.
        interface: String,
    },
    /// The filter is not understood.
    #[error(
        "the filter \"{filter}\" cannot be used on {interface}: {reason}; see pcap-filter(7), for example \"host 10.0.0.7 and udp port 5683\""
    )]
    Filter {
        /// As it was given.
        filter: String,
        /// The interface's name.
        interface: String,
        /// What libpcap says.
        reason: String,
    },
    /// Anything else.
    #[error("cannot capture on {interface}: {reason}")]
    Open {
        /// Its name.
        interface: String,
        /// What libpcap says.
        reason: String,
    },
    /// The interfaces cannot be listed.
    #[error("cannot list the interfaces: {reason}")]
    List {
        /// What libpcap says.
        reason: String,
    },
}

impl LiveError {
    /// libpcap tells kinds of errors apart by their words only.
    pub(super) fn of_opening(interface: &str, error: pcap::Error) -> Self {
        let (interface, reason) = (interface.to_owned(), error.to_string());
        let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
        if says(&["No such device"]) {
            Self::NoSuchInterface { interface }
        } else if says(&["permission", "Permission", "not permitted"]) {
            Self::MayNot { interface }
        } else {
            Self::Open { interface, reason }
        }
    }
}

fn may_not(interface: &str) -> String {
    let program = std::env::current_exe().map_or_else(|_| "igorscope".into(), |path| path.display().to_string());
    let advice = if cfg!(windows) {
        "Open the console by \"Run as administrator\", or install Npcap again without limiting it to Administrators"
            .into()
    } else if cfg!(target_os = "linux") {
        format!(
            "Type this once, and try again:\n  \
             sudo setcap cap_net_raw,cap_net_admin=eip '{program}'\n\
             or run it by sudo, which igorscope gives up as soon as the interface is open:\n  \
             sudo '{program}' live -i {interface}"
        )
    } else {
        format!("Run it by sudo:\n  sudo '{program}' live -i {interface}")
    };
    format!("may not capture on {interface}: the right to is missing. {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libpcaps_words_are_understood() {
        let of = |words: &str| LiveError::of_opening("eth1", pcap::Error::PcapError(words.to_owned()));
        // libpcap 1.10, pcap-linux.c.
        assert!(matches!(of("eth1: No such device exists (No such device exists)"), LiveError::NoSuchInterface { .. }));
        assert!(matches!(of("socket: Operation not permitted"), LiveError::MayNot { .. }));
        let denied = of("eth1: You don't have permission to perform this capture on that device");
        assert!(denied.to_string().contains("eth1"), "{denied}");
        assert!(matches!(of("eth1: That device is not up"), LiveError::Open { .. }));
    }
}
