//! Bytes of which nobody knows where a frame begins → where one begins.
//!
//! From each offset that could be a header the chain of frames is followed: each one names the place of the next.
//! Every header, payload and end that fits is evidence, counted in bits by how rarely bytes that are no frames would
//! fit: *n* bits are a chance of one in 2^n. A chain that breaks is no chain. What other protocols are full of
//! (zeros, repetition, small integers, plain ASCII) counts for little or nothing.

use super::evidence::{Sight, header_bits};
use super::frame::frame_header;
use super::trails::Trail;
pub use super::trails::Trails;
use super::{FrameHeader, LengthForm, Opcode};

/// Bytes in which to look for frames.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// Bytes of one direction without a hole.
    pub bytes: &'a [u8],
    /// Offsets in `bytes`, ascending, where a captured segment begins: senders like to begin frames there.
    pub starts: &'a [usize],
    /// What the sender's role demands.
    pub masking: Masking,
    /// May RSV1 say that a message is compressed?
    pub compression: bool,
    /// No more bytes will come.
    pub ended: bool,
    /// What has to be proved.
    pub demand: Demand,
    /// How many bytes at the beginning are not kept any longer, whatever is found: chains that begin there are left to
    /// the [`Trails`].
    pub leaving: usize,
}

impl Window<'_> {
    /// Does a segment begin here that is no single byte? Senders that write byte by byte begin frames anywhere.
    fn begins_segment(&self, at: usize) -> bool {
        let begins = |at: usize| self.starts.binary_search(&at).is_ok();
        begins(at) && !begins(at.saturating_add(1))
    }
}

/// What it takes to believe in frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Demand {
    /// Enough evidence.
    #[default]
    Proof,
    /// The connection is WebSocket, and no more bytes come: frames that begin with a segment and end with the last byte need
    /// half of it. What was lost may have left too few frames for more.
    ToTheEnd,
    /// Somebody says that there are frames: one legal header where a segment begins.
    Header,
}

/// Whether frames are masked: those of clients are, those of servers are not. // RFC 6455 §5.1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Masking {
    Masked,
    Unmasked,
    /// Unknown, but the same for all frames.
    Either,
}

/// What a search gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// A frame begins here: the first place with enough evidence.
    Found {
        /// Its offset. A chain whose beginning is not kept any longer is taken up where it was followed to.
        at: usize,
        /// Is it masked?
        masked: bool,
        /// How sure that is.
        confidence: Confidence,
    },
    /// More bytes could decide.
    Undecided {
        /// No frame that more bytes could prove begins before this offset: what is before it need not be kept.
        keep_from: usize,
    },
    /// Nothing here can be proved to be a frame, and no more bytes come.
    Hopeless,
}

/// Bits of evidence: other bytes look so with a chance of about one in two to this power. At least
/// [`ENOUGH_AT_START`]; following stops at twice of what is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Confidence(pub u32);

/// Finds the first offset from which a chain of frames is consistent and evident enough. `trails` are the chains
/// that began before these bytes, and take up those that leave them.
///
/// The work is linear in the length of the bytes, whatever they are: in all, as many frames are looked at as there
/// are bytes. Bytes that are not made to be followed from everywhere take a hundredth of that.
pub fn search(window: &Window<'_>, trails: &mut Trails) -> Search {
    let mut budget = window.bytes.len().max(MAX_FRAMES);
    let old = trails.follow(window, &mut budget);
    let until = old.found.map_or(window.bytes.len(), |(at, ..)| at);
    let new = begin(window, until, trails, &mut budget);
    match new.found.or(old.found) {
        Some((at, masked, confidence)) => Search::Found { at, masked, confidence },
        None if window.ended => Search::Hopeless,
        None => Search::Undecided { keep_from: new.keep_from.min(old.keep_from) },
    }
}

