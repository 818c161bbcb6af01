use std::io::BufReader;
use std::path::Path;
use std::process::{Command, Stdio};

use workload::verify::{Content, Row, Tally};
use workload::{Expected, Kind, Workload};

#[test]
fn chat_is_found_to_the_last_byte() {
    verify(Kind::Chat, 400_000);
}

#[test]
fn bulk_data_are_found_to_the_last_byte() {
    verify(Kind::Bulk, 3_000_000);
}

#[test]
fn compressed_messages_are_found_to_the_last_byte() {
    verify(Kind::Deflate, 300_000);
}

#[test]
fn connections_that_come_and_go_are_found_to_the_last_byte() {
    verify(Kind::Churn, 300_000);
}

#[test]
fn chat_among_other_traffic_is_found_to_the_last_byte() {
    verify(Kind::Noise, 3_000_000);
}

#[test]
fn all_that_a_lossy_capture_holds_whole_is_found() {
    let expected = verify(Kind::Lossy, 1_000_000);
    assert!(expected.loss.dropped > 0, "nothing was lost");
}

/// Writes a workload, reads it with wspect as its users do, and compares.
fn verify(kind: Kind, bytes: u64) -> Expected {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("workload-{}.pcap", kind.name()));
    let connections = kind.connections().min(50);
    let mut capture = Vec::new();
    let expected = Workload { kind, bytes, connections, seed: 1 }.write(&mut capture).unwrap();
    std::fs::write(&path, capture).unwrap();
    for frames in [&[][..], &["--frames"]] {
        let wrong: Vec<_> =
            found(&path, frames).against(&expected, Content::Full).into_iter().filter(differs).collect();
        assert!(wrong.is_empty(), "{kind:?} {frames:?}: {wrong:#?}");
    }
    std::fs::remove_file(&path).unwrap();
    expected
}

fn differs(row: &Row) -> bool {
    !row.holds()
}

fn found(path: &Path, frames: &[&str]) -> Tally {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wspect"));
    command.arg("read").arg(path).args(["--format", "ndjson", "--payload", "full"]).args(frames);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let tally = Tally::read(BufReader::new(child.stdout.take().unwrap())).unwrap();
    assert!(child.wait().unwrap().success());
    tally
}
