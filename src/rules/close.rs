//! Close frames and the closing handshake → findings (RFC 6455 §5.5.1, §7.1, §7.4).

use super::frame::{SentFrame, describe};
use super::{Finding, Rule, rules};
use crate::packet::{PacketRef, Side};
use crate::websocket::close::CloseBody;
use crate::websocket::{Opcode, TextState};

rules! {
    /// The body of a Close frame is a single byte.
    ///
    /// A body has to begin with a status code of two bytes. The receiver takes it for a protocol error. Usual cause: a
    /// reason without a code, or a code written as one byte.
    PAYLOAD_ONE_BYTE = "close-payload-one-byte", Error, "RFC 6455 §5.5.1";

    /// A Close frame carries a code that stands for the absence of one.
    ///
    /// 1005, 1006 and 1015 are what an API reports when no code was received, when the connection broke, or when TLS
    /// failed. They may not be sent. Usual cause: a proxy or library that passes on the code that its own API reported.
    /// Send an empty Close instead of 1005, and 1011 or 1001 instead of 1006.
    CODE_RESERVED_ON_WIRE = "close-code-reserved-on-wire", Error, "RFC 6455 §7.4.1";

    /// A Close frame carries code 1004.
    ///
    /// It is reserved and has no meaning yet. Many receivers fail the connection with 1002 for it.
    CODE_1004 = "close-code-1004", Warning, "RFC 6455 §7.4.1";

    /// The close code is outside of the range in which codes are defined.
    ///
    /// 0 to 999 are not used, and codes from 5000 on do not exist. Receivers fail the connection with 1002. Usual causes:
    /// an HTTP status or an exit status as code, the two bytes in the wrong order.
    CODE_OUT_OF_RANGE = "close-code-out-of-range", Error, "RFC 6455 §7.4.2";

    /// The close code is in the range of the protocol, but no such code is registered.
    ///
    /// 1016 to 2999 are reserved for the protocol and its extensions. Many receivers fail the connection with 1002. Private
    /// codes begin at 4000.
    CODE_UNASSIGNED = "close-code-unassigned", Warning, "RFC 6455 §7.4.2";

    /// The reason in a Close frame is not UTF-8.
    ///
    /// The receiver has to fail the connection (1007). Usual cause: a reason that was cut at 123 bytes, in the middle of
    /// a character.
    REASON_INVALID_UTF8 = "close-reason-invalid-utf8", Error, "RFC 6455 §5.5.1";

    /// The server closes with 1010, a code for clients.
    ///
    /// It says that the server did not agree to an extension that the client needs. A server refuses the handshake
    /// instead.
    CODE_WRONG_ROLE = "close-code-wrong-role", Note, "RFC 6455 §7.4.1";

    /// The connection is closed without a status code.
    ///
    /// The body of the Close frame is empty, so that the other side's API reports 1005. Legal; nobody learns why. Give a
    /// code to the call that closes.
    NO_STATUS = "close-no-status", Info, "RFC 6455 §7.1.5";

    /// The connection is closed for another reason than that it is done.
    ///
    /// The code is none of 1000 and 1001: it tells what went wrong in the eyes of the side that closed. 1002 and 1007
    /// point to what the other side sent just before; 1003, 1008 and 1009 to what it may not send; 1011 to 1014 to the
    /// server or what stands behind it. 3000 to 3999 are those of libraries, 4000 to 4999 the application's own.
    ABNORMAL_CODE = "close-abnormal-code", Note, "RFC 6455 §7.4.1";

    /// A second Close frame from the same side.
    ///
    /// One is enough, and the peer looks at the first only: beside this, it is a frame after a Close. Usual cause: an endpoint that answers the answer to its own
    /// Close.
    DUPLICATE = "close-duplicate", Warning, "RFC 6455 §5.5.1";

    /// The answer to a Close frame has another code.
    ///
    /// An endpoint typically sends back the code that it received. Where it does not, the two sides report different
    /// codes. It is not reported where both closed at the same time.
    ECHO_MISMATCH = "close-echo-mismatch", Note, "RFC 6455 §5.5.1";

    /// A Close frame was not answered.
    ///
    /// The other side has to send a Close frame of its own, and had the time to do so. Its API reports the code
    /// that it got; the side that closed reports 1006. Usual causes: an application that stopped reading, a process that
    /// was killed, a proxy that dropped the connection at the sight of the Close. Not reported where the side
    /// that closed did not wait for an answer.
    NOT_ANSWERED = "close-not-answered", Warning, "RFC 6455 §5.5.1";

    /// Closing takes long: the answer to a Close frame, or the end of TCP after it.
    ///
    /// The answer should come as soon as practical, and then the server has to end the TCP connection immediately.
    /// Usual causes: a queue of unsent messages before the answer, an application that has to read before its
    /// library can answer, a server that leaves the end to the client.
    SLOW = "close-slow", Note, "RFC 6455 §5.5.1";

    /// A frame after a Close frame from the same side.
    ///
    /// After its Close frame an endpoint must not send data, and the peer will not look at it; another Close or a Ping
    /// asks for an answer that nobody owes (§1.4: nothing more is sent). Usual cause: a thread that still writes while
    /// another one closes. A Pong is allowed: a Ping has to be answered until a Close has come.
    AFTER_CLOSE_SENT = "frame-after-close-sent", Error, "RFC 6455 §5.5.1";

    /// A new message from a side that had received the peer's Close frame.
    ///
    /// It may finish the message that it was sending, then it has to answer. The peer need not look at what comes. That
    /// the Close had arrived is known from its acknowledgement, which the operating system sends: the application may
    /// not have read it yet.
    DATA_AFTER_CLOSE_RECEIVED = "data-after-close-received", Note, "RFC 6455 §5.5.1";
}

