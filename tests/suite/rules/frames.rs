//! Captures that break the rules about frames, masking keys, fragments, messages and their content.

use wspect::packet::Side;
use wspect::rules::Blame::{Client, Server};
use wspect::websocket::LengthForm;

use super::{Case, opened};
use crate::support::{Frame, Scenario, Upgrade, binary, close, continuation, ping, pong, text};

pub(super) fn cases() -> Vec<Case> {
    [headers(), lengths(), masks(), fragments(), messages()].into_iter().flatten().collect()
}

/// What comes close to breaking a rule, and breaks none.
pub(super) fn legal() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        (
            "lengths at the borders of their forms",
            told(|script| script.client(sized(125)).client(sized(126))),
        ),
        ("a code point between fragments", told(|script| script.server(text("柳州").fragments(2)))),
        (
            "an empty frame with the key 0",
            told(|script| script.client(ping("").key([0; 4])).server(pong(""))),
        ),
        (
            "a chat of random keys",
            told(|script| (0..200).fold(script, |script, _| script.client(text("Hi")))),
        ),
        ("many fragments of some size", told(|script| script.client(sized(40_000).fragments(39)))),
        ("a terminator", told(|script| script.client(text("SEND\n\nbody\0")))),
    ]
}

fn headers() -> Vec<Case> {
    vec![
        Case::new("frame-client-unmasked", Client, || told(|script| script.client(text("bare").unmasked()))),
        Case::new("frame-server-masked", Server, || {
            told(|script| script.server(text("masked").key([1, 2, 3, 4])))
        }),
        Case::new("frame-rsv1-unnegotiated", Client, || told(|script| script.client(text("Hi").rsv(4)))),
        Case::new("frame-rsv2-set", Server, || told(|script| script.server(text("Hi").rsv(2)))),
        Case::new("frame-rsv3-set", Client, || told(|script| script.client(text("Hi").rsv(1)))),
        Case::new("frame-opcode-reserved-data", Client, || {
            told(|script| script.client(Frame::new(3, "\u{1}\u{2}")))
        }),
        Case::new("frame-opcode-reserved-control", Server, || {
            told(|script| script.server(Frame::new(11, "")))
        }),
        Case::new("control-too-long", Client, || told(|script| script.client(pong([b'x'; 126]))))
            .implies(&["pong-unsolicited"]),
    ]
}

fn lengths() -> Vec<Case> {
    vec![
        Case::new("frame-length-not-minimal", Client, || {
            told(|script| script.client(text("Hi").length_form(LengthForm::Bits16)))
        }),
        Case::new("frame-length-msb-set", Client, || {
            let endless = text("").length_form(LengthForm::Bits64).claiming(1 << 63);
            opened(&Upgrade::new("/")).client(endless).pcap()
        })
        .implies(&["connection-open-at-end", "frame-truncated-eof"]),
        Case::new("frame-length-implausible", Server, || {
            opened(&Upgrade::new("/")).server(binary("\0").claiming(1 << 40)).pcap()
        })
        .implies(&["connection-open-at-end", "frame-truncated-eof"]),
    ]
}

fn masks() -> Vec<Case> {
    vec![
        Case::new("frame-mask-zero", Client, || told(|script| script.client(text("plain").key([0; 4])))),
        Case::new("frame-mask-reused", Client, || {
            told(|script| script.client(text("a").key([1, 2, 3, 4])).client(text("b").key([1, 2, 3, 4])))
        }),
        Case::new("frame-mask-predictable", Client, || {
            told(|script| (1..9).fold(script, |script, n| script.client(text("tick").key([0, 0, 0, n]))))
        }),
        Case::new("frame-mask-predictable", Client, || {
            let key = |n: u32| n.wrapping_mul(0x9e37_79b1).rotate_left(9).wrapping_mul(0x85eb_ca6b) | 0x80;
            let script = Scenario::new().upgrade("/");
            let script =
                (1..80).fold(script, |script, n| script.client(text("Hi").key(key(n).to_be_bytes())));
            script.client(close(1000, "").key(key(80).to_be_bytes())).server(close(1000, "")).fin().pcap()
        }),
    ]
}

fn fragments() -> Vec<Case> {
    vec![
        Case::new("fragment-continuation-unexpected", Client, || {
            told(|script| script.client(continuation("lost")))
        }),
        Case::new("fragment-data-while-open", Client, || {
            told(|script| script.client(text("be").more()).client(text("whole")))
        }),
        Case::new("fragment-control-fragmented", Server, || {
            told(|script| script.server(Frame::new(0xa, "half").more()))
        })
        .implies(&["pong-unsolicited"]),
        Case::new("fragment-never-finished", Client, || told(|script| script.client(text("be").more()))),
        Case::new("fragment-never-finished", Server, || {
            let script = opened(&Upgrade::new("/")).server(text("be").more());
            script.fin_by(Side::Server).fin_by(Side::Client).ack(Side::Server).pcap()
        })
        .implies(&["tcp-closed-without-close"]),
        Case::new("fragment-empty", Client, || {
            told(|script| script.client(text("").more()).client(continuation("all")))
        }),
        Case::new("fragment-empty-final", Server, || {
            told(|script| script.server(text("all").more()).server(continuation("")))
        }),
        Case::new("fragment-flood", Client, || told(|script| script.client(sized(2_000).fragments(2)))),
        Case::new("fragment-control-interleaved", Client, || {
            let split = |script: Scenario| {
                script.client(text("be").more()).client(ping("now")).client(continuation("tween"))
            };
            told(move |script| split(script).server(pong("now")))
        }),
    ]
}

fn messages() -> Vec<Case> {
    vec![
        Case::new("text-invalid-utf8", Client, || told(|script| script.client(Frame::new(1, b"caf\xe9 au")))),
        Case::new("text-truncated-utf8", Server, || told(|script| script.server(Frame::new(1, b"\xe6\x9f")))),
        Case::new("message-too-large", Server, || told(|script| script.server(sized(5_000))))
            .under(|options| options.thresholds.large_message = 5_000),
        Case::new("message-empty", Client, || told(|script| script.client(text("")))),
        Case::new("text-bom-or-nul", Client, || told(|script| script.client(text("\u{feff}{}")))),
        Case::new("text-bom-or-nul", Server, || told(|script| script.server(text("a\0b")))),
        Case::new("binary-looks-text", Client, || {
            told(|script| script.client(binary(br#"{"type":"hello"}"#)))
        }),
        Case::new("text-looks-binary", Server, || {
            told(|script| script.server(text(&"TG9yZW0gaXBzdW0gZG9sb3Igc2l0IGFtZXQ0".repeat(3))))
        }),
    ]
}

/// An opening handshake, something, and a legal end.
fn told(more: impl FnOnce(Scenario) -> Scenario) -> Vec<u8> {
    super::ended(more(opened(&Upgrade::new("/")))).pcap()
}

fn sized(length: usize) -> Frame {
    binary(vec![0; length])
}
