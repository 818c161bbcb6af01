//! Extensions that never became standards → findings.

use super::{Blame, Finding, rules};
use crate::http::Handshake;
use crate::http::extensions::Obsolete;
use crate::packet::{PacketRef, Side};
use crate::websocket::mux::Channels;

rules! {
    /// An obsolete extension that compresses is in use.
    ///
    /// `x-webkit-deflate-frame` and `deflate-frame` compress each frame by itself, `x-webkit-deflate-message` each message.
    /// wspect reads all of them. Browsers and libraries speak permessage-deflate (RFC 7692) today; what still agrees to
    /// these drafts is old, on one side at least on both.
    DEFLATE_FRAME = "deflate-frame-legacy", Warning, "perframe-deflate draft";

    /// All bytes after the handshake are compressed as a whole.
    ///
    /// `deflate-stream` was part of the drafts of the protocol up to hybi-10 and was dropped. The frames can't be seen, and wspect
    /// does not decompress them: no messages of this connection are shown.
    DEFLATE_STREAM = "deflate-stream-legacy", Warning, "hybi-10 §9.2.1";

    /// Several WebSocket connections share this one.
    ///
    /// The multiplexing extension never became a standard. wspect shows the messages as they stand on the wire, each beginning
    /// with the number of its channel, and does not read the frames inside of them.
    MUX = "mux-extension", Warning, "multiplexing draft";
}

/// What a handshake agrees to.
pub fn check(handshake: &Handshake, found: &mut impl FnMut(Finding)) {
    let Some(response) = handshake.response.as_ref().filter(|response| response.status == 101) else {
        return;
    };
    for extension in &handshake.extensions().extensions {
        let (rule, detail) = match Obsolete::of(&extension.name) {
            Some(Obsolete::DeflateFrame | Obsolete::DeflateMessage) => {
                (&DEFLATE_FRAME, format!("{} is in use", extension.name))
            }
            Some(Obsolete::DeflateStream) => (&DEFLATE_STREAM, "its frames can't be seen".to_owned()),
            Some(Obsolete::Mux) | None => continue,
        };
        found(rule.broken(Side::Server, response.last, detail));
    }
}

/// What a connection carried, of which several were made.
pub fn mux(channels: &Channels, at: PacketRef) -> Finding {
    let mut seen: Vec<String> = channels.seen().map(|channel| channel.to_string()).collect();
    if channels.more() {
        seen.push("more".to_owned());
    }
    let list = if seen.is_empty() { "none".to_owned() } else { seen.join(", ") };
    MUX.broken(Blame::Server, at, format!("channels seen: {list}; what they carry is not decoded"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Headers, ResponseHead};
    use crate::websocket::{Message, Opcode};

    fn agreed(extensions: &str) -> Vec<&'static str> {
        let headers = Headers::from_iter([("Sec-WebSocket-Extensions", extensions)]);
        let response = ResponseHead { status: 101, headers, ..ResponseHead::default() };
        let mut found = Vec::new();
        check(&Handshake::answered(None, response), &mut |finding| found.push(finding.rule.name));
        found
    }

    #[test]
    fn each_obsolete_extension_is_named() {
        for name in
            ["deflate-frame", "x-webkit-deflate-frame; no_context_takeover", "x-webkit-deflate-message"]
        {
            assert_eq!(agreed(name), [DEFLATE_FRAME.name]);
        }
        assert_eq!(agreed("deflate-stream"), [DEFLATE_STREAM.name]);
        assert_eq!(agreed("permessage-deflate, x-foo"), [""; 0]);
    }

    #[test]
    fn the_channels_of_a_shared_connection_are_listed() {
        let mut channels = Channels::default();
        for channel in [3, 0, 3] {
            let payload = vec![channel, 0x81, b'a'];
            channels.note(&Message { opcode: Opcode::BINARY, payload, ..Message::default() });
        }
        let finding = mux(&channels, PacketRef::default());
        assert_eq!(finding.rule, &MUX);
        assert_eq!(finding.detail, "channels seen: 0, 3; what they carry is not decoded");
    }
}
