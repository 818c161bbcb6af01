//! Files that are no captures.

use crate::capture::fixtures::{LITTLE, NgFile, PcapFile, open, refusal};

#[test]
fn a_refusal_says_what_the_file_looks_like_and_what_is_read() {
    assert_eq!(
        open(b"\x89PNG\r\n\x1a\n....").map(|_| ()).unwrap_err().to_string(),
        "test: not a capture file (a PNG image); wspect reads pcap and pcapng, plain or in gzip, zstd, lz4 or xz"
    );
}

#[test]
fn a_file_shorter_than_its_header_is_cut_off() {
    let pcap = PcapFile::new(LITTLE, 0xa1b2_c3d4).bytes;
    assert_eq!(refusal(&pcap[..23]), "a capture that is cut off in its file header");
    assert_eq!(refusal(&NgFile::new(LITTLE).bytes[..27]), "a capture that is cut off in its file header");
    assert_eq!(refusal(b""), "empty file");
}

#[test]
fn versions_that_libpcap_refuses_are_refused() {
    for version in [(1, 4), (2, 5), (3, 0), (543, 1), (0, 0)] {
        let file = PcapFile::version(LITTLE, 0xa1b2_c3d4, version, 1);
        assert!(refusal(&file.bytes).starts_with("pcap of version "), "{version:?}");
    }
    for version in [(0, 1), (1, 1), (2, 0)] {
        let file =
            NgFile { order: LITTLE, bytes: Vec::new() }.section_of_version(LITTLE, version.0, version.1);
        assert!(refusal(&file.bytes).starts_with("pcapng of version "), "{version:?}");
    }
}

#[test]
fn a_section_header_that_can_not_be_is_no_capture() {
    let mut bytes = NgFile::new(LITTLE).bytes;
    bytes[8] = 0;
    assert_eq!(refusal(&bytes), "a section header without its byte-order magic");
    let mut bytes = NgFile::new(LITTLE).bytes;
    bytes[24] = 99;
    assert_eq!(refusal(&bytes), "a block of 28 bytes that ends as one of 99");
}
