//! Totals without a WebSocket connection → what was there instead, and why nothing came out of it.

use super::words::{count, counted};
use crate::decode::SkippedPackets;
use crate::event::Totals;

/// What was seen, a paragraph a line; the last ones say why, or what to do.
pub(super) fn explain(totals: &Totals) -> Vec<String> {
    let mut lines = vec![seen(totals)];
    lines.extend(skipped(&totals.skipped));
    lines.extend(reasons(totals));
    lines
}

fn seen(totals: &Totals) -> String {
    let kinds = [
        (totals.tls_connections, "TLS, not decrypted"),
        (totals.http_connections, "HTTP/1"),
        (totals.http2_connections, "HTTP/2"),
        (other(totals), "something else"),
    ];
    let kinds = kinds
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, kind)| format!("{} {kind}", count(*number)));
    let kinds = kinds.collect::<Vec<_>>().join(", ");
    let kinds = if kinds.is_empty() { kinds } else { format!(" ({kinds})") };
    format!(
        "Seen: {}, {}{kinds}.",
        counted(totals.packets, "packet"),
        counted(totals.tcp_connections, "TCP connection")
    )
}

fn other(totals: &Totals) -> u64 {
    let known = totals.tls_connections + totals.http_connections + totals.http2_connections;
    totals.tcp_connections.saturating_sub(known)
}

/// `7 packets without TCP: 2 not IP, 5 not TCP`
pub(super) fn skipped(skipped: &SkippedPackets) -> Option<String> {
    let reasons = [
        (skipped.not_ip, "not IP"),
        (skipped.not_tcp, "not TCP"),
        (skipped.malformed, "malformed"),
        (skipped.unknown_link, "of an unknown link type"),
        (skipped.fragment, "unfinished IP fragments"),
        (skipped.encrypted, "encrypted below TCP"),
        (skipped.cut_headers, "cut inside their headers"),
    ];
    let reasons: Vec<_> = reasons
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, reason)| format!("{} {reason}", count(*number)))
        .collect();
    let total = counted(skipped.total(), "packet");
    (!reasons.is_empty()).then(|| format!("{total} without TCP: {}.", reasons.join(", ")))
}

fn reasons(totals: &Totals) -> Vec<String> {
    let skipped = &totals.skipped;
    let damaged = totals.inputs.iter().any(|input| input.damage.is_some());
    let advice: [(bool, &str); 9] = [
        (totals.packets == 0, "The capture holds no packets."),
        (
            totals.packets > 0 && totals.tcp_connections == 0 && skipped.unknown_link == totals.packets,
            "No packet could be decoded: wspect does not know this link type.",
        ),
        (
            skipped.encrypted > 0 && totals.tcp_connections == 0,
            "The packets are encrypted below TCP (Wi-Fi or IPsec): capture where they are not, or decrypt them first.",
        ),
        (
            totals.packets > 0 && totals.tcp_connections == 0 && skipped.unknown_link < totals.packets,
            "WebSocket runs over TCP, and there is no TCP connection with data here: the capture filter or the interface may be the wrong one.",
        ),
        (
            totals.tls_connections > 0,
            "A wss:// connection looks like any other TLS, which wspect does not decrypt: capture where it is plain, behind the proxy or load balancer that ends TLS.",
        ),
        (
            totals.http2_connections > 0,
            "HTTP/2 connections were not looked into: WebSocket may run inside them (RFC 8441).",
        ),
        (totals.http_connections > 0, "None of the HTTP/1 requests asked for an upgrade to WebSocket."),
        (
            other(totals) > 0,
            "Of a connection that was open before the capture began, frames are found only when enough of them follow each other without loss.",
        ),
        (
            totals.searched_in_vain > 0,
            "Some of them were looked into as far as the bound on that allows (search, 1 MiB), and no further.",
        ),
    ];
    let mut lines: Vec<String> =
        advice.iter().filter(|(applies, _)| *applies).map(|(_, text)| (*text).to_owned()).collect();
    if damaged {
        lines.push("The file is damaged: what came after the damage was not read.".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(totals: &Totals) -> String {
        explain(totals).join("\n")
    }

    #[test]
    fn an_empty_capture_is_called_empty() {
        assert_eq!(
            advice(&Totals::default()),
            "Seen: 0 packets, 0 TCP connections.\nThe capture holds no packets."
        );
    }

    #[test]
    fn tls_alone_is_not_decrypted() {
        let totals = Totals { packets: 10, tcp_connections: 2, tls_connections: 2, ..Totals::default() };
        assert!(advice(&totals).starts_with("Seen: 10 packets, 2 TCP connections (2 TLS, not decrypted).\n"));
        assert!(advice(&totals).contains("does not decrypt: capture where it is plain"));
        assert!(!advice(&totals).contains("HTTP/1"));
    }

    #[test]
    fn a_capture_without_tcp_says_what_it_holds() {
        let skipped = SkippedPackets { not_tcp: 9, not_ip: 1, ..SkippedPackets::default() };
        let totals = Totals { packets: 10, skipped, ..Totals::default() };
        assert!(advice(&totals).contains("10 packets without TCP: 1 not IP, 9 not TCP."));
        assert!(advice(&totals).contains("no TCP connection"));
    }

    #[test]
    fn a_link_type_that_nobody_knows_is_named_as_the_reason() {
        let skipped = SkippedPackets { unknown_link: 10, ..SkippedPackets::default() };
        let totals = Totals { packets: 10, skipped, ..Totals::default() };
        assert!(advice(&totals).contains("link type."));
        assert!(!advice(&totals).contains("capture filter"));
    }
}
