//! What the services say: the smallest messages that their standards call valid.

pub(crate) mod bacnet;
pub(crate) mod coap;
pub(crate) mod dhcp;
pub(crate) mod dns;
pub(crate) mod http;
pub(crate) mod link;
pub(crate) mod ssdp;
pub(crate) mod tftp;
pub(crate) mod tls;
