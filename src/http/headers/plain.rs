//! The field lines of a head as nearly all are written → `Headers`, in one pass.

use super::{Field, Firsts, Headers, Span, is_token_byte, offset};
use crate::http::FieldName;

impl Headers {
    /// The fields that `lines` begin with, and the bytes that they take, the empty line included. `None` where that is missing,
    /// where there are more than `bound`, and where one is anything else than a token, a colon, a space at most, and
    /// printable ASCII up to CRLF. `head::Fields` reads all heads, and these in the same way.
    pub(in crate::http) fn plain(lines: &[u8], bound: usize) -> Option<(Self, usize)> {
        let room = (lines.len() / SHORT_LINE).min(USUAL).min(bound);
        let (mut fields, mut firsts, mut at) = (Vec::with_capacity(room), Firsts::default(), 0);
        loop {
            let line = lines.get(at..)?;
            if line.starts_with(b"\r\n") {
                let text = std::str::from_utf8(lines.get(..at)?).ok()?.to_owned();
                return Some((Self { text, fields, firsts }, at + 2));
            }
            let (field, length) = Field::plain(line, at)?;
            if fields.len() == bound {
                return None;
            }
            firsts.note(field.known, fields.len());
            fields.push(field);
            at += length;
        }
    }
}

impl Field {
    /// The field that a line with this place begins with, and the length of the line.
    fn plain(line: &[u8], at: usize) -> Option<(Self, usize)> {
        let (name, value) = line.split_at_checked(bytes_before(line, colons, |byte| *byte == b':'))?;
        let known = FieldName::of(name);
        if known.is_none() && (name.is_empty() || !name.iter().copied().all(is_token_byte)) {
            return None;
        }
        let value = value.strip_prefix(b": ").or_else(|| value.strip_prefix(b":"))?;
        let from = line.len() - value.len();
        let (value, rest) = value.split_at_checked(printable(value))?;
        if value.starts_with(b" ") || value.ends_with(b" ") || !rest.starts_with(b"\r\n") {
            return None;
        }
        let to = from + value.len();
        let span = |from: usize, to: usize| Span { from: offset(at + from), to: offset(at + to) };
        Some((Self { name: span(0, name.len()), value: span(from, to), known }, to + 2))
    }
}

/// How many printable bytes of ASCII come first.
pub(in crate::http) fn printable(bytes: &[u8]) -> usize {
    // Below 0x20 the first sets the high bit, at 0x7f the second, above one of them.
    let odd = |word: u64| word.wrapping_sub(EACH * 0x20) | word.wrapping_add(EACH);
    bytes_before(bytes, odd, |byte| !(0x20..0x7f).contains(byte))
}

/// Sets the high bit of a colon, where there is none before it.
const fn colons(word: u64) -> u64 {
    let others = word ^ (EACH * b':' as u64);
    others.wrapping_sub(EACH) & !others
}

/// How many bytes come before one of this kind. In a word of eight, whose first byte is the lowest, `marked` sets the high bit
/// of the first of these and of none before it; what later bytes get does not matter.
fn bytes_before(bytes: &[u8], marked: impl Fn(u64) -> u64, is_it: impl Fn(&u8) -> bool) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let found = marked(u64::from_le_bytes(*word)) & (EACH * 0x80);
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    words.len() * 8 + rest.iter().take_while(|byte| !is_it(byte)).count()
}

/// A one in each byte.
const EACH: u64 = 0x0101_0101_0101_0101;

/// Most lines are longer, and most requests have no more fields: room that most heads fill, and none outgrows by much.
const SHORT_LINE: usize = 24;
const USUAL: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_lines_are_read_up_to_the_empty_one() {
        let (headers, size) = Headers::plain(b"Host: a\r\nX-Empty:\r\nX:b c\r\n\r\n\x81\x00", 3).unwrap();
        let fields: Vec<_> = headers.iter().map(|field| (field.name, field.value)).collect();
        assert_eq!((fields, size), (vec![("Host", "a"), ("X-Empty", ""), ("X", "b c")], 28));
        assert_eq!(headers.first(FieldName::Host), Some("a"));
    }

    #[test]
    fn all_others_are_left_to_who_notes_what_is_odd() {
        for lines in [
            "A: b\r\n",
            "A: b\n\r\n",
            "A: b\r\n\n",
            "A: b\r\r\n\r\n",
            "A: b\tc\r\n\r\n",
            "A: \u{7f}\r\n\r\n",
            "A: \u{fc}\r\n\r\n",
            "A : b\r\n\r\n",
            "A:  b\r\n\r\n",
            "A: b \r\n\r\n",
            " A: b\r\n\r\n",
            "A: b\r\n c\r\n\r\n",
            ": b\r\n\r\n",
            "A\r\n\r\n",
            "A\r\nB: c\r\n\r\n",
            "A: 1\r\nA: 2\r\nA: 3\r\n\r\n",
        ] {
            assert_eq!(Headers::plain(lines.as_bytes(), 2), None, "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn printable_bytes_are_counted_up_to_the_first_other_one(
            bytes in proptest::collection::vec(prop_oneof![40 => 0x20_u8..0x7f, 1 => any::<u8>()], 0..60),
        ) {
            let one_by_one = bytes.iter().take_while(|byte| (b' '..=b'~').contains(byte)).count();
            prop_assert_eq!(printable(&bytes), one_by_one);
        }

        #[test]
        fn bytes_are_counted_up_to_the_first_colon(
            bytes in proptest::collection::vec(prop_oneof![10 => any::<u8>(), 1 => b'9'..=b';'], 0..40),
        ) {
            let one_by_one = bytes.iter().take_while(|byte| **byte != b':').count();
            prop_assert_eq!(bytes_before(&bytes, colons, |byte| *byte == b':'), one_by_one);
        }
    }
}
