//! Frame headers → findings (RFC 6455 §5.2 to §5.5, RFC 7692 §6).

use super::deflate::{RSV1_ON_CONTINUATION, RSV1_ON_CONTROL};
use super::{Finding, rules};
use crate::packet::{PacketRef, Side};
use crate::websocket::{FrameHeader, LengthForm, Opcode};

rules! {
    /// The client sent a frame that is not masked.
    ///
    /// A server has to close the connection when it gets one. Clients written by hand and test tools forget the
    /// mask; some servers accept it all the same.
    CLIENT_UNMASKED = "frame-client-unmasked", Error, "RFC 6455 §5.1";

    /// The server masked a frame.
    ///
    /// A client has to close the connection when it gets one.
    SERVER_MASKED = "frame-server-masked", Error, "RFC 6455 §5.1";

    /// RSV1 is set, but no extension that gives it a meaning was agreed.
    ///
    /// Usual cause: an endpoint compresses although permessage-deflate was not accepted, or a proxy removed
    /// `Sec-WebSocket-Extensions` from the answer.
    RSV1_UNNEGOTIATED = "frame-rsv1-unnegotiated", Error, "RFC 6455 §5.2";

    /// RSV2 is set, to which no registered extension gives a meaning.
    ///
    /// The receiver has to fail the connection. Often the sign that the frame boundary was lost.
    RSV2_SET = "frame-rsv2-set", Error, "RFC 6455 §5.2";

    /// RSV3 is set, to which no registered extension gives a meaning.
    ///
    /// The receiver has to fail the connection. Often the sign that the frame boundary was lost.
    RSV3_SET = "frame-rsv3-set", Error, "RFC 6455 §5.2";

    /// A data frame with a reserved opcode (3 to 7).
    ///
    /// The receiver has to fail the connection.
    OPCODE_RESERVED_DATA = "frame-opcode-reserved-data", Error, "RFC 6455 §5.2";

    /// A control frame with a reserved opcode (11 to 15).
    ///
    /// The receiver has to fail the connection.
    OPCODE_RESERVED_CONTROL = "frame-opcode-reserved-control", Error, "RFC 6455 §5.2";

    /// The length is spelled with more bytes than it needs.
    ///
    /// Lengths up to 125 take 7 bits, up to 65,535 take 16 bits, and only longer ones 64 bits.
    LENGTH_NOT_MINIMAL = "frame-length-not-minimal", Error, "RFC 6455 §5.2";

    /// The highest bit of a 64-bit length is set.
    ///
    /// It has to be 0. The frame can't end, so that nothing after it in this direction can be read.
    LENGTH_MSB_SET = "frame-length-msb-set", Error, "RFC 6455 §5.2";

    /// A continuation frame, but no message is open.
    ///
    /// The fragment belongs to nothing: its start was never sent.
    CONTINUATION_UNEXPECTED = "fragment-continuation-unexpected", Error, "RFC 6455 §5.4";

    /// A new data message begins before the last one was finished.
    ///
    /// The fragments of messages may not be mixed (unless an extension allows it). The open message is given up
    /// where it stands.
    DATA_WHILE_OPEN = "fragment-data-while-open", Error, "RFC 6455 §5.4";

    /// A control frame is fragmented.
    ///
    /// Control frames have to come in one piece, with FIN set.
    CONTROL_FRAGMENTED = "fragment-control-fragmented", Error, "RFC 6455 §5.5";

    /// A control frame is longer than 125 bytes.
    ///
    /// The receiver has to fail the connection.
    CONTROL_TOO_LONG = "control-too-long", Error, "RFC 6455 §5.5";

    /// A frame after a Close frame from the same side.
    ///
    /// After its Close frame an endpoint may send no more data, and the peer will not look at it; another Close or a Ping
    /// makes no sense either. A Pong is allowed: a Ping has to be answered until a Close has come.
    AFTER_CLOSE_SENT = "frame-after-close-sent", Error, "RFC 6455 §5.5.1";
}

/// One frame header with what is needed to judge it.
#[derive(Clone, Copy, Debug)]
pub struct SentFrame {
    /// As on the wire.
    pub header: FrameHeader,
    /// Who sent it.
    pub sender: Side,
    /// The packet with its first byte.
    pub at: PacketRef,
    /// Had its sender begun a fragmented message that is not finished?
    pub message_open: bool,
    /// What RSV1 says on this connection.
    pub rsv1: Rsv1,
    /// Had its sender sent a Close frame before?
    pub close_sent: bool,
    /// Is the frame boundary certain enough for a continuation without start to be the sender's fault? Not
    /// before the first whole message after a gap or a start in mid-stream.
    pub start_known: bool,
}

/// What RSV1 says on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rsv1 {
    /// Nothing that is known: the handshake was not captured, or an extension that is not known was agreed.
    Unknown,
    /// Nothing: it has to be 0.
    Unused,
    /// That the message which begins with the frame is compressed.
    CompressedMessage,
    /// That the frame is compressed.
    CompressedFrame,
}

