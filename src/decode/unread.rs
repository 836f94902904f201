//! What is known of layers below IP that are not read: the numbers of protocols that carry no IP, and the names of those
//! that may.

use super::non_ip::NonIp;
use super::stop::{Stop, StopLayer, StopReason};

/// A layer below IP at which decoding stopped, though IP may be behind it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Unread {
    /// Whose number it is: `ethertype`, `link-type`, `llc`, ... as it stands in survey.json.
    pub kind: &'static str,
    /// The number, if the kind has more than one.
    pub number: Option<u32>,
    /// What is known by that number; empty if nothing is.
    pub name: &'static str,
    /// Whether an IP header plausibly stands behind it.
    pub before_ip: bool,
    /// Where and why decoding of its frames stopped.
    pub stop: Stop,
}

/// EtherTypes of protocols that carry no IP (IEEE 802 numbers): frames of these are read to their end. Those with a layer
/// or a name of their own are in the decoder's table.
const WITHOUT_IP: &[u16] = &[
    // Networks of old: DEC, AppleTalk, IPX; Cisco's keepalive, discovery and others on serial lines and in GRE.
    0x2000, 0x2001, 0x2003, 0x2004, 0x6000, 0x6001, 0x6002, 0x6003, 0x6004, 0x6005, 0x6006, 0x6007, 0x8035, 0x8038,
    0x809b, 0x80f3, 0x8137, 0x8138,
    // Switches among themselves: loops, discovery, registration, pause, faults, redundancy, teaming, edge control.
    0x22ea, 0x8102, 0x8103, 0x8181, 0x81fd, 0x8808, 0x886d, 0x886f, 0x8899, 0x88ee, 0x88f5, 0x88f6, 0x88fb, 0x8902,
    0x8940, 0x8942, 0x9000, 0x9003,
    // Industry: PROFINET, EtherCAT, Powerlink, IEC 61850, SERCOS, media redundancy, device level ring, TTEthernet, RTnet.
    0x80e1, 0x8892, 0x88a4, 0x88ab, 0x88b8, 0x88b9, 0x88ba, 0x88cd, 0x88e3, 0x891d, 0x9021, 0x9022,
    // Storage and clusters: ATA, Fibre Channel, RDMA, TIPC, LINX, NC-SI.
    0x8906, 0x8911, 0x8914, 0x8915, 0x88a2, 0x88ca, 0x88f8,
    // Homes and cars: power lines, audio and video, IEEE 1905.1, TECMP, eCPRI, 6LoWPAN (whose IP is compressed).
    0x22f0, 0x8819, 0x886c, 0x887b, 0x88e1, 0x8912, 0x893a, 0x99fe, 0xa0ed, 0xaefe,
    // Hosts: Wake-on-LAN, link layer topology discovery, 802.11 management and media independent handover.
    0x0842, 0x88d9, 0x890d, 0x8917,
];

/// EtherTypes that may have IP behind them and are not taken off.
const MAY_CARRY_IP: &[(u16, &str)] = &[
    (0x22f3, "TRILL"),
    (0x4305, "B.A.T.M.A.N. mesh"),
    (0x8847, "MPLS with another payload"),
    (0x8874, "Broadcom tag"),
    (0x88b5, "local experiments"),
    (0x88b6, "local experiments"),
    (0x88b7, "OUI extended"),
    (0x88bb, "LWAPP"),
    (0x88dc, "WAVE short messages"),
    (0x8903, "Cisco FabricPath"),
    (0x8909, "Cisco MetaData"),
    (0x894f, "NSH"),
    (0xbbbb, "LWAPP"),
    (0xd28b, "Arista"),
    (0xdada, "Marvell EDSA"),
    (0xf1c1, "frame replication (IEEE 802.1CB)"),
];

/// LLC service access points that carry no IP (IEEE 802.2): null, management, SNA, PROWAY, EIA RS-511, ISO 8208, XNS,
/// BACnet (ANSI/ASHRAE 135 clause 7), VINES, NetWare, NetBIOS, IBM's management and remote load, ISO, global.
const LLC_WITHOUT_IP: &[u8] = &[
    0x00, 0x02, 0x03, 0x04, 0x05, 0x08, 0x0c, 0x0e, 0x4e, 0x7e, 0x80, 0x82, 0xbc, 0xe0, 0xf0, 0xf4, 0xf8, 0xfc, 0xfe,
    0xff,
];

/// SNAP protocols that carry no IP: Cisco's, HP's, Nortel's, Extreme's and Foundry's discovery, UDLD, DTP, VTP, PAgP, and
/// AppleTalk.
const SNAP_WITHOUT_IP: &[(u32, u16)] = &[
    (0x00_000c, 0x0104),
    (0x00_000c, 0x0111),
    (0x00_000c, 0x2003),
    (0x00_000c, 0x2004),
    (0x00_0081, 0x01a1),
    (0x00_0081, 0x01a2),
    (0x00_4096, 0x0000),
    (0x00_e02b, 0x00bb),
    (0x00_e052, 0x2000),
    (0x08_0007, 0x809b),
];

