use wspect::decode::{Segment, TcpFlags};
use wspect::limits::Limits;
use wspect::packet::{Endpoint, PacketRef, Timestamp};
use wspect::tcp::{Delivery, Direction, FlowKey, Tracker};

use super::feed::Feed;

/// Segments of any kind, all cut out of one endless stream, come out as that stream: in order, each byte once, holes
/// where bytes are missing.
pub fn tcp(bytes: &[u8]) {
    let mut feed = Feed(bytes);
    let limits = Limits {
        early_bytes: 1 << feed.byte().min(20),
        reorder_packets: u32::from(feed.byte()),
        ..Limits::default()
    };
    let mut tracker = Tracker::new(&limits);
    let mut heard = Heard::default();
    let isns = [feed.word(), feed.word()];
    let mut number = 0;
    while !feed.is_empty() {
        number += 1;
        let at = PacketRef { number, time: Timestamp::from_nanos(number.cast_signed()), file: 0 };
        let (choice, flags) = (feed.byte(), feed.byte());
        let direction = if choice & 1 == 0 { Direction::Forward } else { Direction::Backward };
        let (own, peer) = (isns[direction.index()], isns[direction.reverse().index()]);
        // Most numbers are near the others.
        let seq = own.wrapping_add(if choice & 2 == 0 { u32::from(feed.half()) } else { feed.word() });
        let ack = peer.wrapping_add(if choice & 4 == 0 { u32::from(feed.half()) } else { feed.word() });
        let length = if choice & 8 == 0 { u32::from(feed.byte()) } else { u32::from(feed.half()) };
        let cut = if choice & 16 == 0 { 0 } else { u32::from(feed.half()) };
        let first = seq.wrapping_add(u32::from(flags & TcpFlags::SYN.0 != 0));
        let payload: Vec<u8> = (0..length).map(|n| stream(u64::from(first.wrapping_add(n)))).collect();
        let window = if choice & 32 == 0 { 1000 } else { 0 };
        let (flow, flags) = (flow(), TcpFlags(flags));
        let segment = Segment { at, flow, direction, seq, ack, flags, window, payload: &payload, cut };
        if tracker.begins_anew(&segment) {
            tracker.flush(at, &mut |direction, delivery| heard.hear(direction, &delivery));
            (tracker, heard) = (Tracker::new(&limits), Heard::default());
        }
        if tracker.is_next(&segment) {
            if let Some(chunk) = tracker.advance(&segment) {
                heard.hear(direction, &Delivery::Chunk(chunk));
            }
        } else {
            tracker.push(&segment, &mut |direction, delivery| heard.hear(direction, &delivery));
        }
    }
    let at = PacketRef { number, ..PacketRef::default() };
    tracker.flush(at, &mut |direction, delivery| heard.hear(direction, &delivery));
}

/// The byte at a sequence number; at an offset, but for where the numbers began.
fn stream(seq: u64) -> u8 {
    seq.to_le_bytes()[0]
}

/// What was delivered of both directions.
#[derive(Default)]
struct Heard([Place; 2]);

#[derive(Default)]
struct Place {
    next: Option<u64>,
    /// By how much sequence numbers and offsets differ.
    shift: Option<u8>,
}

impl Heard {
    fn hear(&mut self, direction: Direction, delivery: &Delivery<'_>) {
        let (offset, length, bytes): (u64, u64, &[u8]) = match delivery {
            Delivery::Chunk(chunk) => (chunk.offset, chunk.bytes.len() as u64, chunk.bytes),
            Delivery::Gap(gap) => (gap.offset, gap.length, &[]),
            Delivery::Conflict(conflict) => panic!("one stream contradicts itself: {conflict:?}"),
        };
        let place = &mut self.0[direction.index()];
        assert!(length > 0 && place.next.is_none_or(|next| next == offset), "{delivery:?}");
        place.next = Some(offset + length);
        for (offset, byte) in (offset..).zip(bytes) {
            let shift = byte.wrapping_sub(stream(offset));
            assert_eq!(shift, *place.shift.get_or_insert(shift), "{delivery:?}");
        }
    }
}

fn flow() -> FlowKey {
    let low = Endpoint { address: [192, 0, 2, 1].into(), port: 50_000 };
    let high = Endpoint { address: [192, 0, 2, 2].into(), port: 80 };
    FlowKey::of(low, high).0
}
