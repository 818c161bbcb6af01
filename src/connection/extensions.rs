//! The handshake's extensions → what they mean for frames and messages.

use super::Options;
use crate::http::deflate::{DeflateParams, MAX_WINDOW_BITS, Said};
use crate::http::extensions::Obsolete;
use crate::http::{Extension, Handshake, Outcome};
use crate::rules::frame::Rsv1;
use crate::websocket::deflate::{Compression, Scope};

/// What the extensions in use mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extensions {
    /// What RSV1 says.
    pub(super) rsv1: Rsv1,
    /// How the client compresses, where an extension that does was agreed; so does the server then.
    pub(super) client: Option<Compression>,
    /// How the server compresses.
    pub(super) server: Option<Compression>,
    /// What stands in the stream.
    pub(super) framing: Framing,
}

/// What stands in the streams after the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Frames.
    Frames,
    /// Frames that carry those of several channels. // draft-ietf-hybi-websocket-multiplexing
    Multiplexed,
    /// Frames compressed as a whole: none can be seen. // draft-ietf-hybi-thewebsocketprotocol-10 §9.2.1
    Hidden,
}

impl Extensions {
    /// Those of a connection. Without its handshake those that somebody knows of; else RSV1 is taken for that of
    /// permessage-deflate.
    pub(super) fn of(handshake: &Handshake, options: &Options) -> Self {
        let compression = Compression {
            scope: Scope::Message,
            takeover: true,
            window_bits: MAX_WINDOW_BITS,
            certain: handshake.outcome != Outcome::NotCaptured,
            limit: options.limits.inflated,
        };
        if compression.certain {
            return Self::agreed(&handshake.extensions().extensions, compression);
        }
        match &options.assume.extensions {
            Some(known) => Self::agreed(known, compression),
            None => Self::both(Rsv1::Unknown, compression),
        }
    }

    fn agreed(agreed: &[Extension], compression: Compression) -> Self {
        let framing = agreed.iter().find_map(Framing::of).unwrap_or(Framing::Frames);
        let extensions = match agreed.iter().find_map(|extension| Self::compressing(extension, compression)) {
            Some(extensions) => extensions,
            None => {
                // RSV1 is not held against an extension that is not known
                let rsv1 = if agreed.is_empty() { Rsv1::Unused } else { Rsv1::Unknown };
                Self { rsv1, client: None, server: None, framing }
            }
        };
        Self { framing, ..extensions }
    }

    fn compressing(extension: &Extension, compression: Compression) -> Option<Self> {
        if let Some((params, _)) = DeflateParams::of(extension, Said::Answer) {
            // RFC 7692 §7.1.1: what the answer says counts, whatever was offered
            let client = Compression {
                takeover: !params.client_no_context_takeover,
                window_bits: params.client_max_window_bits.flatten().unwrap_or(MAX_WINDOW_BITS),
                ..compression
            };
            let server = Compression {
                takeover: !params.server_no_context_takeover,
                window_bits: params.server_max_window_bits.unwrap_or(MAX_WINDOW_BITS),
                ..compression
            };
            return Some(Self {
                rsv1: Rsv1::CompressedMessage,
                client: Some(client),
                server: Some(server),
                framing: Framing::Frames,
            });
        }
        // A window that is kept although the sender begins with an empty one does no harm.
        match Obsolete::of(&extension.name)? {
            Obsolete::DeflateMessage => Some(Self::both(Rsv1::CompressedMessage, compression)),
            Obsolete::DeflateFrame => {
                let compression = Compression { scope: Scope::Frame, ..compression };
                Some(Self::both(Rsv1::CompressedFrame, compression))
            }
            Obsolete::DeflateStream | Obsolete::Mux => None,
        }
    }

    const fn both(rsv1: Rsv1, compression: Compression) -> Self {
        Self { rsv1, client: Some(compression), server: Some(compression), framing: Framing::Frames }
    }
}

impl Framing {
    fn of(extension: &Extension) -> Option<Self> {
        match Obsolete::of(&extension.name)? {
            Obsolete::DeflateStream => Some(Self::Hidden),
            Obsolete::Mux => Some(Self::Multiplexed),
            Obsolete::DeflateFrame | Obsolete::DeflateMessage => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::ResponseHead;

    fn agreed(value: &str) -> Extensions {
        let headers = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", "x"),
            ("Sec-WebSocket-Extensions", value),
        ];
        let headers = headers.into_iter().collect();
        let response = ResponseHead { status: 101, headers, ..ResponseHead::default() };
        Extensions::of(&Handshake::answered(None, response), &Options::default())
    }

    #[test]
    fn each_side_takes_over_its_window_unless_the_answer_says_no() {
        let takeovers = |value| {
            let extensions = agreed(value);
            assert_eq!(extensions.rsv1, Rsv1::CompressedMessage);
            [extensions.client, extensions.server].map(|side| side.unwrap().takeover)
        };
        assert_eq!(takeovers("permessage-deflate"), [true, true]);
        assert_eq!(takeovers("foo, permessage-deflate; client_no_context_takeover"), [false, true]);
        assert_eq!(takeovers("permessage-deflate; server_no_context_takeover=x"), [true, false]);
    }

    #[test]
    fn the_old_extensions_of_webkit_compress_frames() {
        for name in ["x-webkit-deflate-frame", "deflate-frame; no_context_takeover"] {
            let extensions = agreed(name);
            assert_eq!(extensions.rsv1, Rsv1::CompressedFrame);
            assert_eq!(extensions.server.unwrap().scope, Scope::Frame);
        }
    }

    #[test]
    fn what_rsv1_says_is_open_with_an_unknown_extension_or_without_a_handshake() {
        assert_eq!(
            agreed("x-foo"),
            Extensions { rsv1: Rsv1::Unknown, client: None, server: None, framing: Framing::Frames }
        );
        assert_eq!(agreed("deflate-stream").framing, Framing::Hidden);
        assert_eq!(agreed("mux; quota=65535").framing, Framing::Multiplexed);
        assert_eq!(agreed("").rsv1, Rsv1::Unused);
        let unseen = Extensions::of(&Handshake::default(), &Options::default());
        assert_eq!(unseen.rsv1, Rsv1::Unknown);
        assert!(!unseen.client.unwrap().certain);
    }
}
