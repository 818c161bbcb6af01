//! What an analyzer has to find in a capture.

use serde::{Deserialize, Serialize};

/// Exact counts of one capture. All are of the wire, captured or not; [`Loss`] has what of it the capture holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Expected {
    /// Name of the workload.
    pub workload: String,
    /// What the numbers were drawn from.
    pub seed: u64,
    /// Size of the capture file.
    pub file_bytes: u64,
    /// Packets in it.
    pub packets: u64,
    /// Those of TCP.
    pub tcp_packets: u64,
    /// Those of UDP.
    pub udp_packets: u64,
    /// TCP connections.
    pub tcp_connections: u64,
    /// Connections on which a WebSocket was opened.
    pub ws_connections: u64,
    /// Those on which that was refused.
    pub ws_upgrades_refused: u64,
    /// TCP connections that were open at the same time.
    pub max_open_connections: u64,
    /// Bytes of the file that belong to WebSocket connections, from SYN to FIN.
    pub ws_file_bytes: u64,
    /// Frames by opcode.
    pub frames: Frames,
    /// Data messages.
    pub messages: Messages,
    /// Payload bytes of all frames, control frames included, as on the wire.
    pub frame_payload_bytes: Ways,
    /// Bytes of all data messages after decompression.
    pub message_bytes: Ways,
    /// The sum of the CRC-32 of every data message, modulo 2^64: one number for all content, in any order.
    pub message_crc32_sum: u64,
    /// What the capture lacks.
    pub loss: Loss,
}

/// Frames by opcode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of RFC 6455")]
#[serde(default)]
pub struct Frames {
    pub total: u64,
    pub continuation: u64,
    pub text: u64,
    pub binary: u64,
    pub close: u64,
    pub ping: u64,
    pub pong: u64,
}

/// Data messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Messages {
    /// All of them.
    pub total: u64,
    /// Text.
    pub text: u64,
    /// Binary.
    pub binary: u64,
    /// Those in more than one frame.
    pub fragmented: u64,
    /// Those that were sent compressed.
    pub compressed: u64,
}

/// Bytes by their direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ways {
    /// Both.
    pub total: u64,
    /// From the client to the server.
    pub c2s: u64,
    /// From the server to the client.
    pub s2c: u64,
}

/// What happened to the packets of a lossy capture. All 0 where nothing did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Loss {
    /// Packets that were captured behind later ones.
    pub reordered: u64,
    /// Packets that were captured twice.
    pub retransmitted: u64,
    /// Packets that arrived and were not captured.
    pub dropped: u64,
    /// WebSocket connections that lack any.
    pub connections_with_gap: u64,
    /// Their directions that do.
    pub directions_with_gap: u64,
    /// Frames of which every byte is in the capture.
    pub frames_wholly_captured: u64,
    /// Their payload bytes.
    pub payload_wholly_captured: u64,
    /// Data messages of which every byte is in the capture; absent where whoever made the capture did not count them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages_wholly_captured: Option<u64>,
    /// The sum of their CRC-32, as [`Expected::message_crc32_sum`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_crc32_sum_wholly_captured: Option<u64>,
}

impl Expected {
    /// Is every byte of the wire in the capture?
    pub const fn is_lossless(&self) -> bool {
        self.loss.dropped == 0
    }
}

impl Ways {
    /// Counts bytes that the client sent, or the server.
    pub(crate) const fn add(&mut self, side: Side, bytes: u64) {
        self.total += bytes;
        match side {
            Side::Client => self.c2s += bytes,
            Side::Server => self.s2c += bytes,
        }
    }
}

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::Client, Self::Server];

    pub(crate) const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Client => 0,
            Self::Server => 1,
        }
    }
}

/// CRC-32 as in gzip.
pub(crate) fn crc32(bytes: &[u8]) -> u64 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    u64::from(crc.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_is_the_common_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
