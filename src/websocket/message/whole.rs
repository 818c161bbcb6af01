//! Frames that are messages by themselves and all here → their messages, with nothing kept between two inputs.

use super::{FrameStart, MessageReader};
use crate::packet::PacketRef;
use crate::websocket::content::{take_text, take_whole};
use crate::websocket::mask::Repertoire;
use crate::websocket::open_message::{OpenFrame, OpenMessage};
use crate::websocket::utf8::Utf8Check;
use crate::websocket::{FrameHeader, Message, Opcode, TextState};

/// A frame that is a message by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Its header.
    pub header: FrameHeader,
    /// The message.
    pub message: Box<Message>,
    /// What was seen of the message while it was unmasked.
    pub glance: Glance,
}

/// What a look at a message showed that had to be taken anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glance {
    /// It was sent as it is and kept whole: text, all of it printable ASCII without quotation marks and backslashes.
    PrintableText,
    /// As well, but with other ASCII than that, though no NUL.
    PlainText,
    /// Nothing like that.
    Other,
}

impl Whole {
    /// Its frame, which stands by itself.
    #[inline(always)]
    pub fn frame(&self) -> FrameStart {
        FrameStart {
            header: self.header,
            at: self.message.first,
            message_open: false,
            open_compressed: false,
        }
    }
}

impl MessageReader {
    /// Reads the frame at the beginning of `input`, if it is a message by itself and all there. So are nearly all frames, and
    /// this is the short way of [`Self::next`] for them.
    #[inline(always)]
    pub(crate) fn whole(&mut self, input: &mut &[u8], at: PacketRef) -> Option<Whole> {
        let (header, payload, rest) = self.decoder.whole(input)?;
        let is_alone = self.open.data.is_none() && self.resynchronised.is_none() && self.waiting.is_empty();
        if !header.fin || header.opcode == Opcode::CONTINUATION || !is_alone {
            return None;
        }
        let size = (input.len() - rest.len()) as u64;
        *input = rest;
        self.beginning_lost &= header.opcode.is_control();
        self.counts.count_frame(size - header.length, &header);
        self.counts.count_payload(header.length);
        let (message, glance) = if self.takes_as_is(&header) {
            self.take(&header, size, payload, at)
        } else {
            (self.decode(header, payload, at), Glance::Other)
        };
        Some(Whole { header, message, glance })
    }

    /// The message as it was sent: so many bytes with the frame's header.
    #[inline(always)]
    fn take(&self, header: &FrameHeader, size: u64, payload: &[u8], at: PacketRef) -> (Box<Message>, Glance) {
        let mut message = Message::fresh();
        let (key, keep) = (header.masking_key, self.kept.payload);
        let (text, glance) = if header.opcode == Opcode::TEXT {
            match take_text(&mut message.payload, payload, key, keep) {
                Repertoire::Printable => (TextState::Valid, Glance::PrintableText),
                Repertoire::Ascii => (TextState::Valid, Glance::PlainText),
                Repertoire::Any => (Utf8Check::of(&message.payload), Glance::Other),
            }
        } else {
            take_whole(&mut message.payload, payload, key, keep);
            (TextState::NotJudged, Glance::Other)
        };
        message.text = text;
        (message.opcode, message.masked) = (header.opcode, header.masking_key.is_some());
        (message.first, message.last) = (at, at);
        (message.length, message.wire_length, message.frames) = (header.length, size, 1);
        (message, glance)
    }

    /// Is its payload to be kept as it was sent, all of it, and not the frame?
    #[inline]
    fn takes_as_is(&mut self, header: &FrameHeader) -> bool {
        let as_is = header.length <= self.kept.payload as u64 && self.kept.frames == 0;
        match &mut self.inflater {
            None => as_is,
            Some(_) if header.rsv1() || !as_is => false,
            Some(inflater) => {
                if !header.opcode.is_control() {
                    inflater.count_message();
                }
                true
            }
        }
    }

    /// The message, as [`Self::next`] reads it in parts.
    #[inline(never)]
    fn decode(&mut self, header: FrameHeader, payload: &[u8], at: PacketRef) -> Box<Message> {
        let mut frame = OpenFrame::new(header, at, at);
        let mut inflater = self.inflater.as_deref_mut();
        let mut open = OpenMessage::new(Message::fresh(), &header, &self.kept);
        open.begin_frame(header.size(), at, at);
        if let Some(inflater) = &mut inflater {
            open.begin_payload(&header, inflater);
        }
        open.push(payload, &frame, inflater.as_deref_mut());
        frame.advance(header.length, at);
        open.end_frame(frame, inflater.as_deref_mut());
        open.complete(inflater)
    }
}
