//! The field lines of a head as nearly all are written → `Headers`, in one pass.

use std::cell::RefCell;

use super::{Field, Headers, Known, Span, is_token_byte, offset};
use crate::http::FieldName;
use crate::word::{HIGHEST, each};

thread_local! {
    /// Heads of all connections that this thread follows: those of one alone are seldom alike.
    static BEFORE: RefCell<Before> = RefCell::default();
}

impl Headers {
    /// The fields that `lines` begin with, and the bytes that they take, the empty line included. `None` where that is missing,
    /// where there are more than `bound`, and where one is anything else than a token, a colon, a space at most, and
    /// printable ASCII up to CRLF. `head::Fields` reads all heads, and these in the same way.
    pub(in crate::http) fn plain(lines: &[u8], bound: usize) -> Option<(Self, usize)> {
        BEFORE.with_borrow_mut(|before| {
            let (headers, fresh) = Self::like(before.alike(lines), lines, bound)?;
            if fresh * 2 > headers.fields.len() {
                before.keep(&headers);
            }
            let size = headers.text.len() + 2;
            Some((headers, size))
        })
    }

    /// The same, and how many of the lines do not stand at the same place of a head before.
    fn like(before: &Self, lines: &[u8], bound: usize) -> Option<(Self, usize)> {
        let room = (lines.len() / SHORT_LINE).min(USUAL).min(bound);
        let (mut fields, mut known) = (Vec::with_capacity(room), Known::default());
        let (mut expected, mut at, mut fresh) = (before.fields.iter(), 0, 0);
        loop {
            let line = lines.get(at..)?;
            let again = expected.next().and_then(|field| field.again(&before.text, line, at));
            let (field, length) = match again {
                Some(again) => again,
                None if line.starts_with(b"\r\n") => {
                    let text = std::str::from_utf8(lines.get(..at)?).ok()?.to_owned();
                    return Some((Self { text, fields, known, printable: true }, fresh));
                }
                None => {
                    fresh += 1;
                    Field::plain(line, at)?
                }
            };
            if fields.len() == bound {
                return None;
            }
            known.note(field.known, fields.len(), || field.value.of(lines));
            fields.push(field);
            at += length;
        }
    }
}

/// Some of the heads that were read before. Clients and servers write one like the other, but for a line or two: what stands
/// there again is known.
#[derive(Default)]
struct Before {
    heads: [Headers; HEADS],
    oldest: usize,
}

impl Before {
    /// The head with the same first line; any other where there is none.
    fn alike(&self, lines: &[u8]) -> &Headers {
        let [any, ..] = &self.heads;
        let begins = |head: &&Headers| {
            head.fields.first().is_some_and(|first| first.again(&head.text, lines, 0).is_some())
        };
        self.heads.iter().find(begins).unwrap_or(any)
    }

    /// Keeps a head in the place of the one that was kept first.
    fn keep(&mut self, headers: &Headers) {
        if headers.text.len() <= MOST_KEPT
            && let Some(oldest) = self.heads.get_mut(self.oldest)
        {
            oldest.text.clone_from(&headers.text);
            oldest.fields.clone_from(&headers.fields);
            self.oldest = (self.oldest + 1) % HEADS;
        }
    }
}

impl Field {
    /// The same field in a line at this place, if that is the one in which it stands in `text`; and the length of the line.
    fn again(&self, text: &str, line: &[u8], at: usize) -> Option<(Self, usize)> {
        let before = text.as_bytes().get(self.name.from as usize..self.value.to as usize + 2)?;
        let by = offset(at).wrapping_sub(self.name.from);
        let moved = |span: Span| Span { from: span.from.wrapping_add(by), to: span.to.wrapping_add(by) };
        let field = Self { name: moved(self.name), value: moved(self.value), known: self.known };
        line.starts_with(before).then_some((field, before.len()))
    }

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
    let odd = |word: u64| word.wrapping_sub(each(b' ')) | word.wrapping_add(each(1));
    bytes_before(bytes, odd, |byte| !(0x20..0x7f).contains(byte))
}

