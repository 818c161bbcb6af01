//! Captures that break the rules about compression and about extensions that never became standards.

use wspect::rules::Blame;

use super::{Case, ended};
use crate::support::{Frame, Scenario, Upgrade, Wire, binary, ping, text};

pub(super) fn cases() -> Vec<Case> {
    [negotiation(), data(), use_of_it(), other_extensions()].into_iter().flatten().collect()
}

/// What comes close to breaking a rule, and breaks none.
pub(super) fn legal() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("all four parameters", compressed(ALL, |script| script)),
        ("a context taken over", compressed(PLAIN, |script| script.client(again()).client(again()))),
        (
            "compressed, plain and fragmented",
            compressed(PLAIN, |script| {
                let parts = text("in several fragments").deflated().fragments(5);
                script.client(parts).client(text("plain"))
            }),
        ),
        (
            "references as far as the window reaches",
            compressed(WINDOWS, |script| script.client(rsv1(binary(reaching_back(512))))),
        ),
    ]
}

fn negotiation() -> Vec<Case> {
    vec![
        Case::new("deflate-param-unknown", Blame::Client, || {
            offered("permessage-deflate; level=9", "permessage-deflate")
        }),
        Case::new("deflate-param-duplicate", Blame::Server, || {
            offered(
                "permessage-deflate",
                "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            )
        }),
        Case::new("deflate-window-bits-invalid", Blame::Client, || {
            offered("permessage-deflate; server_max_window_bits=7", "permessage-deflate")
        }),
        Case::new("deflate-window-bits-larger-than-offered", Blame::Server, || {
            offered("permessage-deflate; server_max_window_bits=10", "permessage-deflate")
        }),
        Case::new("deflate-client-bits-not-offered", Blame::Server, || {
            offered("permessage-deflate", "permessage-deflate; client_max_window_bits=12")
        }),
        Case::new("deflate-takeover-value-given", Blame::Server, || {
            offered("permessage-deflate", "permessage-deflate; server_no_context_takeover=true")
        }),
        Case::new("deflate-server-takeover-ignored", Blame::Server, || {
            offered("permessage-deflate; server_no_context_takeover", "permessage-deflate")
        }),
    ]
}

fn data() -> Vec<Case> {
    let sent = |rule, blame, capture| Case::new(rule, blame, capture);
    vec![
        sent("deflate-rsv1-on-continuation", Blame::Client, || {
            compressed(PLAIN, |script| {
                let [first, last] = text("LUOZHOU").deflated().fragments(5).try_into().unwrap();
                script.client(first).client(rsv1(last))
            })
        }),
        sent("deflate-rsv1-on-control", Blame::Server, || {
            compressed(PLAIN, |script| script.server(rsv1(ping(""))).client(Frame::new(0xa, "")))
        }),
        sent("deflate-inflate-error", Blame::Client, || {
            compressed(PLAIN, |script| script.client(rsv1(text("not compressed"))))
        }),
        sent("deflate-missing-context", Blame::Capture, || {
            // packets: 3 to open, 2 for the handshake, 2 messages each way; the eighth is the one that is referred to
            let script = opened_compressed(PLAIN).client(rsv1(binary(stored_block([0xff; 257]))));
            let script = script.client(rsv1(binary(REFERS_BACK))).client(rsv1(binary(REFERS_BACK)));
            ended(script).wire(Wire::new().lost(8..=8)).pcap()
        })
        .implies(&["tcp-gap"]),
        sent("deflate-window-exceeded", Blame::Client, || {
            compressed(WINDOWS, |script| script.client(rsv1(binary(reaching_back(513)))))
        }),
        sent("deflate-context-violated", Blame::Server, || {
            let stored = stored_block([0xff; 257]);
            let refers = rsv1(binary(REFERS_BACK));
            let script = opened_compressed("permessage-deflate; server_no_context_takeover");
            ended(script.server(rsv1(binary(stored))).server(refers)).pcap()
        }),
        sent("deflate-bfinal-set", Blame::Server, || {
            // RFC 7692 §7.2.3.4
            let hello = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
            compressed_by(PLAIN, Frame::new(1, hello))
        }),
        sent("deflate-trailing-data", Blame::Server, || {
            let hello = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x06, 0x2c, 0x02, 0x15];
            compressed_by(PLAIN, Frame::new(1, hello))
        })
        .implies(&["deflate-bfinal-set"]),
        sent("deflate-tail-not-removed", Blame::Server, || {
            let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00, 0x00, 0xff, 0xff];
            compressed_by(PLAIN, Frame::new(1, hello))
        }),
        sent("deflate-tail-missing", Blame::Server, || compressed_by(PLAIN, Frame::new(1, "")))
            .implies(&["message-empty"]),
        sent("deflate-bomb", Blame::Client, || {
            compressed(PLAIN, |script| script.client(text(&"a".repeat(17 << 20)).deflated()))
        })
        .under(|options| options.payload = 1000)
        .implies(&["message-too-large"]),
    ]
}

