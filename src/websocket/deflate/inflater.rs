//! Pieces of compressed messages → plain pieces, with the history that a direction needs (RFC 7692 §7.2, RFC 1951).

mod sleep;

use std::mem;

use flate2::{DecompressError, Status};

use super::reach::Reach;
use super::stream::{Histories, Stream, WINDOW};
use super::unit::{TAIL, Taken, Unit};
use super::{Compression, Inflation, Oddities, Savings, Scope, Unknown};

/// Inflates the messages of one direction. Memory: nothing before the first compressed message; while it is awake about
/// 110 KiB (48 for the output, 48 for zlib, 4 for input, 10 for [`Reach`] where a small window was agreed), and 16 more
/// for messages in several pieces that may have to be read twice; once it was put to sleep between messages, the
/// window too: at most 32 KiB, and nothing where no context is taken over. Asleep it keeps that alone.
///
/// While parts of the history are missing (after a hole, in a capture that began in mid-connection, behind a fault),
/// all is inflated twice, for 90 KiB more (asleep for one more window): see [`Stream::doubt`]. Then lengths are right, and
/// each byte is right or said to be unknown. Where a small window was agreed, that goes on until all is known that DEFLATE can refer to, or
/// it is put to sleep: what is kept then is known, and what refers further back does not inflate.
#[derive(Debug)]
pub(in crate::websocket) struct Inflater {
    compression: Compression,
    history: History,
    stream: Option<Box<Stream>>,
    /// What messages may refer to; while there is a `stream`, what they might when that began.
    asleep: Histories,
    unit: Unit,
    /// Did a message refer further back than was agreed?
    exceeds: bool,
    /// Watches the window where a smaller one than DEFLATE's was agreed.
    reach: Option<Box<Reach>>,
    savings: Savings,
}

/// Payload as it stood on the wire.
#[derive(Clone, Copy, Debug)]
pub(in crate::websocket) struct WirePart<'a> {
    pub(in crate::websocket) bytes: &'a [u8],
    pub(in crate::websocket) key: Option<[u8; 4]>,
    /// Place of `bytes` in their frame.
    pub(in crate::websocket) offset: u64,
    /// Does the compressed message (or frame) end with it?
    pub(in crate::websocket) ends: bool,
}

/// What the sender's window can hold, and how much of it is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum History {
    Known,
    Partial,
}

impl Inflater {
    pub(in crate::websocket) fn new(compression: Compression) -> Self {
        let history = if compression.certain { History::Known } else { History::Partial };
        Self {
            compression,
            history,
            stream: None,
            asleep: Histories::default(),
            exceeds: false,
            unit: Unit::default(),
            reach: None,
            savings: Savings::default(),
        }
    }

    pub(in crate::websocket) const fn scope(&self) -> Scope {
        self.compression.scope
    }

    /// Is a message that does not inflate no fault of its sender?
    pub(in crate::websocket) fn lacks_history(&self) -> bool {
        self.compression.takeover && self.history == History::Partial
    }

    /// A compressed message (or frame) begins.
    pub(in crate::websocket) fn begin(&mut self) {
        let stream = self.stream.get_or_insert_with(|| Stream::after(&self.asleep));
        if !self.compression.takeover {
            stream.restart();
            self.history = History::Known;
        } else if self.history == History::Partial && !stream.doubts() {
            stream.doubt();
        }
        if self.compression.window_bits < MAX_WINDOW_BITS {
            let new = || Box::new(Reach::new(self.compression.window_bits));
            self.reach.get_or_insert_with(new).begin();
        }
        self.unit = Unit::default();
        self.savings.compressed = self.savings.compressed.saturating_add(1);
    }

    /// A data message begins, compressed or not.
    pub(in crate::websocket) const fn count_message(&mut self) {
        self.savings.data_messages = self.savings.data_messages.saturating_add(1);
    }

    pub(in crate::websocket) const fn savings(&self) -> Savings {
        self.savings
    }

