//! Percent-encoded text → what it means.

use std::borrow::Cow;

/// Encoding undone, as often as it was done. `None` where that was too often for anybody to mean well. // RFC 3986 §2.1
pub(super) fn decoded(text: &str) -> Option<Cow<'_, str>> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..MOST {
        match once(&text) {
            None => return Some(text),
            Some(plainer) => text = Cow::Owned(plainer),
        }
    }
    None
}

/// Proxies encode what is encoded already; three of them do it three times.
const MOST: usize = 6;

fn once(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    let mut changed = false;
    for piece in pieces {
        let digits = piece.as_bytes().split_first_chunk::<2>();
        match digits.and_then(|(digits, rest)| Some((octet(digits)?, rest))) {
            Some((octet, rest)) => {
                changed = true;
                bytes.push(octet);
                bytes.extend_from_slice(rest);
            }
            None => {
                bytes.push(b'%');
                bytes.extend_from_slice(piece.as_bytes());
            }
        }
    }
    changed.then(|| String::from_utf8_lossy(&bytes).into_owned())
}

fn octet(digits: &[u8; 2]) -> Option<u8> {
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    std::str::from_utf8(digits).ok().filter(|_| is_hex).and_then(|hex| u8::from_str_radix(hex, 16).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_is_undone_as_often_as_it_was_done() {
        for (text, plain) in [
            ("", ""),
            ("token", "token"),
            ("%74oken%3d", "token="),
            ("%25252574oken", "token"),
            ("100%", "100%"),
            ("%+1%zz%", "%+1%zz%"),
            ("\u{fc}%c3%bc%ff", "\u{fc}\u{fc}\u{fffd}"),
        ] {
            assert_eq!(decoded(text).as_deref(), Some(plain), "{text}");
        }
        assert_eq!(decoded(&format!("%{}74", "25".repeat(20))), None);
    }
}
