//! Frames, messages and their content.

use flate2::{Compress, FlushCompress};
use wspect::packet::PacketRef;
use wspect::websocket::TextState;
use wspect::websocket::decoder::{FrameDecoder, Piece};
use wspect::websocket::deflate::{Compression, Scope};
use wspect::websocket::mask::unmask;
use wspect::websocket::message::{KeptBy, MessageOptions, MessageReader, Step, Whole};
use wspect::websocket::utf8::Utf8Check;

use super::Layer;

pub(super) const ASCII: &str = "did you see the game last night? no, I was at work until nine; ";
pub(super) const MIXED: &str = "Grüße aus Köln, спасибо, 谢谢, mañana 🎉 naïve café, ευχαριστώ; ";

/// Bytes of one direction in full segments → headers and payloads.
pub(super) fn frames(length: usize) -> Layer {
    let (items, wire) = masked_frames(length);
    let mut decoder = FrameDecoder::default();
    Layer::new(items, wire.len() as u64, move || {
        let mut sum = 0;
        for mut segment in wire.chunks(SEGMENT) {
            while let Some(piece) = decoder.next(&mut segment) {
                sum += match piece {
                    Piece::Header(header) => header.length,
                    Piece::Payload(bytes) => bytes.len() as u64,
                    Piece::End => 1,
                };
            }
        }
        sum
    })
}

/// Masked payloads → plain ones, in place.
pub(super) fn unmasking(length: usize) -> Layer {
    let items = items(length);
    let mut payloads = vec![0x5a; length * items];
    Layer::new(items as u64, payloads.len() as u64, move || {
        for payload in payloads.chunks_mut(length) {
            unmask(payload, KEY, 0);
        }
        u64::from(payloads[0])
    })
}

/// Bytes of one direction in full segments → whole text messages: frames, unmasking, UTF-8, and a message to keep.
pub(super) fn messages(length: usize) -> Layer {
    let (items, wire) = masked_frames(length);
    let mut reader = MessageReader::new(options(None));
    let segments: Vec<_> = wire.chunks(SEGMENT).map(<[u8]>::to_vec).collect();
    Layer::new(items, wire.len() as u64, move || read(&mut reader, &segments))
}

/// Compressed messages that refer to those before them → plain ones. The inflater is private, so this is all that `messages` has,
/// one message in a segment.
pub(super) fn inflate() -> Layer {
    let mut compress = Compress::new(flate2::Compression::new(6), false);
    let frames: Vec<Vec<u8>> = (0..200).map(|number| deflated_frame(&mut compress, number)).collect();
    let bytes = frames.iter().map(|frame| frame.len() as u64).sum();
    let compression = Compression {
        scope: Scope::Message,
        takeover: true,
        window_bits: 15,
        certain: true,
        limit: u64::MAX,
    };
    Layer::new(frames.len() as u64, bytes, move || {
        // The first message must find no history.
        let mut reader = MessageReader::new(options(Some(compression)));
        read(&mut reader, &frames)
    })
}

/// A text → is it UTF-8?
pub(super) fn utf8(text: &str, length: usize) -> Layer {
    let text = cut(text, length);
    let items = items(length);
    Layer::new(items as u64, (items * length) as u64, move || {
        let valid = |_: &usize| Utf8Check::of(std::hint::black_box(&text)) == TextState::Valid;
        (0..items).filter(valid).count() as u64
    })
}

fn read(reader: &mut MessageReader, segments: &[Vec<u8>]) -> u64 {
    let mut sum = 0;
    for segment in segments {
        let mut segment = segment.as_slice();
        while let Some(step) = reader.next(&mut segment, PacketRef::default()) {
            if let Step::Message(message) | Step::Whole(Whole { message, .. }) = step {
                assert!(!message.incomplete() && message.text == TextState::Valid);
                sum += message.length;
            }
        }
    }
    sum
}

fn options(compression: Option<Compression>) -> MessageOptions {
    MessageOptions { keep_payload: usize::MAX, kept_by: KeptBy::Limit, keep_frames: 0, compression }
}

/// How many, and their bytes.
fn masked_frames(length: usize) -> (u64, Vec<u8>) {
    let items = items(length);
    let mut payload = cut(ASCII, length);
    unmask(&mut payload, KEY, 0);
    let mut wire = Vec::new();
    for _ in 0..items {
        wire.push(0x81);
        push_length(&mut wire, 0x80, length);
        wire.extend(KEY);
        wire.extend(&payload);
    }
    (items as u64, wire)
}

/// A JSON text of about a kilobyte, of which some is as in the one before.
fn deflated_frame(compress: &mut Compress, number: u64) -> Vec<u8> {
    let rows = (0..10_u64).map(|row| {
        let drawn = (number * 10 + row).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        format!(
            r#"{{"item":"fig","price":{}.{:02},"buyer":"b{:04}","side":"bid"}}"#,
            drawn % 5000,
            drawn % 97,
            drawn % 9973
        )
    });
    let text = format!(r#"{{"type":"quotes","rows":[{}]}}"#, rows.collect::<Vec<_>>().join(","));
    let mut packed = Vec::with_capacity(text.len() + 64);
    compress.compress_vec(text.as_bytes(), &mut packed, FlushCompress::Sync).unwrap();
    packed.truncate(packed.len() - 4);
    let mut frame = vec![0xc1];
    push_length(&mut frame, 0, packed.len());
    frame.extend(packed);
    frame
}

fn push_length(out: &mut Vec<u8>, mask_bit: u8, length: usize) {
    match length {
        0..126 => out.push(mask_bit | length as u8),
        126..0x1_0000 => {
            out.push(mask_bit | 126);
            out.extend((length as u16).to_be_bytes());
        }
        _ => {
            out.push(mask_bit | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
}

/// The text again and again, `length` bytes of it, and never half a character.
pub(super) fn cut(text: &str, length: usize) -> Vec<u8> {
    let mut all: String = text.chars().cycle().take(length).collect();
    while all.len() > length {
        all.pop();
    }
    all.extend(std::iter::repeat_n('.', length - all.len()));
    all.into_bytes()
}

/// As many as make a run worth measuring.
fn items(length: usize) -> usize {
    (1_000_000 / length).clamp(16, 4000)
}

const SEGMENT: usize = 1460;
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
