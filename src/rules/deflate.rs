//! Compression → findings: its parameters, its marks on frames, and its data (RFC 7692).
//!
//! Not judged: whether secrets are compressed together with what an attacker can choose (RFC 7692 §8). A capture does
//! not show who chose a part of a message, so nearly every connection with a cookie would be named.

use super::{Blame, Finding, Rule, rules};
use crate::http::deflate::{DeflateParams, Misfit, ParamFault, Said};
use crate::http::{ExtensionList, Handshake};
use crate::packet::{PacketRef, Side};
use crate::websocket::Message;
use crate::websocket::deflate::{Inflation, Reference, Savings};

rules! {
    /// A parameter of permessage-deflate that is not defined.
    ///
    /// A server has to decline such an offer, a client has to fail the connection on such an answer. Usual causes: a
    /// misspelt name, or parameters of another extension.
    PARAM_UNKNOWN = "deflate-param-unknown", Error, "RFC 7692 §7.1";

    /// A parameter of permessage-deflate is given more than once.
    ///
    /// A server has to decline such an offer, a client has to fail the connection on such an answer.
    PARAM_DUPLICATE = "deflate-param-duplicate", Error, "RFC 7692 §7.1";

    /// The size of a compression window is not a number from 8 to 15.
    ///
    /// It is written without leading zeros. Only the `client_max_window_bits` of an offer may have no value. A server has
    /// to decline such an offer, a client has to fail the connection on such an answer.
    WINDOW_BITS_INVALID = "deflate-window-bits-invalid", Error, "RFC 7692 §7.1.2";

    /// The server limits the client's compression window, but the client did not offer that.
    ///
    /// Without `client_max_window_bits` in the offer, the client may be unable to use a smaller window, and has to fail
    /// the connection.
    CLIENT_BITS_NOT_OFFERED = "deflate-client-bits-not-offered", Error, "RFC 7692 §7.1.2.2";

    /// The server's compression window is larger than the client asked for.
    ///
    /// The client may have kept memory for the smaller one only, and then can't decompress what the server sends.
    WINDOW_BITS_LARGER = "deflate-window-bits-larger-than-offered", Error, "RFC 7692 §7.1.2.1";

    /// A parameter about context takeover has a value.
    ///
    /// `server_no_context_takeover` and `client_no_context_takeover` take none. wspect reads them as if they had none.
    TAKEOVER_VALUE_GIVEN = "deflate-takeover-value-given", Error, "RFC 7692 §7.1.1";

    /// The client asked the server not to take over its compression context, and the server did not agree.
    ///
    /// The server accepts that only by repeating `server_no_context_takeover`. The client may have kept no memory for the
    /// context, and then can't decompress what the server sends after its first message.
    SERVER_TAKEOVER_IGNORED = "deflate-server-takeover-ignored", Error, "RFC 7692 §7.1.1.1";

    /// RSV1 is set on a continuation frame.
    ///
    /// permessage-deflate marks a message as compressed on its first frame only.
    RSV1_ON_CONTINUATION = "deflate-rsv1-on-continuation", Error, "RFC 7692 §6.1";

    /// RSV1 is set on a control frame.
    ///
    /// permessage-deflate compresses data messages only.
    RSV1_ON_CONTROL = "deflate-rsv1-on-control", Error, "RFC 7692 §6.1";

    /// The data of a compressed message are faulty.
    ///
    /// The receiver has to fail the connection. The message is shown as far as it could be inflated. Usual causes: RSV1
    /// set on data that are not compressed, a zlib or gzip header around the DEFLATE data, or a context that the
    /// sender took over against the agreement.
    INFLATE_ERROR = "deflate-inflate-error", Error, "RFC 7692 §7.2.2";

    /// A compressed message refers to earlier ones that the capture does not hold.
    ///
    /// Bytes are missing in an earlier message, the capture began in mid-connection, or an earlier message was faulty or
    /// too large. What is copied from there is unknown: such bytes are U+001A, in the table one `�` for a run
    /// of them, and `unknown_bytes` counts them. The message's length and its other bytes are right. A message that can't be
    /// decompressed even so is shown as it stood on the wire. One finding counts all messages of a side, until none can
    /// refer to what was lost.
    MISSING_CONTEXT = "deflate-missing-context", Warning, "";

    /// A small message inflates to a very large one.
    ///
    /// More than 16 MiB, and more than a hundred times what was sent. It may be harmless (an image of one colour), or an
    /// attempt to use up the receiver's memory: receivers need a limit on the inflated size. wspect stops at 1 GiB;
    /// then the finding says so.
    BOMB = "deflate-bomb", Warning, "RFC 7692 §8";

    /// Something follows the end of the compressed data of a message.
    ///
    /// A block said that it is the last one, and what stands behind it is no DEFLATE data. Usual cause: a zlib or gzip
    /// trailer. Receivers differ: some drop it, some fail the connection.
    TRAILING_DATA = "deflate-trailing-data", Warning, "RFC 7692 §7.2.1";

    /// The four bytes `00 00 ff ff` at the end of a compressed message were not removed.
    ///
    /// The receiver appends them again, and then stands in the middle of a block: with context takeover it
    /// fails on the next message. wspect goes on as if they had been removed.
    TAIL_NOT_REMOVED = "deflate-tail-not-removed", Warning, "RFC 7692 §7.2.1";

    /// The compressed data of a message do not end at the end of a block.
    ///
    /// The last part may be missing from what is shown. Usual causes: the sender did not flush its compressor, or sent
    /// an empty payload for an empty message, which takes one byte (`00`).
    TAIL_MISSING = "deflate-tail-missing", Warning, "RFC 7692 §7.2.1";

    /// A compressed message refers further back than the agreed window reaches.
    ///
    /// The receiver may keep no more than the window of `server_max_window_bits` or `client_max_window_bits`, and then
    /// can't decompress the message. wspect keeps the largest window and shows what was meant. Usual cause: the library
    /// agrees to a smaller window, but does not set it on its compressor.
    WINDOW_EXCEEDED = "deflate-window-exceeded", Error, "RFC 7692 §7.1.2";

    /// A compressed message refers to one before it, although the agreement rules that out.
    ///
    /// With `server_no_context_takeover` or `client_no_context_takeover` the receiver forgets each message, and then
    /// can't decompress this one. wspect reads this direction as if the parameter had not been agreed from here on, and
    /// says it only once.
    CONTEXT_VIOLATED = "deflate-context-violated", Error, "RFC 7692 §7.1.1";

    /// Compression made the messages of a direction larger.
    ///
    /// At least ten were compressed, and took as many bytes on the wire as without, or more. Usual causes: short messages without
    /// context takeover, or data that are compressed or encrypted already. Send those without compression.
    INEFFECTIVE = "deflate-ineffective", Note, "RFC 7692 §6";

    /// permessage-deflate was agreed, but a side compressed nothing.
    ///
    /// That is allowed: each message may be sent as it is. Often all were shorter than the threshold of the library.
    NEVER_USED = "deflate-negotiated-never-used", Info, "RFC 7692 §6";

    /// A compressed message holds a block that is marked as the last one (BFINAL).
    ///
    /// That is legal, and the next block or message may still refer to it. Many receivers stop at such a block, or
    /// fail on the next message.
    BFINAL_SET = "deflate-bfinal-set", Note, "RFC 7692 §7.2.3.4";
}

