//! Where the request comes from, and what it gives away → findings (RFC 6455 §10).

use super::around::Around;
use crate::http::{FieldName, Handshake, RequestHead};
use crate::packet::Side;
use crate::rules::{Finding, Rule, rules};

rules! {
    /// A browser sent no `Origin`.
    ///
    /// Browsers always send it, and servers rely on it to keep foreign pages out. Here `User-Agent` is that of a
    /// browser, so it is one of an odd kind, something removed the field, or a script calls itself a browser.
    ORIGIN_MISSING = "handshake-origin-missing", Note, "RFC 6455 §4.1";

    /// The page that opened the connection is of another host.
    ///
    /// Nothing but the server's check of `Origin` keeps foreign pages from using a visitor's cookies. Legal, and
    /// common where pages and sockets have hosts of their own.
    ORIGIN_CROSS_SITE = "handshake-origin-cross-site", Info, "RFC 6455 §10.2";

    /// The URL carries a credential.
    ///
    /// URLs end up in logs, in histories and in monitoring. The API of browsers can't set header fields, so
    /// that many applications have no other place; a ticket that is good once and for seconds is safe there. The finding
    /// names the parameter, not its value.
    CREDENTIALS_IN_URL = "handshake-credentials-in-url", Note, "RFC 9110 §17.9";

    /// `Authorization` was sent without encryption.
    ///
    /// Everybody on the way can read it and use it. Use `wss`. Not said of connections inside one machine.
    CLEARTEXT_CREDENTIALS = "handshake-cleartext-credentials", Warning, "RFC 6455 §10.6";

    /// A cookie was sent without encryption.
    ///
    /// Where it is a session's, everybody on the way can take the session over. Use `wss`, and `Secure` cookies. A note
    /// and no more, since many cookies are no secret. Not said of connections inside one machine.
    CLEARTEXT_COOKIE = "handshake-cleartext-cookie", Note, "RFC 6455 §10.6";
}

/// What the request says about where it comes from, and what it gives away.
pub(super) fn check(handshake: &Handshake, around: &Around<'_>, found: &mut impl FnMut(Finding)) {
    let Some(request) = &handshake.request else { return };
    let mut broken = |rule: &'static Rule, detail| found(rule.broken(Side::Client, request.last, detail));
    check_origin(handshake, request, &mut broken);
    let names = credential_parameters(&request.target);
    if !names.is_empty() {
        broken(&CREDENTIALS_IN_URL, format!("in the request target: {}", names.join(", ")));
    }
    if !around.is_public() {
        return;
    }
    let credentials = [FieldName::Authorization, FieldName::ProxyAuthorization];
    if let Some(name) = credentials.into_iter().find(|name| request.headers.has(*name)) {
        broken(&CLEARTEXT_CREDENTIALS, format!("{} was sent in clear", name.as_str()));
    }
    if request.headers.has(FieldName::Cookie) {
        let cookies = request.headers.all(FieldName::Cookie).flat_map(|value| value.split(';'));
        let names = cookies.map(|cookie| before(cookie, b'=').trim());
        broken(&CLEARTEXT_COOKIE, sent_in_clear(names.take(COOKIES_NAMED)));
    }
}

/// Nearly every request that browsers send in clear has cookies: written without what formats anything.
fn sent_in_clear(names: impl Iterator<Item: AsRef<str>>) -> String {
    let mut detail = String::with_capacity(LINE);
    detail.push_str("sent in clear:");
    for (place, name) in names.enumerate() {
        detail.push_str(if place == 0 { " " } else { ", " });
        detail.push_str(name.as_ref());
    }
    detail
}

fn check_origin(
    handshake: &Handshake,
    request: &RequestHead,
    broken: &mut impl FnMut(&'static Rule, String),
) {
    let Some(origin) = handshake.origin() else {
        if let Some(agent) = request.headers.first(FieldName::UserAgent).filter(|agent| is_browser(agent)) {
            broken(&ORIGIN_MISSING, format!("no Origin, User-Agent is {agent:?}"));
        }
        return;
    };
    if let Some(host) = handshake.host()
        && !origin_host(origin).eq_ignore_ascii_case(without_port(host))
    {
        broken(&ORIGIN_CROSS_SITE, differing(origin, host));
    }
}

/// Common too, where pages and sockets have hosts of their own.
fn differing(origin: &str, host: &str) -> String {
    let mut detail = String::with_capacity(LINE);
    for (what, value) in [("Origin is ", origin), (", Host is ", host)] {
        detail.push_str(what);
        push_quoted(&mut detail, value);
    }
    detail
}

/// Appends what `{:?}` makes of a text, which is mostly the text between quotation marks.
fn push_quoted(detail: &mut String, text: &str) {
    let is_plain = |byte| matches!(byte, b' '..=b'!' | b'#'..=b'[' | b']'..=b'~');
    // Without a branch, so that many bytes are judged at once.
    if text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
        ["\"", text, "\""].into_iter().for_each(|part| detail.push_str(part));
    } else {
        detail.push_str(&format!("{text:?}"));
    }
}

/// All browsers call themselves Mozilla.
fn is_browser(user_agent: &str) -> bool {
    user_agent.starts_with("Mozilla/")
}

/// `http://example.com:8080` → `example.com`; all of it where it has no host, as in `null`.
fn origin_host(origin: &str) -> &str {
    let host = behind_scheme(origin).unwrap_or(origin);
    without_port(before(host, b'/'))
}

