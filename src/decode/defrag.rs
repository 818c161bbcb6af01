//! IP fragments → whole datagrams.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::Skip;
use super::span::Span;
use crate::limits::Limits;
use crate::packet::Timestamp;

/// A piece of an IP datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment<'a> {
    pub(super) key: DatagramKey,
    /// What the datagram carries; of IPv6 only the fragment at offset 0 is believed. RFC 8200 §4.5
    pub(super) protocol: u8,
    /// Bytes of the datagram before this piece.
    pub(super) offset: u16,
    /// Does it say that it is not the last?
    pub(super) more: bool,
    pub(super) rest: Span<'a>,
}

/// What the fragments of one datagram have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct DatagramKey {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    /// Of IPv4, whose identification counts for each protocol (RFC 791 §3.2); the same for all of IPv6.
    pub(super) protocol: u8,
    pub(super) id: u32,
}

/// What the fragments of a datagram were put together to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) protocol: u8,
    pub(super) bytes: Vec<u8>,
}

/// Datagrams of which pieces are missing, the oldest first.
#[derive(Debug)]
pub(super) struct Fragments {
    most_bytes: usize,
    most_datagrams: usize,
    timeout: i64,
    numbers: HashMap<DatagramKey, u64, RandomState>,
    waiting: BTreeMap<u64, Datagram>,
    opened: u64,
    /// The datagram of the last piece.
    last: Option<u64>,
    held: usize,
    given_up: u64,
}

impl Fragments {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            most_bytes: limits.fragment_bytes,
            most_datagrams: limits.fragment_datagrams,
            timeout: limits.fragment_timeout,
            numbers: HashMap::default(),
            waiting: BTreeMap::new(),
            opened: 0,
            last: None,
            held: 0,
            given_up: 0,
        }
    }

    /// Datagrams that were given up because a bound was reached.
    pub(super) const fn given_up(&self) -> u64 {
        self.given_up
    }

    /// The number of the datagram to which the last piece that was taken belongs; no two have the same.
    pub(super) const fn last(&self) -> Option<u64> {
        self.last
    }

    /// Takes a piece; the datagram, when this piece made it whole.
    pub(super) fn push(&mut self, fragment: &Fragment<'_>, now: Timestamp) -> Result<Whole, Skip> {
        self.last = None;
        if fragment.rest.cut > 0 {
            return Err(Skip::Fragment);
        }
        let piece = Piece::new(fragment)?;
        self.expire(now);
        let number = self.number(fragment, now);
        self.last = Some(number);
        let datagram = self.waiting.get_mut(&number).ok_or(Skip::Fragment)?;
        let before = datagram.cost();
        let added = datagram.add(&piece);
        self.held = self.held.saturating_add(datagram.cost()).saturating_sub(before);
        if datagram.is_whole() {
            return self.remove(number).map(Datagram::join).ok_or(Skip::Fragment);
        }
        self.keep_bounds();
        added.and(Err(Skip::Fragment))
    }

    /// Of the datagram to which this fragment belongs, which may be a new one.
    fn number(&mut self, fragment: &Fragment<'_>, now: Timestamp) -> u64 {
        if let Some(&number) = self.numbers.get(&fragment.key) {
            if !self.is_expired(number, now) {
                return number;
            }
            self.remove(number);
        }
        let datagram = Datagram::new(fragment, now);
        self.opened += 1;
        self.held = self.held.saturating_add(datagram.cost());
        self.numbers.insert(fragment.key, self.opened);
        self.waiting.insert(self.opened, datagram);
        self.opened
    }

    fn is_expired(&self, number: u64, now: Timestamp) -> bool {
        self.waiting.get(&number).is_none_or(|datagram| now.nanos_since(datagram.started) > self.timeout)
    }

    fn expire(&mut self, now: Timestamp) {
        while let Some((&oldest, _)) = self.waiting.first_key_value()
            && self.is_expired(oldest, now)
        {
            self.remove(oldest);
        }
    }

    fn keep_bounds(&mut self) {
        while (self.held > self.most_bytes || self.waiting.len() > self.most_datagrams)
            && let Some((&oldest, _)) = self.waiting.first_key_value()
        {
            self.remove(oldest);
            self.given_up += 1;
        }
    }

    fn remove(&mut self, number: u64) -> Option<Datagram> {
        let datagram = self.waiting.remove(&number)?;
        self.numbers.remove(&datagram.key);
        self.held = self.held.saturating_sub(datagram.cost());
        Some(datagram)
    }
}

/// A fragment that contradicts nothing yet: its place in the datagram.
struct Piece<'a> {
    start: usize,
    end: usize,
    last: bool,
    protocol: u8,
    bytes: &'a [u8],
}