/// What the offers and the answer of permessage-deflate break.
pub fn check_params(handshake: &Handshake, found: &mut impl FnMut(Finding)) {
    let offers = handshake.request.as_ref().map_or_else(Vec::new, |request| {
        params(&handshake.extensions_offered(), Said::Offer, Side::Client, request.last, found)
    });
    let Some(response) = &handshake.response else { return };
    let answers = params(&handshake.extensions(), Said::Answer, Side::Server, response.last, found);
    for answer in answers {
        // The server answers one of several offers; it is taken for the one that fits best.
        let misfits = offers.iter().map(|offer| answer.misfits(offer)).min_by_key(Vec::len);
        for misfit in misfits.unwrap_or_default() {
            let (rule, detail) = describe(misfit);
            found(rule.broken(Side::Server, response.last, detail));
        }
    }
}

/// What a compressed message breaks.
pub fn check(message: &Message, sender: Side, found: &mut impl FnMut(Finding)) {
    if !message.compressed {
        return;
    }
    let mut broken = |rule: &'static Rule, blame: Blame, detail: String| {
        found(rule.broken(blame, message.last, detail));
    };
    let wire = message.wire_length;
    if let Some((rule, detail)) = fault(message) {
        broken(rule, sender.into(), detail);
    }
    if message.inflation == Inflation::LimitReached {
        let detail =
            format!("{wire} bytes on the wire inflate to more than {}, where it was stopped", message.length);
        broken(&BOMB, sender.into(), detail);
    } else if message.length > BOMB_BYTES && message.length / BOMB_RATIO > wire {
        let detail = format!("{wire} bytes on the wire inflate to {}", message.length);
        broken(&BOMB, sender.into(), detail);
    }
    let odd = message.oddities.as_deref().copied().unwrap_or_default();
    if let Some(Reference { offset, distance }) = odd.beyond_window {
        let detail = format!(
            "byte {offset} of the payload refers {distance} bytes back, further than the window that was agreed"
        );
        broken(&WINDOW_EXCEEDED, sender.into(), detail);
    }
    if let Some(offset) = odd.takes_context {
        let detail = format!("near byte {offset} of its payload it refers to a message before it");
        broken(&CONTEXT_VIOLATED, sender.into(), detail);
    }
    if odd.final_block {
        broken(&BFINAL_SET, sender.into(), "BFINAL is set on a block".into());
    }
}

