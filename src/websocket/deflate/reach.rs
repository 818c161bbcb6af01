//! DEFLATE data → the first reference beyond the agreed window (RFC 7692 §7.1.2, RFC 1951 §3.2).

use std::mem;
use std::sync::LazyLock;

use super::Reference;
use super::huffman::{Code, LONGEST, low_bits, low_byte};

/// Reads the symbols of a message beside zlib, which allows the largest window whatever was agreed. What is wrong
/// with them otherwise is left to zlib. Memory: about 8 KiB, and 4 KiB of input.
#[derive(Debug)]
pub(super) struct Reach {
    /// In bytes.
    window: u32,
    /// Input from the symbol or block header on that is not complete.
    unread: Vec<u8>,
    /// Bits of it that were read.
    bit: usize,
    /// Wire bytes of the message before it.
    before: u64,
    place: Place,
    /// Did the block that is being read say that it is the last one?
    last_block: bool,
    beyond: Option<Reference>,
}

/// What comes next.
#[derive(Debug)]
enum Place {
    BlockHeader,
    /// Bytes left of a block that is stored.
    Stored(usize),
    FixedCodes,
    /// The lengths of the codes of a block, of which some are read.
    Lengths(Box<Lengths>),
    DynamicCodes(Box<Codes>),
    /// Nothing that can be read.
    Lost,
}

impl Reach {
    /// What it takes at most, in bytes.
    pub(super) const MEMORY: usize = 10 << 10;

    pub(super) fn new(window_bits: u8) -> Self {
        Self {
            window: 1 << window_bits,
            unread: Vec::new(),
            bit: 0,
            before: 0,
            place: Place::BlockHeader,
            last_block: false,
            beyond: None,
        }
    }

    /// A message begins: with a block, since the one before it ended with one.
    pub(super) fn begin(&mut self) {
        self.unread.clear();
        (self.bit, self.before) = (0, 0);
        (self.place, self.last_block) = (Place::BlockHeader, false);
        self.beyond = None;
    }

    /// Takes unmasked payload.
    pub(super) fn push(&mut self, payload: &[u8]) {
        let mut input = mem::take(&mut self.unread);
        input.extend_from_slice(payload);
        let mut bits = Bits { bytes: &input, at: self.bit };
        while self.beyond.is_none()
            && let Some(next) = self.step(bits)
        {
            bits = next;
        }
        let read = bits.at / 8;
        self.bit = bits.at % 8;
        self.before = self.before.saturating_add(read as u64);
        input.drain(..read.min(input.len()));
        // Nothing more is wanted of this message.
        if self.beyond.is_some() || matches!(self.place, Place::Lost) {
            input.clear();
            (self.place, self.bit) = (Place::Lost, 0);
        }
        self.unread = input;
    }

    /// The first reference of the message that goes too far.
    pub(super) const fn beyond(&self) -> Option<Reference> {
        self.beyond
    }

    /// Reads a block header, a part of a stored block or a symbol; `None` when it is not complete, or nothing is.
    fn step<'a>(&mut self, bits: Bits<'a>) -> Option<Bits<'a>> {
        let codes = match &mut self.place {
            Place::BlockHeader => return self.block_header(bits),
            Place::Stored(0) => return Some(self.end_block(bits)),
            Place::Stored(left) => {
                let there = (bits.bytes.len() - bits.at / 8).min(*left);
                *left -= there;
                return bits.skip(there * 8).filter(|_| there > 0);
            }
            Place::Lost => return None,
            Place::Lengths(_) => return self.code_length(bits),
            Place::FixedCodes => &*FIXED,
            Place::DynamicCodes(codes) => codes,
        };
        match codes.symbol(bits) {
            (_, Symbol::Incomplete) => None,
            (rest, Symbol::Literal) => Some(rest),
            (rest, Symbol::EndOfBlock) => Some(self.end_block(rest)),
            (rest, Symbol::Reference(distance)) => {
                if distance > self.window {
                    let offset = self.before.saturating_add((bits.at / 8) as u64);
                    self.beyond = Some(Reference { offset, distance });
                }
                Some(rest)
            }
            (_, Symbol::Faulty) => {
                self.place = Place::Lost;
                None
            }
        }
    }

    // RFC 1951 §3.2.3
    fn block_header<'a>(&mut self, mut bits: Bits<'a>) -> Option<Bits<'a>> {
        let last_block = bits.take(1)? == 1;
        self.place = match bits.take(2)? {
            0 => {
                bits = bits.aligned();
                let length = bits.take(16)?;
                bits.take(16)?;
                Place::Stored(length)
            }
            1 => Place::FixedCodes,
            2 => Place::Lengths(Box::new(Lengths::read(&mut bits)?)),
            _ => Place::Lost,
        };
        self.last_block = last_block;
        Some(bits)
    }

    /// Reads one entry of the lengths of the codes: a block header that comes in many pieces is read once.
    fn code_length<'a>(&mut self, mut bits: Bits<'a>) -> Option<Bits<'a>> {
        let Place::Lengths(lengths) = &mut self.place else { return None };
        let next = match lengths.next(&mut bits)? {
            Known::Part => return Some(bits),
            Known::All => lengths.codes().map(|codes| Place::DynamicCodes(Box::new(codes))),
            Known::Faulty => None,
        };
        self.place = next.unwrap_or(Place::Lost);
        Some(bits)
    }

    fn end_block<'a>(&mut self, bits: Bits<'a>) -> Bits<'a> {
        self.place = Place::BlockHeader;
        // What follows a final block is a stream of its own.
        if self.last_block { bits.aligned() } else { bits }
    }
}

