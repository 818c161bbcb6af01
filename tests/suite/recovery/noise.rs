//! Bytes that are no frames: how often the search takes them for some.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use wspect::capture::Source;
use wspect::connection::Options;
use wspect::decode::Decoder;
use wspect::http::Outcome;
use wspect::limits::Limits;
use wspect::packet::Endpoint;
use wspect::websocket::resync::{Demand, Masking, Search, Trails, Window, search};

use super::{Recording, captures_beside};

#[test]
fn random_bytes_are_no_frames() {
    let found = random_windows(16);
    assert_eq!(found, 0, "windows of 64 KiB");
}

#[test]
#[ignore = "a minute in a release build: 16 GiB"]
fn very_many_random_bytes_are_no_frames() {
    let windows = 1 << 18;
    let found = random_windows(windows);
    println!("random bytes: frames found in {found} of {windows} windows of 64 KiB");
}

/// Each window in segments as a network has them.
fn random_windows(count: u64) -> u64 {
    let mut state = 0x1234_5678_9abc_def1_u64;
    let mut word = || {
        // xorshift64 (Marsaglia 2003)
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let starts: Vec<usize> = (0..WINDOW).step_by(1460).collect();
    let mut bytes = vec![0; WINDOW];
    let mut found = 0;
    for _ in 0..count {
        bytes.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&word()));
        found += u64::from(has_frames(&bytes, &starts));
    }
    found
}

/// The payload of other protocols, from each segment on.
#[test]
fn other_protocols_are_no_frames() {
    let figures = windows_of_other_protocols(16);
    println!("{figures:?}");
    assert_eq!(figures.found, BTreeSet::new());
}

#[test]
#[ignore = "minutes in a release build: from every segment on"]
fn other_protocols_are_no_frames_from_any_segment_on() {
    let figures = windows_of_other_protocols(1);
    println!("payload of other protocols: {figures:?}");
    assert_eq!(figures.found, BTreeSet::new());
}

#[derive(Debug, Default)]
struct Windows {
    streams: u64,
    windows: u64,
    bytes: u64,
    found: BTreeSet<String>,
}

fn windows_of_other_protocols(stride: usize) -> Windows {
    let mut figures = Windows::default();
    for path in captures_beside("public") {
        let Some(recording) = Recording::of(&path) else { continue };
        let document = recording.document(0..0, &Options::default());
        let websocket: BTreeSet<_> = document
            .connections
            .iter()
            .flat_map(|connection| [connection.opening.client, connection.opening.server])
            .collect();
        for ((from, to), segments) in streams(&recording) {
            if websocket.contains(&from) && websocket.contains(&to) {
                continue;
            }
            figures.streams += 1;
            figures.look(&segments, stride, &format!("{} {from} to {to}", name(&path)));
        }
    }
    figures
}

impl Windows {
    fn look(&mut self, segments: &[Vec<u8>], stride: usize, name: &str) {
        for first in (0..segments.len()).step_by(stride) {
            let (mut bytes, mut starts) = (Vec::new(), Vec::new());
            for segment in segments[first..].iter().take(50) {
                starts.push(bytes.len());
                bytes.extend_from_slice(segment);
            }
            self.windows += 1;
            self.bytes += bytes.len() as u64;
            if has_frames(&bytes, &starts) {
                self.found.insert(name.to_owned());
            }
        }
    }
}

/// What each end sent to another, segment by segment.
fn streams(recording: &Recording) -> BTreeMap<(Endpoint, Endpoint), Vec<Vec<u8>>> {
    let mut decoder = Decoder::new(&Limits::default());
    let mut replay = super::Replay { packets: &recording.packets, removed: 0..0, next: 0 };
    let mut streams: BTreeMap<_, Vec<_>> = BTreeMap::new();
    while let Ok(Some(packet)) = replay.next_packet() {
        if let Ok(segment) = decoder.decode(&packet)
            && !segment.payload.is_empty()
        {
            streams.entry((segment.src(), segment.dst())).or_default().push(segment.payload.to_vec());
        }
    }
    streams
}

fn has_frames(bytes: &[u8], starts: &[usize]) -> bool {
    let window = Window {
        bytes,
        starts,
        masking: Masking::Either,
        compression: true,
        ended: true,
        demand: Demand::Proof,
        leaving: 0,
    };
    matches!(search(&window, &mut Trails::default()), Search::Found { .. })
}

/// Of all captures of other projects, only those with WebSocket inside have connections without a handshake.
#[test]
fn what_is_no_websocket_is_never_taken_for_one() {
    let mut found = BTreeSet::new();
    let mut looked_at = 0;
    for path in captures_beside("public") {
        let Some(recording) = Recording::of(&path) else { continue };
        looked_at += 1;
        let document = recording.document(0..0, &Options::default());
        let unseen = |connection: &&wspect::document::Connection| {
            connection.opening.handshake.outcome == Outcome::NotCaptured
        };
        if document.connections.iter().any(|connection| unseen(&connection)) {
            found.insert(name(&path));
        }
    }
    println!("{looked_at} captures, frames without a handshake in: {found:?}");
    let known = KNOWN.iter().map(|name| (*name).to_owned()).collect();
    assert!(found.is_subset(&known), "{:?}", found.difference(&known));
}

fn name(path: &Path) -> String {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
    Path::new(folder).join(path.file_name().unwrap()).to_string_lossy().into_owned()
}

/// Captures of WebSocket connections that began before them.
const KNOWN: &[&str] = &["ndpi/websocket.pcap", "pcap-http-analyzer/imageTransfer.pcapng"];

const WINDOW: usize = 64 << 10;
