//! Messages of two connections → those that differ, with their neighbours.

use std::io;

use super::{Page, mark, style};
use crate::diff::{Change, ConnectionPair, Counting, Entry, Verdict, Weight};
use crate::event::TimelineMessage;
use crate::packet::Side;
use crate::report::shown::{PayloadMode, Shown};
use crate::report::table::content::Content;
use crate::report::table::kept::marks;
use crate::report::table::line::{DIM, Line, MARK, PLAIN, RECEIVED, SENT};
use crate::report::table::words::{self, counted};
use crate::report::text::wrap;

impl Page<'_> {
    pub(super) fn messages(&mut self, pair: &ConnectionPair) -> io::Result<()> {
        let differs: Vec<bool> =
            pair.messages.iter().map(|entry| entry.verdict(self.counting()) != Verdict::Same).collect();
        let near = near(&differs, self.neighbours);
        if !differs.contains(&true) {
            return Ok(());
        }
        self.blank()?;
        self.write(&self.head())?;
        let (mut rows, mut skipped) = (0, 0);
        for (entry, near) in pair.messages.iter().zip(near) {
            if !near || rows == MOST_ROWS {
                skipped += 1;
                continue;
            }
            self.skipped(std::mem::take(&mut skipped))?;
            self.entry(pair, entry)?;
            rows += 1;
        }
        if rows == MOST_ROWS { self.more(skipped, "message") } else { self.skipped(skipped) }
    }

    fn skipped(&mut self, number: usize) -> io::Result<()> {
        if number == 0 {
            return Ok(());
        }
        let text = format!("⋮ {} the same", counted(number as u64, "message"));
        self.write(&Line::indent(5).styled(DIM, text))
    }

    fn head(&self) -> Line {
        let line = Line::indent(4).right(DIM, "A", NUMBER).plain("  ").right(DIM, "B", NUMBER);
        let line = line.plain("    ").left(DIM, "type", KIND).plain("  ").right(DIM, "length", LENGTH);
        line.plain("  ").styled(DIM, "payload")
    }

    fn entry(&mut self, pair: &ConnectionPair, entry: &Entry) -> io::Result<()> {
        let [a, b] = self.compared.sides;
        let [a, b] = [a.message(pair.a, entry.a), b.message(pair.b, entry.b)];
        let verdict = entry.verdict(self.counting());
        let changed = entry.verdict(Counting::Substance) != Verdict::Same;
        match (a, b) {
            (Some(a), Some(b)) if changed => self.changed(entry, [a, b]),
            (Some(shown), _) | (None, Some(shown)) => {
                let line = self.beginning(entry, [a, b], shown.message.length);
                self.with_payload(line, shown, 0)?;
                self.reasons(entry, verdict)
            }
            (None, None) => Ok(()),
        }
    }

    /// Both, from a little before what differs.
    fn changed(&mut self, entry: &Entry, [a, b]: [&TimelineMessage; 2]) -> io::Result<()> {
        let [of_a, of_b] = [a, b].map(|each| each.message.payload.as_slice());
        let first = of_a.iter().zip(of_b).position(|(a, b)| a != b);
        let start = first.unwrap_or_default().saturating_sub(BEFORE);
        let line = self.beginning(entry, [Some(a), Some(b)], a.message.length);
        self.with_payload(line, a, start)?;
        let indent = PAYLOAD - LENGTH - 2;
        let line = Line::indent(indent).right(PLAIN, &words::count(b.message.length), LENGTH).plain("  ");
        self.with_payload(line, b, start)?;
        if let (None, true) = (first, of_a.len() == of_b.len() && a.message.shortened) {
            let text = format!("the first {} are the same", counted(of_a.len() as u64, "byte"));
            self.write(&Line::indent(PAYLOAD).styled(DIM, text))?;
        }
        self.reasons(entry, entry.verdict(self.counting()))
    }

    fn beginning(&self, entry: &Entry, sides: [Option<&TimelineMessage>; 2], length: u64) -> Line {
        let counts = |change: &&Change| self.counting().verdict([change.weight]) != Verdict::Same;
        let (mark, colour) = entry.changes.iter().find(counts).map_or((" ", PLAIN), mark);
        let mark =
            if entry.a.is_some() && entry.b.is_some() && mark != " " && mark != "?" { "~" } else { mark };
        let [a, b] = sides.map(|side| side.map(|each| each.index.to_string()).unwrap_or_default());
        let (arrow, sent) = if entry.sender == Side::Client { ("→", SENT) } else { ("←", RECEIVED) };
        let kind = sides.iter().flatten().next().map(|each| words::message_type(each.message.opcode));
        let line = Line::indent(2).styled(colour, mark).plain(" ").right(DIM, &a, NUMBER).plain("  ");
        let line = line.right(DIM, &b, NUMBER).plain("  ").styled(sent, arrow).plain(" ");
        let line = line.left(sent, &kind.unwrap_or_default(), KIND).plain("  ");
        line.right(PLAIN, &words::count(length), LENGTH).plain("  ")
    }

    fn with_payload(&mut self, line: Line, message: &TimelineMessage, start: usize) -> io::Result<()> {
        let marks = marks(&message.message);
        let marks = if marks.is_empty() { String::new() } else { format!("[{}]", marks.join(", ")) };
        let room = self.shown.width.saturating_sub(line.width() + marks.len() + 1).max(LEAST_PAYLOAD);
        let shown = Shown { payload: PayloadMode::Preview, width: KEPT, ..Shown::default() };
        let text = from(Content::new(message, &shown, &mut 0), start, room);
        let gap = if text.is_empty() || marks.is_empty() { "" } else { " " };
        self.write(&line.plain(text).plain(gap).styled(MARK, marks))
    }

    /// What of it differs, or can't be told: where the rows do not show it by themselves.
    fn reasons(&mut self, entry: &Entry, verdict: Verdict) -> io::Result<()> {
        let alone = entry.a.is_none() || entry.b.is_none();
        if verdict == Verdict::Same || (alone && verdict == Verdict::Differs) {
            return Ok(());
        }
        let counting = self.counting();
        let is_shown = |change: &&Change| change.what == "content" && change.weight == Weight::Substance;
        let counts = |change: &&Change| counting.verdict([change.weight]) != Verdict::Same;
        for change in entry.changes.iter().filter(counts).filter(|change| !is_shown(change)) {
            let doubts = [("A", &change.a), ("B", &change.b)];
            let text = match change.weight {
                Weight::Unknown => {
                    let said = |(name, doubt): &(&str, &Option<String>)| {
                        let there = alone && (if *name == "A" { entry.a } else { entry.b }).is_some();
                        doubt.as_ref().filter(|_| !there).map(|doubt| format!("{name}: {doubt}"))
                    };
                    format!("can't tell, {}", doubts.iter().filter_map(said).collect::<Vec<_>>().join(", "))
                }
                _ => format!("{} {}", change.what, super::between(change)),
            };
            for line in wrap(&text, self.shown.width.saturating_sub(PAYLOAD + 2)) {
                self.write(&Line::indent(PAYLOAD).styled(style(verdict), line))?;
            }
        }
        Ok(())
    }
}