/// What a frame's header breaks.
pub fn check(frame: &SentFrame, found: &mut impl FnMut(Finding)) {
    let header = &frame.header;
    // The common frame breaks nothing: masked as its sender must, no reserved bit, a known opcode.
    if is_ordinary(frame) {
        return;
    }
    let mut broken =
        |rule: &'static super::Rule, detail: String| found(rule.broken(frame.sender, frame.at, detail));
    match (frame.sender, header.masking_key) {
        (Side::Client, None) => broken(&CLIENT_UNMASKED, format!("{} is not masked", describe(header))),
        (Side::Server, Some(_)) => broken(&SERVER_MASKED, format!("{} is masked", describe(header))),
        _ => {}
    }
    check_reserved(frame, &mut broken);
    check_length(header, &mut broken);
    check_order(frame, &mut broken);
}

fn is_ordinary(frame: &SentFrame) -> bool {
    let header = &frame.header;
    header.masking_key.is_some() == (frame.sender == Side::Client)
        && header.rsv == 0
        && header.fin
        && !frame.message_open
        && !frame.close_sent
        && header.length_form == shortest_form(header.length)
        && header.length >> 63 == 0
        && (header.length <= 125 || !header.opcode.is_control())
        && matches!(
            header.opcode,
            Opcode::TEXT | Opcode::BINARY | Opcode::PING | Opcode::PONG | Opcode::CLOSE
        )
}

