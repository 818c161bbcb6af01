//! What follows a head, stepped over without being kept (RFC 9112 §6, §7).

use super::{FieldName, Headers, RequestHead, ResponseHead};

/// How far the bytes after a head belong to its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes, 0 for none.
    Length(u64),
    /// Chunks up to an empty one, and trailers.
    Chunked(Chunked),
    /// All up to the end of the connection.
    UntilClose,
    /// The head contradicts itself, or a chunk makes no sense: the next message can't be found.
    Unknown,
    /// The connection is not HTTP any more.
    Switched,
}

/// What stepping over a body came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// All input is used up and the body goes on.
    Inside,
    /// The next byte is the next message's.
    Over,
    /// The bytes fit no body, or are not HTTP's.
    Lost,
}

impl Body {
    pub(super) const NONE: Self = Self::Length(0);

    /// A request without framing fields has no body. // RFC 9112 §6.3
    pub(super) fn of_request(head: &RequestHead) -> Self {
        let otherwise =
            if is_hixie_76(&head.headers) { Self::Length(HIXIE_76_CHALLENGE) } else { Self::NONE };
        // A request must end with the chunked coding, its server can't know its length else.
        framed(&head.headers, Unframed { unchunked: Self::Unknown, otherwise })
    }

    /// The answer to anything but HEAD and CONNECT. // RFC 9112 §6.3
    pub(super) fn of_response(head: &ResponseHead) -> Self {
        match head.status {
            101 => Self::Switched,
            100..=199 | 204 | 304 => Self::NONE,
            _ => framed(&head.headers, Unframed { unchunked: Self::UntilClose, otherwise: Self::UntilClose }),
        }
    }

    /// Consumes what belongs to it.
    pub(super) fn step_over(&mut self, input: &mut &[u8]) -> Progress {
        match self {
            Self::Length(left) => {
                consume(left, input);
                if *left == 0 { Progress::Over } else { Progress::Inside }
            }
            Self::Chunked(chunked) => chunked.step_over(input),
            Self::UntilClose => {
                *input = &[];
                Progress::Inside
            }
            Self::Unknown | Self::Switched => Progress::Lost,
        }
    }

    /// Can so many lost bytes be accounted for? They can where they all lie in the body.
    pub(super) fn skip(&mut self, missing: u64) -> bool {
        let left = match self {
            Self::Length(left) | Self::Chunked(Chunked::Data(left)) => left,
            Self::UntilClose => return true,
            _ => return false,
        };
        left.checked_sub(missing).map(|rest| *left = rest).is_some()
    }
}

/// What holds for a message whose head says nothing of its length, or does not say it with chunks.
struct Unframed {
    unchunked: Body,
    otherwise: Body,
}

/// Transfer-Encoding overrides Content-Length. // RFC 9112 §6.3
fn framed(headers: &Headers, unframed: Unframed) -> Body {
    match (final_coding(headers), headers.first(FieldName::ContentLength)) {
        (Some(coding), _) if coding.eq_ignore_ascii_case("chunked") => Body::Chunked(Chunked::Size(None)),
        (Some(_), _) => unframed.unchunked,
        (None, Some(_)) => content_length(headers).map_or(Body::Unknown, Body::Length),
        (None, None) => unframed.otherwise,
    }
}

/// `identity`, which RFC 2616 §3.6 knew, changes nothing: old servers send it beside a Content-Length.
fn final_coding(headers: &Headers) -> Option<&str> {
    let names = headers
        .list(FieldName::TransferEncoding)
        .map(|coding| coding.split(';').next().unwrap_or(coding).trim());
    names.filter(|name| !name.eq_ignore_ascii_case("identity")).last()
}

/// The same number may stand there several times, in one field or in many. // RFC 9112 §6.3
fn content_length(headers: &Headers) -> Option<u64> {
    let mut lengths = headers.list(FieldName::ContentLength).map(decimal);
    let first = lengths.next()??;
    lengths.all(|length| length == Some(first)).then_some(first)
}

