//! Many connections, one order: packets → events of all connections.

mod clock;
mod flows;
mod hold;
mod reconnects;

use std::ops::ControlFlow;

use clock::{Clock, StepsBack};
use flows::Flows;
use hold::Hold;
use reconnects::Lives;

use crate::capture::{CaptureError, Keep, Next, Source};
use crate::connection::Options;
use crate::decode::Decoder;
use crate::event::{Event, EventKind, Sink, Totals};
use crate::packet::{PacketRef, Timestamp};
use crate::rules::capture::{DROPPED_PACKETS, LIMIT_REACHED, backwards, damage};
use crate::rules::transport::{HTTP2_NOT_READ, TLS_NO_KEYS};
use crate::rules::{Blame, Finding, Severity};

/// Reads `source` to its end, and gives everything that is found to `sink`.
///
/// # Errors
/// When an input could not be read to its end. The other inputs, and what was read before, are finished and reported all
/// the same: the error carries the totals.
pub fn analyze(
    source: &mut dyn Source,
    options: &Options,
    sink: &mut dyn Sink,
) -> Result<Totals, Interrupted> {
    analyze_and_keep(source, options, sink, None)
}

/// As [`analyze`], and gives the packets of WebSocket connections to `keep`: of those that are reported, opened or refused. The start
/// of each waits until it is known, in at most `Limits::undecided_packets`. A packet that is a fragment of IP is kept only if it
/// is the one that completes its datagram.
///
/// # Errors
/// As [`analyze`].
pub fn analyze_and_keep(
    source: &mut dyn Source,
    options: &Options,
    sink: &mut dyn Sink,
    keep: Option<&mut dyn Keep>,
) -> Result<Totals, Interrupted> {
    let mut analysis = Analysis::new(options, sink, keep);
    let mut first_error = None;
    loop {
        let taken = match source.next() {
            Ok(Some(Next::Packet(packet))) => analysis.packet(&packet),
            Ok(Some(Next::Pause(time))) => analysis.pause(time),
            Ok(None) => break,
            // The other inputs go on.
            Err(error) => {
                first_error = first_error.or(Some(error));
                continue;
            }
        };
        if taken.is_break() {
            return Ok(analysis.totals);
        }
    }
    let totals = analysis.finish(source);
    match first_error {
        None => Ok(totals),
        Some(error) => Err(Interrupted { totals: Box::new(totals), error }),
    }
}

/// The input could not be read to its end.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Interrupted {
    /// Of what was read.
    pub totals: Box<Totals>,
    /// Why no more could be read.
    pub error: CaptureError,
}

/// The pipeline between packets and events.
struct Analysis<'a, 'k> {
    decoder: Decoder,
    flows: Flows<'a>,
    sink: &'a mut dyn Sink,
    totals: Totals,
    clock: Clock,
    lives: Lives,
    options: &'a Options,
    hold: Option<Hold<'k>>,
}

impl<'a, 'k> Analysis<'a, 'k> {
    fn new(options: &'a Options, sink: &'a mut dyn Sink, keep: Option<&'k mut dyn Keep>) -> Self {
        let hold = keep.map(|keep| Hold::new(keep, options.limits.undecided_packets));
        Self {
            decoder: Decoder::new(&options.limits),
            flows: Flows::new(options, hold.as_ref().map(|_| Vec::new())),
            sink,
            totals: Totals::default(),
            clock: Clock::default(),
            lives: Lives::new(options.limits.reconnects),
            options,
            hold,
        }
    }

    fn packet(&mut self, packet: &crate::packet::Packet<'_>) -> ControlFlow<()> {
        self.totals.packets += 1;
        let now = self.clock.pass(packet.at);
        while self.flows.expire(now) {
            self.pass_on()?;
        }
        match self.decoder.decode(packet) {
            Ok(segment) => {
                let known = self.flows.segment(&segment, now);
                if let (Some(hold), Some((life, worth))) = (&mut self.hold, known) {
                    hold.packet(packet, life, worth);
                }
            }
            Err(reason) => self.totals.skipped.count(reason),
        }
        self.pass_on()
    }

    /// Lets time pass without a packet.
    fn pause(&mut self, time: Timestamp) -> ControlFlow<()> {
        let now = self.clock.pause(time);
        while self.flows.expire(now) {
            self.pass_on()?;
        }
        if let Some(hold) = &mut self.hold {
            hold.pause(now);
        }
        self.pass_on()
    }

    /// Passes on, or gives up, the packets of lives that have ended.
    fn settle(&mut self) {
        let Some(hold) = &mut self.hold else { return };
        for (life, worth) in self.flows.settled() {
            hold.settle(life, worth);
        }
    }

    /// Gives what connections said to the sink, and counts it.
    fn pass_on(&mut self) -> ControlFlow<()> {
        self.settle();
        for event in self.flows.out().drain() {
            count(&mut self.totals, &event);
            if !matches!(event.kind, EventKind::Message(_)) {
                self.lives.event(&event);
            }
            self.sink.event(event)?;
        }
        ControlFlow::Continue(())
    }

