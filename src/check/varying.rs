//! What differs between two recordings of the same conversation: times, ports, addresses, keys. A baseline leaves it out.

use std::net::IpAddr;

use crate::http::{Header, Headers};
use crate::rules::{Rule, transport_and_capture};

/// `Name: value` as written, the value without what varies.
pub(super) fn headers(headers: &Headers) -> Vec<String> {
    headers.iter().map(|header| format!("{}: {}", header.name, without_varying(header))).collect()
}

/// The value of a field, without what varies.
pub(crate) fn without_varying(Header { name, value }: Header<'_>) -> String {
    let is = |known: &&str| name.eq_ignore_ascii_case(known);
    if VARYING.iter().any(is) {
        ANY.to_owned()
    } else if name.eq_ignore_ascii_case("host") {
        host(value)
    } else if PLACES.iter().any(is) {
        place(value)
    } else {
        value.to_string()
    }
}

/// A URL, or any other text, without the address and the port of its authority.
pub(super) fn place(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    format!("{scheme}://{}{path}", host(authority))
}

/// `host:port` as the host alone, an address as `*`.
pub(super) fn host(authority: &str) -> String {
    let name = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => {
            authority.rsplit_once(':').filter(|(name, _)| !name.contains(':')).map_or(authority, |(n, _)| n)
        }
    };
    if name.parse::<IpAddr>().is_ok() { ANY.to_owned() } else { name.to_owned() }
}

/// Does a finding depend on times, on how TCP cut and ordered the bytes, or on where the capture began and ended?
pub(super) fn is_varying(rule: &Rule) -> bool {
    TIMED.contains(&rule.name) || transport_and_capture().any(|each| each == rule)
}

/// Stands for any value.
const ANY: &str = "*";

/// Fields whose values are new in each run, or secrets that a file in a repository must not hold.
const VARYING: [&str; 25] = [
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Key1",
    "Sec-WebSocket-Key2",
    "Date",
    "Age",
    "Expires",
    "Last-Modified",
    "ETag",
    "Cookie",
    "Set-Cookie",
    "Authorization",
    "Proxy-Authorization",
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Port",
    "X-Real-IP",
    "X-Request-ID",
    "X-Correlation-ID",
    "X-Amzn-Trace-Id",
    "X-Cloud-Trace-Context",
    "X-Served-By",
    "Traceparent",
    "Tracestate",
    "CF-Ray",
];

/// Fields that hold a URL.
const PLACES: [&str; 4] = ["Origin", "Sec-WebSocket-Origin", "Referer", "Location"];

/// Among them who was first where both act at once.
const TIMED: [&str; 14] = [
    "handshake-slow",
    "handshake-concurrent-connecting",
    "handshake-server-data-coalesced",
    "handshake-client-early-data",
    "ping-rtt-high",
    "ping-flood",
    "ping-superseded",
    "ping-unanswered",
    "close-slow",
    "connection-idle-timeout-suspected",
    "connection-open-at-end",
    "client-closed-tcp-first",
    "data-after-close-received",
    "frame-mask-predictable",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_ports_are_left_out_and_names_are_kept() {
        for (written, kept) in [
            ("example.com:8080", "example.com"),
            ("example.com", "example.com"),
            ("127.0.0.1:8080", "*"),
            ("192.0.2.1", "*"),
            ("[::1]:80", "*"),
            ("::1", "*"),
            ("", ""),
        ] {
            assert_eq!(host(written), kept, "{written}");
        }
        assert_eq!(place("http://localhost:3000"), "http://localhost");
        assert_eq!(place("https://127.0.0.1:3000/a?b=1:2"), "https://*/a?b=1:2");
        assert_eq!(place("null"), "null");
        assert_eq!(place("/chat?to=http"), "/chat?to=http");
    }

    #[test]
    fn keys_and_dates_are_left_out_in_any_case() {
        let given =
            [("sec-websocket-KEY", "abc"), ("Date", "now"), ("Host", "a:1"), ("Upgrade", "websocket")];
        let kept = headers(&given.into_iter().collect());
        assert_eq!(kept, ["sec-websocket-KEY: *", "Date: *", "Host: a", "Upgrade: websocket"]);
    }

    #[test]
    fn the_rules_about_time_exist() {
        for name in TIMED {
            assert!(crate::rules::all().any(|rule| rule.name == name), "{name}");
        }
        assert!(is_varying(&crate::rules::capture::LIMIT_REACHED));
    }
}
