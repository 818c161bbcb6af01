//! A URL → the same without secrets.

use super::encoding::decoded;
use super::fields::Cleaner;
use super::names::{announces_secret, gives_away, looks_random, names_secret};

/// `url` with user information, values that are named like secrets, and whatever else may be one replaced. It need not be a URL.
pub(super) fn clean(url: &str, cleaner: &mut Cleaner<'_>) -> String {
    let (place, query) = split(url, url.find(['?', '#']));
    format!("{}{}", before_query(place, cleaner), query_of(query, cleaner))
}

/// Is this the name of a host, or its address, with a port or without? // RFC 3986 §3.2.2
pub(super) fn is_host(text: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|digit| digit.is_ascii_digit());
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match text.strip_prefix('[').and_then(|address| address.split_once(']')) {
        Some((address, port)) => {
            let of_address = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.');
            address.chars().all(of_address)
                && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
        }
        None => {
            let (name, port) = text.split_once(':').unwrap_or((text, ""));
            name.chars().all(is_name) && is_port(port)
        }
    }
}

/// Scheme, user information, host and path. Whatever stands before an `@` may be user information.
fn before_query(text: &str, cleaner: &mut Cleaner<'_>) -> String {
    let (scheme, rest) = split(text, Some(scheme(text)));
    let mut clean = scheme.to_owned();
    let (user, rest) = rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
    if let Some(user) = user {
        clean.push_str(&cleaner.hide(user));
        clean.push('@');
    }
    let (host, path) = split(rest, rest.find('/'));
    // `example.com:443`, of a CONNECT request, comes without a scheme.
    let is_host_here = match scheme {
        "" => host.contains(':'),
        _ => scheme.ends_with("//") && host.contains(['.', ':']),
    };
    if user.is_some() || is_host_here {
        clean.push_str(&if is_host(host) { host.to_owned() } else { cleaner.hide(host) });
        clean.push_str(&path_of(path, cleaner));
    } else {
        clean.push_str(&path_of(rest, cleaner));
    }
    clean
}

/// How long `wss://`, `http:/`, `//` and `/` are.
fn scheme(text: &str) -> usize {
    let slashes = |text: &str| text.len() - text.trim_start_matches('/').len();
    match text.split_once(':') {
        Some((scheme, rest)) if rest.starts_with('/') && scheme.chars().all(char::is_alphanumeric) => {
            scheme.len() + 1 + slashes(rest)
        }
        _ => slashes(text),
    }
}

/// Segments, and their parameters. What ends a value that is named like a secret, or an
/// encoded query, is not known: nothing behind it stays.
fn path_of(path: &str, cleaner: &mut Cleaner<'_>) -> String {
    let mut clean = String::with_capacity(path.len());
    let mut rest = path;
    while !rest.is_empty() {
        let (piece, after) = split(rest, rest.find(['/', ';']));
        let (name, is_parameter) =
            piece.split_once('=').map_or((piece, false), |(name, _)| (name, is_name(name)));
        if holds_query(piece) {
            clean.push_str(&cleaner.hide(rest));
            return clean;
        }
        if names_secret(name) {
            let stays = is_parameter || announces_secret(name);
            let (name, secret) = split(rest, Some(if stays { name.len() + 1 } else { 0 }));
            clean.push_str(name);
            clean.push_str(&cleaner.hide(secret));
            return clean;
        }
        let shown = if is_parameter { parameter(piece, cleaner) } else { harmless(piece, cleaner) };
        clean.push_str(&shown);
        clean.extend(after.chars().next());
        rest = after.strip_prefix(['/', ';']).unwrap_or_default();
    }
    clean
}

fn holds_query(segment: &str) -> bool {
    decoded(segment).is_none_or(|segment| segment.contains(['?', '#']))
}

/// Query and fragment, with the mark before them. Where characters stand that a URL can't have, nobody knows where its parts end.
fn query_of(query: &str, cleaner: &mut Cleaner<'_>) -> String {
    let (mark, parameters) = split(query, Some(1));
    let mut clean = mark.to_owned();
    if !parameters.chars().all(is_of_url) {
        clean.push_str(&cleaner.hide(parameters));
        return clean;
    }
    for piece in parameters.split_inclusive(['&', '#']) {
        let bare = piece.trim_end_matches(['&', '#']);
        clean.push_str(&parameter(bare, cleaner));
        clean.push_str(split(piece, Some(bare.len())).1);
    }
    clean
}

/// `name=value`. Without a name it is all value.
fn parameter(piece: &str, cleaner: &mut Cleaner<'_>) -> String {
    match piece.split_once('=') {
        Some((name, value)) if is_name(name) && (names_secret(name) || !is_plain(value)) => {
            format!("{name}={}", cleaner.hide(value))
        }
        Some((name, value)) if is_name(name) => format!("{name}={}", harmless(value, cleaner)),
        _ => cleaner.hide(piece),
    }
}

fn harmless(text: &str, cleaner: &mut Cleaner<'_>) -> String {
    let is_random = || decoded(text).is_none_or(|text| looks_random(&text));
    if names_secret(text) || gives_away(text) || is_random() { cleaner.hide(text) } else { text.to_owned() }
}

