//! Captures that break the rules about the opening handshake.

use wspect::rules::Blame;

use super::{Case, chat, opened};
use crate::support::{Scenario, Upgrade, text};

pub(super) fn cases() -> Vec<Case> {
    use Blame::{Capture, Client, Server};
    vec![
        Case::new("handshake-accept-mismatch", Server, || {
            chat(&Upgrade::new("/").response("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
        }),
        Case::new("handshake-accept-missing", Server, || {
            chat(&Upgrade::new("/").response("Sec-WebSocket-Accept", ""))
        }),
        Case::new("handshake-key-missing", Client, || {
            refused(&Upgrade::new("/").request("Sec-WebSocket-Key", ""))
        })
        .implies(&["handshake-rejected"]),
        Case::new("handshake-key-length", Client, || chat(&Upgrade::new("/").key("c2hvcnQ="))),
        Case::new("handshake-subprotocol-unrequested", Server, || {
            chat(&Upgrade::new("/").response("Sec-WebSocket-Protocol", "mqtt"))
        }),
        Case::new("handshake-extension-unrequested", Server, || {
            chat(&Upgrade::new("/").response("Sec-WebSocket-Extensions", "permessage-deflate"))
        }),
        Case::new("handshake-rejected", Server, || refused(&Upgrade::new("/"))),
        Case::new("handshake-no-response", Server, || {
            Scenario::new().client(Upgrade::new("/").request_bytes()).fin().pcap()
        }),
        Case::new("handshake-no-response", Capture, || {
            Scenario::new().client(Upgrade::new("/").request_bytes()).pcap()
        }),
        Case::new("handshake-missing-midstream", Capture, || {
            let mut capture = opened(&Upgrade::new("/")).client(text("a longer answer")).capture();
            // Three of the TCP handshake, two of the opening handshake.
            capture.packets.drain(..5);
            capture.pcap()
        }),
    ]
}

/// What comes close to breaking a rule, and breaks none.
pub(super) fn legal() -> Vec<(&'static str, Vec<u8>)> {
    vec![("the handshake of the RFC", chat(&Upgrade::new("/chat")))]
}

/// The server answers 403.
fn refused(upgrade: &Upgrade) -> Vec<u8> {
    Scenario::new().upgrade_as(&answered(upgrade.clone(), "HTTP/1.1 403 Forbidden")).fin().pcap()
}

/// An answer with this status line and an empty body.
fn answered(upgrade: Upgrade, status_line: &str) -> Upgrade {
    upgrade
        .status_line(status_line)
        .response("Upgrade", "")
        .response("Connection", "")
        .response("Sec-WebSocket-Accept", "")
        .response("Content-Length", "0")
}
