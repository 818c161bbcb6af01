//! Header fields → the same fields without secrets.

use std::collections::HashMap;

use super::fingerprint::Fingerprints;
use super::names::{announces_secret, gives_away, looks_random, names_secret};
use super::url::{self, is_host};
use crate::http::{Header, Headers, is_token};
use crate::rules::handshake::is_registered_subprotocol;

/// Replaces secrets in the heads of one connection, and keeps in mind what it has replaced.
#[derive(Debug)]
pub(super) struct Cleaner<'f> {
    fingerprints: &'f Fingerprints,
    replaced: HashMap<String, String>,
    /// Was the last subprotocol of this head one that announces a credential?
    announced: bool,
}

impl<'f> Cleaner<'f> {
    pub(super) fn new(fingerprints: &'f Fingerprints) -> Self {
        Self { fingerprints, replaced: HashMap::new(), announced: false }
    }

    /// Each secret with its fingerprint.
    pub(super) fn into_replaced(self) -> HashMap<String, String> {
        self.replaced
    }

    /// A method. None that is registered is named like a secret.
    pub(super) fn method(&mut self, method: &str) -> String {
        if names_secret(method) || gives_away(method) { self.hide(method) } else { method.to_owned() }
    }

    /// A request target.
    pub(super) fn target(&mut self, target: &str) -> String {
        url::clean(target, self)
    }

    /// The reason phrase of a response.
    pub(super) fn reason(&mut self, reason: &str) -> String {
        let is_plain = PHRASES.contains(&reason) || !gives_away(reason);
        if is_plain { reason.to_owned() } else { self.hide(reason) }
    }

