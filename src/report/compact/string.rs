//! UTF-8 → a JSON string (RFC 8259 §7), a block at a time, in which nothing can steer a terminal.

use crate::report::escaped::{First, first};
use crate::word::each;

/// Appends it, with its quotes.
pub(in crate::report) fn string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    escaped(text, out);
    out.push(b'"');
}

/// Appends what stands between its quotes.
pub(in crate::report) fn escaped(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while !rest.is_empty() {
        let (plain, other) = rest.split_at_checked(plain(rest)).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        rest = escape(other, out);
    }
}

/// How many bytes at the beginning only hold what stands for itself: whole blocks, or all.
fn plain(text: &[u8]) -> usize {
    let (large, _) = text.as_chunks::<{ 4 * BLOCK }>();
    let sure = 4 * BLOCK * large.iter().take_while(|block| is_plain(*block)).count();
    let (small, tail) = text.get(sure..).unwrap_or_default().as_chunks::<BLOCK>();
    let more = small.iter().take_while(|block| is_plain(*block)).count();
    // The bytes before the tail are plain: it can be judged with some of these, as a block.
    let ends_plain = || text.last_chunk::<BLOCK>().map_or_else(|| is_plain(tail), |block| is_plain(block));
    if more == small.len() && ends_plain() { text.len() } else { sure + more * BLOCK }
}

/// Writes what does not begin with a plain block, up to one; gives back the rest.
fn escape<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let mut rest = text;
    while let Some((block, after)) = rest.split_first_chunk() {
        rest = match Content::of(block) {
            Content::Plain => return rest,
            Content::Quotes => {
                escape_quotes(block, 0, out);
                after
            }
            Content::Other => escape_some(rest, out),
        };
    }
    while !rest.is_empty() {
        let mut block = [b' '; BLOCK];
        block.iter_mut().zip(rest).for_each(|(byte, of_rest)| *byte = *of_rest);
        rest = match Content::of(&block) {
            Content::Other => escape_some(rest, out),
            Content::Plain | Content::Quotes => {
                escape_quotes(&block, BLOCK - rest.len(), out);
                &[]
            }
        };
    }
    rest
}

/// What stands in a block.
enum Content {
    /// Only what stands for itself.
    Plain,
    /// That, and quotation marks and backslashes.
    Quotes,
    /// Something else too: control characters, or characters beyond ASCII.
    Other,
}

impl Content {
    /// Looks without a branch, so that the bytes of a block are judged at once.
    #[inline]
    fn of(block: &[u8; BLOCK]) -> Self {
        let other = block.iter().fold(false, |found, byte| found | !is_printable(*byte));
        let quotes = block.iter().fold(false, |found, byte| found | is_quote(*byte));
        match (other, quotes) {
            (true, _) => Self::Other,
            (false, true) => Self::Quotes,
            (false, false) => Self::Plain,
        }
    }
}

/// Without a branch, as above.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    !bytes.iter().fold(false, |found, byte| found | !is_printable(*byte) | is_quote(*byte))
}

/// Writes a block of printable characters, but the last `unused`. Without a branch too: in JSON inside of JSON every fourth
/// byte is a quotation mark, and no processor foresees which.
#[inline]
fn escape_quotes(block: &[u8; BLOCK], unused: usize, out: &mut Vec<u8>) {
    let start = out.len();
    // In place: who reads as a block what was just written byte by byte has to wait for all of it.
    out.extend_from_slice(&[b'\\'; 2 * BLOCK]);
    let Some(escaped) = out.last_chunk_mut::<{ 2 * BLOCK }>() else { return };
    let mut length = 0;
    for bytes in block.as_chunks::<8>().0 {
        let quotes = u64::from_le_bytes(bytes.map(|byte| u8::from(is_quote(byte))));
        // In each byte, how many there are up to it: what is multiplied by ones is added up from byte to byte. What no byte is
        // written to is the backslash that the next one needs.
        let backslashes = quotes.wrapping_mul(each(1));
        let places = (each(1) * length).wrapping_add(COUNTED).wrapping_add(backslashes);
        for (byte, place) in bytes.iter().zip(places.to_le_bytes()) {
            if let Some(place) = escaped.get_mut(usize::from(place) % (2 * BLOCK)) {
                *place = *byte;
            }
        }
        length += 8 + (backslashes >> 56);
    }
    let length = usize::try_from(length).unwrap_or_default();
    // The unused ones are spaces, a byte each.
    out.truncate(start + length - unused);
}

