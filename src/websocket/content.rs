//! Pieces of a message's payload → as much as is kept, and the verdict on its text.

use super::mask::{Repertoire, unmask, unmask_and_look};
use super::message::KeptBy;
use super::utf8::Utf8Check;
use super::{Message, TextState};
use crate::room;

/// The payload of a message that is not at its end.
#[derive(Debug)]
pub(super) struct Content {
    payload: Vec<u8>,
    /// Bytes so far, kept or not.
    length: u64,
    /// More came than is kept.
    overflows: bool,
    /// Something else than the bound on what is kept cut it.
    truncated: bool,
    /// The verdict so far, while all of a text can be judged.
    check: Option<Utf8Check>,
    text: TextState,
    /// Bytes to keep.
    keep: usize,
}

impl Content {
    /// Text that is to be judged; `room` is empty.
    #[inline]
    pub(super) fn text(room: Vec<u8>, keep: usize) -> Self {
        Self { check: Some(Utf8Check::default()), ..Self::bytes(room, keep) }
    }

    /// Bytes of any kind.
    #[inline]
    pub(super) fn bytes(room: Vec<u8>, keep: usize) -> Self {
        Self {
            payload: room,
            length: 0,
            overflows: false,
            truncated: false,
            check: None,
            text: TextState::default(),
            keep,
        }
    }

    /// The same bytes, not as text.
    pub(super) fn as_bytes(&self) -> Self {
        let Self { length, overflows, truncated, .. } = *self;
        Self { length, overflows, truncated, ..Self::bytes(self.payload.clone(), self.keep) }
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// Bytes of memory.
    pub(super) const fn memory(&self) -> usize {
        self.payload.capacity()
    }

    /// Takes payload as it stood on the wire, from `offset` of its frame.
    #[inline]
    pub(super) fn push_masked(&mut self, wire: &[u8], key: Option<[u8; 4]>, offset: u64) {
        self.count(wire.len() as u64);
        let (kept, rest) = self.split(wire);
        self.keep(kept, |kept| {
            if let Some(key) = key {
                unmask(kept, key, offset);
            }
        });
        if !rest.is_empty() {
            self.judge(rest, key, offset.saturating_add(kept.len() as u64));
        }
    }

    /// Takes payload as its sender meant it.
    pub(super) fn push(&mut self, plain: &[u8]) {
        self.count(plain.len() as u64);
        let (kept, rest) = self.split(plain);
        self.keep(kept, |_| ());
        if let Some(check) = &mut self.check {
            check.push(rest);
        }
    }

    /// Steps over bytes that the capture does not hold.
    pub(super) const fn miss(&mut self, missing: u64) {
        self.stop_judging();
        self.count(missing);
    }

    /// What follows can't be judged.
    pub(super) const fn stop_judging(&mut self) {
        if let Some(check) = self.check.take() {
            self.text = check.state_before_gap();
        }
    }

    /// Of this text nothing can be judged.
    pub(super) fn judge_nothing(&mut self) {
        self.check = None;
        self.text = TextState::NotJudged;
    }

    /// More follows, but not here.
    pub(super) const fn cut(&mut self) {
        self.stop_judging();
        self.truncated = true;
    }

    /// Gives all to its message.
    #[inline]
    pub(super) fn complete(self, kept_by: KeptBy, message: &mut Message) {
        message.text = self.check.map_or(self.text, |check| check.state());
        message.payload = self.payload;
        message.length = self.length;
        message.truncated = self.truncated || (self.overflows && kept_by == KeptBy::Limit);
        message.shortened = self.overflows && kept_by == KeptBy::Choice;
    }

    fn split<'a>(&mut self, bytes: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let room = self.keep.saturating_sub(self.payload.len());
        let (kept, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.overflows |= !rest.is_empty();
        (kept, rest)
    }

    fn keep(&mut self, bytes: &[u8], unmask: impl FnOnce(&mut [u8])) {
        let before = self.payload.len();
        take(&mut self.payload, bytes, self.keep);
        let Some(kept) = self.payload.get_mut(before..) else { return };
        unmask(kept);
        if let Some(check) = &mut self.check {
            check.push(kept);
        }
    }

    /// Judges payload that is not kept.
    fn judge(&mut self, wire: &[u8], key: Option<[u8; 4]>, mut offset: u64) {
        let Some(check) = &mut self.check else { return };
        let mut plain = [0; SCRATCH];
        for piece in wire.chunks(SCRATCH) {
            let Some(plain) = plain.get_mut(..piece.len()) else { return };
            plain.copy_from_slice(piece);
            unmask(plain, key.unwrap_or_default(), offset);
            check.push(plain);
            offset = offset.saturating_add(piece.len() as u64);
        }
    }

    const fn count(&mut self, bytes: u64) {
        self.length = self.length.saturating_add(bytes);
    }
}

/// Puts a whole payload of at most `bound` bytes into `room`, unmasked.
#[inline]
pub(super) fn take_whole(room: &mut Vec<u8>, wire: &[u8], key: Option<[u8; 4]>, bound: usize) {
    take(room, wire, bound);
    if let Some(key) = key {
        unmask(room, key, 0);
    }
}

/// As [`take_whole`], of a text. What are its bytes?
#[inline]
pub(super) fn take_text(room: &mut Vec<u8>, wire: &[u8], key: Option<[u8; 4]>, bound: usize) -> Repertoire {
    take(room, wire, bound);
    // Without a branch: no processor foresees whether a client sends the next one.
    unmask_and_look(room, key.unwrap_or_default())
}

#[inline(always)]
fn take(room: &mut Vec<u8>, bytes: &[u8], bound: usize) {
    reserve(room, bytes.len(), bound);
    room.extend_from_slice(bytes);
}

/// Doubles like `Vec` does, but never past the bound: a message of n bytes holds at most min(2n, `bound`), or [`LEAST`].
fn reserve(payload: &mut Vec<u8>, more: usize, bound: usize) {
    let needed = payload.len().saturating_add(more);
    if needed > payload.capacity() {
        let target = payload.capacity().saturating_mul(2).max(LEAST).min(bound).max(needed);
        room::set(payload, target);
    }
}

/// Spares the allocator some calls. Very many small messages may have to be kept at the same time: see `docs/limits.md`.
const LEAST: usize = 32;

/// Payload that is judged but not kept is unmasked in steps of this: small on the stack, long enough for whole
/// segments in two steps.
const SCRATCH: usize = 1024;