/// What a frame breaks by coming after a Close.
pub(super) fn check_frame(frame: &SentFrame, found: &mut impl FnMut(Finding)) {
    let opcode = frame.header.opcode;
    let what = describe(&frame.header);
    let mut broken = |rule: &'static Rule, detail| found(rule.broken(frame.sender, frame.at, detail));
    if frame.close_sent && opcode != Opcode::PONG {
        broken(&AFTER_CLOSE_SENT, format!("{what} follows a Close frame from the same side"));
    }
    if frame.close_sent && opcode == Opcode::CLOSE {
        broken(&DUPLICATE, "another Close frame from the same side".into());
    }
    let begins = !opcode.is_control() && opcode != Opcode::CONTINUATION;
    if frame.close_received && begins {
        broken(&DATA_AFTER_CLOSE_RECEIVED, format!("{what} although the peer's Close had arrived"));
    }
}

/// What the code of the Close that began the closing handshake tells.
pub fn check_first(body: &CloseBody, sender: Side, at: PacketRef, found: &mut impl FnMut(Finding)) {
    match body.code {
        Some(1010) if sender == Side::Server => {
            found(CODE_WRONG_ROLE.broken(sender, at, "the server closes with 1010".into()));
        }
        Some(code) => {
            let Some(meaning) = trouble(code) else { return };
            let reason = if body.reason.is_empty() { "" } else { ", with a reason" };
            found(ABNORMAL_CODE.broken(sender, at, format!("code {code}: {meaning}{reason}")));
        }
        None if body.length == 0 => {
            found(NO_STATUS.broken(sender, at, "the Close frame has no code".into()));
        }
        None => {}
    }
}

/// What a code that is sent by right says about what went wrong; `None` where nothing did, and of codes that may not
/// be sent, which are judged elsewhere. The names of the registry. // RFC 6455 §7.4.1, §11.7
const fn trouble(code: u16) -> Option<&'static str> {
    Some(match code {
        1002 => "protocol error: the peer sent something that breaks RFC 6455",
        1003 => "unsupported data: the peer sent a type of message that is not accepted",
        1007 => "invalid data: a message that does not fit its type, such as a text that is not UTF-8",
        1008 => "policy violation: a message that is not allowed, or no better code",
        1009 => "message too big",
        1010 => "an extension that the client needs was not agreed",
        1011 => "internal error: an unexpected condition",
        1012 => "service restart",
        1013 => "try again later: the server is overloaded",
        1014 => "bad gateway: what stands behind the server gave an invalid answer",
        3000 => "unauthorized",
        3003 => "forbidden",
        3008 => "timeout",
        3001..=3999 => "a code of a library or framework",
        4000..=4999 => "a code of the application",
        _ => return None,
    })
}

/// What the body of a Close frame breaks.
pub fn check_close(body: &CloseBody, sender: Side, at: PacketRef, found: &mut impl FnMut(Finding)) {
    let mut broken = |rule: &'static Rule, detail: String| found(rule.broken(sender, at, detail));
    if body.length == 1 {
        broken(&PAYLOAD_ONE_BYTE, "the Close frame has a body of 1 byte".into());
    }
    if let Some(code) = body.code {
        match code {
            1005 | 1006 | 1015 => broken(&CODE_RESERVED_ON_WIRE, format!("code {code} may not be sent")),
            1004 => broken(&CODE_1004, "code 1004 is reserved".into()),
            0..=999 | 5000.. => broken(&CODE_OUT_OF_RANGE, format!("code {code} does not exist")),
            1016..=2999 => broken(&CODE_UNASSIGNED, format!("code {code} is not registered")),
            _ => {}
        }
    }
    if let TextState::Invalid { offset } | TextState::CutCodePoint { offset } = body.reason_state {
        broken(&REASON_INVALID_UTF8, format!("the reason is not UTF-8 from its byte {offset} on"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(body: &CloseBody) -> Vec<&'static str> {
        let mut names = Vec::new();
        check_close(body, Side::Client, PacketRef::default(), &mut |finding| names.push(finding.rule.name));
        names
    }

    #[test]
    fn each_close_code_is_judged_by_its_range() {
        let of = |code| broken(&CloseBody { code: Some(code), length: 2, ..CloseBody::default() });
        for code in [1000, 1001, 1003, 1007, 1014, 3000, 3999, 4000, 4999] {
            assert_eq!(of(code), [""; 0], "{code}");
        }
        for code in [0, 999, 5000, 65_535] {
            assert_eq!(of(code), ["close-code-out-of-range"], "{code}");
        }
        for code in [1005, 1006, 1015] {
            assert_eq!(of(code), ["close-code-reserved-on-wire"], "{code}");
        }
        assert_eq!(of(1004), ["close-code-1004"]);
        assert_eq!(of(1016), ["close-code-unassigned"]);
        assert_eq!(of(2999), ["close-code-unassigned"]);
    }

    #[test]
    fn a_body_is_empty_or_begins_with_a_code_and_its_reason_is_utf_8() {
        assert_eq!(broken(&CloseBody::default()), [""; 0]);
        assert_eq!(broken(&CloseBody { length: 1, ..CloseBody::default() }), ["close-payload-one-byte"]);
        let bad = CloseBody {
            code: Some(1000),
            length: 4,
            reason_state: TextState::Invalid { offset: 3 },
            ..CloseBody::default()
        };
        assert_eq!(broken(&bad), ["close-reason-invalid-utf8"]);
    }
}
