//! The captures written here, as Wireshark's dissectors see them: a judge that is none of ours.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use wspect::packet::Side;

use super::*;

#[test]
fn tshark_sees_the_frames_in_every_encapsulation() {
    for ip in [IpVersion::V4, IpVersion::V6] {
        let capture = |(number, over): (u16, &Encapsulation)| {
            chat(number).wire(Wire::new().ip(ip)).over(*over).capture()
        };
        let captures: Vec<_> = (1..).zip(&Encapsulation::ALL).map(capture).collect();
        let Some(seen) = tshark(&format!("encapsulations-{ip:?}"), &Pcapng::new().file(&captures)) else {
            return;
        };
        for (interface, over) in Encapsulation::ALL.iter().enumerate() {
            assert_eq!(seen.frames.get(&interface), Some(&CHAT_FRAMES), "{over:?} in {ip:?}");
        }
        assert_eq!(seen.complaints, "", "{ip:?}");
    }
}

#[test]
fn tshark_sees_the_frames_in_every_file_format() {
    let capture = chat(1).capture();
    let captures = std::slice::from_ref(&capture);
    let files = [
        ("micros-be", capture.pcap_as(Pcap::Micros, ByteOrder::Big)),
        ("nanos-le", capture.pcap_as(Pcap::Nanos, ByteOrder::Little)),
        ("modified", capture.pcap_as(Pcap::Modified, ByteOrder::Little)),
        ("gzip", capture.compressed(Compression::Gzip)),
        ("ng-be", Pcapng::new().order(ByteOrder::Big).with_unknown_blocks().file(captures)),
        ("ng-simple", Pcapng::new().block(PacketBlock::Simple).file(captures)),
        ("ng-old", Pcapng::new().block(PacketBlock::Old).resolutions(&[9, 0x80 | 20]).file(captures)),
    ];
    for (name, file) in files {
        let Some(seen) = tshark(name, &file) else { return };
        assert_eq!(seen.frames.values().sum::<usize>(), CHAT_FRAMES, "{name}");
        assert_eq!(seen.complaints, "", "{name}");
    }
}

#[test]
fn tshark_sees_the_frames_however_they_are_cut_into_segments() {
    for (name, wire) in [
        ("bytewise", Wire::new().segments_of(1)),
        ("coalesced", Wire::new().coalesced().segments_of(7)),
        ("wrapped", Wire::new().initial_sequence(u32::MAX - 20, u32::MAX - 200)),
    ] {
        let Some(seen) = tshark(name, &chat(1).wire(wire).pcap()) else { return };
        assert_eq!(seen.frames.values().sum::<usize>(), CHAT_FRAMES, "{name}");
        assert_eq!(seen.complaints, "", "{name}");
    }
}

#[test]
fn tshark_complains_where_it_should() {
    let mut spoilt = chat(1).pcap();
    let last_byte = spoilt.len() - 7; // of the last TCP header, before the padding of the Ethernet frame
    spoilt[last_byte] ^= 1;
    let Some(seen) = tshark("spoilt", &spoilt) else { return };
    assert_ne!(seen.complaints, "");
}

/// A conversation with something of everything that is legal.
fn chat(number: u16) -> Scenario {
    Scenario::new()
        .connection(number)
        .upgrade("/chat")
        .client(text("LUOZHOU"))
        .ack(Side::Server)
        .server(vec![text("Hello, LUOZHOU"), ping("still there?")])
        .client(pong("still there?"))
        .server(binary([7; 300]).fragments(128))
        .client(close(1000, "bye"))
        .server(close(1000, ""))
        .fin()
}

const CHAT_FRAMES: usize = 9;

struct Seen {
    /// WebSocket frames by interface.
    frames: BTreeMap<usize, usize>,
    /// Malformed packets, wrong checksums and what tshark finds odd about TCP.
    complaints: String,
}

/// What tshark makes of a file, or `None` where it is not installed.
fn tshark(name: &str, file: &[u8]) -> Option<Seen> {
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("skipped: tshark is not installed");
        return None;
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tshark-{name}"));
    std::fs::write(&path, file).unwrap();
    let odd = "_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || tcp.analysis.flags";
    let mut seen = Seen { frames: BTreeMap::new(), complaints: String::new() };
    for row in packets(&path, &format!("websocket || {odd}")).lines() {
        // The outermost interface, an opcode for each WebSocket frame, and what the expert says.
        let [interface, opcodes, complaint] = row.splitn(3, '\t').collect::<Vec<_>>()[..] else { continue };
        let frames = opcodes.split(',').filter(|opcode| !opcode.is_empty()).count();
        *seen.frames.entry(interface.parse().unwrap_or_default()).or_default() += frames;
        seen.complaints.push_str(complaint);
    }
    Some(seen)
}

/// The packets that a display filter lets through, a line each.
fn packets(path: &Path, filter: &str) -> String {
    let mut command = Command::new("tshark");
    command.args(["-n", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-T", "fields"]);
    command.args(["-e", "frame.interface_id", "-e", "websocket.opcode", "-e", "_ws.expert.message"]);
    let output = command.arg("-r").arg(path).args(["-Y", filter]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
