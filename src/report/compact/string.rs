//! UTF-8 → a JSON string (RFC 8259 §7), a block at a time, in which nothing can steer a terminal.

use crate::report::escaped::{self, First};

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
    let (large, _) = text.as_chunks::<LARGE>();
    let sure = LARGE * large.iter().take_while(|block| is_plain(*block)).count();
    let (small, tail) = text.get(sure..).unwrap_or_default().as_chunks::<BLOCK>();
    let more = small.iter().take_while(|block| is_plain(*block)).count();
    // The bytes before the tail are plain: it can be judged with some of these, as a block.
    let ends_plain = || text.last_chunk::<BLOCK>().map_or_else(|| is_plain(tail), |block| is_plain(block));
    if more == small.len() && ends_plain() { text.len() } else { sure + more * BLOCK }
}

/// Writes what does not begin with a plain block, up to one; gives back the rest.
fn escape<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let mut rest = text;
    while let Some(window) = rest.first_chunk() {
        if window.first_chunk::<LARGE>().is_some_and(|block| is_plain(block)) {
            return rest;
        }
        rest = escape_some(window, rest, out);
    }
    while !rest.is_empty() {
        // What is behind the text is not written.
        let mut window = [b' '; WINDOW];
        window.iter_mut().zip(rest).for_each(|(byte, of_text)| *byte = *of_text);
        rest = escape_some(&window, rest, out);
    }
    rest
}

/// Writes the printable characters of a block up to the first other one, and that; gives back the rest. The text begins with the window,
/// or the window with the text.
#[inline]
fn escape_some<'a>(window: &[u8; WINDOW], text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let printable = before_first(places_of(window, |byte| !is_printable(byte)));
    let (block, rest) = text.split_at_checked(printable).unwrap_or((text, &[]));
    if !block.is_empty() {
        escape_quotes(window, block.len(), out);
    }
    if printable < LARGE { escape_first(rest, out) } else { rest }
}

/// Looks without a branch, so that the bytes of a block are judged at once.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    !bytes.iter().fold(false, |found, byte| found | !is_printable(*byte) | is_quote(*byte))
}

/// Writes the first `size` bytes of a window, at most [`LARGE`], all of them printable. In JSON inside of JSON every fourth byte is a
/// quotation mark: what stands between two of them is copied with what is behind it, and the next copy goes over that.
fn escape_quotes(window: &[u8; WINDOW], size: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; ROOM]);
    let Some(room) = out.last_chunk_mut() else { return };
    let (mut from, mut to) = (0, 0);
    let mut quotes = places_of(window, is_quote);
    loop {
        let quote = before_first(quotes);
        if quote >= size {
            break;
        }
        quotes &= quotes - 1;
        copy(window, from, room, to, quote - from);
        to += quote - from;
        room.get_mut(to).into_iter().for_each(|place| *place = b'\\');
        (from, to) = (quote, to + 1);
    }
    copy(window, from, room, to, size - from);
    out.truncate(start + to + size - from);
}

/// Copies so many bytes, and what follows them.
#[inline(always)]
fn copy(window: &[u8; WINDOW], mut from: usize, room: &mut [u8; ROOM], mut to: usize, length: usize) {
    let end = from + length;
    loop {
        // Both are less: the remainders say so to the compiler.
        let piece: Option<&[u8; COPIED]> = window.get(from % LARGE..).and_then(<[u8]>::first_chunk);
        let place = room.get_mut(to % (2 * LARGE)..).and_then(<[u8]>::first_chunk_mut);
        piece.zip(place).into_iter().for_each(|(piece, place)| *place = *piece);
        (from, to) = (from + COPIED, to + COPIED);
        if from >= end {
            return;
        }
    }
}

/// A bit for each such byte of a block, the lowest for the first.
#[inline]
fn places_of(window: &[u8; WINDOW], such: impl Fn(u8) -> bool) -> u64 {
    let mut marks = [0; LARGE];
    marks.iter_mut().zip(window).for_each(|(mark, byte)| *mark = u8::from(such(*byte)));
    let words = marks.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word));
    words.rev().fold(0, |bits, word| bits << 8 | word.wrapping_mul(TOGETHER) >> 56)
}

/// How many bytes of a block are before the first such: all, where there is none.
fn before_first(places: u64) -> usize {
    usize::try_from(places.trailing_zeros()).unwrap_or(LARGE)
}

/// As many bytes as the vector registers of every x86-64 and ARM processor hold.
const BLOCK: usize = 16;
/// As many as a word has bits.
const LARGE: usize = 64;
/// Bytes that are copied at once: two quotation marks are seldom farther from each other.
const COPIED: usize = 32;
/// A block, and what is copied with its last byte.
const WINDOW: usize = LARGE + COPIED;
/// Each byte of a block may take two.
const ROOM: usize = 2 * LARGE + COPIED;

/// Brings the lowest bits of eight bytes into the highest byte, that of the first byte lowest.
const TOGETHER: u64 = 0x0102_0408_1020_4080;

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
    if let First::Unsafe(code, size) = escaped::first(text) {
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

    #[test]
    fn quotation_marks_are_escaped_wherever_they_stand_in_a_long_text() {
        for length in [1, 15, 16, 17, 63, 64, 65, 95, 96, 97, 127, 128, 160, 200] {
            for place in 0..length {
                for (mark, every) in [("\"", 1), ("\\", 2), ("\"", 5), ("\\", 40), ("\u{e9}", 97)] {
                    let byte = |at: usize| if at % every == place % every { mark } else { "a" };
                    let text: String = (0..length).map(byte).collect();
                    let (direct, general) = both(&text);
                    assert_eq!(direct, general);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_escaped_as_the_general_way_does(
            text in prop_oneof![any::<String>(), "([ -~]{0,90}[\u{0}-\u{ff}\u{2066}\"\\\\]{0,9}){0,5}", "[\\PC\u{0}-\u{ff}\u{61c}\u{202e}\u{2066}\u{feff}\u{e0000}-\u{e0081}\"\\\\]{0,60}"]
        ) {
            let (direct, general) = both(&text);
            prop_assert_eq!(direct, general);
        }
    }
}
