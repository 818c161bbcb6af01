//! Events → lines for people as they come, each final.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::ending::sent;
use super::heading::answer;
use super::kept::{Note, Opened, Row};
use super::line::{BOLD, DIM, Line};
use super::row::Layout;
use super::timeline::Timeline;
use super::verdict::verdict;
use super::{LEAST_WIDTH, words, write_totals};
use crate::event::{Closing, ConnectionId, Event, EventKind, Opening, TimelineMessage, Totals};
use crate::packet::{CaptureInfo, Timestamp};
use crate::report::Report;
use crate::report::shown::{Shown, TimeStyle};
use crate::rules::Finding;

/// The timeline of all connections together: a line for each message, and lines for what opens, ends and is found. Keeps
/// nothing but a time for each open connection. What belongs together reaches the writer in one piece.
#[derive(Debug)]
pub struct Scroll<W: Write> {
    out: W,
    shown: Shown,
    page: Vec<u8>,
    /// What relative times count from: the first packet that something was said of.
    epoch: Option<Timestamp>,
    /// The last message of each open connection, or its opening.
    last: BTreeMap<ConnectionId, Timestamp>,
}

impl<W: Write> Scroll<W> {
    /// Writes to `out` in whole lines.
    pub fn new(out: W, shown: Shown) -> Self {
        let shown = Shown { width: shown.width.max(LEAST_WIDTH), ..shown };
        Self { out, shown, page: Vec::new(), epoch: None, last: BTreeMap::new() }
    }

    /// Writes what `write` puts on a page.
    fn page(&mut self, write: impl FnOnce(&mut Timeline<'_, Vec<u8>>) -> io::Result<()>) -> io::Result<()> {
        self.page.clear();
        let epoch = self.epoch.unwrap_or_default();
        write(&mut Timeline { out: &mut self.page, shown: &self.shown, epoch, end: epoch })?;
        self.out.write_all(&self.page)
    }

    fn opened(&mut self, id: ConnectionId, at: Timestamp, opening: &Opening) -> io::Result<()> {
        self.last.insert(id, at);
        let opened = Opened::from(opening);
        self.page(|page| {
            let request = opened.request.as_deref().unwrap_or_default();
            let tunnel =
                opened.tunnel.as_ref().map(|to| format!(" through a proxy to {to}")).unwrap_or_default();
            let parties = format!("{} → {}{tunnel}  {request}", opened.client, opened.server);
            page.headed(at, id, "opens", &format!("{parties}  {}", answer(&opened).join(" · ")))
        })
    }

    fn message(&mut self, id: ConnectionId, message: &TimelineMessage) -> io::Result<()> {
        let mut room = usize::MAX; // nothing is kept
        let row = Row::new(message, &self.shown, &mut room);
        let before = self.last.insert(id, row.time);
        self.page(|page| {
            let layout = Layout::of_line(page.time(row.time).len(), label(id));
            page.row(&row, before, &layout)
        })
    }

    fn finding(&mut self, id: Option<ConnectionId>, finding: &Finding) -> io::Result<()> {
        let mut note = Note::from(finding);
        note.detail = match (id, note.message) {
            (Some(id), Some(message)) => format!("#{}, message {message}: {}", id.0, note.detail),
            (Some(id), None) => format!("#{}: {}", id.0, note.detail),
            (None, _) => note.detail,
        };
        self.page(|page| page.note(&note, 2))
    }

    fn closed(&mut self, id: ConnectionId, closing: &Closing) -> io::Result<()> {
        self.last.remove(&id);
        let Some(close) = &closing.close else { return Ok(()) };
        let [client, server] = &closing.traffic;
        let text = format!("{}  {}  {}", words::safe(&verdict(close)), sent("↑", client), sent("↓", server));
        self.page(|page| page.headed(closing.end.time, id, "ends", &text))
    }
}

impl<W: Write> Report for Scroll<W> {
    fn begin(&mut self, inputs: &[CaptureInfo]) -> io::Result<()> {
        let names = inputs.iter().map(|input| words::safe(&input.path)).collect::<Vec<_>>().join(", ");
        self.page(|page| {
            page.write(&Line::default().styled(DIM, format!("Capturing on {names}; Ctrl-C ends.")))
        })
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        if !self.shown.includes(event.connection) {
            return Ok(());
        }
        self.epoch.get_or_insert(event.at.time);
        match (event.connection, &event.kind) {
            (Some(id), EventKind::Opened(opening)) => self.opened(id, event.at.time, opening),
            (Some(id), EventKind::Message(message)) => self.message(id, message),
            (Some(id), EventKind::Closed(closing)) => self.closed(id, closing),
            (id, EventKind::Finding(finding)) => self.finding(id, finding),
            (None, _) => Ok(()),
        }
    }

    fn finish(&mut self, totals: &Totals) -> io::Result<()> {
        self.page(|page| {
            page.write(&Line::default())?;
            write_totals(page, totals)
        })?;
        self.out.flush()
    }
}

impl<W: Write> Timeline<'_, W> {
    /// A line with a time, a connection and a word, and text of which nothing is cut.
    fn headed(&mut self, time: Timestamp, id: ConnectionId, word: &str, text: &str) -> io::Result<()> {
        let time = self.time(time);
        let gap = if self.shown.time == TimeStyle::Delta { "" } else { "  " };
        let head =
            Line::default().plain(time).plain(gap).styled(BOLD, label(id)).styled(BOLD, word).plain("  ");
        let hanging = head.width();
        let lines = crate::report::text::wrap(text, self.shown.width.saturating_sub(hanging).max(LEAST_TEXT));
        let mut lines = lines.into_iter();
        self.write(&head.plain(lines.next().unwrap_or_default()))?;
        lines.try_for_each(|line| self.write(&Line::indent(hanging).plain(line)))
    }
}

/// `#3    `
fn label(id: ConnectionId) -> String {
    format!("{:<LABEL$}", format!("#{}", id.0))
}

/// Four digits of connections until columns move.
const LABEL: usize = 6;
/// Less is no text.
const LEAST_TEXT: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    /// What is written, a string for each write.
    #[derive(Default)]
    struct Pieces(Vec<String>);

    impl Write for &mut Pieces {
        fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
            self.0.push(String::from_utf8(piece.to_vec()).unwrap());
            Ok(piece.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_belongs_together_is_written_in_one_piece() {
        for sample in [sample::chat(), sample::trouble()] {
            let mut pieces = Pieces::default();
            sample.play(&mut Scroll::new(&mut pieces, Shown { width: 60, ..Shown::default() })).unwrap();
            assert!(pieces.0.iter().all(|piece| piece.ends_with('\n')));
            assert!(pieces.0.len() <= sample.events.len() + 2);
        }
    }

    #[test]
    fn no_line_of_a_narrow_display_is_wider() {
        let mut pieces = Pieces::default();
        let shown = Shown {
            width: 70,
            time: TimeStyle::Absolute,
            payload: crate::report::PayloadMode::Preview,
            ..Shown::default()
        };
        sample::trouble().play(&mut Scroll::new(&mut pieces, shown)).unwrap();
        for line in pieces.0.concat().lines() {
            assert!(crate::report::text::width(line) <= 70, "{line}");
        }
    }

    #[test]
    fn the_scrolling_table_looks_like_this() {
        let mut pieces = Pieces::default();
        let shown = Shown { width: 100, payload: crate::report::PayloadMode::Preview, ..Shown::default() };
        sample::trouble().play(&mut Scroll::new(&mut pieces, shown)).unwrap();
        insta::assert_snapshot!(pieces.0.concat());
    }
}
