//! Chunks of any size → headers and payloads of frames.

use super::FrameHeader;
use super::frame::{MAX_HEADER, frame_header};

/// One direction's frames, cut out of its bytes. Payload is lent, never copied; what it keeps between two chunks is
/// at most 13 bytes of a header.
#[derive(Clone, Debug, Default)]
pub struct FrameDecoder {
    state: State,
}

/// A part of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A frame begins. `End` follows, with all of its payload in between.
    Header(FrameHeader),
    /// Bytes of its payload as on the wire: still masked. Never empty.
    Payload(&'a [u8]),
    /// It ends.
    End,
}

/// Where a hole in the stream left the decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// All of it was payload of one frame, which goes on or ended exactly at the hole's end.
    InPayload,
    /// A header, or a part of one, is missing: where the next frame begins is unknown.
    Lost {
        /// Missing bytes that the frame before the hole still had to get; with them it is at its end.
        payload: u64,
        /// Missing bytes after that.
        beyond: u64,
    },
}

#[derive(Clone, Copy, Debug)]
enum State {
    Header(PartialHeader),
    Payload { left: u64 },
    Lost,
}

impl FrameDecoder {
    /// The next part, and `input` moved behind it; `None` when all of `input` is used up. A frame that the last
    /// byte completed gives its `End` with empty input.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<Piece<'a>> {
        match &mut self.state {
            State::Header(partial) => {
                let header = partial.complete(input)?;
                self.state = State::Payload { left: header.length };
                Some(Piece::Header(header))
            }
            State::Payload { left: 0 } => {
                self.state = State::default();
                Some(Piece::End)
            }
            State::Payload { left } => take_payload(left, input),
            State::Lost => {
                *input = &[];
                None
            }
        }
    }

    /// The frame with which `input` begins, as its header, its payload and what follows, where all of it is there
    /// and nothing of it was taken before. Takes nothing.
    pub fn whole<'a>(&self, input: &'a [u8]) -> Option<(FrameHeader, &'a [u8], &'a [u8])> {
        if !matches!(self.state, State::Header(PartialHeader { length: 0, .. })) {
            return None;
        }
        let (rest, header) = frame_header(input).ok()?;
        let (payload, rest) = rest.split_at_checked(usize::try_from(header.length).ok()?)?;
        Some((header, payload, rest))
    }

    /// Steps over `missing` bytes. After [`Skipped::Lost`] all input is dropped until [`Self::resume`].
    pub fn skip(&mut self, missing: u64) -> Skipped {
        let left = match &mut self.state {
            State::Payload { left } if *left >= missing => {
                *left -= missing;
                return Skipped::InPayload;
            }
            State::Payload { left } => *left,
            State::Header(_) | State::Lost => 0,
        };
        self.state = State::Lost;
        Skipped::Lost { payload: left, beyond: missing.saturating_sub(left) }
    }

    /// The next byte begins a header, whatever was before.
    pub fn resume(&mut self) {
        self.state = State::default();
    }

    /// The bytes seen of a header that is not complete; empty when there is none.
    pub fn partial_header(&self) -> &[u8] {
        match &self.state {
            State::Header(partial) => partial.seen(),
            State::Payload { .. } | State::Lost => &[],
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self::Header(PartialHeader::default())
    }
}

fn take_payload<'a>(left: &mut u64, input: &mut &'a [u8]) -> Option<Piece<'a>> {
    let wanted = usize::try_from(*left).unwrap_or(usize::MAX);
    let (piece, rest) = input.split_at_checked(wanted).unwrap_or((input, &[]));
    *left = left.saturating_sub(piece.len() as u64);
    *input = rest;
    (!piece.is_empty()).then_some(Piece::Payload(piece))
}

/// The beginning of a header that a chunk's end cut.
#[derive(Clone, Copy, Debug, Default)]
struct PartialHeader {
    bytes: [u8; MAX_HEADER],
    length: u8,
}

impl PartialHeader {
    fn complete(&mut self, input: &mut &[u8]) -> Option<FrameHeader> {
        if self.length == 0
            && let Ok((rest, header)) = frame_header(input)
        {
            *input = rest;
            return Some(header);
        }
        self.complete_across_chunks(input)
    }

    fn complete_across_chunks(&mut self, input: &mut &[u8]) -> Option<FrameHeader> {
        let before = usize::from(self.length);
        for (slot, byte) in self.bytes.iter_mut().skip(before).zip(*input) {
            *slot = *byte;
            self.length += 1;
        }
        let parsed = frame_header(self.seen()).ok().map(|(rest, header)| (rest.len(), header));
        let used = self.seen().len() - before - parsed.map_or(0, |(rest, _)| rest);
        *input = input.get(used..).unwrap_or_default();
        let (_, header) = parsed?;
        self.length = 0;
        Some(header)
    }

