//! A message → its JSON, written straight into bytes: the line of which there are millions, at a fifth of the cost of
//! the general serializer. What stands in it is decided by [`Message`] alone; a test holds both to the same bytes.

use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::plain::is_plain;
use super::{CloseStatus, Files, Message, Packets, Payload, Text};
use crate::decimal::Short;
use crate::event::{PayloadNote, TimelineMessage};
use crate::packet::{Clock, PacketRef, Side};
use crate::report::compact::{self, string};
use crate::report::shown::{Frames, PayloadMode, Shown};
use crate::report::view::line::ROOM_FOR_ID;
use crate::report::view::row::{Room, Row};
use crate::websocket::close::CloseBody;
use crate::websocket::{self, Opcode};

/// Writes lines of messages, each with room for the id of its connection. Nothing in them can steer a terminal: see [`compact`].
pub(in crate::report::view) struct Writer {
    shown: Shown,
    files: Files,
    clock: Clock,
    room: Room,
}

impl Writer {
    pub(in crate::report::view) fn new(shown: Shown, files: Files) -> Self {
        Self { shown, files, clock: Clock::default(), room: [0; size_of::<Room>()] }
    }

    /// Appends the line of a message, with room for the id behind its first [`BEFORE_ID`] bytes.
    pub(in crate::report::view) fn message(
        &mut self,
        timeline: &TimelineMessage,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        if !self.is_ordinary(timeline) {
            return self.general(timeline, out);
        }
        let whole_text = self.whole_text(timeline);
        let is_printable = timeline.note == PayloadNote::Printable;
        let mut row = self.facts(timeline, out);
        if let Some(text) = whole_text.filter(|text| is_printable || is_plain(text)) {
            row.put(b"},\"text\":\"");
            row.pass_on(out);
            debug_assert!(is_plain(text), "the note on the payload is wrong");
            out.extend_from_slice(text);
            out.extend_from_slice(b"\"}\n");
            return Ok(());
        }
        row.put(b"}");
        row.pass_on(out);
        self.end(timeline, out)
    }

    /// Has it none of the members that are rare?
    fn is_ordinary(&self, timeline: &TimelineMessage) -> bool {
        let message = &timeline.message;
        let rare = timeline.is_redacted()
            || message.incomplete()
            || message.undecoded
            || message.resynchronised
            || message.truncated
            || message.announced.is_some();
        !rare && (message.fragments.is_empty() || self.shown.frames != Frames::Listed)
    }

    #[inline(never)]
    fn general(&self, timeline: &TimelineMessage, out: &mut Vec<u8>) -> io::Result<()> {
        out.extend_from_slice(BEGINNING);
        out.extend_from_slice(ROOM_FOR_ID);
        let message = Message::new(None, timeline, &self.shown, &self.files);
        // Its own brace gives way to the members that stand before its first one.
        let brace = out.len();
        compact::append(&message, out)?;
        if let Some(brace) = out.get_mut(brace) {
            *brace = b',';
        }
        out.push(b'\n');
        Ok(())
    }