/// The messages of one direction of which something is unknown since a part of it was lost.
#[derive(Clone, Debug, Default)]
pub struct Undecoded {
    messages: Option<Box<UndecodedMessages>>,
}

/// What few connections have.
#[derive(Clone, Debug)]
struct UndecodedMessages {
    /// Its index and its last packet.
    first: (u64, PacketRef),
    count: u64,
    unknown_bytes: u64,
}

impl Undecoded {
    /// Counts a message, if it is such a one.
    pub fn note(&mut self, message: &Message, index: u64) {
        let unknown = message.unknown.as_ref().map_or(0, |unknown| unknown.bytes);
        if message.inflation == Inflation::MissingContext || unknown > 0 {
            let first = (index, message.last);
            let new = || Box::new(UndecodedMessages { first, count: 0, unknown_bytes: 0 });
            let messages = self.messages.get_or_insert_with(new);
            messages.count += 1;
            messages.unknown_bytes = messages.unknown_bytes.saturating_add(unknown);
        }
    }

    /// Is there no such message?
    pub(crate) const fn is_empty(&self) -> bool {
        self.messages.is_none()
    }

    /// All that earlier messages were is known again, or no more come: says how many there were, and begins anew.
    pub fn report(&mut self, sender: Side, found: &mut impl FnMut(Finding)) {
        let Some(messages) = self.messages.take() else { return };
        let UndecodedMessages { first: (index, at), count, unknown_bytes } = *messages;
        let who = if count == 1 {
            "it refers to earlier messages, which are not known".into()
        } else {
            let sender = if sender == Side::Client { "client" } else { "server" };
            format!(
                "{count} messages of the {sender}, from this one on, refer to earlier ones that are not known"
            )
        };
        let detail = match unknown_bytes {
            0 => who,
            bytes => format!("{who}: {bytes} bytes are unknown"),
        };
        found(Finding { message: Some(index), ..MISSING_CONTEXT.broken(Blame::Capture, at, detail) });
    }
}

/// What all messages of a direction that was captured whole show.
pub fn check_savings(savings: &Savings, sender: Side, at: PacketRef, found: &mut impl FnMut(Finding)) {
    let Savings { data_messages, compressed, compressed_bytes, inflated_bytes } = *savings;
    if compressed == 0 && data_messages > 0 {
        let detail = format!("none of its {data_messages} data messages is compressed");
        found(NEVER_USED.broken(sender, at, detail));
    }
    if compressed >= MANY && inflated_bytes > 0 && compressed_bytes >= inflated_bytes {
        let detail =
            format!("{compressed} messages of {inflated_bytes} bytes were sent as {compressed_bytes}");
        found(INEFFECTIVE.broken(sender, at, detail));
    }
}

fn params(
    list: &ExtensionList,
    said: Said,
    by: Side,
    at: PacketRef,
    found: &mut impl FnMut(Finding),
) -> Vec<DeflateParams> {
    let mut read = Vec::new();
    for (params, faults) in list.extensions.iter().filter_map(|extension| DeflateParams::of(extension, said))
    {
        // Whether faulty ones fit can't be said.
        if faults.is_empty() {
            read.push(params);
        }
        for fault in faults {
            let rule = match fault {
                ParamFault::Unknown(_) => &PARAM_UNKNOWN,
                ParamFault::Duplicate(_) => &PARAM_DUPLICATE,
                ParamFault::WindowBits(..) => &WINDOW_BITS_INVALID,
                ParamFault::ValueGiven(..) => &TAKEOVER_VALUE_GIVEN,
            };
            found(rule.broken(by, at, fault.to_string()));
        }
    }
    read
}

