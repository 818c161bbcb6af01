//! Captures that break the rules about the opening handshake.

use std::time::Duration;

use wspect::packet::Side;
use wspect::rules::Blame::{Capture, Client, Server};

use super::{Case, chat, ended, opened};
use crate::support::{Scenario, Upgrade, Wire, text};

pub(super) fn cases() -> Vec<Case> {
    [heads(), requests(), answers(), choices(), around(), privacy(), dialects()]
        .into_iter()
        .flatten()
        .collect()
}

/// What comes close to breaking a rule, and breaks none.
pub(super) fn legal() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a plain handshake", chat(&legal_upgrade())),
        (
            "tokens in lists and in other cases",
            chat(
                &legal_upgrade()
                    .request("Connection", "keep-alive, upgrade")
                    .response("Upgrade", "WebSocket"),
            ),
        ),
        ("a handshake byte by byte", ended(opened(&legal_upgrade())).wire(Wire::new().segments_of(1)).pcap()),
        ("one connection after the other", two_connections(1, 2)),
    ]
}

fn heads() -> Vec<Case> {
    vec![
        Case::new("handshake-upgrade-missing", Client, || chat(&legal_upgrade().request("Upgrade", ""))),
        Case::new("handshake-upgrade-missing", Server, || chat(&legal_upgrade().response("Upgrade", ""))),
        Case::new("handshake-connection-missing", Client, || {
            chat(&legal_upgrade().request("Connection", "keep-alive"))
        }),
        Case::new("handshake-connection-missing", Server, || {
            chat(&legal_upgrade().response("Connection", "close"))
        }),
        Case::new("handshake-header-folded-or-invalid", Client, || {
            chat(&legal_upgrade().request("X-Folded", "a\r\n b"))
        }),
        Case::new("handshake-header-folded-or-invalid", Server, || {
            chat(&legal_upgrade().response("X-Control", "a\x07b"))
        }),
        Case::new("handshake-body-present", Client, || {
            let head = legal_upgrade().request("Content-Length", "2");
            let script = Scenario::new().client([head.request_bytes(), b"{}".to_vec()].concat());
            ended(script.server(head.response_bytes())).pcap()
        }),
        Case::new("handshake-body-present", Server, || {
            chat(&legal_upgrade().response("Content-Length", "0"))
        }),
    ]
}

fn requests() -> Vec<Case> {
    vec![
        Case::new("handshake-method-not-get", Client, || {
            chat(&legal_upgrade().request_line("POST /chat HTTP/1.1"))
        }),
        Case::new("handshake-http-version-low", Client, || {
            chat(&legal_upgrade().request_line("GET /chat HTTP/1.0"))
        }),
        Case::new("handshake-host-missing", Client, || chat(&legal_upgrade().request("Host", ""))),
        Case::new("handshake-key-missing", Client, || {
            chat(&legal_upgrade().request("Sec-WebSocket-Key", ""))
        }),
        Case::new("handshake-key-length", Client, || chat(&legal_upgrade().key("c2hvcnQ="))),
        Case::new("handshake-key-duplicate", Client, || {
            chat(&legal_upgrade().also_request("Sec-WebSocket-Key", "dGhlIG90aGVyIG5vbmNlIQ=="))
        }),
        Case::new("handshake-key-sample", Client, || chat(&legal_upgrade().key("dGhlIHNhbXBsZSBub25jZQ=="))),
        Case::new("handshake-version-missing", Client, || {
            chat(&legal_upgrade().request("Sec-WebSocket-Version", ""))
        }),
        Case::new("handshake-version-unsupported", Client, || {
            chat(&legal_upgrade().request("Sec-WebSocket-Version", "25"))
        }),
        Case::new("handshake-version-negotiated", Client, || {
            let asking = refusal("HTTP/1.1 400 Bad Request").request("Sec-WebSocket-Version", "25");
            refused(&asking.response("Sec-WebSocket-Version", "13"))
        })
        .implies(&["handshake-rejected"]),
        Case::new("handshake-version-duplicate", Client, || {
            chat(&legal_upgrade().also_request("Sec-WebSocket-Version", "8"))
        }),
    ]
}

