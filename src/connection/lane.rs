//! One direction of HTTP/1, while its place in the stream is known and after it was lost.

use super::context::Context;
use super::search::{Found, Search, masking_of};
use crate::packet::{PacketRef, Side};

/// One direction: read in order, or searched since the place in the stream was lost.
#[derive(Debug)]
pub(super) enum Lane<Reader> {
    Reading(Reader),
    Lost(Box<Search>),
}

impl<Reader> Lane<Reader> {
    /// Steps over a gap with `skip`, which says whether the place in the stream is still known.
    pub(super) fn step_over(&mut self, skip: impl FnOnce(&mut Reader) -> bool) -> bool {
        let Self::Reading(reader) = self else { return false };
        let known = skip(reader);
        if !known {
            *self = Self::Lost(Box::default());
        }
        known
    }

    /// Bytes of memory that it takes beside itself.
    pub(super) fn memory(&self, of_reader: impl FnOnce(&Reader) -> usize) -> usize {
        match self {
            Self::Reading(reader) => of_reader(reader),
            Self::Lost(search) => size_of::<Search>().saturating_add(search.memory()),
        }
    }

    pub(super) fn take_search(&mut self) -> Box<Search> {
        match self {
            Self::Lost(search) => std::mem::take(search),
            Self::Reading(_) => Box::default(),
        }
    }
}

/// Looks for frames in what `side` sent since its place was lost: in `Limits::search` bytes, after that only for a new head.
pub(super) fn search_on(
    search: &mut Search,
    side: Side,
    (bytes, at): (&[u8], PacketRef),
    cx: &mut Context<'_>,
) -> Option<Found> {
    if search.searched() > cx.options.limits.search {
        cx.out.protocols_mut().searched_in_vain += u64::from(search.give_up());
        return None;
    }
    search.push(bytes, at);
    search.look(masking_of(side), true, false)
}
