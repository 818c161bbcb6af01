//! Pieces of a DEFLATE stream → plain pieces, by zlib, over final blocks.

use std::cell::RefCell;
use std::mem;

use flate2::{Decompress, DecompressError, FlushDecompress, Status};

use super::history::History;
use crate::websocket::mask::unmask;

/// zlib, and what came out of it.
#[derive(Debug)]
pub(super) struct Stream {
    zlib: Decompress,
    /// A final block ended what `zlib` reads.
    pub(super) ended: bool,
    /// The output; what is left of it when room is made is all that DEFLATE can refer to.
    pub(super) window: Vec<u8>,
    /// How many bytes came out since its history was read; no number where that has changed since.
    came: Option<usize>,
    /// Is that history not in `window`?
    apart: bool,
    /// Where in `window` a message begins that must not refer further back; 0 where it may.
    mark: usize,
    /// The unmasked beginning of that message.
    begin: Vec<u8>,
    /// Unmasked payload.
    pub(super) input: Vec<u8>,
    /// The same stream behind another history, while parts of it are unknown.
    other: Option<Box<Self>>,
}

/// What came out of a piece of a stream.
#[derive(Clone, Copy)]
pub(super) struct Plain<'a> {
    pub(super) bytes: &'a [u8],
    /// What came out behind another history: where it differs, `bytes` are copies of what is not known.
    pub(super) other: Option<&'a [u8]>,
}

/// What a stream may refer to, between two blocks.
#[derive(Debug, Default)]
pub(super) struct Histories {
    pub(super) own: History,
    /// The one that differs where `own` is unknown.
    pub(super) other: Option<History>,
}

impl Stream {
    /// A stream between two blocks, of which `histories` came out so far.
    pub(super) fn after(histories: &Histories) -> Box<Self> {
        let mut stream = Self::behind(&histories.own);
        if let Some(history) = &histories.other {
            let mut other = Self::behind(history);
            // What both may refer to is compared.
            other.join(history);
            stream.join(&histories.own);
            stream.other = Some(other);
        }
        stream
    }

    fn behind(history: &History) -> Box<Self> {
        let mut stream = SPARE.with_borrow_mut(Vec::pop).unwrap_or_else(|| Box::new(Self::new()));
        stream.forget();
        (stream.mark, stream.came) = (0, Some(0));
        (stream.apart, stream.ended) = (true, !history.is_empty());
        stream
    }

    /// Takes its history into its window.
    fn join(&mut self, history: &History) {
        history.parts().iter().for_each(|part| self.window.extend_from_slice(part));
        self.apart = false;
    }

    fn new() -> Self {
        Self {
            // Always the largest window: with any other size zlib is no stricter, and flate2 refuses 8 bits.
            zlib: Decompress::new(false),
            ended: false,
            window: Vec::with_capacity(WINDOW + ROOM),
            came: None,
            apart: false,
            mark: 0,
            begin: Vec::new(),
            input: Vec::new(),
            other: None,
        }
    }

    /// Adds what came out since to `histories`, of which `most` bytes are kept. What is not needed until more comes is there for others.
    pub(super) fn put_away(self: Box<Self>, histories: &mut Histories, most: usize) {
        self.add_to(&mut histories.own, most);
        match &self.other {
            Some(other) => other.add_to(histories.other.get_or_insert_default(), most),
            None => histories.other = None,
        }
        self.spare();
    }

    fn add_to(&self, history: &mut History, most: usize) {
        if self.came.is_none() {
            history.clear();
        }
        let came = self.came.unwrap_or(self.window.len());
        history.push(self.window.get(self.window.len().saturating_sub(came)..).unwrap_or_default(), most);
    }

    /// Nobody needs it any more.
    pub(super) fn spare(mut self: Box<Self>) {
        let other = self.other.take();
        self.begin = Vec::new();
        // The next one takes pieces of the same size.
        self.input.clear();
        self.input.shrink_to(MOST_INPUT);
        SPARE.with_borrow_mut(|spare| {
            let room = MOST_SPARE.saturating_sub(spare.len());
            spare.extend([Some(self), other].into_iter().flatten().take(room));
        });
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        let other = self.other.as_ref().map_or(0, |other| other.memory());
        ZLIB + size_of::<Self>()
            + self.window.capacity()
            // Not what others left here: whose stream this was depends on the threads.
            + self.begin.len()
            + self.input.len()
            + other
    }

    pub(super) fn forget(&mut self) {
        self.window.clear();
        (self.came, self.apart) = (None, false);
        self.restart();
    }

    /// What follows may refer to anything: it is inflated twice, behind histories that differ in every byte. Lengths
    /// are the same, and so is whatever does not come from there.
    pub(super) fn doubt(&mut self) {
        self.begin_behind(0);
        self.other.get_or_insert_with(|| Self::behind(&History::default())).begin_behind(!0);
    }

    pub(super) const fn doubts(&self) -> bool {
        self.other.is_some()
    }

    /// Is all known that a reference can reach, `reach` bytes back? What came before stays in doubt until it is known too: references
    /// can reach further than was agreed.
    pub(super) fn is_known(&mut self, reach: usize) -> bool {
        let Some(other) = &self.other else { return self.window.len() >= reach };
        let same =
            |reach| last(&self.window, reach).is_some_and(|known| last(&other.window, reach) == Some(known));
        let is_known = same(reach);
        if is_known && same(self.window.len().min(WINDOW)) {
            self.doubt_no_more();
        }
        is_known
    }