/// Input at a bit of it.
#[derive(Clone, Copy)]
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next 57 bits or more, with zeros behind the end.
    fn peek(self) -> u64 {
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        let word = rest.first_chunk().copied().unwrap_or_else(|| {
            let mut padded = [0; 8];
            padded.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            padded
        });
        u64::from_le_bytes(word) >> (self.at % 8)
    }

    fn skip(self, count: usize) -> Option<Self> {
        let at = self.at.checked_add(count)?;
        (at <= self.bytes.len().saturating_mul(8)).then_some(Self { at, ..self })
    }

    /// At most 16 bits.
    fn take(&mut self, count: usize) -> Option<usize> {
        let value = low_bits(self.peek(), count);
        *self = self.skip(count)?;
        Some(value)
    }

    const fn aligned(self) -> Self {
        Self { at: self.at.next_multiple_of(8), ..self }
    }
}

/// The codes of a block.
#[derive(Debug)]
struct Codes {
    literals: Code,
    distances: Code,
}

enum Symbol {
    Incomplete,
    Faulty,
    Literal,
    EndOfBlock,
    Reference(u32),
}

impl Codes {
    // RFC 1951 §3.2.6
    fn fixed() -> Self {
        let mut lengths = [8; 288];
        lengths.iter_mut().skip(144).take(112).for_each(|length| *length = 9);
        lengths.iter_mut().skip(256).take(24).for_each(|length| *length = 7);
        Self { literals: Code::new(&lengths), distances: Code::new(&[5; 30]) }
    }

    // RFC 1951 §3.2.5
    fn symbol<'a>(&self, bits: Bits<'a>) -> (Bits<'a>, Symbol) {
        let word = bits.peek();
        let enough = bits.skip(LONGEST_SYMBOL).is_some();
        let none = if enough { Symbol::Faulty } else { Symbol::Incomplete };
        let Some((symbol, mut used)) = self.literals.decode(word) else { return (bits, none) };
        let mut found = Symbol::Literal;
        if symbol == 256 {
            found = Symbol::EndOfBlock;
        } else if symbol > 256 {
            used += length_bits(symbol - 257);
            let Some((code, more)) = self.distances.decode(word >> used) else { return (bits, none) };
            used += more;
            let extra = (code / 2).saturating_sub(1);
            let base = if code < 4 { code } else { (2 + code % 2) << extra };
            let distance = base + low_bits(word >> used, extra) + 1;
            found = Symbol::Reference(u32::try_from(distance).unwrap_or(u32::MAX));
            used += extra;
        }
        bits.skip(used).map_or((bits, Symbol::Incomplete), |rest| (rest, found))
    }
}

/// The header of a block with codes of its own: the lengths of these. // RFC 1951 §3.2.7
#[derive(Debug)]
struct Lengths {
    /// How many codes are literals and lengths; the others are distances.
    literals: usize,
    all: usize,
    /// What the lengths are written in.
    code: Code,
    read: Vec<u8>,
}

/// How much of the lengths is known.
enum Known {
    Part,
    All,
    Faulty,
}

impl Lengths {
    /// Reads what stands before the lengths: at most 9 bytes.
    fn read(bits: &mut Bits<'_>) -> Option<Self> {
        let literals = bits.take(5)? + 257;
        let all = literals + bits.take(5)? + 1;
        let mut lengths = [0_u8; 19];
        for symbol in LENGTH_ORDER.iter().take(bits.take(4)? + 4) {
            let length = low_byte(bits.take(3)?);
            lengths.iter_mut().skip(*symbol).take(1).for_each(|place| *place = length);
        }
        Some(Self { literals, all, code: Code::new(&lengths), read: Vec::with_capacity(all) })
    }

    fn next(&mut self, bits: &mut Bits<'_>) -> Option<Known> {
        let Some((symbol, used)) = self.code.decode(bits.peek()) else {
            return bits.skip(LONGEST).map(|_| Known::Faulty);
        };
        *bits = bits.skip(used)?;
        let (length, times) = match symbol {
            16 => (self.read.last().copied().unwrap_or_default(), bits.take(2)? + 3),
            17 => (0, bits.take(3)? + 3),
            18 => (0, bits.take(7)? + 11),
            length => (low_byte(length), 1),
        };
        self.read.resize(self.read.len() + times, length);
        Some(if self.read.len() < self.all { Known::Part } else { Known::All })
    }

