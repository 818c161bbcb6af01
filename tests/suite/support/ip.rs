//! TCP segments → IP datagrams, with the checksums that make them whole.

use std::net::IpAddr;

use wspect::packet::Side;

use super::wire::{IpVersion, Segment};

pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;

/// Addresses from the blocks that are kept for documentation (RFC 5737, RFC 3849).
const CLIENT: [&str; 2] = ["192.0.2.1", "2001:db8::1"];
const SERVER: [&str; 2] = ["192.0.2.2", "2001:db8::2"];
const SERVER_PORT: u16 = 80;

/// Sender and receiver of a datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    from: IpAddr,
    to: IpAddr,
}

impl Route {
    fn new(version: IpVersion, sender: Side) -> Self {
        let of = |addresses: [&str; 2]| addresses[usize::from(version == IpVersion::V6)].parse().unwrap();
        match sender {
            Side::Client => Self { from: of(CLIENT), to: of(SERVER) },
            Side::Server => Self { from: of(SERVER), to: of(CLIENT) },
        }
    }

    /// Between two ends of a tunnel.
    pub(super) fn tunnel(sender: Side) -> Self {
        let [client_end, server_end] =
            ["198.51.100.1", "198.51.100.2"].map(|address| address.parse().unwrap());
        match sender {
            Side::Client => Self { from: client_end, to: server_end },
            Side::Server => Self { from: server_end, to: client_end },
        }
    }
}

/// A whole IP datagram.
pub(super) struct Datagram {
    pub(super) bytes: Vec<u8>,
    pub(super) sender: Side,
    /// Tells it apart from the others of the capture.
    pub(super) number: u16,
}

impl Datagram {
    /// One that carries a segment.
    pub(super) fn new(segment: &Segment, version: IpVersion, number: u16) -> Self {
        let route = Route::new(version, segment.sender);
        Self { bytes: wrap(route, TCP, number, &tcp(segment, route)), sender: segment.sender, number }
    }
}

/// `payload` behind an IP header.
pub(super) fn wrap(route: Route, protocol: u8, number: u16, payload: &[u8]) -> Vec<u8> {
    match (route.from, route.to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut header = vec![0x45, 0];
            header.extend(length_of(20 + payload.len()));
            header.extend(number.to_be_bytes());
            header.extend([0, 0, TIME_TO_LIVE, protocol, 0, 0]);
            header.extend([from.octets(), to.octets()].concat());
            set_ipv4_checksum(&mut header);
            [&header, payload].concat()
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let mut header = vec![0x60, 0, 0, 0];
            header.extend(length_of(payload.len()));
            header.extend([protocol, TIME_TO_LIVE]);
            header.extend([from.octets(), to.octets()].concat());
            [&header, payload].concat()
        }
        _ => unreachable!("both ends of a route have one version"),
    }
}

/// `payload` behind a UDP header, without the checksum, which tunnels may leave out (RFC 7348 §5).
pub(super) fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let ports = [port, port].map(u16::to_be_bytes).concat();
    [&ports[..], &length_of(8 + payload.len()), &[0, 0], payload].concat()
}

/// Computes the header checksum of an IPv4 header anew.
pub(super) fn set_ipv4_checksum(header: &mut [u8]) {
    header[10..12].fill(0);
    let checksum = ones_complement(header);
    header[10..12].copy_from_slice(&checksum);
}

fn tcp(segment: &Segment, route: Route) -> Vec<u8> {
    let [source, destination] = match segment.sender {
        Side::Client => [segment.client_port, SERVER_PORT],
        Side::Server => [SERVER_PORT, segment.client_port],
    };
    let mut bytes = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    bytes.extend([segment.seq, segment.ack].map(u32::to_be_bytes).concat());
    bytes.extend([0x50, segment.flags]);
    bytes.extend(segment.window.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(&segment.payload);
    let checksum = ones_complement(&[pseudo_header(route, bytes.len()), bytes.clone()].concat());
    bytes[16..18].copy_from_slice(&checksum);
    bytes
}

// RFC 9293 §3.1, RFC 8200 §8.1
fn pseudo_header(route: Route, length: usize) -> Vec<u8> {
    let octets = |address| match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let length = u32::try_from(length).unwrap().to_be_bytes();
    [&octets(route.from)[..], &octets(route.to), &length, &[0, 0, 0, TCP]].concat()
}

// RFC 1071
fn ones_complement(bytes: &[u8]) -> [u8; 2] {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!u16::try_from(sum).unwrap()).to_be_bytes()
}

pub(super) fn length_of(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).unwrap().to_be_bytes()
}

const TIME_TO_LIVE: u8 = 64;
