//! Events → a table of connections and their timelines, for people.

mod grid;
mod kept;
mod line;
mod nothing;
mod summary;
mod timeline;
mod words;

use std::io::{self, Write};

use kept::Kept;
use line::{BOLD, Line, severity};
use timeline::Timeline;

use super::Report;
use super::shown::Shown;
use crate::event::{Event, Totals};
use crate::packet::{CaptureInfo, Timestamp};
use crate::rules::Severity;

/// For people: connections first, then each with its messages and findings, last what was read in all. Written when
/// the capture has ended; at most `Shown::rows` rows are kept until then, and what is over is counted and said.
/// Whatever a capture holds is made safe to print.
#[derive(Debug)]
pub struct Table<W: Write> {
    out: W,
    shown: Shown,
    kept: Kept,
}

impl<W: Write> Table<W> {
    /// Writes to `out` in lines.
    pub fn new(out: W, shown: Shown) -> Self {
        let shown = Shown { width: shown.width.max(LEAST_WIDTH), ..shown };
        Self { out, kept: Kept::new(shown.rows), shown }
    }
}

/// Displays narrower than this get lines that they have to wrap: less could not be read anyway.
const LEAST_WIDTH: usize = 60;

impl<W: Write> Report for Table<W> {
    fn begin(&mut self, _inputs: &[CaptureInfo]) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        if self.shown.includes(event.connection) {
            self.kept.event(event, &self.shown);
        }
        Ok(())
    }

    fn finish(&mut self, totals: &Totals) -> io::Result<()> {
        let Self { out, shown, kept } = self;
        let mut page = Timeline { out, shown, epoch: epoch(totals) };
        if kept.connections.is_empty() {
            without_connections(&mut page, totals)?;
        } else {
            summary::write(kept.connections.iter(), shown, page.out)?;
        }
        page.more(kept.more_connections, "connection")?;
        for (id, connection) in &kept.connections {
            page.write(&Line::default())?;
            page.connection(*id, connection)?;
        }
        if !kept.notes.is_empty() {
            page.write(&Line::default())?;
            page.write(&Line::default().styled(BOLD, "About the capture"))?;
        }
        for note in &kept.notes {
            page.note(note, 2)?;
        }
        page.more(kept.more_notes, "finding")?;
        page.write(&Line::default())?;
        write_totals(&mut page, totals)?;
        page.out.flush()
    }
}

/// What relative times count from: the first packet of all.
fn epoch(totals: &Totals) -> Timestamp {
    totals.inputs.iter().filter_map(|input| input.first_time).min().unwrap_or_default()
}

fn without_connections(page: &mut Timeline<'_, impl Write>, totals: &Totals) -> io::Result<()> {
    if let Some(id) = page.shown.connection.filter(|_| totals.websocket_connections > 0) {
        let all = words::counted(totals.websocket_connections, "connection");
        return page.write(
            &Line::default().styled(BOLD, format!("There is no connection {}: the capture has {all}.", id.0)),
        );
    }
    page.write(&Line::default().styled(BOLD, "No WebSocket connections found."))?;
    nothing::explain(totals).iter().try_for_each(|line| page.text(line))
}

fn write_totals(page: &mut Timeline<'_, impl Write>, totals: &Totals) -> io::Result<()> {
    let counts = [
        (totals.packets, "packet"),
        (totals.tcp_connections, "TCP connection"),
        (totals.websocket_connections, "WebSocket connection"),
        (totals.messages, "message"),
    ];
    let counts = Line::default().plain(counts.map(|(number, what)| words::counted(number, what)).join(" · "));
    let found = Severity::ALL.into_iter().map(|each| (each, totals.findings_of(each)));
    let found: Vec<_> = found.filter(|(each, number)| *each != Severity::Info && *number > 0).collect();
    let findings = |line: Line| {
        found.iter().enumerate().fold(line, |line, (n, (each, number))| {
            let dot = if n == 0 { "" } else { " · " };
            line.plain(dot).styled(severity(*each), words::counted(*number, each.name()))
        })
    };
    if found.is_empty() {
        return page.write(&counts);
    }
    let separate = findings(Line::default());
    if counts.width() + 3 + separate.width() <= page.shown.width {
        page.write(&findings(counts.plain(" · ")))
    } else {
        page.write(&counts)?;
        page.write(&separate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{self, Sample};
    use crate::report::{Color, Frames};

    fn page(sample: &Sample, shown: Shown) -> String {
        let mut out = Vec::new();
        sample.play(&mut Table::new(&mut out, shown)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn look() {
        for width in [80, 200] {
            for sample in [sample::chat(), sample::trouble(), sample::only_tls()] {
                println!(
                    "{}\n{}",
                    page(&sample, Shown { width, frames: Frames::Listed, ..Shown::default() }),
                    "#".repeat(width)
                );
            }
        }
    }
}