fn describe(misfit: Misfit) -> (&'static Rule, String) {
    match misfit {
        Misfit::ClientBitsNotOffered => {
            (&CLIENT_BITS_NOT_OFFERED, "client_max_window_bits is answered, but was not offered".into())
        }
        Misfit::ServerTakeoverIgnored => {
            (&SERVER_TAKEOVER_IGNORED, "server_no_context_takeover was asked for, and is not answered".into())
        }
        Misfit::ServerBitsLarger { offered, answered } => (
            &WINDOW_BITS_LARGER,
            format!("server_max_window_bits is {answered}, the client asked for at most {offered}"),
        ),
    }
}

fn fault(message: &Message) -> Option<(&'static Rule, String)> {
    let wire = message.wire_length;
    match message.inflation {
        // Messages that lack their context are counted: see `Undecoded`.
        Inflation::NotCompressed
        | Inflation::Whole
        | Inflation::LimitReached
        | Inflation::MissingContext
        | Inflation::Cut => None,
        Inflation::TailKept => Some((&TAIL_NOT_REMOVED, "its payload ends with 00 00 ff ff".into())),
        Inflation::TailMissing => Some((
            &TAIL_MISSING,
            format!("its data end inside a block, after {} bytes were inflated", message.length),
        )),
        Inflation::Trailing { offset } => Some((
            &TRAILING_DATA,
            format!("its data end at byte {offset} of the payload, but the payload goes on"),
        )),
        Inflation::Failed { offset } => Some((
            &INFLATE_ERROR,
            format!(
                "its data are faulty near byte {offset} of the payload ({wire} bytes on the wire), after {} bytes were inflated",
                message.length
            ),
        )),
    }
}

/// Compressed messages from which on their sizes say something.
const MANY: u64 = 10;

/// Inflated size above which a message may be meant as a bomb: what wspect keeps of one.
const BOMB_BYTES: u64 = 16 << 20;

