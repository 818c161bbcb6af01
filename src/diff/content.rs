//! Two messages → what of them differs, and what can't be told.

use super::recording::{Digest, Said};
use super::{Change, Weight};
use crate::websocket::close::CloseBody;
use crate::websocket::{Message, Opcode};

/// All that is known of what a message says. Two that are equal in it are the same, as far as both captures show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Essence<'a> {
    opcode: u8,
    pub(super) payload: Payload<'a>,
}

/// What is known of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Payload<'a> {
    length: u64,
    digest: &'a Digest,
    /// What is missing of it: never a part of a digest, so that it tells two from each other.
    missing_bytes: u64,
    first_missing: Option<u64>,
    unfinished: bool,
    undecoded: bool,
}

impl<'a> Said<'a> {
    pub(super) fn essence(&self) -> Essence<'a> {
        Essence { opcode: self.message.opcode.0, payload: self.payload() }
    }

    fn payload(&self) -> Payload<'a> {
        let Message { length, missing_bytes, first_missing, unfinished, undecoded, .. } = *self.message;
        Payload { length, digest: self.digest, missing_bytes, first_missing, unfinished, undecoded }
    }

    /// The beginning of a text, without numbers: what stays the same where ids and times are new in each run.
    pub(super) fn outline(&self) -> (u8, Vec<u8>) {
        let mut outline: Vec<u8> = Vec::new();
        for byte in self.known() {
            match byte {
                b'0'..=b'9' if outline.last() == Some(&b'0') => {}
                b'0'..=b'9' => outline.push(b'0'),
                other => outline.push(*other),
            }
        }
        outline.truncate(OUTLINE);
        (self.message.opcode.0, outline)
    }

    /// The payload that is at hand, up to the first missing byte.
    fn known(&self) -> &'a [u8] {
        let payload = self.message.payload.as_slice();
        let end = self.message.first_missing.and_then(|offset| usize::try_from(offset).ok());
        end.and_then(|end| payload.get(..end)).unwrap_or(payload)
    }

    /// Why not all of the payload is known.
    fn doubt(&self) -> Option<String> {
        let message = self.message;
        if message.undecoded {
            return Some("it could not be decompressed".to_owned());
        }
        if message.missing_bytes > 0 {
            return Some(format!("{} missing", counted(message.missing_bytes, "byte")));
        }
        if message.truncated {
            return Some("a limit cut it".to_owned());
        }
        message.incomplete().then(|| "it is not complete".to_owned())
    }
}

/// Letters of an outline: enough to know a message by, whose end may be new in each run.
const OUTLINE: usize = 48;