    /// The text of most messages.
    fn whole_text<'m>(&self, timeline: &'m TimelineMessage) -> Option<&'m [u8]> {
        let text = timeline.message.text().filter(|text| !text.is_empty());
        text.filter(|_| self.shown.payload == PayloadMode::Full)
    }

    /// All up to the payload, but for a last brace.
    #[inline]
    fn facts(&mut self, timeline: &TimelineMessage, out: &mut Vec<u8>) -> Row<'_> {
        let message = &*timeline.message;
        let (first, last) = (message.first, message.last);
        let mut row = Row::new(&mut self.room);
        row.put(BEGINNING);
        row.put(ROOM_FOR_ID);
        row.put(b",\"index\":");
        row.number(timeline.index);
        row.put(b",\"time\":\"");
        row.time(self.clock.rfc3339(last.time));
        if first.number != last.number {
            row.put(b"Z\",\"start_time\":\"");
            row.time(self.clock.rfc3339(first.time));
        }
        row.sender(timeline.sender);
        row.opcode(message.opcode);
        row.number(message.length);
        row.put(b",\"wire_length\":");
        row.number(message.wire_length);
        row.frames(message);
        row.packets(first, last);
        if let Some(file) = self.files.of(first) {
            row.pass_on(out);
            out.extend_from_slice(b",\"file\":");
            string(file.as_bytes(), out);
        }
        if let Some(file) = Packets::new(first, last, &self.files).last_file {
            row.pass_on(out);
            out.extend_from_slice(b",\"last_file\":");
            string(file.as_bytes(), out);
        }
        row
    }

    /// Behind the facts, where the payload is no plain text.
    #[inline(never)]
    fn end(&self, timeline: &TimelineMessage, out: &mut Vec<u8>) -> io::Result<()> {
        self.payload(timeline, out);
        close(timeline, out)?;
        out.extend_from_slice(b"}\n");
        Ok(())
    }

    fn payload(&self, timeline: &TimelineMessage, out: &mut Vec<u8>) {
        let payload = Payload::new(timeline, self.shown.payload);
        if let Some(Text(text)) = payload.text {
            out.extend_from_slice(b",\"text\":");
            string(text, out);
        }
        if let Some(bytes) = payload.bytes {
            out.extend_from_slice(b",\"base64\":\"");
            encode(bytes, out);
            out.push(b'"');
        }
    }
}

impl Row<'_> {
    fn time(&mut self, (second, fraction): (&[u8; 20], [u8; 9])) {
        self.put(second);
        self.put(&fraction);
    }

    /// Behind a time.
    fn sender(&mut self, sender: Side) {
        // From a table: no processor foresees who speaks next.
        static DIRECTIONS: [[u8; 42]; 2] = [
            *b"Z\",\"direction\":\"client_to_server\",\"type\":\"",
            *b"Z\",\"direction\":\"server_to_client\",\"type\":\"",
        ];
        DIRECTIONS.get(sender.index()).into_iter().for_each(|direction| self.put(direction));
    }

    fn opcode(&mut self, opcode: Opcode) {
        match opcode {
            Opcode::TEXT => self.put(b"text\",\"opcode\":1,\"length\":"),
            Opcode::BINARY => self.put(b"binary\",\"opcode\":2,\"length\":"),
            Opcode::CLOSE => self.put(b"close\",\"opcode\":8,\"length\":"),
            Opcode::PING => self.put(b"ping\",\"opcode\":9,\"length\":"),
            Opcode::PONG => self.put(b"pong\",\"opcode\":10,\"length\":"),
            Opcode(reserved) => {
                self.put(b"reserved\",\"opcode\":");
                self.number(reserved.into());
                self.put(b",\"length\":");
            }
        }
    }

    /// Behind the length on the wire.
    fn frames(&mut self, message: &websocket::Message) {
        if message.frames == 1 {
            self.put(b",\"frames\":1,\"masked\":");
        } else {
            self.put(b",\"frames\":");
            self.number(message.frames);
            self.put(b",\"masked\":");
        }
        // As above: clients mask.
        static MASKED: [(usize, [u8; 5]); 2] = [(5, *b"false"), (4, *b"true ")];
        let masked = MASKED.get(usize::from(message.masked));
        masked.into_iter().for_each(|(length, masked)| self.put_first(*length, masked));
        if message.compressed {
            self.put(b",\"compressed\":true");
        }
    }

    fn packets(&mut self, first: PacketRef, last: PacketRef) {
        self.put(b",\"packets\":{\"first\":");
        match Short::of(first.number) {
            // One packet, nearly always.
            Some(digits) if first.number == last.number => {
                self.digits(digits);
                self.put(b",\"last\":");
                self.digits(digits);
            }
            _ => {
                self.number(first.number);
                self.put(b",\"last\":");
                self.number(last.number);
            }
        }
    }
}

fn close(timeline: &TimelineMessage, out: &mut Vec<u8>) -> io::Result<()> {
    if timeline.message.opcode != Opcode::CLOSE {
        return Ok(());
    }
    let Some(body) = CloseBody::of(&timeline.message) else { return Ok(()) };
    out.extend_from_slice(b",\"close\":");
    Ok(compact::append(&CloseStatus::new(body.status(), body.reason.into()), out)?)
}

fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    if let Some(room) = out.get_mut(start..) {
        // The room is exactly what padded base64 takes, which is all that can go wrong.
        let written = BASE64_STANDARD.encode_slice(bytes, room);
        debug_assert_eq!(written, Ok(room.len()));
    }
}

const BEGINNING: &[u8; 32] = b"{\"event\":\"message\",\"connection\":";
pub(in crate::report::view) const BEFORE_ID: usize = BEGINNING.len();

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::{Event, EventKind};
    use crate::packet::{CaptureInfo, Timestamp};
    use crate::report::escaped::Escaped;
    use crate::report::sample;
    use crate::report::view::{Line, numbered};

    fn both(event: &Event, shown: &Shown, files: &Files) -> Option<(String, String)> {
        let EventKind::Message(message) = &event.kind else { return None };
        let (mut general, mut direct) = (Vec::new(), Vec::new());
        serde_json::to_writer(Escaped::new(&mut general), &Line::event(event, shown, files)?).unwrap();
        general.push(b'\n');
        let mut writer = Writer::new(shown.clone(), files.clone());
        writer.message(message, &mut direct).unwrap();
        let direct = numbered(&mut direct, BEFORE_ID, event.connection?).to_vec();
        if message.note == PayloadNote::None && is_plain(&message.message.payload) {
            let noted = TimelineMessage { note: PayloadNote::Printable, ..message.clone() };
            let (general, noted) =
                both(&Event { kind: EventKind::Message(noted), ..event.clone() }, shown, files)?;
            assert_eq!(noted, general);
        }
        Some((String::from_utf8(general).unwrap(), String::from_utf8(direct).unwrap()))
    }

    #[test]
    fn text_that_is_noted_as_printable_is_written_without_a_look() {
        let mut events = sample::chat().events.into_iter();
        let is_text =
            |event: &Event| matches!(&event.kind, EventKind::Message(said) if said.message.text().is_some());
        let mut event = events.find(is_text).unwrap();
        let EventKind::Message(message) = &mut event.kind else { panic!() };
        message.message.payload = b"Hello".to_vec();
        assert!(is_plain(&message.message.payload));
        let (general, direct) =
            both(&event, &Shown { payload: PayloadMode::Full, ..Shown::default() }, &Files::default())
                .unwrap();
        assert!(direct.ends_with("\"text\":\"Hello\"}\n"), "{direct}");
        assert_eq!(direct, general);
    }

    #[test]
    fn the_samples_are_written_as_the_general_serializer_writes_them() {
        let input = |path: &str| CaptureInfo { path: path.into(), ..CaptureInfo::default() };
        let one = Files::new(&[input("a")]);
        let two = Files::new(&[input("a \"quoted\" one"), input("b")]);
        let mut messages = 0;
        for sample in [sample::chat(), sample::trouble()] {
            for payload in [PayloadMode::Full, PayloadMode::Preview, PayloadMode::None] {
                let shown = Shown { payload, frames: Frames::Listed, ..Shown::default() };
                for (event, files) in sample.events.iter().zip([&one, &two].into_iter().cycle()) {
                    if let Some((general, direct)) = both(event, &shown, files) {
                        assert_eq!(direct, general);
                        messages += 1;
                    }
                }
            }
        }
        assert!(messages > 40);
    }

    proptest! {
        #[test]
        fn any_message_is_written_as_the_general_serializer_writes_it(
            text in any::<String>(), code in any::<u16>(), nanos in any::<i64>(),
        ) {
            for mut event in sample::trouble().events {
                sample::spoil(&mut event, &text, code);
                if let EventKind::Message(message) = &mut event.kind {
                    message.message.last.time = Timestamp::from_nanos(nanos);
                }
                if let Some((general, direct)) = both(&event, &Shown::default(), &Files::default()) {
                    prop_assert_eq!(direct, general);
                }
            }
        }
    }
}
