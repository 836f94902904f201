//! What states hold of the evidence beside the flows.

use super::lowest::BoundedMap;
use super::{First, IcmpError, LLDP_LIMIT, NAME_MAX, Search, SideEvidence, TftpError, TftpFile, Window, dhcp};
use crate::decode::MacAddr;
use crate::protocol::lldp;
use crate::state::{Broken, Load, Stored, store_list, stored};

stored!(Window { first, last, begin, end, count });
stored!(Search { window, mx });
stored!(IcmpError { protocol, source, destination, has_ports, icmp_type, sender, v6, kind, code });

/// What devices said by LLDP is kept by input, which is the section's. What was said of links, and by TFTP's
/// ERRORs, claims and refusals are parts of their own.
impl Stored for SideEvidence {
    fn store(&self, to: &mut Vec<u8>) {
        self.searches.store(to);
        self.group_requests.store(to);
        self.bacnet_searches.store(to);
        self.notified.store(to);
        self.answered.store(to);
        self.tftp_files.store(to);
        self.icmp_errors.store(to);
        // The stretch is that of the earliest moment.
        self.dhcp.store_keys(|(client, xid, _)| (*client, *xid), to);
        self.lldp.store_keys(|(_, mac, unit)| (*mac, unit.clone()), to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let (searches, group_requests, bacnet_searches) = from.get()?;
        let (notified, answered, tftp_files) = from.get()?;
        let (icmp_errors, dhcp) = (from.get()?, BoundedMap::load_keys(from, dhcp::key)?);
        let units: BoundedMap<(MacAddr, lldp::Unit), Window, LLDP_LIMIT> = from.get()?;
        let lldp = units.with_keys(|(mac, unit)| (from.input, mac, unit));
        Ok(Self {
            searches,
            group_requests,
            bacnet_searches,
            notified,
            answered,
            tftp_files,
            tftp_errors: BoundedMap::default(),
            icmp_errors,
            dhcp,
            lldp,
            ..Self::default()
        })
    }
}

impl SideEvidence {
    /// Whether TFTP said no ERROR.
    pub(in crate::flow) fn is_without_tftp_errors(&self) -> bool {
        self.tftp_errors == BoundedMap::default()
    }

    /// Appends what TFTP's ERRORs said.
    pub(in crate::flow) fn store_tftp_errors(&self, to: &mut Vec<u8>) {
        self.tftp_errors.store(to);
    }

    /// Takes over what [`SideEvidence::store_tftp_errors`] appended.
    pub(in crate::flow) fn load_tftp_errors(&mut self, from: &mut Load<'_>) -> Result<(), Broken> {
        self.tftp_errors = from.get()?;
        Ok(())
    }

    pub(in crate::flow) fn store_refusals(&self, to: &mut Vec<u8>) {
        self.refusals.store_keys(|(client, xid, server, _)| (*client, *xid, *server), to);
    }

    pub(in crate::flow) fn load_refusals(&mut self, from: &mut Load<'_>) -> Result<(), Broken> {
        self.refusals = BoundedMap::load_keys(from, dhcp::server_key)?;
        Ok(())
    }
}

impl<T: Stored> Stored for First<T> {
    fn store(&self, to: &mut Vec<u8>) {
        self.at.store(to);
        self.time.store(to);
        self.what.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        Ok(Self { at: from.get()?, time: from.get()?, what: from.get()? })
    }
}

stored!(TftpFile { name: list(NAME_MAX, "the name of a file is too long"), write });

impl Stored for TftpError {
    fn store(&self, to: &mut Vec<u8>) {
        (self.code as u8).store(to);
        store_list(self.message.iter(), to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let code: u8 = from.get()?;
        from.expect(code <= 8, "an error of TFTP has a code that none has")?;
        Ok(Self { code: code.into(), message: from.list(NAME_MAX, "the message of an error is too long")? })
    }
}
