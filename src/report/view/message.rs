//! A message with its place in the timeline → a `messages` entry.

mod direct;
mod plain;

pub(in crate::report::view) use direct::{BEFORE_ID, Writer};

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

use super::close::CloseStatus;
use super::{Base64, Files, Time, is_false, is_zero};
use crate::event::{ConnectionId, TimelineMessage};
use crate::packet::{PacketRef, Side};
use crate::report::shown::{Frames, PayloadMode, Shown};
use crate::websocket::close::CloseBody;
use crate::websocket::{Frame, Opcode};

/// A data message or a control frame.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::report) struct Message<'a> {
    /// The `id` of the connection; absent inside one.
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<u64>,
    /// Its place in the connection's timeline, from 0.
    index: u64,
    /// Of the packet that completed it.
    time: Time,
    /// Of the packet with its first byte, when that was an earlier one.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<Time>,
    direction: Direction,
    r#type: Type,
    opcode: u8,
    /// Payload bytes after unmasking and decompression.
    length: u64,
    /// Header and payload bytes on the wire, all its frames.
    wire_length: u64,
    frames: u64,
    /// Was its first frame masked?
    masked: bool,
    #[serde(skip_serializing_if = "is_false")]
    compressed: bool,
    /// It could not be decompressed: `length` and `base64` are those of the wire.
    #[serde(skip_serializing_if = "is_false")]
    undecoded: bool,
    packets: Packets<'a>,
    /// The payload of a text message that is valid UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text<'a>>,
    /// Every other payload that is not empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<Base64<'a>>,
    /// Stands for the payload where that was asked for (`--redact=payloads`): equal payloads have equal ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    redacted: Option<Text<'a>>,
    /// Only on type `close`.
    #[serde(skip_serializing_if = "Option::is_none")]
    close: Option<CloseStatus<'a>>,
    /// Bytes are missing, in the middle or at the end.
    #[serde(skip_serializing_if = "is_false")]
    incomplete: bool,
    /// Payload bytes that the capture does not hold.
    #[serde(skip_serializing_if = "is_zero")]
    missing_bytes: u64,
    /// Bytes of `length` that are copies of earlier messages which the capture does not hold.
    #[serde(skip_serializing_if = "is_zero")]
    unknown_bytes: u64,
    /// Where they are: pairs of offset and length. In `text` and `base64` each such byte is U+001A.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown_ranges: Vec<[u64; 2]>,
    /// Its last frame never came, or not to its end.
    #[serde(skip_serializing_if = "is_false")]
    unfinished: bool,
    /// Payload bytes on the wire that its frames' headers announce, where the last frame ended before that.
    #[serde(skip_serializing_if = "Option::is_none")]
    announced_length: Option<u64>,
    /// The first message after the frame boundary was found again.
    #[serde(skip_serializing_if = "is_false")]
    resynchronised: bool,
    /// How sure its beginning is then, in bits: random bytes look like frames so with a chance of one in two to this power.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<u32>,
    /// A limit cut the payload here; `length` is the full length. What `--payload` leaves out does not count.
    #[serde(skip_serializing_if = "is_false")]
    truncated: bool,
    /// The frames, where they were asked for.
    #[serde(skip_serializing_if = "Fragments::is_empty")]
    #[schemars(with = "Vec<Fragment<'static>>")]
    fragments: Fragments<'a>,
}

impl<'a> Message<'a> {
    /// `connection` names its connection, for a line that stands alone.
    pub(in crate::report) fn new(
        connection: Option<ConnectionId>,
        timeline: &'a TimelineMessage,
        shown: &Shown,
        files: &'a Files,
    ) -> Self {
        let message = &timeline.message;
        let payload = Payload::new(timeline, shown.payload);
        let listed = if shown.frames == Frames::Listed { message.fragments.as_slice() } else { &[] };
        Self {
            connection: connection.map(|id| id.0),
            index: timeline.index,
            time: Time(message.last.time),
            start_time: (message.first.number != message.last.number).then_some(Time(message.first.time)),
            direction: timeline.sender.into(),
            r#type: message.opcode.into(),
            opcode: message.opcode.0,
            length: message.length,
            wire_length: message.wire_length,
            frames: message.frames,
            masked: message.masked,
            compressed: message.compressed,
            undecoded: message.undecoded,
            packets: Packets::new(message.first, message.last, files),
            text: payload.text,
            base64: payload.bytes.map(Base64),
            redacted: payload.redacted,
            close: CloseBody::of(message)
                .map(|body| CloseStatus::new(body.status(), Cow::Owned(body.reason))),
            incomplete: message.incomplete(),
            missing_bytes: message.missing_bytes,
            unknown_bytes: message.unknown_bytes(),
            unknown_ranges: if payload.is_shown() { ranges(message) } else { Vec::new() },
            unfinished: message.unfinished,
            announced_length: message.announced,
            resynchronised: message.resynchronised,
            confidence: message.resynchronised.then_some(message.confidence),
            truncated: message.truncated && payload.to_its_end,
            fragments: Fragments { frames: listed, files },
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Direction {
    ClientToServer,
    ServerToClient,
}

impl From<Side> for Direction {
    fn from(sender: Side) -> Self {
        match sender {
            Side::Client => Self::ClientToServer,
            Side::Server => Self::ServerToClient,
        }
    }
}

/// What the opcode says; `reserved` also for a continuation that continues nothing.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Type {
    Text,
    Binary,
    Close,
    Ping,
    Pong,
    Reserved,
}

impl From<Opcode> for Type {
    fn from(opcode: Opcode) -> Self {
        match opcode {
            Opcode::TEXT => Self::Text,
            Opcode::BINARY => Self::Binary,
            Opcode::CLOSE => Self::Close,
            Opcode::PING => Self::Ping,
            Opcode::PONG => Self::Pong,
            _ => Self::Reserved,
        }
    }
}

/// Numbers of the first and the last packet that carry it.
#[derive(Debug, Serialize, JsonSchema)]
struct Packets<'a> {
    first: u64,
    last: u64,
    /// The input that holds the first packet, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    /// The input that holds the last packet, where it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_file: Option<&'a str>,
}

impl<'a> Packets<'a> {
    fn new(first: PacketRef, last: PacketRef, files: &'a Files) -> Self {
        let last_file = (first.file != last.file).then(|| files.of(last)).flatten();
        Self { first: first.number, last: last.number, file: files.of(first), last_file }
    }
}

/// Bytes that are known to be UTF-8: the message was judged while it was read, and is not judged again.
#[derive(Clone, Copy, Debug)]
struct Text<'a>(&'a [u8]);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(self.0))
    }
}