    /// Hands what comes out of `part` to `out`; nothing after a fault.
    pub(in crate::websocket) fn push(&mut self, part: WirePart<'_>, out: &mut impl FnMut(&[u8])) {
        let mut offset = part.offset;
        let mut pieces = part.bytes.chunks(PIECE).peekable();
        while let Some(piece) = pieces.next()
            && self.unit.end.is_none()
        {
            let Some(stream) = &mut self.stream else { return };
            stream.load(piece, part.key, offset);
            self.unit.note(&stream.input);
            if let Some(reach) = &mut self.reach {
                reach.push(&stream.input);
            }
            if part.ends && pieces.peek().is_none() {
                self.close(out);
            } else {
                if !self.compression.takeover {
                    stream.remember(REPEATABLE);
                }
                self.inflate(None, out);
            }
            offset = offset.saturating_add(piece.len() as u64);
        }
    }

    /// The message (or frame) is at its end. What became of it, also when it was told before.
    pub(in crate::websocket) fn finish(&mut self, out: &mut impl FnMut(&[u8])) -> Inflation {
        if let Some(end) = self.unit.end {
            return end;
        }
        if self.unit.fed == 0 {
            self.unit.end = Some(Inflation::TailMissing);
        } else if self.unit.final_end == Some(self.unit.fed) {
            self.end(Inflation::Whole);
        } else {
            self.unit.before = self.unit.fed;
            if let Some(stream) = &mut self.stream {
                stream.input.clear();
            }
            self.close(out);
        }
        self.unit.end.unwrap_or_default()
    }

    /// The rest of the message (or frame) never comes.
    pub(in crate::websocket) fn abandon(&mut self) -> Inflation {
        if self.unit.end.is_none() {
            self.stop(Inflation::Cut);
        }
        self.unit.end.unwrap_or_default()
    }

    /// What became of the message (or frame), once that is certain.
    pub(in crate::websocket) const fn ended(&self) -> Option<Inflation> {
        self.unit.end
    }

    /// What is unusual in the message (or frame) so far.
    pub(in crate::websocket) fn oddities(&self) -> Oddities {
        // Nothing counts that stands behind what zlib read.
        let end = match self.unit.end {
            Some(Inflation::Failed { .. } | Inflation::MissingContext | Inflation::LimitReached) => 0,
            Some(Inflation::Trailing { offset }) => offset,
            _ => u64::MAX,
        };
        let beyond_window = self.reach.as_ref().and_then(|reach| reach.beyond());
        let beyond_window = beyond_window.filter(|reference| reference.offset < end);
        Oddities { beyond_window, ..self.unit.oddities }
    }

    /// What of the message (or frame) is not known, with the bytes that came out of it.
    pub(in crate::websocket) fn take_unknown(&mut self) -> (Unknown, u64) {
        (mem::take(&mut self.unit.unknown), self.unit.inflated)
    }

    /// How far back messages refer, as far as is known.
    const fn window(&self) -> usize {
        if self.exceeds { WINDOW } else { 1 << self.compression.window_bits }
    }

    /// Messages were missed.
    pub(in crate::websocket) fn lose_history(&mut self) {
        self.history = History::Partial;
        self.asleep = Histories::default();
        match &mut self.stream {
            Some(stream) if self.compression.takeover => stream.doubt(),
            Some(stream) => stream.forget(),
            None => {}
        }
    }

    /// Inflates what is loaded and the tail that the sender cut off, in one call.
    fn close(&mut self, out: &mut impl FnMut(&[u8])) {
        let tail = self.tail();
        let Some(stream) = &mut self.stream else { return };
        stream.input.extend_from_slice(tail);
        self.inflate(Some(tail.len()), out);
        // A final block within says that this sender's blocks are unusual: make sure that the last one is whole.
        if self.unit.end.is_none() && self.unit.oddities.final_block && tail.len() < FINAL.len() {
            let Some(stream) = &mut self.stream else { return };
            stream.input.clear();
            stream.input.extend_from_slice(&FINAL);
            self.unit.before = self.unit.fed;
            self.inflate(Some(FINAL.len()), out);
            self.end_exactly(FINAL.len());
        } else {
            self.end_exactly(tail.len());
        }
    }

