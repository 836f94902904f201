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
    /// Why a flow is unexpected.
    pub enum Reason {
        /// A documented port, but provably not the cell's protocol.
        WrongProtocol = "wrong-protocol",
        /// Neither TCP, UDP nor ICMP.
        UnlistedIpProtocol = "unlisted-ip-protocol",
        /// The port is documented for the other transport only.
        WrongTransport = "wrong-transport",
        /// The port is in neither end's lists.
        UndocumentedPort = "undocumented-port",
        /// The port is documented for this pair, the other way round.
        WrongDirection = "wrong-direction",
        /// The port is documented this way round, for another kind of peer.
        UndocumentedPeer = "undocumented-peer",
        /// It looks like half of a transfer whose request the capture could not show: what it belongs to cannot be told.
        RequestNotCaptured = "request-not-captured",
    }
}

named! {
    /// Findings that are more than an unexpected flow.
    pub enum FindingKind {
        /// A documented conversation was refused, rejected or not answered.
        Blocked = "blocked",
        /// A conversation worked and then went silent while requests went on.
        StoppedAnswering = "stopped-answering",
        /// A host's declared version is below what its document covers.
        OldVersion = "old-version",
        /// An allowance of the site's own matched nothing.
        UnusedAllowance = "unused-allowance",
        /// A device asked for an address by DHCP and was given none.
        NoDhcpOffer = "no-dhcp-offer",
        /// A DHCP server answered a device, and it got no address that it can use.
        NoLease = "no-lease",
        /// Two devices have one address.
        AddressConflict = "address-conflict",
        /// A device was given another address by DHCP.
        AddressChanged = "address-changed",
        /// A device starts again and again.
        Restarting = "restarting",
        /// A device's link goes down and up again and again, while it runs on.
        LinkFlaps = "link-flaps",
        /// The inventory declares a device of which nothing was captured.
        NeverHeard = "never-heard",
        /// ICMP errors quote packets that were not captured.
        RejectedUnseen = "rejected-unseen",
        /// A device is given less power than it asks for.
        PoeTooLittle = "poe-too-little",
        /// A device never negotiates the power that its class needs.
        PoeNotNegotiated = "poe-not-negotiated",
        /// A device begins 802.1X and is never let in.
        NotAuthenticated = "not-authenticated",
        /// A spanning tree changes again and again.
        TopologyChanges = "topology-changes",
        /// A switch port waits long before it forwards.
        ForwardsLate = "forwards-late",
        /// Nobody asks who listens to which group, and messages to groups go unanswered.
        NoQuerier = "no-querier",
        /// Two DHCP servers answer the same clients.
        SecondDhcpServer = "second-dhcp-server",
        /// Broadcasts come at a rate that nothing explains.
        BroadcastStorm = "broadcast-storm",
        /// Packets do not fit the path, again and again.
        PacketsTooBig = "packets-too-big",
        /// Datagrams that came in pieces lack some.
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
        /// Devices were silent at the same time.
        SilentTogether = "silent-together",
        /// A server answered from another address of its than it was asked at.
        OtherAddress = "other-address",
        /// A transfer by TFTP was refused by an ERROR.
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
