//! One connection → its heading, its messages in time, its findings where they belong, its end.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::tz::TimeZone;

use super::ending::EndOfTcp;
use super::kept::{Connection, Note, Row};
use super::line::{DIM, Line, MARK, severity};
use super::words;
use crate::event::ConnectionId;
use crate::packet::Timestamp;
use crate::report::shown::{Picked, Shown, Statistics, TimeStyle};
use crate::report::text::{width, wrap};
use crate::rules::Blame;

/// Writes all about one connection.
pub(super) struct Timeline<'a, W: Write> {
    pub(super) out: &'a mut W,
    pub(super) shown: &'a Shown,
    /// What relative times count from.
    pub(super) epoch: Timestamp,
    /// The last packet of the capture.
    pub(super) end: Timestamp,
}

impl<W: Write> Timeline<'_, W> {
    pub(super) fn connection(&mut self, id: ConnectionId, connection: &Connection) -> io::Result<()> {
        self.heading(id, &connection.opened)?;
        // Findings come about the time of their message, before or after it: here they stand right under it.
        let mut notes: BTreeMap<u64, Vec<&Note>> = BTreeMap::new();
        for note in &connection.notes {
            match note.message {
                Some(message) => notes.entry(message).or_default().push(note),
                None => self.note(note, 2)?,
            }
        }
        self.rows(connection, &mut notes)?;
        for note in notes.into_values().flatten() {
            self.note(note, 2)?;
        }
        self.more(connection.more_notes, "finding")?;
        self.ending(connection)?;
        match (self.shown.statistics, &connection.closing) {
            (Statistics::Shown, Some(closing)) => {
                self.statistics(&closing.traffic)?;
                self.figures(&closing.statistics)
            }
            _ => Ok(()),
        }
    }

    /// The messages, and the end of TCP, in the order of their times: what stood behind a hole was delivered late.
    fn rows(&mut self, connection: &Connection, notes: &mut BTreeMap<u64, Vec<&Note>>) -> io::Result<()> {
        let mut rows: Vec<&Row> = connection.rows.iter().collect();
        rows.sort_by_key(|row| row.time);
        let mut end = EndOfTcp::of(connection).filter(|_| self.shown.picked == Picked::All);
        let layout = self.layout(&rows, end.as_ref());
        if !rows.is_empty() || end.is_some() {
            self.write(&Line::default())?;
            self.write(&layout.head())?;
        }
        let (mut before, mut group) = (None, None);
        for row in rows {
            if let Some(end) = end.take_if(|end| end.at.time < row.time) {
                self.end_of_tcp(&end, before, &layout)?;
                before = Some(end.at.time);
            }
            self.gap(group.replace(row.group), row.group)?;
            self.date(before.unwrap_or(connection.opened.start.time), row.time)?;
            self.row(row, before, &layout)?;
            before = Some(row.time);
            for note in notes.remove(&row.index).into_iter().flatten() {
                self.note(note, layout.indent + 2)?;
            }
        }
        self.more(connection.more_rows, "message")?;
        end.map_or(Ok(()), |end| self.end_of_tcp(&end, before, &layout))
    }

    /// Separates groups of neighbours, as grep does.
    fn gap(&mut self, before: Option<u64>, group: u64) -> io::Result<()> {
        if self.shown.picked != Picked::WithNeighbours || before.is_none_or(|before| before == group) {
            return Ok(());
        }
        self.write(&Line::default().styled(DIM, "--"))
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

    pub(super) fn time(&self, time: Timestamp) -> String {
        match self.shown.time {
            TimeStyle::Relative => words::seconds(time.nanos_since(self.epoch)),
            TimeStyle::Absolute => zoned(time, &self.shown.zone).strftime("%H:%M:%S.%6f").to_string(),
            TimeStyle::Delta => String::new(),
        }
    }

    /// Parts with a dot between them, on as many lines as they need.
    pub(super) fn joined(&mut self, parts: Vec<String>) -> io::Result<()> {
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

pub(super) fn zoned(time: Timestamp, zone: &TimeZone) -> jiff::Zoned {
    jiff::Timestamp::from_nanosecond(i128::from(time.as_nanos())).unwrap_or_default().to_zoned(zone.clone())
}

fn day(time: Timestamp, zone: &TimeZone) -> String {
    zoned(time, zone).strftime("%Y-%m-%d %Z").to_string()
}