    /// All fields of a head.
    pub(super) fn headers(&mut self, headers: &mut Headers) {
        self.announced = false;
        let clean = |header: Header<'_>| match header.name {
            name if is_token(name) => (name.to_owned(), self.value(header)),
            // A line that is no field can hold anything.
            _ => (self.hide(header.name), self.hide(header.value)),
        };
        *headers = headers.iter().map(clean).collect();
    }

    /// What stands for a secret.
    pub(super) fn hide(&mut self, secret: &str) -> String {
        if secret.is_empty() {
            return String::new();
        }
        let fingerprint = || self.fingerprints.of(secret.as_bytes());
        self.replaced.entry(secret.to_owned()).or_insert_with(fingerprint).clone()
    }

    fn value(&mut self, Header { name, value }: Header<'_>) -> String {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "cookie" => self.list(value, ';', Self::cookie),
            "set-cookie" => self.set_cookie(value),
            "authorization" | "proxy-authorization" | "www-authenticate" | "proxy-authenticate" => {
                self.authorization(value)
            }
            "sec-websocket-protocol" => self.subprotocols(value),
            "location" | "referer" | "content-location" | "origin" | "access-control-allow-origin" => {
                url::clean(value, self)
            }
            name if is_public(name, value) => value.to_owned(),
            name if names_secret(name) || gives_away(value) => self.hide(value),
            _ => value.to_owned(),
        }
    }

    /// Each part of a list, white space around it kept.
    fn list(&mut self, value: &str, separator: char, clean: fn(&mut Self, &str) -> String) -> String {
        let parts = value.split(separator).map(|part| {
            let bare = part.trim();
            let (before, after) = part.split_once(bare).unwrap_or((part, ""));
            format!("{before}{}{after}", clean(self, bare))
        });
        parts.collect::<Vec<_>>().join(separator.encode_utf8(&mut [0; 4]))
    }

    /// `name=value`: the name says whose cookie it is.
    fn cookie(&mut self, cookie: &str) -> String {
        match cookie.split_once('=') {
            Some((name, value)) if is_token(name) => format!("{name}={}", self.hide(value)),
            _ => self.hide(cookie),
        }
    }

    /// A cookie comes first, whatever its name.
    fn set_cookie(&mut self, value: &str) -> String {
        let (cookie, attributes) =
            value.split_at_checked(value.find(';').unwrap_or(value.len())).unwrap_or((value, ""));
        let cookie = self.list(cookie, ';', Self::cookie);
        format!("{cookie}{}", self.list(attributes, ';', Self::cookie_attribute))
    }

    fn cookie_attribute(&mut self, attribute: &str) -> String {
        let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        let name = name.trim().to_ascii_lowercase();
        // Behind a comma there can be a cookie: some join the fields, of which each has one.
        let commas = if name == "expires" { 1 } else { 0 };
        let is_one = !value.contains('=') && value.matches(',').count() <= commas;
        let is_known = is_one && ATTRIBUTES.contains(&name.as_str()) && !gives_away(attribute);
        if is_known { attribute.to_owned() } else { self.cookie(attribute) }
    }

    /// `Bearer …`: the scheme says what is wanted.
    fn authorization(&mut self, value: &str) -> String {
        match value.split_once(' ') {
            Some((scheme, rest)) if SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) => {
                format!("{scheme} {}", self.hide(rest.trim()))
            }
            _ => self.hide(value),
        }
    }

    /// Browsers can set no field, so that applications send credentials as subprotocols. Several fields are one list. // RFC 9110 §5.3
    fn subprotocols(&mut self, value: &str) -> String {
        let elements = value.split(',').map(|part| {
            let element = part.trim();
            let (before, after) = part.split_once(element).unwrap_or((part, ""));
            let clean = if self.announced { self.hide(element) } else { self.subprotocol(element) };
            if !element.is_empty() {
                // With a dot, the credential is in the element itself.
                self.announced = announces_secret(element) || names_secret(element) && !element.contains('.');
            }
            format!("{before}{clean}{after}")
        });
        elements.collect::<Vec<_>>().join(",")
    }

    /// What stands behind a word that announces it.
    fn subprotocol_secret(&mut self, secret: &str) -> String {
        match secret.split_once('.') {
            Some((word, rest)) if announces_secret(word) => format!("{word}.{}", self.hide(rest)),
            _ => self.hide(secret),
        }
    }

    fn subprotocol(&mut self, element: &str) -> String {
        if let Some(fingerprint) = self.replaced.get(element) {
            return fingerprint.clone();
        }
        if element.is_empty() || is_registered_subprotocol(element) || announces_secret(element) {
            return element.to_owned();
        }
        // `base64url.bearer.authorization.k8s.io.…`
        if let Some(secret) = element.strip_prefix(KUBERNETES) {
            return format!("{KUBERNETES}{}", self.hide(secret));
        }
        match element.split_once('.') {
            // `authorization.bearer.…`
            Some((prefix, secret)) if announces_secret(prefix) => {
                format!("{prefix}.{}", self.subprotocol_secret(secret))
            }
            _ if names_secret(element) || gives_away(element) || looks_random(element) => self.hide(element),
            _ => element.to_owned(),
        }
    }
}

/// Before a credential, in its own subprotocol.
const KUBERNETES: &str = "base64url.bearer.authorization.k8s.io.";

/// Named like secrets, or full of their names, and none: nonces of the opening handshake, hosts, and lists of what is allowed.
fn is_public(name: &str, value: &str) -> bool {
    match name {
        "sec-websocket-key" | "sec-websocket-accept" => is_nonce(value) || !gives_away(value),
        "host" => is_host(value),
        _ if name == "vary" || name.starts_with("access-control-") => {
            value.split(',').all(|element| is_token(element.trim()))
        }
        _ => false,
    }
}

/// 16 or 20 bytes in Base64: any word can stand in there. // RFC 6455 §4.1, §4.2.2
fn is_nonce(value: &str) -> bool {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    matches!(value.len(), 24 | 28) && value.chars().all(is_base64)
}

/// Of status codes 203, 401, 407 and 511. // RFC 9110 §15, RFC 6585 §6
const PHRASES: [&str; 4] = [
    "Non-Authoritative Information",
    "Unauthorized",
    "Proxy Authentication Required",
    "Network Authentication Required",
];