    /// What is appended to a message: the tail that its sender cut off, and a final block where it may end the
    /// stream or the message does not look whole, since that is the only way to see that all blocks are.
    // RFC 7692 §7.2.2
    fn tail(&self) -> &'static [u8] {
        let exact = !self.compression.takeover || self.history == History::Partial || self.unit.lacks_flush();
        match (self.unit.keeps_tail(), exact) {
            (false, true) => &TAIL_AND_FINAL,
            (false, false) => &TAIL,
            (true, true) => &FINAL,
            (true, false) => &[],
        }
    }

    /// Inflates what is loaded. `tail` is how much of it was appended, at the end of the message (or frame).
    fn inflate(&mut self, tail: Option<usize>, out: &mut impl FnMut(&[u8])) {
        let Some(stream) = &mut self.stream else { return };
        let mut input = mem::take(&mut stream.input);
        let mut rest = input.as_slice();
        while self.unit.end.is_none()
            && let Some(stream) = &mut self.stream
        {
            let (status, plain) = stream.next(&mut rest, &self.asleep);
            if self.unit.take(plain, self.compression.limit, out) == Taken::UpToLimit {
                self.stop(Inflation::LimitReached);
                break;
            }
            let is_full = stream.is_full();
            match status {
                Err(error) if self.may_take_context(&error, input.len() - rest.len()) => {
                    input = self.take_context(&input, input.len() - rest.len());
                    rest = &input;
                }
                Err(_) => self.fail(input.len() - rest.len()),
                Ok(Status::StreamEnd) => {
                    self.end_stream(input.len() - rest.len(), rest.len(), tail);
                    if rest.is_empty() {
                        break;
                    }
                }
                // zlib stops before the input's end only when it has no more room.
                Ok(Status::Ok | Status::BufError) if !is_full => break,
                Ok(Status::Ok | Status::BufError) => {}
            }
        }
        if let Some(stream) = &mut self.stream {
            stream.input = input;
        }
    }

    /// A final block ended after `read` loaded bytes, with `left` of them behind it.
    fn end_stream(&mut self, read: usize, left: usize, tail: Option<usize>) {
        let Some(tail) = tail.filter(|tail| left <= *tail) else {
            self.unit.end_final_block(read);
            return;
        };
        let is_ours = left == 0 && tail >= FINAL.len();
        self.unit.oddities.final_block |= !is_ours;
        // RFC 7692 §7.2.3.4: a sender that uses final blocks may end with one, or cut the tail off an empty one
        let is_whole = left == 0 || left == tail || left == FINAL.len();
        match is_whole {
            true if is_ours && self.unit.keeps_tail() => self.end(Inflation::TailKept),
            true => self.end(Inflation::Whole),
            false => self.stop(Inflation::TailMissing),
        }
    }

    /// All is inflated. Where a final block was appended, it did not end the stream: some block is not whole.
    fn end_exactly(&mut self, tail: usize) {
        if self.unit.end.is_some() {
            return;
        }
        match self.unit.final_end {
            _ if tail < FINAL.len() && self.unit.keeps_tail() => self.end(Inflation::TailKept),
            _ if tail < FINAL.len() => self.end(Inflation::Whole),
            Some(offset) => self.end_trailing(offset),
            None => self.stop(Inflation::TailMissing),
        }
    }

    /// Does a message that must not refer to those before it fail because it does?
    fn may_take_context(&self, error: &DecompressError, read: usize) -> bool {
        let is_near =
            self.unit.oddities.takes_context.is_none() && self.unit.place(read) <= REPEATABLE as u64;
        may_be_reference(error) && is_near && self.stream.as_ref().is_some_and(|stream| stream.has_context())
    }

    /// Begins the message again, with what the sender's window holds if it took over its context. Gives back what is
    /// to be inflated.
    fn take_context(&mut self, input: &[u8], read: usize) -> Vec<u8> {
        let Some(stream) = &mut self.stream else { return Vec::new() };
        let takes_context = Some(self.unit.place(read));
        let input = stream.take_context(self.unit.before, input);
        self.unit.oddities = Oddities { takes_context, ..Oddities::default() };
        self.unit.repeated = self.unit.inflated;
        (self.unit.before, self.unit.final_end) = (0, None);
        input
    }

    /// The data are faulty near the end of what zlib `read` of the loaded bytes.
    fn fail(&mut self, read: usize) {
        // Then it is no reference to the messages before it that is wrong.
        self.unit.oddities.takes_context = None;
        if let Some(offset) = self.unit.final_end {
            self.end_trailing(offset);
        } else if self.compression.certain || self.savings.inflated_bytes > 0 {
            // Behind whatever history it was inflated, no reference reached too far back: it is the data.
            self.stop(Inflation::Failed { offset: self.unit.place(read) });
        } else {
            self.stop(Inflation::MissingContext);
        }
    }

    fn end_trailing(&mut self, offset: u64) {
        if let Some(stream) = &mut self.stream {
            stream.begin_anew();
        }
        self.end(Inflation::Trailing { offset });
    }

    fn end(&mut self, end: Inflation) {
        self.unit.end = Some(end);
        self.compression.takeover |= self.unit.oddities.takes_context.is_some();
        // What stands behind its data came or did not come yet, as TCP cut it: none of it counts.
        let wire = if let Inflation::Trailing { offset } = end { offset } else { self.unit.fed };
        self.savings.add(wire, self.unit.inflated);
        self.exceeds |= self.oddities().beyond_window.is_some();
        let reach = self.window();
        let Some(stream) = &mut self.stream else { return };
        if stream.is_known(reach) {
            self.history = History::Known;
        } else if stream.doubts() {
            self.history = History::Partial;
        }
    }

    /// Ends the message with the state of the sender's window unknown.
    fn stop(&mut self, end: Inflation) {
        self.unit.end = Some(end);
        self.lose_history();
    }
}

