//! Packets → those of WebSocket connections, held back until it is known of their connection.

use std::collections::{HashMap, VecDeque};

use crate::capture::Keep;
use crate::packet::{LinkType, Packet, PacketRef, Timestamp};

/// One life of a flow, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LifeId(pub(super) u64);

/// What is known of a life by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// A WebSocket connection, opened or refused, was reported of it.
    Kept,
    /// Its packets so far can be those of an opening handshake.
    Unknown,
    /// They are not.
    None,
}

/// Passes on packets in their order. Bounded: what waits too long, or for too many others, is given up, and its connection, if it
/// becomes one, is kept from where it is known.
pub(super) struct Hold<'a> {
    keep: &'a mut dyn Keep,
    waiting: VecDeque<Held>,
    bytes: usize,
    /// Of each life with packets that wait.
    lives: HashMap<LifeId, Waiting>,
    bound: usize,
    given_up: u64,
}

/// A packet that waits for its own life to be known, or for one before it.
struct Held {
    life: LifeId,
    at: PacketRef,
    link: LinkType,
    original_len: usize,
    data: Box<[u8]>,
}

struct Waiting {
    worth: Worth,
    packets: usize,
}

impl<'a> Hold<'a> {
    pub(super) fn new(keep: &'a mut dyn Keep, bound: usize) -> Self {
        Self { keep, waiting: VecDeque::new(), bytes: 0, lives: HashMap::new(), bound, given_up: 0 }
    }

    /// Takes a packet, with what is known of its life.
    pub(super) fn packet(&mut self, packet: &Packet<'_>, life: LifeId, worth: Worth) {
        self.settle(life, worth);
        match worth {
            Worth::None => {}
            Worth::Kept if self.waiting.is_empty() => self.keep.keep(packet),
            Worth::Kept | Worth::Unknown => self.hold(packet, life, worth),
        }
        self.release(packet.at.time);
    }

    /// Packets that were given up, before anything was known of their lives, because too many waited.
    pub(super) const fn given_up(&self) -> u64 {
        self.given_up
    }

    /// What is known of a life now.
    pub(super) fn settle(&mut self, life: LifeId, worth: Worth) {
        if let Some(waiting) = self.lives.get_mut(&life) {
            waiting.worth = worth;
        }
    }

    /// Passes on what need not wait any longer.
    pub(super) fn release(&mut self, now: Timestamp) {
        while let Some(first) = self.waiting.front() {
            let worth = self.lives.get(&first.life).map_or(Worth::None, |waiting| waiting.worth);
            let too_long = self.bytes > self.bound || now.nanos_since(first.at.time) > LONGEST;
            if worth == Worth::Unknown && !too_long {
                return;
            }
            self.given_up += u64::from(worth == Worth::Unknown && self.bytes > self.bound);
            self.pass_first(worth);
        }
    }

    /// Nothing comes for now.
    pub(super) fn pause(&mut self, now: Timestamp) {
        self.release(now);
        self.keep.pause();
    }

    fn hold(&mut self, packet: &Packet<'_>, life: LifeId, worth: Worth) {
        let Packet { at, link, original_len, data } = *packet;
        self.bytes += cost(data);
        self.waiting.push_back(Held { life, at, link, original_len, data: data.into() });
        self.lives.entry(life).or_insert(Waiting { worth, packets: 0 }).packets += 1;
    }

    fn pass_first(&mut self, worth: Worth) {
        let Some(Held { life, at, link, original_len, data }) = self.waiting.pop_front() else { return };
        self.bytes = self.bytes.saturating_sub(cost(&data));
        if let Some(waiting) = self.lives.get_mut(&life) {
            waiting.packets -= 1;
            if waiting.packets == 0 {
                self.lives.remove(&life);
            }
        }
        if worth == Worth::Kept {
            self.keep.keep(&Packet { at, link, original_len, data: &data });
        }
    }
}

/// Memory of a packet that waits.
fn cost(data: &[u8]) -> usize {
    data.len() + size_of::<Held>()
}

/// Handshakes that take longer are given up by clients, in nanoseconds.
const LONGEST: i64 = 30 * crate::packet::NANOS_PER_SECOND;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept(Vec<u64>);

    impl Keep for Kept {
        fn keep(&mut self, packet: &Packet<'_>) {
            self.0.push(packet.at.number);
        }
    }

    fn play(bound: usize, packets: &[(u64, Worth)]) -> Vec<u64> {
        play_and_count(bound, packets).0
    }

    /// What is kept, and how many packets were given up.
    fn play_and_count(bound: usize, packets: &[(u64, Worth)]) -> (Vec<u64>, u64) {
        let mut kept = Kept::default();
        let mut hold = Hold::new(&mut kept, bound);
        for ((life, worth), number) in packets.iter().zip(1..) {
            let time =
                Timestamp::from_nanos(i64::try_from(number).unwrap() * crate::packet::NANOS_PER_SECOND);
            let at = PacketRef { number, time, file: 0 };
            let packet = Packet { at, link: LinkType::ETHERNET, original_len: 100, data: &[0; 100] };
            hold.packet(&packet, LifeId(*life), *worth);
        }
        let given_up = hold.given_up();
        (kept.0, given_up)
    }

    use Worth::{Kept as K, None as N, Unknown as U};

    #[test]
    fn a_handshake_is_kept_with_what_came_before_it() {
        assert_eq!(play(1 << 20, &[(1, U), (1, U), (1, K), (1, K)]), [1, 2, 3, 4]);
    }

    #[test]
    fn packets_stay_in_order_while_one_is_not_known() {
        assert_eq!(play(1 << 20, &[(1, K), (2, U), (1, K), (1, K), (2, K)]), [1, 2, 3, 4, 5]);
        assert_eq!(play(1 << 20, &[(1, K), (2, U), (1, K), (1, K), (2, N)]), [1, 3, 4]);
        assert_eq!(play(1 << 20, &[(1, K), (2, U), (1, K), (1, K)]), [1], "still waiting");
    }

    #[test]
    fn what_waits_too_long_is_given_up() {
        let mut packets = vec![(1, U)];
        packets.extend([(2, K); 40]);
        packets.push((1, K));
        let kept = play(1 << 20, &packets);
        assert_eq!((kept.first(), kept.last(), kept.len()), (Some(&2), Some(&42), 41));
    }

    #[test]
    fn a_flood_of_what_is_not_known_is_bounded() {
        let packets: Vec<_> = (0..20).map(|life| (life, U)).chain((10..20).map(|life| (life, K))).collect();
        let bound = 10 * cost(&[0; 100]);
        let (kept, given_up) = play_and_count(bound, &packets);
        assert_eq!((kept, given_up), ((11..=30).collect::<Vec<_>>(), 10));
    }
}