/// Which of them stand so near to one that differs.
fn near(differs: &[bool], neighbours: usize) -> Vec<bool> {
    let mut near = differs.to_vec();
    for backwards in [false, true] {
        let mut left = 0;
        for n in 0..differs.len() {
            let place = if backwards { differs.len() - 1 - n } else { n };
            left = if differs.get(place) == Some(&true) { neighbours + 1 } else { left };
            if left > 0 {
                near.get_mut(place).into_iter().for_each(|near| *near = true);
            }
            left = left.saturating_sub(1);
        }
    }
    near
}

/// A payload from `start`.
fn from(content: Content, start: usize, room: usize) -> String {
    let behind = |bytes: &[u8], is_start: fn(&[u8]) -> bool| {
        // Not in the middle of a character.
        let start = (0..=start.min(bytes.len())).rev().find(|start| bytes.get(*start..).is_none_or(is_start));
        bytes.get(start.unwrap_or_default()..).unwrap_or_default().into()
    };
    let begins_character = |rest: &[u8]| rest.first().is_none_or(|byte| byte & 0xc0 != 0x80);
    let content = match content {
        Content::Text(bytes, rest) => Content::Text(behind(&bytes, begins_character), rest),
        Content::Bytes(bytes, rest) => Content::Bytes(behind(&bytes, |_| true), rest),
        other => return other.line(room),
    };
    if start == 0 { content.line(room) } else { format!("…{}", content.line(room.saturating_sub(1))) }
}

/// Bytes that stand before the first one that differs.
const BEFORE: usize = 16;

/// More than anybody reads of one connection.
const MOST_ROWS: usize = 1000;

/// All that a recording keeps of a payload.
const KEPT: usize = 1024;

const NUMBER: usize = 5;
const KIND: usize = 6;
const LENGTH: usize = 10;
const LEAST_PAYLOAD: usize = 16;

/// The column that payloads begin at.
const PAYLOAD: usize = 4 + NUMBER + 2 + NUMBER + 4 + KIND + 2 + LENGTH + 2;
