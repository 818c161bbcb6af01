//! A message → what its row shows of its payload.

use super::kept::take;
use super::words;
use super::words::quoted;
use crate::event::TimelineMessage;
use crate::report::shown::{PayloadMode, Shown};
use crate::report::text::{Rest, fit, hex};
use crate::websocket::close::CloseBody;
use crate::websocket::deflate::SUBSTITUTE;
use crate::websocket::{Message, Opcode};

/// As much of a payload as can be shown on a line.
#[derive(Debug)]
pub(super) enum Content {
    Hidden,
    Text(Box<[u8]>, Rest),
    Bytes(Box<[u8]>, Rest),
    Words(String),
}

impl Content {
    /// As much as `room` columns hold.
    pub(super) fn line(&self, room: usize) -> String {
        match self {
            Self::Hidden => String::new(),
            Self::Text(bytes, rest) => fit(bytes, room, *rest),
            Self::Bytes(bytes, rest) => hex(bytes, room, *rest),
            Self::Words(words) => fit(words.as_bytes(), room, Rest::End),
        }
    }

    /// As much as a line of the display can hold; all of it, where that is asked for and fits into `room` bytes.
    pub(super) fn new(timeline: &TimelineMessage, shown: &Shown, room: &mut usize) -> Self {
        let message = &*timeline.message;
        if let Some(body) = CloseBody::of(message)
            && let Some(code) = body.status()
        {
            return Self::Words(format!("{code} {}{}", words::close_code(code), quoted(&body.reason)));
        }
        if shown.payload == PayloadMode::None {
            return Self::Hidden;
        }
        if timeline.is_redacted() {
            return Self::Words(String::from_utf8_lossy(&message.payload).into_owned());
        }
        let whole = shown.payload == PayloadMode::Full && take(room, message.payload.len());
        let most = |of_line| if whole { usize::MAX } else { of_line };
        if reads_as_text(message) {
            let (kept, rest) = first(message, most(shown.width.saturating_mul(4)));
            let kept = if message.unknown.is_some() { without_substitutes(&kept) } else { kept };
            Self::Text(kept, rest)
        } else {
            let (kept, rest) = first(message, most(shown.width));
            Self::Bytes(kept, rest)
        }
    }
}

/// Text does, and so does a control frame or a reserved one that holds nothing but printable ASCII.
fn reads_as_text(message: &Message) -> bool {
    match message.opcode {
        _ if message.undecoded => false,
        Opcode::TEXT => true,
        Opcode::BINARY | Opcode::CLOSE => false,
        _ => message.payload.iter().all(|byte| matches!(byte, 0x20..=0x7e)),
    }
}

fn first(message: &Message, most: usize) -> (Box<[u8]>, Rest) {
    let bytes = message.payload.as_slice();
    match bytes.get(..most) {
        Some(kept) if kept.len() < bytes.len() => (kept.into(), Rest::More),
        _ if message.kept_in_part() => (bytes.into(), Rest::More),
        _ => (bytes.into(), Rest::End),
    }
}

/// A replacement character for each run of bytes that are unknown.
fn without_substitutes(bytes: &[u8]) -> Box<[u8]> {
    let runs = bytes.chunk_by(|one, next| (*one == SUBSTITUTE) == (*next == SUBSTITUTE));
    let shown = runs.map(|run| if run.first() == Some(&SUBSTITUTE) { "\u{fffd}".as_bytes() } else { run });
    shown.flatten().copied().collect()
}
