//! One direction of a WebSocket connection, with what its messages have to wait for.

use std::mem;

use super::LaneStart;
use crate::connection::Options;
use crate::connection::search::Search;
use crate::event::Traffic;
use crate::rules::Finding;
use crate::rules::deflate::Undecoded;
use crate::websocket::Opcode;
use crate::websocket::deflate::Compression;
use crate::websocket::message::{KeptBy, MessageOptions, MessageReader};

/// One direction.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) reader: MessageReader,
    /// Set while the frame boundary is lost.
    pub(super) search: Option<Box<Search>>,
    waiting: Option<Box<Waiting>>,
    pub(super) messages: u64,
    pub(super) control_frames: u64,
    /// Bytes between frames whose places are not known.
    pub(super) passed_over: u64,
    /// Did a whole data message begin here since the start or the last gap?
    pub(super) start_known: bool,
    pub(super) undecoded: Undecoded,
}

/// Findings on the frames of the data message that is not finished yet, and of the control frame.
#[derive(Debug, Default)]
struct Waiting {
    data: Vec<Finding>,
    control: Vec<Finding>,
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
            waiting: None,
            messages: 0,
            control_frames: 0,
            passed_over,
            start_known,
            undecoded: Undecoded::default(),
        }
    }

    /// A finding on a frame waits for its message; it comes back where too many wait.
    pub(super) fn wait(&mut self, finding: Finding, opcode: Opcode) -> Option<Finding> {
        let waiting = self.waiting.get_or_insert_default().of(opcode);
        if waiting.len() < WAITING {
            waiting.push(finding);
            return None;
        }
        Some(finding)
    }

    /// The findings on the frames of a message, taken out.
    pub(super) fn waiting(&mut self, opcode: Opcode) -> Vec<Finding> {
        let Some(waiting) = &mut self.waiting else { return Vec::new() };
        let findings = mem::take(waiting.of(opcode));
        if waiting.is_empty() {
            self.waiting = None;
        }
        findings
    }

    /// Is there nothing to say of the next message but what it shows itself?
    pub(super) const fn is_quiet(&self) -> bool {
        self.waiting.is_none() && self.undecoded.is_empty()
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
        let waiting = self.waiting.as_ref().map_or(0, |waiting| waiting.memory());
        self.reader.memory().saturating_add(search).saturating_add(waiting)
    }
}

impl Waiting {
    fn of(&mut self, opcode: Opcode) -> &mut Vec<Finding> {
        if opcode.is_control() { &mut self.control } else { &mut self.data }
    }

    const fn is_empty(&self) -> bool {
        self.data.is_empty() && self.control.is_empty()
    }

    fn memory(&self) -> usize {
        let findings = self.data.capacity().saturating_add(self.control.capacity());
        findings.saturating_mul(size_of::<Finding>() + FINDING_TEXT).saturating_add(size_of::<Self>())
    }
}

/// As many as are reported of a rule.
const WAITING: usize = 100;

/// What a finding says, in bytes.
const FINDING_TEXT: usize = 128;
