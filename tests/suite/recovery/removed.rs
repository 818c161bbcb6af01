//! Captures without their first packets, or without one of the others.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use wspect::connection::Options;
use wspect::document::Document;
use wspect::event::TimelineMessage;
use wspect::packet::{Endpoint, Side};

use super::{Recording, captures_beside};
use crate::support::testdata;

#[test]
fn a_capture_with_packets_removed_says_nothing_false() {
    let mut figures = Figures::default();
    for path in recorded() {
        figures.measure(&path, Effort::Sample);
    }
    figures.print();
}

#[test]
#[ignore = "minutes in a release build: every packet of every capture"]
fn a_capture_with_any_packet_removed_says_nothing_false() {
    let mut figures = Figures::default();
    for path in recorded() {
        figures.measure(&path, Effort::All);
    }
    figures.print();
}

/// Those of the repository and those beside it, without TLS and HTTP/2, of which nothing is read.
fn recorded() -> Vec<std::path::PathBuf> {
    let here = std::fs::read_dir(testdata("")).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = here.chain(captures_beside("captures")).collect();
    all.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        let unread = ["15_", "16_", "18_lossy_tls"].iter().any(|start| name.starts_with(start));
        name.contains(".pcap") && !unread
    });
    all.sort_by_key(|path| path.file_name().unwrap().to_owned());
    all.dedup_by_key(|path| path.file_name().unwrap().to_owned());
    all
}

/// How many places of a capture are tried.
#[derive(Clone, Copy)]
enum Effort {
    /// A few, so many that short captures are tried at some twenty places and all takes seconds.
    Sample,
    /// All of those of up to a thousand packets, a thousand of the longer ones.
    All,
}

impl Effort {
    fn stride(self, recording: &Recording) -> usize {
        let bytes: usize = recording.packets.iter().map(|packet| packet.data.len()).sum();
        let places = match self {
            Self::Sample => (400_000 / bytes.max(1)).clamp(2, 10),
            Self::All => (400_000_000 / bytes.max(1)).clamp(100, 1000),
        };
        recording.packets.len().div_ceil(places).max(1)
    }
}

/// Messages that were there to be found, and those that were.
#[derive(Default)]
struct Figures {
    runs: u64,
    late: Share,
    holed: Share,
    late_compressed: Share,
    holed_compressed: Share,
    faults: Vec<String>,
}

/// Data and control messages of which every packet is still there, and those of them that are reported as they were sent.
#[derive(Default)]
struct Share {
    there: u64,
    found: u64,
    /// Of the compressed ones among those that are reported in part.
    bytes: u64,
    known: u64,
}

impl Figures {
    fn measure(&mut self, path: &Path, effort: Effort) {
        let recording = Recording::of(path).unwrap();
        let options = Options::default();
        let whole = recording.document(0..0, &options);
        let stride = effort.stride(&recording);
        let name = path.file_name().unwrap().to_string_lossy();
        for place in (1..recording.packets.len()).step_by(stride) {
            let late = recording.document(0..place, &options);
            self.compare(&whole, &late, 0..place, &format!("{name} from packet {}", place + 1));
            let holed = recording.document(place..place + 1, &options);
            self.compare(&whole, &holed, place..place + 1, &format!("{name} without packet {}", place + 1));
        }
    }

    /// Every message that is said to be whole was said of the whole capture as well.
    fn compare(&mut self, whole: &Document, part: &Document, removed: Range<usize>, name: &str) {
        self.runs += 1;
        let mut sent: HashMap<Said, u64> = HashMap::new();
        for message in said(whole) {
            *sent.entry(message).or_default() += 1;
        }
        let mut found: HashMap<Said, u64> = HashMap::new();
        for message in said(part) {
            let left = sent.get_mut(&message).filter(|left| **left > 0);
            match left {
                Some(left) => {
                    *left -= 1;
                    *found.entry(message).or_default() += 1;
                }
                None => self.faults.push(format!("{name}: {message:?} was never sent")),
            }
        }
        self.count(whole, part, &mut found, removed);
    }

    fn count(
        &mut self,
        whole: &Document,
        part: &Document,
        found: &mut HashMap<Said, u64>,
        removed: Range<usize>,
    ) {
        // Packet numbers count from 1.
        let lost = removed.start as u64 + 1..removed.end as u64 + 1;
        let (plain, compressed) = match removed.start {
            0 => (&mut self.late, &mut self.late_compressed),
            _ => (&mut self.holed, &mut self.holed_compressed),
        };
        for (message, said) in timeline(whole) {
            let Some(said) = said else { continue };
            if message.message.first.number < lost.end && message.message.last.number >= lost.start {
                continue;
            }
            let share = if message.message.compressed { &mut *compressed } else { &mut *plain };
            share.there += 1;
            let left = found.get_mut(&said).filter(|left| **left > 0);
            share.found += u64::from(left.is_some());
            left.into_iter().for_each(|left| *left -= 1);
        }
        for (message, _) in
            timeline(part).filter(|(each, _)| each.message.compressed && !each.message.undecoded)
        {
            compressed.bytes += message.message.length;
            compressed.known += message.message.length - message.message.unknown_bytes();
        }
    }

    #[expect(clippy::print_stdout, reason = "the figures of docs/recovery.md")]
    fn print(&self) {
        println!("{} captures with packets removed:", self.runs);
        for (name, share) in [
            ("first packets removed, not compressed", &self.late),
            ("first packets removed, compressed", &self.late_compressed),
            ("one packet removed, not compressed", &self.holed),
            ("one packet removed, compressed", &self.holed_compressed),
        ] {
            let percent = |part: u64, all: u64| part as f64 * 100.0 / all.max(1) as f64;
            let Share { there, found, bytes, known } = share;
            println!("  {name}: {found} of {there} messages ({:.2} %)", percent(*found, *there));
            if *bytes > 0 {
                println!(
                    "    {known} of {bytes} bytes of compressed messages known ({:.2} %)",
                    percent(*known, *bytes)
                );
            }
        }
        assert!(
            self.faults.is_empty(),
            "{} faults:\n{}",
            self.faults.len(),
            self.faults[..self.faults.len().min(20)].join("\n")
        );
        assert!(self.late.found * 10 > self.late.there * 9 && self.holed.found * 100 > self.holed.there * 99);
    }
}

/// What one end said: all of it, as far as is claimed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Said {
    by: Endpoint,
    opcode: u8,
    length: u64,
    payload: Vec<u8>,
}

fn said(document: &Document) -> impl Iterator<Item = Said> {
    timeline(document).filter_map(|(_, said)| said)
}

/// The messages, and what those said of which nothing is marked as doubtful.
fn timeline(document: &Document) -> impl Iterator<Item = (&TimelineMessage, Option<Said>)> {
    document.connections.iter().flat_map(|connection| {
        connection.messages.iter().map(|timeline| {
            let message = &timeline.message;
            let opening = &connection.opening;
            let by = if timeline.sender == Side::Client { opening.client } else { opening.server };
            let sure = !message.incomplete() && !message.undecoded;
            let said = Said {
                by,
                opcode: message.opcode.0,
                length: message.length,
                payload: message.payload.clone(),
            };
            (timeline, sure.then_some(said))
        })
    })
}
