//! Pieces of a DEFLATE stream → plain pieces, by zlib, over final blocks.

use std::mem;

use flate2::{Decompress, DecompressError, FlushDecompress, Status};

use crate::websocket::mask::unmask;

/// zlib, and what came out of it.
#[derive(Debug)]
pub(super) struct Stream {
    zlib: Decompress,
    /// A final block ended what `zlib` reads.
    pub(super) ended: bool,
    /// The output; what is left of it when room is made is all that DEFLATE can refer to.
    pub(super) window: Vec<u8>,
    /// Where in `window` a message begins that must not refer further back; 0 where it may.
    mark: usize,
    /// The unmasked beginning of that message.
    begin: Vec<u8>,
    /// Unmasked payload.
    pub(super) input: Vec<u8>,
}

impl Stream {
    /// A stream between two blocks, of which `history` came out so far.
    pub(super) fn after(history: &[u8]) -> Self {
        let mut window = Vec::with_capacity(WINDOW + ROOM);
        window.extend_from_slice(history);
        // Always the largest window: with any other size zlib is no stricter, and flate2 refuses 8 bits.
        let zlib = Decompress::new(false);
        let ended = !history.is_empty();
        Self { zlib, ended, window, mark: 0, begin: Vec::new(), input: Vec::new() }
    }

    /// The last `most` bytes that came out.
    pub(super) fn history(&self, most: usize) -> &[u8] {
        self.window.get(self.window.len().saturating_sub(most)..).unwrap_or_default()
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        ZLIB + size_of::<Self>() + self.window.capacity() + self.begin.capacity() + self.input.capacity()
    }

    /// A message begins.
    pub(super) fn begin(&mut self) {
        self.begin.clear();
    }

    pub(super) fn forget(&mut self) {
        self.window.clear();
        self.restart();
    }

    /// What follows does not refer to what came before it.
    pub(super) fn restart(&mut self) {
        self.zlib.reset(false);
        self.ended = false;
        self.mark = self.window.len();
        self.begin.clear();
    }

    /// Did anything come out before the last [`Self::restart`], and is it still here?
    pub(super) const fn has_context(&self) -> bool {
        self.mark > 0
    }

    /// Keeps what is loaded, after what was kept of the message before, up to so many bytes of all.
    pub(super) fn remember(&mut self, bound: usize) {
        let room = bound.saturating_sub(self.begin.len());
        self.begin.extend(self.input.iter().take(room));
    }

    /// Goes back to the last [`Self::restart`], which was none. Gives back the first `before` bytes since then and
    /// `input`.
    pub(super) fn take_context(&mut self, before: u64, input: &[u8]) -> Vec<u8> {
        self.window.truncate(self.mark);
        (self.mark, self.ended) = (0, true);
        let before = usize::try_from(before).unwrap_or(usize::MAX);
        let begin = self.begin.get(..before).unwrap_or_default();
        [begin, input].concat()
    }

    /// Are the first `before` bytes of the message and `input` faulty, whatever came out before them? The stream is of no
    /// use afterwards.
    pub(super) fn is_faulty_anyway(&mut self, before: u64, input: &[u8]) -> bool {
        let before = usize::try_from(before).unwrap_or(usize::MAX);
        let begin = mem::take(&mut self.begin);
        // With a full window no reference reaches too far back.
        let faulty = begin.get(..before).map(|begin| {
            self.zlib.reset(false);
            self.zlib.set_dictionary(&[0; WINDOW]).is_err() || self.fails(begin) || self.fails(input)
        });
        faulty.unwrap_or(false)
    }

    fn fails(&mut self, mut input: &[u8]) -> bool {
        let mut output = [0; 1 << 10];
        loop {
            let (read, written) = (self.zlib.total_in(), self.zlib.total_out());
            let status = self.zlib.decompress(input, &mut output, FlushDecompress::None);
            let read = usize::try_from(self.zlib.total_in() - read).unwrap_or(usize::MAX);
            let is_full = self.zlib.total_out() - written == output.len() as u64;
            input = input.get(read..).unwrap_or_default();
            match status {
                Err(_) => return true,
                Ok(Status::StreamEnd) => {
                    self.zlib.reset(false);
                    if self.zlib.set_dictionary(&[0; WINDOW]).is_err() || input.is_empty() {
                        return false;
                    }
                }
                Ok(Status::Ok | Status::BufError) if !is_full => return false,
                Ok(Status::Ok | Status::BufError) => {}
            }
        }
    }

    pub(super) fn load(&mut self, wire: &[u8], key: Option<[u8; 4]>, offset: u64) {
        self.input.clear();
        self.input.extend_from_slice(wire);
        if let Some(key) = key {
            unmask(&mut self.input, key, offset);
        }
    }

    /// Inflates as much of `input`, which moves on, as there is room for.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> (Result<Status, DecompressError>, &[u8]) {
        if mem::take(&mut self.ended)
            && let Err(error) = self.go_on()
        {
            return (Err(error), &[]);
        }
        if self.window.capacity() - self.window.len() < LEAST_ROOM {
            let gone = self.window.len().saturating_sub(WINDOW);
            self.window.drain(..gone);
            self.mark = self.mark.saturating_sub(gone);
        }
        let (before, read) = (self.window.len(), self.zlib.total_in());
        let status = self.zlib.decompress_vec(input, &mut self.window, FlushDecompress::None);
        self.ended = matches!(status, Ok(Status::StreamEnd));
        let read = usize::try_from(self.zlib.total_in() - read).unwrap_or(usize::MAX);
        *input = input.get(read..).unwrap_or_default();
        (status, self.window.get(before..).unwrap_or_default())
    }

    pub(super) fn is_full(&self) -> bool {
        self.window.len() == self.window.capacity()
    }

    /// Reads what stands behind a final block, which may refer to what stands before it.
    fn go_on(&mut self) -> Result<(), DecompressError> {
        self.zlib.reset(false);
        let begin = self.window.len().saturating_sub(WINDOW).max(self.mark);
        let history = self.window.get(begin..).unwrap_or_default();
        if !history.is_empty() {
            self.zlib.set_dictionary(history)?;
        }
        Ok(())
    }
}

/// How far back DEFLATE can refer. // RFC 1951 §2
pub(super) const WINDOW: usize = 32 << 10;

/// What zlib allocates: its own copy of the window, and the tables of a block.
const ZLIB: usize = 48 << 10;

/// Output between two moves of the window: moving costs a hundredth of inflating as much.
const ROOM: usize = 16 << 10;

/// zlib's fast loop wants 260 bytes of room; moving the window should be rare.
const LEAST_ROOM: usize = 4 << 10;
