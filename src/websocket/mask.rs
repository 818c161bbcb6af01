//! Masked payload → plain payload (RFC 6455 §5.3).

use std::array;

use memchr::memchr;

use crate::word::{HIGHEST, TURNED, each};

/// Unmasks (or masks) `bytes` in place; `offset` is where they begin in the payload of their frame.
pub fn unmask(bytes: &mut [u8], key: [u8; 4], offset: u64) {
    let keys = repeated(rotated(key, offset));
    // Several lanes at once, where there are many.
    let (large, rest) = bytes.as_chunks_mut::<64>();
    large.iter_mut().for_each(|large| unmask_each(large, keys));
    unmask_each(rest, keys);
}

#[inline(always)]
fn unmask_each(bytes: &mut [u8], keys: Lane) {
    let (lanes, rest) = bytes.as_chunks_mut::<{ size_of::<Lane>() }>();
    lanes.iter_mut().for_each(|lane| xor(lane, keys));
    xor(rest, keys);
}

/// What the bytes of a text are, all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repertoire {
    /// Printable ASCII, without quotation marks and backslashes.
    Printable,
    /// ASCII, with no NUL.
    Ascii,
    /// There are others.
    Any,
}

/// Unmasks a whole text, and looks what it is on the way: most text then needs no other look.
#[inline]
pub(super) fn unmask_and_look(bytes: &mut [u8], key: [u8; 4]) -> Repertoire {
    let seen = unmask_lanes(bytes, key).unwrap_or_else(|| unmask_few(bytes, key));
    if seen.is_printable() {
        Repertoire::Printable
    } else if seen.is_ascii() && memchr(0, bytes).is_none() {
        Repertoire::Ascii
    } else {
        Repertoire::Any
    }
}

/// `None` where there is not even one lane.
#[inline]
fn unmask_lanes(bytes: &mut [u8], key: [u8; 4]) -> Option<Seen> {
    let length = bytes.len();
    let last = *bytes.last_chunk()?;
    let mut seen = Seen::default();
    let keys = repeated(key);
    bytes.as_chunks_mut().0.iter_mut().for_each(|lane| seen.unmask(lane, keys));
    // The last lane overlaps the one before it.
    if let Some(place) = bytes.last_chunk_mut() {
        *place = last;
        seen.unmask(place, repeated(rotated(key, length as u64)));
    }
    Some(seen)
}

#[inline(never)]
fn unmask_few(bytes: &mut [u8], key: [u8; 4]) -> Seen {
    let keys = repeated(key);
    // What is behind the bytes is printable.
    let mut lane = keys.map(|key| key ^ b' ');
    let mut seen = Seen::default();
    lane.iter_mut().zip(&*bytes).for_each(|(place, byte)| *place = *byte);
    seen.unmask(&mut lane, keys);
    bytes.iter_mut().zip(lane).for_each(|(byte, plain)| *byte = plain);
    seen
}

/// Bytes that are unmasked by a few instructions.
type Lane = [u8; 16];

/// What was seen at each place of the lanes.
struct Seen {
    /// The least, with the bit [`TURNED`].
    turned: Lane,
    /// The least, with those bits turned that make a backslash 0.
    backslash: Lane,
    highest: Lane,
}

impl Default for Seen {
    fn default() -> Self {
        Self { turned: [u8::MAX; 16], backslash: [u8::MAX; 16], highest: [0; 16] }
    }
}

// All of this is written byte by byte of a lane, and read as words only where nothing is written any more: so it becomes a few instructions
// for each lane.
impl Seen {
    #[inline(always)]
    fn unmask(&mut self, lane: &mut Lane, keys: Lane) {
        let seen = self.turned.iter_mut().zip(&mut self.backslash).zip(&mut self.highest);
        for ((byte, key), ((turned, backslash), highest)) in lane.iter_mut().zip(keys).zip(seen) {
            *byte ^= key;
            *turned = (*turned).min(*byte ^ TURNED);
            *backslash = (*backslash).min(*byte ^ b'\\');
            *highest = (*highest).max(*byte);
        }
    }

