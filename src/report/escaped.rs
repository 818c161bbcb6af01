//! JSON → the same JSON, in which nothing can steer a terminal or mislead its reader.

use std::io::{self, Write};

use serde::Serialize;

/// Writes a value as indented JSON, and ends the line.
pub(crate) fn json(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(Escaped::new(&mut *out), value)?;
    writeln!(out)
}

/// Escapes what RFC 8259 §7 lets stand in a string as it is, and a terminal would obey: DEL, the C1 control characters, line
/// separators and the characters that turn the direction of text; and what no reader sees, though a program does: byte order
/// marks and tags. Outside of strings JSON has none of them.
#[derive(Debug)]
pub(super) struct Escaped<W> {
    out: W,
    /// The beginning of a character whose rest has not come yet.
    held: Vec<u8>,
}

impl<W: Write> Escaped<W> {
    pub(super) const fn new(out: W) -> Self {
        Self { out, held: Vec::new() }
    }

    fn pass(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while let Some(place) = first_lead(bytes) {
            let (plain, from) = bytes.split_at_checked(place).unwrap_or((bytes, &[]));
            self.out.write_all(plain)?;
            bytes = match first(from) {
                First::Cut => {
                    self.held = from.to_vec();
                    return Ok(());
                }
                First::Plain => {
                    let (lead, rest) = from.split_at_checked(1).unwrap_or((from, &[]));
                    self.out.write_all(lead)?;
                    rest
                }
                First::Unsafe(code, size) => {
                    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        write!(self.out, "\\u{unit:04x}")?;
                    }
                    from.get(size..).unwrap_or_default()
                }
            };
        }
        self.out.write_all(bytes)
    }
}

impl<W: Write> Write for Escaped<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.held.is_empty() {
            self.pass(bytes)?;
        } else {
            let mut whole = std::mem::take(&mut self.held);
            whole.extend_from_slice(bytes);
            self.pass(&whole)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Blocks at a time, each looked through without a branch: ASCII is the rule.
fn first_lead(bytes: &[u8]) -> Option<usize> {
    let is_lead = |byte: &u8| LEADS.contains(byte);
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let places = blocks
        .iter()
        .enumerate()
        .filter(|(_, block)| block.iter().fold(false, |found, byte| found | (*byte >= 0x7f)));
    let in_blocks =
        places.filter_map(|(number, block)| Some(number * BLOCK + block.iter().position(is_lead)?)).next();
    in_blocks.or_else(|| Some(blocks.len() * BLOCK + rest.iter().position(is_lead)?))
}

const BLOCK: usize = 32;

/// The character that begins with one of [`LEADS`].
pub(super) enum First {
    Plain,
    /// Its code point, and how many bytes it takes.
    Unsafe(u32, usize),
    /// More bytes are needed to tell.
    Cut,
}

/// What stands at the beginning of UTF-8.
pub(super) fn first(bytes: &[u8]) -> First {
    match *bytes {
        [0x7f, ..] => First::Unsafe(0x7f, 1),
        [0xc2, low @ 0x80..=0x9f, ..] => First::Unsafe(low.into(), 2),
        [0xd8, 0x9c, ..] => First::Unsafe(0x061c, 2),
        // U+200E, U+200F, U+2028 to U+202E
        [0xe2, 0x80, low @ (0x8e..=0x8f | 0xa8..=0xae), ..] => {
            First::Unsafe(0x2000 | u32::from(low & 0x3f), 3)
        }
        // U+2066 to U+2069
        [0xe2, 0x81, low @ 0xa6..=0xa9, ..] => First::Unsafe(0x2040 | u32::from(low & 0x3f), 3),
        [0xef, 0xbb, 0xbf, ..] => First::Unsafe(0xfeff, 3),
        // U+E0000 to U+E007F
        [0xf3, 0xa0, high @ 0x80..=0x81, low @ 0x80..=0xbf, ..] => {
            First::Unsafe(0xe_0000 | u32::from(high & 1) << 6 | u32::from(low & 0x3f), 4)
        }
        [0xc2 | 0xd8 | 0xe2 | 0xef | 0xf3]
        | [0xe2, 0x80 | 0x81]
        | [0xef, 0xbb]
        | [0xf3, 0xa0]
        | [0xf3, 0xa0, 0x80 | 0x81] => First::Cut,
        _ => First::Plain,
    }
}

/// The first bytes of the characters that are escaped.
const LEADS: [u8; 6] = [0x7f, 0xc2, 0xd8, 0xe2, 0xef, 0xf3];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(pieces: &[&[u8]]) -> String {
        let mut out = Escaped::new(Vec::new());
        pieces.iter().for_each(|piece| out.write_all(piece).unwrap());
        String::from_utf8(out.out).unwrap()
    }

    #[test]
    fn what_steers_a_terminal_is_escaped_and_nothing_else() {
        for code in (0x20..0x3000_u32).chain(0xf000..0x1_0010).chain(0xd_fff0..0xe_1010) {
            let character = char::from_u32(code).unwrap();
            let is_unsafe = character.is_control()
                || matches!(code, 0x61c | 0x200e | 0x200f | 0x2028..=0x202e | 0x2066..=0x2069 | 0xfeff | 0xe_0000..=0xe_007f);
            let units =
                || character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let expected: String = if is_unsafe { units() } else { character.to_string() };
            assert_eq!(escaped(&[character.to_string().as_bytes()]), expected);
        }
    }

    proptest! {
        #[test]
        fn the_value_is_the_same_in_whatever_pieces_it_is_written(
            text in "[\\PC\u{7f}\u{9b}\u{202e}\u{2066}\u{61c}\u{2026}\u{e9}\u{feff}\u{fefe}\u{e0041}\u{e007f}\u{e0080}]{0,40}",
            size in 1..9_usize,
        ) {
            let json = serde_json::to_string(&text).unwrap();
            let pieces = escaped(&json.as_bytes().chunks(size).collect::<Vec<_>>());
            prop_assert_eq!(&pieces, &escaped(&[json.as_bytes()]));
            prop_assert_eq!(serde_json::from_str::<String>(&pieces).unwrap(), text);
            let steers = |c: char| c.is_control() || matches!(c, '\u{202e}' | '\u{2066}' | '\u{61c}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
            prop_assert!(!pieces.chars().any(steers), "{}", pieces);
        }
    }
}
