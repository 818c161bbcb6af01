//! A URL, or text with URLs in it → the same without secrets.

use super::fields::Cleaner;
use super::names::{is_json_web_token, looks_secret, names_secret};

/// How a text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// It is a URL: what looks like a secret in it is one.
    Url,
    /// It may hold URLs.
    Text,
}

/// `text` with parameters that are named like secrets, user information and tokens replaced.
pub(super) fn clean(text: &str, reading: Reading, cleaner: &mut Cleaner<'_>) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    let mut place = Place::Path;
    while !rest.is_empty() {
        let end = rest.find(|c| place.ends_at(c)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let in_authority = clean.ends_with("//");
        clean.push_str(&piece_of(piece, in_authority, reading, cleaner));
        let delimiter = after.chars().next();
        clean.extend(delimiter);
        place = place.after(delimiter);
        rest = after.strip_prefix(|_: char| true).unwrap_or_default();
    }
    clean
}

/// What stands between two delimiters.
fn piece_of(piece: &str, in_authority: bool, reading: Reading, cleaner: &mut Cleaner<'_>) -> String {
    if in_authority {
        return match piece.rsplit_once('@') {
            Some((user, host)) => format!("{}@{host}", cleaner.hide(user)),
            None => piece.to_owned(),
        };
    }
    let is_secret = |value: &str| match reading {
        Reading::Url => looks_secret(value),
        Reading::Text => is_json_web_token(value),
    };
    match piece.split_once('=') {
        Some((name, value)) if !value.is_empty() && (names_secret(&decoded(name)) || is_secret(value)) => {
            format!("{name}={}", cleaner.hide(value))
        }
        None if is_secret(piece) => cleaner.hide(piece),
        _ => piece.to_owned(),
    }
}

/// Which characters separate.
#[derive(Clone, Copy)]
enum Place {
    Path,
    /// Or fragment: a slash belongs to a value.
    Query,
}

impl Place {
    fn ends_at(self, c: char) -> bool {
        matches!(c, '?' | '#' | '&' | ';' | ',' | '<' | '>' | '(' | ')' | '"' | '\'')
            || c.is_whitespace()
            || matches!((self, c), (Self::Path, '/'))
    }

    const fn after(self, delimiter: Option<char>) -> Self {
        match delimiter {
            Some('?' | '#') => Self::Query,
            Some('&' | ';' | '/') => self,
            _ => Self::Path,
        }
    }
}

/// Percent-encoding undone. // RFC 3986 §2.1
fn decoded(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.split_first_chunk::<2>().filter(|_| *first == b'%');
        let digits = digits.and_then(|(digits, after)| Some((std::str::from_utf8(digits).ok()?, after)));
        match digits.and_then(|(digits, after)| Some((u8::from_str_radix(digits, 16).ok()?, after))) {
            Some((byte, after)) => {
                bytes.push(byte);
                rest = after;
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::fingerprint::{Fingerprints, Key};

    /// Each replaced part as `*`.
    fn cleaned(text: &str, reading: Reading) -> String {
        let fingerprints = Fingerprints::new(&Key::of("key"));
        let mut cleaner = Cleaner::new(&fingerprints);
        let clean = clean(text, reading, &mut cleaner);
        cleaner
            .into_replaced()
            .into_iter()
            .fold(clean, |clean, (_, fingerprint)| clean.replace(&fingerprint, "*"))
    }

    #[test]
    fn parameters_that_are_named_like_secrets_lose_their_values() {
        for (url, clean) in [
            (
                "/chat?room=1&Access_Token=ab/c+d==&x=2#id_token=e",
                "/chat?room=1&Access_Token=*&x=2#id_token=*",
            ),
            ("/chat;jsessionid=abc?a=b", "/chat;jsessionid=*?a=b"),
            ("/?%74oken=a&token=&token", "/?%74oken=*&token=&token"),
            ("wss://user:pass@example.com:8080/?q=a@b", "wss://*@example.com:8080/?q=a@b"),
            ("/socket/d41d8cd98f00b204e9800998ecf8427e/x", "/socket/*/x"),
            ("/?t=eyJhbGciOiJub25lIn0.e30.AA", "/?t=*"),
            ("/?id=123e4567-e89b-12d3-a456-426614174000", "/?id=*"),
            ("", ""),
            ("/?\u{fc}=1&token=\u{fc}%", "/?\u{fc}=1&token=*"),
        ] {
            assert_eq!(cleaned(url, Reading::Url), clean);
        }
    }

    #[test]
    fn other_text_keeps_what_only_looks_like_a_secret() {
        for (text, clean) in [
            ("<http://a/?token=abc>; rel=next", "<http://a/?token=*>; rel=next"),
            ("d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e"),
            (
                "permessage-deflate; server_max_window_bits=10",
                "permessage-deflate; server_max_window_bits=10",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (X11; Linux x86_64)"),
            ("see eyJhbGciOiJub25lIn0.e30.AA", "see *"),
        ] {
            assert_eq!(cleaned(text, Reading::Text), clean);
        }
    }
}
