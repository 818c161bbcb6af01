//! Segments → flows: which two endpoints, and who of them speaks.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use crate::decode::Segment;
use crate::packet::Endpoint;

/// The unordered pair of endpoints that both directions of a flow share. IPv4 and IPv6 addresses are never
/// equal, mapped ones neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowKey {
    low: Endpoint,
    high: Endpoint,
}

impl FlowKey {
    /// The flow of a segment, and its direction in it.
    pub fn of(segment: &Segment<'_>) -> (Self, Direction) {
        let (src, dst) = (segment.src, segment.dst);
        if src <= dst {
            (Self { low: src, high: dst }, Direction::Forward)
        } else {
            (Self { low: dst, high: src }, Direction::Backward)
        }
    }

    /// Who sends in this direction.
    pub const fn sender(&self, direction: Direction) -> Endpoint {
        match direction {
            Direction::Forward => self.low,
            Direction::Backward => self.high,
        }
    }
}

/// Three words of a fixed size: each packet is looked up, and the derived one makes nine calls and two branches
/// of it.
impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(bits(self.low.address));
        state.write_u128(bits(self.high.address));
        state.write_u32(u32::from(self.low.port) << 16 | u32::from(self.high.port));
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Which way a segment goes: what the wire shows, no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the lower endpoint of the key to the higher one.
    Forward,
    /// From the higher endpoint to the lower one.
    Backward,
}

impl Direction {
    /// Both, in the order of [`Direction::index`].
    pub const BOTH: [Self; 2] = [Self::Forward, Self::Backward];

    /// The other way.
    pub const fn reverse(self) -> Self {
        match self {
            Self::Forward => Self::Backward,
            Self::Backward => Self::Forward,
        }
    }

    /// 0 for forward and 1 for backward: the place in an array of both.
    pub const fn index(self) -> usize {
        match self {
            Self::Forward => 0,
            Self::Backward => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::TcpFlags;
    use crate::packet::PacketRef;

    fn segment(src: &str, dst: &str) -> Segment<'static> {
        let endpoint = |text: &str| {
            let address: std::net::SocketAddr = text.parse().unwrap();
            Endpoint { address: address.ip(), port: address.port() }
        };
        Segment {
            at: PacketRef::default(),
            src: endpoint(src),
            dst: endpoint(dst),
            seq: 0,
            ack: 0,
            flags: TcpFlags::ACK,
            window: 0,
            payload: &[],
            cut: 0,
        }
    }

    #[test]
    fn both_directions_have_one_key_and_tell_each_other_apart() {
        for (a, b) in [
            ("10.0.0.1:50000", "10.0.0.2:80"),
            ("10.0.0.1:50000", "10.0.0.1:80"),
            ("[2001:db8::1]:443", "[2001:db8::2]:443"),
        ] {
            let (there, back) = (segment(a, b), segment(b, a));
            let ((key, one), (same, other)) = (FlowKey::of(&there), FlowKey::of(&back));
            assert_eq!((key, one), (same, other.reverse()));
            assert_eq!(key.sender(one), there.src);
            assert_eq!(key.sender(other), there.dst);
        }
    }

    #[test]
    fn an_ipv4_address_never_equals_the_ipv6_one_that_maps_it() {
        let (four, _) = FlowKey::of(&segment("192.0.2.1:1", "192.0.2.2:2"));
        let (mapped, _) = FlowKey::of(&segment("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:2"));
        let (compatible, _) = FlowKey::of(&segment("[::192.0.2.1]:1", "[::192.0.2.2]:2"));
        assert_ne!(four, mapped);
        assert_ne!(four, compatible);
    }

    #[test]
    fn a_key_is_no_larger_than_its_addresses_and_ports_need() {
        assert!(size_of::<FlowKey>() <= 40);
    }
}
