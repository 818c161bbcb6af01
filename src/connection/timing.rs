//! Messages and answers of a connection with their packets → its figures.

mod sketch;

use std::collections::VecDeque;

use sketch::Sketch;

use crate::event::statistics::{Delays, Distribution, SideStatistics, Statistics};
use crate::packet::{NANOS_PER_SECOND, PacketRef, Side, Timestamp};
use crate::tcp::Stalls;
use crate::websocket::{Message, Opcode};

/// Collects in bounded memory, with a few additions a message.
#[derive(Debug, Default)]
pub(super) struct Timing {
    handshake: Option<i64>,
    sides: [SideTiming; 2],
}

/// What one side sends.
#[derive(Debug, Default)]
struct SideTiming {
    lengths: Sketch,
    pace: Pace,
    rare: Option<Box<Rare>>,
}

/// What most connections have nothing of.
#[derive(Debug, Default)]
struct Rare {
    transfers: Sketch,
    /// The latest of them.
    latest: VecDeque<Transfer>,
    interleaved: u64,
    delayed_pongs: Delays,
    round_trips: Sketch,
    stalls: Stalls,
}

/// A data message that took more than one packet.
#[derive(Clone, Copy, Debug)]
struct Transfer {
    first: PacketRef,
    last: PacketRef,
}

/// How many data messages came in the current second, and in those before.
#[derive(Debug, Default)]
struct Pace {
    since: Timestamp,
    messages: u64,
    before: Option<Box<Sketch>>,
}

impl Timing {
    /// From the upgrade request to its answer, in nanoseconds.
    pub(super) fn handshake(&mut self, latency: Option<i64>) {
        self.handshake = latency;
    }

    /// A control frame was sent between the fragments of a data message.
    pub(super) fn interleaved(&mut self, sender: Side) {
        self.side(sender).rare().interleaved += 1;
    }

    /// The short way for a data message of so many bytes of which all came in this packet.
    #[inline(always)]
    pub(super) fn whole(&mut self, sender: Side, at: PacketRef, length: u64) {
        let side = self.side(sender);
        side.pace.count(at.time);
        side.lengths.push(length);
    }

    /// A data message is complete, or can't be any more.
    pub(super) fn message(&mut self, sender: Side, message: &Message) {
        self.side(sender).message(message);
    }

    /// A Ping of `pinger` with the Pong that answers it, and no other.
    pub(super) fn round_trip(&mut self, pinger: Side, ping: PacketRef, pong: PacketRef) {
        if let Some(took) = elapsed(ping, pong) {
            self.side(pinger).rare().round_trips.push(took);
        }
        if let Some(rare) = &mut self.side(pinger.peer()).rare {
            rare.answered(ping, pong);
        }
    }

    /// How often and how long each side, as the receiver, had no room.
    pub(super) fn stalled(&mut self, [client, server]: [Stalls; 2]) {
        for (side, stalls) in [(Side::Client, server), (Side::Server, client)] {
            if stalls != Stalls::default() {
                self.side(side).rare().stalls = stalls;
            }
        }
    }

    /// Bytes of memory that it takes beside itself.
    pub(super) fn memory(&self) -> usize {
        self.sides.iter().map(SideTiming::memory).sum()
    }

    /// What is known at the end.
    pub(super) fn statistics(&mut self) -> Statistics {
        let [client, server] = &mut self.sides;
        let sides = [client.statistics(), server.statistics()];
        Statistics { sides, ..Statistics::opened_after(self.handshake) }
    }

    const fn side(&mut self, side: Side) -> &mut SideTiming {
        let [client, server] = &mut self.sides;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }
}

impl SideTiming {
    fn message(&mut self, message: &Message) {
        self.pace.count(message.last.time);
        // Where it begins is not known, or a guess; or what is missing may be its end, and when that came nobody knows.
        let begins = !message.resynchronised && message.opcode != Opcode::CONTINUATION;
        if !begins || message.unfinished || message.missing_bytes > 0 {
            return;
        }
        if !message.compressed || !message.incomplete() && !message.undecoded {
            self.lengths.push(message.length);
        }
        if message.first.number != message.last.number {
            self.rare().transfer(Transfer { first: message.first, last: message.last });
        }
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    fn memory(&self) -> usize {
        let rare = self.rare.as_ref().map_or(0, |rare| rare.memory());
        let before = self.pace.before.as_ref().map_or(0, |before| size_of::<Sketch>() + before.memory());
        self.lengths.memory() + before + rare
    }

    /// `None` where there is nothing to tell.
    fn statistics(&mut self) -> Option<Box<SideStatistics>> {
        let (lengths, rates) = (self.lengths.distribution(), self.pace.distribution());
        let rare = self.rare.as_mut().map(|rare| rare.statistics());
        let tells = lengths.is_some()
            || rates.is_some()
            || rare.as_ref().is_some_and(|rare| *rare != SideStatistics::default());
        tells.then(|| Box::new(SideStatistics { lengths, rates, ..rare.unwrap_or_default() }))
    }
}

impl Rare {
    fn memory(&self) -> usize {
        let latest = self.latest.capacity() * size_of::<Transfer>();
        size_of::<Self>() + latest + self.transfers.memory() + self.round_trips.memory()
    }

    fn transfer(&mut self, transfer: Transfer) {
        if let Some(took) = elapsed(transfer.first, transfer.last) {
            self.transfers.push(took);
        }
        if self.latest.len() == LATEST {
            self.latest.pop_front();
        }
        if self.latest.capacity() == 0 {
            self.latest.reserve_exact(1);
        }
        self.latest.push_back(transfer);
    }

