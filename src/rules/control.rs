//! Control frames and the closing handshake → findings (RFC 6455 §5.5, §7).

use super::{Finding, rules};
use crate::packet::{PacketRef, Side};
use crate::websocket::TextState;
use crate::websocket::close::CloseBody;

rules! {
    /// The body of a Close frame is a single byte.
    ///
    /// A body has to begin with a status code of two bytes.
    PAYLOAD_ONE_BYTE = "close-payload-one-byte", Error, "RFC 6455 §5.5.1";

    /// A Close frame carries a code that stands for the absence of one.
    ///
    /// 1005, 1006 and 1015 are what an API reports when no code was received, when the connection broke, or when TLS
    /// failed. They may not be sent.
    CODE_RESERVED_ON_WIRE = "close-code-reserved-on-wire", Error, "RFC 6455 §7.4.1";

    /// A Close frame carries code 1004.
    ///
    /// It is reserved and has no meaning yet.
    CODE_1004 = "close-code-1004", Warning, "RFC 6455 §7.4.1";

    /// The close code is outside of the range in which codes are defined.
    ///
    /// 0 to 999 are not used, and codes from 5000 on do not exist.
    CODE_OUT_OF_RANGE = "close-code-out-of-range", Error, "RFC 6455 §7.4.2";

    /// The close code is in the range of the protocol, but no such code is registered.
    ///
    /// 1016 to 2999 are reserved for the protocol and its extensions. Private codes begin at 4000.
    CODE_UNASSIGNED = "close-code-unassigned", Warning, "RFC 6455 §7.4.2";

    /// The reason in a Close frame is not UTF-8.
    ///
    /// The receiver has to fail the connection.
    REASON_INVALID_UTF8 = "close-reason-invalid-utf8", Error, "RFC 6455 §5.5.1";
}

/// What the body of a Close frame breaks.
pub fn check_close(body: &CloseBody, sender: Side, at: PacketRef, found: &mut impl FnMut(Finding)) {
    let mut broken = |rule: &'static super::Rule, detail: String| found(rule.broken(sender, at, detail));
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