/// Sets the high bit of a colon, where there is none before it.
const fn colons(word: u64) -> u64 {
    let others = word ^ each(b':');
    others.wrapping_sub(each(1)) & !others
}

/// How many bytes come before one of this kind. In a word of eight, whose first byte is the lowest, `marked` sets the high bit
/// of the first of these and of none before it; what later bytes get does not matter.
fn bytes_before(bytes: &[u8], marked: impl Fn(u64) -> u64, is_it: impl Fn(&u8) -> bool) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let found = marked(u64::from_le_bytes(*word)) & HIGHEST;
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    words.len() * 8 + rest.iter().take_while(|byte| !is_it(byte)).count()
}

/// Most lines are longer, and most requests have no more fields: room that most heads fill, and none outgrows by much.
const SHORT_LINE: usize = 24;
const USUAL: usize = 16;

/// Enough for a few clients and their servers at the same time.
const HEADS: usize = 4;

/// Bytes of a head that is worth keeping.
const MOST_KEPT: usize = 4 << 10;

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
    fn the_places_of_printable_fields_are_those_of_their_names_and_values() {
        let (mut headers, _) = Headers::plain(b"Host: a\r\nX-Empty:\r\n\r\n", 3).unwrap();
        let (text, places) = headers.printable().unwrap();
        let read: Vec<_> = places.map(|field| field.map(|place| text.get(place).unwrap())).collect();
        assert_eq!(read, [["Host", "a"], ["X-Empty", ""]]);
        headers.push("X", "a\u{7f}");
        assert!(headers.printable().is_none());
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

    #[test]
    fn lines_that_stand_at_the_same_place_of_a_head_before_are_not_read_again() {
        let (before, _) = Headers::plain(b"Host: a\r\nX: 1\r\nUpgrade: websocket\r\n\r\n", 9).unwrap();
        for (lines, expected) in [
            (&b"Host: a\r\nX: 1\r\nUpgrade: websocket\r\n\r\n"[..], 0),
            (b"Host: a\r\nX: 12345\r\nUpgrade: websocket\r\n\r\n", 1),
            (b"Host: a\r\nUpgrade: websocket\r\nX: 1\r\nY:\r\n\r\n", 3),
        ] {
            let (headers, fresh) = Headers::like(&before, lines, 9).unwrap();
            assert_eq!(fresh, expected);
            assert!(headers.upgrades_to_websocket());
        }
    }

    /// All that a head says of its fields.
    fn shown(read: Option<Headers>) -> String {
        read.map(|Headers { text, fields, known, printable }| {
            format!("{text:?} {fields:?} {known:?} {printable}")
        })
        .unwrap_or_default()
    }

    /// Lines of heads, in which some come again and again.
    fn lines() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            8 => "(Host: [ab]|Upgrade: (websocket|h2c)|Connection: (keep-alive, )?upgrade|[XY]:|X: [0-9]{1,3})\r\n",
            1 => "(X: [0-9]{1,3}|X : 1|\r)\n",
        ];
        proptest::collection::vec(line, 0..6).prop_map(|lines| lines.concat() + "\r\n")
    }

    proptest! {
        #[test]
        fn a_head_is_read_alike_whatever_was_read_before(heads in proptest::collection::vec(lines(), 1..30)) {
            for lines in heads.iter().map(String::as_bytes) {
                let alone = Headers::like(&Headers::default(), lines, 5).map(|(headers, _)| headers);
                let size = alone.as_ref().map(|headers| headers.text.len() + 2);
                let read = Headers::plain(lines, 5);
                prop_assert_eq!(read.as_ref().map(|(_, size)| *size), size);
                prop_assert_eq!(shown(read.map(|(headers, _)| headers)), shown(alone));
            }
        }

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