fn check_reserved(frame: &SentFrame, broken: &mut impl FnMut(&'static super::Rule, String)) {
    let header = &frame.header;
    let what = describe(header);
    if header.rsv1() {
        match frame.rsv1 {
            Rsv1::Unused => {
                broken(&RSV1_UNNEGOTIATED, format!("RSV1 is set on {what}, no extension was agreed"));
            }
            Rsv1::CompressedMessage if header.opcode.is_control() => {
                broken(&RSV1_ON_CONTROL, format!("RSV1 is set on {what}"));
            }
            Rsv1::CompressedMessage if header.opcode == Opcode::CONTINUATION => {
                broken(&RSV1_ON_CONTINUATION, format!("RSV1 is set on {what}"));
            }
            _ => {}
        }
    }
    if header.rsv & 0b010 != 0 {
        broken(&RSV2_SET, format!("RSV2 is set on {what}"));
    }
    if header.rsv & 0b001 != 0 {
        broken(&RSV3_SET, format!("RSV3 is set on {what}"));
    }
    if header.opcode.is_reserved() {
        let rule = if header.opcode.is_control() { &OPCODE_RESERVED_CONTROL } else { &OPCODE_RESERVED_DATA };
        broken(rule, format!("opcode {} is reserved", header.opcode.0));
    }
}

fn check_length(header: &FrameHeader, broken: &mut impl FnMut(&'static super::Rule, String)) {
    if header.length_form != shortest_form(header.length) {
        let bits = if header.length_form == LengthForm::Bits64 { 64 } else { 16 };
        broken(
            &LENGTH_NOT_MINIMAL,
            format!("length {} of {} is spelled in {bits} bits", header.length, describe(header)),
        );
    }
    if header.length >> 63 == 1 {
        broken(&LENGTH_MSB_SET, format!("{} says that it has {} bytes", describe(header), header.length));
    }
    if header.opcode.is_control() && header.length > 125 {
        broken(
            &CONTROL_TOO_LONG,
            format!("{} has {} bytes, at most 125 are allowed", describe(header), header.length),
        );
    }
}

/// The form that a length has to take. // RFC 6455 §5.2
const fn shortest_form(length: u64) -> LengthForm {
    match length {
        0..=125 => LengthForm::Bits7,
        126..=0xffff => LengthForm::Bits16,
        _ => LengthForm::Bits64,
    }
}

fn check_order(frame: &SentFrame, broken: &mut impl FnMut(&'static super::Rule, String)) {
    let header = &frame.header;
    let what = describe(header);
    if frame.close_sent && header.opcode != Opcode::PONG {
        broken(&AFTER_CLOSE_SENT, format!("{what} follows a Close frame from the same side"));
    }
    if header.opcode.is_control() {
        if !header.fin {
            broken(&CONTROL_FRAGMENTED, format!("{what} has FIN clear"));
        }
        return;
    }
    match (header.opcode == Opcode::CONTINUATION, frame.message_open) {
        (true, false) if frame.start_known => {
            broken(&CONTINUATION_UNEXPECTED, format!("{what} continues nothing"));
        }
        (false, true) => {
            broken(&DATA_WHILE_OPEN, format!("{what} begins while a fragmented message is open"));
        }
        _ => {}
    }
}

/// `a text frame`, for a sentence.
fn describe(header: &FrameHeader) -> String {
    match header.opcode {
        Opcode::CONTINUATION => "a continuation frame".into(),
        Opcode::TEXT => "a text frame".into(),
        Opcode::BINARY => "a binary frame".into(),
        Opcode::CLOSE => "a Close frame".into(),
        Opcode::PING => "a Ping frame".into(),
        Opcode::PONG => "a Pong frame".into(),
        Opcode(other) => format!("a frame of opcode {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text frame of the server that breaks nothing.
    fn ordinary() -> SentFrame {
        SentFrame {
            header: FrameHeader { fin: true, opcode: Opcode::TEXT, length: 5, ..FrameHeader::default() },
            sender: Side::Server,
            at: PacketRef::default(),
            message_open: false,
            rsv1: Rsv1::Unused,
            close_sent: false,
            start_known: true,
        }
    }

    fn broken(change: impl FnOnce(&mut SentFrame)) -> Vec<&'static str> {
        let mut frame = ordinary();
        change(&mut frame);
        let mut names = Vec::new();
        check(&frame, &mut |finding| names.push(finding.rule.name));
        names
    }

    #[test]
    fn ordinary_frames_break_nothing() {
        assert_eq!(broken(|_| ()), [""; 0]);
        assert_eq!(
            broken(|frame| (frame.header.length, frame.header.length_form) = (126, LengthForm::Bits16)),
            [""; 0]
        );
        assert_eq!(
            broken(|frame| (frame.header.length, frame.header.length_form) = (65_536, LengthForm::Bits64)),
            [""; 0]
        );
        assert_eq!(broken(|frame| frame.header.fin = false), [""; 0]);
        let continuation =
            |frame: &mut SentFrame| (frame.header.opcode, frame.message_open) = (Opcode::CONTINUATION, true);
        assert_eq!(broken(continuation), [""; 0]);
        assert_eq!(broken(|frame| (frame.header.opcode, frame.message_open) = (Opcode::PING, true)), [""; 0]);
        assert_eq!(broken(|frame| (frame.header.rsv, frame.rsv1) = (4, Rsv1::CompressedMessage)), [""; 0]);
        assert_eq!(broken(|frame| (frame.header.rsv, frame.rsv1) = (4, Rsv1::Unknown)), [""; 0]);
        assert_eq!(broken(|frame| (frame.header.opcode, frame.close_sent) = (Opcode::PONG, true)), [""; 0]);
    }

    #[test]
    fn each_fault_of_a_header_is_one_finding() {
        type Change = fn(&mut SentFrame);
        let faults: [(&str, Change); 16] = [
            ("frame-client-unmasked", |frame| frame.sender = Side::Client),
            ("frame-server-masked", |frame| frame.header.masking_key = Some([0; 4])),
            ("frame-rsv1-unnegotiated", |frame| frame.header.rsv = 4),
            ("frame-rsv2-set", |frame| frame.header.rsv = 2),
            ("frame-rsv3-set", |frame| frame.header.rsv = 1),
            ("deflate-rsv1-on-control", |frame| {
                (frame.header.rsv, frame.header.opcode, frame.rsv1) =
                    (4, Opcode::PING, Rsv1::CompressedMessage);
            }),
            ("deflate-rsv1-on-continuation", |frame| {
                (frame.header.rsv, frame.header.opcode) = (4, Opcode::CONTINUATION);
                (frame.rsv1, frame.message_open) = (Rsv1::CompressedMessage, true);
            }),
            ("frame-opcode-reserved-data", |frame| frame.header.opcode = Opcode(3)),
            ("frame-opcode-reserved-control", |frame| frame.header.opcode = Opcode(11)),
            ("frame-length-not-minimal", |frame| frame.header.length_form = LengthForm::Bits16),
            ("frame-length-msb-set", |frame| {
                (frame.header.length, frame.header.length_form) = (1 << 63, LengthForm::Bits64);
            }),
            ("fragment-continuation-unexpected", |frame| frame.header.opcode = Opcode::CONTINUATION),
            ("fragment-data-while-open", |frame| frame.message_open = true),
            ("fragment-control-fragmented", |frame| {
                (frame.header.opcode, frame.header.fin) = (Opcode::PING, false);
            }),
            ("control-too-long", |frame| {
                frame.header.opcode = Opcode::PING;
                (frame.header.length, frame.header.length_form) = (126, LengthForm::Bits16);
            }),
            ("frame-after-close-sent", |frame| frame.close_sent = true),
        ];
        assert_eq!(faults.len(), RULES.len() + 2, "a fault for each rule, those of RSV1 included");
        for (name, change) in faults {
            assert_eq!(broken(change), [name]);
        }
    }

    #[test]
    fn a_continuation_is_not_unexpected_where_its_start_may_be_out_of_sight() {
        let change =
            |frame: &mut SentFrame| (frame.header.opcode, frame.start_known) = (Opcode::CONTINUATION, false);
        assert_eq!(broken(change), [""; 0]);
    }
}
