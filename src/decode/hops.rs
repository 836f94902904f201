//! How far a packet has come, by its time to live or hop limit.

/// What senders begin with: RFC 1700 recommends 64; 128 is Windows', 255 routers' and neighbour discovery's (RFC 4861), 32
/// and 30 old stacks'; what is to stay on the link has 1, SSDP's groups 2 and 4.
const BEGINNINGS: [u8; 8] = [1, 2, 4, 30, 32, 64, 128, 255];

/// Whether no router has handed a packet on, as far as its time to live says; not if that is not known (0).
pub const fn is_first_hop(hops: u8) -> bool {
    let mut at = 0;
    while at < BEGINNINGS.len() {
        if BEGINNINGS[at] == hops {
            return true;
        }
        at += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_router_takes_one_away() {
        for (hops, first) in [(64, true), (63, false), (128, true), (127, false), (255, true), (254, false), (0, false)]
        {
            assert_eq!(is_first_hop(hops), first, "{hops}");
        }
    }
}