/// What differs between two messages that stand for each other.
pub(super) fn changes(pair: [Said<'_>; 2]) -> Vec<Change> {
    let messages = pair.map(|said| said.message);
    let carried = |what, value: fn(&Message) -> Option<String>| {
        Change::between(what, Weight::Carriage, messages.map(value), |word| word)
    };
    let kind = Change::between("type", Weight::Substance, messages.map(|each| Some(each.opcode)), kind);
    let content = content(pair);
    let carriage = [
        carried("compression", |message| message.compressed.then(|| "compressed".to_owned())),
        carried("fragmentation", |message| Some(counted(message.frames, "frame"))),
        carried("masking", |message| message.masked.then(|| "masked".to_owned())),
    ];
    [kind, content].into_iter().chain(carriage).flatten().collect()
}

/// `text`, `reserved 3`
pub(super) fn kind(opcode: Opcode) -> String {
    match opcode {
        Opcode::TEXT => "text".to_owned(),
        Opcode::BINARY => "binary".to_owned(),
        Opcode::CLOSE => "close".to_owned(),
        Opcode::PING => "ping".to_owned(),
        Opcode::PONG => "pong".to_owned(),
        Opcode(number) => format!("reserved {number}"),
    }
}

fn content(pair: [Said<'_>; 2]) -> Option<Change> {
    let [a, b] = pair;
    let doubts = pair.map(|said| said.doubt());
    if a.payload() == b.payload() {
        // A limit cuts two long payloads at the same place, whatever comes behind it.
        let cut = a.message.truncated || b.message.truncated;
        return cut.then(|| Change::new("content", Weight::Unknown, doubts));
    }
    if doubts == [None, None] || contradict(pair) {
        return Some(Change::new("content", Weight::Substance, pair.map(|said| Some(summary(said)))));
    }
    Some(Change::new("content", Weight::Unknown, doubts))
}

/// Can they not be the same, whatever is missing of them?
fn contradict(pair: [Said<'_>; 2]) -> bool {
    let messages = pair.map(|said| said.message);
    if messages.iter().any(|message| message.undecoded) {
        return false;
    }
    let [known, other] = pair.map(|said| said.known());
    let whole = |message: &Message| !(message.unfinished || message.compressed && message.incomplete());
    let [a, b] = messages;
    let lengths_differ = whole(a) && whole(b) && a.length != b.length;
    lengths_differ || known.iter().zip(other).any(|(a, b)| a != b)
}

/// `12 bytes, SHA-1 …`, `1000 "bye"`
fn summary(said: Said<'_>) -> String {
    let length = counted(said.message.length, "byte");
    if said.shown.is_redacted() {
        // Whoever has a digest can test guesses.
        return format!("{length}, {}", String::from_utf8_lossy(&said.shown.message.payload));
    }
    match CloseBody::of(&said.shown.message).and_then(|body| Some((body.status()?, body.reason))) {
        Some((code, reason)) if reason.is_empty() => code.to_string(),
        Some((code, reason)) => format!("{code} \"{reason}\""),
        None => {
            let digest: String = said.digest.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{length}, SHA-1 {digest}")
        }
    }
}

fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{PayloadNote, TimelineMessage};
    use crate::packet::Side;

    const DIGESTS: [Digest; 2] = [[1; 20], [2; 20]];

    fn text(payload: &str) -> Message {
        let length = payload.len() as u64;
        Message { opcode: Opcode::TEXT, payload: payload.into(), length, frames: 1, ..Message::default() }
    }

    /// What differs, as `what weight`; the digests are equal where the payloads are.
    fn between(a: &Message, b: &Message) -> Vec<String> {
        let shown = [a, b].map(|message| TimelineMessage {
            index: 0,
            sender: Side::Client,
            message: Box::new(message.clone()),
            note: PayloadNote::None,
        });
        let said = |message, shown, digest| Said { place: 0, sender: Side::Client, message, shown, digest };
        let other = if a.payload == b.payload { &DIGESTS[0] } else { &DIGESTS[1] };
        let changes = changes([said(a, &shown[0], &DIGESTS[0]), said(b, &shown[1], other)]);
        changes.iter().map(|change| format!("{} {}", change.what, change.weight.name())).collect()
    }

    #[test]
    fn the_same_payload_is_the_same_however_it_was_carried() {
        let plain = text("Hello");
        assert_eq!(between(&plain, &plain), [""; 0]);
        let other = Message { compressed: true, frames: 3, masked: true, wire_length: 99, ..text("Hello") };
        assert_eq!(
            between(&plain, &other),
            ["compression carriage", "fragmentation carriage", "masking carriage"]
        );
    }

    #[test]
    fn another_type_and_another_payload_count() {
        assert_eq!(between(&text("a"), &Message { opcode: Opcode::BINARY, ..text("a") }), ["type substance"]);
        assert_eq!(between(&text("a"), &text("b")), ["content substance"]);
    }

    #[test]
    fn what_is_missing_is_no_difference_and_nothing_known() {
        let whole = text("Hello, LUOZHOU");
        let holed = Message { missing_bytes: 7, first_missing: Some(7), length: 14, ..text("Hello, ") };
        assert_eq!(between(&whole, &holed), ["content unknown"]);
        // The same hole in both: they are the same as far as both show.
        assert_eq!(between(&holed, &holed), [""; 0]);
        let undecoded = Message { undecoded: true, compressed: true, ..text("x") };
        assert_eq!(between(&whole, &undecoded), ["content unknown", "compression carriage"]);
        let cut = Message { truncated: true, ..text("Hello") };
        assert_eq!(between(&cut, &cut), ["content unknown"]);
    }

    #[test]
    fn what_is_known_beside_a_hole_can_contradict() {
        let holed = |begin: &str, length| Message {
            missing_bytes: 7,
            first_missing: Some(begin.len() as u64),
            length,
            ..text(begin)
        };
        assert_eq!(between(&text("Hello, LUOZHOU"), &holed("Hallo, ", 14)), ["content substance"]);
        assert_eq!(between(&text("Hello, LUOZHOU"), &holed("Hello, ", 15)), ["content substance"]);
    }
}