/// What following several chains gave.
#[derive(Clone, Copy)]
pub(super) struct Followed {
    /// The lowest offset at which one is evident.
    pub(super) found: Option<(usize, bool, Confidence)>,
    /// The lowest offset of one that may become so.
    pub(super) keep_from: usize,
}

/// Begins a chain at each offset before `until`.
fn begin(window: &Window<'_>, until: usize, trails: &mut Trails, budget: &mut usize) -> Followed {
    let mut starts = window.starts.iter().copied().peekable();
    let mut keep_from = window.bytes.len();
    for (at, first) in window.bytes.iter().enumerate().take(until) {
        while starts.next_if(|start| *start < at).is_some() {}
        let is_start = starts.peek() == Some(&at) && window.begins_segment(at);
        let place = if is_start { Place::SegmentStart } else { Place::Elsewhere };
        let Some(needed) = place.needed(*first, window.demand) else { continue };
        match Chain::new(window, at, needed).follow(budget) {
            Ending::Evident { masked, bits } => {
                return Followed { found: Some((at, masked, Confidence(bits))), keep_from };
            }
            Ending::Open(trail) if at < window.leaving => trails.push(trail),
            Ending::Open(_) => keep_from = keep_from.min(at),
            Ending::Broken => {}
        }
    }
    Followed { found: None, keep_from }
}

/// Where a chain begins.
#[derive(Clone, Copy)]
enum Place {
    SegmentStart,
    Elsewhere,
}

impl Place {
    /// The evidence that a chain needs whose first byte this is; `None` if that can't be one here.
    ///
    /// In the middle of a segment only the beginning of a data message is looked for. Any offset there can hit by
    /// chance a header whose length leads to a true frame, and from then on all evidence is true: the fewer
    /// headers count, and the more their payload can be checked, the rarer that is.
    const fn needed(self, first: u8, demand: Demand) -> Option<u32> {
        match (self, demand, first & 0b1011_1111) {
            (Self::SegmentStart, Demand::Proof, _) => Some(ENOUGH_AT_START),
            (Self::SegmentStart, Demand::ToTheEnd, _) => Some(ENOUGH_TO_THE_END),
            (Self::SegmentStart, Demand::Header, _) => Some(ENOUGH_OF_A_HEADER),
            (Self::Elsewhere, Demand::Proof, 0x01 | 0x02 | 0x81 | 0x82) => Some(ENOUGH_ELSEWHERE),
            (Self::Elsewhere, ..) => None,
        }
    }
}

/// Frames followed from one offset.
pub(super) struct Chain<'a> {
    window: &'a Window<'a>,
    /// Where the next header stands, which may be far behind the window.
    next: u64,
    /// Evidence that is enough.
    needed: u32,
    bits: u32,
    /// Of its first frame.
    masked: Option<bool>,
    /// Is a fragmented message open? Unknown until the first data frame.
    open: Option<bool>,
    /// Frames since the last one that ended with its segment.
    since_aligned: u32,
    /// How the latest frames begin.
    recent: [&'a [u8]; RECENT_FRAMES],
}

/// How a chain ended.
pub(super) enum Ending {
    Evident {
        masked: bool,
        bits: u32,
    },
    /// At the end of the bytes, or of the work that they are worth, without enough evidence or the contrary.
    Open(Trail),
    Broken,
}

/// What one step found.
enum Link {
    Frame,
    /// The bytes end here, or inside the frame.
    RunsOut,
    /// A Close: nothing may follow. // RFC 6455 §5.5.1
    Last,
    Breaks,
}

impl<'a> Chain<'a> {
    const fn new(window: &'a Window<'a>, at: usize, needed: u32) -> Self {
        let masked = match window.masking {
            Masking::Masked => Some(true),
            Masking::Unmasked => Some(false),
            Masking::Either => None,
        };
        let recent: [&[u8]; RECENT_FRAMES] = [&[]; RECENT_FRAMES];
        Self { window, next: at as u64, needed, bits: 0, masked, open: None, since_aligned: 0, recent }
    }

