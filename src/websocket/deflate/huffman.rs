//! Lengths of codes → symbols of the next bits (RFC 1951 §3.2.2).

/// A Huffman code. // RFC 1951 §3.2.2
#[derive(Debug)]
pub(super) struct Code {
    /// By the next bits: symbol × 16 + length of the code; 0 where it is longer. It is as long as the codes need.
    short: Vec<u16>,
    /// How many bits that are.
    bits: usize,
    /// How many codes have each length.
    counts: [u16; LONGEST + 1],
    /// Ordered by their codes.
    symbols: Vec<u16>,
}

impl Code {
    /// `lengths` of the codes of the symbols 0, 1, 2 …; 0 where a symbol has none. The work is linear in them.
    pub(super) fn new(lengths: &[u8]) -> Self {
        let used = (0_u16..).zip(lengths).filter(|(_, length)| **length > 0);
        let used: Vec<_> = used.map(|(symbol, length)| (symbol, usize::from(*length))).collect();
        let mut counts = [0_u16; LONGEST + 1];
        for (_, length) in &used {
            counts.iter_mut().skip(*length).take(1).for_each(|count| *count += 1);
        }
        let longest = counts.iter().rposition(|count| *count > 0).unwrap_or_default();
        let mut code = Self {
            short: vec![0; 1 << longest.min(SHORT)],
            bits: longest.min(SHORT),
            counts,
            symbols: vec![0; used.len()],
        };
        // Of each length: the next code, and its place among all.
        let mut next = [(0_u16, 0_usize); LONGEST + 1];
        let (mut first, mut place) = (0_u16, 0);
        for (next, count) in next.iter_mut().zip(counts) {
            first = first.wrapping_mul(2);
            *next = (first, place);
            first = first.wrapping_add(count);
            place += usize::from(count);
        }
        for (symbol, length) in used {
            if let Some((number, place)) = next.get_mut(length) {
                code.symbols.iter_mut().skip(*place).take(1).for_each(|to| *to = symbol);
                code.enter(symbol, *number, length);
                (*number, *place) = (number.wrapping_add(1), *place + 1);
            }
        }
        code
    }

    /// Enters a symbol wherever its code is what the next bits begin with.
    fn enter(&mut self, symbol: u16, number: u16, length: usize) {
        if length <= self.bits {
            let first = usize::from(number.reverse_bits()) >> (16 - length);
            let entry = symbol * 16 + u16::from(low_byte(length));
            self.short.iter_mut().skip(first).step_by(1 << length).for_each(|to| *to = entry);
        }
    }

    /// The symbol that `word` begins with, and the bits of its code.
    pub(super) fn decode(&self, word: u64) -> Option<(usize, usize)> {
        match self.short.get(low_bits(word, self.bits)) {
            Some(entry) if *entry > 0 => Some((usize::from(entry / 16), usize::from(entry % 16))),
            _ => self.decode_long(word),
        }
    }

    /// Bit by bit: the codes of one length are consecutive numbers.
    fn decode_long(&self, word: u64) -> Option<(usize, usize)> {
        let (mut code, mut first, mut index) = (0_usize, 0_usize, 0_usize);
        for (length, count) in self.counts.iter().enumerate().skip(1) {
            code = code * 2 + low_bits(word >> (length - 1), 1);
            first *= 2;
            let place = code.checked_sub(first)?;
            if place < usize::from(*count) {
                return self.symbols.get(index + place).map(|symbol| (usize::from(*symbol), length));
            }
            index += usize::from(*count);
            first += usize::from(*count);
        }
        None
    }
}

/// The `count` lowest bits, at most 16.
pub(super) fn low_bits(word: u64, count: usize) -> usize {
    let [low, high, ..] = (word & !(u64::MAX << count)).to_le_bytes();
    usize::from(u16::from_le_bytes([low, high]))
}

pub(super) fn low_byte(value: usize) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

/// Bits of the longest code. // RFC 1951 §3.2.7
pub(super) const LONGEST: usize = 15;

/// Bits that are looked up at once: nearly all codes are that short, and 1 KiB is quickly filled.
const SHORT: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_of_short_symbols_has_a_small_table() {
        let code = Code::new(&[1, 0, 2, 2]);
        assert_eq!((code.short.len(), code.symbols.as_slice()), (4, [0, 2, 3].as_slice()));
        assert_eq!(
            [0b0, 0b01, 0b11].map(|word| code.decode(word)),
            [Some((0, 1)), Some((2, 2)), Some((3, 2))]
        );
    }
}
