//! Compressed bytes → bytes: gzip and xz; zstd and lz4, which come in frames, stand in `frames`.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use lzma_rust2::{Action, Status, XzStream};

use super::frames::{Lz4, Zstd};

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Zstd,
    Lz4,
    Xz,
}

impl Compression {
    /// By the first bytes of the file.
    pub(crate) fn of(first: &[u8]) -> Option<Self> {
        match first {
            // RFC 1952 §2.3.1; the third byte is the method, of which there is one.
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            // RFC 8878 §3.1.1 and §3.1.2; parallel zstd begins its files with a skippable frame.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            [0x04, 0x22, 0x4d, 0x18, ..] => Some(Self::Lz4),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            _ => None,
        }
    }

    /// As the name of the tool and of the format.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Xz => "xz",
        }
    }

    /// As file names end.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Gzip => "gz",
            Self::Zstd => "zst",
            Self::Lz4 => "lz4",
            Self::Xz => "xz",
        }
    }

    /// A reader of what `stored` unpacks to. All bytes before a cut or a fault are given before the error.
    pub(crate) fn reader(self, stored: impl Read + Send + 'static) -> Box<dyn Read + Send> {
        let stored = BufReader::with_capacity(STORED_AT_ONCE, stored);
        match self {
            Self::Gzip => Box::new(Sips(MultiGzDecoder::new(stored))),
            Self::Zstd => Box::new(Zstd::new(stored)),
            Self::Lz4 => Box::new(Lz4::new(stored)),
            Self::Xz => Box::new(Xz::new(stored)),
        }
    }
}

/// Reads a little at a time: a decoder that meets a fault forgets what it has written in that call.
struct Sips<R>(R);

impl<R: Read> Read for Sips<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let size = out.len().min(SIP);
        self.0.read(out.get_mut(..size).unwrap_or_default())
    }
}

/// A decoder of xz. The crate's own reader takes a chunk of up to 2 MiB of content or nothing, so a file that
/// is cut off would lose what its last chunk holds; its stream decoder gives what is there.
struct Xz<R> {
    source: R,
    stream: XzStream,
    fault: Option<io::Error>,
}

impl<R: BufRead> Xz<R> {
    fn new(source: R) -> Self {
        Self { source, stream: XzStream::new_mem_limit(true, XZ_MEMORY_KIB), fault: None }
    }
}

impl<R: BufRead> Read for Xz<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(fault) = self.fault.take() {
                return Err(fault);
            }
            let before = self.stream.total_out();
            let input = self.source.fill_buf()?;
            let input = input.get(..XZ_SIP).unwrap_or(input);
            let action = if input.is_empty() { Action::Finish } else { Action::Run };
            match self.stream.process(input, out, action) {
                Ok(done) => {
                    self.source.consume(done.bytes_consumed);
                    if done.bytes_produced > 0 || done.status == Status::StreamEnd || out.is_empty() {
                        return Ok(done.bytes_produced);
                    }
                    if done.bytes_consumed == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(fault) => {
                    self.fault = Some(fault);
                    // The call failed, and yet its count says what it wrote before.
                    let written = self.stream.total_out().saturating_sub(before);
                    if written > 0 {
                        return Ok(usize::try_from(written).unwrap_or_default());
                    }
                }
            }
        }
    }
}

/// Compressed bytes read at a time.
const STORED_AT_ONCE: usize = 64 << 10;
/// Unpacked bytes that a fault may take with it; fewer would cost more calls than it is worth.
const SIP: usize = 8 << 10;
/// Compressed bytes whose content a fault may take with it: the decoder of xz unpacks all that it is fed before
/// it hands out any.
const XZ_SIP: usize = 512;
/// Memory of the xz decoder. The highest preset needs 64 MiB; a file can ask for 4 GiB.
const XZ_MEMORY_KIB: u32 = 129 << 10;