    /// Goes on where a trail leads.
    pub(super) fn resume(window: &'a Window<'a>, trail: Trail, at: usize) -> Self {
        let Trail { needed, bits, masked, open, .. } = trail;
        let aligned = if window.begins_segment(at) { ALIGNED } else { 0 };
        Self { bits: bits + aligned, masked, open, ..Self::new(window, at, needed) }
    }

    pub(super) fn follow(mut self, budget: &mut usize) -> Ending {
        for _ in 0..MAX_FRAMES {
            let Some(left) = budget.checked_sub(1) else { return Ending::Open(self.trail()) };
            *budget = left;
            match self.link() {
                Link::Frame if self.goes_on() => {}
                Link::RunsOut if self.misses_the_end() => return Ending::Broken,
                Link::RunsOut if self.bits < self.needed => return Ending::Open(self.trail()),
                // If nothing follows it, that is what a Close is like.
                Link::Last if self.bits < self.needed && self.is_at_end() => {
                    return Ending::Open(self.trail());
                }
                Link::Breaks => return Ending::Broken,
                Link::Frame | Link::RunsOut | Link::Last => break,
            }
        }
        // A chain that goes on and on does not say where the bytes end.
        let unended = matches!(self.window.demand, Demand::ToTheEnd) && !self.is_at_end();
        match self.masked {
            Some(masked) if self.bits >= self.needed && !unended => {
                Ending::Evident { masked, bits: self.bits }
            }
            _ => Ending::Broken,
        }
    }

    const fn goes_on(&self) -> bool {
        self.bits < self.needed.saturating_mul(2) || matches!(self.window.demand, Demand::ToTheEnd)
    }

    const fn misses_the_end(&self) -> bool {
        matches!(self.window.demand, Demand::ToTheEnd) && !self.is_at_end()
    }

    const fn is_at_end(&self) -> bool {
        self.next == self.window.bytes.len() as u64
    }

    const fn trail(&self) -> Trail {
        let Self { next, needed, bits, masked, open, .. } = *self;
        Trail { next, needed, bits, masked, open }
    }

    fn link(&mut self) -> Link {
        let rest = usize::try_from(self.next).ok().and_then(|next| self.window.bytes.get(next..));
        let Some(rest) = rest.filter(|rest| !rest.is_empty()) else { return Link::RunsOut };
        let Ok((after, header)) = frame_header(rest) else { return Link::RunsOut };
        if !self.allows(&header) {
            return Link::Breaks;
        }
        let sight = Sight::new(header, rest, after);
        let Some(payload_bits) = sight.payload_bits(self.compressed(&header)) else { return Link::Breaks };
        self.weigh(&sight, payload_bits);
        self.note(&sight);
        match sight {
            Sight { whole: false, .. } => Link::RunsOut,
            Sight { header: FrameHeader { opcode: Opcode::CLOSE, .. }, .. } => Link::Last,
            _ => Link::Frame,
        }
    }

    /// Is it a header that an endpoint may send here?
    fn allows(&self, header: &FrameHeader) -> bool {
        let FrameHeader { fin, opcode, length, .. } = *header;
        let order = match opcode {
            Opcode::CONTINUATION => self.open != Some(false), // RFC 6455 §5.4
            Opcode::TEXT | Opcode::BINARY => self.open != Some(true),
            _ => fin && length <= 125 && legal_close_length(header), // RFC 6455 §5.5
        };
        let rsv = header.rsv == 0 || self.compressed(header);
        let masked = self.masked.is_none_or(|masked| masked == header.masking_key.is_some());
        !opcode.is_reserved() && order && rsv && masked && minimal(header) && length <= MAX_LENGTH
    }

