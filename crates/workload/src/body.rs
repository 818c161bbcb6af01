//! Numbers → what applications send: chat lines, JSON documents, binary data.

use std::fmt::Write as _;

use crate::random::Random;

/// A line of chat of exactly `length` bytes; one line in twenty is not all ASCII.
pub(crate) fn chat(random: &mut Random, length: usize) -> Vec<u8> {
    let words = if random.permille(50) { WORDS_OF_ALL_SCRIPTS } else { WORDS };
    let mut text = String::with_capacity(length + 32);
    while text.len() < length {
        text.push_str(random.pick(words));
        text.push(' ');
    }
    while text.len() > length {
        text.pop();
    }
    // The last character did not fit.
    text.extend(std::iter::repeat_n('!', length - text.len()));
    text.into_bytes()
}

/// A JSON document as a market or a dashboard sends it: 30 bytes to 3 KB, and much of it as in the one before.
pub(crate) fn document(random: &mut Random, micros: u64) -> Vec<u8> {
    let mut text = String::with_capacity(4096);
    if random.permille(50) {
        let _ = write!(text, r#"{{"type":"beat","at":{micros}}}"#);
        return text.into_bytes();
    }
    let _ = write!(text, r#"{{"type":"quotes","number":{},"at":{micros},"rows":["#, random.u32());
    for row in 0..random.between(1, 24) {
        let comma = if row > 0 { "," } else { "" };
        let (name, place) = (random.pick(FRUIT), random.pick(PLACES));
        let (price, cents) = (random.below(50_000), random.below(100));
        let _ = write!(text, r#"{comma}{{"item":"{name}","place":"{place}","price":{price}.{cents:02},"#);
        let (amount, buyer) = (random.below(4000), random.below(10_000));
        let side = if random.below(2) == 0 { "bid" } else { "offer" };
        let (first, second) = (random.pick(WORDS), random.pick(WORDS));
        let _ = write!(
            text,
            r#""amount":{amount},"side":"{side}","buyer":"b{buyer:04}","remark":"{first} {second}"}}"#
        );
    }
    text.push_str("]}");
    text.into_bytes()
}

/// Bytes in which nothing can be compressed, without drawing each: a slice of a pool that is drawn once, begun with a
/// number of its own.
#[derive(Debug)]
pub(crate) struct Noise {
    pool: Vec<u8>,
}

impl Noise {
    /// For `most` bytes at once.
    pub(crate) fn new(random: &mut Random, most: usize) -> Self {
        let mut pool = vec![0; 2 * most];
        random.fill(&mut pool);
        Self { pool }
    }

    pub(crate) fn bytes(&self, random: &mut Random, length: usize) -> Vec<u8> {
        let start = random.index(self.pool.len() - length);
        let mut bytes = self.pool[start..start + length].to_vec();
        let first = length.min(8);
        random.fill(&mut bytes[..first]);
        bytes
    }
}

const WORDS: &[&str] = &[
    "did", "you", "see", "the", "game", "last", "night", "no", "I", "was", "at", "work", "until", "nine",
    "lunch", "tomorrow", "sure", "where", "station", "around", "noon", "sounds", "good", "bring", "your",
    "notes", "from", "Monday", "they", "changed", "room", "again", "second", "floor", "next", "to",
    "kitchen", "thank", "so", "much",
];
const WORDS_OF_ALL_SCRIPTS: &[&str] = &[
    "naïve",
    "Käse",
    "mañana",
    "спасибо",
    "ευχαριστώ",
    "谢谢",
    "감사합니다",
    "🎉",
    "👍🏽",
    "ok",
    "see",
    "you",
];
const FRUIT: &[&str] = &["apple", "apricot", "cherry", "damson", "elderberry", "fig", "grape", "quince"];
const PLACES: &[&str] = &["Antwerp", "Bergen", "Cork", "Dijon", "Ghent"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chat_has_the_length_asked_for_and_is_utf8() {
        let mut random = Random::new(3);
        for length in 0..400 {
            let text = String::from_utf8(chat(&mut random, length)).unwrap();
            assert_eq!(text.len(), length);
        }
    }

    #[test]
    fn some_chat_is_not_ascii() {
        let mut random = Random::new(3);
        let plain = (0..1000).filter(|_| chat(&mut random, 60).is_ascii()).count();
        assert!((900..990).contains(&plain), "{plain}");
    }

    #[test]
    fn documents_are_json_of_30_bytes_to_3_kilobytes() {
        let mut random = Random::new(3);
        for _ in 0..500 {
            let document = document(&mut random, 1_767_225_600_000_000);
            assert!((30..3200).contains(&document.len()), "{}", document.len());
            serde_json::from_slice::<serde_json::Value>(&document).unwrap();
        }
    }
}
