//! One connection → its heading, its messages in time, its findings where they belong, its end.

use std::io::{self, Write};

use jiff::tz::TimeZone;

use super::kept::{Connection, Content, Note, Opened, Row, Standing};
use super::line::{BOLD, DIM, Line, MARK, PLAIN, RECEIVED, SENT, severity};
use super::verdict::verdict;
use super::words;
use crate::event::{ConnectionId, Traffic, Transport};
use crate::http::Outcome;
use crate::packet::{Side, Timestamp};
use crate::report::shown::{PayloadMode, Picked, Shown, Statistics, TimeStyle};
use crate::report::text::{Rest, fit, hex, width, wrap};
use crate::rules::Blame;
use crate::websocket::Frame;

/// Writes all about one connection. `epoch` is what relative times count from.
pub(super) struct Timeline<'a, W: Write> {
    pub(super) out: &'a mut W,
    pub(super) shown: &'a Shown,
    pub(super) epoch: Timestamp,
}

impl<W: Write> Timeline<'_, W> {
    pub(super) fn connection(&mut self, id: ConnectionId, connection: &Connection) -> io::Result<()> {
        self.heading(id, &connection.opened)?;
        // Findings come about the time of their message, before or after it: here they stand right under it.
        let (mut notes, about_all): (Vec<_>, Vec<_>) =
            connection.notes.iter().partition(|note| note.message.is_some());
        notes.sort_by_key(|note| note.message);
        for note in about_all {
            self.note(note, 2)?;
        }
        let layout = Layout::new(connection, self.shown);
        if !connection.rows.is_empty() {
            self.write(&Line::default())?;
            self.write(&layout.head())?;
        }
        let mut notes = notes.into_iter().peekable();
        let mut before = None;
        let mut next = None;
        for row in &connection.rows {
            self.gap(next.replace(row.index + 1), row.index)?;
            self.date(before.unwrap_or(connection.opened.start.time), row.time)?;
            self.row(row, before, &layout)?;
            before = Some(row.time);
            while let Some(note) = notes.next_if(|note| note.message <= Some(row.index)) {
                self.note(note, layout.indent + 2)?;
            }
        }
        self.more(connection.more_rows, "message")?;
        for note in notes {
            self.note(note, 2)?;
        }
        self.more(connection.more_notes, "finding")?;
        self.ending(connection)?;
        match (self.shown.statistics, &connection.closing) {
            (Statistics::Shown, Some(closing)) => self.statistics(&closing.traffic),
            _ => Ok(()),
        }
    }

    fn heading(&mut self, id: ConnectionId, opened: &Opened) -> io::Result<()> {
        let scheme = match opened.transport {
            Transport::Tcp => "ws",
            Transport::Tls => "wss",
        };
        let parties = format!("{} → {}", opened.client, opened.server);
        let start = zoned(opened.start.time, &self.shown.zone).strftime("%Y-%m-%d %H:%M:%S.%6f %Z");
        let name = Line::default().styled(BOLD, format!("Connection {}", id.0)).plain(format!("  {scheme}"));
        if name.width() + 2 + width(&parties) <= self.shown.width {
            self.write(&name.plain("  ").plain(parties))?;
        } else {
            self.write(&name)?;
            self.text(&parties)?;
        }
        self.write(&Line::indent(2).styled(DIM, format!("from packet {}, {start}", opened.start.number)))?;
        if let Some(tunnel) = &opened.tunnel {
            self.text(&format!("through a proxy to {tunnel}"))?;
        }
        if let Some(request) = &opened.request {
            self.text(request)?;
        }
        let from = [("Host", &opened.host), ("Origin", &opened.origin)];
        let from = from.iter().filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)));
        self.joined(from.collect())?;
        self.joined(answer(opened))?;
        for (name, value) in &opened.headers {
            self.text(&format!("  {name}: {value}"))?;
        }
        Ok(())
    }

    fn row(&mut self, row: &Row, before: Option<Timestamp>, layout: &Layout) -> io::Result<()> {
        let since = before.map(|before| words::span(row.time.nanos_since(before))).unwrap_or_default();
        let (arrow, style) = match row.sender {
            Side::Client => ("→", SENT),
            Side::Server => ("←", RECEIVED),
        };
        let mut line = match row.standing {
            Standing::ForItself if self.shown.picked == Picked::WithNeighbours => {
                Line::default().left(MARK, "▸", layout.indent)
            }
            _ => Line::indent(layout.indent),
        };
        if layout.time > 0 {
            line = line.right(PLAIN, &self.time(row.time), layout.time).plain("  ");
        }
        line = line.right(DIM, &since, SINCE).plain("  ");
        line = line.styled(style, arrow).plain(" ").left(style, &words::message_type(row.opcode), TYPE);
        line = line.right(PLAIN, &words::count(row.length), layout.length);
        if layout.wire > 0 {
            let wire = row.wire.map(words::count).unwrap_or_default();
            line = line.plain(" ").right(DIM, &wire, layout.wire);
        }
        line = line.plain("  ");
        let marks = if row.marks.is_empty() { String::new() } else { format!("[{}]", row.marks.join(", ")) };
        let room = self.shown.width.saturating_sub(line.width());
        let beside = room.saturating_sub(marks.chars().count() + 1);
        if marks.is_empty() {
            self.write(&line.plain(self.payload(row, room)))?;
        } else if beside >= LEAST_PAYLOAD {
            let payload = self.payload(row, beside);
            let gap = if payload.is_empty() { "" } else { " " };
            self.write(&line.plain(payload).plain(gap).styled(MARK, marks))?;
        } else {
            let under = line.width();
            self.write(&line.plain(self.payload(row, room)))?;
            self.write(&Line::indent(under).styled(MARK, fit(marks.as_bytes(), room, Rest::End)))?;
        }
        self.frames(row, layout)
    }

    /// Separates groups of neighbours, as grep does.
    fn gap(&mut self, expected: Option<u64>, index: u64) -> io::Result<()> {
        if self.shown.picked != Picked::WithNeighbours || expected.is_none_or(|expected| expected == index) {
            return Ok(());
        }
        self.write(&Line::default().styled(DIM, "--"))
    }

    fn payload(&self, row: &Row, room: usize) -> String {
        let room = if self.shown.payload == PayloadMode::Preview { room.min(PREVIEW) } else { room };
        match &row.content {
            Content::Hidden => String::new(),
            Content::Text(bytes, rest) => fit(bytes, room, *rest),
            Content::Bytes(bytes, rest) => hex(bytes, room, *rest),
            Content::Words(words) => fit(words.as_bytes(), room, Rest::End),
        }
    }

    fn frames(&mut self, row: &Row, layout: &Layout) -> io::Result<()> {
        for (n, frame) in row.fragments.iter().enumerate() {
            let text = format!("frame {}/{}  {}", n + 1, row.frames, frame_text(frame));
            for (part, line) in
                wrap(&text, self.shown.width.saturating_sub(layout.indent + 4)).iter().enumerate()
            {
                let hanging = if part == 0 { 0 } else { 2 };
                self.write(&Line::indent(layout.indent + 2 + hanging).styled(DIM, line.as_str()))?;
            }
        }
        let listed = row.fragments.len() as u64;
        if listed > 0 { self.more(row.frames.saturating_sub(listed), "frame") } else { Ok(()) }
    }

    fn ending(&mut self, connection: &Connection) -> io::Result<()> {
        let Some(closing) = &connection.closing else { return Ok(()) };
        let duration = words::span(closing.end.time.nanos_since(connection.opened.start.time));
        let Some(close) = &closing.close else { return Ok(()) };
        let [client, server] = &closing.traffic;
        let mut parts = vec![format!("lasted {duration}")];
        if client.frames + server.frames > 0 {
            let sent = |arrow: &str, messages: u64, bytes: u64| {
                format!("{arrow} {}, {}", words::counted(messages, "message"), words::bytes(bytes))
            };
            let up = sent("↑", client.messages, client.payload_bytes);
            parts.push(format!("{up}  {}", sent("↓", server.messages, server.payload_bytes)));
        }
        let missing = client.missing_bytes.saturating_add(server.missing_bytes);
        if missing > 0 {
            parts.push(format!("{} not captured", words::bytes(missing)));
        }
        if !connection.rows.is_empty() {
            self.write(&Line::default())?;
        }
        self.text(&verdict(close))?;
        self.joined(parts)
    }

    /// What the bytes of each direction were spent on.
    fn statistics(&mut self, traffic: &[Traffic; 2]) -> io::Result<()> {
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

    /// A finding, on as many lines as it takes.
    pub(super) fn note(&mut self, note: &Note, indent: usize) -> io::Result<()> {
        let style = severity(note.severity);
        let head = format!("{} {}", note.severity.name(), note.rule);
        let text = format!("{head}: {} ({})", note.detail, origin(note));
        for (n, line) in wrap(&text, self.shown.width.saturating_sub(indent + 4)).into_iter().enumerate() {
            let line = match line.strip_prefix(&head) {
                Some(rest) if n == 0 => {
                    Line::indent(indent).styled(style, "▪ ").styled(style, head.clone()).plain(rest)
                }
                _ => Line::indent(indent + 2).plain(line),
            };
            self.write(&line)?;
        }
        Ok(())
    }

    /// Says how many more there are than are shown; nothing where there are none.
    pub(super) fn more(&mut self, number: u64, what: &str) -> io::Result<()> {
        if number == 0 {
            return Ok(());
        }
        let text =
            format!("… {}: --format ndjson shows all", words::counted(number, &format!("more {what}")));
        self.write(&Line::indent(2).styled(MARK, text))
    }

    /// The day, where times of day are shown and another one begins.
    fn date(&mut self, before: Timestamp, now: Timestamp) -> io::Result<()> {
        let zone = &self.shown.zone;
        if self.shown.time != TimeStyle::Absolute || day(before, zone) == day(now, zone) {
            return Ok(());
        }
        self.write(&Line::indent(2).styled(DIM, day(now, zone)))
    }

    fn time(&self, time: Timestamp) -> String {
        match self.shown.time {
            TimeStyle::Relative => words::seconds(time.nanos_since(self.epoch)),
            TimeStyle::Absolute => zoned(time, &self.shown.zone).strftime("%H:%M:%S.%6f").to_string(),
            TimeStyle::Delta => String::new(),
        }
    }

    /// Parts with a dot between them, on as many lines as they need.
    fn joined(&mut self, parts: Vec<String>) -> io::Result<()> {
        let mut parts = parts.into_iter();
        let Some(mut line) = parts.next() else { return Ok(()) };
        for part in parts {
            if width(&line) + width(&part) + 5 <= self.shown.width {
                line = format!("{line} · {part}");
            } else {
                self.text(&line)?;
                line = part;
            }
        }
        self.text(&line)
    }

    /// Text of which nothing is cut.
    pub(super) fn text(&mut self, text: &str) -> io::Result<()> {
        let indent = 2 + text.len() - text.trim_start().len();
        for line in wrap(text.trim_start(), self.shown.width.saturating_sub(indent)) {
            self.write(&Line::indent(indent).plain(line))?;
        }
        Ok(())
    }

    pub(super) fn write(&mut self, line: &Line) -> io::Result<()> {
        line.write(self.out, self.shown.color)
    }
}

