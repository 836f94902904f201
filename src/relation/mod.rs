//! Flows that belong together: who asked, TFTP transfers, SSDP and CoAP answers, ICMP errors.

mod direction;

pub use direction::{DirectionBasis, Orientation, is_group, orient};
