//! Captures that break the rules about the capture and TCP.

use wspect::rules::Blame;

use super::super::support::{Capture, Pcapng, Scenario, Upgrade, Wire, close, text};
use super::{Case, chat, ended, opened};

pub(super) fn cases() -> Vec<Case> {
    let case = |rule, capture| Case::new(rule, Blame::Capture, capture);
    vec![
        case("tcp-gap", || long().wire(Wire::new().segments_of(1000).lost(9..=9)).pcap()),
        case("tcp-overlap-conflict", || altered(long(), overlap)).implies(&["tcp-out-of-order"]),
        case("tcp-out-of-order", || altered(long(), |capture| capture.packets.swap(8, 9))),
        case("tcp-out-of-order", || {
            // The opening handshake too, of which nothing is broken for that.
            ended(opened(&Upgrade::new("/"))).wire(Wire::new().shuffled(6, 3)).pcap()
        }),
        case("tcp-no-syn", || long().wire(Wire::new().segments_of(1000).lost(1..=3)).pcap()),
        case("tcp-one-direction-only", || only(&[1, 3, 4, 6, 8, 11]))
            .implies(&["handshake-missing-midstream"]),
        case("tcp-one-direction-only", || only(&[2, 5, 7, 9, 10, 12])).implies(&["tcp-gap"]),
        Case::new("tcp-zero-window", Blame::Server, || stalled(1_000_000_000)),
        case("frame-truncated-snaplen", || long().wire(Wire::new().snap_length(600)).pcap()),
        case("frame-truncated-eof", || long().wire(Wire::new().segments_of(1000).lost(10..=20)).pcap())
            .implies(&["connection-open-at-end"]),
        case("frame-desync", boundary_lost).implies(&["tcp-gap"]),
        case("tls-no-keys", || {
            Scenario::new()
                .client(&b"\x16\x03\x01\0\x02\x01\0"[..])
                .server("\x16\x03\x03\0\x02\x02\0")
                .fin()
                .pcap()
        }),
        case("http2-not-read", || Scenario::new().client("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").fin().pcap()),
        case("capture-time-backwards", || altered(long(), |capture| set_back(capture, 5_000_000_000))),
        case("capture-file-truncated", || {
            let mut file = chat(&Upgrade::new("/"));
            file.truncate(file.len() - 5);
            file
        }),
        case("capture-file-damaged", || [chat(&Upgrade::new("/")), vec![0xff; 64]].concat()),
        case("capture-dropped-packets", dropped),
        case("limit-reached", || long().pcap()).under(|options| options.limits.payload = 100),
        case("limit-reached", || in_fragments(10).pcap()).under(|options| {
            options.frames = true;
            options.limits.frames = 4;
        }),
        case("limit-reached", || long().pcap())
            .under(|options| options.limits.head = 32)
            .implies(&["handshake-missing-midstream"]),
        case("limit-reached", || altered(long(), |capture| capture.packets.swap(8, 10)))
            .under(|options| options.limits.early_bytes = 500)
            .implies(&["tcp-out-of-order"]),
        case("limit-reached", || {
            let other = |port| Scenario::new().connection(port).client("anything but HTTP");
            let [mut one, two] = [other(1).capture(), other(2).capture()];
            one.packets.extend(two.packets);
            one.pcap()
        })
        .under(|options| options.limits.flows = 1),
    ]
}

/// What comes close to breaking a rule, and breaks none.
pub(super) fn legal() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("packets captured twice", long().wire(Wire::new().segments_of(1000).duplicated(3)).pcap()),
        ("times a little out of order", altered(long(), |capture| set_back(capture, 20_000_000))),
        ("a window that is closed for a moment", stalled(1_000_000)),
        (
            "a client that never got a TCP connection",
            Scenario::new().wire(Wire::new().lost(2..=3)).open().pcap(),
        ),
        (
            "a frame that is only begun in the last packet but one",
            in_fragments(1).wire(Wire::new().segments_of(7)).pcap(),
        ),
        ("something else than WebSocket, cut by the snap length", {
            Scenario::new().client([b'x'; 500].as_slice()).fin().wire(Wire::new().snap_length(100)).pcap()
        }),
    ]
}

/// Packets 8 to 10, at 1000 bytes a segment, carry one message.
fn long() -> Scenario {
    ended(opened(&Upgrade::new("/")).client(text(&"0123456789".repeat(250))))
}

fn in_fragments(size: usize) -> Scenario {
    ended(opened(&Upgrade::new("/")).client(text(&"0123456789".repeat(5)).fragments(size)))
}

/// A capture in segments of 1000 bytes that was tampered with.
fn altered(script: Scenario, alter: impl FnOnce(&mut Capture)) -> Vec<u8> {
    let mut capture = script.wire(Wire::new().segments_of(1000)).capture();
    alter(&mut capture);
    capture.pcap()
}

/// Packet 9 comes before packet 8, and once more with another last byte.
fn overlap(capture: &mut Capture) {
    let [first, second] = [capture.packets[7].clone(), capture.packets[8].clone()];
    let mut other = second.clone();
    *other.data.last_mut().unwrap() ^= 1;
    capture.packets.splice(7..9, [second, other, first]);
}

fn set_back(capture: &mut Capture, nanos: i64) {
    capture.packets.iter_mut().skip(7).for_each(|packet| packet.nanos -= nanos);
}

/// Of a conversation, only these packets.
fn only(packets: &[usize]) -> Vec<u8> {
    let mut capture = ended(opened(&Upgrade::new("/"))).capture();
    let all = std::mem::take(&mut capture.packets);
    capture.packets =
        (1..).zip(all).filter(|(number, _)| packets.contains(number)).map(|(_, each)| each).collect();
    capture.pcap()
}

/// The server has no room for so long, and the client has something to send.
fn stalled(nanos: i64) -> Vec<u8> {
    use wspect::packet::Side::Server;
    let script = opened(&Upgrade::new("/")).ack(Server).wait(nanos).ack(Server).client(text("at last"));
    altered(ended(script), |capture| capture.packets[7].data[WINDOW].fill(0))
}

/// Where one frame ends and the next begins was not captured.
fn boundary_lost() -> Vec<u8> {
    let more = |script: Scenario, length| script.server(text(&"0123456789".repeat(length)));
    let script = more(more(opened(&Upgrade::new("/")), 150), 250);
    let script = (1..9).fold(script, more);
    ended(script).wire(Wire::new().segments_of(1000).lost(9..=10)).pcap()
}

/// A pcapng file whose last block says that 3 packets were dropped.
fn dropped() -> Vec<u8> {
    let script = opened(&Upgrade::new("/")).client(close(1000, "")).server(close(1000, "")).fin();
    let statistics = [
        &[5, 0, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
        &[5, 0, 8, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0],
    ];
    [Pcapng::new().file(&[script.capture()]), statistics.concat()].concat()
}

/// Behind Ethernet and IPv4 headers.
const WINDOW: std::ops::Range<usize> = 14 + 20 + 14..14 + 20 + 16;