/// `[::1]:80` → `[::1]`
fn without_port(host: &str) -> &str {
    let port = host.bytes().rev().take_while(u8::is_ascii_digit).count();
    let name = host.get(..host.len() - port).unwrap_or(host);
    name.strip_suffix(':').unwrap_or(host)
}

/// The query parameters whose names say that they are secrets, and `user information` of an absolute target.
fn credential_parameters(target: &str) -> Vec<&str> {
    let target = before(target, b'#');
    let path = before(target, b'?');
    let authority = behind_scheme(path).map(|rest| before(rest, b'/'));
    let mut found = Vec::new();
    if authority.is_some_and(|authority| authority.contains('@')) {
        found.push("user information");
    }
    let query = target.get(path.len() + 1..).unwrap_or_default();
    for pair in parameters(query) {
        if is_secret(pair) {
            found.push(before(pair, b'='));
        }
    }
    found
}

/// `name=value`, and what else stands between `&`.
fn parameters(mut query: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let pair = (!query.is_empty()).then(|| before(query, b'&'))?;
        query = query.get(pair.len() + 1..).unwrap_or_default();
        Some(pair)
    })
}

/// Does a parameter have a name that says that its value is a secret?
fn is_secret(parameter: &str) -> bool {
    let name = before(parameter, b'=');
    if parameter.len() < name.len() + 2 {
        return false;
    }
    let (mut plain, mut length) = ([0; LONGEST_SECRET], 0);
    for letter in name.as_bytes().iter().filter(|byte| byte.is_ascii_alphanumeric()) {
        let Some(place) = plain.get_mut(length) else { return false };
        *place = letter.to_ascii_lowercase();
        length += 1;
    }
    plain.get(..length).is_some_and(names_a_secret)
}

/// Is it, without `-` and `_`, the name of parameters that hold a secret wherever they are used? Session ids as in
/// Socket.IO's `sid` are not among them: these are known only to the two ends of one connection.
const fn names_a_secret(plain: &[u8]) -> bool {
    matches!(
        plain,
        b"accesstoken"
            | b"apikey"
            | b"apitoken"
            | b"auth"
            | b"authorization"
            | b"authtoken"
            | b"bearer"
            | b"clientsecret"
            | b"idtoken"
            | b"jwt"
            | b"pass"
            | b"passwd"
            | b"password"
            | b"pwd"
            | b"refreshtoken"
            | b"secret"
            | b"sessiontoken"
            | b"token"
    )
}

/// The longest of these names is `authorization`.
const LONGEST_SECRET: usize = 13;

/// All behind the first `://`.
fn behind_scheme(url: &str) -> Option<&str> {
    let place = url.as_bytes().windows(3).position(|part| part == b"://")?;
    url.get(place + 3..)
}

/// All before the first such character, which is one of ASCII. These texts are short: to look for it byte by byte is soonest done.
fn before(text: &str, character: u8) -> &str {
    let place = text.as_bytes().iter().position(|byte| *byte == character);
    place.and_then(|place| text.get(..place)).unwrap_or(text)
}

/// Room for what most findings say.
const LINE: usize = 80;

/// Enough to know which site's they are.
const COOKIES_NAMED: usize = 8;

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use super::*;

    #[test]
    fn a_browser_has_an_origin() {
        Scene::new().request("User-Agent", "Mozilla/5.0 (X11)").breaks(&["handshake-origin-missing"]);
        Scene::new().request("User-Agent", "curl/8").breaks(&[]);
    }

    #[test]
    fn the_same_site_is_the_same_host_on_any_port() {
        let origin = |origin| Scene::new().request("Origin", origin);
        origin("http://server.example.com:8080").breaks(&[]);
        origin("https://SERVER.example.com").breaks(&[]);
        for other in ["http://example.com", "null", "file://", "http://"] {
            origin(other).breaks(&["handshake-origin-cross-site"]);
        }
        origin("http://[::1]").request("Host", "[::1]:80").breaks(&[]);
    }

    #[test]
    fn credentials_in_the_url_are_known_by_their_names() {
        let names = |target| credential_parameters(target).join(" ");
        assert_eq!(names("/chat?room=1&Access_Token=abc&x=2&password=p#token=1"), "Access_Token password");
        assert_eq!(names("/?token=&sid=1&keyword=2&tokens=3&authorizations=4&-=5"), "");
        assert_eq!(names("/?AUTHORIZATION=1&p-w-d=2&api_key=3"), "AUTHORIZATION p-w-d api_key");
        assert_eq!(names("http://user:pass@example.com/?a"), "user information");
        assert_eq!(names("/user@example.com/?b=://x@"), "");
    }

    #[test]
    fn values_are_not_repeated() {
        let mut scene =
            Scene::new().request("Cookie", "id=secret; a=b").request("Authorization", "Basic c2VjcmV0");
        scene.head_mut().target = "/?token=secret".into();
        scene.breaks(&[
            "handshake-credentials-in-url",
            "handshake-cleartext-credentials",
            "handshake-cleartext-cookie",
        ]);
        assert!(scene.details().iter().all(|detail| !detail.contains("secret") && !detail.contains("c2Vj")));
        assert_eq!(scene.details()[2], "sent in clear: id, a");
    }

    #[test]
    fn what_stays_inside_a_machine_or_is_encrypted_is_not_in_the_clear() {
        let scene = Scene::new().request("Cookie", "id=1").request("Authorization", "Bearer x");
        scene.inside_one_machine().breaks(&[]);
        let scene = Scene::new().request("Cookie", "id=1").request("Authorization", "Bearer x");
        scene.encrypted().breaks(&[]);
    }
}
