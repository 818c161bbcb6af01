//! Header fields → the same fields without secrets.

use std::collections::HashMap;

use super::fingerprint::Fingerprints;
use super::names::{announces_secret, looks_secret, names_secret};
use super::url::{self, Reading};
use crate::http::{Header, Headers, is_token};
use crate::rules::handshake::is_registered_subprotocol;

/// Replaces secrets in the heads of one connection, and keeps in mind what it has replaced.
#[derive(Debug)]
pub(super) struct Cleaner<'f> {
    fingerprints: &'f Fingerprints,
    replaced: HashMap<String, String>,
}

impl<'f> Cleaner<'f> {
    pub(super) fn new(fingerprints: &'f Fingerprints) -> Self {
        Self { fingerprints, replaced: HashMap::new() }
    }

    /// Each secret with its fingerprint.
    pub(super) fn into_replaced(self) -> HashMap<String, String> {
        self.replaced
    }

    /// A request target.
    pub(super) fn target(&mut self, target: &mut String) {
        *target = url::clean(target, Reading::Url, self);
    }

    /// All fields of a head.
    pub(super) fn headers(&mut self, headers: &mut Headers) {
        for header in &mut headers.0 {
            header.value = self.value(header);
            // A line that is no field can hold anything.
            if !is_token(&header.name) {
                header.name = self.hide(&header.name);
            }
        }
    }

    /// What stands for a secret.
    pub(super) fn hide(&mut self, secret: &str) -> String {
        if secret.is_empty() {
            return String::new();
        }
        let fingerprint = || self.fingerprints.of(secret.as_bytes());
        self.replaced.entry(secret.to_owned()).or_insert_with(fingerprint).clone()
    }

    fn value(&mut self, Header { name, value }: &Header) -> String {
        let name = name.trim().to_ascii_lowercase();
        match name.as_str() {
            "cookie" => self.list(value, ';', Self::cookie),
            "set-cookie" => self.list(value, ';', Self::cookie_attribute),
            "authorization" | "proxy-authorization" => self.authorization(value),
            "sec-websocket-protocol" => self.subprotocols(value),
            "location" | "referer" | "content-location" | "origin" => url::clean(value, Reading::Url, self),
            _ if names_secret(&name) && !is_public(&name) => self.hide(value),
            _ => url::clean(value, Reading::Text, self),
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

    fn cookie_attribute(&mut self, attribute: &str) -> String {
        let name = attribute.split('=').next().unwrap_or_default().trim().to_ascii_lowercase();
        if ATTRIBUTES.contains(&name.as_str()) { attribute.to_owned() } else { self.cookie(attribute) }
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

    /// Browsers can set no field, so that applications send credentials as subprotocols.
    fn subprotocols(&mut self, value: &str) -> String {
        let mut announced = false;
        let elements = value.split(',').map(|part| {
            let element = part.trim();
            let (before, after) = part.split_once(element).unwrap_or((part, ""));
            let clean = if announced { self.hide(element) } else { self.subprotocol(element) };
            announced = announces_secret(element);
            format!("{before}{clean}{after}")
        });
        elements.collect::<Vec<_>>().join(",")
    }

    fn subprotocol(&mut self, element: &str) -> String {
        if let Some(fingerprint) = self.replaced.get(element) {
            return fingerprint.clone();
        }
        if element.is_empty() || is_registered_subprotocol(element) || announces_secret(element) {
            return element.to_owned();
        }
        // `base64url.bearer.authorization.k8s.io.…`
        match element.rsplit_once('.') {
            Some((prefix, secret)) if names_secret(prefix) && !looks_secret(prefix) => {
                format!("{prefix}.{}", self.hide(secret))
            }
            _ if names_secret(element) || looks_secret(element) => self.hide(element),
            _ => element.to_owned(),
        }
    }
}

/// Named like secrets, and none: nonces of the opening handshake, challenges, and lists of what is allowed.
fn is_public(name: &str) -> bool {
    name.starts_with("sec-websocket-")
        || name.starts_with("access-control-")
        || matches!(name, "www-authenticate" | "proxy-authenticate" | "sec-fetch-site" | "sec-fetch-mode")
}

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
        let mut headers = Headers(vec![Header { name: name.to_owned(), value: value.to_owned() }]);
        cleaner.headers(&mut headers);
        let Header { name, value } = headers.0.remove(0);
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
    }

    #[test]
    fn credentials_keep_their_scheme() {
        assert_eq!(cleaned("Authorization", "Basic dXNlcjpwYXNz"), "Authorization: Basic *");
        assert_eq!(cleaned("Proxy-Authorization", "hunter2 hunter2"), "Proxy-Authorization: *");
        assert_eq!(cleaned("authorization", "dXNlcjpwYXNz"), "authorization: *");
    }

    #[test]
    fn fields_are_known_by_their_names() {
        for secret in
            ["X-Api-Key", "X-Auth-Token", "X-CSRFToken", "X-Amz-Security-Token", "Session", "X-Access-Key"]
        {
            assert_eq!(cleaned(secret, "abc"), format!("{secret}: *"));
        }
        for public in
            ["Sec-WebSocket-Key", "Sec-WebSocket-Accept", "Host", "WWW-Authenticate", "Upgrade", "ETag"]
        {
            assert_eq!(cleaned(public, "abc"), format!("{public}: abc"));
        }
        assert_eq!(cleaned("Referer", "http://a/?sid=1&b=2"), "Referer: http://a/?sid=*&b=2");
        assert_eq!(cleaned("Cookie sid", "abc"), "*: *");
    }

    #[test]
    fn subprotocols_that_carry_a_credential_are_known() {
        for (offered, clean) in [
            ("chat, superchat", "chat, superchat"),
            ("bearer, hunter2, chat", "bearer, *, chat"),
            ("access_token,abc", "access_token,*"),
            (
                "base64url.bearer.authorization.k8s.io.YWJj, v4.channel.k8s.io",
                "base64url.bearer.authorization.k8s.io.*, v4.channel.k8s.io",
            ),
            ("graphql-transport-ws, eyJhbGciOiJub25lIn0.e30.AA", "graphql-transport-ws, *"),
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
