use wspect::websocket::decoder::{FrameDecoder, Piece};
use wspect::websocket::frame::frame_header;
use wspect::websocket::resync::{self, Demand, Masking, Search, Trails, Window};
use wspect::websocket::{FrameHeader, LengthForm};

use super::feed::{Feed, pieces};

/// Bytes give the same frames in whatever pieces they come, and the frames written out are the bytes.
pub fn frames(bytes: &[u8]) {
    let mut feed = Feed(bytes);
    let seed = feed.byte();
    let bytes = feed.rest();
    let at_once = read(&[bytes]);
    assert_eq!(at_once, read(&pieces(bytes, seed)));
    let mut written = Vec::new();
    for (header, payload) in &at_once.frames {
        assert!(payload.len() as u64 <= header.length);
        written.extend(write(header));
        written.extend_from_slice(payload);
    }
    written.extend(&at_once.partial_header);
    assert_eq!(written, bytes);
}

#[derive(Debug, Default, PartialEq)]
struct Frames {
    frames: Vec<(FrameHeader, Vec<u8>)>,
    partial_header: Vec<u8>,
}

fn read(pieces: &[&[u8]]) -> Frames {
    let mut decoder = FrameDecoder::default();
    let mut read = Frames::default();
    let mut open = false;
    for mut piece in pieces.iter().copied() {
        while let Some(part) = decoder.next(&mut piece) {
            match part {
                Piece::Header(header) => {
                    assert!(!open, "{header:?} inside a frame");
                    read.frames.push((header, Vec::new()));
                }
                Piece::Payload(bytes) => read.frames.last_mut().unwrap().1.extend_from_slice(bytes),
                Piece::End => {
                    let (header, payload) = read.frames.last().unwrap();
                    assert_eq!(payload.len() as u64, header.length);
                }
            }
            open = part != Piece::End;
        }
        assert!(piece.is_empty());
    }
    read.partial_header = decoder.partial_header().to_vec();
    read
}

fn write(header: &FrameHeader) -> Vec<u8> {
    let first = u8::from(header.fin) << 7 | header.rsv << 4 | header.opcode.0;
    let masked = if header.masking_key.is_some() { 0x80 } else { 0 };
    let length = header.length;
    let (short, long) = match header.length_form {
        LengthForm::Bits7 => (u8::try_from(length).unwrap(), Vec::new()),
        LengthForm::Bits16 => (126, u16::try_from(length).unwrap().to_be_bytes().to_vec()),
        LengthForm::Bits64 => (127, length.to_be_bytes().to_vec()),
    };
    let key = header.masking_key.map(Vec::from).unwrap_or_default();
    let written = [vec![first, masked | short], long, key].concat();
    assert_eq!(written.len() as u64, header.size());
    written
}

/// A place found begins a frame of the role asked for; one that was ruled out is not found when more bytes come.
pub fn search(bytes: &[u8]) {
    let mut feed = Feed(bytes);
    let (choice, more) = (feed.byte(), usize::from(feed.half()));
    let masking = [Masking::Masked, Masking::Unmasked, Masking::Either][usize::from(choice % 3)];
    let starts: Vec<usize> = (0..choice >> 4).map(|_| usize::from(feed.half())).collect();
    let all = feed.rest();
    let first = &all[..all.len().saturating_sub(more)];
    let mut sorted = starts;
    sorted.sort_unstable();
    sorted.dedup();
    let compression = choice & 8 != 0;
    let (demand, leaving) = (Demand::Proof, 0);
    let window =
        |bytes, ended| Window { bytes, starts: &sorted, masking, compression, ended, demand, leaving };
    let check = |found: Search, bytes: &[u8], ended: bool| match found {
        Search::Found { at, masked, .. } => {
            let (_, header) = frame_header(&bytes[at..]).unwrap();
            assert_eq!(header.masking_key.is_some(), masked);
            assert!(masking == Masking::Either || (masking == Masking::Masked) == masked);
        }
        Search::Undecided { keep_from } => assert!(!ended && keep_from <= bytes.len()),
        Search::Hopeless => assert!(ended),
    };
    let early = resync::search(&window(first, false), &mut Trails::default());
    check(early, first, false);
    let late = resync::search(&window(all, true), &mut Trails::default());
    check(late, all, true);
    if let (Search::Undecided { keep_from }, Search::Found { at, .. }) = (early, late) {
        assert!(at >= keep_from, "{late:?} after {early:?}");
    }
}
