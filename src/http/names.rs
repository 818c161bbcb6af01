//! The names of header fields that opening handshakes are judged by.

/// Declares them: variant, and the name as it is usually written.
macro_rules! names {
    ($($name:ident = $text:literal),+ $(,)?) => {
        /// A header field that is looked up by its name. Heads know which of these they have.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the names are those of the fields")]
        pub enum FieldName {
            $($name),+
        }

        impl FieldName {
            /// All of them, each at the place that it has as a number.
            const ALL: &[Self] = &[$(Self::$name),+];

            /// How many there are.
            pub(super) const COUNT: usize = Self::ALL.len();

            /// As it is usually written.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text),+
                }
            }
        }
    };
}

names! {
    Authorization = "Authorization",
    Connection = "Connection",
    ContentLength = "Content-Length",
    Cookie = "Cookie",
    Host = "Host",
    Location = "Location",
    Origin = "Origin",
    ProxyAuthenticate = "Proxy-Authenticate",
    ProxyAuthorization = "Proxy-Authorization",
    RetryAfter = "Retry-After",
    SecWebSocketAccept = "Sec-WebSocket-Accept",
    SecWebSocketExtensions = "Sec-WebSocket-Extensions",
    SecWebSocketKey = "Sec-WebSocket-Key",
    SecWebSocketKey1 = "Sec-WebSocket-Key1",
    SecWebSocketKey2 = "Sec-WebSocket-Key2",
    SecWebSocketLocation = "Sec-WebSocket-Location",
    SecWebSocketOrigin = "Sec-WebSocket-Origin",
    SecWebSocketProtocol = "Sec-WebSocket-Protocol",
    SecWebSocketVersion = "Sec-WebSocket-Version",
    TransferEncoding = "Transfer-Encoding",
    Upgrade = "Upgrade",
    UserAgent = "User-Agent",
    WebSocketLocation = "WebSocket-Location",
    WebSocketProtocol = "WebSocket-Protocol",
    WwwAuthenticate = "WWW-Authenticate",
}

impl FieldName {
    /// The name of a field, written in any case; `None` for all others.
    pub(super) fn of(written: &[u8]) -> Option<Self> {
        let of_that_length: &[Self] = match written.len() {
            4 => &[Self::Host],
            6 => &[Self::Origin, Self::Cookie],
            7 => &[Self::Upgrade],
            8 => &[Self::Location],
            10 => &[Self::Connection, Self::UserAgent],
            11 => &[Self::RetryAfter],
            13 => &[Self::Authorization],
            14 => &[Self::ContentLength],
            16 => &[Self::WwwAuthenticate],
            17 => &[Self::SecWebSocketKey, Self::TransferEncoding],
            18 => &[
                Self::ProxyAuthenticate,
                Self::SecWebSocketKey1,
                Self::SecWebSocketKey2,
                Self::WebSocketLocation,
                Self::WebSocketProtocol,
            ],
            19 => &[Self::ProxyAuthorization],
            20 => &[Self::SecWebSocketAccept, Self::SecWebSocketOrigin],
            21 => &[Self::SecWebSocketVersion],
            22 => &[Self::SecWebSocketProtocol, Self::SecWebSocketLocation],
            24 => &[Self::SecWebSocketExtensions],
            _ => return None,
        };
        // Few are written in another case than here, and only those are compared letter by letter.
        let same = |name: &&Self| name.as_str().as_bytes() == written;
        let in_any_case = |name: &&Self| name.as_str().as_bytes().eq_ignore_ascii_case(written);
        of_that_length.iter().find(same).or_else(|| of_that_length.iter().find(in_any_case)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_known_in_any_case() {
        for name in FieldName::ALL {
            let text = name.as_str();
            for written in [text.to_owned(), text.to_ascii_lowercase(), text.to_ascii_uppercase()] {
                assert_eq!(FieldName::of(written.as_bytes()), Some(*name));
            }
        }
    }

    #[test]
    fn other_names_are_not() {
        for written in ["", "Hos", "Hosts", "H\u{f6}st", "Sec-WebSocket-Key3", "Date", "Accept"] {
            assert_eq!(FieldName::of(written.as_bytes()), None, "{written}");
        }
    }

    #[test]
    fn each_name_has_a_place_of_its_own() {
        assert!(FieldName::ALL.iter().enumerate().all(|(place, name)| place == *name as usize));
    }
}