    fn finish(mut self, source: &mut dyn Source) -> Totals {
        for flow in self.flows.left() {
            self.flows.finish(flow);
            if self.pass_on().is_break() {
                return self.totals;
            }
        }
        self.flows.out().finish(self.clock.end(), &self.options.limits);
        self.settle();
        if let Some(hold) = &mut self.hold {
            hold.release(self.clock.end().time);
        }
        if self.pass_on().is_break() {
            return self.totals;
        }
        let protocols = self.flows.protocols();
        self.totals.tcp_connections = self.flows.seen();
        self.totals.tls_connections = protocols.tls;
        self.totals.http_connections = protocols.http;
        self.totals.http2_connections = protocols.http2;
        self.totals.searched_in_vain = protocols.searched_in_vain;
        self.totals.websocket_connections = self.flows.out().opened();
        self.totals.inputs = source.inputs();
        self.totals.reconnects = self.lives.reconnects();
        for finding in self.capture_findings() {
            let event =
                Event { at: finding.at, connection: None, kind: EventKind::Finding(Box::new(finding)) };
            count(&mut self.totals, &event);
            if self.sink.event(event).is_break() {
                break;
            }
        }
        self.totals
    }

    /// What is wrong with the capture itself.
    fn capture_findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let last = self.clock.end();
        for input in &self.totals.inputs {
            if let Some(what) = &input.damage {
                findings.push(damage(input, what, last));
            }
            if let Some(dropped) = input.dropped.filter(|dropped| *dropped > 0) {
                let detail = format!("{dropped} packets were dropped while the capture was made");
                findings.push(DROPPED_PACKETS.broken(Blame::Capture, last, detail));
            }
            if input.overrun > 0 {
                let detail =
                    format!("{} more were dropped by wspect: analysis could not keep up", input.overrun);
                findings.push(DROPPED_PACKETS.broken(Blame::Capture, last, detail));
            }
        }
        let StepsBack { count, longest, at } = self.clock.steps_back();
        findings.extend(backwards(count, longest, at, &self.options.thresholds));
        findings.extend(self.cuts().map(|detail| LIMIT_REACHED.broken(Blame::Capture, last, detail)));
        if self.totals.tls_connections > 0 {
            let number = self.totals.tls_connections;
            let connections = if number == 1 { "connection" } else { "connections" };
            let detail = format!("{number} TLS {connections}, not decrypted");
            findings.push(TLS_NO_KEYS.broken(Blame::Capture, PacketRef::default(), detail));
        }
        if self.totals.http2_connections > 0 {
            let number = self.totals.http2_connections;
            let connections = if number == 1 { "connection speaks" } else { "connections speak" };
            let detail = format!("{number} TCP {connections} HTTP/2, which is not looked into");
            findings.push(HTTP2_NOT_READ.broken(Blame::Capture, PacketRef::default(), detail));
        }
        findings
    }

    /// What limits cut that belongs to no connection.
    fn cuts(&self) -> impl Iterator<Item = String> {
        let limits = &self.options.limits;
        let flows = self.flows.given_up();
        let relieved = self.flows.relieved();
        let handshakes = self.flows.handshakes_forgotten();
        let datagrams = self.decoder.datagrams_given_up();
        let undecided = self.hold.as_ref().map_or(0, Hold::given_up);
        let cuts = [
            (
                flows,
                format!(
                    "{flows} TCP connections were given up early: more than {} at the same time (--max-connections)",
                    limits.flows
                ),
            ),
            (
                relieved,
                format!(
                    "{relieved} TCP connections were given up early: all together held more than {} bytes (--max-memory)",
                    limits.memory
                ),
            ),
            (
                handshakes,
                format!(
                    "{handshakes} opening handshakes were forgotten: there were more than {} (handshakes); later ones were not compared with them",
                    limits.handshakes
                ),
            ),
            (
                self.lives.overlooked(),
                format!(
                    "{} connections were not looked at for reconnects: more than {} bytes of earlier ones (reconnects)",
                    self.lives.overlooked(),
                    limits.reconnects
                ),
            ),
            (
                datagrams,
                format!(
                    "{datagrams} IP datagrams were given up early: more than {} bytes of fragments (fragment_bytes) or {} datagrams (fragment_datagrams) at the same time",
                    limits.fragment_bytes, limits.fragment_datagrams
                ),
            ),
            (
                undecided,
                format!(
                    "{undecided} packets were not stored (--write): it was not known yet whether their connections are WebSocket, and more than {} bytes of such packets waited (undecided_packets)",
                    limits.undecided_packets
                ),
            ),
        ];
        cuts.into_iter().filter(|(count, _)| *count > 0).map(|(_, detail)| detail)
    }
}

fn count(totals: &mut Totals, event: &Event) {
    match &event.kind {
        EventKind::Message(message) => {
            totals.messages += 1;
            totals.control_frames += u64::from(message.message.opcode.is_control());
        }
        EventKind::Closed(closing) => {
            totals.frames += closing.traffic.iter().map(|traffic| traffic.frames).sum::<u64>();
        }
        EventKind::Finding(finding) => {
            let place = Severity::ALL.iter().position(|severity| *severity == finding.rule.severity);
            if let Some(counter) = place.and_then(|place| totals.findings.get_mut(place)) {
                *counter += 1;
            }
        }
        EventKind::Opened(_) => {}
    }
}