fn answers() -> Vec<Case> {
    vec![
        Case::new("handshake-accept-mismatch", Server, || {
            chat(&legal_upgrade().response("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
        }),
        Case::new("handshake-accept-missing", Server, || {
            chat(&legal_upgrade().response("Sec-WebSocket-Accept", ""))
        }),
        Case::new("handshake-accept-duplicate", Server, || {
            chat(&legal_upgrade().also_response("Sec-WebSocket-Accept", "d5LUgQNBenBnpkNhbJgUKj/VA+U="))
        }),
        Case::new("handshake-response-version-low", Server, || {
            chat(&legal_upgrade().status_line("HTTP/1.0 101 Switching Protocols"))
        }),
        Case::new("handshake-426-without-version", Server, || {
            refused(&refusal("HTTP/1.1 426 Upgrade Required"))
        })
        .implies(&["handshake-rejected"]),
        Case::new("handshake-rejected", Server, || refused(&refusal("HTTP/1.1 403 Forbidden"))),
        Case::new("handshake-no-response", Server, || {
            Scenario::new().client(legal_upgrade().request_bytes()).fin().pcap()
        }),
        Case::new("handshake-no-response", Capture, || {
            let script = Scenario::new().client(legal_upgrade().request_bytes());
            script.wait(2_000_000_000).ack(Side::Server).pcap()
        }),
        Case::new("handshake-open-at-end", Capture, || {
            Scenario::new().client(legal_upgrade().request_bytes()).pcap()
        }),
    ]
}

fn choices() -> Vec<Case> {
    const PROTOCOL: &str = "Sec-WebSocket-Protocol";
    const EXTENSIONS: &str = "Sec-WebSocket-Extensions";
    vec![
        Case::new("handshake-subprotocol-unrequested", Server, || {
            chat(&legal_upgrade().response(PROTOCOL, "mqtt"))
        }),
        Case::new("handshake-subprotocol-case-mismatch", Server, || {
            chat(&legal_upgrade().request(PROTOCOL, "mqtt").response(PROTOCOL, "MQTT"))
        }),
        Case::new("handshake-subprotocol-multiple", Server, || {
            chat(&legal_upgrade().agreed(PROTOCOL, "mqtt, amqp"))
        }),
        Case::new("handshake-subprotocol-none-selected", Server, || {
            chat(&legal_upgrade().request(PROTOCOL, "mqtt"))
        }),
        Case::new("handshake-subprotocol-invalid-token", Client, || {
            chat(&legal_upgrade().request(PROTOCOL, "mqtt, a b").response(PROTOCOL, "mqtt"))
        }),
        Case::new("handshake-subprotocol-invalid-token", Server, || {
            chat(&legal_upgrade().request(PROTOCOL, "mqtt").response(PROTOCOL, "mq tt"))
        }),
        Case::new("handshake-subprotocol-unregistered", Server, || {
            chat(&legal_upgrade().agreed(PROTOCOL, "chat"))
        }),
        Case::new("handshake-extension-unrequested", Server, || {
            chat(&legal_upgrade().response(EXTENSIONS, "permessage-deflate"))
        })
        .implies(&["deflate-negotiated-never-used"]),
        Case::new("handshake-extension-unknown", Client, || {
            chat(&legal_upgrade().request(EXTENSIONS, "x-private"))
        }),
        Case::new("handshake-extension-syntax", Client, || {
            chat(&legal_upgrade().request(EXTENSIONS, "bbf-usp-protocol; a b"))
        }),
        Case::new("handshake-extension-syntax", Server, || {
            let offer = legal_upgrade().request(EXTENSIONS, "bbf-usp-protocol");
            chat(&offer.response(EXTENSIONS, "bbf-usp-protocol; ="))
        }),
        Case::new("handshake-extension-value-no-token", Client, || {
            chat(&legal_upgrade().request(EXTENSIONS, "bbf-usp-protocol; a=\"b c\""))
        }),
        Case::new("handshake-extension-rsv-conflict", Server, || {
            chat(&legal_upgrade().agreed(EXTENSIONS, "permessage-deflate, permessage-deflate"))
        })
        .implies(&["deflate-negotiated-never-used"]),
    ]
}

fn around() -> Vec<Case> {
    vec![
        Case::new("handshake-slow", Server, || {
            let (upgrade, second) = (legal_upgrade(), 1_000_000_000);
            let script = Scenario::new().client(upgrade.request_bytes()).wait(second + 1_000_000);
            ended(script.server(upgrade.response_bytes())).pcap()
        }),
        Case::new("handshake-slow", Server, || chat(&legal_upgrade()))
            .under(|options| options.thresholds.slow_handshake = Duration::ZERO),
        Case::new("handshake-client-early-data", Client, || {
            let upgrade = legal_upgrade();
            let script = Scenario::new().client(upgrade.request_bytes()).client(text("too early"));
            ended(script.server(upgrade.response_bytes())).pcap()
        }),
        Case::new("handshake-server-data-coalesced", Server, || {
            let upgrade = legal_upgrade();
            let greeting = [upgrade.response_bytes(), b"\x81\x05Hello".to_vec()].concat();
            ended(Scenario::new().client(upgrade.request_bytes()).server(greeting)).pcap()
        }),
        Case::new("handshake-unsolicited-101", Server, || {
            let script = Scenario::new().client("GET /chat HTTP/1.1\r\nHost: server.example.com\r\n\r\n");
            ended(script.server(legal_upgrade().response_bytes()).server(text("Hello"))).pcap()
        }),
        Case::new("handshake-proxy-connect", Client, || {
            let script = Scenario::new()
                .client("CONNECT server.example.com:80 HTTP/1.1\r\nHost: server.example.com:80\r\n\r\n")
                .server("HTTP/1.1 200 Connection established\r\n\r\n");
            ended(script.upgrade_as(&legal_upgrade())).pcap()
        }),
        Case::new("handshake-key-reused", Client, || two_connections(1, 1)),
        Case::new("handshake-concurrent-connecting", Client, || {
            let (one, two) = (Upgrade::new("/").numbered(1), Upgrade::new("/").numbered(2));
            let script =
                Scenario::new().client(one.request_bytes()).connection(2).client(two.request_bytes());
            let script = ended(script.connection(1).server(one.response_bytes()));
            ended(script.connection(2).server(two.response_bytes())).pcap()
        }),
        Case::new("handshake-missing-midstream", Capture, || {
            let mut capture = opened(&legal_upgrade()).client(text("a longer answer")).capture();
            // Three of the TCP handshake, two of the opening handshake.
            capture.packets.drain(..5);
            capture.pcap()
        })
        .implies(&["tcp-no-syn", "connection-open-at-end"]),
    ]
}

fn privacy() -> Vec<Case> {
    vec![
        Case::new("handshake-origin-missing", Client, || {
            chat(&legal_upgrade().request("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)"))
        }),
        Case::new("handshake-origin-cross-site", Client, || {
            chat(&legal_upgrade().request("Origin", "http://www.example.net"))
        }),
        Case::new("handshake-credentials-in-url", Client, || {
            chat(&legal_upgrade().request_line("GET /chat?access_token=abc HTTP/1.1"))
        }),
        Case::new("handshake-cleartext-credentials", Client, || {
            chat(&legal_upgrade().request("Authorization", "Bearer abc"))
        }),
        Case::new("handshake-cleartext-cookie", Client, || {
            chat(&legal_upgrade().request("Cookie", "session=abc"))
        }),
    ]
}

fn dialects() -> Vec<Case> {
    vec![
        Case::new("handshake-legacy-hybi", Client, || {
            chat(&legal_upgrade().request("Sec-WebSocket-Version", "8"))
        }),
        Case::new("handshake-legacy-hybi", Client, || {
            chat(&legal_upgrade().request("Sec-WebSocket-Version", "4"))
        }),
        // The request and the frames are those of draft-hixie-thewebsocketprotocol-76 §1.
        Case::new("handshake-legacy-hixie", Client, || {
            let script = Scenario::new().client(HIXIE_76_REQUEST).server(HIXIE_76_RESPONSE);
            script.client("\0LUOZHOU\u{7f}").server("\0Hello\u{7f}").fin().pcap()
        }),
    ]
}

const HIXIE_76_REQUEST: &str = "GET /demo HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\nUpgrade: WebSocket\r\n\
    Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nOrigin: http://example.com\r\n\r\n^n:ds[4U";

const HIXIE_76_RESPONSE: &str = "HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Origin: http://example.com\r\n\
    Sec-WebSocket-Location: ws://example.com/demo\r\n\r\n8jKS'y:G*Co,Wxa-";

fn legal_upgrade() -> Upgrade {
    Upgrade::new("/chat")
}

/// A refusal with an empty body.
fn refusal(status_line: &str) -> Upgrade {
    legal_upgrade()
        .status_line(status_line)
        .response("Upgrade", "")
        .response("Connection", "")
        .response("Sec-WebSocket-Accept", "")
        .response("Content-Length", "0")
}

fn refused(upgrade: &Upgrade) -> Vec<u8> {
    Scenario::new().upgrade_as(upgrade).fin().pcap()
}

/// Two connections with keys of these numbers, one after the other.
fn two_connections(one: u64, two: u64) -> Vec<u8> {
    let script = ended(Scenario::new().upgrade_as(&Upgrade::new("/").numbered(one)));
    ended(script.connection(2).upgrade_as(&Upgrade::new("/").numbered(two))).pcap()
}
