//! A message, or the end of TCP → its row of the timeline, with what stands under it.

use std::io::{self, Write};

use super::content::Content;
use super::ending::EndOfTcp;
use super::kept::{Row, Standing};
use super::line::{DIM, Line, MARK, PLAIN, RECEIVED, SENT};
use super::timeline::Timeline;
use super::words;
use crate::packet::{Side, Timestamp};
use crate::report::shown::{PayloadMode, Picked};
use crate::report::text::{Rest, dump, fit, fold, width, wrap};
use crate::websocket::Frame;

/// Columns of a connection's rows: as wide as their values.
pub(super) struct Layout {
    pub(super) indent: usize,
    /// 0 where no time but the one since the message before is shown.
    time: usize,
    kind: usize,
    length: usize,
    /// 0 where nothing is compressed.
    wire: usize,
    /// Where several connections stand together: which one.
    label: String,
}

impl Layout {
    /// Columns of rows of which the next ones are not known.
    pub(super) const fn of_line(time: usize, label: String) -> Self {
        Self { indent: 0, time, kind: "binary".len(), length: "100,000".len(), wire: 0, label }
    }

    pub(super) fn head(&self) -> Line {
        let line = self.times(["time", "since"], DIM).plain(GAP).plain("  ");
        let line = line.left(DIM, "type", self.kind).plain(GAP).right(DIM, "length", self.length);
        self.wire(line, "wire").plain(GAP).styled(DIM, "payload")
    }

    /// `time` and `since`.
    fn times(&self, [time, since]: [&str; 2], style: anstyle::Style) -> Line {
        let line = Line::indent(self.indent);
        let line = if self.time > 0 { line.right(style, time, self.time).plain(GAP) } else { line };
        line.plain(self.label.as_str()).right(DIM, since, SINCE)
    }

    fn wire(&self, line: Line, wire: &str) -> Line {
        if self.wire > 0 { line.plain(GAP).right(DIM, wire, self.wire) } else { line }
    }
}