    fn codes(&self) -> Option<Codes> {
        let (literals, distances) = self.read.split_at_checked(self.literals)?;
        let distances = distances.get(..self.all - self.literals)?;
        Some(Codes { literals: Code::new(literals), distances: Code::new(distances) })
    }
}

/// Extra bits of a length code, counted from 257. // RFC 1951 §3.2.5
const fn length_bits(code: usize) -> usize {
    if code < 8 || code > 27 { 0 } else { code / 4 - 1 }
}

static FIXED: LazyLock<Codes> = LazyLock::new(Codes::fixed);

/// In which order the lengths of the codes of lengths stand. // RFC 1951 §3.2.7
const LENGTH_ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Bits of the longest reference: two codes with 5 and 13 extra bits.
const LONGEST_SYMBOL: usize = 48;

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};
    use proptest::prelude::*;

    use super::*;

    fn deflated(plain: &[u8], level: u32, window_bits: u8) -> Vec<u8> {
        let mut payload = Vec::with_capacity(plain.len() * 2 + 1024);
        let mut zlib = Compress::new_with_window_bits(Compression::new(level), false, window_bits);
        zlib.compress_vec(plain, &mut payload, FlushCompress::Sync).unwrap();
        payload
    }

    fn beyond(window_bits: u8, pieces: &[&[u8]]) -> Option<Reference> {
        let mut reach = Reach::new(window_bits);
        reach.begin();
        pieces.iter().for_each(|piece| reach.push(piece));
        assert!(reach.unread.len() < 600, "{} bytes kept", reach.unread.len());
        reach.beyond()
    }

    #[test]
    fn a_reference_beyond_the_window_is_found_with_its_place() {
        // 600 random bytes that come again: fixed codes would not do, so a stored block and a dynamic one.
        let mut state = 7_u32;
        let mut byte = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        let once: Vec<u8> = (0..600).map(|_| byte()).collect();
        let payload = deflated(&once.repeat(2), 9, 15);
        let found = beyond(9, &[&payload]).unwrap();
        assert_eq!(found.distance, 600);
        assert!((590..payload.len() as u64).contains(&found.offset), "{found:?}");
        assert_eq!(beyond(10, &[&payload]), None);
        let bytes: Vec<_> = payload.chunks(1).collect();
        assert_eq!(beyond(9, &bytes), Some(found));
    }

    #[test]
    fn a_block_header_that_comes_byte_by_byte_is_read_once() {
        // All 19 lengths, each of 7 bits or none: nearly the longest header that there is.
        let plain: Vec<u8> = (0..=255_u8).flat_map(|byte| vec![byte; usize::from(byte % 31) + 1]).collect();
        let payload = deflated(&plain, 9, 15);
        let mut reach = Reach::new(8);
        reach.begin();
        for byte in payload.chunks(1) {
            reach.push(byte);
            assert!(reach.unread.len() <= 10, "{} bytes are read again with the next", reach.unread.len());
        }
    }

    #[test]
    fn the_next_message_is_read_afresh() {
        let mut reach = Reach::new(8);
        // length 3, distance 257, by fixed codes: 0000001, then 10000 and 7 extra bits
        for _ in 0..2 {
            reach.begin();
            reach.push(&[0x02, 0x06, 0, 0]);
            assert_eq!(reach.beyond().map(|found| found.distance), Some(257));
        }
        reach.begin();
        reach.push(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
        assert_eq!(reach.beyond(), None);
    }

    proptest! {
        #[test]
        fn what_was_compressed_with_a_window_stays_in_it(
            seed in prop::collection::vec(any::<u8>(), 1..900),
            picks in prop::collection::vec((any::<prop::sample::Index>(), 1_usize..300), 0..40),
            window_bits in 9_u8..15,
            level in 0_u32..10,
            cut in 1_usize..2000,
        ) {
            let mut plain = seed;
            for (from, length) in picks {
                let from = from.index(plain.len());
                plain.extend_from_within(from..(from + length).min(plain.len()));
            }
            let payload = deflated(&plain, level, window_bits);
            let pieces: Vec<_> = payload.chunks(cut).collect();
            prop_assert_eq!(beyond(window_bits, &pieces), None);
            // All of it was read: a reference behind it is found.
            let far = [payload.as_slice(), &[0x02, 0x06, 0, 0, 0, 0, 0, 0]].concat();
            let found = beyond(8, &[&far]);
            prop_assert!(found.is_some());
            let far: Vec<_> = far.chunks(cut).collect();
            prop_assert_eq!(beyond(8, &far), found);
        }

        #[test]
        fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..3000), cut in 1_usize..3000) {
            let pieces: Vec<_> = bytes.chunks(cut).collect();
            prop_assert_eq!(beyond(8, &pieces), beyond(8, &[&bytes]));
        }
    }
}
