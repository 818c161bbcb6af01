//! Frame headers → findings (RFC 6455 §5.2 to §5.5, RFC 7692 §6).
//!
//! No rule of its own has what the snap length cut off a frame: it is a `tcp-gap`, which says so.

use std::fmt;

use super::deflate::{RSV1_ON_CONTINUATION, RSV1_ON_CONTROL};
use super::{Blame, Finding, close, fragment, rules};
use crate::packet::{PacketRef, Side};
use crate::websocket::{FrameHeader, LengthForm, Opcode};

rules! {
    /// The client sent a frame that is not masked.
    ///
    /// A server has to close the connection when it gets one. Clients written by hand and test tools forget the
    /// mask; some servers accept it all the same. Set the mask bit and mask the payload with a random key for each
    /// frame.
    CLIENT_UNMASKED = "frame-client-unmasked", Error, "RFC 6455 §5.1";

    /// The server masked a frame.
    ///
    /// A client has to close the connection when it gets one. Usual cause: a server that uses the frame writer of a
    /// client.
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

    /// The length of a frame is beyond anything that is sent in one.
    ///
    /// More than 1 GiB: the frame won't end, and nothing after it in this direction can be read. Usual cause: the
    /// sender wrote something between two frames, or a length in the wrong byte order; where the capture lost the
    /// place of a frame header, what was taken for one was none.
    LENGTH_IMPLAUSIBLE = "frame-length-implausible", Warning, "RFC 6455 §10.4";

    /// A control frame is longer than 125 bytes.
    ///
    /// The receiver has to fail the connection.
    CONTROL_TOO_LONG = "control-too-long", Error, "RFC 6455 §5.5";
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
    /// Had its sender received the peer's Close frame when it sent this? Not said where the capture does not show it.
    pub close_received: bool,
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
    let mut broken =
        |rule: &'static super::Rule, detail: String| found(rule.broken(frame.sender, frame.at, detail));
    match (frame.sender, header.masking_key) {
        (Side::Client, None) => broken(&CLIENT_UNMASKED, format!("{} is not masked", describe(header))),
        (Side::Server, Some(_)) => broken(&SERVER_MASKED, format!("{} is masked", describe(header))),
        _ => {}
    }
    check_reserved(frame, &mut broken);
    check_length(frame, &mut broken);
    if (LONGEST_PLAUSIBLE + 1..1 << 63).contains(&header.length) {
        let blame = if frame.start_known { frame.sender.into() } else { Blame::Capture };
        let detail = format!("{} says that it has {} bytes", describe(header), header.length);
        found(LENGTH_IMPLAUSIBLE.broken(blame, frame.at, detail));
    }
    fragment::check(frame, found);
    close::check_frame(frame, found);
}

