//! A packet as it came, and in pieces: the short ways of a frame that is all there, and the long ones.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::event::PayloadNote;
use crate::websocket::{Opcode, TextState};

/// The frames of one packet, and who sends them, in pieces.
#[derive(Clone, Debug)]
struct Sent {
    direction: Direction,
    pieces: Vec<Vec<u8>>,
}

impl Sent {
    fn in_one_piece(&self) -> Self {
        Self { pieces: vec![self.pieces.concat()], ..self.clone() }
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let frames = vec(any_frame(), 1..4).prop_map(|frames| frames.concat());
    (any::<bool>(), frames, any::<[Index; 2]>()).prop_map(|(client, frames, cuts)| {
        let direction = if client { Direction::Forward } else { Direction::Backward };
        let mut cuts = cuts.map(|cut| cut.index(frames.len()));
        cuts.sort_unstable();
        let pieces = [&frames[..cuts[0]], &frames[cuts[0]..cuts[1]], &frames[cuts[1]..]];
        Sent { direction, pieces: pieces.map(<[u8]>::to_vec).into() }
    })
}

/// Mostly what is said in chats, of either side, so that every second one breaks the rule of masking; and a little of everything else.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let ordinary = (select(&[0x81_u8, 0x82, 0xc1][..]), payload());
    let odd = (select(&[0x01_u8, 0x00, 0x80, 0x88, 0x89, 0x8a, 0x09, 0x83, 0xa1, 0xc2, 0x41][..]), payload());
    let kind = prop_oneof![6 => ordinary, 1 => odd];
    let key =
        prop_oneof![3 => any::<Option<[u8; 4]>>(), 1 => Just(Some([0; 4])), 1 => Just(Some([1, 2, 3, 4]))];
    (kind, key).prop_map(|((first, payload), key)| frame(first, &payload, key))
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[ -~]{0,40}".prop_map(String::into_bytes),
        1 => "[ -~]{120,300}".prop_map(String::into_bytes),
        1 => ".{0,20}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..40),
        1 => Just(HELLO.to_vec()),
        1 => Just(b"\x03\xe8bye".to_vec()),
    ]
}

/// "Hello" as deflate writes it. // RFC 7692 §7.2.3.1
const HELLO: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

/// All that is said of the packets.
fn told(packets: impl IntoIterator<Item = Sent>, extension: &str, options: &Options) -> Vec<Event> {
    let mut fed = Fed::opened();
    fed.options = options.clone();
    let with = |head: &[u8]| {
        let (head, _) = head.split_at(head.len() - 2);
        [head, extension.as_bytes(), b"\r\n"].concat()
    };
    fed.client(&with(GET)).server(&with(SWITCH));
    for Sent { direction, pieces } in packets {
        let at = fed.next_packet();
        fed.connection.next_packet();
        for bytes in &pieces {
            let chunk = Delivery::Chunk(Chunk { offset: 0, bytes, at });
            fed.connection.deliver(direction, chunk, &fed.options, &mut fed.out);
        }
    }
    fed.end().0.into_iter().map(without_note).collect()
}

/// Only of a message that came in one piece is it noted that it is printable.
fn without_note(mut event: Event) -> Event {
    if let EventKind::Message(TimelineMessage { message, note, .. }) = &mut event.kind
        && std::mem::take(note) == PayloadNote::Printable
    {
        assert!(message.payload.iter().all(|byte| (b' '..=b'~').contains(byte) && !b"\"\\".contains(byte)));
        assert_eq!((message.opcode, message.text), (Opcode::TEXT, TextState::Valid));
    }
    event
}

const DEFLATE: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

#[test]
fn bytes_behind_the_last_block_of_a_message_are_not_counted_as_its_own() {
    // A final block with nothing in it, and what is no DEFLATE data.
    let payload = [&[0x03, 0x00][..], &[0xff; 40]].concat();
    let frame = frame(0xc1, &payload, Some([1, 2, 3, 4]));
    let counted = |at: usize| {
        let pieces = vec![frame[..at].to_vec(), frame[at..].to_vec()];
        let told = told([Sent { direction: Direction::Forward, pieces }], DEFLATE, &Options::default());
        let Some(EventKind::Closed(closing)) = told.last().map(|event| &event.kind) else { panic!() };
        closing.traffic[0].compressed_bytes
    };
    assert_eq!([0, 8, 20, 30].map(counted), [2; 4]);
}

#[test]
fn text_in_one_piece_is_noted_as_printable_where_it_is() {
    let note = |text: &[u8]| {
        let mut fed = Fed::opened();
        fed.client(GET).server(SWITCH).client(&frame(0x81, text, Some([1, 2, 3, 4])));
        fed.end().0.iter().find_map(|event| match &event.kind {
            EventKind::Message(message) => Some(message.note),
            _ => None,
        })
    };
    assert_eq!(note(b"Hello"), Some(PayloadNote::Printable));
    assert_eq!(note(b"\"Hello\""), Some(PayloadNote::None));
}

proptest! {
    #[test]
    fn how_the_bytes_of_a_packet_come_changes_nothing(
        packets in vec(sent(), 1..30),
        extension in select(&["", DEFLATE][..]),
        keep in select(&[0_usize, 20, 1 << 20][..]),
        frames in any::<bool>(),
    ) {
        let options = Options { payload: keep, frames, ..Options::default() };
        let whole = told(packets.iter().map(Sent::in_one_piece), extension, &options);
        let pieces = told(packets, extension, &options);
        for (whole, pieces) in whole.iter().zip(&pieces) {
            prop_assert_eq!(whole, pieces);
        }
        prop_assert_eq!(whole.len(), pieces.len());
    }
}
