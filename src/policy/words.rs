//! The words that policies and verdicts share.

use crate::text::named;

named! {
    /// What a host is.
    pub enum Role {
        /// The Igor gateway (a Windows machine that runs the vendor's services).
        Gateway = "gateway",
        /// An Igor node.
        Node = "node",
        /// A third-party BACnet/IP system.
        Bacnet = "bacnet",
        /// Anything else on site.
        Host = "host",
        /// A unicast address that is not of the site.
        External = "external",
        /// A multicast or broadcast address.
        Group = "group",
    }
}

impl Role {
    /// Whether the vendor's documents speak of this role (gateway, node, bacnet).
    pub const fn is_igor(self) -> bool {
        matches!(self, Self::Gateway | Self::Node | Self::Bacnet)
    }
}

named! {
    /// How much a finding deserves attention. Orders from least to most.
    pub enum Severity {
        /// Worth knowing.
        Notice = "notice",
        /// Worth a look.
        Warning = "warning",
        /// Worth acting on.
        Alert = "alert",
    }
}

named! {
    /// Which way a port is meant, seen from the document's product.
    pub enum Direction {
        /// The product listens on the port.
        Incoming = "incoming",
        /// The product connects to the port.
        Outgoing = "outgoing",
    }
}

named! {
    explained
    /// Why a flow is unexpected.
    pub enum Reason {
        /// The port is documented, and its payload is something else.
        WrongProtocol = "wrong-protocol",
        /// An IP protocol that is neither TCP, UDP nor ICMP, and in no list.
        UnlistedIpProtocol = "unlisted-ip-protocol",
        /// The vendor lists the number for the other of TCP and UDP only.
        WrongTransport = "wrong-transport",
        /// The port is in no list of either end.
        UndocumentedPort = "undocumented-port",
        /// The port is documented for these two, the other way round.
        WrongDirection = "wrong-direction",
        /// The port is documented, for another kind of peer.
        UndocumentedPeer = "undocumented-peer",
        /// An answer, or half of a transfer, whose request the capture could not show.
        RequestNotCaptured = "request-not-captured",
    }
}

named! {
    explained
    /// Findings that are more than an unexpected flow.
    pub enum FindingKind {
        /// A documented port was refused, rejected or not answered.
        Blocked = "blocked",
        /// It worked, and then went silent while requests went on.
        StoppedAnswering = "stopped-answering",
        /// A version below what the vendor's document covers.
        OldVersion = "old-version",
        /// Nothing in this survey needed an allowance of the site.
        UnusedAllowance = "unused-allowance",
        /// A device asked for an address by DHCP and was given none.
        NoDhcpOffer = "no-dhcp-offer",
        /// A DHCP server answered a device, and it got no address that it can use.
        NoLease = "no-lease",
        /// Two devices have one address.
        AddressConflict = "address-conflict",
        /// DHCP gave a device another address meanwhile.
        AddressChanged = "address-changed",
        /// A device starts again and again.
        Restarting = "restarting",
        /// A device's link goes down and up again and again, while it runs on.
        LinkFlaps = "link-flaps",
        /// Nothing of a device of the inventory was captured.
        NeverHeard = "never-heard",
        /// ICMP errors speak of packets that were not captured.
        RejectedUnseen = "rejected-unseen",
        /// A device is given less power than it asks for.
        PoeTooLittle = "poe-too-little",
        /// A device never negotiates the power that its class needs.
        PoeNotNegotiated = "poe-not-negotiated",
        /// A device begins 802.1X, and the switch never lets it in.
        NotAuthenticated = "not-authenticated",
        /// A spanning tree changes again and again.
        TopologyChanges = "topology-changes",
        /// A switch port waits long before it forwards.
        ForwardsLate = "forwards-late",
        /// Nobody asks who listens to which group, and requests to groups go unanswered.
        NoQuerier = "no-querier",
        /// Two DHCP servers answer the same clients.
        SecondDhcpServer = "second-dhcp-server",
        /// Broadcasts come at a rate that nothing explains.
        BroadcastStorm = "broadcast-storm",
        /// Packets do not fit the path, again and again.
        PacketsTooBig = "packets-too-big",
        /// Packets that came in pieces lack some.
        LostFragments = "lost-fragments",
        /// A device answers much later than others of its role.
        SlowDevice = "slow-device",
        /// A device answers slower the more it is asked.
        Overloaded = "overloaded",
        /// Much is lost between two hosts.
        LossyPath = "lossy-path",
        /// A file was transferred slowly.
        SlowTransfer = "slow-transfer",
        /// A device was silent for much longer than it usually is.
        WentSilent = "went-silent",
        /// Several devices were silent at the same time.
        SilentTogether = "silent-together",
        /// A server answered from another address than it was asked at.
        OtherAddress = "other-address",
        /// A file was asked for by TFTP, and refused.
        RefusedTransfer = "refused-transfer",
    }
}

/// What decided a verdict; [`super::Policy::cite`] puts it in words.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Rule {
    /// Nothing matched.
    None,
    /// A cell of the vendor's documents, by index in `Policy::cells`.
    Cell(u16),
    /// An allowance of the site's own, by index.
    Allowance(u16),
    /// An entry of the supporting list, by index.
    Supporting(u16),
}
