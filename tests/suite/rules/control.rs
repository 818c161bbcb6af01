//! Captures that break the rules about Pings, Pongs, Close frames and the end of connections.

use wspect::packet::Side;
use wspect::rules::Blame::{Capture, Client, Server};

use super::{Case, ended, opened};
use crate::support::{Frame, Scenario, Upgrade, close, ping, pong, text};

pub(super) fn cases() -> Vec<Case> {
    [pings(), close_frames(), closing(), endings()].into_iter().flatten().collect()
}

/// What comes close to breaking a rule, and breaks none.
pub(super) fn legal() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        (
            "Pings and their Pongs",
            ended(chat().client(ping("a")).server(pong("a")).server(ping("")).client(pong(""))).pcap(),
        ),
        ("a heartbeat beside a Ping that is on its way", {
            ended(chat().server(ping("x")).client(pong(""))).pcap()
        }),
        ("a Ping just before the end", ended(chat().server(ping("late")).wait(SECOND / 2)).pcap()),
        ("a Pong behind the own Close", {
            chat()
                .server(ping("x"))
                .client(vec![close(1000, ""), pong("x")])
                .server(close(1000, ""))
                .fin()
                .pcap()
        }),
        ("the server closes", chat().server(close(1001, "")).client(close(1001, "")).fin().pcap()),
        ("a program that ends", {
            chat().client(close(1001, "")).fin_by(Side::Client).fin_by(Side::Server).ack(Side::Client).pcap()
        }),
        ("a long silence, then a Close", ended(chat().wait(60 * SECOND)).pcap()),
    ]
}

fn pings() -> Vec<Case> {
    vec![
        Case::new("pong-payload-mismatch", Client, || {
            let pairs = chat().server(ping("abc")).client(pong("")).server(ping("abd")).client(pong(""));
            ended(pairs.server(ping("abe")).client(pong(""))).pcap()
        }),
        Case::new("pong-unsolicited", Client, || ended(chat().client(pong("heartbeat"))).pcap()),
        Case::new("ping-unanswered", Client, || {
            ended(chat().server(ping("there?")).wait(20 * SECOND)).pcap()
        }),
        Case::new("ping-superseded", Server, || {
            ended(chat().client(vec![ping("1"), ping("2")]).server(pong("2"))).pcap()
        }),
        Case::new("ping-rtt-high", Server, || {
            ended(chat().client(ping("1")).wait(3 * SECOND).server(pong("1"))).pcap()
        }),
        Case::new("ping-flood", Client, || {
            let pings: Vec<_> = (0..60_u8).map(|n| ping([n])).collect();
            let pongs: Vec<_> = (0..60_u8).map(|n| pong([n])).collect();
            ended(chat().client(pings).server(pongs)).pcap()
        }),
    ]
}

fn close_frames() -> Vec<Case> {
    vec![
        Case::new("close-payload-one-byte", Client, || {
            closed_by_client(Frame::new(8, b"\x03"), close(1002, ""))
        }),
        Case::new("close-code-reserved-on-wire", Client, || {
            closed_by_client(close(1006, ""), close(1002, ""))
        })
        .implies(&["close-echo-mismatch"]),
        Case::new("close-code-1004", Client, || closed_by_client(close(1004, ""), close(1002, "")))
            .implies(&["close-echo-mismatch"]),
        Case::new("close-code-out-of-range", Client, || closed_by_client(close(999, ""), close(1002, "")))
            .implies(&["close-echo-mismatch"]),
        Case::new("close-code-unassigned", Client, || closed_by_client(close(2000, ""), close(1002, "")))
            .implies(&["close-echo-mismatch"]),
        Case::new("close-reason-invalid-utf8", Client, || {
            closed_by_client(Frame::new(8, b"\x03\xe8\xff"), close(1000, ""))
        }),
        Case::new("close-code-wrong-role", Server, || closed_by_server(close(1010, ""), close(1010, ""))),
        Case::new("close-no-status", Client, || closed_by_client(Frame::new(8, ""), Frame::new(8, ""))),
        Case::new("close-abnormal-code", Server, || closed_by_server(close(1011, "oops"), close(1011, ""))),
        Case::new("close-duplicate", Client, || {
            let script = chat().client(vec![close(1000, ""), close(1000, "")]);
            script.server(close(1000, "")).fin().pcap()
        })
        .implies(&["frame-after-close-sent"]),
        Case::new("close-echo-mismatch", Client, || closed_by_server(close(1001, ""), close(1000, ""))),
    ]
}

fn closing() -> Vec<Case> {
    vec![
        Case::new("frame-after-close-sent", Client, || {
            let script = chat().client(vec![close(1000, ""), text("more")]);
            script.server(close(1000, "")).fin().pcap()
        }),
        Case::new("data-after-close-received", Server, || {
            let script = chat().client(close(1000, "")).ack(Side::Server).server(text("one more"));
            script.server(close(1000, "")).fin().pcap()
        }),
        Case::new("close-not-answered", Client, || {
            chat().server(close(1001, "")).fin_by(Side::Client).fin_by(Side::Server).ack(Side::Client).pcap()
        }),
        Case::new("close-not-answered", Client, || {
            let script = chat().server(close(1001, "")).wait(5 * SECOND);
            script.fin_by(Side::Server).fin_by(Side::Client).ack(Side::Server).pcap()
        }),
        Case::new("close-slow", Server, || {
            chat().client(close(1000, "")).wait(3 * SECOND).server(close(1000, "")).fin().pcap()
        }),
        Case::new("close-slow", Server, || {
            chat().client(close(1000, "")).server(close(1000, "")).wait(3 * SECOND).fin().pcap()
        }),
        Case::new("client-closed-tcp-first", Client, || {
            let script = chat().client(close(1000, "")).server(close(1000, ""));
            script.fin_by(Side::Client).fin_by(Side::Server).ack(Side::Client).pcap()
        }),
    ]
}

fn endings() -> Vec<Case> {
    vec![
        Case::new("tcp-closed-without-close", Server, || chat().fin().pcap()),
        Case::new("tcp-closed-without-close", Client, || {
            let script = chat().client(text("cut").claiming(100)).fin_by(Side::Client);
            script.fin_by(Side::Server).ack(Side::Client).pcap()
        }),
        Case::new("tcp-reset", Server, || chat().reset_by(Side::Server).pcap()),
        Case::new("tcp-reset", Client, || chat().client(close(1000, "")).reset_by(Side::Client).pcap()),
        Case::new("connection-idle-timeout-suspected", Server, || closed_by_server_after(60 * SECOND)),
        Case::new("connection-idle-timeout-suspected", Server, || chat().wait(60 * SECOND).fin().pcap())
            .implies(&["tcp-closed-without-close"]),
        Case::new("connection-open-at-end", Capture, || chat().pcap()),
    ]
}

fn chat() -> Scenario {
    opened(&Upgrade::new("/"))
}

fn closed_by_client(first: Frame, answer: Frame) -> Vec<u8> {
    chat().client(first).server(answer).fin().pcap()
}

fn closed_by_server(first: Frame, answer: Frame) -> Vec<u8> {
    chat().server(first).client(answer).fin().pcap()
}

fn closed_by_server_after(silence: i64) -> Vec<u8> {
    chat().wait(silence).server(close(1001, "idle")).client(close(1001, "")).fin().pcap()
}

const SECOND: i64 = 1_000_000_000;
