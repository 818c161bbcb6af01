//! The messages of two connections → which stands for which, and what of them differs.

use std::collections::BTreeMap;
use std::ops::Range;

use super::content::{self, kind};
use super::recording::{Conversation, Said};
use super::timing::Shift;
use super::{Change, Entry, Weight};
use crate::align::common;
use crate::event::CloseHow;
use crate::http::Outcome;
use crate::packet::Side;

/// Both directions, compared.
#[derive(Debug, Default)]
pub(super) struct Aligned {
    pub(super) entries: Vec<Entry>,
    pub(super) by_place: bool,
}

/// Compares all messages. The order counts within a direction; between the directions it depends on time and on where the capture
/// was made.
pub(super) fn align(pair: [Conversation<'_>; 2]) -> Aligned {
    let mut aligned = Aligned::default();
    for sender in [Side::Client, Side::Server] {
        let [a, b] = pair.map(|each| each.said_by(sender));
        let mut direction = Direction { a: &a, b: &b, pairs: Vec::new(), by_place: false };
        direction.align(0..a.len(), 0..b.len(), &LEVELS);
        aligned.by_place |= direction.by_place;
        aligned.entries.extend(entries(pair, &direction, sender));
    }
    in_order(&mut aligned.entries);
    aligned
}

/// By what messages are taken for each other: first those that are equal, then between them those that are nearly so.
const LEVELS: [Level; 4] = [Level::Equal, Level::SamePayload, Level::Outline, Level::Type];

#[derive(Clone, Copy)]
enum Level {
    Equal,
    /// Of another type.
    SamePayload,
    /// But for numbers, and an end that is new in each run.
    Outline,
    Type,
}

/// What one side said in both recordings.
struct Direction<'a> {
    a: &'a [Said<'a>],
    b: &'a [Said<'a>],
    /// Places in `a` and `b`, in order.
    pairs: Vec<(usize, usize)>,
    by_place: bool,
}

impl Direction<'_> {
    fn align(&mut self, a: Range<usize>, b: Range<usize>, levels: &[Level]) {
        let Some((level, finer)) = levels.split_first().filter(|_| !a.is_empty() && !b.is_empty()) else {
            return;
        };
        let (left, right) =
            (self.a.get(a.clone()).unwrap_or_default(), self.b.get(b.clone()).unwrap_or_default());
        let found = match level {
            Level::Equal => by(left, right, Said::essence),
            Level::SamePayload => by(left, right, |said| said.essence().payload),
            Level::Outline => by(left, right, Said::outline),
            Level::Type => by(left, right, |said| said.message.opcode.0),
        };
        self.by_place |= found.by_place;
        let mut done = (a.start, b.start);
        for (i, j) in found.pairs {
            let (i, j) = (a.start + i, b.start + j);
            self.align(done.0..i, done.1..j, finer);
            self.pairs.push((i, j));
            done = (i + 1, j + 1);
        }
        self.align(done.0..a.end, done.1..b.end, finer);
    }
}

fn by<'a, K: Ord>(
    left: &[Said<'a>],
    right: &[Said<'a>],
    key: impl Fn(&Said<'a>) -> K,
) -> crate::align::Common {
    let [left, right] = [left, right].map(|all| all.iter().map(&key).collect::<Vec<K>>());
    common(&left, &right)
}

/// The pairs of a direction, and between them what stands alone.
fn entries(both: [Conversation<'_>; 2], direction: &Direction<'_>, sender: Side) -> Vec<Entry> {
    let mut entries = Vec::new();
    let (mut i, mut j) = (0, 0);
    for next in direction.pairs.iter().map(|pair| Some(*pair)).chain([None]) {
        let (next_i, next_j) = next.unwrap_or((direction.a.len(), direction.b.len()));
        let stretch = Stretch { first: (i, j) == (0, 0), last: next.is_none(), sender };
        let [in_a, in_b] = both.map(|each| stretch.doubt(each));
        let alone = direction.a.get(i..next_i).into_iter().flatten();
        entries.extend(alone.map(|said| only([Some(said), None], in_b.clone())));
        let alone = direction.b.get(j..next_j).into_iter().flatten();
        entries.extend(alone.map(|said| only([None, Some(said)], in_a.clone())));
        if let (Some(a), Some(b)) = (direction.a.get(next_i), direction.b.get(next_j)) {
            entries.push(entry(sender, [Some(a), Some(b)], content::changes([*a, *b])));
        }
        (i, j) = (next_i + 1, next_j + 1);
    }
    entries
}

fn entry(sender: Side, [a, b]: [Option<&Said<'_>>; 2], changes: Vec<Change>) -> Entry {
    let place = |said: Option<&Said<'_>>| said.map(|said| said.place);
    Entry { sender, a: place(a), b: place(b), changes, shift: Shift::default() }
}

/// A message that is not in the other recording, or of which that can't tell.
fn only(sides: [Option<&Said<'_>>; 2], doubt: Option<String>) -> Entry {
    let sender = sides.iter().flatten().next().map_or(Side::Client, |said| said.sender);
    let weight = if doubt.is_some() { Weight::Unknown } else { Weight::Substance };
    let words = sides.map(|said| said.map_or(doubt.clone(), |said| Some(kind(said.message.opcode))));
    entry(sender, sides, vec![Change::new("message", weight, words)])
}

/// Messages of one direction between two pairs.
struct Stretch {
    /// No pair stands before it.
    first: bool,
    /// No pair stands behind it.
    last: bool,
    sender: Side,
}

impl Stretch {
    /// Why a recording may lack a message here that was sent all the same.
    fn doubt(&self, recording: Conversation<'_>) -> Option<String> {
        let connection = recording.connection;
        let [client, server] = &connection.closing.traffic;
        let traffic = if self.sender == Side::Client { client } else { server };
        let how = connection.closing.close.as_ref().map(|close| close.how);
        if traffic.missing_bytes > 0 {
            return Some(format!("{} bytes of this direction are missing", traffic.missing_bytes));
        }
        if self.first && connection.opening.handshake.outcome == Outcome::NotCaptured {
            return Some("the capture begins later".to_owned());
        }
        (self.last && how == Some(CloseHow::CaptureEnded)).then(|| "the capture ends before".to_owned())
    }
}

/// The timeline of A, with what is only in B behind what came before it there, as far as the order of each direction lets it.
fn in_order(entries: &mut Vec<Entry>) {
    let mates: BTreeMap<usize, usize> = entries.iter().filter_map(|entry| entry.b.zip(entry.a)).collect();
    let mut next: [Option<usize>; 2] = [None; 2];
    let mut placed: Vec<_> = Vec::with_capacity(entries.len());
    // From the end: what follows in the same direction is known then.
    for entry in entries.drain(..).rev() {
        let [client, server] = &mut next;
        let next = if entry.sender == Side::Client { client } else { server };
        let place = match (entry.a, entry.b) {
            (None, Some(b)) => {
                let before = mates.range(..b).next_back().map(|(_, a)| *a);
                let latest = next.map(|next| next.checked_sub(1));
                (latest.map_or(before, |latest| before.min(latest)), entry.b)
            }
            _ => (entry.a, None),
        };
        *next = entry.a.or(*next);
        placed.push((place, entry));
    }
    placed.sort_by_key(|(place, _)| *place);
    entries.extend(placed.into_iter().map(|(_, entry)| entry));
}