    /// Nobody asks any more for what is in doubt.
    pub(super) fn doubt_no_more(&mut self) {
        self.other.take().into_iter().for_each(Self::spare);
    }

    fn begin_behind(&mut self, filler: u8) {
        self.forget();
        self.window.resize(WINDOW, filler);
        (self.mark, self.ended) = (0, true);
    }

    /// What follows does not refer to what came before it.
    pub(super) fn restart(&mut self) {
        self.zlib.reset(false);
        self.ended = false;
        self.mark = self.window.len();
        self.begin.clear();
        self.other = None;
    }

    /// Did anything come out before the last [`Self::restart`], and is it still here?
    pub(super) const fn has_context(&self) -> bool {
        self.mark > 0
    }

    /// Keeps what is loaded, after what was kept before since the last [`Self::restart`], up to so many bytes of all.
    pub(super) fn remember(&mut self, bound: usize) {
        let room = bound.saturating_sub(self.begin.len());
        self.begin.extend(self.input.iter().take(room));
    }

    /// Goes back to the last [`Self::restart`], which was none. Gives back the first `before` bytes since then and
    /// `input`.
    pub(super) fn take_context(&mut self, before: u64, input: &[u8]) -> Vec<u8> {
        self.window.truncate(self.mark);
        (self.mark, self.came, self.apart, self.ended) = (0, None, false, true);
        let before = usize::try_from(before).unwrap_or(usize::MAX);
        let begin = self.begin.get(..before).unwrap_or_default();
        [begin, input].concat()
    }

    pub(super) fn load(&mut self, wire: &[u8], key: Option<[u8; 4]>, offset: u64) {
        self.input.clear();
        self.input.extend_from_slice(wire);
        if let Some(key) = key {
            unmask(&mut self.input, key, offset);
        }
    }

    /// Inflates as much of `input`, which moves on, as there is room for, behind the histories that it was made [after](Self::after).
    pub(super) fn next(
        &mut self,
        input: &mut &[u8],
        histories: &Histories,
    ) -> (Result<Status, DecompressError>, Plain<'_>) {
        let mut again = *input;
        let (status, from) = self.inflate(input, &histories.own);
        let other = self.other.as_deref_mut().map(|other| {
            let (_, from) = other.inflate(&mut again, histories.other.as_ref().unwrap_or(&histories.own));
            other.window.get(from..).unwrap_or_default()
        });
        (status, Plain { bytes: self.window.get(from..).unwrap_or_default(), other })
    }

    /// The same, and where in `window` what came out begins.
    fn inflate(&mut self, input: &mut &[u8], history: &History) -> (Result<Status, DecompressError>, usize) {
        if mem::take(&mut self.ended)
            && let Err(error) = self.go_on(history)
        {
            return (Err(error), self.window.len());
        }
        if self.window.capacity() - self.window.len() < LEAST_ROOM {
            let gone = self.window.len().saturating_sub(WINDOW);
            self.window.drain(..gone);
            self.mark = self.mark.saturating_sub(gone);
        }
        let (before, read) = (self.window.len(), self.zlib.total_in());
        let status = self.zlib.decompress_vec(input, &mut self.window, FlushDecompress::None);
        self.came = self.came.map(|came| came.saturating_add(self.window.len() - before));
        self.ended = matches!(status, Ok(Status::StreamEnd));
        let read = usize::try_from(self.zlib.total_in() - read).unwrap_or(usize::MAX);
        *input = input.get(read..).unwrap_or_default();
        (status, before)
    }

    /// What follows is read as what stands behind a final block.
    pub(super) fn begin_anew(&mut self) {
        self.ended = true;
        self.other.iter_mut().for_each(|other| other.ended = true);
    }

    pub(super) fn is_full(&self) -> bool {
        self.window.len() == self.window.capacity()
    }

    /// Reads what stands behind a final block, which may refer to what stands before it.
    fn go_on(&mut self, before: &History) -> Result<(), DecompressError> {
        self.zlib.reset(false);
        let begin = self.window.len().saturating_sub(WINDOW).max(self.mark);
        let since = self.window.get(begin..).unwrap_or_default();
        let [older, newer] = if self.apart && self.mark == 0 { before.parts() } else { [&[][..]; 2] };
        for history in [older, newer, since].into_iter().filter(|history| !history.is_empty()) {
            self.zlib.set_dictionary(history)?;
        }
        Ok(())
    }
}

fn last(window: &[u8], bytes: usize) -> Option<&[u8]> {
    window.get(window.len().checked_sub(bytes)?..)
}

thread_local! {
    /// Streams that no message needs now, for those that come. What they take is at hand for the processor: of a connection that was
    /// quiet meanwhile, only the history has to come from memory.
    #[expect(clippy::vec_box, reason = "they go from one owner to the next as they are")]
    static SPARE: RefCell<Vec<Box<Stream>>> = const { RefCell::new(Vec::new()) };
}

/// Two directions, in doubt.
const MOST_SPARE: usize = 4;
/// More than is loaded at once, but where a message is begun again.
const MOST_INPUT: usize = 8 << 10;

/// How far back DEFLATE can refer. // RFC 1951 §2
pub(super) const WINDOW: usize = 32 << 10;

/// What zlib allocates: its own copy of the window, and the tables of a block.
const ZLIB: usize = 48 << 10;

/// Output between two moves of the window: moving costs a hundredth of inflating as much.
const ROOM: usize = 16 << 10;

/// zlib's fast loop wants 260 bytes of room; moving the window should be rare.
const LEAST_ROOM: usize = 4 << 10;
