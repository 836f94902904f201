//! What states hold of frames that are no packets of a flow: which number stands for which layer, reason and kind.

use super::{MacAddr, NonIp, Stop, StopLayer, StopReason, TcpFlags, TunnelKind, VlanPath};
use crate::state::{Broken, Load, Stored, coded, store_list, stored};

/// Most tags of a frame that are loaded: no frame has room for more of them.
const MOST_TAGS: usize = 1 << 14;

coded!(StopLayer {
    0: Link,
    1: Ethernet,
    2: Vlan,
    3: Llc,
    4: Sll,
    5: Sll2,
    6: Null,
    7: Pppoe,
    8: Ppp,
    9: Mpls,
    10: Radiotap,
    11: Wlan,
    12: Macsec,
    13: Arp,
    14: Ipv4,
    15: Ipv6,
    16: Ipv6Extension,
    17: Tcp,
    18: Udp,
    19: Icmp,
    20: Icmpv6,
    21: Gre,
    22: Erspan,
    23: Vxlan,
    24: Geneve,
    25: Tzsp,
    26: Tunnel,
    27: Nflog,
    28: Prism,
    29: Ppi,
    30: SwitchTag,
    31: Nsh,
    32: Pktap,
    33: Capwap,
    34: GtpU,
    35: L2tp,
});

coded!(StopReason {
    0: CutBySnapLength,
    1: TooShort,
    2: BadLength,
    3: BadVersion,
    4: TooDeep,
    5: Unsupported,
    6: Encrypted,
});

coded!(TunnelKind {
    0: Gre,
    1: ErspanI,
    2: ErspanII,
    3: ErspanIII,
    4: Vxlan,
    5: Geneve,
    6: IpInIp,
    7: Tzsp,
    8: Capwap,
    9: GtpU,
    10: L2tpV3,
});

stored!(Stop { layer, reason });

/// The kind, and up to two numbers.
impl Stored for NonIp {
    fn store(&self, to: &mut Vec<u8>) {
        let told: (u8, u32, u16) = match *self {
            Self::Arp => (0, 0, 0),
            Self::Rarp => (1, 0, 0),
            Self::Lldp => (2, 0, 0),
            Self::Cdp => (3, 0, 0),
            Self::Stp => (4, 0, 0),
            Self::Eapol => (5, 0, 0),
            Self::PppoeDiscovery => (6, 0, 0),
            Self::Macsec => (7, 0, 0),
            Self::SlowProtocols => (8, 0, 0),
            Self::Ptp => (9, 0, 0),
            Self::Wlan => (10, 0, 0),
            Self::WlanAggregate => (11, 0, 0),
            Self::EncryptedWlan => (12, 0, 0),
            Self::Ppp(b) => (13, 0, b),
            Self::Snap(a, b) => (14, a, b),
            Self::Llc(sap) => (15, 0, sap.into()),
            Self::EtherType(b) => (16, 0, b),
            Self::UnknownTag(b) => (17, 0, b),
            Self::LinkType(b) => (18, 0, b),
            Self::AddressFamily(a) => (19, a, 0),
            Self::Opaque => (20, 0, 0),
        };
        told.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        Ok(match from.get::<(u8, u32, u16)>()? {
            (0, 0, 0) => Self::Arp,
            (1, 0, 0) => Self::Rarp,
            (2, 0, 0) => Self::Lldp,
            (3, 0, 0) => Self::Cdp,
            (4, 0, 0) => Self::Stp,
            (5, 0, 0) => Self::Eapol,
            (6, 0, 0) => Self::PppoeDiscovery,
            (7, 0, 0) => Self::Macsec,
            (8, 0, 0) => Self::SlowProtocols,
            (9, 0, 0) => Self::Ptp,
            (10, 0, 0) => Self::Wlan,
            (11, 0, 0) => Self::WlanAggregate,
            (12, 0, 0) => Self::EncryptedWlan,
            (13, 0, b) => Self::Ppp(b),
            (14, a, b) => Self::Snap(a, b),
            (15, 0, sap @ 0..=0xff) => Self::Llc(sap as u8),
            (16, 0, b) => Self::EtherType(b),
            (17, 0, b) => Self::UnknownTag(b),
            (18, 0, b) => Self::LinkType(b),
            (19, a, 0) => Self::AddressFamily(a),
            (20, 0, 0) => Self::Opaque,
            _ => return Err(from.wrong("there is a number that stands for no kind of frame")),
        })
    }
}

stored!(MacAddr(octets));

stored!(TcpFlags(bits));

/// The tags, the outermost first.
impl Stored for VlanPath {
    fn store(&self, to: &mut Vec<u8>) {
        let tags: Vec<u16> = self.iter().collect();
        store_list(tags.iter(), to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let mut path = Self::default();
        path.extend(from.list::<Vec<u16>>(MOST_TAGS, "a VLAN path is too long")?.into_iter());
        Ok(path)
    }
}
