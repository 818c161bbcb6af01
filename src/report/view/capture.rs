//! Inputs and totals → `captures`, `generator`, `totals`.

use schemars::JsonSchema;
use serde::Serialize;

use super::Time;
use super::statistics::CaptureStatistics;
use crate::decode::SkippedPackets;
use crate::event;
use crate::packet::{CaptureDamage, CaptureInfo, DamageKind};
use crate::rules::Severity;

/// Version of the output contract: a name in it keeps its meaning.
pub(in crate::report) const SCHEMA: u32 = 1;

/// The program that wrote this.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::report) struct Generator {
    name: &'static str,
    version: &'static str,
}

impl Generator {
    pub(in crate::report) const THIS: Self =
        Self { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };
}

/// An input as known before its first packet.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::report) struct CaptureStart<'a> {
    /// As the user gave it; `-` for standard input.
    path: &'a str,
    /// `pcap` or `pcapng`, with the compression around it: `pcap.gz`.
    format: &'a str,
}

impl<'a> From<&'a CaptureInfo> for CaptureStart<'a> {
    fn from(info: &'a CaptureInfo) -> Self {
        Self { path: &info.path, format: &info.format }
    }
}

/// An input as known after its last packet.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::report) struct Capture<'a> {
    #[serde(flatten)]
    start: CaptureStart<'a>,
    #[serde(flatten)]
    ended: Ended,
    /// Packets that were dropped while capturing, where the file says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    damage: Option<Damage<'a>>,
}

impl<'a> From<&'a CaptureInfo> for Capture<'a> {
    fn from(info: &'a CaptureInfo) -> Self {
        Self {
            start: info.into(),
            ended: info.into(),
            dropped: info.dropped,
            damage: info.damage.as_ref().map(Damage::from),
        }
    }
}

/// What was read of an input, whatever the file format that stored it.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::report) struct Ended {
    packets: u64,
    /// Of the earliest packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_time: Option<Time>,
    /// Of the latest packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_time: Option<Time>,
    /// The file ends in the middle of a packet.
    truncated: bool,
}

impl From<&CaptureInfo> for Ended {
    fn from(info: &CaptureInfo) -> Self {
        let cut = |damage: &CaptureDamage| damage.kind == DamageKind::Truncated;
        Self {
            packets: info.packets,
            first_time: info.first_time.map(Time),
            last_time: info.last_time.map(Time),
            truncated: info.damage.as_ref().is_some_and(cut),
        }
    }
}

/// Where and why a capture file stopped making sense.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::report) struct Damage<'a> {
    kind: Kind,
    /// In bytes, in the decompressed file.
    offset: u64,
    detail: &'a str,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Truncated,
    Garbage,
}

impl<'a> From<&'a CaptureDamage> for Damage<'a> {
    fn from(damage: &'a CaptureDamage) -> Self {
        let kind = match damage.kind {
            DamageKind::Truncated => Kind::Truncated,
            DamageKind::Garbage => Kind::Garbage,
        };
        Self { kind, offset: damage.offset, detail: &damage.detail }
    }
}

/// The whole input in numbers, whatever is shown of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::report) struct Totals {
    packets: u64,
    /// That carried data or a SYN.
    tcp_connections: u64,
    /// TLS that was not decrypted.
    tls_connections: u64,
    http_connections: u64,
    http2_connections: u64,
    /// How often the bound on bytes in which frames are looked for was reached: in connections whose beginning was not captured, and in
    /// directions of HTTP that lost bytes.
    searched_in_vain: u64,
    /// Refused ones included.
    websocket_connections: u64,
    /// Control frames included.
    messages: u64,
    /// Of these, control frames.
    control_frames: u64,
    frames: u64,
    findings: FindingCounts,
    /// Packets without a TCP segment, by reason.
    skipped_packets: Skipped,
    /// Absent where there is nothing to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    statistics: Option<CaptureStatistics>,
}

impl From<&event::Totals> for Totals {
    fn from(totals: &event::Totals) -> Self {
        Self {
            packets: totals.packets,
            tcp_connections: totals.tcp_connections,
            tls_connections: totals.tls_connections,
            http_connections: totals.http_connections,
            http2_connections: totals.http2_connections,
            searched_in_vain: totals.searched_in_vain,
            websocket_connections: totals.websocket_connections,
            messages: totals.messages,
            control_frames: totals.control_frames,
            frames: totals.frames,
            findings: FindingCounts {
                error: totals.findings_of(Severity::Error),
                warning: totals.findings_of(Severity::Warning),
                note: totals.findings_of(Severity::Note),
                info: totals.findings_of(Severity::Info),
            },
            skipped_packets: totals.skipped.into(),
            statistics: CaptureStatistics::of(&totals.reconnects),
        }
    }
}

/// Findings by severity.
#[derive(Debug, Serialize, JsonSchema)]
struct FindingCounts {
    error: u64,
    warning: u64,
    note: u64,
    info: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Skipped {
    /// ARP, LLDP, 802.11 management …
    not_ip: u64,
    /// UDP, ICMP …
    not_tcp: u64,
    malformed: u64,
    unknown_link: u64,
    /// Fragments of IP datagrams that never became whole, and all but the last of those that did.
    fragment: u64,
    /// Encrypted below TCP.
    encrypted: u64,
    /// The snap length cut the packet inside its headers.
    cut_headers: u64,
}

impl From<SkippedPackets> for Skipped {
    fn from(skipped: SkippedPackets) -> Self {
        Self {
            not_ip: skipped.not_ip,
            not_tcp: skipped.not_tcp,
            malformed: skipped.malformed,
            unknown_link: skipped.unknown_link,
            fragment: skipped.fragment,
            encrypted: skipped.encrypted,
            cut_headers: skipped.cut_headers,
        }
    }
}
