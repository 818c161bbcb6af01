//! Figures → the `statistics` of a `connections` entry and of `totals`.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use super::connection::Endpoint;
use super::is_zero;
use crate::event::statistics as facts;
use crate::tcp::Stalls;

/// Figures of a connection, mostly of time, as seen where it was captured.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Statistics {
    /// From the upgrade request to its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    handshake_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_to_server: Option<Side>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_to_client: Option<Side>,
}

impl Statistics {
    /// `None` where there is nothing to tell.
    pub(super) fn of(statistics: &facts::Statistics) -> Option<Self> {
        let [client, server] = statistics.sides.each_ref().map(|side| side.as_deref().map(Side::from));
        let told = statistics.handshake.is_some() || client.is_some() || server.is_some();
        told.then_some(Self {
            handshake_ns: statistics.handshake,
            client_to_server: client,
            server_to_client: server,
        })
    }
}

/// Figures of what one side sent.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SideStatistics")]
struct Side {
    /// Payload bytes of data messages, unmasked and decompressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_length: Option<Distribution>,
    /// Data messages in each second that had any; it begins with the first message after the second before.
    #[serde(skip_serializing_if = "Option::is_none")]
    messages_per_second: Option<Distribution>,
    /// Of data messages in several packets, from the packet with the first byte to the one with the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer_ns: Option<Distribution>,
    /// Control frames between the fragments of a data message.
    #[serde(skip_serializing_if = "is_zero")]
    interleaved_control_frames: u64,
    /// Pongs that waited for the end of a data message of their sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    delayed_pongs: Option<Delays>,
    /// From a Ping of this direction to the Pong that answers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    round_trip_ns: Option<Distribution>,
    /// Times in which bytes of this direction waited for room at their receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    zero_window: Option<ZeroWindow>,
}

impl From<&facts::SideStatistics> for Side {
    fn from(side: &facts::SideStatistics) -> Self {
        Self {
            message_length: side.lengths.map(Distribution::from),
            messages_per_second: side.rates.map(Distribution::from),
            transfer_ns: side.transfers.map(Distribution::from),
            interleaved_control_frames: side.interleaved,
            delayed_pongs: (side.delayed_pongs.count > 0).then(|| side.delayed_pongs.into()),
            round_trip_ns: side.round_trips.map(Distribution::from),
            zero_window: (side.stalls.count > 0).then(|| side.stalls.into()),
        }
    }
}

/// How values are spread. Percentiles are the least value that so many percent do not exceed: exact up to 128 values,
/// beyond that off by at most a sixty-fourth. All else is exact.
#[derive(Debug, Serialize, JsonSchema)]
struct Distribution {
    count: u64,
    min: u64,
    p50: u64,
    p90: u64,
    p99: u64,
    max: u64,
}

impl From<facts::Distribution> for Distribution {
    fn from(of: facts::Distribution) -> Self {
        let facts::Distribution { count, min, p50, p90, p99, max } = of;
        Self { count, min, p50, p90, p99, max }
    }
}

/// How many waited, and how long at most.
#[derive(Debug, Serialize, JsonSchema)]
struct Delays {
    count: u64,
    longest_ns: u64,
}

impl From<facts::Delays> for Delays {
    fn from(delays: facts::Delays) -> Self {
        Self { count: delays.count, longest_ns: delays.longest }
    }
}

/// A receive window of zero while bytes for it waited.
#[derive(Debug, Serialize, JsonSchema)]
struct ZeroWindow {
    count: u32,
    total_ns: i64,
    longest_ns: i64,
}

impl From<Stalls> for ZeroWindow {
    fn from(stalls: Stalls) -> Self {
        Self { count: stalls.count, total_ns: stalls.total, longest_ns: stalls.longest }
    }
}

/// Figures of the whole capture.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CaptureStatistics {
    /// Clients that connected again to where they had been connected, in the order in which they came first.
    reconnects: Vec<Reconnects>,
}

impl CaptureStatistics {
    /// `None` where there is nothing to tell.
    pub(super) fn of(reconnects: &[facts::Reconnects]) -> Option<Self> {
        let reconnects: Vec<_> = reconnects.iter().map(Reconnects::from).collect();
        (!reconnects.is_empty()).then_some(Self { reconnects })
    }
}

/// One client that connected again and again to the same place.
#[derive(Debug, Serialize, JsonSchema)]
struct Reconnects {
    #[schemars(with = "String")]
    client_address: IpAddr,
    server: Endpoint,
    /// Target of the HTTP CONNECT request, where a proxy's tunnel carries the connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    tunnel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// The target without its query.
    path: String,
    /// Connections and attempts, refused ones too.
    connections: u64,
    /// From the `end_time` of one to the `start_time` of the next, where none was open between.
    interval_ns: Distribution,
    /// Did the client wait longer and longer? Absent where one interval of a tenth of a second or more is all there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    backoff: Option<Backoff>,
}

impl From<&facts::Reconnects> for Reconnects {
    fn from(again: &facts::Reconnects) -> Self {
        Self {
            client_address: again.client,
            server: again.server.into(),
            tunnel: again.tunnel.clone(),
            host: again.host.clone(),
            path: again.path.clone(),
            connections: again.connections,
            interval_ns: again.intervals.into(),
            backoff: again.backoff.map(Backoff::from),
        }
    }
}

/// How the intervals follow each other.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Backoff {
    Immediate,
    Constant,
    Growing,
    Irregular,
}

impl From<facts::Backoff> for Backoff {
    fn from(backoff: facts::Backoff) -> Self {
        match backoff {
            facts::Backoff::Immediate => Self::Immediate,
            facts::Backoff::Constant => Self::Constant,
            facts::Backoff::Growing => Self::Growing,
            facts::Backoff::Irregular => Self::Irregular,
        }
    }
}
