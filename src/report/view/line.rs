//! An event → a line of NDJSON.

mod direct;
mod numbered;

pub(in crate::report) use direct::Writer;
pub(in crate::report::view) use numbered::ROOM_FOR_ID;
pub(in crate::report) use numbered::numbered;

use schemars::JsonSchema;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::{
    CaptureStart, Closing, Ended, Files, Finding, Generator, Handshake, Members, Message, Parties, SCHEMA,
    Time, Totals, object,
};
use crate::event;
#[cfg(test)]
use crate::event::{Event, EventKind};
use crate::packet::CaptureInfo;
#[cfg(test)]
use crate::report::shown::Shown;

/// One line of `--format ndjson`; `event` says which.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the schema describes them, and tests hold what is written to them")
)]
pub(in crate::report) enum Line<'a> {
    Capture(CaptureLine<'a>),
    Connection(Box<ConnectionLine<'a>>),
    Message(Message<'a>),
    Finding(Finding<'a>),
    ConnectionEnd(Box<ConnectionEndLine<'a>>),
    Totals(Box<TotalsLine>),
}

impl<'a> Line<'a> {
    pub(in crate::report) fn capture(info: &'a CaptureInfo) -> Self {
        Self::Capture(CaptureLine { schema: SCHEMA, generator: Generator::THIS, start: info.into() })
    }

    /// `None` for a connection's event that names no connection, of which nothing can be said.
    #[cfg(test)]
    pub(in crate::report) fn event(event: &'a Event, shown: &Shown, files: &'a Files) -> Option<Self> {
        Some(match &event.kind {
            EventKind::Opened(opening) => Self::Connection(Box::new(ConnectionLine {
                parties: Parties::new(event.connection?, opening),
                handshake: Handshake::new(&opening.handshake, files),
            })),
            EventKind::Message(message) => {
                Self::Message(Message::new(Some(event.connection?), message, shown, files))
            }
            EventKind::Finding(finding) => Self::Finding(Finding::new(finding, event.connection, files)),
            EventKind::Closed(closing) => Self::ConnectionEnd(Box::new(ConnectionEndLine {
                id: event.connection?.0,
                end_time: Time(closing.end.time),
                closing: Closing::new(closing, files),
            })),
        })
    }

    pub(in crate::report) fn totals(totals: &event::Totals) -> Self {
        Self::Totals(Box::new(TotalsLine {
            totals: totals.into(),
            captures: totals.inputs.iter().map(Ended::from).collect(),
        }))
    }
}

/// First, one for each input.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::report) struct CaptureLine<'a> {
    schema: u32,
    generator: Generator,
    #[serde(flatten)]
    start: CaptureStart<'a>,
}

/// At the handshake's answer; at the first frame, when the handshake was not captured.
#[derive(Debug, JsonSchema)]
pub(in crate::report) struct ConnectionLine<'a> {
    #[schemars(flatten)]
    parties: Parties<'a>,
    handshake: Handshake<'a>,
}

impl Members for ConnectionLine<'_> {
    const COUNT: usize = Parties::COUNT + 1;

    fn write<O: SerializeStruct>(&self, object: &mut O) -> Result<(), O::Error> {
        self.parties.write(object)?;
        object.serialize_field("handshake", &self.handshake)
    }
}

impl Serialize for ConnectionLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object("ConnectionLine", self, serializer)
    }
}

/// After all else of a connection.
#[derive(Debug, JsonSchema)]
pub(in crate::report) struct ConnectionEndLine<'a> {
    id: u64,
    /// Of its last packet.
    end_time: Time,
    #[schemars(flatten)]
    closing: Closing<'a>,
}

impl Members for ConnectionEndLine<'_> {
    const COUNT: usize = 2 + Closing::COUNT;

    fn write<O: SerializeStruct>(&self, object: &mut O) -> Result<(), O::Error> {
        object.serialize_field("id", &self.id)?;
        object.serialize_field("end_time", &self.end_time)?;
        self.closing.write(object)
    }
}

impl Serialize for ConnectionEndLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object("ConnectionEndLine", self, serializer)
    }
}

/// Last. It depends on the packets alone, not on the file format that stored them.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::report) struct TotalsLine {
    #[serde(flatten)]
    totals: Totals,
    /// The inputs in the order of their `capture` lines.
    captures: Vec<Ended>,
}
