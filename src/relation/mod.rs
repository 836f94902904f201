//! Flows that belong together: who asked, TFTP transfers, SSDP and CoAP answers, ICMP errors.

mod direction;
mod relations;

pub use direction::{DirectionBasis, Orientation, is_group, orient};
pub use relations::{Link, LinkKind, Rejection, Relations};