    const fn compressed(&self, header: &FrameHeader) -> bool {
        // RFC 7692 §6: RSV1 on the first frame of a data message only
        self.window.compression
            && header.rsv == 0b100
            && matches!(header.opcode, Opcode::TEXT | Opcode::BINARY)
    }

    fn weigh(&mut self, sight: &Sight<'_>, payload_bits: u32) {
        self.since_aligned = self.since_aligned.saturating_add(1);
        let aligned = sight.whole && self.ends_segment(sight);
        let alone = aligned && self.since_aligned == 1;
        let alignment = if aligned { ALIGNED.saturating_sub(self.since_aligned.ilog2()) } else { 0 };
        if aligned {
            self.since_aligned = 0;
        }
        self.bits += match (sight.proves_nothing(), self.repeats(sight)) {
            (true, _) => 0,
            (false, true) => u32::from(alone) * REPEATED_ALONE,
            (false, false) => {
                let mask_bit = u32::from(self.masked.is_some());
                header_bits(&sight.header) + mask_bit + payload_bits + alignment
            }
        };
    }

    fn note(&mut self, sight: &Sight<'a>) {
        self.masked = Some(sight.header.masking_key.is_some());
        if !sight.header.opcode.is_control() {
            self.open = Some(!sight.header.fin);
        }
        self.recent.rotate_right(1);
        if let Some(latest) = self.recent.first_mut() {
            *latest = sight.beginning();
        }
        self.next = self.next.saturating_add(sight.header.size()).saturating_add(sight.header.length);
    }

    fn ends_segment(&self, sight: &Sight<'_>) -> bool {
        let (starts, size) = (self.window.starts, sight.bytes.len());
        let Some(end) = usize::try_from(self.next).ok().and_then(|at| at.checked_add(size)) else {
            return false;
        };
        let starts_before = |offset: usize| starts.partition_point(|start| *start < offset);
        // Where every byte or two are a segment, any end fits.
        let is_dribbled = (starts_before(end) - starts_before(end - size)) * 2 > size;
        !is_dribbled && (end == self.window.bytes.len() || starts.binary_search(&end).is_ok())
    }

    /// Repetition is what tables, padding and heartbeats of any protocol look like.
    fn repeats(&self, sight: &Sight<'_>) -> bool {
        self.recent.contains(&sight.beginning())
    }
}

/// One byte of a body that begins with a two-byte code. // RFC 6455 §5.5.1
const fn legal_close_length(header: &FrameHeader) -> bool {
    !matches!((header.opcode, header.length), (Opcode::CLOSE, 1))
}

/// Is the length in its shortest form? // RFC 6455 §5.2
const fn minimal(header: &FrameHeader) -> bool {
    match header.length_form {
        LengthForm::Bits7 => true,
        LengthForm::Bits16 => header.length > 125,
        LengthForm::Bits64 => header.length > 0xffff,
    }
}

/// Evidence that a chain needs where a segment begins. A window of 256 KiB has some 200 segments: 24 bits are one
/// false find in 80 000 windows of noise. One masked text message alone in its segment reaches it.
pub const ENOUGH_AT_START: u32 = 24;

/// Evidence that a chain needs at any other offset. There are a thousand times more of them, and inside a payload
/// they have structure: 40 bits are one false find in four million windows of noise.
pub const ENOUGH_ELSEWHERE: u32 = 40;

/// One control frame that is a segment by itself has as much. Of segments in the middle of a payload one in 2^13 looks so if it
/// is short, and hardly any if it is long; and only those before a hole and at the end are asked.
const ENOUGH_TO_THE_END: u32 = 12;

/// One legal header.
const ENOUGH_OF_A_HEADER: u32 = 2;

/// A frame that ends where a segment ends: of 128 short lengths one fits. Each frame before it in the same segment
/// was another chance to fit.
const ALIGNED: u32 = 7;

/// One of the last frames once more, but alone in its segment: heartbeats do prove themselves, in time.
const REPEATED_ALONE: u32 = 2;

