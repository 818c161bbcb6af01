//! How a connection ended → its `close`.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Files, Time};
use crate::event::{Close as CloseFacts, CloseHow, Initiator};

/// Who ended the connection and how.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Close<'a> {
    initiator: Who,
    how: How,
    // Both absent where there was no Close frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// Of the packet with which the end began: the first Close frame, FIN or RST; the last packet where there is none.
    time: Time,
    packet: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    /// The status code that the API of each side will have reported. Absent where the capture can't tell.
    #[serde(skip_serializing_if = "Sides::is_empty")]
    reported: Sides<u16>,
    /// Index of the last message before the end began.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_message: Option<u64>,
    /// From that message (from the opening, where there was none) to the beginning of the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    silence_ns: Option<i64>,
    /// How many Pings of each side had no answer at the end. Absent where all had.
    #[serde(skip_serializing_if = "Sides::is_empty")]
    unanswered_pings: Sides<u64>,
}

impl<'a> Close<'a> {
    pub(super) fn new(close: &'a CloseFacts, files: &'a Files) -> Self {
        Self {
            initiator: close.initiator.into(),
            how: close.how.into(),
            code: close.code,
            reason: close.code.map(|_| close.reason.as_str()),
            time: Time(close.begun.time),
            packet: close.begun.number,
            file: files.of(close.begun),
            reported: Sides::new(close.reported),
            last_message: close.last_message,
            silence_ns: close.silence,
            unanswered_pings: Sides::new(close.unanswered_pings.map(|pings| Some(pings).filter(|n| *n > 0))),
        }
    }
}

/// Something of each side, where it is known.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PerSide_{T}")]
struct Sides<T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<T>,
}

impl<T> Sides<T> {
    fn new([client, server]: [Option<T>; 2]) -> Self {
        Self { client, server }
    }

    const fn is_empty(&self) -> bool {
        self.client.is_none() && self.server.is_none()
    }
}

/// Status code and reason of a Close frame; both absent when it had none.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CloseStatus<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, str>>,
}

impl<'a> CloseStatus<'a> {
    /// A reason can't stand without a code. // RFC 6455 §5.5.1
    pub(super) fn new(code: Option<u16>, reason: Cow<'a, str>) -> Self {
        Self { code, reason: code.map(|_| reason) }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Who {
    Client,
    Server,
    Both,
    Unknown,
}

impl From<Initiator> for Who {
    fn from(initiator: Initiator) -> Self {
        match initiator {
            Initiator::Client => Self::Client,
            Initiator::Server => Self::Server,
            Initiator::Both => Self::Both,
            Initiator::Unknown => Self::Unknown,
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum How {
    CloseHandshake,
    CloseUnanswered,
    CloseAnswerUnknown,
    Fin,
    Reset,
    Idle,
    GivenUp,
    CaptureEnded,
}

impl From<CloseHow> for How {
    fn from(how: CloseHow) -> Self {
        match how {
            CloseHow::CloseHandshake => Self::CloseHandshake,
            CloseHow::CloseUnanswered => Self::CloseUnanswered,
            CloseHow::CloseAnswerUnknown => Self::CloseAnswerUnknown,
            CloseHow::Fin => Self::Fin,
            CloseHow::Reset => Self::Reset,
            CloseHow::Idle => Self::Idle,
            CloseHow::GivenUp => Self::GivenUp,
            CloseHow::CaptureEnded => Self::CaptureEnded,
        }
    }
}
