//! A message → its JSON, written straight into bytes: the line of which there are millions, at a third of the cost of
//! the general serializer. What stands in it is decided by [`Message`] alone; a test holds both to the same bytes.

use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use itoa::Buffer;
use serde::Serialize;

use super::{Direction, Message, Packets, Type};
use crate::packet::Clock;

impl Message<'_> {
    /// `{"event":"message",…}` without a line end.
    pub(in crate::report) fn write_line(&self, clock: &mut Clock, out: &mut Vec<u8>) -> io::Result<()> {
        out.reserve(ROOM);
        out.extend_from_slice(b"{\"event\":\"message\"");
        if let Some(connection) = self.connection {
            out.extend_from_slice(b",\"connection\":");
            number(connection, out);
        }
        self.write_facts(clock, out);
        self.write_payload(out);
        self.write_flags(out)?;
        out.push(b'}');
        Ok(())
    }

    fn write_facts(&self, clock: &mut Clock, out: &mut Vec<u8>) {
        numbered(b",\"index\":", self.index, out);
        out.extend_from_slice(b",\"time\":");
        quoted(clock.rfc3339(self.time.0).as_bytes(), out);
        if let Some(time) = self.start_time {
            out.extend_from_slice(b",\"start_time\":");
            quoted(clock.rfc3339(time.0).as_bytes(), out);
        }
        out.extend_from_slice(self.direction.member());
        out.extend_from_slice(self.r#type.member());
        numbered(b",\"opcode\":", self.opcode.into(), out);
        numbered(b",\"length\":", self.length, out);
        numbered(b",\"wire_length\":", self.wire_length, out);
        numbered(b",\"frames\":", self.frames, out);
        let masked: &[u8] = if self.masked { b",\"masked\":true" } else { b",\"masked\":false" };
        out.extend_from_slice(masked);
        flagged(b",\"compressed\":", self.compressed, out);
        flagged(b",\"undecoded\":", self.undecoded, out);
        out.extend_from_slice(b",\"packets\":");
        self.packets.write(out);
    }

    fn write_payload(&self, out: &mut Vec<u8>) {
        if let Some(text) = self.text {
            out.extend_from_slice(b",\"text\":");
            string(text.0, out);
        }
        if let Some(bytes) = self.base64 {
            out.extend_from_slice(b",\"base64\":");
            out.push(b'"');
            encode(bytes.0, out);
            out.push(b'"');
        }
        if let Some(redacted) = self.redacted {
            out.extend_from_slice(b",\"redacted\":");
            string(redacted.0, out);
        }
    }

    fn write_flags(&self, out: &mut Vec<u8>) -> io::Result<()> {
        if let Some(close) = &self.close {
            general(b",\"close\":", close, out)?;
        }
        flagged(b",\"incomplete\":", self.incomplete, out);
        if self.missing_bytes > 0 {
            numbered(b",\"missing_bytes\":", self.missing_bytes, out);
        }
        if self.unknown_bytes > 0 {
            numbered(b",\"unknown_bytes\":", self.unknown_bytes, out);
        }
        if !self.unknown_ranges.is_empty() {
            general(b",\"unknown_ranges\":", &self.unknown_ranges, out)?;
        }
        flagged(b",\"unfinished\":", self.unfinished, out);
        if let Some(announced) = self.announced_length {
            numbered(b",\"announced_length\":", announced, out);
        }
        flagged(b",\"resynchronised\":", self.resynchronised, out);
        if let Some(confidence) = self.confidence {
            numbered(b",\"confidence\":", confidence.into(), out);
        }
        flagged(b",\"truncated\":", self.truncated, out);
        if !self.fragments.is_empty() {
            general(b",\"fragments\":", &self.fragments, out)?;
        }
        Ok(())
    }
}

/// More than all members take but the payload and the rare ones.
const ROOM: usize = 512;

impl Packets<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"first\":");
        number(self.first, out);
        numbered(b",\"last\":", self.last, out);
        for (name, file) in [(&b",\"file\":"[..], self.file), (b",\"last_file\":", self.last_file)] {
            if let Some(file) = file {
                out.extend_from_slice(name);
                string(file.as_bytes(), out);
            }
        }
        out.push(b'}');
    }
}

