//! Text that is printable ASCII, as most is → what stands between the quotes of a JSON string (RFC 8259 §7).

use super::Row;
use crate::word::{HIGHEST, each};

impl Row<'_> {
    /// A text of at most two blocks in which nothing is to be escaped; of others nothing, and `false`.
    #[inline]
    pub(in crate::report::view) fn short(&mut self, text: &[u8]) -> bool {
        match text.len() {
            BLOCK..=TWO_BLOCKS => self.ends::<BLOCK>(text),
            8..BLOCK => self.ends::<8>(text),
            4..8 => self.ends::<4>(text),
            2..4 => self.ends::<2>(text),
            1 => self.ends::<1>(text),
            length => length == 0,
        }
    }

    /// A text that is not shorter than its ends, nor longer than both of them. They are copied as a whole each, which takes less than a
    /// copy of any length.
    #[inline]
    fn ends<const SIZE: usize>(&mut self, text: &[u8]) -> bool {
        let (Some(first), Some(last)) = (text.first_chunk::<SIZE>(), text.last_chunk::<SIZE>()) else {
            return false;
        };
        let special = words(first).chain(words(last)).fold(0, |found, word| found | special(word));
        let is_plain = special & HIGHEST == 0;
        if is_plain {
            self.put_first(text.len() - SIZE, first);
            self.put(last);
        }
        is_plain
    }

    /// So many bytes at the end of a block of text, each quotation mark and backslash behind a backslash; where there is anything that is
    /// not printable ASCII nothing, and `false`.
    #[inline]
    pub(in crate::report::view) fn block(&mut self, block: &[u8; BLOCK], length: usize) -> bool {
        if words(block).fold(0, |found, word| found | unprintable(word)) & HIGHEST != 0 {
            return false;
        }
        let unused = (BLOCK - length).try_into().map_or(0, |bytes: u32| 8 * bytes);
        let text = u128::from_le_bytes(*block);
        let mut quotes = quotes(text).unbounded_shr(unused);
        let (mut text, mut length) = (text.unbounded_shr(unused), length);
        while quotes != 0 {
            let bits = quotes.trailing_zeros() & !7;
            let before = usize::try_from(bits / 8).unwrap_or_default();
            self.put_first(before, &text.to_le_bytes());
            self.put(b"\\");
            // The mark itself is the first of what is left.
            quotes = (quotes & (quotes - 1)) >> bits;
            (text, length) = (text >> bits, length - before);
        }
        self.put_first(length, &text.to_le_bytes());
        true
    }
}

/// Eight bytes each, the last with spaces where there are not as many.
#[inline]
fn words<const SIZE: usize>(bytes: &[u8; SIZE]) -> impl Iterator<Item = u64> {
    let (words, rest) = bytes.as_chunks::<8>();
    let last =
        (!rest.is_empty()).then(|| rest.iter().fold(SPACES, |word, byte| word << 8 | u64::from(*byte)));
    words.iter().map(|word| u64::from_le_bytes(*word)).chain(last)
}

/// Has the highest bit of a byte set where one of the eight has to be escaped: of the first such byte at least, as what is carried out
/// of it may reach others.
#[inline]
const fn special(word: u64) -> u64 {
    let (quotes, backslashes) = (word ^ each(b'"'), word ^ each(b'\\'));
    unprintable(word) | quotes.wrapping_sub(each(1)) | backslashes.wrapping_sub(each(1))
}

/// The same where one is no printable ASCII: what is beyond ASCII has that bit; DEL gets it, and so does what is less than what is
/// taken away.
#[inline]
const fn unprintable(word: u64) -> u64 {
    word | word.wrapping_add(each(1)) | word.wrapping_sub(each(b' '))
}

/// Has the highest bit of exactly those bytes of ASCII set that are quotation marks or backslashes.
#[inline]
const fn quotes(text: u128) -> u128 {
    let (quotes, backslashes) = (text ^ (EACH_OF_BLOCK * 0x22), text ^ (EACH_OF_BLOCK * 0x5c));
    // Only a zero stays below that bit.
    let others = (quotes + EACH_OF_BLOCK * 0x7f) & (backslashes + EACH_OF_BLOCK * 0x7f);
    !others & EACH_OF_BLOCK << 7
}

/// As many bytes as the vector registers of every x86-64 and ARM processor hold.
const BLOCK: usize = 16;
const TWO_BLOCKS: usize = 2 * BLOCK;

const SPACES: u64 = each(b' ');
const EACH_OF_BLOCK: u128 = u128::from_le_bytes([1; BLOCK]);
