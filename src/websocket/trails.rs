//! Chains of frames that are longer than the bytes that can be kept → where each goes on.

use super::resync::{Chain, Confidence, Ending, Followed, Window};

/// Chains whose beginning is not kept any longer. Of each only the place of the next header is, with what was proved
/// so far: frames may be far longer than the bytes in which they are looked for. Memory: 10 KiB at most.
#[derive(Clone, Debug, Default)]
pub struct Trails {
    list: Vec<Trail>,
}

/// One chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trail {
    /// Where its next header stands, from the window's beginning.
    pub(super) next: u64,
    /// Evidence that is enough.
    pub(super) needed: u32,
    pub(super) bits: u32,
    pub(super) masked: Option<bool>,
    pub(super) open: Option<bool>,
}

impl Trails {
    /// The first `count` bytes, captured or not, are gone. A chain whose next header was among them is lost.
    pub fn advance(&mut self, count: u64) {
        self.list.retain_mut(|trail| {
            let next = trail.next.checked_sub(count);
            trail.next = next.unwrap_or_default();
            next.is_some()
        });
    }

    /// Nothing is followed any more.
    pub fn clear(&mut self) {
        self.list = Vec::new();
    }

    pub(super) fn push(&mut self, trail: Trail) {
        if self.list.len() >= 2 * MOST {
            // Two chains that met are one; of the others those that proved most are kept.
            self.list.sort_by_key(|trail| (trail.next, std::cmp::Reverse(trail.bits)));
            self.list.dedup_by_key(|trail| (trail.next, trail.masked));
            self.list.sort_by_key(|trail| std::cmp::Reverse(trail.bits));
            self.list.truncate(MOST);
        }
        self.list.push(trail);
    }

    /// Follows those that lead into the window.
    pub(super) fn follow(&mut self, window: &Window<'_>, budget: &mut usize) -> Followed {
        let mut found: Option<(usize, bool, Confidence)> = None;
        let mut keep_from = window.bytes.len();
        self.list.retain_mut(|trail| {
            let Ok(at) = usize::try_from(trail.next) else { return true };
            if at >= window.bytes.len() {
                return true;
            }
            match Chain::resume(window, *trail, at).follow(budget) {
                Ending::Evident { masked, bits } => {
                    if found.is_none_or(|(before, ..)| at < before) {
                        found = Some((at, masked, Confidence(bits)));
                    }
                    true
                }
                Ending::Open(on) if at < window.leaving && on.next > trail.next => {
                    *trail = on;
                    true
                }
                Ending::Open(_) => {
                    keep_from = keep_from.min(at);
                    true
                }
                Ending::Broken => false,
            }
        });
        Followed { found, keep_from }
    }
}

/// In noise about one offset in ten thousand begins a frame that leaves a window of 64 KiB, and half of those that
/// wait break at their next header: a dozen at a time. This is ten times as many, and little to follow.
const MOST: usize = 128;