    /// The side answered this Ping, which may have come while a message of its own was on its way.
    fn answered(&mut self, ping: PacketRef, pong: PacketRef) {
        let stood_before = |transfer: &&Transfer| {
            transfer.first.number < ping.number
                && ping.number < transfer.last.number
                && transfer.last.number <= pong.number
        };
        let Some(transfer) = self.latest.iter().find(stood_before) else { return };
        if let Some(waited) = elapsed(ping, transfer.last) {
            self.delayed_pongs.count += 1;
            self.delayed_pongs.longest = self.delayed_pongs.longest.max(waited);
        }
    }

    fn statistics(&mut self) -> SideStatistics {
        SideStatistics {
            transfers: self.transfers.distribution(),
            interleaved: self.interleaved,
            delayed_pongs: self.delayed_pongs,
            round_trips: self.round_trips.distribution(),
            stalls: self.stalls,
            ..SideStatistics::default()
        }
    }
}

impl Pace {
    #[inline]
    fn count(&mut self, at: Timestamp) {
        // Captures swap packets by milliseconds: a step back is no new second.
        if at.nanos_since(self.since).saturating_abs() >= NANOS_PER_SECOND {
            self.end_second();
            self.since = at;
        }
        self.messages += 1;
    }

    #[inline(never)]
    fn end_second(&mut self) {
        if self.messages > 0 {
            self.before.get_or_insert_default().push(self.messages);
        }
        self.messages = 0;
    }

    fn distribution(&mut self) -> Option<Distribution> {
        // Most connections that are short have their messages in one second.
        if self.before.is_none() && self.messages > 0 {
            return Distribution::of(&mut [self.messages]);
        }
        self.end_second();
        self.before.as_mut()?.distribution()
    }
}

/// Nanoseconds between two packets; `None` where time ran backwards.
fn elapsed(from: PacketRef, to: PacketRef) -> Option<u64> {
    u64::try_from(to.time.nanos_since(from.time)).ok()
}

/// An answer that has to wait comes right behind the message, or behind the next one.
const LATEST: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet a millisecond.
    fn at(number: u64) -> PacketRef {
        let time = Timestamp::from_nanos(i64::try_from(number).unwrap() * MILLI);
        PacketRef { number, time, file: 0 }
    }

    fn message(first: u64, last: u64) -> Message {
        Message { opcode: Opcode::BINARY, first: at(first), last: at(last), length: 10, ..Message::default() }
    }

    fn client(tell: impl FnOnce(&mut Timing)) -> SideStatistics {
        let mut timing = Timing::default();
        tell(&mut timing);
        let [client, _] = timing.statistics().sides;
        client.map(|side| *side).unwrap_or_default()
    }

    const MILLI: i64 = 1_000_000;

    #[test]
    fn a_second_begins_with_a_message() {
        let rates = |numbers: &[u64]| {
            let told = client(|timing| {
                numbers.iter().for_each(|number| timing.message(Side::Client, &message(*number, *number)));
            });
            told.rates.map(|rates| (rates.count, rates.min, rates.max))
        };
        assert_eq!(rates(&[900, 1000, 1899, 1900]), Some((2, 1, 3)));
        assert_eq!(rates(&[900, 899, 5000, 4999, 5100]), Some((2, 2, 3)), "swapped packets begin no second");
        assert_eq!(rates(&[]), None);
    }

    #[test]
    fn rates_are_told_exactly_while_they_are_few() {
        let told = client(|timing| {
            for (second, messages) in (1..).zip([66, 64, 200]) {
                (0..messages)
                    .for_each(|_| timing.message(Side::Client, &message(second * 1000, second * 1000)));
            }
        });
        assert_eq!(told.rates.map(|rates| (rates.count, rates.p50, rates.p99)), Some((3, 66, 200)));
    }

    #[test]
    fn what_is_missing_or_guessed_is_not_measured() {
        for spoilt in [
            Message { unfinished: true, ..message(1, 3) },
            Message { missing_bytes: 1, ..message(1, 3) },
            Message { resynchronised: true, ..message(1, 3) },
            Message { opcode: Opcode::CONTINUATION, ..message(1, 3) },
        ] {
            let told = client(|timing| timing.message(Side::Client, &spoilt));
            assert_eq!(
                (told.lengths, told.transfers, told.rates.map(|rates| rates.max)),
                (None, None, Some(1))
            );
        }
        let undecoded = Message { compressed: true, undecoded: true, ..message(1, 3) };
        let told = client(|timing| timing.message(Side::Client, &undecoded));
        assert_eq!((told.lengths, told.transfers.map(|took| took.max)), (None, Some(2_000_000)));
    }

    #[test]
    fn a_pong_waits_behind_the_message_in_whose_time_its_ping_came() {
        let delays = |ping: u64, pong: u64| {
            let told = client(|timing| {
                timing.message(Side::Client, &message(10, 20));
                timing.message(Side::Client, &message(30, 50));
                timing.round_trip(Side::Server, at(ping), at(pong));
            });
            (told.delayed_pongs.count, told.delayed_pongs.longest)
        };
        assert_eq!(delays(15, 20), (1, 5_000_000));
        assert_eq!(delays(12, 60), (1, 8_000_000), "at least to the end of that message");
        assert_eq!(delays(25, 29), (0, 0), "between the two");
        assert_eq!(delays(35, 40), (0, 0), "answered in the middle");
        assert_eq!(delays(10, 60), (0, 0), "in the packet that begins it, nobody knows in which order");
    }

    #[test]
    fn time_that_runs_backwards_gives_no_figure() {
        let told = client(|timing| {
            timing.round_trip(Side::Client, at(9), at(8));
            timing.handshake(Some(-1));
        });
        assert_eq!(told, SideStatistics::default());
        assert_eq!(Statistics::opened_after(Some(-1)).handshake, None);
    }
}
