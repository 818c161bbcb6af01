//! pcap in all its variants.

use crate::capture::fixtures::{BIG, LITTLE, PcapFile, links, read, times};
use crate::packet::LinkType;

#[test]
fn both_byte_orders_and_both_resolutions_are_read() {
    for order in [LITTLE, BIG] {
        for (magic, unit) in [(0xa1b2_c3d4, 1000), (0xa1b2_3c4d, 1)] {
            let file = PcapFile::new(order, magic).packet(7, 9, b"data").record(&[8, 0, 2, 1500], b"cu");
            let (packets, info) = read(&file.bytes);
            assert_eq!(times(&packets), [7_000_000_000 + 9 * unit, 8_000_000_000]);
            assert_eq!((packets[0].number, packets[1].number), (1, 2));
            assert_eq!((&packets[1].data[..], packets[1].original_len), (&b"cu"[..], 1500));
            assert_eq!((info.format.as_str(), info.packets, info.damage), ("pcap", 2, None));
        }
    }
}

#[test]
fn the_modified_variant_has_eight_more_bytes_a_record() {
    for order in [LITTLE, BIG] {
        let file = PcapFile::new(order, 0xa1b2_cd34)
            .record(&[1, 2, 4, 4, 0xaaaa, 0xbbbb], b"data")
            .record(&[3, 0, 1, 1, 0, 0], b"x");
        let (packets, info) = read(&file.bytes);
        assert_eq!(times(&packets), [1_000_002_000, 3_000_000_000]);
        assert_eq!(packets[0].data, b"data");
        assert_eq!(info.damage, None);
    }
}

#[test]
fn ixia_files_have_four_more_bytes_before_the_records() {
    for (magic, unit) in [(0x1c00_01ac, 1), (0x1c00_01ab, 1000)] {
        for order in [LITTLE, BIG] {
            let file = PcapFile::new(order, magic).record(&[20], b"").packet(1, 5, b"data");
            let (packets, _) = read(&file.bytes);
            assert_eq!(times(&packets), [1_000_000_000 + 5 * unit]);
        }
    }
}

#[test]
fn only_the_lower_half_of_the_network_field_is_the_link_type() {
    for network in [1, 0x5400_0001, 0x1003_0001, 0xffff_0001] {
        let file = PcapFile::version(LITTLE, 0xa1b2_c3d4, (2, 4), network).packet(0, 0, b"x");
        assert_eq!(links(&read(&file.bytes).0), [LinkType::ETHERNET]);
    }
}

#[test]
fn old_versions_have_the_lengths_the_other_way_round() {
    let lengths = |version, first, second| {
        let file = PcapFile::version(LITTLE, 0xa1b2_c3d4, version, 1);
        let (packets, _) = read(&file.record(&[0, 0, first, second], b"abc").bytes);
        (packets[0].data.len(), packets[0].original_len)
    };
    assert_eq!(lengths((2, 4), 3, 60), (3, 60));
    assert_eq!(lengths((2, 3), 3, 60), (3, 60));
    assert_eq!(lengths((2, 3), 60, 3), (3, 60));
    assert_eq!(lengths((2, 2), 60, 3), (3, 60));
    assert_eq!(lengths((543, 0), 60, 3), (3, 60));
}

#[test]
fn the_snap_length_of_the_header_cuts_nothing() {
    let (packets, _) = read(&PcapFile::new(LITTLE, 0xa1b2_c3d4).packet(0, 0, &[7; 5000]).bytes);
    assert_eq!((packets[0].data.len(), packets[0].original_len), (5000, 5000));
}

#[test]
fn an_original_length_of_zero_is_the_captured_length() {
    let (packets, _) = read(&PcapFile::new(LITTLE, 0xa1b2_c3d4).record(&[0, 0, 3, 0], b"abc").bytes);
    assert_eq!(packets[0].original_len, 3);
}

#[test]
fn a_packet_larger_than_the_buffer_is_lent_whole() {
    let large = vec![9; 3 << 20];
    let file = PcapFile::new(LITTLE, 0xa1b2_c3d4).packet(0, 0, b"a").packet(1, 0, &large).packet(2, 0, b"b");
    let (packets, info) = read(&file.bytes);
    assert!(packets[1].data == large);
    assert_eq!((packets[2].data.as_slice(), info.damage), (&b"b"[..], None));
}

#[test]
fn seconds_go_on_after_2038() {
    let (packets, info) = read(&PcapFile::new(LITTLE, 0xa1b2_c3d4).packet(u32::MAX, 1, b"").bytes);
    assert_eq!(times(&packets), [4_294_967_295_000_001_000]);
    assert_eq!(info.first_time, info.last_time);
}

#[test]
fn a_header_alone_is_a_capture_without_packets() {
    let (packets, info) = read(&PcapFile::new(LITTLE, 0xa1b2_c3d4).bytes);
    assert!(packets.is_empty());
    assert_eq!((info.packets, info.first_time, info.damage), (0, None, None));
}
