//! One direction of a WebSocket connection, with what its messages have to wait for.

use super::LaneStart;
use crate::connection::Options;
use crate::connection::search::Search;
use crate::event::Traffic;
use crate::rules::Finding;
use crate::rules::deflate::Undecoded;
use crate::websocket::deflate::Compression;
use crate::websocket::message::{KeptBy, MessageOptions, MessageReader};

/// One direction.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) reader: MessageReader,
    /// Set while the frame boundary is lost.
    pub(super) search: Option<Box<Search>>,
    /// Findings on the frames of the data message that is not finished yet, and of the control frame.
    pub(super) data_findings: Vec<Finding>,
    pub(super) control_findings: Vec<Finding>,
    pub(super) messages: u64,
    pub(super) control_frames: u64,
    /// Bytes between frames whose places are not known.
    pub(super) passed_over: u64,
    /// Did a whole data message begin here since the start or the last gap?
    pub(super) start_known: bool,
    pub(super) undecoded: Undecoded,
}

impl Lane {
    pub(super) fn new(start: LaneStart, compression: Option<Compression>, options: &Options) -> Self {
        let mut reader = MessageReader::new(MessageOptions {
            keep_payload: options.payload.min(options.limits.payload),
            kept_by: if options.payload < options.limits.payload { KeptBy::Choice } else { KeptBy::Limit },
            keep_frames: if options.frames { options.limits.frames } else { 0 },
            compression,
        });
        let start_known = matches!(start, LaneStart::Frame);
        let mut passed_over = 0;
        let search = match start {
            LaneStart::Frame => None,
            LaneStart::FoundFrame(found) => {
                reader.resume(found.confidence);
                passed_over = found.passed_over;
                None
            }
            LaneStart::Searching(search) => Some(search.know()),
        };
        Self {
            reader,
            search,
            data_findings: Vec::new(),
            control_findings: Vec::new(),
            messages: 0,
            control_frames: 0,
            passed_over,
            start_known,
            undecoded: Undecoded::default(),
        }
    }

    pub(super) fn traffic(&self) -> Traffic {
        let counts = self.reader.counts();
        let savings = self.reader.savings().unwrap_or_default();
        Traffic {
            messages: self.messages,
            control_frames: self.control_frames,
            frames: counts.frames,
            payload_bytes: counts.payload_bytes,
            wire_bytes: counts.wire_bytes,
            masking_bytes: counts.masking_bytes,
            handshake_bytes: 0,
            compressed_messages: savings.compressed,
            compressed_bytes: savings.compressed_bytes,
            inflated_bytes: savings.inflated_bytes,
            missing_bytes: counts.missing_bytes,
            passed_over_bytes: self.passed_over,
        }
    }

    /// Bytes of memory that it takes beside itself.
    pub(super) fn memory(&self) -> usize {
        let search = self.search.as_ref().map_or(0, |search| search.memory());
        let findings = self.data_findings.capacity().saturating_add(self.control_findings.capacity());
        let findings = findings.saturating_mul(size_of::<Finding>() + FINDING_TEXT);
        self.reader.memory().saturating_add(search).saturating_add(findings)
    }
}

/// What a finding says, in bytes.
const FINDING_TEXT: usize = 128;