/// Writes a character that does not stand for itself, or the printable ones before it; gives back the rest.
#[inline(never)]
fn escape_some<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let plain = text.iter().take_while(|byte| is_printable(**byte) && !is_quote(**byte)).count();
    let (plain, rest) = text.split_at_checked(plain).unwrap_or((text, &[]));
    out.extend_from_slice(plain);
    escape_first(rest, out)
}

/// As many bytes as the vector registers of every x86-64 and ARM processor hold.
const BLOCK: usize = 16;

const COUNTED: u64 = u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7]);

const fn is_printable(byte: u8) -> bool {
    byte.wrapping_sub(0x20) < 0x5f
}

const fn is_quote(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\')
}

/// Writes what does not stand for itself, or is none of ASCII, at the beginning of what is left; gives back the rest.
fn escape_first<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let Some((byte, rest)) = text.split_first() else { return text };
    let short = match byte {
        b'"' | b'\\' => *byte,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        ..0x20 => return by_code(u32::from(*byte), rest, out),
        _ => return beyond_ascii(text, out),
    };
    out.extend_from_slice(&[b'\\', short]);
    rest
}

/// Writes a run of characters beyond ASCII, up to the first that has to be escaped.
fn beyond_ascii<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    if let First::Unsafe(code, size) = first(text) {
        return by_code(code, text.get(size..).unwrap_or_default(), out);
    }
    let others = text.iter().skip(1).take_while(|byte| **byte >= 0x80 && !may_be_unsafe(**byte)).count();
    let (run, rest) = text.split_at_checked(others + 1).unwrap_or((text, &[]));
    out.extend_from_slice(run);
    rest
}

fn by_code<'a>(code: u32, rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    for unit in character.encode_utf16(&mut [0; 2]) {
        let digit = |shift: u16| {
            b"0123456789abcdef".get(usize::from(*unit >> shift & 15)).copied().unwrap_or_default()
        };
        out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
    }
    rest
}

/// Does an unsafe character begin with this byte?
const fn may_be_unsafe(byte: u8) -> bool {
    matches!(byte, 0xc2 | 0xd8 | 0xe2 | 0xef | 0xf3)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::report::escaped::Escaped;

    fn both(text: &str) -> (String, String) {
        let (mut direct, mut general) = (Vec::new(), Vec::new());
        string(text.as_bytes(), &mut direct);
        Escaped::new(&mut general).write_all(serde_json::to_string(text).unwrap().as_bytes()).unwrap();
        (String::from_utf8(direct).unwrap(), String::from_utf8(general).unwrap())
    }

    #[test]
    fn every_character_is_escaped_as_the_general_way_does_wherever_it_stands() {
        for character in
            (0..0x3100).chain(0xfe00..0x1_0100).chain(0xd_ff00..0xe_1100).filter_map(char::from_u32)
        {
            for (before, behind) in
                [("", ""), ("123", "4\"6789abc"), ("1234567", "\u{e9}\u{9b}89"), ("\u{20ac}", "\u{20ac}")]
            {
                let (direct, general) = both(&format!("{before}{character}{behind}"));
                assert_eq!(direct, general);
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_escaped_as_the_general_way_does(
            text in prop_oneof![any::<String>(), "[\\PC\u{0}-\u{ff}\u{61c}\u{202e}\u{2066}\u{feff}\u{e0000}-\u{e0081}\"\\\\]{0,60}"]
        ) {
            let (direct, general) = both(&text);
            prop_assert_eq!(direct, general);
        }
    }
}