/// The longest frame that is believed in: 2^40 bytes (1 TiB) are beyond what anyone sends in one.
const MAX_LENGTH: u64 = 1 << 40;

/// How many of the latest frames are compared for repetition: periods of up to eight frames.
const RECENT_FRAMES: usize = 8;

/// A chain that has not proved anything in so many frames is given up. It takes ten at most when they differ.
const MAX_FRAMES: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::encoder::{TestFrame, wire};
    use super::super::evidence::{FIRST_BYTE, MASKED_TEXT};
    use super::*;

    fn search(window: &Window<'_>) -> Search {
        super::search(window, &mut Trails::default())
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): the same noise in each run.
    struct Noise(u64);

    impl Noise {
        fn word(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ mixed >> 31
        }

        fn bytes(&mut self, length: usize) -> Vec<u8> {
            std::iter::repeat_with(|| self.word().to_ne_bytes()).flatten().take(length).collect()
        }

        fn key(&mut self) -> [u8; 4] {
            *self.word().to_ne_bytes().first_chunk().unwrap()
        }
    }

    const EITHER: Window<'_> = Window {
        bytes: &[],
        starts: &[],
        masking: Masking::Either,
        compression: true,
        ended: true,
        demand: Demand::Proof,
        leaving: 0,
    };

    /// Segments end to end, and where each begins.
    fn join(segments: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
        let ends = segments.iter().scan(0, |end, segment| {
            let start = *end;
            *end += segment.len();
            Some(start)
        });
        (segments.concat(), ends.collect())
    }

    /// Where frames are found in these segments.
    fn found(segments: &[Vec<u8>]) -> Option<usize> {
        let (bytes, starts) = join(segments);
        match search(&Window { bytes: &bytes, starts: &starts, ..EITHER }) {
            Search::Found { at, .. } => Some(at),
            Search::Undecided { .. } | Search::Hopeless => None,
        }
    }

    fn segments(frames: impl IntoIterator<Item = TestFrame>) -> Vec<Vec<u8>> {
        frames.into_iter().map(|frame| frame.bytes()).collect()
    }

    #[test]
    fn a_place_for_which_no_work_was_left_is_not_ruled_out() {
        // From each offset a chain of frames that prove nothing, as long as one is followed.
        let bytes = [0x81; 4000];
        let Search::Undecided { keep_from } = search(&Window { bytes: &bytes, ended: false, ..EITHER })
        else {
            panic!("nothing is proved")
        };
        assert_eq!(keep_from, bytes.len() / MAX_FRAMES);
    }

    /// Each segment is found to hold no frames, and so are all of them.
    fn assert_no_frames(name: &str, segments: &[Vec<u8>]) {
        for first in 0..segments.len() {
            assert_eq!(found(&segments[first..]), None, "{name} from segment {first}");
        }
    }

    #[test]
    fn one_masked_text_message_alone_in_its_segment_is_enough() {
        let frame = TestFrame::text(r#"{"type":"subscribe"}"#).masked([0x37, 0xfa, 0x21, 0x3d]);
        let segments = segments([frame]);
        let (bytes, starts) = join(&segments);
        let window = Window { bytes: &bytes, starts: &starts, ..EITHER };
        let confidence = Confidence(FIRST_BYTE + MASKED_TEXT + ALIGNED);
        assert_eq!(search(&window), Search::Found { at: 0, masked: true, confidence });
        assert_eq!(search(&Window { masking: Masking::Unmasked, ..window }), Search::Hopeless);
    }

    #[test]
    fn frames_are_found_at_the_segment_after_the_rest_of_a_lost_one() {
        let rest = Noise(1).bytes(500);
        let server = [TestFrame::text(r#"{"price":17,"size":4}"#), TestFrame::text(r#"{"price":18}"#)];
        assert_eq!(found(&[vec![rest.clone()], segments(server)].concat()), Some(500));
        let mut noise = Noise(2);
        let client =
            (0..4).map(|i| TestFrame::binary(noise.bytes(30 + i)).masked(noise.key())).collect::<Vec<_>>();
        assert_eq!(found(&[vec![rest], segments(client)].concat()), Some(500));
    }

    #[test]
    fn frames_in_the_middle_of_a_segment_are_found_with_more_evidence() {
        let frames: Vec<_> = (0..5).map(|i| TestFrame::text(format!("message number {i}"))).collect();
        let rest = vec![0xaa; 77];
        assert_eq!(found(&[[rest.clone(), wire(&frames)].concat()]), Some(77));
        assert_eq!(found(&[[rest, wire(&frames[..1])].concat()]), None);
    }

    #[test]
    fn where_frames_are_known_to_be_a_few_that_fill_their_segments_to_the_end_are_enough() {
        let (bytes, starts) = join(&[vec![0xff; 40], segments([TestFrame::new(Opcode::PING, "p")]).concat()]);
        let masking = Masking::Unmasked;
        let window = Window { bytes: &bytes, starts: &starts, masking, demand: Demand::ToTheEnd, ..EITHER };
        assert_eq!(search(&window), Search::Found { at: 40, masked: false, confidence: Confidence(12) });
        assert_eq!(search(&Window { demand: Demand::Proof, ..window }), Search::Hopeless);
        let short = Window { bytes: &bytes[..42], ..window };
        assert_eq!(search(&short), Search::Hopeless, "it ends in a frame");
    }

    #[test]
    fn bytes_that_came_one_by_one_are_no_beginnings_of_frames() {
        // The length, 0x0190, and what follows would be a header too, if it began a segment.
        let frame = TestFrame::text("d".repeat(400)).masked([0x3e, 0xb8, 0x8c, 0xf7]).bytes();
        for length in 4..frame.len() {
            let starts: Vec<_> = (0..length).collect();
            let window = Window { bytes: &frame[..length], starts: &starts, ended: false, ..EITHER };
            assert!(matches!(search(&window), Search::Undecided { .. }), "{length}");
        }
    }

    #[test]
    fn a_chain_goes_through_fragments_control_frames_and_a_close() {
        let frames = [
            TestFrame::text("first half, ").more(),
            TestFrame::new(Opcode::PING, "are you there?"),
            TestFrame::continuation("second half"),
            TestFrame::new(Opcode::CLOSE, b"\x03\xe8bye"),
        ];
        assert_eq!(found(&segments(frames)), Some(0));
    }

    #[test]
    fn a_chain_that_breaks_is_not_believed() {
        let good = TestFrame::text("one text message");
        let bad = [
            TestFrame::new(Opcode(3), "reserved opcode"),
            TestFrame::text("rsv2").rsv(2),
            TestFrame::new(Opcode::PING, "compressed").rsv(4),
            TestFrame::new(Opcode::PONG, "fragmented").more(),
            TestFrame::new(Opcode::PING, vec![b'a'; 126]),
            TestFrame::new(Opcode::CLOSE, [3]),
            TestFrame::new(Opcode::CLOSE, [0, 1]),
            TestFrame::text("masked").masked([1, 2, 3, 4]),
            TestFrame::text(b"not \xff UTF-8"),
            TestFrame::continuation("of nothing"),
        ];
        assert_eq!(found(&[wire(&[good.clone(), TestFrame::text("another one")])]), Some(0));
        for frame in bad {
            assert_eq!(found(&[wire(&[good.clone(), frame.clone()])]), None, "{frame:?}");
        }
        let long_form = [0x82, 0x7e, 0, 1, 0];
        assert_eq!(found(&[[good.bytes(), long_form.to_vec()].concat()]), None);
    }

    #[test]
    fn a_decision_waits_for_bytes_and_says_which_to_keep() {
        let frames = [TestFrame::text("a short one"), TestFrame::text("and then another")];
        let (bytes, starts) = join(&[vec![vec![0xff; 40]], segments(frames)].concat());
        let cut = Window { bytes: &bytes[..53], starts: &starts[..2], ended: false, ..EITHER };
        assert_eq!(search(&cut), Search::Undecided { keep_from: 40 });
        assert_eq!(search(&Window { ended: true, ..cut }), Search::Hopeless);
        let window = Window { bytes: &bytes, starts: &starts, ..cut };
        assert!(matches!(search(&window), Search::Found { at: 40, masked: false, .. }));
    }

    #[test]
    fn a_frame_longer_than_the_bytes_is_judged_by_what_is_there() {
        let long = TestFrame::text("long text ".repeat(2000)).masked([9, 8, 7, 6]);
        let before = TestFrame::text("short").masked([0x5d, 0x11, 0xe2, 0x30]);
        let bytes = wire(&[before, long]);
        assert_eq!(found(&[bytes[..100].to_vec()]), Some(0));
    }

    #[test]
    fn noise_is_not_taken_for_frames() {
        for seed in 0..16 {
            let segments: Vec<_> = Noise(seed).bytes(64 << 10).chunks(1460).map(<[u8]>::to_vec).collect();
            assert_eq!(found(&segments), None);
        }
    }

    #[test]
    fn repetition_is_not_taken_for_frames() {
        let periods: [&[u8]; 8] = [
            &[0],
            &[0x80],
            &[0x81],
            &[0x82],
            &[0x82, 0],
            &[0x81, 1, b'a'],
            &[0x81, 0x82],
            &[0x89, 0x80, 1, 2, 3, 4],
        ];
        for period in periods {
            let bytes = period.repeat(4096);
            for size in [13, 60, 1200] {
                let segments: Vec<_> = bytes.chunks(size).map(<[u8]>::to_vec).collect();
                assert_eq!(found(&segments), None, "{period:x?} in segments of {size}");
            }
        }
    }

    #[test]
    fn the_same_frame_again_and_again_alone_in_its_segment_is_found() {
        let beats = std::iter::repeat_n(TestFrame::text("\n"), 20);
        assert_eq!(found(&segments(beats)), Some(0));
        let beats = std::iter::repeat_n(TestFrame::text("\n"), 200).collect::<Vec<_>>();
        assert_eq!(found(&[wire(&beats)]), None);
    }

    #[test]
    fn other_protocols_are_not_taken_for_frames() {
        let mut noise = Noise(7);
        let mut each = |make: &dyn Fn(u8, &mut Noise) -> Vec<u8>| -> Vec<Vec<u8>> {
            (1..20).map(|i| make(i, &mut noise)).collect()
        };
        let tls = each(&|i, noise| [vec![0x17, 3, 3, 0, i + 40], noise.bytes(usize::from(i) + 40)].concat());
        assert_no_frames("TLS", &tls);
        let ssh = each(&|i, noise| [vec![0, 0, 0, i + 12, 6], noise.bytes(usize::from(i) + 27)].concat());
        assert_no_frames("SSH", &ssh);
        let http = each(&|i, _| format!("GET /{i} HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n").into_bytes());
        assert_no_frames("HTTP/1", &http);
        let http2 = each(&|i, noise| [vec![0, 0, i, 0, 1, 0, 0, 0, i], noise.bytes(i.into())].concat());
        assert_no_frames("HTTP/2", &http2);
        let dns = each(&|i, noise| {
            let id = noise.bytes(2);
            [
                vec![0, i + 29],
                id,
                vec![1, 0, 0, 1, 0, 0, 0, 0, 0, 0, i + 11],
                vec![b'a'; 11 + i as usize],
                vec![0, 0, 1, 0, 1],
            ]
            .concat()
        });
        assert_no_frames("DNS over TCP", &dns);
        let mqtt = each(&|i, _| [vec![0x82, i + 5, 0, i, 0, i], vec![b'a' + i; i.into()], vec![0]].concat());
        assert_no_frames("MQTT SUBSCRIBE", &mqtt);
        let mqtt5 =
            each(&|i, _| [vec![0x82, i + 8, 0, i, 2, 11, i, 0, i], vec![b'a'; i.into()], vec![1]].concat());
        assert_no_frames("MQTT 5 SUBSCRIBE", &mqtt5);
        let publish = each(&|i, noise| [vec![0x30, i + 4, 0, 2, b'a', b'b'], noise.bytes(i.into())].concat());
        assert_no_frames("MQTT PUBLISH", &publish);
        let postgres = each(&|i, _| [vec![b'D', 0, 0, 0, i + 6, 0, 1], vec![b'x'; i.into()]].concat());
        assert_no_frames("PostgreSQL", &postgres);
        let bind = each(&|i, _| [vec![b'B', 0, 0, 0, i + 6, 0, 0], vec![b'x'; i.into()]].concat());
        assert_no_frames("PostgreSQL Bind", &bind);
        let smb = each(&|i, noise| {
            [vec![0, 0, 0, i + 64, 0xfe, b'S', b'M', b'B'], noise.bytes(60 + i as usize)].concat()
        });
        assert_no_frames("SMB", &smb);
        let rpc = each(&|i, noise| [vec![0x80, 0, 0, i + 40], noise.bytes(40 + i as usize)].concat());
        assert_no_frames("ONC RPC", &rpc);
        let names =
            each(&|i, _| [vec![0x82, i + 12], vec![b'a' + i; i.into()], b".example.com".to_vec()].concat());
        assert_no_frames("names of a certificate", &[names.concat()]);
        let cyrillic = each(&|i, _| "Привет, как дела? щука ".repeat(i.into()).into_bytes());
        assert_no_frames("Cyrillic text", &cyrillic);
    }

    fn any_stream() -> impl Strategy<Value = Vec<u8>> {
        let common =
            prop::sample::select(vec![0_u8, 1, 2, 3, 0x41, 0x7e, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8a, 0xc1]);
        prop::collection::vec(prop_oneof![2 => common, 1 => any::<u8>()], 0..2000)
    }

    proptest! {
        #[test]
        fn what_need_not_be_kept_holds_no_first_find(
            before in any_stream(),
            texts in prop::collection::vec("[a-z]{1,30}", 1..12),
            cut: prop::sample::Index,
        ) {
            let (bytes, starts) = join(&[vec![before], segments(texts.iter().map(TestFrame::text))].concat());
            let whole = Window { bytes: &bytes, starts: &starts, ..EITHER };
            let cut = cut.index(bytes.len() + 1);
            let early = Window { bytes: &bytes[..cut], ended: false, ..whole };
            if let Search::Undecided { keep_from } = search(&early) {
                prop_assert!(keep_from <= cut);
                let starts: Vec<_> = starts.iter().filter_map(|start| start.checked_sub(keep_from)).collect();
                let later = search(&Window { bytes: &bytes[keep_from..], starts: &starts, ..whole });
                match (search(&whole), later) {
                    (Search::Found { at, .. }, Search::Found { at: later, .. }) => {
                        prop_assert_eq!(at, later + keep_from);
                    }
                    (whole, later) => prop_assert_eq!(whole, later),
                }
            }
        }

        #[test]
        fn any_bytes_are_searched(bytes in any_stream(), starts in prop::collection::vec(0_usize..3000, 0..50)) {
            let mut starts = starts;
            starts.sort_unstable();
            for masking in [Masking::Either, Masking::Masked, Masking::Unmasked] {
                if let Search::Found { at, .. } = search(&Window { bytes: &bytes, starts: &starts, masking, ..EITHER }) {
                    prop_assert!(at < bytes.len());
                }
            }
        }
    }
}
