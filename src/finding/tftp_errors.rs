//! TFTP's error codes (RFC 1350 section 5, RFC 2347): what each means, and what to do about it.

/// Not defined: the message says more.
pub(super) const UNDEFINED: u16 = 0;
/// Unknown transfer ID: to a second answer of the server's, while the first goes on (RFC 1350 section 4).
pub(super) const UNKNOWN_ID: u16 = 5;
/// The options do not suit (RFC 2347).
pub(super) const OPTIONS: u16 = 8;

/// What an error code means, and what to do about it.
pub(super) struct Meaning {
    /// RFC 1350's name of it, for [`OPTIONS`] RFC 2347's.
    pub(super) name: &'static str,
    pub(super) advice: &'static str,
    pub(super) next: &'static str,
}

const MEANINGS: [Meaning; 9] = [
    Meaning {
        name: "not defined",
        advice: "Error 0 says why in words of its own: read them in the frame, and look into the server's log.",
        next: "Read in the frame why the file was refused",
    },
    Meaning {
        name: "file not found",
        advice: "File not found: the file is not in the folder that the server serves, or has another name there \
                 (capitals count). Put it there, or mend its name where the device is told what to ask for.",
        next: "Put the file on the TFTP server, or mend its name",
    },
    Meaning {
        name: "access violation",
        advice: "Access violation: the server may not read or write the file. Look at the rights of the file and \
                 its folder, and at what the server is set to serve.",
        next: "Let the TFTP server read and write the file",
    },
    Meaning {
        name: "disk full or allocation exceeded",
        advice: "Disk full: make room where the file is to be written. A device that says so has too little room \
                 for this file, or was given the file of another model.",
        next: "Make room for the file",
    },
    Meaning {
        name: "illegal TFTP operation",
        advice: "Illegal operation: the server does not do what it was asked to do. Mostly it is not allowed to \
                 take files.",
        next: "See what the TFTP server is allowed to do",
    },
    Meaning {
        name: "unknown transfer ID",
        advice: "Unknown transfer ID: packets came from another port than the transfer's. Look for address \
                 translation between the two, and for a second server.",
        next: "Look for address translation on the way to the TFTP server",
    },
    Meaning {
        name: "file already exists",
        advice: "File already exists: remove the older file from the server, or let the server overwrite it.",
        next: "Remove the older file from the TFTP server",
    },
    Meaning {
        name: "no such user",
        advice: "No such user: the server knows nobody by the name that it was asked for. Look into its log.",
        next: "See the TFTP server's log",
    },
    Meaning {
        name: "option negotiation",
        advice: "Option negotiation: the options of the request (block size, timeout) were refused, and the device \
                 did not ask again without them. Switch them off, or update one of the two.",
        next: "Switch TFTP's options off at the device",
    },
];
const OTHER: Meaning = Meaning {
    name: "in no standard",
    advice: "An error code that no standard names: look into the server's log.",
    next: "See the TFTP server's log",
};

/// Whether who asked may say so of what it is given: it may not write it, has no room (RFC 2349), or cannot make sense
/// of it. The other codes are of servers.
pub(super) const fn is_clients(code: u16) -> bool {
    matches!(code, 2..=4)
}

pub(super) fn meaning(code: u16) -> &'static Meaning {
    MEANINGS.get(usize::from(code)).unwrap_or(&OTHER)
}
