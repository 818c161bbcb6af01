//! Files → packets: the only input.

use std::io;

use crate::packet::{CaptureInfo, Packet};

/// Where packets come from. Pull, because the program owns the pace; each packet is lent until the next call.
pub trait Source {
    /// The next packet, or `None` at the end. A damaged or cut-off file is not an error: its packets before the
    /// damage are handed out, then it ends, and [`Source::inputs`] says what happened.
    ///
    /// # Errors
    /// Only where nothing can be read any more and the user has to act: the operating system failed to read.
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError>;

    /// What is known of each input by now, in the order of the command line.
    fn inputs(&self) -> Vec<CaptureInfo>;
}

/// The user's or the machine's fault, said in one line with what to do; exit status 2.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The operating system refused to open or read.
    #[error("{path}: {source}")]
    Io {
        /// As the user gave it.
        path: String,
        /// What the operating system said.
        source: io::Error,
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
}
