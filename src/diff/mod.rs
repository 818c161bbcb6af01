//! Two recordings of the same conversation → how they differ, connection by connection and message by message.
//!
//! ```
//! use wspect::diff::{Comparison, Recording, Verdict, diff};
//!
//! let capture = wspect::read("testdata/13_connect_proxy.pcap")?;
//! // One capture with both legs of a proxied connection: what is compared are its legs.
//! let [a, b] = Recording::from(capture).legs().ok_or("no handshake was seen twice")?;
//! let found = diff(&a, &b, &Comparison::default());
//! assert_eq!(found.verdict(), Verdict::Same);
//! assert!(found.connections[0].messages.iter().all(|entry| entry.a.is_some() && entry.b.is_some()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attributes;
mod content;
mod messages;
mod pairing;
mod recording;
mod timing;

use std::borrow::Cow;

pub use pairing::PairedBy;
pub use recording::{Digest, Recorder, Recording};
pub use timing::{Basis, Clock, Shift, Spread, Summary, Timing};

use crate::packet::Side;
use recording::Conversation;

/// How two recordings are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What counts as a difference.
    pub counting: Counting,
    /// Whose times they hold.
    pub clocks: Clocks,
}

/// What counts as a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counting {
    /// What was said: [`Weight::Substance`].
    #[default]
    Substance,
    /// How it was carried too: [`Weight::Carriage`].
    Everything,
}

/// Whose times two recordings hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clocks {
    /// Each has its own: how far they are apart is estimated.
    #[default]
    Two,
    /// One clock for both.
    One,
}

/// All that was compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// In the order of A, those only in B last.
    pub connections: Vec<ConnectionPair>,
    /// How the timing moved, over all pairs.
    pub timing: Summary,
    /// What counted.
    pub counting: Counting,
    /// One capture file is damaged where the other is not: what it was meant to hold may differ.
    pub unread: bool,
}

/// A connection of A and the one of B that stands for it, or one of them alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionPair {
    /// Its place in the document of A.
    pub a: Option<usize>,
    /// Its place in the document of B.
    pub b: Option<usize>,
    /// Why these two; `None` where there is only one.
    pub by: Option<PairedBy>,
    /// What differs but for messages.
    pub changes: Vec<Change>,
    /// Both directions, in the order of A; those only in B behind what they follow in their direction.
    pub messages: Vec<Entry>,
    /// Too much differed to align all messages: some were compared place by place.
    pub by_place: bool,
    /// How far the clocks are apart, where that can be told.
    pub clock: Option<Clock>,
    /// The latency of the handshake in A and in B.
    pub handshake: [Option<i64>; 2],
}

/// A message of A and the one of B that stands for it, or one of them alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Who sent it.
    pub sender: Side,
    /// Its place among the connection's messages in A.
    pub a: Option<usize>,
    /// Its place among the connection's messages in B.
    pub b: Option<usize>,
    /// What differs; nothing where both are the same, as far as both captures show them.
    pub changes: Vec<Change>,
    /// How its timing moved, where it is in both.
    pub shift: Shift,
}

/// One thing that is not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What of it: `content`, `close code`, `request header Via`.
    pub what: Cow<'static, str>,
    /// In A; `None` where it is not there.
    pub a: Option<String>,
    /// In B; `None` where it is not there.
    pub b: Option<String>,
    /// What it counts for.
    pub weight: Weight,
}

/// What a change counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// How it was carried: a proxy, another library or another network may change it, and both applications had the same.
    Carriage,
    /// The captures can't tell whether it is a difference.
    Unknown,
    /// What the applications had is not the same.
    Substance,
}

impl Weight {
    /// As the output writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Carriage => "carriage",
            Self::Unknown => "unknown",
            Self::Substance => "substance",
        }
    }
}

/// What became of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing that counts differs.
    Same,
    /// No difference is known, but bytes are missing that may hold one.
    Unknown,
    /// Something that counts differs.
    Differs,
}

