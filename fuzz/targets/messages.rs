use flate2::{Compress, Compression as Level, Decompress, FlushCompress, FlushDecompress, Status};
use wspect::packet::{PacketRef, Timestamp};
use wspect::websocket::deflate::{Compression, Inflation, Scope};
use wspect::websocket::message::{AfterGap, Counts, KeptBy, MessageOptions, MessageReader, Step, Whole};
use wspect::websocket::resync::Confidence;
use wspect::websocket::{Message, Opcode, TextState};

use super::feed::{Feed, pieces};

/// One direction gives the same messages in whatever pieces its bytes come, and keeps no more of them than it may.
pub fn messages(bytes: &[u8]) {
    let mut feed = Feed(bytes);
    let (choice, seed, keep) = (feed.byte(), feed.byte(), feed.byte());
    let options = MessageOptions {
        keep_payload: if keep == 0 { usize::MAX } else { usize::from(keep) << (keep % 8) },
        kept_by: KeptBy::Limit,
        keep_frames: usize::from(keep % 8),
        compression: (choice & 1 != 0).then_some(Compression {
            scope: if choice & 2 == 0 { Scope::Message } else { Scope::Frame },
            takeover: choice & 4 == 0,
            window_bits: 8 + (choice >> 3) % 8,
            certain: choice & 64 == 0,
            limit: MOST_INFLATED,
        }),
    };
    let gap = (choice & 128 != 0).then(|| (usize::from(feed.half()), u64::from(feed.half())));
    let bytes = feed.rest();
    let (before, after) = bytes.split_at(gap.map_or(bytes.len(), |(at, _)| at.min(bytes.len())));
    let missing = gap.map_or(0, |(_, missing)| missing);
    let at_once = read(options, &[before], missing, &[after]);
    let in_pieces = read(options, &pieces(before, seed), missing, &pieces(after, seed.wrapping_add(1)));
    assert_eq!(at_once, in_pieces);
    let (said, counts) = at_once;
    if missing == 0 {
        assert_eq!(counts.wire_bytes, bytes.len() as u64, "{said:?}");
    }
    said.iter().for_each(|message| holds(message, options.keep_payload));
}

/// What holds of any message.
fn holds(message: &Message, keep: usize) {
    let Message { payload, length, .. } = message;
    let most = if message.opcode.is_control() { keep.max(125) } else { keep };
    assert!(payload.len() <= most && payload.len() as u64 <= *length, "{message:?}");
    assert!(*length <= MOST_INFLATED.max(message.wire_length), "{message:?}");
    let whole = payload.len() as u64 == *length;
    if message.text == TextState::Valid && whole {
        assert!(std::str::from_utf8(payload).is_ok(), "{message:?}");
    }
    if let (TextState::Invalid { offset }, true) = (message.text, whole && message.opcode == Opcode::TEXT) {
        let error = std::str::from_utf8(payload).unwrap_err();
        let offset = usize::try_from(offset).unwrap();
        assert!((error.valid_up_to()..error.valid_up_to() + 4).contains(&offset), "{message:?}");
    }
}

fn read(options: MessageOptions, before: &[&[u8]], missing: u64, after: &[&[u8]]) -> (Vec<Message>, Counts) {
    let mut reader = MessageReader::new(options);
    let mut said = Vec::new();
    before.iter().for_each(|piece| take(&mut reader, piece, &mut said));
    if reader.gap(missing) == AfterGap::Lost {
        reader.resume(Confidence(32));
    }
    after.iter().for_each(|piece| take(&mut reader, piece, &mut said));
    said.extend(reader.finish());
    (said, reader.counts())
}

fn take(reader: &mut MessageReader, mut piece: &[u8], said: &mut Vec<Message>) {
    while let Some(step) = reader.next(&mut piece, at()) {
        match step {
            Step::Frame(_) => {}
            Step::Message(message) | Step::Whole(Whole { message, .. }) => said.push(*message),
        }
    }
    assert!(piece.is_empty());
}

fn at() -> PacketRef {
    PacketRef { number: 1, time: Timestamp::from_nanos(1), file: 0 }
}

