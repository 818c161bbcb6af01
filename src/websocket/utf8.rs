//! Pieces of a text → is it UTF-8, and if not, where (RFC 6455 §8.1, RFC 3629).

use super::TextState;

/// Checks a text that comes in pieces. Keeps no more than the up to three bytes of a code point that a piece's
/// end cut.
#[derive(Clone, Copy, Debug, Default)]
pub struct Utf8Check {
    /// Bytes before `cut`: all of them valid.
    valid: u64,
    /// The first `cut_length` bytes: a code point so far; the fourth is room for its end.
    cut: [u8; 4],
    cut_length: usize,
    fault: Option<u64>,
}

impl Utf8Check {
    /// The verdict on a whole text.
    pub fn of(text: &[u8]) -> TextState {
        let mut check = Self::default();
        check.push(text);
        check.state()
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        let rest = self.complete_cut(piece);
        if self.fault.is_some() {
            return;
        }
        // Most text is ASCII, which is quicker to see than to decode.
        let checked = if rest.is_ascii() { Ok("") } else { simdutf8::compat::from_utf8(rest) };
        let Err(error) = checked else {
            self.valid = self.valid.saturating_add(rest.len() as u64);
            return;
        };
        self.valid = self.valid.saturating_add(error.valid_up_to() as u64);
        let tail = rest.get(error.valid_up_to()..).unwrap_or_default();
        match error.error_len() {
            Some(length) => self.fault = Some(self.valid.saturating_add(fault_in(tail, length))),
            None => self.keep_cut(tail),
        }
    }

    /// The verdict if the text ended here.
    pub const fn state(&self) -> TextState {
        match self.fault {
            Some(offset) => TextState::Invalid { offset },
            None if self.cut_length > 0 => TextState::CutCodePoint { offset: self.valid },
            None => TextState::Valid,
        }
    }

    /// The verdict if the text goes on with bytes that nobody has: a fault stays one, all else is open.
    pub const fn state_before_gap(&self) -> TextState {
        match self.fault {
            Some(offset) => TextState::Invalid { offset },
            None => TextState::NotJudged,
        }
    }

    /// Goes on with a code point that was cut; what it leaves of `piece` begins at a code point.
    fn complete_cut<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let mut rest = piece;
        while self.cut_length > 0
            && self.fault.is_none()
            && let Some((byte, after)) = rest.split_first()
        {
            rest = after;
            self.extend_cut(*byte);
        }
        rest
    }

    fn extend_cut(&mut self, byte: u8) {
        if let Some(slot) = self.cut.get_mut(self.cut_length) {
            *slot = byte;
        }
        let length = self.cut_length + 1;
        match std::str::from_utf8(self.cut.get(..length).unwrap_or_default()) {
            Ok(_) => {
                self.valid = self.valid.saturating_add(length as u64);
                self.cut_length = 0;
            }
            Err(error) if error.error_len().is_none() => self.cut_length = length,
            Err(_) => self.fault = Some(self.valid.saturating_add(self.cut_length as u64)),
        }
    }

    fn keep_cut(&mut self, tail: &[u8]) {
        for (slot, byte) in self.cut.iter_mut().zip(tail) {
            *slot = *byte;
        }
        self.cut_length = tail.len();
    }
}

/// Where in `tail`, which begins with an ill-formed sequence, is the first byte that can't stand there: the first
/// one, or, when that may lead a sequence, the one that should have continued it.
fn fault_in(tail: &[u8], ill_formed: usize) -> u64 {
    match tail.first() {
        Some(0xc2..=0xf4) => ill_formed as u64,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::encoder::{any_cuts, pieces};
    use super::*;

    /// By definition: the first byte with which no valid text begins as this one does.
    fn verdict_by_prefixes(text: &[u8]) -> TextState {
        let bad =
            |end: usize| std::str::from_utf8(&text[..end]).is_err_and(|error| error.error_len().is_some());
        if let Some(end) = (1..=text.len()).find(|end| bad(*end)) {
            return TextState::Invalid { offset: end as u64 - 1 };
        }
        match std::str::from_utf8(text) {
            Ok(_) => TextState::Valid,
            Err(error) => TextState::CutCodePoint { offset: error.valid_up_to() as u64 },
        }
    }

    fn verdict_in_pieces(text: &[u8], cuts: &[usize]) -> TextState {
        let mut check = Utf8Check::default();
        pieces(text, cuts).for_each(|piece| check.push(piece));
        check.state()
    }

    #[test]
    fn each_kind_of_fault_is_found_where_it_is() {
        let invalid = |offset| TextState::Invalid { offset };
        let cases: [(&[u8], TextState); 22] = [
            (b"", TextState::Valid),
            ("Hello-µ@ßöäüàá-UTF-8!!".as_bytes(), TextState::Valid),
            ("κόσμε 柳州 😀 \u{10ffff} \u{fffe} \u{0}".as_bytes(), TextState::Valid),
            (b"\xce", TextState::CutCodePoint { offset: 0 }),
            (b"a\xf0\x9f\x98", TextState::CutCodePoint { offset: 1 }),
            (b"ab\xce\xba\xe1\xbd", TextState::CutCodePoint { offset: 4 }),
            (b"\x80", invalid(0)),
            (b"a\xbfb", invalid(1)),
            (b"\xfe", invalid(0)),
            (b"ab\xff", invalid(2)),
            (b"\xc0\xaf", invalid(0)),
            (b"\xc1\xbf", invalid(0)),
            (b"\xe0\x80\xaf", invalid(1)),
            (b"\xf0\x8f\xbf\xbf", invalid(1)),
            (b"\xed\xa0\x80", invalid(1)),
            (b"\xed\xbf\xbf edited", invalid(1)),
            (b"\xf4\x90\x80\x80", invalid(1)),
            (b"\xf5\x80\x80\x80", invalid(0)),
            (b"\xe4\xbd\x41", invalid(2)),
            (b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited", invalid(12)),
            (b"\xf0\x9f\x98\x41", invalid(3)),
            (b"\xc2\xc2", invalid(1)),
        ];
        for (text, expected) in cases {
            assert_eq!(verdict_by_prefixes(text), expected, "{text:x?}");
            for size in 1..=text.len().max(1) {
                assert_eq!(verdict_in_pieces(text, &[size]), expected, "{text:x?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn what_follows_a_fault_changes_nothing() {
        let mut check = Utf8Check::default();
        check.push(b"a\xff");
        check.push(b"\xe4\xbd");
        assert_eq!(check.state(), TextState::Invalid { offset: 1 });
        assert_eq!(check.state_before_gap(), TextState::Invalid { offset: 1 });
    }

    #[test]
    fn before_a_gap_a_cut_code_point_is_no_fault() {
        let mut check = Utf8Check::default();
        check.push(b"a\xe4\xbd");
        assert_eq!(check.state_before_gap(), TextState::NotJudged);
    }

    /// Bytes among which valid, cut and ill-formed sequences are all likely.
    fn any_text() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            4 => any::<char>().prop_map(|c| c.to_string().into_bytes()),
            1 => prop::sample::select(vec![0x80_u8, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xf5, 0xff])
                .prop_map(|byte| vec![byte]),
            1 => (any::<char>(), 1_usize..4).prop_map(|(c, cut)| {
                c.to_string().into_bytes().into_iter().take(cut).collect()
            }),
        ];
        prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn pieces_get_the_verdict_of_the_whole(text in any_text(), cuts in any_cuts()) {
            prop_assert_eq!(verdict_in_pieces(&text, &cuts), verdict_by_prefixes(&text));
        }
    }
}
