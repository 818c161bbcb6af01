//! pcapng: sections, interfaces, blocks, options.

use crate::capture::fixtures::{BIG, LITTLE, NgFile, Owned, every_block, half, links, read, times, word};
use crate::packet::{CaptureSecrets, LinkType};

const SECOND: i64 = 1_000_000_000;
const UNKNOWN: LinkType = LinkType(u16::MAX);

fn one(file: NgFile) -> Owned {
    let (mut packets, info) = read(&file.bytes);
    assert_eq!((packets.len(), info.damage), (1, None));
    packets.remove(0)
}

#[test]
fn every_kind_of_block_is_read_in_both_byte_orders() {
    for order in [LITTLE, BIG] {
        let (packets, info) = read(&every_block(order));
        let data: Vec<&[u8]> = packets.iter().map(|packet| packet.data.as_slice()).collect();
        assert_eq!(data, [&b"first"[..], b"second!!", b"abc", b"pb"]);
        assert_eq!(times(&packets), [SECOND, 2 * SECOND, 2 * SECOND, 3 * SECOND]);
        let ethernet = LinkType::ETHERNET;
        assert_eq!(links(&packets), [ethernet, LinkType::LINUX_SLL, ethernet, ethernet]);
        assert_eq!(info.secrets, [CaptureSecrets { kind: 0x544c_534b, data: b"secret".to_vec() }]);
        assert!(info.dropped.is_some());
        assert_eq!((info.format.as_str(), info.damage), ("pcapng", None));
    }
}

#[test]
fn a_section_may_change_the_byte_order_and_begins_with_no_interfaces() {
    let file = NgFile::new(LITTLE).interface(1, 0, &[]).interface(113, 0, &[]).packet(1, 1, b"a");
    let file = file.section(BIG).interface(101, 0, &[]).packet(0, 2, b"b").packet(1, 3, b"c");
    let (packets, info) = read(&file.section(LITTLE).interface(0, 0, &[]).packet(0, 4, b"d").bytes);
    assert_eq!(links(&packets), [LinkType::LINUX_SLL, LinkType::RAW, UNKNOWN, LinkType::NULL]);
    assert_eq!((times(&packets), info.damage), (vec![1000, 2000, 3000, 4000], None));
}

#[test]
fn each_interface_has_its_own_clock() {
    let ten_to_the_minus_12 = [12];
    let two_to_the_minus_10 = [0x80 | 10];
    let offset = 100_i64.to_le_bytes();
    let file = NgFile::new(LITTLE)
        .interface(1, 0, &[(9, &ten_to_the_minus_12)])
        .interface(1, 0, &[(2, b"eth0"), (9, &two_to_the_minus_10), (14, &offset)])
        .packet(0, 5_000_000_000_000, b"")
        .packet(1, 1024 + 512, b"");
    assert_eq!(times(&read(&file.bytes).0), [5 * SECOND, 101 * SECOND + SECOND / 2]);
}

#[test]
fn times_beyond_the_type_are_held_at_its_bounds() {
    let offset = i64::MIN.to_le_bytes();
    let file = NgFile::new(LITTLE).interface(1, 0, &[(9, &[0])]).interface(1, 0, &[(14, &offset)]);
    let (packets, _) = read(&file.packet(0, u64::MAX, b"").packet(1, 0, b"").bytes);
    assert_eq!(times(&packets), [i64::MAX, i64::MIN]);
}

#[test]
fn a_packet_of_an_unknown_interface_is_a_packet() {
    let (packets, info) = read(&NgFile::new(LITTLE).packet(7, 5, b"data").packet(8, 6, b"more").bytes);
    assert_eq!(links(&packets), [UNKNOWN, UNKNOWN]);
    assert_eq!((times(&packets), info.damage), (vec![5000, 6000], None));
}

#[test]
fn bad_options_of_a_packet_do_no_harm() {
    let file = NgFile::new(LITTLE).interface(1, 0, &[]);
    let packet = one(file.packet_with(0, 1, b"data", &[1, 0, 0xff, 0xff, b'x', 0, 0, 0]));
    assert_eq!(packet.data, b"data");
}

#[test]
fn bad_options_of_an_interface_leave_it_its_link_type() {
    let mut body = half(LITTLE, 113).to_vec();
    body.extend([0, 0, 0, 0, 0, 0, 9, 0, 200, 0, 1]);
    let packet = one(NgFile::new(LITTLE).block(1, &body).packet(0, 1, b"x"));
    assert_eq!((packet.link, packet.time), (113, 1000));
}

#[test]
fn a_simple_packet_has_the_time_of_the_packet_before_it() {
    let file = NgFile::new(LITTLE).interface(1, 0, &[]).fields(3, &[1], b"a");
    let (packets, _) = read(&file.packet(0, 9, b"").fields(3, &[1], b"b").bytes);
    assert_eq!(times(&packets), [0, 9000, 9000]);
}