    #[inline(always)]
    fn is_printable(&self) -> bool {
        let seen = self.turned.iter().zip(&self.backslash).zip(&self.highest);
        // 0 where there was something else.
        let mut least: Lane = [0; 16];
        least.iter_mut().zip(seen).for_each(|(least, ((turned, backslash), highest))| {
            *least = turned.saturating_sub(b' ').min(*backslash).min(0x7f_u8.saturating_sub(*highest));
        });
        words(&least).all(|word| word.wrapping_sub(each(1)) & !word & HIGHEST == 0)
    }

    #[inline(always)]
    fn is_ascii(&self) -> bool {
        words(&self.highest.map(|highest| highest & 0x80)).all(|word| word == 0)
    }
}

#[inline(always)]
fn xor(bytes: &mut [u8], keys: Lane) {
    bytes.iter_mut().zip(keys).for_each(|(byte, key)| *byte ^= key);
}

#[inline(always)]
fn repeated(key: [u8; 4]) -> Lane {
    array::from_fn(|place| key.get(place % key.len()).copied().unwrap_or_default())
}

/// The bytes, eight at a time.
#[inline(always)]
fn words(lane: &Lane) -> impl Iterator<Item = u64> {
    lane.as_chunks().0.iter().map(|word| u64::from_ne_bytes(*word))
}

/// The key as it applies from `offset` on.
const fn rotated(key: [u8; 4], offset: u64) -> [u8; 4] {
    let bits = match offset % 4 {
        0 => 0,
        1 => 8,
        2 => 16,
        _ => 24,
    };
    u32::from_le_bytes(key).rotate_right(bits).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_masked_hello_of_rfc_6455_is_read() {
        // RFC 6455 §5.7
        let mut payload = [0x7f, 0x9f, 0x4d, 0x51, 0x58];
        unmask(&mut payload, [0x37, 0xfa, 0x21, 0x3d], 0);
        assert_eq!(&payload, b"Hello");
    }

    #[test]
    fn each_byte_is_seen_wherever_it_stands() {
        for (length, key) in
            (1..=40).flat_map(|length| [(length, [0; 4]), (length, [0x37, 0xfa, 0x21, 0x3d])])
        {
            for (place, byte) in (0..length).flat_map(|place| (0..=u8::MAX).map(move |byte| (place, byte))) {
                let mut text = vec![b'~'; length];
                text[place] = byte;
                unmask(&mut text, key, 0);
                let expected = match byte {
                    b'"' | b'\\' => Repertoire::Ascii,
                    b' '..=b'~' => Repertoire::Printable,
                    1..0x80 => Repertoire::Ascii,
                    _ => Repertoire::Any,
                };
                assert_eq!(unmask_and_look(&mut text, key), expected, "{byte} at {place} of {length}");
                assert_eq!(text[place], byte);
            }
        }
    }

    proptest! {
        #[test]
        fn a_whole_payload_is_unmasked_as_its_parts_are(
            text in prop_oneof!["[ -~]{0,80}", "[\\x00-\\x7f]{0,80}", ".{0,30}"],
            key: [u8; 4],
        ) {
            let mut masked = text.clone().into_bytes();
            unmask(&mut masked, key, 0);
            let seen = unmask_and_look(&mut masked, key);
            prop_assert_eq!(&masked, text.as_bytes());
            let is_printable = |byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
            let expected = if text.bytes().all(is_printable) {
                Repertoire::Printable
            } else if text.bytes().all(|byte| byte.is_ascii() && byte != 0) {
                Repertoire::Ascii
            } else {
                Repertoire::Any
            };
            prop_assert_eq!(seen, expected);
        }

        #[test]
        fn words_give_what_single_bytes_give(
            bytes in prop::collection::vec(any::<u8>(), 0..100),
            key: [u8; 4],
            offset: u64,
        ) {
            let offset = offset >> 1;
            let by_byte: Vec<u8> =
                bytes.iter().zip(offset..).map(|(byte, i)| byte ^ key[(i % 4) as usize]).collect();
            let mut by_word = bytes;
            unmask(&mut by_word, key, offset);
            prop_assert_eq!(by_word, by_byte);
        }
    }
}