/// What was deflated inflates to what it was; what somebody made up inflates to what zlib makes of it.
pub fn inflate(bytes: &[u8]) {
    let mut feed = Feed(bytes);
    let choice = feed.byte();
    let takeover = choice & 1 == 0;
    let mut payloads = Vec::new();
    while !feed.is_empty() && payloads.len() < MOST_MESSAGES {
        let length = usize::from(feed.half());
        payloads.push(feed.take(length));
    }
    if choice & 2 == 0 {
        round_trip(&payloads, takeover, Level::new(u32::from(choice >> 2) % 10));
    } else {
        as_zlib(&payloads, takeover);
    }
}

fn round_trip(payloads: &[&[u8]], takeover: bool, level: Level) {
    let mut deflater = Compress::new(level, false);
    let mut wire = Vec::new();
    for payload in payloads {
        if !takeover {
            deflater.reset();
        }
        let mut deflated = Vec::with_capacity(payload.len() + payload.len() / 100 + 1024);
        deflater.compress_vec(payload, &mut deflated, FlushCompress::Sync).unwrap();
        deflated.truncate(deflated.strip_suffix(&TAIL).map_or(deflated.len(), <[u8]>::len));
        // zlib writes nothing at all where nothing came since the last flush. // RFC 7692 §7.2.3.6
        wire.extend(frame(if deflated.is_empty() { &[0] } else { &deflated }));
    }
    let said = inflated(&wire, takeover);
    assert_eq!(said.len(), payloads.len());
    for (message, payload) in said.iter().zip(payloads) {
        assert_eq!((&message.payload[..], message.inflation), (*payload, Inflation::Whole), "{message:?}");
    }
}

/// As long as each message ends where a block ends, without the tail that its sender has to cut off.
fn as_zlib(payloads: &[&[u8]], takeover: bool) {
    let wire: Vec<u8> = payloads.iter().flat_map(|payload| frame(payload)).collect();
    let said = inflated(&wire, takeover);
    assert_eq!(said.len(), payloads.len());
    let (mut before, mut known) = (Vec::new(), 0);
    for (message, payload) in said.iter().zip(payloads) {
        if !takeover {
            (before, known) = (Vec::new(), 0);
        }
        before.extend([payload, &TAIL[..]].concat());
        let Some(expected) = whole(&before).filter(|_| !payload.ends_with(&TAIL) && !payload.is_empty())
        else {
            return;
        };
        assert_eq!(message.payload, expected[known..], "{message:?}");
        known = expected.len();
    }
}

/// What blocks inflate to, if none of them is final and the last one is at its end.
fn whole(blocks: &[u8]) -> Option<Vec<u8>> {
    let input = [blocks, &[1, 0, 0, 0xff, 0xff]].concat();
    let mut output = Vec::with_capacity(MOST_EXPECTED);
    let mut inflater = Decompress::new(false);
    let ended = inflater.decompress_vec(&input, &mut output, FlushDecompress::Finish);
    let all = inflater.total_in() == input.len() as u64;
    (all && matches!(ended, Ok(Status::StreamEnd))).then_some(output)
}

fn inflated(wire: &[u8], takeover: bool) -> Vec<Message> {
    let compression =
        Compression { scope: Scope::Message, takeover, window_bits: 15, certain: true, limit: MOST_INFLATED };
    let options = MessageOptions {
        keep_payload: usize::MAX,
        kept_by: KeptBy::Limit,
        keep_frames: 0,
        compression: Some(compression),
    };
    read(options, &[wire], 0, &[]).0
}

/// A compressed binary message of a server in one frame.
fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap_or_else(|_| panic!("{} bytes", payload.len()));
    [&[0xc2, 126], &length.to_be_bytes()[..], payload].concat()
}

/// What the sender of a message cuts off. // RFC 7692 §7.2.1
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

const MOST_INFLATED: u64 = 4 << 20;
const MOST_EXPECTED: usize = 4 << 20;
const MOST_MESSAGES: usize = 16;