/// Status, latency and what was agreed.
fn answer(opened: &Opened) -> Vec<String> {
    let after = opened.latency.map(|latency| format!(" after {}", words::span(latency))).unwrap_or_default();
    let status = opened.status.map(|status| format!("{status} {}", opened.reason)).unwrap_or_default();
    let status = status.trim_end();
    let mut parts = vec![match opened.outcome {
        Outcome::Accepted => format!("{status}{after}"),
        Outcome::Invalid => format!("{status}{after}, but not a valid handshake"),
        Outcome::Refused => format!("refused: {status}{after}"),
        Outcome::Unanswered => "no answer to the upgrade request".to_owned(),
        Outcome::NotCaptured => "the opening handshake was not captured".to_owned(),
    }];
    parts.extend(opened.subprotocol.as_ref().map(|subprotocol| format!("subprotocol {subprotocol}")));
    parts.extend(opened.extensions.iter().cloned());
    parts
}

/// By whom, where, and against what.
fn origin(note: &Note) -> String {
    let blame = match note.blame {
        Blame::Client => "client",
        Blame::Server => "server",
        Blame::Capture => "capture",
    };
    let packet = note.packet.map(|number| format!("packet {number}"));
    let reference = Some(note.reference.to_owned()).filter(|reference| !reference.is_empty());
    [Some(blame.to_owned()), packet, reference].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn frame_text(frame: &Frame) -> String {
    let header = &frame.header;
    let key = header.masking_key.map(u32::from_be_bytes);
    let key = key.map_or_else(|| "unmasked".to_owned(), |key| format!("key {key:08x}"));
    let packets = if frame.first.number == frame.last.number {
        format!("packet {}", frame.first.number)
    } else {
        format!("packets {}-{}", frame.first.number, frame.last.number)
    };
    let missing = if frame.missing_bytes > 0 {
        format!(", {} missing", words::count(frame.missing_bytes))
    } else {
        String::new()
    };
    format!(
        "FIN {}  RSV {:03b}  opcode {}  {key}  {} + {} bytes{missing}  {packets}",
        u8::from(header.fin),
        header.rsv,
        header.opcode.0,
        header.size(),
        words::count(header.length),
    )
}

fn zoned(time: Timestamp, zone: &TimeZone) -> jiff::Zoned {
    jiff::Timestamp::from_nanosecond(i128::from(time.as_nanos())).unwrap_or_default().to_zoned(zone.clone())
}

fn day(time: Timestamp, zone: &TimeZone) -> String {
    zoned(time, zone).strftime("%Y-%m-%d %Z").to_string()
}

/// Columns of a connection's rows: as wide as its values need.
struct Layout {
    indent: usize,
    /// 0 where no time but the one since the message before is shown.
    time: usize,
    length: usize,
    /// 0 where nothing is compressed.
    wire: usize,
}

impl Layout {
    fn new(connection: &Connection, shown: &Shown) -> Self {
        let rows = || connection.rows.iter();
        let time = match shown.time {
            TimeStyle::Relative => 11,
            TimeStyle::Absolute => 15,
            TimeStyle::Delta => 0,
        };
        let longest = rows().map(|row| words::count(row.length).len()).max().unwrap_or_default();
        let wire = rows().filter_map(|row| row.wire).map(|wire| words::count(wire).len().max(4)).max();
        Self { indent: 2, time, length: longest.max(6), wire: wire.unwrap_or_default() }
    }

    fn head(&self) -> Line {
        let mut line = Line::indent(self.indent);
        if self.time > 0 {
            line = line.right(DIM, "time", self.time).plain("  ");
        }
        line = line.right(DIM, "since", SINCE).plain("    ").left(DIM, "type", TYPE).right(
            DIM,
            "length",
            self.length,
        );
        if self.wire > 0 {
            line = line.plain(" ").right(DIM, "wire", self.wire);
        }
        line.plain("  ").styled(DIM, "payload")
    }
}

/// `4m 05s`, `12.3 ms`
const SINCE: usize = 7;
/// `binary`
const TYPE: usize = 6;
/// Columns of payload below which marks go to a line of their own.
const LEAST_PAYLOAD: usize = 16;
/// As in the machine-readable formats.
const PREVIEW: usize = 200;