impl<W: Write> Timeline<'_, W> {
    pub(super) fn layout(&self, rows: &[&Row], end: Option<&EndOfTcp>) -> Layout {
        let widest = |texts: &mut dyn Iterator<Item = usize>, least| texts.fold(least, usize::max);
        let times = rows.iter().map(|row| row.time).chain(end.map(|end| end.at.time));
        let kinds = rows.iter().map(|row| words::message_type(row.opcode).len());
        let wires = rows.iter().filter_map(|row| row.wire).map(|wire| words::count(wire).len().max(4));
        Layout {
            indent: 2,
            time: widest(&mut times.map(|time| self.time(time).len()), 0),
            kind: widest(&mut kinds.into_iter(), "type".len()),
            length: widest(&mut rows.iter().map(|row| words::count(row.length).len()), "length".len()),
            wire: widest(&mut wires.into_iter(), 0),
            label: String::new(),
        }
    }

    pub(super) fn row(&mut self, row: &Row, before: Option<Timestamp>, layout: &Layout) -> io::Result<()> {
        let line = self.beginning(row.sender, (row.time, before), layout);
        let line = if row.standing == Standing::ForItself && self.shown.picked == Picked::WithNeighbours {
            line.marked("▸")
        } else {
            line
        };
        let (_, style) = arrow(row.sender);
        let line = line.left(style, &words::message_type(row.opcode), layout.kind).plain(GAP);
        let line = line.right(PLAIN, &words::count(row.length), layout.length);
        let line = layout.wire(line, &row.wire.map(words::count).unwrap_or_default()).plain(GAP);
        if self.shown.payload == PayloadMode::Full && !self.fits(row, &line) {
            self.write(&line.styled(MARK, bracketed(&row.marks)))?;
            self.whole(row, layout)?;
        } else {
            self.with_payload(row, line)?;
        }
        self.frames(row, layout)
    }

    /// FIN or RST, where no closing handshake came before it.
    pub(super) fn end_of_tcp(
        &mut self,
        end: &EndOfTcp,
        before: Option<Timestamp>,
        layout: &Layout,
    ) -> io::Result<()> {
        let line = self.beginning(end.side, (end.at.time, before), layout);
        let (_, style) = arrow(end.side);
        let line = line.left(style, end.kind, layout.kind).plain(GAP).plain(" ".repeat(layout.length));
        let line = layout.wire(line, "").plain(GAP);
        let room = self.shown.width.saturating_sub(line.width());
        self.write(&line.plain(fit(end.words.as_bytes(), room, Rest::End)))
    }

    /// A row up to its arrow.
    fn beginning(
        &self,
        sender: Side,
        (time, before): (Timestamp, Option<Timestamp>),
        layout: &Layout,
    ) -> Line {
        let since = before.map(|before| words::span(time.nanos_since(before))).unwrap_or_default();
        let (arrow, style) = arrow(sender);
        layout.times([&self.time(time), &since], PLAIN).plain(GAP).styled(style, arrow).plain(" ")
    }

    /// As much of the payload as the line holds, and what is unusual, beside it or under it.
    fn with_payload(&mut self, row: &Row, line: Line) -> io::Result<()> {
        let marks = bracketed(&row.marks);
        let room = self.shown.width.saturating_sub(line.width());
        let beside = room.saturating_sub(width(&marks) + 1);
        if marks.is_empty() {
            self.write(&line.plain(self.payload(row, room)))
        } else if beside >= LEAST_PAYLOAD {
            let payload = self.payload(row, beside);
            let gap = if payload.is_empty() { "" } else { " " };
            self.write(&line.plain(payload).plain(gap).styled(MARK, marks))
        } else {
            let under = line.width();
            self.write(&line.plain(self.payload(row, room)))?;
            self.write(&Line::indent(under).styled(MARK, fit(marks.as_bytes(), room, Rest::End)))
        }
    }

    fn payload(&self, row: &Row, room: usize) -> String {
        let room = if self.shown.payload == PayloadMode::Preview { room.min(PREVIEW) } else { room };
        row.content.line(room)
    }

    /// Does the whole payload fit on the line?
    fn fits(&self, row: &Row, line: &Line) -> bool {
        let marks = bracketed(&row.marks);
        let room = self.shown.width.saturating_sub(line.width() + width(&marks) + 1);
        match &row.content {
            Content::Hidden | Content::Words(_) => true,
            Content::Text(bytes, rest) => {
                *rest == Rest::End && !bytes.contains(&b'\n') && width(&fit(bytes, room + 1, *rest)) <= room
            }
            Content::Bytes(bytes, rest) => *rest == Rest::End && bytes.len().saturating_mul(4) < room,
        }
    }

    /// The whole payload, under its row.
    fn whole(&mut self, row: &Row, layout: &Layout) -> io::Result<()> {
        let indent = layout.indent + 4;
        let room = self.shown.width.saturating_sub(indent);
        match &row.content {
            Content::Text(bytes, rest) => {
                fold(bytes, room, *rest).try_for_each(|line| self.write(&Line::indent(indent).plain(line)))
            }
            Content::Bytes(bytes, rest) => {
                dump(bytes, room, *rest).try_for_each(|line| self.write(&Line::indent(indent).plain(line)))
            }
            Content::Hidden | Content::Words(_) => Ok(()),
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
}

const fn arrow(sender: Side) -> (&'static str, anstyle::Style) {
    match sender {
        Side::Client => ("→", SENT),
        Side::Server => ("←", RECEIVED),
    }
}

fn bracketed(marks: &[String]) -> String {
    if marks.is_empty() { String::new() } else { format!("[{}]", marks.join(", ")) }
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

/// Between two columns.
const GAP: &str = "  ";
/// `4m 05s`, `12.3 ms`
const SINCE: usize = 7;
/// Columns of payload below which marks go to a line of their own.
const LEAST_PAYLOAD: usize = 16;
/// As in the machine-readable formats.
const PREVIEW: usize = 200;