/// Letters, digits and a few marks: neither JSON nor parameters of its own.
fn is_plain(value: &str) -> bool {
    let is_plain = |c: char| {
        c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | ':' | '/' | ',' | '+' | '*' | ' ')
    };
    decoded(value).is_some_and(|value| value.chars().all(is_plain))
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '[' | ']' | '%'))
}

/// Letters beyond ASCII are common where they should be encoded. // RFC 3986 §2
fn is_of_url(c: char) -> bool {
    c.is_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c)
}

/// Before and from this place, or all.
fn split(text: &str, at: Option<usize>) -> (&str, &str) {
    at.and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::fingerprint::{Fingerprints, Key};

    /// Each replaced part as `*`.
    fn cleaned(text: &str) -> String {
        let fingerprints = Fingerprints::new(&Key::of("key"));
        let mut cleaner = Cleaner::new(&fingerprints);
        let clean = clean(text, &mut cleaner);
        cleaner
            .into_replaced()
            .into_iter()
            .fold(clean, |clean, (_, fingerprint)| clean.replace(&fingerprint, "*"))
    }

    #[test]
    fn what_is_surely_harmless_stays() {
        for url in [
            "",
            "*",
            "/",
            "/chat",
            "/chat?room=1&v=1.2&lang=de-CH&at=10:30,11+12",
            "/a/b;c=d/e~f/g:h",
            "wss://auth.example.com:8080/x?q=a%20b",
            "https://[2001:db8::1]:80/",
            "session.example.com:443",
            "//localhost/x",
            "/socket.io/?EIO=4&transport=websocket",
            "/?\u{fc}=\u{fc}",
        ] {
            assert_eq!(cleaned(url), url);
        }
    }

    #[test]
    fn values_that_are_named_like_secrets_are_replaced() {
        for (url, clean) in [
            (
                "/chat?room=1&Access_Token=ab/c+d==&x=2#id_token=e",
                "/chat?room=1&Access_Token=*&x=2#id_token=*",
            ),
            ("/chat;jsessionid=abc?a=b", "/chat;jsessionid=*?a=b"),
            ("/?%74oken=a&token=&token", "/?%74oken=*&token=&*"),
            ("/?%25252574oken=a&token[]=b", "/?%25252574oken=*&token[]=*"),
            ("/?token=a,b'c(d;e?f&x=1", "/?token=*&x=1"),
            ("/?\u{fc}=1&token=\u{fc}%", "/?\u{fc}=1&token=*"),
            ("/a/token=b/c;d?x=1", "/a/token=*?x=1"),
            ("/a/session/b/c?x=1", "/a/session/*?x=1"),
            ("/a/my-token-b/c", "/a/*"),
            ("//token/a", "//token/*"),
            ("token:a", "*"),
        ] {
            assert_eq!(cleaned(url), clean);
        }
    }

    #[test]
    fn what_may_be_or_hold_a_secret_is_replaced() {
        for (url, clean) in [
            ("/socket/d41d8cd98f00b204e9800998ecf8427e/x", "/socket/*/x"),
            ("/?t=eyJhbGciOiJub25lIn0.e30.AA", "/?t=*"),
            ("/?id=123e4567-e89b-12d3-a456-426614174000", "/?id=*"),
            ("/?abc", "/?*"),
            ("/?=abc&x=1", "/?*&x=1"),
            ("/x%3Fa=abc/d?x=1", "/*?x=1"),
            ("/x/%2523abc;d", "/x/*"),
            ("h.example:abc", "*"),
            ("h.example:abc/x", "*/x"),
            ("/#abc", "/#*"),
            ("/?token=\"abc\"&x=1", "/?*"),
            ("/?token=a b&x=1", "/?*"),
            ("/?q={\"a\":\"b;c?d&e=f&token\":\"abc\"}", "/?*"),
            ("/?q=%7B%22token%22:%22abc%22%7D&x=1", "/?q=*&x=1"),
            ("/?q=a?token=abc;d&x=1", "/?q=*&x=1"),
            ("/?to=https%3A%2F%2Fh%2F%3Ftoken%3Dabc&x=1", "/?to=*&x=1"),
            ("/?to=https%25253A%25252F%25252Fh%25252F%25253Fa%25253Db", "/?to=*"),
            ("/?to=/key/abc", "/?to=*"),
            ("/?(token)=abc", "/?*"),
        ] {
            assert_eq!(cleaned(url), clean);
        }
    }

    #[test]
    fn user_information_is_replaced_wherever_it_stands() {
        for (url, clean) in [
            ("wss://user:pass@example.com:8080/?q=a", "wss://*@example.com:8080/?q=a"),
            ("http:/u:abc@h/", "http:/*@h/"),
            ("http://u:a/b@c@h/x", "http://*@h/x"),
            ("http://u:a?b@h/x", "http://*?*"),
            ("//u:abc@h/", "//*@h/"),
            ("/u:abc@h/", "/*@h/"),
            ("u:abc@h:80", "*@h:80"),
            ("http://u:abc%40h/x", "http://*/x"),
            ("/x/u:abc%2540h/x", "/x/*/x"),
            ("/?next=//u:abc@h/", "/?next=*"),
        ] {
            assert_eq!(cleaned(url), clean);
        }
    }
}