/// Is it as nearly all frames are: masked as its sender must, whole, without a reserved bit, of a known opcode? [`check`] finds nothing
/// in it then, as long as no message is open and no Close was sent: that is for the caller to know.
#[inline]
pub(crate) fn is_ordinary(header: &FrameHeader, sender: Side) -> bool {
    header.masking_key.is_some() == (sender == Side::Client)
        && header.rsv == 0
        && header.fin
        && header.length_form == shortest_form(header.length)
        && header.length <= LONGEST_PLAUSIBLE
        && (header.length <= MAX_CONTROL || !header.opcode.is_control())
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

fn check_length(frame: &SentFrame, broken: &mut impl FnMut(&'static super::Rule, String)) {
    let header = &frame.header;
    let (what, length) = (describe(header), header.length);
    if header.length_form != shortest_form(length) {
        let bits = if header.length_form == LengthForm::Bits64 { 64 } else { 16 };
        broken(&LENGTH_NOT_MINIMAL, format!("length {length} of {what} is spelled in {bits} bits"));
    }
    if length >> 63 == 1 {
        broken(&LENGTH_MSB_SET, format!("{what} says that it has {length} bytes"));
    }
    if header.opcode.is_control() && length > MAX_CONTROL {
        broken(&CONTROL_TOO_LONG, format!("{what} has {length} bytes, at most {MAX_CONTROL} are allowed"));
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

/// `a text frame`, for a sentence.
pub(super) fn describe(header: &FrameHeader) -> impl fmt::Display {
    fmt::from_fn({
        let opcode = header.opcode;
        move |out| match opcode {
            Opcode::CONTINUATION => out.write_str("a continuation frame"),
            Opcode::TEXT => out.write_str("a text frame"),
            Opcode::BINARY => out.write_str("a binary frame"),
            Opcode::CLOSE => out.write_str("a Close frame"),
            Opcode::PING => out.write_str("a Ping frame"),
            Opcode::PONG => out.write_str("a Pong frame"),
            Opcode(other) => write!(out, "a frame of opcode {other}"),
        }
    })
}

/// What a control frame may carry. // RFC 6455 §5.5
const MAX_CONTROL: u64 = 125;

/// 1 GiB: no implementation takes as much in a frame, and few random bytes are a length below it.
const LONGEST_PLAUSIBLE: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::websocket::frame::frame_header;

    /// A text frame of the server that breaks nothing.
    fn ordinary() -> SentFrame {
        SentFrame {
            header: FrameHeader { fin: true, opcode: Opcode::TEXT, length: 5, ..FrameHeader::default() },
            sender: Side::Server,
            at: PacketRef::default(),
            message_open: false,
            rsv1: Rsv1::Unused,
            close_sent: false,
            close_received: false,
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
        assert_eq!(broken(|frame| (frame.header.rsv, frame.rsv1) = (4, Rsv1::CompressedMessage)), [""; 0]);
        assert_eq!(broken(|frame| (frame.header.rsv, frame.rsv1) = (4, Rsv1::Unknown)), [""; 0]);
        assert_eq!(broken(|frame| (frame.header.opcode, frame.close_sent) = (Opcode::PONG, true)), [""; 0]);
    }

    #[test]
    fn each_fault_of_a_header_is_one_finding() {
        type Change = fn(&mut SentFrame);
        let faults: [(&str, Change); 18] = [
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
            ("frame-length-implausible", |frame| {
                (frame.header.length, frame.header.length_form) = (1 << 40, LengthForm::Bits64);
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
            ("data-after-close-received", |frame| frame.close_received = true),
        ];
        for (name, change) in faults {
            assert_eq!(broken(change), [name]);
        }
    }

    #[test]
    fn legal_oddities_among_fragments_are_told_once_each() {
        let named = |opcode, fin, length, open| {
            broken(|frame| {
                (frame.header.opcode, frame.header.fin, frame.header.length) = (opcode, fin, length);
                frame.message_open = open;
            })
        };
        assert_eq!(named(Opcode::PING, true, 5, true), ["fragment-control-interleaved"]);
        assert_eq!(named(Opcode::CLOSE, true, 2, true), ["fragment-never-finished"]);
        assert_eq!(named(Opcode::TEXT, false, 0, false), ["fragment-empty"]);
        assert_eq!(named(Opcode::CONTINUATION, false, 0, true), ["fragment-empty"]);
        assert_eq!(named(Opcode::CONTINUATION, true, 0, true), ["fragment-empty-final"]);
        assert_eq!(named(Opcode::TEXT, true, 0, false), [""; 0], "an empty message is no fragment");
    }

    #[test]
    fn a_length_of_nonsense_is_the_captures_where_the_frame_itself_may_be() {
        let blamed = |start_known| {
            let mut frame = SentFrame { start_known, ..ordinary() };
            (frame.header.length, frame.header.length_form) = (1 << 40, LengthForm::Bits64);
            let mut blame = None;
            check(&frame, &mut |finding| blame = Some(finding.blame));
            blame
        };
        assert_eq!((blamed(true), blamed(false)), (Some(Blame::Server), Some(Blame::Capture)));
    }

    #[test]
    fn a_continuation_is_not_unexpected_where_its_start_may_be_out_of_sight() {
        let change =
            |frame: &mut SentFrame| (frame.header.opcode, frame.start_known) = (Opcode::CONTINUATION, false);
        assert_eq!(broken(change), [""; 0]);
    }

    #[test]
    fn frames_that_break_nothing_are_ordinary() {
        for first in [0x81, 0x82, 0x88, 0x89, 0x8a] {
            for (second, sender) in [(0x85, Side::Client), (0x05, Side::Server)] {
                let (_, header) = frame_header(&[first, second, 1, 2, 3, 4]).unwrap();
                assert!(is_ordinary(&header, sender), "{first:#x} {sender:?}");
                assert!(!is_ordinary(&header, sender.peer()), "{first:#x} {sender:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_ordinary_breaks_nothing(
            first in prop_oneof![Just(0x81), Just(0x82), any::<u8>()],
            second in prop_oneof![Just(126), Just(127), any::<u8>()],
            length in prop_oneof![0_u64..1 << 17, any::<u64>()],
            sender in prop_oneof![Just(Side::Client), Just(Side::Server)],
            start_known: bool,
        ) {
            let length = if second & 0x7f == 126 { &length.to_be_bytes()[6..] } else { &length.to_be_bytes() };
            let bytes = [&[first, second], length, &[1; 4]].concat();
            let frame = SentFrame { header: frame_header(&bytes).unwrap().1, sender, start_known, ..ordinary() };
            if is_ordinary(&frame.header, sender) {
                prop_assert_eq!(broken(|any| *any = frame), [""; 0]);
            }
        }
    }
}
