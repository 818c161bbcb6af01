//! Files → packets: the only input.

mod block;
mod buffer;
mod compressed;
#[cfg(test)]
mod fixtures;
mod frames;
mod input;
mod interface;
#[cfg(all(feature = "live", target_os = "linux"))]
pub mod live;
mod merge;
mod pcap;
mod pcapng;
mod record;
mod stop;
mod stored;
#[cfg(test)]
mod tests;
mod unknown;
mod writer;

use std::io::{self, Read};
use std::ops::ControlFlow;

pub use self::merge::Inputs;
pub use self::stop::Stop;
pub use self::writer::{Keep, Writer};
use crate::limits::Limits;
use crate::packet::{CaptureInfo, Packet, Timestamp};

/// Opens capture files, `-` being standard input, as one source in the order of time. The format is told by
/// content, never by name.
///
/// # Errors
/// Any of the files can't be opened, or is no capture: then nothing was read but its beginning.
pub fn open(paths: &[String], limits: &Limits) -> Result<Inputs, CaptureError> {
    Inputs::open(paths, limits, None)
}

/// As [`open`]; a pipe that keeps silent ends where `stop` asks for it.
///
/// # Errors
/// As [`open`].
pub fn open_until(paths: &[String], limits: &Limits, stop: &Stop) -> Result<Inputs, CaptureError> {
    Inputs::open(paths, limits, Some(stop))
}

/// Reads one capture from `reader`; `name` is its path in reports. For embedding and tests.
///
/// # Errors
/// `reader` fails, or what it gives is no capture.
pub fn from_reader(
    name: &str,
    reader: impl Read + Send + 'static,
    limits: &Limits,
) -> Result<Inputs, CaptureError> {
    Inputs::from_reader(name, reader, limits)
}

/// Where packets come from. Pull, because the program owns the pace; each packet is lent until the next call.
pub trait Source {
    /// The next packet, or `None` at the end. A damaged or cut-off file is not an error: its packets before the
    /// damage are handed out, then it ends, and [`Source::inputs`] says what happened.
    ///
    /// # Errors
    /// Only where nothing can be read any more and the user has to act: the operating system failed to read.
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError>;

    /// As [`next_packet`](Self::next_packet), but where no packet comes for a while, a live source says what time it is
    /// instead of waiting on: connections end also in a network that has gone quiet.
    ///
    /// # Errors
    /// As [`next_packet`](Self::next_packet).
    fn next(&mut self) -> Result<Option<Next<'_>>, CaptureError> {
        Ok(self.next_packet()?.map(Next::Packet))
    }

    /// Gives the packets that were read already to `take`, in order, until it breaks or what follows takes more than that:
    /// [`next`](Self::next) goes on from there. For sources with very many packets; others have none at hand.
    fn for_each_buffered(&mut self, _take: &mut dyn FnMut(&Packet<'_>) -> ControlFlow<()>) {}

    /// What is known of each input by now, in the order of the command line.
    fn inputs(&self) -> Vec<CaptureInfo>;

    /// How far reading has come, for a progress bar.
    fn position(&self) -> Position;
}

/// What a source gives.
#[derive(Clone, Copy, Debug)]
pub enum Next<'a> {
    /// A packet.
    Packet(Packet<'a>),
    /// No packet for now: it is this time on the capture's clock, and every packet before it was given.
    Pause(Timestamp),
}

/// How far reading has come, in bytes of the files as they are stored (compressed, where they are).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Bytes read of all inputs together; a little ahead of the packets handed out.
    pub read: u64,
    /// Size of all inputs together; `None` when one of them is no regular file.
    pub total: Option<u64>,
}

/// The user's or the machine's fault, said in one line with what to do; exit status 2.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The operating system refused to open or read.
    #[error("{path}: {cause}")]
    Io {
        /// As the user gave it.
        path: String,
        /// What the operating system said.
        cause: io::Error,
    },
    /// The first bytes are those of no capture format.
    #[error(
        "{path}: not a capture file ({found}); wspect reads pcap and pcapng, plain or in gzip, zstd, lz4 or xz"
    )]
    UnknownFormat {
        /// As the user gave it.
        path: String,
        /// What it looks like instead: `empty file`, `a JPEG image`, `begins with 89 50 4e 47`.
        found: String,
    },
    /// An interface can't be captured, or not any more.
    #[error("{name}: {cause}")]
    Interface {
        /// As the user gave it.
        name: String,
        /// Why, and what to do.
        cause: String,
    },
    /// What live capture stands on is not there.
    #[error("{0}")]
    Unavailable(String),
}
