//! What the first bytes of a segment say it is.

/// Does a segment begin with `METHOD target HTTP/1.`? Only such a beginning counts in mid-stream.
pub(super) fn begins_request(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let method = line.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    (3..=7).contains(&method)
        && line.get(method) == Some(&b' ')
        && memchr::memmem::find(line, b" HTTP/1.").is_some()
}

/// Does a segment begin with a status line?
pub(super) fn begins_response(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.") && bytes.get(8) == Some(&b' ')
}

/// Is it neither the beginning of HTTP nor of TLS? Of the letters that methods and status lines begin with, only `A` and
/// `B` can be the first byte of a frame.
pub(super) fn may_be_frames(bytes: &[u8]) -> bool {
    !matches!(bytes, [b'C'..=b'Z', ..]) && !begins_request(bytes) && !begins_tls(bytes)
}

/// Does a segment begin with a TLS record? // RFC 8446 §5.1
pub(super) fn begins_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [20..=23] | [20..=23, 3] | [20..=23, 3, 0..=4, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_request_line_of_http_1_begins_a_request() {
        assert!(begins_request(b"GET /chat HTTP/1.1\r\nHost: a\r\n"));
        assert!(begins_request(b"OPTIONS * HTTP/1.0\n"));
        assert!(!begins_request(b"GET /chat"));
        assert!(!begins_request(b"get /chat HTTP/1.1\r\n"));
        assert!(!begins_request(b"PRI * HTTP/2.0\r\n"));
        assert!(!begins_request(b"A GET / HTTP/1.1\r\n"));
    }

    #[test]
    fn a_tls_record_is_told_from_text_and_frames() {
        assert!(begins_tls(&[0x16, 3, 1, 2, 0]));
        assert!(begins_tls(&[0x17, 3, 3]));
        assert!(!begins_tls(&[0x16, 4, 1]));
        assert!(!begins_tls(&[0x81, 3, 1]));
        assert!(!begins_tls(b"HTTP/1.1 200 OK"));
        assert!(!begins_tls(&[]));
    }
}
