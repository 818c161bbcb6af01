//! Packets → batches of segments, with the time of the capture.

use std::ops::ControlFlow;

use super::batch::{Batch, Tick};
use super::clock::Clock;
use crate::capture::{CaptureError, Next, Source};
use crate::decode::{Decoder, SkippedPackets};
use crate::limits::Limits;
use crate::packet::{NANOS_PER_SECOND, Packet, Timestamp};

/// Looks through packets, for all shards.
pub(super) struct Intake {
    pub(super) decoder: Decoder,
    pub(super) clock: Clock,
    pub(super) packets: u64,
    pub(super) skipped: SkippedPackets,
    /// The first trouble of an input.
    pub(super) error: Option<CaptureError>,
    /// When every shard is to look whose time is up.
    next_tick: Timestamp,
}

impl Intake {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            decoder: Decoder::new(limits),
            clock: Clock::default(),
            packets: 0,
            skipped: SkippedPackets::default(),
            error: None,
            next_tick: Timestamp::default(),
        }
    }

    /// Fills a batch. Is there more to read?
    pub(super) fn fill(&mut self, batch: &mut Batch, source: &mut dyn Source) -> bool {
        batch.last = self.clock.end().number;
        loop {
            source.for_each_buffered(&mut |packet| {
                self.packet(packet, batch);
                if batch.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            if batch.is_full() {
                return true;
            }
            match source.next() {
                Ok(Some(Next::Packet(packet))) => self.packet(&packet, batch),
                Ok(Some(Next::Pause(time))) => self.pause(time, batch),
                Ok(None) => return false,
                // The other inputs go on.
                Err(error) => self.fail(error),
            }
        }
    }

    /// Takes a packet.
    pub(super) fn packet(&mut self, packet: &Packet<'_>, batch: &mut Batch) {
        self.packets += 1;
        batch.packet(packet.at.number);
        let now = self.clock.pass(packet.at);
        if now >= self.next_tick || self.packets == 1 {
            self.tick(now, packet.at.number, batch);
        }
        match Decoder::ordinary(packet) {
            Some(Ok(segment)) => batch.push(&segment, now),
            Some(Err(reason)) => self.skipped.count(reason),
            None => self.unusual(packet, now, batch),
        }
    }

    #[inline(never)]
    fn unusual(&mut self, packet: &Packet<'_>, now: Timestamp, batch: &mut Batch) {
        match self.decoder.walk(packet) {
            Ok(segment) => batch.push(&segment, now),
            Err(reason) => self.skipped.count(reason),
        }
    }

    /// Lets time pass without a packet.
    pub(super) fn pause(&mut self, time: Timestamp, batch: &mut Batch) {
        let now = self.clock.pause(time);
        batch.last = self.clock.end().number;
        self.tick(now, batch.last, batch);
    }

    /// An input can't be read any further.
    pub(super) fn fail(&mut self, error: CaptureError) {
        self.error.get_or_insert(error);
    }

    fn tick(&mut self, now: Timestamp, packet: u64, batch: &mut Batch) {
        batch.ticks.push(Tick { packet, now });
        let second = now.as_nanos().div_euclid(NANOS_PER_SECOND).saturating_add(1);
        self.next_tick = Timestamp::from_nanos(second.saturating_mul(NANOS_PER_SECOND));
    }
}
