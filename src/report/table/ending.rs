//! The end of a connection → what the timeline says of it, and what was sent in all.

use std::io::{self, Write};

use super::kept::Connection;
use super::line::Line;
use super::timeline::Timeline;
use super::verdict::verdict;
use super::words;
use crate::event::{Close, CloseHow, Closing, Traffic};
use crate::http::Outcome;
use crate::packet::{PacketRef, Side};
use crate::tcp::EndKind;

/// The first FIN or RST of a connection that had no closing handshake.
pub(super) struct EndOfTcp {
    pub(super) side: Side,
    pub(super) at: PacketRef,
    /// `FIN` or `RST`
    pub(super) kind: &'static str,
    /// `packet 11: without a Close`
    pub(super) words: String,
}

impl EndOfTcp {
    /// `None` where a closing handshake was complete, or the WebSocket connection never opened.
    pub(super) fn of(connection: &Connection) -> Option<Self> {
        let open = !matches!(connection.opened.outcome, Outcome::Refused | Outcome::Unanswered);
        let close = connection.closing.as_ref()?.close.as_ref().filter(|_| open)?;
        let tcp = close.tcp?;
        let what = match close.how {
            CloseHow::CloseHandshake => return None,
            CloseHow::CloseUnanswered => "before an answer to the Close",
            CloseHow::CloseAnswerUnknown => "the Close may have been answered",
            _ => "without a Close",
        };
        let kind = if tcp.how == EndKind::Fin { "FIN" } else { "RST" };
        Some(Self { side: tcp.side, at: tcp.at, kind, words: format!("packet {}: {what}", tcp.at.number) })
    }
}

impl<W: Write> Timeline<'_, W> {
    pub(super) fn ending(&mut self, connection: &Connection) -> io::Result<()> {
        let Some(closing) = &connection.closing else { return Ok(()) };
        let duration = words::span(closing.end.time.nanos_since(connection.opened.start.time));
        let Some(close) = &closing.close else { return Ok(()) };
        let [client, server] = &closing.traffic;
        let mut parts = vec![format!("lasted {duration}")];
        if client.frames + server.frames > 0 {
            parts.push(format!("{}  {}", sent("↑", client), sent("↓", server)));
        }
        let missing = client.missing_bytes.saturating_add(server.missing_bytes);
        if missing > 0 {
            parts.push(format!("{} not captured", words::bytes(missing)));
        }
        if !connection.rows.is_empty() {
            self.write(&Line::default())?;
        }
        self.text(&format!("{}{}", verdict(close), self.silence(closing, close)))?;
        self.joined(parts)
    }

    /// How the capture went on without a connection that did not end in it.
    fn silence(&self, closing: &Closing, close: &Close) -> String {
        let quiet = self.end.nanos_since(closing.end.time);
        if close.how != CloseHow::CaptureEnded || quiet <= 0 {
            return String::new();
        }
        let at = words::seconds(closing.end.time.nanos_since(self.epoch));
        let (number, quiet) = (closing.end.number, words::span(quiet));
        format!("; its last packet is {number}, at {at}: the capture went on for {quiet} without it")
    }

    /// What the bytes of each direction were spent on.
    pub(super) fn statistics(&mut self, traffic: &[Traffic; 2]) -> io::Result<()> {
        for (arrow, sent) in ["↑", "↓"].iter().zip(traffic) {
            let parts = [
                ("handshake", sent.handshake_bytes),
                ("frame headers", sent.header_bytes()),
                ("masking keys", sent.masking_bytes),
                ("payload", sent.payload_bytes),
            ];
            let parts = parts.map(|(what, bytes)| format!("{what} {}", words::bytes(bytes)));
            self.text(&format!("{arrow} {}", parts.join(", ")))?;
            if sent.compressed_messages > 0 {
                let (wire, plain) = (sent.compressed_bytes, sent.inflated_bytes);
                let worth = if wire <= plain { "saved" } else { "added" };
                let share = u128::from(wire.abs_diff(plain)) * 100 / u128::from(plain.max(1));
                self.text(&format!(
                    "  {} compressed: {} sent as {}, {share} % {worth}",
                    words::counted(sent.compressed_messages, "message"),
                    words::bytes(plain),
                    words::bytes(wire)
                ))?;
            }
        }
        Ok(())
    }
}

/// `↑ 2 messages + 1 control, 9 B`
pub(super) fn sent(arrow: &str, traffic: &Traffic) -> String {
    let data = words::counted(traffic.messages.saturating_sub(traffic.control_frames), "message");
    let control = match traffic.control_frames {
        0 => String::new(),
        number => format!(" + {} control", words::count(number)),
    };
    format!("{arrow} {data}{control}, {}", words::bytes(traffic.payload_bytes))
}