/// PPP network protocols that carry no IP: OSI, DECnet, AppleTalk, IPX, VINES, NetBIOS, spanning tree, Cisco discovery.
const PPP_WITHOUT_IP: &[u16] = &[0x0001, 0x0023, 0x0027, 0x0029, 0x002b, 0x0035, 0x003f, 0x0201, 0x0203, 0x0207];

/// PPP protocols that may carry IP and are not taken off (IANA PPP numbers).
const PPP: &[(u16, &str)] = &[
    (0x002d, "Van Jacobson compressed TCP"),
    (0x002f, "Van Jacobson uncompressed TCP"),
    (0x003d, "multilink"),
    (0x0053, "encryption"),
    (0x0055, "individual link encryption"),
    (0x0061, "IP header compression"),
    (0x00fb, "individual link compression"),
    (0x00fd, "compression"),
];

/// Link types that are not decoded, by name (<https://www.tcpdump.org/linktypes.html>).
const LINK_TYPES: &[(u16, &str)] = &[
    (3, "AX.25"),
    (6, "Token Ring"),
    (7, "ARCNET"),
    (8, "SLIP"),
    (10, "FDDI"),
    (100, "ATM with LLC"),
    (120, "Aironet"),
    (122, "IP over Fibre Channel"),
    (123, "SunATM"),
    (129, "ARCNET of Linux"),
    (138, "IP over IEEE 1394"),
    (143, "DOCSIS"),
    (165, "BACnet MS/TP"),
    (178, "Juniper Ethernet"),
    (187, "Bluetooth HCI"),
    (189, "USB of Linux"),
    (190, "CAN"),
    (195, "IEEE 802.15.4"),
    (197, "Endace ERF"),
    (201, "Bluetooth HCI"),
    (210, "FlexRay"),
    (215, "IEEE 802.15.4"),
    (220, "USB of Linux"),
    (227, "CAN"),
    (230, "IEEE 802.15.4"),
    (240, "netANALYZER"),
    (241, "netANALYZER"),
    (242, "IP over InfiniBand"),
    (247, "InfiniBand"),
    (249, "USB of Windows"),
    (251, "Bluetooth LE"),
    (252, "Wireshark's upper PDUs"),
    (253, "netlink"),
    (254, "Bluetooth of Linux"),
    (255, "Bluetooth BR/EDR"),
    (256, "Bluetooth LE"),
    (266, "USB of macOS"),
    (274, "Ethernet mPackets"),
    (280, "VPP"),
    (283, "IEEE 802.15.4"),
    (290, "Windows event trace"),
];

fn name_of(table: &[(u16, &'static str)], number: u16) -> &'static str {
    table.iter().find(|(known, _)| *known == number).map_or("", |(_, name)| name)
}

impl NonIp {
    /// What it is, if it may have IP behind it: then its frames are not read to their end.
    pub fn unread(self) -> Option<Unread> {
        let unsupported = |layer| Stop { layer, reason: StopReason::Unsupported };
        let encrypted = |layer| Stop { layer, reason: StopReason::Encrypted };
        let (kind, number, name, stop) = match self {
            Self::UnknownTag(number) => {
                ("ethertype", Some(number.into()), name_of(MAY_CARRY_IP, number), unsupported(StopLayer::Vlan))
            }
            // Below 0x0600 are Linux's own numbers.
            Self::EtherType(number) if number >= 0x0600 && !WITHOUT_IP.contains(&number) => {
                ("ethertype", Some(number.into()), name_of(MAY_CARRY_IP, number), unsupported(StopLayer::Ethernet))
            }
            Self::Macsec => ("ethertype", Some(0x88e5), "MACsec", encrypted(StopLayer::Macsec)),
            Self::EncryptedWlan => ("wlan", None, "encrypted 802.11", encrypted(StopLayer::Wlan)),
            Self::WlanAggregate => ("wlan", None, "802.11 aggregates", unsupported(StopLayer::Wlan)),
            Self::LinkType(number) => {
                ("link-type", Some(number.into()), name_of(LINK_TYPES, number), unsupported(StopLayer::Link))
            }
            Self::Llc(sap) if !LLC_WITHOUT_IP.contains(&sap) => {
                ("llc", Some(sap.into()), "", unsupported(StopLayer::Llc))
            }
            Self::Snap(organization, number) if !SNAP_WITHOUT_IP.contains(&(organization, number)) => {
                ("snap", Some(number.into()), "", unsupported(StopLayer::Llc))
            }
            // From 0x4000 on are control protocols (RFC 1661 section 2).
            Self::Ppp(number) if number < 0x4000 && !PPP_WITHOUT_IP.contains(&number) => {
                ("ppp", Some(number.into()), name_of(PPP, number), unsupported(StopLayer::Ppp))
            }
            Self::AddressFamily(number) => ("address-family", Some(number), "", unsupported(StopLayer::Null)),
            _ => return None,
        };
        Some(Unread { kind, number, name, before_ip: matches!(self, Self::UnknownTag(_)), stop })
    }
}
