//! What each side sent → the `traffic` of a `connections` entry.

use schemars::JsonSchema;
use serde::Serialize;

use crate::event::Traffic as TrafficFacts;

/// What each side sent after the handshake.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Traffic {
    client_to_server: Sent,
    server_to_client: Sent,
}

impl From<&[TrafficFacts; 2]> for Traffic {
    fn from([client, server]: &[TrafficFacts; 2]) -> Self {
        Self { client_to_server: client.into(), server_to_client: server.into() }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct Sent {
    /// Control frames included.
    messages: u64,
    /// Of these, control frames.
    control_frames: u64,
    frames: u64,
    /// As on the wire, not decompressed.
    payload_bytes: u64,
    /// Headers and payloads of the frames.
    wire_bytes: u64,
    /// Headers of the frames, without masking keys.
    header_bytes: u64,
    masking_key_bytes: u64,
    /// The request or the response of the opening handshake.
    #[serde(skip_serializing_if = "is_zero")]
    handshake_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    compression: Option<Compression>,
    /// Bytes that the capture does not hold.
    missing_bytes: u64,
    /// Bytes that it holds, but that could not be told to be frames.
    #[serde(skip_serializing_if = "is_zero")]
    passed_over_bytes: u64,
}

/// What compression saved; absent when nothing was compressed.
#[derive(Debug, Serialize, JsonSchema)]
struct Compression {
    /// Sent compressed (frames, where those are compressed one by one).
    messages: u64,
    /// Their payloads as on the wire, of those that could be inflated to their end.
    wire_bytes: u64,
    /// What these inflated to.
    inflated_bytes: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
const fn is_zero(bytes: &u64) -> bool {
    *bytes == 0
}

impl From<&TrafficFacts> for Sent {
    fn from(sent: &TrafficFacts) -> Self {
        Self {
            messages: sent.messages,
            control_frames: sent.control_frames,
            frames: sent.frames,
            payload_bytes: sent.payload_bytes,
            wire_bytes: sent.wire_bytes,
            header_bytes: sent.header_bytes(),
            masking_key_bytes: sent.masking_bytes,
            handshake_bytes: sent.handshake_bytes,
            compression: (sent.compressed_messages > 0).then_some(Compression {
                messages: sent.compressed_messages,
                wire_bytes: sent.compressed_bytes,
                inflated_bytes: sent.inflated_bytes,
            }),
            missing_bytes: sent.missing_bytes,
            passed_over_bytes: sent.passed_over_bytes,
        }
    }
}
