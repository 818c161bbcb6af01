//! Two endpoints → a flow, and who of them speaks.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::packet::Endpoint;

/// The unordered pair of endpoints that both directions of a flow share. IPv4 and IPv6 addresses are never
/// equal, mapped ones neither.
///
/// Each packet is looked up by it: it is made of words, which are compared and hashed without a branch.
// Packed to 40 bytes: a slot of the table of flows is two cache lines with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(Rust, packed(8))]
pub struct FlowKey {
    low: Address,
    high: Address,
    rest: Rest,
}

/// Both ports, the lower endpoint's in the lowest bits, and above them the version of IP.
type Rest = u64;

/// The bits of an address. IPv4 uses the low 32.
type Address = u128;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V4,
    V6,
}

impl FlowKey {
    /// The flow of what `src` sends to `dst`, and its direction in it.
    pub fn of(src: Endpoint, dst: Endpoint) -> (Self, Direction) {
        let (version, src_address) = bits(src.address);
        let (_, dst_address) = bits(dst.address);
        Self::between(version, (src_address, src.port), (dst_address, dst.port))
    }

    /// As [`of`](Self::of).
    #[inline]
    pub(super) fn of_ipv4(src: (u32, u16), dst: (u32, u16)) -> (Self, Direction) {
        // As numbers: no processor foresees who of them speaks next.
        let number = |(address, port)| u64::from(address) << 16 | u64::from(port);
        let (src, dst) = (number(src), number(dst));
        let (low, high) = (src.min(dst), src.max(dst));
        let port = |end: u64| end & u64::from(u16::MAX);
        let rest = port(low) | port(high) << 16 | (Version::V4 as Rest) << 32;
        (Self { low: (low >> 16).into(), high: (high >> 16).into(), rest }, Direction::forward_if(src <= dst))
    }

    /// As [`of`](Self::of).
    #[inline]
    pub(super) fn of_ipv6(src: (Address, u16), dst: (Address, u16)) -> (Self, Direction) {
        Self::between(Version::V6, src, dst)
    }

    #[inline]
    fn between(version: Version, src: (Address, u16), dst: (Address, u16)) -> (Self, Direction) {
        let forward = src <= dst;
        let ((low, low_port), (high, high_port)) = if forward { (src, dst) } else { (dst, src) };
        let direction = Direction::forward_if(forward);
        let rest = Rest::from(low_port) | Rest::from(high_port) << 16 | (version as Rest) << 32;
        (Self { low, high, rest }, direction)
    }

    /// One of so many shards, over which flows are spread evenly: the same in every run.
    pub fn shard(&self, shards: u8) -> u8 {
        let [low_port, high_port] = self.ports();
        let ports = u128::from(low_port) << 48 | u128::from(high_port) << 32;
        let [spread, ..] = (self.low ^ self.high.rotate_left(64) ^ ports).wrapping_mul(SPREAD).to_be_bytes();
        let [shard, _] = (u16::from(spread) * u16::from(shards)).to_be_bytes();
        shard
    }

    /// Who sends in this direction.
    pub const fn sender(&self, direction: Direction) -> Endpoint {
        let [low_port, high_port] = self.ports();
        let (bits, port) = match direction {
            Direction::Forward => (self.low, low_port),
            Direction::Backward => (self.high, high_port),
        };
        let version = if self.rest >> 32 == Version::V4 as Rest { Version::V4 } else { Version::V6 };
        Endpoint { address: version.address(bits), port }
    }

    const fn ports(&self) -> [u16; 2] {
        let [a, b, c, d, ..] = self.rest.to_le_bytes();
        [u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])]
    }
}

/// Every bit of a key changes the upper bits of its product with this: the fraction of the golden ratio.
const SPREAD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.low);
        state.write_u128(self.high);
        state.write_u64(self.rest);
    }
}

impl Version {
    const fn address(self, bits: Address) -> IpAddr {
        match self {
            Self::V4 => {
                let [.., a, b, c, d] = bits.to_be_bytes();
                IpAddr::V4(Ipv4Addr::new(a, b, c, d))
            }
            Self::V6 => IpAddr::V6(Ipv6Addr::from_bits(bits)),
        }
    }
}

fn bits(address: IpAddr) -> (Version, Address) {
    match address {
        IpAddr::V4(address) => (Version::V4, u128::from(address.to_bits())),
        IpAddr::V6(address) => (Version::V6, address.to_bits()),
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

    const fn forward_if(forward: bool) -> Self {
        if forward { Self::Forward } else { Self::Backward }
    }

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

    fn endpoint(text: &str) -> Endpoint {
        let address: std::net::SocketAddr = text.parse().unwrap();
        Endpoint { address: address.ip(), port: address.port() }
    }

    fn flow(src: &str, dst: &str) -> (FlowKey, Direction) {
        FlowKey::of(endpoint(src), endpoint(dst))
    }

    #[test]
    fn both_directions_have_one_key_and_tell_each_other_apart() {
        for (a, b) in [
            ("10.0.0.1:50000", "10.0.0.2:80"),
            ("10.0.0.1:50000", "10.0.0.1:80"),
            ("[2001:db8::1]:443", "[2001:db8::2]:443"),
        ] {
            let ((key, one), (same, other)) = (flow(a, b), flow(b, a));
            assert_eq!((key, one), (same, other.reverse()));
            assert_eq!(key.sender(one), endpoint(a));
            assert_eq!(key.sender(other), endpoint(b));
        }
    }

    #[test]
    fn an_ipv4_key_is_made_in_words_as_it_is_of_endpoints() {
        let ends = ["10.0.0.1:50000", "10.0.0.1:80", "10.0.0.2:80", "9.255.255.255:65535", "255.0.0.0:1"];
        for (a, b) in ends.iter().flat_map(|a| ends.iter().map(move |b| (endpoint(a), endpoint(b)))) {
            let bits = |end: Endpoint| match end.address {
                IpAddr::V4(address) => (address.to_bits(), end.port),
                IpAddr::V6(_) => unreachable!(),
            };
            assert_eq!(FlowKey::of_ipv4(bits(a), bits(b)), FlowKey::of(a, b));
        }
    }

    #[test]
    fn an_ipv4_address_never_equals_the_ipv6_one_that_maps_it() {
        let (four, _) = flow("192.0.2.1:1", "192.0.2.2:2");
        let (mapped, _) = flow("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:2");
        let (compatible, _) = flow("[::192.0.2.1]:1", "[::192.0.2.2]:2");
        assert_ne!(four, mapped);
        assert_ne!(four, compatible);
    }

    #[test]
    fn a_key_is_no_larger_than_its_addresses_and_ports_need() {
        assert_eq!(size_of::<FlowKey>(), 40);
    }
}
