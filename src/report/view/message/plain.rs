//! Text → whether all of it stands for itself in a JSON string.

use crate::word::{HIGHEST, TURNED, each};

/// Of UTF-8: is there nothing in it that has to be escaped? Of characters beyond ASCII only the first bytes are looked at, so that it says
/// no of some that stand for themselves.
pub(super) fn is_plain(text: &[u8]) -> bool {
    text.chunks(PART).all(is_plain_part)
}

/// Looks at words, without a branch for each: in the highest bit of each byte is found what it is.
fn is_plain_part(text: &[u8]) -> bool {
    let (mut special, mut beyond) = (0, 0);
    let mut judge = |word: &[u8; WORD]| {
        let word = u64::from_le_bytes(*word);
        let is_low = (word ^ each(TURNED)).wrapping_sub(each(b' ' + 1));
        let is_backslash = (word ^ each(b'\\')).wrapping_sub(each(1));
        special |= is_low | is_backslash;
        // DEL gets that bit too, and no byte of UTF-8 is one that reaches the next.
        beyond |= word.wrapping_add(each(1));
    };
    let (words, rest) = text.as_chunks();
    words.iter().for_each(&mut judge);
    if let Some(end) = text.last_chunk() {
        // Some bytes before what is behind the words are looked at twice.
        judge(end);
    } else {
        let mut word = [b' '; WORD];
        word.iter_mut().zip(rest).for_each(|(byte, of_rest)| *byte = *of_rest);
        judge(&word);
    }
    if beyond & HIGHEST == 0 { special & HIGHEST == 0 } else { is_plain_beyond_ascii(text) }
}

/// Are only such characters beyond ASCII as begin with another byte than all that can steer a terminal?
// Inlined, its patterns would take the registers that the common way needs.
#[inline(never)]
fn is_plain_beyond_ascii(text: &[u8]) -> bool {
    let lowest = text.iter().fold(u8::MAX, |least, byte| least.min(byte ^ TURNED));
    let nearest =
        |least: u8, byte: &u8| SPECIAL.iter().fold(least, |least, special| least.min(byte ^ special));
    lowest > b' ' && text.iter().fold(u8::MAX, nearest) > 0
}

const WORD: usize = 8;

/// All of most texts; of JSON inside of JSON, no more than this is looked at in vain.
const PART: usize = 256;

/// A backslash, DEL, and the first bytes of what can steer a terminal beyond ASCII.
const SPECIAL: [u8; 7] = [b'\\', 0x7f, 0xc2, 0xd8, 0xe2, 0xef, 0xf3];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::compact::string;

    fn is_written_as_it_is(text: &[u8]) -> bool {
        let mut written = Vec::new();
        string(text, &mut written);
        written[1..written.len() - 1] == *text
    }

    #[test]
    fn ascii_is_plain_where_a_string_writes_it_as_it_is() {
        assert!(is_plain(b""));
        for length in [1, 2, 15, 16, 17, 31, 32, 33, 100, 255, 256, 257, 300] {
            for place in 0..length {
                for byte in 0..0x80 {
                    let mut text = vec![b'a'; length];
                    text[place] = byte;
                    assert_eq!(is_plain(&text), is_written_as_it_is(&text), "{byte} at {place} of {length}");
                }
            }
        }
    }

    #[test]
    fn what_a_string_escapes_is_nowhere_plain() {
        for character in
            ('\0'..=char::MAX).filter(|character| !is_written_as_it_is(character.to_string().as_bytes()))
        {
            for before in ["", "0123456789", "012345678901234"] {
                assert!(!is_plain(format!("{before}{character}").as_bytes()), "{character:?}");
                assert!(
                    !is_plain(format!("{before}{character}{before}{before}").as_bytes()),
                    "{character:?}"
                );
            }
        }
    }

    #[test]
    fn most_that_people_write_is_plain() {
        for text in
            ["你好", "привет", "déjà vu", "ありがとう", "🙂", "größer als Straße, länger als sechzehn Bytes"]
        {
            assert!(is_plain(text.as_bytes()), "{text}");
        }
        for text in ["\"你好\"", "при\\вет", "déjà\nvu", "ありが\u{7f}とう", "“so”"] {
            assert!(!is_plain(text.as_bytes()), "{text}");
        }
    }
}
