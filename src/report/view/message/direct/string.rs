//! UTF-8 → a JSON string (RFC 8259 §7), eight bytes at a time, in which nothing can steer a terminal.

use crate::report::escaped::{First, first};

/// Appends it, with its quotes.
pub(super) fn string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    loop {
        let (plain, other) = plain_blocks(rest);
        out.extend_from_slice(plain);
        rest = other;
        let Some((word, _)) = rest.split_first_chunk::<8>() else { break };
        if rest.len() < BLOCK && text.last_chunk().is_some_and(is_plain_block) {
            out.extend_from_slice(rest);
            rest = &[];
            break;
        }
        // All of it goes out, what should not have gone comes back: that is cheaper than to know before.
        out.extend_from_slice(word);
        let plain = plain_in(u64::from_le_bytes(*word));
        if plain == word.len() {
            rest = rest.get(plain..).unwrap_or_default();
        } else {
            out.truncate(out.len() - (word.len() - plain));
            rest = escape_first(rest.get(plain..).unwrap_or_default(), out);
        }
    }
    while let Some((byte, after)) = rest.split_first() {
        if is_plain(*byte) {
            out.push(*byte);
            rest = after;
        } else {
            rest = escape_first(rest, out);
        }
    }
    out.push(b'"');
}

/// As much of the beginning as stands for itself, as far as whole blocks tell; and the rest.
fn plain_blocks(text: &[u8]) -> (&[u8], &[u8]) {
    let (blocks, _) = text.as_chunks();
    let plain = blocks.iter().take_while(|block| is_plain_block(block)).count() * BLOCK;
    text.split_at_checked(plain).unwrap_or((&[], text))
}

/// Looked through without a branch.
fn is_plain_block(block: &[u8; BLOCK]) -> bool {
    block.iter().fold(true, |plain, byte| plain & is_plain(*byte))
}

/// As many bytes as the vector registers of every x86-64 and ARM processor hold: most text needs no more than a look at
/// those.
const BLOCK: usize = 16;

/// How many of the first bytes of a word, in little-endian order, stand for themselves for sure.
fn plain_in(word: u64) -> usize {
    // The highest bit of a byte is set where the byte is what is looked for. A borrow can set more, but only in higher bytes
    // than the first that is right.
    let below = |limit: u64| word.wrapping_sub(EACH * limit) & !word;
    let equal = |byte: u8| {
        let zeros = word ^ (EACH * u64::from(byte));
        zeros.wrapping_sub(EACH) & !zeros
    };
    let from_delete = word | word.wrapping_add(EACH);
    let found = (below(0x20) | equal(b'"') | equal(b'\\') | from_delete) & (EACH << 7);
    usize::try_from(found.trailing_zeros() / 8).unwrap_or_default()
}

/// 1 in each byte.
const EACH: u64 = u64::MAX / 0xff;

const fn is_plain(byte: u8) -> bool {
    (byte.wrapping_sub(0x20) < 0x5f) & (byte != b'"') & (byte != b'\\')
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
        ..0x20 => return by_code(u16::from(*byte), rest, out),
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

fn by_code<'a>(code: u16, rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let digit =
        |shift: u16| b"0123456789abcdef".get(usize::from(code >> shift & 15)).copied().unwrap_or_default();
    out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
    rest
}

/// Does an unsafe character begin with this byte?
const fn may_be_unsafe(byte: u8) -> bool {
    matches!(byte, 0xc2 | 0xd8 | 0xe2)
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
        for character in (0..0x3100).filter_map(char::from_u32) {
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
            text in prop_oneof![any::<String>(), "[\\PC\u{0}-\u{ff}\u{61c}\u{202e}\u{2066}\"\\\\]{0,60}"]
        ) {
            let (direct, general) = both(&text);
            prop_assert_eq!(direct, general);
        }
    }
}
