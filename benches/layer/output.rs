//! What is written.

use std::io;

use wspect::event::{ConnectionId, Event, EventKind, PayloadNote, TimelineMessage};
use wspect::packet::{PacketRef, Side, Timestamp};
use wspect::report::{Ndjson, Report as _, Shown};
use wspect::websocket::{Message, Opcode, TextState};

use super::Layer;
use super::websocket::cut;

pub(super) const TO_ESCAPE: &str = "{\"type\":\"note\",\"text\":\"one line\\nand another\"}\r\n\t";

/// A text message → a line of JSON.
pub(super) fn json(text: &str, length: usize) -> Layer {
    lines(Opcode::TEXT, cut(text, length))
}

/// A binary message → a line of JSON.
pub(super) fn json_binary() -> Layer {
    lines(Opcode::BINARY, (0..=u8::MAX).cycle().take(1 << 16).collect())
}

fn lines(opcode: Opcode, payload: Vec<u8>) -> Layer {
    let items = (1_000_000 / payload.len()).clamp(16, 2000) as u64;
    let bytes = items * payload.len() as u64;
    let events: Vec<Event> = (0..items).map(|index| event(index, opcode, &payload)).collect();
    Layer::new(items, bytes, move || {
        let mut report = Ndjson::new(io::sink(), Shown::default());
        report.begin(&[]).unwrap();
        events.iter().for_each(|event| report.event(event).unwrap());
        items
    })
}

fn event(index: u64, opcode: Opcode, payload: &[u8]) -> Event {
    // A millisecond from one to the next.
    let time = Timestamp::from_nanos(1_767_225_600_000_000_000).saturating_add((index as i64) * 1_000_000);
    let at = PacketRef { number: index + 1, time, file: 0 };
    let message = Message {
        opcode,
        first: at,
        last: at,
        length: payload.len() as u64,
        wire_length: payload.len() as u64 + 8,
        frames: 1,
        masked: true,
        payload: payload.to_vec(),
        text: if opcode == Opcode::TEXT { TextState::Valid } else { TextState::NotJudged },
        ..Message::default()
    };
    let timeline =
        TimelineMessage { index, sender: Side::Client, message: Box::new(message), note: PayloadNote::None };
    Event { at, connection: Some(ConnectionId(1)), kind: EventKind::Message(timeline) }
}
