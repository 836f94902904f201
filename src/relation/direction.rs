//! Who asked and who answered (DESIGN: client and server).

use crate::policy::named;

named! {
    /// How the client of a flow was told from the server.
    DirectionBasis {
        /// The sender of a SYN is the client.
        Syn = "syn",
        /// The sender of a SYN-ACK is the server.
        SynAck = "syn-ack",
        /// A group is always the server.
        Group = "group",
        /// The owner of the one documented port is the server.
        DocumentedPort = "documented-port",
        /// The sender of the first packet is the client.
        FirstPacket = "first-packet",
    }
}