/// Digits only: `parse` alone would take a sign.
fn decimal(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A request of draft-hixie-thewebsocketprotocol-76 §1.3, also draft-ietf-hybi-thewebsocketprotocol-00: eight
/// random bytes follow it, though no field says so.
pub(super) fn is_hixie_76(headers: &Headers) -> bool {
    headers.has(FieldName::SecWebSocketKey1) && headers.has(FieldName::SecWebSocketKey2)
}

const HIXIE_76_CHALLENGE: u64 = 8;

/// A place in a chunked body. White space and line ends are taken as freely as servers do. // RFC 9112 §7.1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    /// In the hexadecimal size, with its value so far; `None` before the first digit.
    Size(Option<u64>),
    /// Between the size and the end of its line.
    Extension(u64),
    /// So many bytes before the end of the chunk.
    Data(u64),
    /// Before the line end that closes a chunk.
    DataEnd,
    /// At the start of a trailer line; an empty one is the end.
    Trailer,
    /// In a trailer line.
    TrailerLine,
}

impl Chunked {
    fn step_over(&mut self, input: &mut &[u8]) -> Progress {
        while let Some((&byte, rest)) = input.split_first() {
            if let Self::Data(left) = self {
                consume(left, input);
                if *left == 0 {
                    *self = Self::DataEnd;
                }
                continue;
            }
            *input = rest;
            match (*self, byte) {
                (Self::Trailer, b'\n') => return Progress::Over,
                (place, byte) => match place.after(byte) {
                    Some(next) => *self = next,
                    None => return Progress::Lost,
                },
            }
        }
        Progress::Inside
    }

    /// The place after one more byte outside the data; `None` where it does not fit.
    fn after(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Size(size), digit) if digit.is_ascii_hexdigit() => {
                Self::Size(Some(with_digit(size, digit)?))
            }
            (Self::Size(Some(size)) | Self::Extension(size), b'\n') => Self::of_size(size),
            (Self::Size(Some(size)), b'\r' | b';' | b' ' | b'\t') | (Self::Extension(size), _) => {
                Self::Extension(size)
            }
            (Self::DataEnd, b'\r') => Self::DataEnd,
            (Self::DataEnd, b'\n') => Self::Size(None),
            (Self::Trailer, b'\r') | (Self::TrailerLine, b'\n') => Self::Trailer,
            (Self::Trailer | Self::TrailerLine, _) => Self::TrailerLine,
            _ => return None,
        })
    }

    fn of_size(size: u64) -> Self {
        if size == 0 { Self::Trailer } else { Self::Data(size) }
    }
}

fn with_digit(size: Option<u64>, digit: u8) -> Option<u64> {
    let value = char::from(digit).to_digit(16)?;
    size.unwrap_or_default().checked_mul(16)?.checked_add(u64::from(value))
}