impl<'a> Piece<'a> {
    fn new(fragment: &Fragment<'a>) -> Result<Self, Skip> {
        let bytes = fragment.rest.bytes;
        let start = usize::from(fragment.offset);
        let end = start + bytes.len();
        // All but the last are multiples of eight, and no datagram is longer than its length field can say.
        if end > usize::from(u16::MAX) || fragment.more && !bytes.len().is_multiple_of(8) {
            return Err(Skip::Malformed);
        }
        Ok(Self { start, end, last: !fragment.more, protocol: fragment.protocol, bytes })
    }
}

/// A datagram of which pieces are missing.
#[derive(Debug)]
struct Datagram {
    key: DatagramKey,
    started: Timestamp,
    protocol: u8,
    /// Its length, once the last fragment has come.
    length: Option<usize>,
    /// By offset; none overlaps another, none is empty.
    pieces: BTreeMap<usize, Vec<u8>>,
    /// Bytes in `pieces`.
    covered: usize,
    /// Never to be whole, whatever comes.
    spoiled: bool,
}

impl Datagram {
    const fn new(fragment: &Fragment<'_>, started: Timestamp) -> Self {
        Self {
            key: fragment.key,
            started,
            protocol: fragment.protocol,
            length: None,
            pieces: BTreeMap::new(),
            covered: 0,
            spoiled: false,
        }
    }

    /// Adds what is new in a piece. IPv4: bytes that came first stay. IPv6: an overlap that is no repetition spoils
    /// the datagram, as all hosts must drop it (RFC 5722 §3).
    fn add(&mut self, piece: &Piece<'_>) -> Result<(), Skip> {
        if self.spoiled || self.pieces.get(&piece.start).is_some_and(|first| first == piece.bytes) {
            return Ok(());
        }
        if self.contradicts(piece) || self.key.src.is_ipv6() && self.overlaps(piece) {
            self.spoiled = self.key.src.is_ipv6();
            if self.spoiled {
                self.pieces.clear();
                self.covered = 0;
            }
            return Err(Skip::Malformed);
        }
        if piece.last {
            self.length = Some(piece.end);
        }
        if piece.start == 0 && !self.pieces.contains_key(&0) {
            self.protocol = piece.protocol;
        }
        for (start, end) in self.holes(piece) {
            let bytes = piece.bytes.get(start - piece.start..end - piece.start).unwrap_or_default();
            self.covered += bytes.len();
            self.pieces.insert(start, bytes.to_vec());
        }
        Ok(())
    }

    /// Does the piece put the end elsewhere than those before it?
    fn contradicts(&self, piece: &Piece<'_>) -> bool {
        let reached = self.pieces.last_key_value().map_or(0, |(start, bytes)| start + bytes.len());
        match self.length {
            Some(length) => piece.end > length || piece.last && piece.end != length,
            None => piece.last && piece.end < reached,
        }
    }

    fn overlaps(&self, piece: &Piece<'_>) -> bool {
        self.holes(piece).iter().map(|(start, end)| end - start).sum::<usize>() != piece.bytes.len()
    }

    /// The ranges of the piece that no earlier one covers.
    fn holes(&self, piece: &Piece<'_>) -> Vec<(usize, usize)> {
        let end_of = |(start, bytes): (&usize, &Vec<u8>)| start + bytes.len();
        let before = self.pieces.range(..piece.start).next_back().map_or(0, end_of);
        let mut at = piece.start.max(before);
        let mut holes = Vec::new();
        for (&start, bytes) in self.pieces.range(piece.start..piece.end) {
            if at < start {
                holes.push((at, start));
            }
            at = start + bytes.len();
        }
        if at < piece.end {
            holes.push((at, piece.end));
        }
        holes
    }

    fn is_whole(&self) -> bool {
        !self.spoiled && self.length == Some(self.covered)
    }

    fn join(self) -> Whole {
        let mut bytes = Vec::with_capacity(self.covered);
        self.pieces.values().for_each(|piece| bytes.extend_from_slice(piece));
        Whole { protocol: self.protocol, bytes }
    }

    /// Bytes of memory, near enough to bound them.
    fn cost(&self) -> usize {
        COST_OF_DATAGRAM + self.pieces.len() * COST_OF_PIECE + self.covered
    }
}

