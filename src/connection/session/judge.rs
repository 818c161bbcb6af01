//! Frames and messages of an open connection → findings.

use super::Session;
use crate::connection::Options;
use crate::connection::outbox::Outbox;
use crate::packet::{PacketRef, Side};
use crate::rules::frame::SentFrame;
use crate::rules::mask::KeyFault;
use crate::rules::{self, Finding, Severity};
use crate::websocket::message::FrameStart;
use crate::websocket::{Message, Opcode};

impl Session {
    /// Judges a frame's header.
    #[inline(never)]
    pub(super) fn judge_frame(
        &mut self,
        sender: Side,
        frame: FrameStart,
        options: &Options,
        out: &mut Outbox,
    ) {
        let sent = SentFrame {
            header: frame.header,
            sender,
            at: frame.at,
            message_open: frame.message_open,
            rsv1: self.rsv1,
            close_sent: self.history.closes().sent(sender),
            close_received: self.history.closes().received(sender, frame.at),
            start_known: self.lane(sender).start_known,
        };
        let opcode = frame.header.opcode;
        rules::frame::check(&sent, &mut |finding| self.hold(sender, finding, opcode, options, out));
    }

    #[cold]
    pub(super) fn judge_key(
        &mut self,
        sender: Side,
        fault: KeyFault,
        frame: FrameStart,
        options: &Options,
        out: &mut Outbox,
    ) {
        let found = &mut |finding| self.hold(sender, finding, frame.header.opcode, options, out);
        rules::mask::check(fault, sender, frame.at, found);
    }

    /// A finding on a frame waits for its message, whose index it carries.
    #[cold]
    fn hold(&mut self, sender: Side, finding: Finding, opcode: Opcode, options: &Options, out: &mut Outbox) {
        // A message of very many bad frames: its index comes too late for all of them.
        if let Some(finding) = self.lane(sender).wait(finding, opcode) {
            self.report(finding, options, out);
        }
    }

    /// Judges a message, with all that is remembered of those before it.
    pub(super) fn judge(
        &mut self,
        sender: Side,
        message: &Message,
        index: u64,
        options: &Options,
        findings: &mut Vec<Finding>,
    ) {
        let mut found = |finding| findings.push(finding);
        rules::message::check(message, sender, &options.thresholds, &mut found);
        rules::deflate::check(message, sender, &mut found);
        rules::capture::cut_frames(message, &options.limits, &mut found);
        let lane = match sender {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        lane.undecoded.note(message, index);
        if !lane.reader.lacks_history() {
            lane.undecoded.report(sender, &mut found);
        }
        self.cuts.note(message, index, &options.limits);
        self.history.message(sender, message, index, &options.thresholds, &mut found);
        // Where it begins is a guess, and a wrong one looks like a fault of its sender.
        if message.resynchronised {
            findings.retain(|finding| finding.rule.severity != Severity::Error);
        }
    }

    /// Judges what only all of the connection shows.
    pub(super) fn judge_whole(&mut self, at: PacketRef, options: &Options, out: &mut Outbox) {
        let mut findings = Vec::new();
        for (side, lane) in [(Side::Client, &mut self.client), (Side::Server, &mut self.server)] {
            lane.undecoded.report(side, &mut |finding| findings.push(finding));
            let savings = lane.reader.savings().filter(|_| self.agreed);
            // What was not captured may have been compressed.
            if let Some(savings) = savings.filter(|_| lane.reader.counts().missing_bytes == 0) {
                rules::deflate::check_savings(&savings, side, at, &mut |finding| findings.push(finding));
            }
        }
        self.cuts.check(&options.limits, &mut |finding| findings.push(finding));
        self.releases.check(&options.limits, &mut |finding| findings.push(finding));
        if let Some(channels) = &self.channels {
            findings.push(rules::extension::mux(channels, at));
        }
        for finding in findings {
            self.report(finding, options, out);
        }
    }
}