/// Of a cookie. // RFC 6265 §4.1.1
const ATTRIBUTES: [&str; 9] =
    ["path", "domain", "expires", "max-age", "secure", "httponly", "samesite", "partitioned", "priority"];

/// The registered ones that are in use.
const SCHEMES: [&str; 9] =
    ["Basic", "Bearer", "Digest", "Negotiate", "NTLM", "DPoP", "HOBA", "Mutual", "AWS4-HMAC-SHA256"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::fingerprint::Key;

    fn cleaned(name: &str, value: &str) -> String {
        let fingerprints = Fingerprints::new(&Key::of("key"));
        let mut cleaner = Cleaner::new(&fingerprints);
        let mut headers = Headers::from_iter([(name, value)]);
        cleaner.headers(&mut headers);
        let Header { name, value } = headers.get(0).unwrap();
        let clean = format!("{name}: {value}");
        cleaner.into_replaced().values().fold(clean, |clean, fingerprint| clean.replace(fingerprint, "*"))
    }

    #[test]
    fn cookies_keep_their_names_and_attributes() {
        assert_eq!(cleaned("Cookie", "sid=abc; theme=dark;x; \"a b\"=c"), "Cookie: sid=*; theme=*;*; *");
        assert_eq!(
            cleaned(
                "Set-Cookie",
                "sid=abc; Path=/; HttpOnly; token=x; Expires=Wed, 21 Oct 2026 07:28:00 GMT"
            ),
            "Set-Cookie: sid=*; Path=/; HttpOnly; token=*; Expires=Wed, 21 Oct 2026 07:28:00 GMT"
        );
        assert_eq!(cleaned("COOKIE", ""), "COOKIE: ");
        assert_eq!(cleaned("Set-Cookie", "path=abc; Path=/token/abc; x"), "Set-Cookie: path=*; Path=*; *");
        assert_eq!(cleaned("Set-Cookie", "abc"), "Set-Cookie: *");
        assert_eq!(
            cleaned("Set-Cookie", "a=1; Path=/, b=2; Path=/, c; Secure, d; HttpOnly"),
            "Set-Cookie: a=*; Path=*; Path=*; *; HttpOnly"
        );
        assert_eq!(
            cleaned("Set-Cookie", "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT, b=2"),
            "Set-Cookie: a=*; Expires=*"
        );
    }

    #[test]
    fn credentials_keep_their_scheme() {
        assert_eq!(cleaned("Authorization", "Basic dXNlcjpwYXNz"), "Authorization: Basic *");
        assert_eq!(cleaned("Proxy-Authorization", "hunter2 hunter2"), "Proxy-Authorization: *");
        assert_eq!(cleaned("authorization", "dXNlcjpwYXNz"), "authorization: *");
        assert_eq!(cleaned("WWW-Authenticate", "Bearer realm=\"a\""), "WWW-Authenticate: Bearer *");
    }

    #[test]
    fn fields_are_known_by_their_names() {
        for secret in
            ["X-Api-Key", "X-Auth-Token", "X-CSRFToken", "X-Amz-Security-Token", "Session", "X-Access-Key"]
        {
            assert_eq!(cleaned(secret, "abc"), format!("{secret}: *"));
        }
        for public in ["Sec-WebSocket-Key", "Sec-WebSocket-Accept", "Host", "Upgrade", "ETag", "Vary"] {
            assert_eq!(cleaned(public, "abc"), format!("{public}: abc"));
        }
        assert_eq!(cleaned("Cookie sid", "abc"), "*: *");
        assert_eq!(cleaned("no field", "abc"), "*: *");
        assert_eq!(cleaned("Referer", "http://a/?sid=1&b=2"), "Referer: http://a/?sid=*&b=2");
    }

    #[test]
    fn values_that_may_hold_a_secret_are_replaced_whole() {
        for (name, value) in [
            ("X-Foo", "a, token=\"abc\""),
            ("X-Foo", "token: abc"),
            ("X-Foo", "Bearer abc"),
            ("X-Foo", "basic YWJj"),
            ("Link", "<http://a/?token=abc>; rel=next"),
            ("Forwarded", "for=1;secret=abc"),
            ("Host", "u:abc@h"),
            ("Host", "h?token=abc"),
            ("Vary", "token=abc"),
            ("Sec-WebSocket-Token", "abc"),
            ("Sec-WebSocket-Key", "token=abc"),
        ] {
            assert_eq!(cleaned(name, value), format!("{name}: *"));
        }
        for (name, value) in [
            ("Host", "auth.example.com:80"),
            ("Origin", "https://auth.example.com"),
            ("Sec-WebSocket-Key", "token/auth/secret/abcd=="),
            ("Vary", "Cookie, Authorization"),
            ("Access-Control-Allow-Headers", "Authorization, X-Api-Key"),
            ("Access-Control-Allow-Credentials", "true"),
            ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)"),
            ("X-Request-Id", "d41d8cd98f00b204e9800998ecf8427e"),
        ] {
            assert_eq!(cleaned(name, value), format!("{name}: {value}"));
        }
    }

    #[test]
    fn reason_phrases_stay_where_they_are_known_or_harmless() {
        let fingerprints = Fingerprints::new(&Key::of("key"));
        let stays = |reason: &str| Cleaner::new(&fingerprints).reason(reason) == reason;
        assert!(stays("Switching Protocols") && stays("Unauthorized") && stays(""));
        assert!(!stays("token=abc") && !stays("Unauthorized abc"));
    }

    #[test]
    fn subprotocols_are_one_list_in_a_head_and_another_in_the_next() {
        let fingerprints = Fingerprints::new(&Key::of("key"));
        let mut cleaner = Cleaner::new(&fingerprints);
        let mut head = |values: &[&str]| {
            let mut headers = values.iter().map(|value| ("Sec-WebSocket-Protocol", value)).collect();
            cleaner.headers(&mut headers);
            headers.iter().map(|header| header.value.starts_with("redacted:")).collect::<Vec<_>>()
        };
        assert_eq!(head(&["bearer", "hunter2", "chat", "token"]), [false, true, false, false]);
        assert_eq!(head(&["chat", "hunter2"]), [false, true]);
    }

    #[test]
    fn a_method_stays_unless_it_is_named_like_a_secret() {
        let fingerprints = Fingerprints::new(&Key::of("key"));
        let stays = |method: &str| Cleaner::new(&fingerprints).method(method) == method;
        assert!(["GET", "CONNECT", "VERSION-CONTROL", "MKREDIRECTREF", "FOO"].into_iter().all(stays));
        assert!(!stays("TOKEN-hunter2") && !stays("token=hunter2"));
    }

    #[test]
    fn subprotocols_that_carry_a_credential_are_known() {
        for (offered, clean) in [
            ("chat, superchat", "chat, superchat"),
            ("bearer, hunter2, chat", "bearer, *, chat"),
            ("bearer,, hunter2,", "bearer,, *,"),
            ("X-Api-Key, hunter2, chat", "*, *, chat"),
            ("access-token-v1, hunter2", "*, *"),
            ("pass, hunter2", "*, *"),
            ("access_token,abc", "access_token,*"),
            (
                "base64url.bearer.authorization.k8s.io.YWJj, v4.channel.k8s.io",
                "base64url.bearer.authorization.k8s.io.*, v4.channel.k8s.io",
            ),
            ("graphql-transport-ws, eyJhbGciOiJub25lIn0.e30.AA", "graphql-transport-ws, *"),
            ("authorization.bearer.A.B.C", "authorization.bearer.*"),
            ("token-abc, d41d8cd98f00b204e9800998ecf8427e", "*, *"),
            ("mqtt, 2016.serverpush.dash.mpeg.org", "mqtt, 2016.serverpush.dash.mpeg.org"),
        ] {
            assert_eq!(
                cleaned("Sec-WebSocket-Protocol", offered),
                format!("Sec-WebSocket-Protocol: {clean}")
            );
        }
    }
}