/// Can the fault be a reference to what is not there? Where zlib-rs gave some output before a fault of whatever kind,
/// it says no more than that its state is bad.
fn may_be_reference(error: &DecompressError) -> bool {
    let may_be = ["too far back", "bad state"];
    error.message().is_none_or(|message| may_be.iter().any(|part| message.contains(part)))
}

/// An empty final block.
pub(super) const FINAL: [u8; 5] = [1, 0, 0, 0xff, 0xff];

const TAIL_AND_FINAL: [u8; 9] = [0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff];

/// How much of a message can be inflated again; the first reference to what was before comes early.
const REPEATABLE: usize = 16 << 10;

/// DEFLATE's own window. // RFC 1951 §2
const MAX_WINDOW_BITS: u8 = 15;

/// Input is unmasked in pieces of this: most messages and segments are one.
const PIECE: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use super::super::unknown::SUBSTITUTE;
    use super::*;

    #[test]
    fn nothing_is_allocated_before_the_first_compressed_message() {
        let scope = Scope::Message;
        let compression =
            Compression { scope, takeover: true, window_bits: 8, certain: true, limit: 1 << 30 };
        let mut inflater = Inflater::new(compression);
        assert!(inflater.stream.is_none() && inflater.reach.is_none());
        inflater.begin();
        assert!(inflater.stream.is_some() && inflater.reach.is_some());
    }

    /// Takes one whole message; how it ended, and what came out.
    fn inflate(inflater: &mut Inflater, bytes: &[u8]) -> (Inflation, Vec<u8>) {
        let mut plain = Vec::new();
        inflater.begin();
        let part = WirePart { bytes, key: None, offset: 0, ends: true };
        inflater.push(part, &mut |bytes| plain.extend_from_slice(bytes));
        let end = inflater.finish(&mut |_| {});
        (end, plain)
    }

    #[test]
    fn asleep_no_more_is_kept_than_the_agreed_window() {
        for (takeover, window_bits, kept) in [(true, 15, 32 << 10), (true, 10, 1 << 10), (false, 15, 0)] {
            let scope = Scope::Message;
            let compression = Compression { scope, takeover, window_bits, certain: true, limit: 1 << 30 };
            let mut inflater = Inflater::new(compression);
            // a stored block of 40,000 zeros
            let block = [&[0, 0x40, 0x9c, 0xbf, 0x63][..], &[0; 40_000], &[0]].concat();
            for _ in 0..2 {
                assert_eq!(inflate(&mut inflater, &block), (Inflation::Whole, vec![0; 40_000]));
                inflater.sleep();
                assert!(!inflater.is_awake());
                assert_eq!(inflater.asleep.own.memory(), kept);
                assert_eq!(inflater.memory(), size_of::<Inflater>() + kept);
            }
            assert_eq!(inflater.forget(), kept > 0);
            assert_eq!(inflater.lacks_history(), kept > 0);
        }
    }

    #[test]
    fn what_was_before_an_agreed_window_that_is_known_stays_unknown() {
        let scope = Scope::Message;
        let compression =
            Compression { scope, takeover: true, window_bits: 9, certain: false, limit: 1 << 30 };
        // A stored block of 600 bytes, then in a block of its own three bytes of 1,000 bytes before.
        let known = [&[0, 0x58, 0x02, 0xa7, 0xfd][..], &[b'a'; 600], &[0]].concat();
        let reference = [0x02, 0xe6, 0x73, 0, 0];
        let mut inflater = Inflater::new(compression);
        assert_eq!(inflate(&mut inflater, &known), (Inflation::Whole, vec![b'a'; 600]));
        assert!(!inflater.lacks_history());
        assert_eq!(inflate(&mut inflater, &reference), (Inflation::Whole, vec![SUBSTITUTE; 3]));
        assert_eq!(inflater.take_unknown().0.bytes, 3);
        assert!(inflater.oddities().beyond_window.is_some() && inflater.lacks_history());
        // Asleep, no more is kept than was agreed.
        let mut inflater = Inflater::new(compression);
        inflate(&mut inflater, &known);
        inflater.sleep();
        assert!(
            matches!(inflate(&mut inflater, &reference), (Inflation::Failed { .. }, plain) if plain.is_empty())
        );
        // As far as DEFLATE can refer, all is known.
        let mut inflater = Inflater::new(compression);
        (0..55).for_each(|_| drop(inflate(&mut inflater, &known)));
        assert_eq!(inflate(&mut inflater, &reference), (Inflation::Whole, vec![b'a'; 3]));
        assert_eq!(inflater.take_unknown().0.bytes, 0);
    }

    #[test]
    fn behind_an_unknown_history_only_faulty_data_fail() {
        let scope = Scope::Message;
        let compression =
            Compression { scope, takeover: true, window_bits: 15, certain: false, limit: 1 << 30 };
        let mut inflater = Inflater::new(compression);
        let nothing_is_proved = inflate(&mut inflater, &[0x07]).0;
        assert_eq!(nothing_is_proved, Inflation::MissingContext, "it may be another extension");
        let reference = [0x02, 0x06, 0, 0];
        assert_eq!(inflate(&mut inflater, &reference).0, Inflation::Whole);
        assert_eq!(inflater.take_unknown().0.bytes, 3);
        let literals = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07];
        let faults: [&[u8]; 4] = [
            // a block of type 3; a stored block of no length; the distance 30, which there is not
            &[0x07],
            &[0x00, 0x01, 0x02, 0x03, 0x04],
            &[0x02, 0x3e, 0xff, 0xff, 0xff],
            b"\x78\x9c\xcb\x48\xcd\xc9",
        ];
        let long = [0; 400];
        for (before, after) in [(&[][..], &[][..]), (&literals, &long)] {
            let wrap = |bytes: &[u8]| {
                // behind an empty block that is aligned, so that the bits of what follows keep their place
                let aligned = if before.is_empty() { &[][..] } else { &[0, 0, 0, 0xff, 0xff][..] };
                [before, aligned, bytes, after].concat()
            };
            for fault in faults {
                let end = inflate(&mut inflater, &wrap(fault)).0;
                assert!(matches!(end, Inflation::Failed { .. }), "{fault:x?}: {end:?}");
            }
        }
    }
}