impl Direction {
    const fn member(&self) -> &'static [u8] {
        match self {
            Self::ClientToServer => b",\"direction\":\"client_to_server\"",
            Self::ServerToClient => b",\"direction\":\"server_to_client\"",
        }
    }
}

impl Type {
    const fn member(&self) -> &'static [u8] {
        match self {
            Self::Text => b",\"type\":\"text\"",
            Self::Binary => b",\"type\":\"binary\"",
            Self::Close => b",\"type\":\"close\"",
            Self::Ping => b",\"type\":\"ping\"",
            Self::Pong => b",\"type\":\"pong\"",
            Self::Reserved => b",\"type\":\"reserved\"",
        }
    }
}

fn number(value: u64, out: &mut Vec<u8>) {
    // Opcodes and counts of frames, nearly always.
    if let Ok(digit @ 0..=9) = u8::try_from(value) {
        return out.push(b'0' + digit);
    }
    out.extend_from_slice(Buffer::new().format(value).as_bytes());
}

#[inline]
fn numbered(name: &[u8], value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    number(value, out);
}

#[inline]
fn flagged(name: &[u8], flag: bool, out: &mut Vec<u8>) {
    if flag {
        out.extend_from_slice(name);
        out.extend_from_slice(b"true");
    }
}

/// A member that is rare enough for the general way.
fn general(name: &[u8], value: &impl Serialize, out: &mut Vec<u8>) -> io::Result<()> {
    out.extend_from_slice(name);
    Ok(serde_json::to_writer(out, value)?)
}

/// Text that needs no escape.
#[inline]
fn quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text);
    out.push(b'"');
}

/// UTF-8 as a JSON string. // RFC 8259 §7
fn string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    while let Some(place) = first_to_escape(rest) {
        let (plain, from) = rest.split_at_checked(place).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        let Some((byte, after)) = from.split_first() else { break };
        escape(*byte, out);
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Blocks of `BLOCK` bytes at a time, each looked through without a branch: text that needs no escape is the rule.
fn first_to_escape(bytes: &[u8]) -> Option<usize> {
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let clean = blocks.iter().take_while(|block| !has_escape(block)).count() * BLOCK;
    let rest = bytes.get(clean..)?;
    rest.iter().position(|byte| needs_escape(*byte)).map(|place| clean + place)
}

fn has_escape(block: &[u8; BLOCK]) -> bool {
    block.iter().fold(false, |found, byte| found | needs_escape(*byte))
}

/// As many bytes as the vector registers of every x86-64 and ARM processor hold.
const BLOCK: usize = 16;

const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
            return out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
        }
    };
    out.extend_from_slice(&[b'\\', short]);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::EventKind;
    use crate::packet::{CaptureInfo, Timestamp};
    use crate::report::sample;
    use crate::report::view::{Files, Line};
    use crate::report::{Frames, PayloadMode, Shown};

    fn both(event: &crate::event::Event, shown: &Shown, files: &Files) -> Option<(String, String)> {
        let EventKind::Message(message) = &event.kind else { return None };
        let general = serde_json::to_string(&Line::event(event, shown, files)?).unwrap();
        let mut direct = Vec::new();
        let view = Message::new(event.connection, message, shown, files);
        view.write_line(&mut Clock::default(), &mut direct).unwrap();
        Some((general, String::from_utf8(direct).unwrap()))
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

    #[test]
    fn every_character_below_128_is_escaped_as_the_general_serializer_does() {
        for code in 0..128_u8 {
            for text in [format!("{}", char::from(code)), format!("12345678{}123\u{fffd}", char::from(code))]
            {
                let mut direct = Vec::new();
                string(text.as_bytes(), &mut direct);
                assert_eq!(String::from_utf8(direct).unwrap(), serde_json::to_string(&text).unwrap());
            }
        }
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

        #[test]
        fn any_text_is_escaped_as_the_general_serializer_does(text in any::<String>()) {
            let mut direct = Vec::new();
            string(text.as_bytes(), &mut direct);
            prop_assert_eq!(String::from_utf8(direct).unwrap(), serde_json::to_string(&text).unwrap());
        }
    }
}