    fn seen(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::encoder::{TestFrame, any_cuts, any_frame, pieces, wire};
    use super::*;

    /// Frames as (header, payload of the wire), and how far the last one came.
    fn frames<'a, I: Iterator<Item = &'a [u8]>>(
        decoder: &mut FrameDecoder,
        chunks: I,
    ) -> Vec<(FrameHeader, Vec<u8>, bool)> {
        let mut frames = Vec::new();
        for mut chunk in chunks {
            while let Some(piece) = decoder.next(&mut chunk) {
                match piece {
                    Piece::Header(header) => frames.push((header, Vec::new(), false)),
                    Piece::Payload(bytes) => frames.last_mut().unwrap().1.extend(bytes),
                    Piece::End => frames.last_mut().unwrap().2 = true,
                }
            }
            assert!(chunk.is_empty());
        }
        frames
    }

    #[test]
    fn an_empty_frame_is_a_header_and_an_end() {
        let mut decoder = FrameDecoder::default();
        let mut input = [0x89, 0x00].as_slice();
        assert!(matches!(decoder.next(&mut input), Some(Piece::Header(_))));
        assert_eq!(decoder.next(&mut input), Some(Piece::End));
        assert_eq!(decoder.next(&mut input), None);
    }

    #[test]
    fn a_hole_inside_a_payload_keeps_the_boundary() {
        let mut decoder = FrameDecoder::default();
        frames(&mut decoder, [[0x82, 10, 1, 2].as_slice()].into_iter());
        assert_eq!(decoder.skip(3), Skipped::InPayload);
        assert_eq!(decoder.skip(5), Skipped::InPayload);
        let rest = [0x81, 0x00];
        let mut input = rest.as_slice();
        assert_eq!(decoder.next(&mut input), Some(Piece::End));
        assert!(matches!(decoder.next(&mut input), Some(Piece::Header(_))));
    }

    #[test]
    fn a_hole_over_the_end_of_a_payload_says_how_much_of_it_was_payload() {
        let mut decoder = FrameDecoder::default();
        frames(&mut decoder, [[0x82, 10, 1, 2].as_slice()].into_iter());
        assert_eq!(decoder.skip(9), Skipped::Lost { payload: 8, beyond: 1 });
        assert!(frames(&mut decoder, [[0x81, 0x00].as_slice()].into_iter()).is_empty());
        decoder.resume();
        assert_eq!(frames(&mut decoder, [[0x81, 0x00].as_slice()].into_iter()).len(), 1);
    }

    #[test]
    fn a_hole_between_frames_or_in_a_header_loses_the_boundary() {
        let mut decoder = FrameDecoder::default();
        assert_eq!(decoder.skip(2), Skipped::Lost { payload: 0, beyond: 2 });
        decoder.resume();
        frames(&mut decoder, [[0x82, 0x7e, 1].as_slice()].into_iter());
        assert_eq!(decoder.partial_header(), [0x82, 0x7e, 1]);
        assert_eq!(decoder.skip(1), Skipped::Lost { payload: 0, beyond: 1 });
    }

    #[test]
    fn the_longest_length_is_skipped_in_steps() {
        let mut decoder = FrameDecoder::default();
        let header = [0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255];
        frames(&mut decoder, [header.as_slice()].into_iter());
        assert_eq!(decoder.skip(u64::MAX - 1), Skipped::InPayload);
        assert_eq!(decoder.skip(u64::MAX), Skipped::Lost { payload: 1, beyond: u64::MAX - 1 });
    }

    proptest! {
        #[test]
        fn frames_come_back_however_they_are_cut(
            list in prop::collection::vec(any_frame(), 0..6),
            cuts in any_cuts(),
        ) {
            let bytes = wire(&list);
            let decoded = frames(&mut FrameDecoder::default(), pieces(&bytes, &cuts));
            prop_assert_eq!(decoded.len(), list.len());
            for (frame, (header, payload, ended)) in list.iter().zip(decoded) {
                let whole = TestFrame::bytes(frame);
                prop_assert_eq!(frame.header(), header);
                prop_assert_eq!(&whole[whole.len() - payload.len()..], &payload);
                prop_assert!(ended);
            }
        }

        #[test]
        fn any_bytes_give_pieces_that_add_up(
            bytes in prop::collection::vec(any::<u8>(), 0..600),
            cuts in any_cuts(),
        ) {
            let mut decoder = FrameDecoder::default();
            let decoded = frames(&mut decoder, pieces(&bytes, &cuts));
            let used: u64 = decoded.iter().map(|(header, payload, _)| header.size() + payload.len() as u64).sum();
            prop_assert_eq!(used + decoder.partial_header().len() as u64, bytes.len() as u64);
        }
    }
}
