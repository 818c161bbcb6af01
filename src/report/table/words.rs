//! Numbers, outcomes and endings → the words of the table.

use crate::event::{Close, CloseHow, Initiator};
use crate::http::Outcome;
use crate::packet::NANOS_PER_SECOND;
use crate::report::text::{Rest, fit};
use crate::websocket::Opcode;

/// Text of a capture, safe to print and of bounded size, but not cut to any width yet.
pub(super) fn safe(text: &str) -> String {
    fit(text.as_bytes(), LONGEST, Rest::End)
}

/// Wider than displays are, so that the display decides; what is kept of a name or a value has to end somewhere.
const LONGEST: usize = 400;

/// `12,345`
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 packet`, `12,345 packets`: for words that take an `s`.
pub(super) fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `40 B`, `4.30 MB`: three digits are enough to compare by; exact numbers stand in the JSON.
pub(super) fn bytes(number: u64) -> String {
    scaled(
        number,
        &[("B", 1), ("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000)],
    )
}

/// `12.3 ms`, `59.1 s`, `4m 05s`, `1h 02m`, `2d 03h`: at most seven columns up to a hundred days.
pub(super) fn span(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    let rounded = |unit: u64| nanos.saturating_add(unit / 2) / unit;
    let seconds = rounded(NANOS_PER_SECOND.unsigned_abs());
    let (minutes, hours) =
        (rounded(60 * NANOS_PER_SECOND.unsigned_abs()), rounded(3_600 * NANOS_PER_SECOND.unsigned_abs()));
    let text = match seconds {
        0..120 => scaled(nanos, &[("ns", 1), ("µs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)]),
        120..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_370 => format!("{}h {:02}m", minutes / 60, minutes % 60),
        _ => format!("{}d {:02}h", hours / 24, hours % 24),
    };
    format!("{sign}{text}")
}

/// Three digits, rounded, in the largest unit of which that gives one whole.
fn scaled(number: u64, units: &[(&str, u64)]) -> String {
    // What rounds to 1000 of the unit below is one of this.
    let reaches = |size: u64| number.saturating_add(size / 2_000) >= size;
    let (unit, size) =
        units.iter().rev().find(|(_, size)| reaches(*size)).or(units.first()).copied().unwrap_or(("", 1));
    let rounded = |parts: u128| (u128::from(number) * parts * 2 + u128::from(size)) / (u128::from(size) * 2);
    match (rounded(100), rounded(10)) {
        _ if size == 1 => format!("{number} {unit}"),
        (hundredths @ 0..1_000, _) => format!("{}.{:02} {unit}", hundredths / 100, hundredths % 100),
        (_, tenths @ 0..1_000) => format!("{}.{} {unit}", tenths / 10, tenths % 10),
        _ => format!("{} {unit}", rounded(1)),
    }
}

/// `12.345678`: seconds to the microsecond.
pub(super) fn seconds(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let micros = nanos.unsigned_abs() / 1_000;
    format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// How the opening handshake ended: `101`, `refused 403`, `no answer`, `not captured`.
pub(super) fn outcome(outcome: Outcome, status: Option<u16>) -> String {
    let status = status.map(|status| format!(" {status}")).unwrap_or_default();
    match outcome {
        Outcome::Accepted => status.trim_start().to_owned(),
        Outcome::Invalid => format!("invalid{status}"),
        Outcome::Refused => format!("refused{status}"),
        Outcome::Unanswered => "no answer".to_owned(),
        Outcome::NotCaptured => "not captured".to_owned(),
    }
}

/// Who ended the connection and how: `client 1000 "bye"`, `server FIN (1006)`, `client RST`, `open at end`. 1006
/// stands where an API reports it.
pub(super) fn closed(close: &Close) -> String {
    let who = match close.initiator {
        Initiator::Client => "client",
        Initiator::Server => "server",
        Initiator::Both => "both",
        Initiator::Unknown => "unknown side",
    };
    let seen_by = match close.reported.map(|code| code == Some(ABNORMAL)) {
        [true, true] => " (1006)",
        [true, false] => " (1006 at client)",
        [false, true] => " (1006 at server)",
        [false, false] => "",
    };
    let closed = |answer: &str| format!("{who} {}{answer}{seen_by}{}", code(close), quoted(&close.reason));
    match close.how {
        CloseHow::CloseHandshake => closed(""),
        CloseHow::CloseUnanswered => closed(", unanswered"),
        CloseHow::CloseAnswerUnknown => closed(", answer unknown"),
        CloseHow::Fin => format!("{who} FIN{seen_by}"),
        CloseHow::Reset => format!("{who} RST{seen_by}"),
        CloseHow::Idle => "silent too long".to_owned(),
        CloseHow::GivenUp => "given up (limit)".to_owned(),
        CloseHow::CaptureEnded => "open at end".to_owned(),
    }
}

/// What an API reports of a connection that ended without a Close. // RFC 6455 §7.4.1
const ABNORMAL: u16 = 1006;

pub(super) fn status(close: &Close) -> String {
    format!("{}{}", code(close), quoted(&close.reason))
}

fn code(close: &Close) -> String {
    close.code.map_or_else(|| "without code".to_owned(), |code| code.to_string())
}

/// ` "bye"`; nothing where there is no reason.
pub(super) fn quoted(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" \"{}\"", safe(reason)) }
}

/// What a status code of a Close frame means, for those of RFC 6455 §7.4.1 and the IANA registry.
pub(super) const fn close_code(code: u16) -> &'static str {
    match code {
        1000 => "normal closure",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported data",
        1007 => "invalid payload data",
        1008 => "policy violation",
        1009 => "message too big",
        1010 => "mandatory extension",
        1011 => "internal error",
        1012 => "service restart",
        1013 => "try again later",
        1014 => "bad gateway",
        1005 => "no status code",
        1004 | 1006 | 1015 => "reserved, must not be sent",
        3000 => "unauthorized",
        3003 => "forbidden",
        3008 => "timeout",
        4000..=4999 => "private use",
        _ => "not assigned",
    }
}

/// At most six columns.
pub(super) fn message_type(opcode: Opcode) -> String {
    match opcode {
        Opcode::TEXT => "text".to_owned(),
        Opcode::BINARY => "binary".to_owned(),
        Opcode::CLOSE => "close".to_owned(),
        Opcode::PING => "ping".to_owned(),
        Opcode::PONG => "pong".to_owned(),
        Opcode(number) => format!("op {number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_in_threes() {
        let all: Vec<_> = [0, 999, 1_000, 12_345, 1_234_567].into_iter().map(count).collect();
        assert_eq!(all, ["0", "999", "1,000", "12,345", "1,234,567"]);
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(
            (counted(1, "packet"), counted(2_000, "packet")),
            ("1 packet".into(), "2,000 packets".into())
        );
    }

    #[test]
    fn sizes_keep_three_digits() {
        let all: Vec<_> = [0, 999, 1_000, 12_345, 999_999, 4_300_000].into_iter().map(bytes).collect();
        assert_eq!(all, ["0 B", "999 B", "1.00 kB", "12.3 kB", "1.00 MB", "4.30 MB"]);
    }

    #[test]
    fn what_is_between_two_numbers_is_rounded() {
        assert_eq!(
            [15_875_008_000, 999_600_000, 9_995_000_000, 119_400_000_000].map(span),
            ["15.9 s", "1.00 s", "10.0 s", "119 s"]
        );
        assert_eq!([1_000_000_000 * 3_599 + 600_000_000, 86_399_000_000_000].map(span), ["1h 00m", "1d 00h"]);
        assert_eq!([1_449, 999_499, 999_500].map(bytes), ["1.45 kB", "999 kB", "1.00 MB"]);
    }

    #[test]
    fn spans_take_the_unit_that_fits() {
        let all: Vec<_> =
            [0, 850, 12_300, 1_234_567, 119_999_999_999, 245_000_000_000, 3_725_000_000_000, -1_500_000]
                .into_iter()
                .map(span)
                .collect();
        assert_eq!(all, ["0 ns", "850 ns", "12.3 µs", "1.23 ms", "2m 00s", "4m 05s", "1h 02m", "-1.50 ms"]);
        assert_eq!(span(i64::MIN), "-106752d 00h");
    }

    #[test]
    fn seconds_have_six_digits_after_the_point() {
        assert_eq!((seconds(12_345_678_901), seconds(-1_000)), ("12.345678".into(), "-0.000001".into()));
    }

    #[test]
    fn an_ending_says_who_and_how() {
        let say = |initiator, how, code: Option<u16>| {
            closed(&Close {
                initiator,
                how,
                code,
                reason: if code.is_some() { "bye\u{7}".into() } else { String::new() },
                ..Close::default()
            })
        };
        assert_eq!(say(Initiator::Client, CloseHow::CloseHandshake, Some(1000)), r#"client 1000 "bye\x07""#);
        assert_eq!(say(Initiator::Both, CloseHow::CloseHandshake, None), "both without code");
        assert_eq!(
            say(Initiator::Server, CloseHow::CloseUnanswered, None),
            "server without code, unanswered"
        );
        assert_eq!(say(Initiator::Server, CloseHow::Fin, None), "server FIN");
        assert_eq!(say(Initiator::Client, CloseHow::Reset, None), "client RST");
        assert_eq!(say(Initiator::Unknown, CloseHow::CaptureEnded, None), "open at end");
        let unanswered = Close {
            initiator: Initiator::Server,
            how: CloseHow::CloseUnanswered,
            code: Some(1011),
            reason: "timeout".into(),
            reported: [Some(1011), Some(1006)],
            ..Close::default()
        };
        assert_eq!(closed(&unanswered), r#"server 1011, unanswered (1006 at server) "timeout""#);
        let unknown = Close { how: CloseHow::CloseAnswerUnknown, reported: [None; 2], ..unanswered };
        assert_eq!(closed(&unknown), r#"server 1011, answer unknown "timeout""#);
    }
}
