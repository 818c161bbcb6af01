//! Captures that begin too late or lack packets: what is still found of them, and that nothing false is.
//!
//! The figures of `docs/recovery.md` are printed by these tests:
//! `cargo test --release --test suite recovery -- --include-ignored --nocapture`.

/// Conversations with holes, and what adds up.
mod lossy;
/// Bytes that are no frames.
mod noise;
/// Captures with packets removed.
mod removed;

use std::ops::Range;
use std::path::{Path, PathBuf};

use wspect::capture::{CaptureError, Position, Source};
use wspect::connection::Options;
use wspect::document::{Document, Extent};
use wspect::packet::{CaptureInfo, LinkType, Packet, PacketRef};

/// A capture in memory.
struct Recording {
    packets: Vec<Recorded>,
}

struct Recorded {
    at: PacketRef,
    link: LinkType,
    original_len: usize,
    data: Vec<u8>,
}

impl Recording {
    /// Reads a file as far as it can be read; `None` when it is no capture.
    fn of(path: &Path) -> Option<Self> {
        let options = Options::default();
        let mut source =
            wspect::capture::open(&[path.to_string_lossy().into_owned()], &options.limits).ok()?;
        let mut packets = Vec::new();
        while let Ok(Some(Packet { at, link, original_len, data })) = source.next_packet() {
            packets.push(Recorded { at, link, original_len, data: data.to_vec() });
        }
        Some(Self { packets })
    }

    /// What is said of the packets but for those in `removed`.
    fn document(&self, removed: Range<usize>, options: &Options) -> Document {
        let mut replay = Replay { packets: &self.packets, removed, next: 0 };
        Document::of(&mut replay, options, Extent::Whole).unwrap()
    }
}

/// The packets of a recording once more.
struct Replay<'a> {
    packets: &'a [Recorded],
    removed: Range<usize>,
    next: usize,
}

impl Source for Replay<'_> {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        if self.removed.contains(&self.next) {
            self.next = self.removed.end;
        }
        let packet = self.packets.get(self.next);
        self.next += 1;
        Ok(packet.map(|Recorded { at, link, original_len, data }| Packet {
            at: *at,
            link: *link,
            original_len: *original_len,
            data,
        }))
    }

    fn inputs(&self) -> Vec<CaptureInfo> {
        vec![CaptureInfo::default()]
    }

    fn position(&self) -> Position {
        Position::default()
    }
}

/// Captures beside the repository, in this folder; none, and that is said, where there is no such folder.
#[expect(clippy::print_stdout, reason = "what is skipped is said")]
fn captures_beside(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(folder);
    if !root.is_dir() {
        println!("skipped: no folder {folder} beside the repository");
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path),
            }
        }
    }
    found.sort();
    found
}
