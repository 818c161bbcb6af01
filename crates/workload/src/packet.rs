//! Headers and payload → one Ethernet frame, with right lengths and checksums.

/// One end of a flow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Host {
    pub(crate) mac: [u8; 6],
    pub(crate) address: Address,
    pub(crate) port: u16,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Address {
    V4([u8; 4]),
    V6([u8; 16]),
}

/// Who sends to whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) from: Host,
    pub(crate) to: Host,
    /// Of IPv4.
    pub(crate) identification: u16,
}

/// What of a TCP header is not in the route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tcp {
    pub(crate) flags: u8,
    pub(crate) sequence: u32,
    pub(crate) acknowledgement: u32,
}

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const PSH: u8 = 0x08;
pub(crate) const ACK: u8 = 0x10;

/// The largest payload of a segment: an Ethernet frame of 1,500 bytes with no options.
pub(crate) const fn largest_segment(address: Address) -> usize {
    match address {
        Address::V4(_) => 1460,
        Address::V6(_) => 1440,
    }
}

/// Writes the frame of a TCP segment to `out`.
pub(crate) fn tcp(out: &mut Vec<u8>, route: &Route, header: &Tcp, payload: &[u8]) {
    let options = if header.flags & SYN == 0 { vec![] } else { syn_options(route.from.address) };
    let header_length = 20 + options.len();
    let start = ip(out, route, TCP, header_length + payload.len());
    out.extend(route.from.port.to_be_bytes());
    out.extend(route.to.port.to_be_bytes());
    out.extend(header.sequence.to_be_bytes());
    out.extend(header.acknowledgement.to_be_bytes());
    out.extend([u8::try_from(header_length / 4).unwrap_or_default() << 4, header.flags]);
    out.extend(if header.flags & SYN == 0 { 501_u16 } else { 64_240 }.to_be_bytes());
    out.extend([0; 4]);
    out.extend(options);
    out.extend(payload);
    seal(out, start, 16, route, TCP);
}

/// Writes the frame of a UDP datagram to `out`.
pub(crate) fn udp(out: &mut Vec<u8>, route: &Route, payload: &[u8]) {
    let length = 8 + payload.len();
    let start = ip(out, route, UDP, length);
    out.extend(route.from.port.to_be_bytes());
    out.extend(route.to.port.to_be_bytes());
    out.extend(short(length));
    out.extend([0; 2]);
    out.extend(payload);
    seal(out, start, 6, route, UDP);
}

/// Ethernet and IP; says where what they carry begins.
fn ip(out: &mut Vec<u8>, route: &Route, protocol: u8, length: usize) -> usize {
    out.clear();
    out.extend(route.to.mac);
    out.extend(route.from.mac);
    match (route.from.address, route.to.address) {
        (Address::V4(from), Address::V4(to)) => {
            out.extend([0x08, 0x00, 0x45, 0x00]);
            out.extend(short(20 + length));
            out.extend(route.identification.to_be_bytes());
            out.extend([0x40, 0x00, TIME_TO_LIVE, protocol, 0, 0]);
            out.extend(from);
            out.extend(to);
            let sum = checksum(sum(0, &out[14..34]));
            out[24..26].copy_from_slice(&sum);
        }
        (from, to) => {
            out.extend([0x86, 0xdd, 0x60, 0x00, 0x00, 0x00]);
            out.extend(short(length));
            out.extend([protocol, TIME_TO_LIVE]);
            out.extend(from.bytes());
            out.extend(to.bytes());
        }
    }
    out.len()
}

/// Fills in the checksum `field` bytes into what begins at `start`, over that and the pseudo header.
fn seal(out: &mut [u8], start: usize, field: usize, route: &Route, protocol: u8) {
    let mut total = sum(0, route.from.address.bytes());
    total = sum(total, route.to.address.bytes());
    total = sum(total, &[0, protocol]);
    total = sum(total, &short(out.len() - start));
    let checksum = checksum(sum(total, &out[start..]));
    out[start + field..start + field + 2].copy_from_slice(&checksum);
}

impl Address {
    const fn bytes(&self) -> &[u8] {
        match self {
            Self::V4(bytes) => bytes,
            Self::V6(bytes) => bytes,
        }
    }
}

/// Adds words of 16 bits to a sum that is folded at the end. RFC 1071
fn sum(before: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let last: u64 = match *rest {
        [] => 0,
        [a] => u64::from(a) << 8,
        [a, b] => u64::from(u16::from_be_bytes([a, b])),
        [a, b, c, ..] => u64::from(u32::from_be_bytes([a, b, c, 0])),
    };
    words.iter().fold(before + last, |total, word| total + u64::from(u32::from_be_bytes(*word)))
}

fn checksum(mut sum: u64) -> [u8; 2] {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

/// Largest segment, SACK permitted, a window scale of 7.
fn syn_options(address: Address) -> Vec<u8> {
    let mut options = vec![2, 4];
    options.extend(short(largest_segment(address)));
    options.extend([1, 1, 4, 2, 1, 3, 3, 7]);
    options
}

fn short(length: usize) -> [u8; 2] {
    (length as u16).to_be_bytes()
}

const TCP: u8 = 6;
const UDP: u8 = 17;
const TIME_TO_LIVE: u8 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn route(from: Address, to: Address) -> Route {
        let host = |address| Host { mac: [2, 0, 0, 0, 0, 1], address, port: 80 };
        Route { from: host(from), to: host(to), identification: 7 }
    }

    fn both() -> [Route; 2] {
        [
            route(Address::V4([10, 1, 2, 3]), Address::V4([192, 0, 2, 1])),
            route(Address::V6([0x20; 16]), Address::V6([0x30; 16])),
        ]
    }

    /// A receiver's check: the sum over all, the checksum included, is 0xffff. RFC 1071 §1
    fn verify(frame: &[u8], start: usize, route: &Route, protocol: u8) {
        let carried = &frame[start..];
        let mut total = sum(0, route.from.address.bytes());
        total = sum(total, route.to.address.bytes());
        total = sum(total, &[0, protocol]);
        total = sum(total, &short(carried.len()));
        assert_eq!(checksum(sum(total, carried)), [0, 0]);
    }

    #[test]
    fn what_is_carried_sums_up_to_its_checksum_for_every_length() {
        for (route, start) in both().into_iter().zip([34, 54]) {
            let mut frame = Vec::new();
            for length in 0..9 {
                let payload = &b"payload!!"[..length];
                tcp(&mut frame, &route, &Tcp { flags: SYN, sequence: 1, acknowledgement: 2 }, payload);
                verify(&frame, start, &route, TCP);
                udp(&mut frame, &route, payload);
                verify(&frame, start, &route, UDP);
            }
        }
    }

    #[test]
    fn the_header_of_ipv4_sums_up_to_its_checksum_and_the_lengths_are_those_of_the_frame() {
        let mut frame = Vec::new();
        tcp(&mut frame, &both()[0], &Tcp { flags: ACK, sequence: 1, acknowledgement: 2 }, b"abc");
        assert_eq!(checksum(sum(0, &frame[14..34])), [0, 0]);
        assert_eq!(frame[16..18], short(frame.len() - 14));
    }
}
