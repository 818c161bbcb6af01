//! Several files as one.

use crate::capture::fixtures::{BIG, LITTLE, NgFile, PcapFile, drain, merged};
use crate::capture::{CaptureError, Position, Source as _, open};
use crate::limits::Limits;

fn pcap(seconds: &[u32]) -> Vec<u8> {
    let file = PcapFile::new(LITTLE, 0xa1b2_c3d4);
    seconds.iter().fold(file, |file, &second| file.packet(second, 0, &second.to_le_bytes())).bytes
}

fn order(contents: &[&[u8]]) -> Vec<(u16, i64)> {
    let (packets, _) = drain(merged(contents));
    assert!(packets.iter().map(|packet| packet.number).eq(1..=packets.len() as u64));
    packets.iter().map(|packet| (packet.file, packet.time / 1_000_000_000)).collect()
}

#[test]
fn files_are_merged_by_time() {
    assert_eq!(
        order(&[&pcap(&[1, 4, 5]), &pcap(&[2, 3, 6])]),
        [(0, 1), (1, 2), (1, 3), (0, 4), (0, 5), (1, 6)]
    );
}

#[test]
fn equal_times_come_in_the_order_of_the_command_line() {
    assert_eq!(
        order(&[&pcap(&[1, 1]), &pcap(&[1]), &pcap(&[0, 1])]),
        [(2, 0), (0, 1), (0, 1), (1, 1), (2, 1)]
    );
}

#[test]
fn a_file_that_goes_back_in_time_keeps_its_order() {
    assert_eq!(order(&[&pcap(&[5, 1, 6]), &pcap(&[3, 7])]), [(1, 3), (0, 5), (0, 1), (0, 6), (1, 7)]);
}

#[test]
fn formats_mix_and_each_file_has_its_own_facts() {
    let ng = NgFile::new(BIG).interface(113, 0, &[]).packet(0, 2_000_000, b"ng").bytes;
    let mut cut = pcap(&[1, 3]);
    cut.pop();
    let (packets, infos) = drain(merged(&[&cut, &ng]));
    assert_eq!(packets.iter().map(|packet| packet.link).collect::<Vec<_>>(), [1, 113]);
    let facts = infos.iter().map(|info| (info.format.as_str(), info.packets, info.damage.is_some()));
    assert_eq!(facts.collect::<Vec<_>>(), [("pcap", 1, true), ("pcapng", 1, false)]);
}

#[test]
fn the_position_goes_from_nothing_to_the_size_of_all_files() {
    let contents = [pcap(&[1, 2]), pcap(&[])];
    let total = (contents[0].len() + contents[1].len()) as u64;
    let mut inputs = merged(&[&contents[0], &contents[1]]);
    assert_eq!(inputs.position().total, Some(total));
    while inputs.next_packet().unwrap().is_some() {}
    assert_eq!(inputs.position(), Position { read: total, total: Some(total) });
}

fn here(name: &str) -> String {
    format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn fails(paths: &[String]) -> CaptureError {
    open(paths, &Limits::default()).map(|_| ()).unwrap_err()
}

#[test]
fn a_file_that_is_no_capture_fails_before_any_work() {
    let error = fails(&[here("Cargo.toml"), here("none")]);
    assert!(
        matches!(error, CaptureError::UnknownFormat { path, found } if path == here("Cargo.toml") && found == "text")
    );
}

#[test]
fn a_missing_file_and_a_directory_say_so() {
    assert!(fails(&[here("none")]).to_string().contains("none: No such file"));
    assert_eq!(
        fails(&[here("src")]).to_string(),
        format!("{}: is a directory; name the capture files in it", here("src"))
    );
}

#[test]
fn no_files_have_no_packets() {
    assert!(open(&[], &Limits::default()).unwrap().next_packet().unwrap().is_none());
}