/// Text and images inflate to 3 to 20 times their size.
const BOMB_RATIO: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Headers, RequestHead, ResponseHead};
    use crate::websocket::deflate::Oddities;

    fn headers(extensions: &str) -> Headers {
        Headers::from_iter([("Sec-WebSocket-Extensions", extensions)])
    }

    fn negotiated(offer: &str, answer: &str) -> Vec<(&'static str, Blame)> {
        let request = RequestHead { headers: headers(offer), ..RequestHead::default() };
        let response = ResponseHead { status: 101, headers: headers(answer), ..ResponseHead::default() };
        let mut found = Vec::new();
        check_params(&Handshake::answered(Some(request), response), &mut |finding| {
            found.push((finding.rule.name, finding.blame));
        });
        found
    }

    fn broken(change: impl FnOnce(&mut Message)) -> Vec<&'static str> {
        let mut message =
            Message { compressed: true, inflation: Inflation::Whole, wire_length: 100, ..Message::default() };
        change(&mut message);
        let mut found = Vec::new();
        check(&message, Side::Server, &mut |finding| {
            assert_eq!(finding.blame, Blame::Server);
            found.push(finding.rule.name);
        });
        found
    }

    #[test]
    fn what_browsers_and_servers_agree_breaks_nothing() {
        for (offer, answer) in [
            ("permessage-deflate; client_max_window_bits", "permessage-deflate"),
            ("permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=15"),
            (
                "permessage-deflate",
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            ),
            ("permessage-deflate; server_max_window_bits=10, permessage-deflate", "permessage-deflate"),
            ("x-webkit-deflate-frame; no_context_takeover", "x-webkit-deflate-frame; max_window_bits=9"),
            ("permessage-deflate; server_no_context_takeover", ""),
        ] {
            assert_eq!(negotiated(offer, answer), [], "{offer:?} {answer:?}");
        }
    }

    #[test]
    fn each_fault_of_a_negotiation_is_one_finding() {
        let deflate = "permessage-deflate";
        for (offer, answer, rule, blame) in [
            ("; foo", "", &PARAM_UNKNOWN, Blame::Client),
            ("", "; foo=1", &PARAM_UNKNOWN, Blame::Server),
            ("; client_max_window_bits; client_max_window_bits", "", &PARAM_DUPLICATE, Blame::Client),
            ("; server_max_window_bits=7", "", &WINDOW_BITS_INVALID, Blame::Client),
            ("; client_max_window_bits", "; client_max_window_bits", &WINDOW_BITS_INVALID, Blame::Server),
            ("", "; client_max_window_bits=10", &CLIENT_BITS_NOT_OFFERED, Blame::Server),
            (
                "; server_max_window_bits=10",
                "; server_max_window_bits=11",
                &WINDOW_BITS_LARGER,
                Blame::Server,
            ),
            ("", "; server_no_context_takeover=1", &TAKEOVER_VALUE_GIVEN, Blame::Server),
            ("; server_no_context_takeover", "", &SERVER_TAKEOVER_IGNORED, Blame::Server),
        ] {
            let found = negotiated(&format!("{deflate}{offer}"), &format!("{deflate}{answer}"));
            assert_eq!(found, [(rule.name, blame)], "{offer:?} {answer:?}");
        }
    }

    #[test]
    fn what_compression_is_worth_is_judged_by_direction() {
        let judged = |savings: Savings| {
            let mut found = Vec::new();
            check_savings(&savings, Side::Client, PacketRef::default(), &mut |finding| {
                found.push(finding.rule.name);
            });
            found
        };
        let savings =
            Savings { data_messages: 12, compressed: 10, compressed_bytes: 99, inflated_bytes: 100 };
        assert_eq!(judged(savings), [""; 0]);
        assert_eq!(judged(Savings { compressed_bytes: 100, ..savings }), [INEFFECTIVE.name]);
        assert_eq!(judged(Savings { compressed_bytes: 100, compressed: 9, ..savings }), [""; 0]);
        let unused = Savings { data_messages: 1, ..Savings::default() };
        assert_eq!(judged(unused), [NEVER_USED.name]);
        assert_eq!(judged(Savings::default()), [""; 0]);
    }

    #[test]
    fn messages_without_their_context_are_counted_in_one_finding() {
        let mut undecoded = Undecoded::default();
        let mut findings = Vec::new();
        for index in 0..200 {
            let inflation = if index % 2 == 0 { Inflation::Whole } else { Inflation::MissingContext };
            undecoded.note(&Message { inflation, ..Message::default() }, index);
        }
        undecoded.report(Side::Client, &mut |finding| findings.push(finding));
        undecoded.report(Side::Client, &mut |finding| findings.push(finding));
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!(
            (finding.rule, finding.blame, finding.message),
            (&MISSING_CONTEXT, Blame::Capture, Some(1))
        );
        assert!(finding.detail.starts_with("100 messages of the client, "), "{}", finding.detail);
    }

    #[test]
    fn each_fault_of_a_compressed_message_is_one_finding() {
        assert_eq!(broken(|_| ()), [""; 0]);
        assert_eq!(broken(|message| message.inflation = Inflation::Cut), [""; 0]);
        assert_eq!(broken(|message| message.length = BOMB_BYTES), [""; 0]);
        let failed = |message: &mut Message| message.inflation = Inflation::Failed { offset: 3 };
        assert_eq!(broken(failed), [INFLATE_ERROR.name]);
        assert_eq!(broken(|message| message.inflation = Inflation::LimitReached), [BOMB.name]);
        assert_eq!(broken(|message| message.length = BOMB_BYTES + 1), [BOMB.name]);
        let trailing = |message: &mut Message| message.inflation = Inflation::Trailing { offset: 3 };
        assert_eq!(broken(trailing), [TRAILING_DATA.name]);
        assert_eq!(broken(|message| message.inflation = Inflation::TailKept), [TAIL_NOT_REMOVED.name]);
        assert_eq!(broken(|message| message.inflation = Inflation::TailMissing), [TAIL_MISSING.name]);
        let odd = |odd: Oddities| Some(Box::new(odd));
        let reference = Some(Reference { offset: 3, distance: 300 });
        let exceeded = broken(|message| {
            message.oddities = odd(Oddities { beyond_window: reference, ..Oddities::default() });
        });
        assert_eq!(exceeded, [WINDOW_EXCEEDED.name]);
        let taken = broken(|message| {
            message.oddities = odd(Oddities { takes_context: Some(3), ..Oddities::default() });
        });
        assert_eq!(taken, [CONTEXT_VIOLATED.name]);
        let last = broken(|message| {
            message.oddities = odd(Oddities { final_block: true, ..Oddities::default() });
        });
        assert_eq!(last, [BFINAL_SET.name]);
        assert_eq!(broken(|message| message.compressed = false), [""; 0]);
    }
}