fn use_of_it() -> Vec<Case> {
    vec![
        Case::new("deflate-ineffective", Blame::Client, || {
            compressed(PLAIN, |script| (0..10).fold(script, |script, _| script.client(stored("no gain"))))
        }),
        Case::new("deflate-negotiated-never-used", Blame::Server, || {
            let upgrade = agreed(PLAIN);
            ended(
                Scenario::new()
                    .upgrade_as(&upgrade)
                    .client(text("compressed compressed").deflated())
                    .server(text("plain")),
            )
            .pcap()
        }),
    ]
}

fn other_extensions() -> Vec<Case> {
    vec![
        Case::new("deflate-frame-legacy", Blame::Server, || {
            compressed("x-webkit-deflate-frame", |script| {
                let parts = [text("one ").deflated().more(), rsv1(Frame::new(0, stored_block("by one")))];
                script.client(parts.to_vec())
            })
        }),
        Case::new("deflate-stream-legacy", Blame::Server, || {
            offered_with("deflate-stream", "deflate-stream", |script| script.client(&[0xca, 0xfe][..]))
        }),
        Case::new("mux-extension", Blame::Server, || {
            let upgrade = agreed("mux; quota=1000");
            let script = Scenario::new().upgrade_as(&upgrade).client(binary([1, 0x81, b'a']));
            ended(script.server(binary([1, 0x81, b'b']))).pcap()
        }),
    ]
}

/// A stored block of so many bytes, and a reference to the first of them, for 257 to 768 bytes.
fn reaching_back(distance: u16) -> Vec<u8> {
    let mut bits = vec![false, true, false];
    let mut put = |value: u16, count: u16, from_high: bool| {
        let places: Vec<_> = (0..count).collect();
        let bit = |place: &u16| value >> if from_high { count - 1 - place } else { *place } & 1 == 1;
        bits.extend(places.iter().map(bit));
    };
    // RFC 1951 §3.2.5: length 3, then one of three codes for the distance with its extra bits
    put(1, 7, true);
    let (code, base, extra) = match distance {
        257..=384 => (16, 257, 7),
        385..=512 => (17, 385, 7),
        _ => (18, 513, 8),
    };
    put(code, 5, true);
    put(distance - base, extra, false);
    // the end of the block, and the header of the one that is cut off
    put(0, 7 + 3, false);
    let bytes = bits.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit)));
    let stored = stored_block(vec![0xff; usize::from(distance)]);
    [&stored[..stored.len() - 1], &bytes.collect::<Vec<u8>>()].concat()
}

const PLAIN: &str = "permessage-deflate";
const WINDOWS: &str = "permessage-deflate; client_max_window_bits=9";
const ALL: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                   server_max_window_bits=15; client_max_window_bits=15";

/// Three bytes from 257 bytes back, by fixed codes, and the header of the block that is cut off.
const REFERS_BACK: [u8; 4] = [0x02, 0x06, 0x00, 0x00];

fn agreed(extensions: &str) -> Upgrade {
    Upgrade::new("/").agreed("Sec-WebSocket-Extensions", extensions)
}

/// A conversation, compressed both ways, and something more before its end.
fn compressed(extensions: &str, more: impl FnOnce(Scenario) -> Scenario) -> Vec<u8> {
    ended(more(opened_compressed(extensions))).pcap()
}

fn compressed_by(extensions: &str, server: Frame) -> Vec<u8> {
    compressed(extensions, |script| script.server(rsv1(server)))
}

fn opened_compressed(extensions: &str) -> Scenario {
    let said = |what: &str| text(&what.repeat(3)).deflated();
    Scenario::new().upgrade_as(&agreed(extensions)).client(said("LUOZHOU")).server(said("Hello, LUOZHOU"))
}

/// A negotiation, and a message each way that is compressed.
fn offered(offer: &str, answer: &str) -> Vec<u8> {
    offered_with(offer, answer, |script| {
        script.client(text("LUOZHOU LUOZHOU").deflated()).server(text("Hello, Hello").deflated())
    })
}

fn offered_with(offer: &str, answer: &str, more: impl FnOnce(Scenario) -> Scenario) -> Vec<u8> {
    let field = "Sec-WebSocket-Extensions";
    let upgrade = Upgrade::new("/").request(field, offer).response(field, answer);
    ended(more(Scenario::new().upgrade_as(&upgrade))).pcap()
}

fn rsv1(frame: Frame) -> Frame {
    frame.rsv(0b100)
}

fn again() -> Frame {
    text("again and again and again").deflated()
}

/// Compressed to more than it was.
fn stored(payload: &str) -> Frame {
    rsv1(Frame::new(1, stored_block(payload)))
}

fn stored_block(payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let length = u16::try_from(payload.len()).unwrap();
    [&[0][..], &length.to_le_bytes(), &(!length).to_le_bytes(), payload, &[0]].concat()
}