impl JsonSchema for Text<'_> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

/// As much of a payload as is shown, as text or as bytes; neither of an empty one.
struct Payload<'a> {
    text: Option<Text<'a>>,
    bytes: Option<&'a [u8]>,
    /// What stands for it.
    redacted: Option<Text<'a>>,
    /// Is all shown that was kept?
    to_its_end: bool,
}

impl<'a> Payload<'a> {
    fn new(timeline: &'a TimelineMessage, mode: PayloadMode) -> Self {
        let message = timeline.message.as_ref();
        if timeline.is_redacted() {
            let redacted = Some(Text(&message.payload)).filter(|_| mode != PayloadMode::None);
            return Self { text: None, bytes: None, redacted, to_its_end: true };
        }
        let (text, bytes) = match message.text() {
            Some(text) => (Some(Text(text)), None),
            None => (None, Some(message.payload.as_slice())),
        };
        let (text, bytes, to_its_end) = match mode {
            PayloadMode::Full => (text, bytes, true),
            PayloadMode::None => (None, None, false),
            PayloadMode::Preview => {
                let short_text = text.map(first_characters);
                let short_bytes = bytes.map(|bytes| bytes.get(..PREVIEW_BYTES).unwrap_or(bytes));
                let to_its_end = text.map(|text| text.0.len()) == short_text.map(|text| text.0.len())
                    && bytes.map(<[u8]>::len) == short_bytes.map(<[u8]>::len);
                (short_text, short_bytes, to_its_end)
            }
        };
        Self {
            text: text.filter(|text| !text.0.is_empty()),
            bytes: bytes.filter(|bytes| !bytes.is_empty()),
            redacted: None,
            to_its_end,
        }
    }
}

impl Payload<'_> {
    const fn is_shown(&self) -> bool {
        self.text.is_some() || self.bytes.is_some()
    }
}

fn ranges(message: &crate::websocket::Message) -> Vec<[u64; 2]> {
    let unknown = message.unknown.iter().flat_map(|unknown| &unknown.ranges);
    unknown.map(|range| [range.start, range.end.saturating_sub(range.start)]).collect()
}

fn first_characters(text: Text<'_>) -> Text<'_> {
    let begins_character = |byte: &u8| byte & 0xc0 != 0x80;
    let starts = text.0.iter().enumerate().filter(|(_, byte)| begins_character(byte));
    let end = starts.map(|(place, _)| place).nth(PREVIEW_CHARACTERS);
    Text(end.and_then(|end| text.0.get(..end)).unwrap_or(text.0))
}

/// Enough to recognise a JSON message by; as many bytes as give as many characters of base64.
const PREVIEW_CHARACTERS: usize = 200;
const PREVIEW_BYTES: usize = PREVIEW_CHARACTERS / 4 * 3;

/// The frames of a message, turned into objects while they are written.
#[derive(Debug)]
struct Fragments<'a> {
    frames: &'a [Frame],
    files: &'a Files,
}

impl Fragments<'_> {
    const fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }
}

impl Serialize for Fragments<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.frames.iter().map(|frame| Fragment::new(frame, self.files)))
    }
}

/// One frame of a message.
#[derive(Debug, Serialize, JsonSchema)]
struct Fragment<'a> {
    fin: bool,
    #[serde(skip_serializing_if = "is_false")]
    rsv1: bool,
    #[serde(skip_serializing_if = "is_false")]
    rsv2: bool,
    #[serde(skip_serializing_if = "is_false")]
    rsv3: bool,
    opcode: u8,
    /// Eight hexadecimal digits; absent when the frame is not masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    masking_key: Option<MaskingKey>,
    header_bytes: u64,
    /// Payload bytes on the wire, by the header.
    length: u64,
    #[serde(skip_serializing_if = "is_zero")]
    missing_bytes: u64,
    packets: Packets<'a>,
    /// Of the packet with its first byte.
    start_time: Time,
}

impl<'a> Fragment<'a> {
    fn new(frame: &Frame, files: &'a Files) -> Self {
        let header = &frame.header;
        Self {
            fin: header.fin,
            rsv1: header.rsv1(),
            rsv2: header.rsv & 0b010 != 0,
            rsv3: header.rsv & 0b001 != 0,
            opcode: header.opcode.0,
            masking_key: header.masking_key.map(MaskingKey),
            header_bytes: header.size(),
            length: header.length,
            missing_bytes: frame.missing_bytes,
            packets: Packets::new(frame.first, frame.last, files),
            start_time: Time(frame.first.time),
        }
    }
}

/// `37fa213d`
#[derive(Debug)]
struct MaskingKey([u8; 4]);

impl Serialize for MaskingKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for MaskingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}
