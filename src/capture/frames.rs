//! Compressed frames → bytes: zstd and lz4, whose files are frames one after the other, some to be skipped.

use std::io::{self, BufRead, Chain, Cursor, Read};
use std::mem;

use lz4_flex::frame::FrameDecoder as Lz4Frame;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder as ZstdFrame};

/// A decoder of zstd (RFC 8878).
pub(crate) struct Zstd<R> {
    source: R,
    frame: ZstdFrame,
    inside: bool,
    fault: Option<io::Error>,
}

impl<R: BufRead> Zstd<R> {
    /// Reads frames from `source`.
    pub(crate) fn new(source: R) -> Self {
        let mut frame = ZstdFrame::new();
        frame.set_max_window_size(ZSTD_WINDOW);
        Self { source, frame, inside: false, fault: None }
    }

    fn begin(&mut self) -> io::Result<bool> {
        let Some(magic) = next_frame(&mut self.source)? else { return Ok(false) };
        self.frame.init(magic.chain(&mut self.source)).map_err(invalid)?;
        self.inside = true;
        Ok(true)
    }

    fn end(&mut self) -> io::Result<()> {
        self.inside = false;
        let said = self.frame.get_checksum_from_data();
        if said.is_some() && said != self.frame.get_calculated_checksum() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "checksum differs"));
        }
        Ok(())
    }

    fn decode(&mut self) {
        if let Err(error) = self.frame.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1)) {
            self.fault = Some(invalid(error));
            self.release();
        }
    }

    /// Makes the decoder give what it holds back for blocks to come: an empty last block, and a checksum that
    /// nobody looks at, tell it that none will.
    fn release(&mut self) {
        let _ = self.frame.decode_blocks(&EMPTY_LAST_BLOCK[..], BlockDecodingStrategy::UptoBlocks(1));
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.frame.can_collect() > 0 {
                return self.frame.read(out);
            }
            if let Some(fault) = self.fault.take() {
                return Err(fault);
            }
            if !self.inside {
                if !self.begin()? {
                    return Ok(0);
                }
            } else if self.frame.is_finished() {
                self.end()?;
            } else {
                self.decode();
            }
        }
    }
}

/// A decoder of lz4 frames.
pub(crate) struct Lz4<R: Read>(Lz4State<R>);

enum Lz4State<R: Read> {
    Between(Ending<R>),
    Inside(Box<Lz4Frame<Rejoined<R>>>),
    Ended,
}

/// A frame's magic number, which was looked at, before the rest of it.
type Rejoined<R> = Chain<Cursor<[u8; 4]>, Ending<R>>;

impl<R: Read> Lz4<R> {
    /// Reads frames from `source`.
    pub(crate) fn new(source: R) -> Self {
        Self(Lz4State::Between(Ending { reader: source, ended: false }))
    }
}

impl<R: Read> Read for Lz4<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            self.0 = match mem::replace(&mut self.0, Lz4State::Ended) {
                Lz4State::Ended => return Ok(0),
                Lz4State::Between(mut source) => {
                    let Some(magic) = next_frame(&mut source)? else { return Ok(0) };
                    Lz4State::Inside(Box::new(Lz4Frame::new(magic.chain(source))))
                }
                Lz4State::Inside(mut frame) => {
                    let count = frame.read(out)?;
                    if count > 0 || out.is_empty() {
                        self.0 = Lz4State::Inside(frame);
                        return Ok(count);
                    }
                    let (_, source) = frame.into_inner().into_inner();
                    if source.ended {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    Lz4State::Between(source)
                }
            }
        }
    }
}

/// A reader that remembers its end: the decoder of lz4 takes a file cut between blocks for a whole one.
struct Ending<R> {
    reader: R,
    ended: bool,
}

impl<R: Read> Read for Ending<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(out)?;
        self.ended |= count == 0 && !out.is_empty();
        Ok(count)
    }
}

/// The magic number of the next frame that holds data, `None` at the end; skippable frames are stepped over.
fn next_frame(source: &mut impl Read) -> io::Result<Option<Cursor<[u8; 4]>>> {
    loop {
        let mut magic = [0; 4];
        let (first, others) = magic.split_at_mut(1);
        if source.read(first)? == 0 {
            return Ok(None);
        }
        source.read_exact(others)?;
        // RFC 8878 §3.1.2, and the same in lz4.
        if !matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18]) {
            return Ok(Some(Cursor::new(magic)));
        }
        let mut size = [0; 4];
        source.read_exact(&mut size)?;
        let size = u64::from(u32::from_le_bytes(size));
        if io::copy(&mut source.take(size), &mut io::sink())? < size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// The largest window that a zstd frame may ask for, and what `zstd --long` uses.
const ZSTD_WINDOW: u64 = 128 << 20;
const EMPTY_LAST_BLOCK: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];