/// Of the maps' entries, so that many tiny fragments can't hold far more memory than the bound says.
const COST_OF_DATAGRAM: usize = 256;
const COST_OF_PIECE: usize = 64;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

    fn fragments(bytes: usize, datagrams: usize) -> Fragments {
        let limits = Limits { fragment_bytes: bytes, fragment_datagrams: datagrams, ..Limits::default() };
        Fragments::new(&limits)
    }

    fn fragment(address: IpAddr, id: u32, offset: u16, more: bool, bytes: &[u8]) -> Fragment<'_> {
        let key = DatagramKey { src: address, dst: address, protocol: 44, id };
        Fragment { key, protocol: 6, offset, more, rest: Span::whole(bytes) }
    }

    fn at(nanos: i64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    /// Pushes them all; what the last one gave.
    fn push_all(fragments: &[Fragment<'_>]) -> Result<Vec<u8>, Skip> {
        let mut pool = Fragments::new(&Limits::default());
        let mut last = Err(Skip::Fragment);
        for fragment in fragments {
            last = pool.push(fragment, at(0)).map(|whole| whole.bytes);
        }
        last
    }

    #[test]
    fn of_overlapping_ipv4_fragments_the_first_bytes_stay() {
        let whole = push_all(&[
            fragment(V4, 1, 8, true, b"BBBBBBBB"),
            fragment(V4, 1, 0, true, b"aaaaaaaaaaaaaaaa"),
            fragment(V4, 1, 8, false, b"ccccccccdd"),
        ]);
        assert_eq!(whole, Ok(b"aaaaaaaaBBBBBBBBdd".to_vec()));
        let whole = push_all(&[
            fragment(V4, 1, 0, true, b"aaaaaaaaaaaaaaaa"),
            fragment(V4, 1, 8, false, b"bbbbbbbbbb"),
        ]);
        assert_eq!(whole, Ok(b"aaaaaaaaaaaaaaaabb".to_vec()));
    }

    #[test]
    fn overlapping_ipv6_fragments_spoil_their_datagram() {
        let mut pool = Fragments::new(&Limits::default());
        let mut push = |offset, more, bytes| pool.push(&fragment(V6, 1, offset, more, bytes), at(0));
        assert_eq!(push(0, true, b"aaaaaaaa"), Err(Skip::Fragment));
        assert_eq!(push(0, true, b"bbbbbbbbbbbbbbbb"), Err(Skip::Malformed));
        assert_eq!(push(0, true, b"aaaaaaaa"), Err(Skip::Fragment));
        assert_eq!(push(8, false, b"cc"), Err(Skip::Fragment));
    }

    #[test]
    fn a_repeated_ipv6_fragment_spoils_nothing() {
        let first = fragment(V6, 1, 0, true, b"aaaaaaaa");
        assert_eq!(push_all(&[first, first, fragment(V6, 1, 8, false, b"b")]), Ok(b"aaaaaaaab".to_vec()));
    }

    #[test]
    fn the_end_of_an_ipv4_datagram_does_not_move() {
        let whole = push_all(&[
            fragment(V4, 1, 8, false, b"bb"),
            fragment(V4, 1, 16, false, b"cc"),
            fragment(V4, 1, 8, true, b"dddddddd"),
            fragment(V4, 1, 0, true, b"aaaaaaaa"),
        ]);
        assert_eq!(whole, Ok(b"aaaaaaaabb".to_vec()));
    }

    #[test]
    fn of_ipv6_only_the_first_fragment_says_what_the_datagram_carries() {
        let mut pool = Fragments::new(&Limits::default());
        let other = Fragment { protocol: 17, ..fragment(V6, 1, 8, false, b"b") };
        assert_eq!(pool.push(&other, at(0)), Err(Skip::Fragment));
        let whole = pool.push(&fragment(V6, 1, 0, true, b"aaaaaaaa"), at(0)).unwrap();
        assert_eq!(whole, Whole { protocol: 6, bytes: b"aaaaaaaab".to_vec() });
    }

    #[test]
    fn datagrams_are_told_apart_by_their_identification() {
        let parts = [fragment(V4, 1, 0, true, b"aaaaaaaa"), fragment(V4, 2, 8, false, b"b")];
        assert_eq!(push_all(&parts), Err(Skip::Fragment));
    }

    #[test]
    fn what_can_be_in_no_datagram_is_malformed() {
        assert_eq!(push_all(&[fragment(V4, 1, 65528, false, &[0; 8])]), Err(Skip::Malformed));
        assert_eq!(push_all(&[fragment(V4, 1, 0, true, &[0; 9])]), Err(Skip::Malformed));
    }

    #[test]
    fn a_fragment_that_the_snap_length_cut_is_not_kept() {
        let mut pool = Fragments::new(&Limits::default());
        let whole = fragment(V4, 1, 0, true, b"aaaaaaaa");
        assert_eq!(
            pool.push(&Fragment { rest: Span { cut: 1, ..whole.rest }, ..whole }, at(0)),
            Err(Skip::Fragment)
        );
        assert_eq!((pool.held, pool.waiting.len()), (0, 0));
    }

    #[test]
    fn a_datagram_is_forgotten_after_its_time() {
        let timeout = Limits::default().fragment_timeout;
        let mut pool = Fragments::new(&Limits::default());
        let mut push = |id, offset, more, time| {
            pool.push(&fragment(V4, id, offset, more, b"aaaaaaaa"), at(time)).is_ok()
        };
        assert!(!push(1, 0, true, 0));
        assert!(!push(2, 0, true, 1));
        assert!(push(2, 8, false, timeout + 1));
        assert!(!push(1, 8, false, timeout + 1));
        assert_eq!((pool.waiting.len(), pool.given_up()), (1, 0));
    }

    #[test]
    fn the_oldest_datagram_makes_room() {
        let mut pool = fragments(1 << 20, 2);
        for id in 1..=3 {
            assert_eq!(pool.push(&fragment(V4, id, 0, true, b"aaaaaaaa"), at(0)), Err(Skip::Fragment));
        }
        assert_eq!(pool.given_up(), 1);
        assert!(pool.push(&fragment(V4, 3, 8, false, b"b"), at(0)).is_ok());
        assert!(pool.push(&fragment(V4, 1, 8, false, b"b"), at(0)).is_err());
        assert!(pool.push(&fragment(V4, 2, 8, false, b"b"), at(0)).is_ok());
    }

    #[test]
    fn a_flood_of_tiny_fragments_stays_within_the_bound_on_bytes() {
        let mut pool = fragments(10_000, 1 << 20);
        for id in 0..1000 {
            let offset = u16::try_from(id % 50 * 16).unwrap();
            assert!(pool.push(&fragment(V4, id / 50, offset, true, b"aaaaaaaa"), at(0)).is_err());
            assert!(pool.held <= 10_000);
        }
        assert!(pool.given_up() > 0);
        let costs: usize = pool.waiting.values().map(Datagram::cost).sum();
        assert_eq!((pool.held, pool.numbers.len()), (costs, pool.waiting.len()));
    }

    /// A datagram's bytes, and the order in which its eight-byte units come: each once, some twice.
    fn split() -> impl Strategy<Value = (Vec<u8>, Vec<(usize, usize)>)> {
        (proptest::collection::vec(any::<u8>(), 9..200), any::<bool>()).prop_flat_map(|(bytes, twice)| {
            let units = bytes.len().div_ceil(8);
            let cuts = proptest::collection::btree_set(1..units, 1..=units.min(8) - 1);
            (Just(bytes), cuts, Just(twice)).prop_flat_map(move |(bytes, cuts, twice)| {
                let ends: Vec<usize> = cuts.iter().copied().chain([units]).collect();
                let starts = std::iter::once(0).chain(cuts);
                let parts: Vec<_> =
                    starts.zip(ends).map(|(start, end)| (start * 8, (end * 8).min(bytes.len()))).collect();
                let repeated = if twice { [parts.clone(), parts[1..].to_vec()].concat() } else { parts };
                (Just(bytes), Just(repeated).prop_shuffle())
            })
        })
    }

    proptest! {
        #[test]
        fn any_split_in_any_order_gives_the_same_datagram((bytes, parts) in split(), version_6 in any::<bool>()) {
            let address = if version_6 { V6 } else { V4 };
            let mut pool = Fragments::new(&Limits::default());
            let mut wholes = Vec::new();
            for (start, end) in parts {
                let offset = u16::try_from(start).unwrap();
                let part = fragment(address, 7, offset, end < bytes.len(), &bytes[start..end]);
                wholes.extend(pool.push(&part, at(0)).map(|whole| whole.bytes));
            }
            prop_assert_eq!(wholes, vec![bytes]);
        }

        #[test]
        fn any_ipv4_fragments_keep_the_books(
            parts in proptest::collection::vec((0_u32..3, 0_u16..12, any::<bool>(), 0_usize..40), 0..60),
        ) {
            let mut pool = fragments(2000, 2);
            for (id, unit, more, length) in parts {
                let length = if more { length / 8 * 8 } else { length };
                let _ = pool.push(&fragment(V4, id, unit * 8, more, &[7; 40][..length]), at(0));
                let costs: usize = pool.waiting.values().map(Datagram::cost).sum();
                prop_assert_eq!((pool.held, pool.numbers.len()), (costs, pool.waiting.len()));
                prop_assert!(pool.held <= 2000 && pool.waiting.len() <= 2);
                for datagram in pool.waiting.values() {
                    prop_assert_eq!(datagram.covered, datagram.pieces.values().map(Vec::len).sum::<usize>());
                }
            }
        }
    }
}