/// Takes up to `left` bytes off the front of `input`.
fn consume(left: &mut u64, input: &mut &[u8]) {
    let there = u64::try_from(input.len()).unwrap_or(u64::MAX);
    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
    *input = input.get(taken..).unwrap_or_default();
    *left = left.saturating_sub(there);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&str, &str)]) -> Headers {
        fields.iter().copied().collect()
    }

    fn of_request(fields: &[(&str, &str)]) -> Body {
        Body::of_request(&RequestHead { headers: headers(fields), ..RequestHead::default() })
    }

    fn of_response(status: u16, fields: &[(&str, &str)]) -> Body {
        Body::of_response(&ResponseHead { status, headers: headers(fields), ..ResponseHead::default() })
    }

    const CHUNKED: Body = Body::Chunked(Chunked::Size(None));

    #[test]
    fn a_content_length_may_be_repeated_but_not_contradicted() {
        assert_eq!(of_request(&[("content-length", "5")]), Body::Length(5));
        assert_eq!(of_request(&[("Content-Length", "5, 5"), ("Content-Length", "05")]), Body::Length(5));
        for wrong in ["5, 6", "-5", "+5", "0x5", "5 5", "", "\"5\"", "18446744073709551616"] {
            assert_eq!(of_request(&[("Content-Length", wrong)]), Body::Unknown, "{wrong}");
        }
    }

    #[test]
    fn transfer_encoding_overrides_content_length() {
        let both = [("Content-Length", "x"), ("Transfer-Encoding", "gzip, CHUNKED")];
        assert_eq!(of_request(&both), CHUNKED);
        assert_eq!(of_response(200, &both), CHUNKED);
    }

    #[test]
    fn a_coding_without_chunks_ends_with_the_connection() {
        assert_eq!(of_response(200, &[("Transfer-Encoding", "chunked, gzip")]), Body::UntilClose);
        assert_eq!(of_request(&[("Transfer-Encoding", "gzip")]), Body::Unknown);
    }

    #[test]
    fn identity_is_no_coding() {
        assert_eq!(
            of_response(200, &[("Transfer-Encoding", "identity"), ("Content-Length", "3")]),
            Body::Length(3)
        );
    }

    #[test]
    fn without_framing_fields_a_request_has_no_body_and_a_response_ends_with_the_connection() {
        assert_eq!(of_request(&[]), Body::NONE);
        assert_eq!(of_response(200, &[]), Body::UntilClose);
    }

    #[test]
    fn some_statuses_never_have_a_body() {
        for status in [100, 103, 204, 304] {
            assert_eq!(of_response(status, &[("Content-Length", "5")]), Body::NONE, "{status}");
        }
        assert_eq!(of_response(101, &[("Content-Length", "5")]), Body::Switched);
    }

    #[test]
    fn a_hixie_76_request_has_eight_bytes_more() {
        assert_eq!(of_request(&[("Sec-WebSocket-Key1", "a"), ("Sec-WebSocket-Key2", "b")]), Body::Length(8));
        assert_eq!(of_request(&[("Sec-WebSocket-Key1", "a")]), Body::NONE);
    }

    /// What is left of the input after a chunked body in pieces of `size` bytes, or how it went wrong.
    fn step_over(body: &[u8], size: usize) -> (Progress, usize) {
        let (mut place, mut left) = (CHUNKED, body.len());
        for piece in body.chunks(size) {
            let mut input = piece;
            let progress = place.step_over(&mut input);
            left = left - piece.len() + input.len();
            if progress != Progress::Inside {
                return (progress, left);
            }
        }
        (Progress::Inside, left)
    }

    #[test]
    fn chunks_are_stepped_over_in_pieces_of_any_size() {
        let body =
            b"5\r\nhello\r\n00A ;name=\"v;\"\r\n0123456789\r\n1\nx\n0\r\nTrailer: 0\r\nB: c\r\n\r\nNEXT";
        for size in 1..=body.len() {
            let (progress, left) = step_over(body, size);
            assert_eq!(progress, Progress::Over);
            assert!(left <= 4, "the next message is left to {left} bytes");
        }
        assert_eq!(step_over(body, body.len()), (Progress::Over, 4));
        assert_eq!(step_over(b"0\r\n\r\n", 1), (Progress::Over, 0));
    }

    #[test]
    fn a_chunk_that_makes_no_sense_is_lost() {
        for wrong in ["x\r\n", "\r\n", ";\r\n", "1\r\nab", "11111111111111111\r\n", "-1\r\n", "0x5\r\n"] {
            assert_eq!(step_over(wrong.as_bytes(), 1).0, Progress::Lost, "{wrong}");
        }
    }

    #[test]
    fn a_hole_is_accounted_for_only_inside_bytes_of_known_length() {
        let mut body = Body::Length(5);
        assert!(body.skip(3) && body.skip(2) && !body.skip(1));
        assert!(!Body::Length(5).skip(6));
        assert!(Body::UntilClose.skip(u64::MAX));
        let mut body = CHUNKED;
        assert!(!body.skip(1));
        body.step_over(&mut &b"5\r\nh"[..]);
        assert!(body.skip(4));
        assert_eq!(body.step_over(&mut &b"\r\n0\r\n\r\n"[..]), Progress::Over);
    }
}
