//! Facts → objects with fields.

use std::fmt;

use super::value::{Kind, Value};
use crate::decode::SkippedPackets;
use crate::event::statistics::{Delays, Distribution, Reconnects, SideStatistics, Statistics};
use crate::event::{Close, Closing, ConnectionId, Opening, TimelineMessage, Totals, Traffic};
use crate::http::{Handshake, RequestHead, ResponseHead};
use crate::packet::Endpoint;
use crate::rules::Finding;
use crate::websocket::Message;

/// A fact that has fields. Copied freely: it only points.
#[derive(Clone, Copy, Debug)]
pub(super) enum Object<'a> {
    /// An object that the capture does not show: none of its fields is there.
    Absent,
    Connection(Connection<'a>),
    Message((ConnectionId, &'a TimelineMessage)),
    Packets(&'a Message),
    CloseFrame(&'a Message),
    Endpoint(Endpoint),
    Handshake(&'a Handshake),
    Request(&'a RequestHead),
    Response(&'a ResponseHead),
    Accept(&'a Handshake),
    Close(&'a Close),
    Traffic(&'a [Traffic; 2]),
    Sent(&'a Traffic),
    Compression(&'a Traffic),
    Statistics(&'a Statistics),
    SideStatistics(&'a SideStatistics),
    Distribution(&'a Distribution),
    Delays(&'a Delays),
    ZeroWindow(&'a SideStatistics),
    /// A number of the client and one of the server.
    Sides([Option<i64>; 2]),
    /// With its connection, where it belongs to one.
    Finding((Option<ConnectionId>, &'a Finding)),
    Totals(&'a Totals),
    Severities(&'a Totals),
    Skipped(&'a SkippedPackets),
    CaptureStatistics(&'a Totals),
    Reconnects(&'a Reconnects),
}

/// A connection as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connection<'a> {
    pub(super) id: ConnectionId,
    pub(super) opening: &'a Opening,
    pub(super) end: Option<End<'a>>,
    /// Where the whole capture is there.
    pub(super) messages: Option<&'a [TimelineMessage]>,
}

impl<'a> Connection<'a> {
    /// At its opening.
    pub(super) const fn opened(id: ConnectionId, opening: &'a Opening) -> Self {
        Self { id, opening, end: None, messages: None }
    }
}

/// What is known of a connection when it has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct End<'a> {
    pub(super) closing: &'a Closing,
    pub(super) findings: &'a [Finding],
}

/// The fields that objects of one sort have.
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
}

/// One field: its name is that of the JSON output.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) known: Known,
    /// The only values that it takes; empty where there is no such list.
    pub(super) values: &'static [&'static str],
    /// `None` where it is absent from the output too.
    pub(super) fact: for<'a> fn(Object<'a>) -> Option<Value<'a>>,
}

/// From when on a field is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// With its object.
    AtOnce,
    /// As far as payloads are kept.
    Payload,
    /// When the connection has ended.
    AtEnd,
    /// In a capture that was read to its end and kept.
    Whole,
}

impl Shape {
    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// `Shape { … }` from lines `name: kind [known] = |object's part| fact`, each of an object of one variant.
macro_rules! shape {
    ($name:literal, $variant:ident($part:pat), {
        $($field:ident: $kind:expr $(, $known:ident)? $(, [$values:ident])? => $fact:expr;)+
    }) => {
        Shape { name: $name, fields: &[$(Field {
            name: shape!(@name $field),
            kind: $kind,
            known: shape!(@known $($known)?),
            values: shape!(@values $($values)?),
            fact: |object| match object { Object::$variant($part) => $fact, _ => None },
        }),+] }
    };
    (@name r#type) => { "type" };
    (@name $field:ident) => { stringify!($field) };
    (@values) => { &[] };
    (@values $values:ident) => { $values };
    (@known) => { Known::AtOnce };
    (@known $known:ident) => { Known::$known };
}
pub(super) use shape;