impl Verdict {
    /// As the output writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Unknown => "unknown",
            Self::Differs => "differs",
        }
    }
}

impl Counting {
    /// What changes of these weights make of the whole.
    pub fn verdict(self, changes: impl IntoIterator<Item = Weight>) -> Verdict {
        let each = changes.into_iter().map(|weight| match (weight, self) {
            (Weight::Substance, _) | (Weight::Carriage, Self::Everything) => Verdict::Differs,
            (Weight::Unknown, _) => Verdict::Unknown,
            (Weight::Carriage, Self::Substance) => Verdict::Same,
        });
        each.max().unwrap_or(Verdict::Same)
    }
}

impl Diff {
    /// Of all. Where there is no connection, nothing is known to be the same.
    pub fn verdict(&self) -> Verdict {
        let each = self.connections.iter().map(|pair| pair.verdict(self.counting));
        let least = if self.unread { Verdict::Unknown } else { Verdict::Same };
        each.max().unwrap_or(Verdict::Unknown).max(least)
    }
}

impl ConnectionPair {
    /// Of the connection and its messages.
    pub fn verdict(&self, counting: Counting) -> Verdict {
        let of_messages = self.messages.iter().flat_map(|entry| &entry.changes);
        counting.verdict(self.changes.iter().chain(of_messages).map(|change| change.weight))
    }
}

impl Entry {
    /// Of this message.
    pub fn verdict(&self, counting: Counting) -> Verdict {
        counting.verdict(self.changes.iter().map(|change| change.weight))
    }
}

impl Change {
    fn new(what: impl Into<Cow<'static, str>>, weight: Weight, [a, b]: [Option<String>; 2]) -> Self {
        Self { what: what.into(), a, b, weight }
    }

    /// Where `a` and `b` are not the same.
    fn between<T: PartialEq>(
        what: &'static str,
        weight: Weight,
        [a, b]: [Option<T>; 2],
        word: impl Fn(T) -> String,
    ) -> Option<Self> {
        (a != b).then(|| Self::new(what, weight, [a, b].map(|side| side.map(&word))))
    }
}

/// Compares two recordings.
pub fn diff(a: &Recording, b: &Recording, comparison: &Comparison) -> Diff {
    let [left, right] = [a, b].map(Recording::conversations);
    let connections: Vec<ConnectionPair> = pairing::pairs(&left, &right)
        .into_iter()
        .map(|pair| match (pair.by, pair.a.and_then(|n| left.get(n)), pair.b.and_then(|n| right.get(n))) {
            (Some(by), Some(a), Some(b)) => {
                let mut compared = both([*a, *b], by, comparison.clocks);
                (compared.a, compared.b) = (pair.a, pair.b);
                compared
            }
            _ => alone(pair.a, pair.b),
        })
        .collect();
    // The same damage at the same place hides the same from both.
    let unread = !a.damage().eq(b.damage());
    Diff { timing: Summary::of(&connections), connections, counting: comparison.counting, unread }
}

fn both(pair: [Conversation<'_>; 2], by: PairedBy, clocks: Clocks) -> ConnectionPair {
    let mut aligned = messages::align(pair);
    let clock = timing::measure(pair, &mut aligned.entries, by, clocks);
    ConnectionPair {
        a: None,
        b: None,
        by: Some(by),
        changes: attributes::changes(pair),
        messages: aligned.entries,
        by_place: aligned.by_place,
        clock,
        handshake: pair.map(|each| each.connection.opening.handshake.latency_ns()),
    }
}

fn alone(a: Option<usize>, b: Option<usize>) -> ConnectionPair {
    let there = |side: Option<usize>| side.map(|_| "there".to_owned());
    let changes = vec![Change::new("connection", Weight::Substance, [there(a), there(b)])];
    let (messages, by_place, clock, handshake) = (Vec::new(), false, None, [None; 2]);
    ConnectionPair { a, b, by: None, changes, messages, by_place, clock, handshake }
}
