//! Facts → the objects of the output contract: borrowed, absent where unknown, fields in the contract's order.

mod capture;
mod close;
mod connection;
mod line;
mod message;
mod row;
mod rule;
mod statistics;
mod traffic;

use base64::display::Base64Display;
use base64::engine::GeneralPurpose;
use base64::prelude::BASE64_STANDARD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use std::borrow::Cow;

use crate::event::ConnectionId;
use crate::packet::{CaptureInfo, PacketRef, Timestamp};
use crate::rules;

pub(super) use capture::{Capture, CaptureStart, Damage, Ended, Generator, SCHEMA, Totals};
pub(super) use connection::{Closing, Handshake, Parties};
pub(super) use line::{Line, Writer as LineWriter, numbered};
pub(super) use message::Message;
pub(super) use rule::Rule;

/// Views whose members stand in the object of another one too. What serde's own `flatten` makes of them is a map, whose keys
/// might be anything, and cost as much as the values.
pub(super) trait Members {
    /// How many there may be.
    const COUNT: usize;

    /// Writes them behind those that the object has already.
    fn write<O: SerializeStruct>(&self, object: &mut O) -> Result<(), O::Error>;
}

/// An object of these members alone.
fn object<M: Members, S: Serializer>(
    name: &'static str,
    members: &M,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut object = serializer.serialize_struct(name, M::COUNT)?;
    members.write(&mut object)?;
    object.end()
}

/// A member that is absent where it is unknown.
fn known<O: SerializeStruct>(
    object: &mut O,
    name: &'static str,
    value: Option<&impl Serialize>,
) -> Result<(), O::Error> {
    value.map_or(Ok(()), |value| object.serialize_field(name, value))
}

/// The paths of several inputs, to stand beside packet numbers; none beside those of one input.
#[derive(Clone, Debug, Default)]
pub(super) struct Files(Vec<String>);

impl Files {
    pub(super) fn new(inputs: &[CaptureInfo]) -> Self {
        let paths = if inputs.len() > 1 { inputs } else { &[] };
        Self(paths.iter().map(|input| input.path.clone()).collect())
    }

    pub(super) fn of(&self, at: PacketRef) -> Option<&str> {
        self.0.get(usize::from(at.file)).map(String::as_str)
    }
}

/// Where a rule is broken.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Finding<'a> {
    /// Stable, kebab-case.
    rule: &'static str,
    severity: Severity,
    /// Whose fault it is.
    blame: Blame,
    /// The `id` of the connection; absent when it is about the capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<u64>,
    /// The `index` of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Time>,
    /// The packet that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    packet: Option<u64>,
    /// The input that holds the packet, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    detail: &'a str,
    /// RFC and section; absent for rules about the capture.
    #[serde(skip_serializing_if = "str::is_empty")]
    reference: &'static str,
}

impl<'a> Finding<'a> {
    pub(super) fn new(
        finding: &'a rules::Finding,
        connection: Option<ConnectionId>,
        files: &'a Files,
    ) -> Self {
        // Packets count from 1: number 0 is a finding that no single packet shows.
        let at = Some(finding.at).filter(|at| at.number > 0);
        Self {
            rule: finding.rule.name,
            severity: finding.rule.severity.into(),
            blame: finding.blame.into(),
            connection: connection.map(|id| id.0),
            message: finding.message,
            time: at.map(|at| Time(at.time)),
            packet: at.map(|at| at.number),
            file: at.and_then(|at| files.of(at)),
            detail: &finding.detail,
            reference: finding.rule.reference,
        }
    }
}

impl Finding<'_> {
    /// Counting for more or less than the rule does by itself.
    pub(super) fn counting(self, severity: rules::Severity) -> Self {
        Self { severity: severity.into(), ..self }
    }
}

/// How bad a finding is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Severity {
    Error,
    Warning,
    Note,
    Info,
}

impl From<rules::Severity> for Severity {
    fn from(severity: rules::Severity) -> Self {
        match severity {
            rules::Severity::Error => Self::Error,
            rules::Severity::Warning => Self::Warning,
            rules::Severity::Note => Self::Note,
            rules::Severity::Info => Self::Info,
        }
    }
}

/// Whose fault a finding is; `capture` when it does not show enough.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Blame {
    Client,
    Server,
    Capture,
}

impl From<rules::Blame> for Blame {
    fn from(blame: rules::Blame) -> Self {
        match blame {
            rules::Blame::Client => Self::Client,
            rules::Blame::Server => Self::Server,
            rules::Blame::Capture => Self::Capture,
        }
    }
}

/// RFC 3339, UTC, nine fractional digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(pub(super) Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.rfc3339().as_str())
    }
}

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date-time",
            "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$",
        })
    }
}

/// Bytes, written as base64 without an intermediate copy.
#[derive(Clone, Copy, Debug)]
struct Base64<'a>(&'a [u8]);

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::<GeneralPurpose>::new(self.0, &BASE64_STANDARD))
    }
}

impl JsonSchema for Base64<'_> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Base64".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "contentEncoding": "base64"})
    }
}

/// For `skip_serializing_if`, which lends.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// For `skip_serializing_if`, which lends.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}