#[test]
fn a_simple_packet_is_cut_at_the_snap_length_of_its_interface() {
    let packet = one(NgFile::new(LITTLE).interface(1, 3, &[]).fields(3, &[1500], b"abcd"));
    assert_eq!((packet.data.as_slice(), packet.original_len), (&b"abc"[..], 1500));
    let without_interface = one(NgFile::new(LITTLE).fields(3, &[3], b"abc"));
    assert_eq!((without_interface.link, without_interface.data.len()), (u16::MAX, 3));
}

#[test]
fn an_enhanced_packet_may_be_longer_than_the_snap_length() {
    assert_eq!(one(NgFile::new(LITTLE).interface(1, 3, &[]).packet(0, 0, b"abcdef")).data, b"abcdef");
}

#[test]
fn the_obsolete_packet_block_names_a_16_bit_interface() {
    let file = NgFile::new(BIG).interface(1, 0, &[]).interface(113, 0, &[]);
    let packet = one(file.fields(2, &[0x0001_ffff, 0, 4, 2, 90], b"pb"));
    assert_eq!((packet.link, packet.time, packet.original_len), (113, 4000, 90));
}

fn dropped(file: NgFile) -> Option<u64> {
    read(&file.bytes).1.dropped
}

#[test]
fn statistics_count_from_the_start_so_the_last_of_an_interface_holds() {
    let file = NgFile::new(LITTLE).interface(1, 0, &[]).interface(1, 0, &[]);
    let counts = |file: NgFile, interface, by_interface: u64, by_system: u64| {
        let options = file.options(&[(5, &by_interface.to_le_bytes()), (7, &by_system.to_le_bytes())]);
        file.fields(5, &[interface, 0, 0], &options)
    };
    assert_eq!(dropped(file.clone()), None);
    let file = counts(counts(counts(file, 0, 1, 0), 0, 5, 2), 1, 10, 0);
    assert_eq!(dropped(file.clone()), Some(17));
    let next_section = file.section(LITTLE).interface(1, 0, &[]);
    assert_eq!(dropped(counts(next_section, 0, 100, 0)), Some(117));
}

#[test]
fn drops_before_packets_count_where_there_are_no_statistics() {
    let file = NgFile::new(LITTLE).interface(1, 0, &[]);
    let options = file.options(&[(4, &3_u64.to_le_bytes())]);
    let file = file.packet_with(0, 0, b"abcd", &options).packet_with(0, 0, b"abcde", &options);
    assert_eq!(dropped(file.clone()), Some(6));
    assert_eq!(dropped(file.fields(2, &[0x0004_0000, 0, 0, 0, 0], b"")), Some(10));
}

#[test]
fn a_version_1_2_is_a_1_0() {
    let file = NgFile { order: LITTLE, bytes: Vec::new() }.section_of_version(LITTLE, 1, 2);
    assert_eq!(one(file.interface(1, 0, &[]).packet(0, 0, b"x")).data, b"x");
}

#[test]
fn a_total_length_without_the_padding_is_understood() {
    let mut file = NgFile::new(LITTLE).interface(1, 0, &[]);
    for kind in [2, 0xbad] {
        let start = file.bytes.len();
        file = file.fields(kind, &[0, 0, 0, 2, 2], b"pb");
        let end = file.bytes.len();
        for length in [start + 4, end - 4] {
            file.bytes[length] = 34;
        }
    }
    let (packets, info) = read(&file.packet(0, 0, b"after").bytes);
    assert_eq!((packets.len(), info.damage), (2, None));
}

#[test]
fn unknown_blocks_larger_than_the_buffer_are_stepped_over() {
    let file = NgFile::new(LITTLE).interface(1, 0, &[]).block(0xbad, &vec![0; 40 << 20]);
    assert_eq!(one(file.packet(0, 0, b"x")).data, b"x");
}

#[test]
fn secrets_are_kept_up_to_a_bound_in_all() {
    let mut file = NgFile::new(LITTLE);
    for _ in 0..5 {
        file = file.fields(10, &[1, 4 << 20], &vec![b's'; 4 << 20]);
    }
    let (_, info) = read(&file.fields(10, &[2, 3], b"abc").bytes);
    let sizes: Vec<usize> = info.secrets.iter().map(|secrets| secrets.data.len()).collect();
    assert_eq!(sizes, [4 << 20, 4 << 20, 4 << 20, 3]);
}

#[test]
fn a_section_header_with_bad_options_is_a_section_header() {
    let mut body = word(LITTLE, 0x1a2b_3c4d).to_vec();
    body.extend([1, 0, 0, 0]);
    body.extend([0xff; 12]);
    let file = NgFile { order: LITTLE, bytes: Vec::new() }.block(0x0a0d_0d0a, &body);
    assert_eq!(one(file.interface(1, 0, &[]).packet(0, 0, b"x")).data, b"x");
}
