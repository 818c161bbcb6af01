//! Connections of two recordings → which stands for which.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use sha1::{Digest as _, Sha1};

use super::recording::{Conversation, Digest};
use crate::align::{self, matched};
use crate::packet::Side;

/// Why a connection of A and one of B are compared, the best reason first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairedBy {
    /// They have the same `Sec-WebSocket-Key`, and no other has: one handshake, seen at two places.
    Key,
    /// They say the same.
    Messages,
    /// They have more messages in common than with others.
    Likeness,
    /// They asked for the same target, and opened in the same order among those that did.
    Target,
    /// There is no other connection in A and B.
    Only,
}

impl PairedBy {
    /// As the output writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Messages => "messages",
            Self::Likeness => "likeness",
            Self::Target => "target",
            Self::Only => "only",
        }
    }
}

/// Places in two lists of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) a: Option<usize>,
    pub(super) b: Option<usize>,
    pub(super) by: Option<PairedBy>,
}

type Numbered<'a> = align::Numbered<'a, Conversation<'a>>;

/// All pairs in the order of A; then what is only in B.
pub(super) fn pairs<'a>(a: &'a [Conversation<'a>], b: &'a [Conversation<'a>]) -> Vec<Places> {
    let keys = [a, b].map(unique_keys);
    let key = |each: Conversation<'a>| {
        each.connection.opening.handshake.key().filter(|key| keys.iter().all(|keys| keys.contains(key)))
    };
    let mut pairing =
        Pairing { left: (0..).zip(a).collect(), right: (0..).zip(b).collect(), found: Vec::new() };
    pairing.by(PairedBy::Key, key);
    pairing.by(PairedBy::Messages, |each| Some((each.target(), fingerprint(each)?)));
    pairing.by(PairedBy::Messages, fingerprint);
    pairing.add(PairedBy::Likeness, &alike(&pairing.left, &pairing.right));
    pairing.by(PairedBy::Target, target);
    pairing.by(PairedBy::Target, |each| target(each).map(path));
    if (a.len(), b.len()) == (1, 1) {
        pairing.by(PairedBy::Only, |_| Some(()));
    }
    pairing.finish()
}

/// Pairs so far, and what stands for nothing yet.
struct Pairing<'a> {
    left: Vec<Numbered<'a>>,
    right: Vec<Numbered<'a>>,
    found: Vec<Places>,
}

impl<'a> Pairing<'a> {
    /// Those that have the same key.
    fn by<K: Ord>(&mut self, by: PairedBy, key: impl Fn(Conversation<'a>) -> Option<K>) {
        let pairs = matched(&mut self.left, &mut self.right, |(_, each)| key(*each));
        self.found.extend(pairs.iter().map(|((a, _), (b, _))| Places {
            a: Some(*a),
            b: Some(*b),
            by: Some(by),
        }));
    }

    fn add(&mut self, by: PairedBy, pairs: &[(usize, usize)]) {
        let (of_a, of_b): (BTreeSet<usize>, BTreeSet<usize>) = pairs.iter().copied().unzip();
        self.left.retain(|(place, _)| !of_a.contains(place));
        self.right.retain(|(place, _)| !of_b.contains(place));
        self.found.extend(pairs.iter().map(|(a, b)| Places { a: Some(*a), b: Some(*b), by: Some(by) }));
    }

    fn finish(mut self) -> Vec<Places> {
        self.found.extend(self.left.iter().map(|(a, _)| Places { a: Some(*a), b: None, by: None }));
        self.found.sort_by_key(|pair| pair.a);
        self.found.extend(self.right.iter().map(|(b, _)| Places { a: None, b: Some(*b), by: None }));
        self.found
    }
}

/// A key that comes again belongs to a client that does not make a new one for each connection, and tells nothing.
fn unique_keys<'a>(all: &[Conversation<'a>]) -> BTreeSet<&'a str> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for key in all.iter().filter_map(|each| each.connection.opening.handshake.key()) {
        *times.entry(key).or_default() += 1;
    }
    times.into_iter().filter(|(_, times)| *times == 1).map(|(key, _)| key).collect()
}

fn target(conversation: Conversation<'_>) -> Option<&str> {
    Some(conversation.target()).filter(|target| !target.is_empty())
}

fn path(target: &str) -> &str {
    target.split('?').next().unwrap_or(target)
}

/// All that both sides said, each in its order; `None` where nothing was said.
fn fingerprint(conversation: Conversation<'_>) -> Option<Digest> {
    let mut all = Sha1::new();
    for side in [Side::Client, Side::Server] {
        for said in conversation.said_by(side) {
            all.update([said.message.opcode.0]);
            all.update(said.message.length.to_be_bytes());
            all.update(said.digest);
        }
        all.update([u8::MAX]);
    }
    (!conversation.connection.messages.is_empty()).then(|| all.finalize().into())
}

/// Those that have most messages in common, the best pair first.
fn alike(left: &[Numbered<'_>], right: &[Numbered<'_>]) -> Vec<(usize, usize)> {
    let (of_a, of_b) = (targets(left), targets(right));
    let mut candidates: Vec<_> = in_common(left, right).into_iter().collect();
    candidates.sort_by_key(|((a, b), number)| (Reverse(*number), of_a.get(a) != of_b.get(b), *a, *b));
    let (mut taken_a, mut taken_b) = (BTreeSet::new(), BTreeSet::new());
    candidates.retain(|((a, b), _)| {
        let free = !taken_a.contains(a) && !taken_b.contains(b);
        if free {
            taken_a.insert(*a);
            taken_b.insert(*b);
        }
        free
    });
    candidates.into_iter().map(|(pair, _)| pair).collect()
}

fn targets<'a>(all: &[Numbered<'a>]) -> BTreeMap<usize, &'a str> {
    all.iter().map(|(place, each)| (*place, each.target())).collect()
}

/// How many different data messages two connections share, of those that few connections have.
fn in_common(left: &[Numbered<'_>], right: &[Numbered<'_>]) -> BTreeMap<(usize, usize), usize> {
    let mut having: BTreeMap<(Side, &Digest), [BTreeSet<usize>; 2]> = BTreeMap::new();
    for (which, all) in [left, right].into_iter().enumerate() {
        for (place, conversation) in all {
            for said in conversation.messages().filter(|said| !said.message.opcode.is_control()) {
                if let Some(places) = having.entry((said.sender, said.digest)).or_default().get_mut(which) {
                    places.insert(*place);
                }
            }
        }
    }
    let mut common = BTreeMap::new();
    for [here, there] in having.into_values().filter(|both| both.iter().all(|some| some.len() <= FEW)) {
        for pair in here.iter().flat_map(|a| there.iter().map(move |b| (*a, *b))) {
            *common.entry(pair).or_insert(0) += 1;
        }
    }
    common
}

/// What more connections say tells nothing of which is which, and would make the work quadratic.
const FEW: usize = 8;
