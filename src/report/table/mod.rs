//! Events → a table of connections and their timelines, for people.

mod content;
pub(super) mod differences;
mod ending;
mod figures;
mod grid;
mod heading;
mod kept;
mod line;
mod nothing;
mod row;
mod scroll;
mod summary;
mod timeline;
mod verdict;
mod words;

use std::io::{self, Write};

use kept::Kept;
pub use scroll::Scroll;

use line::{BOLD, Line, severity};
use timeline::Timeline;

use super::Report;
use super::shown::{Detail, Picked, Shown};
use super::text::wrap;
use crate::event::{Event, EventKind, Totals};
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
    /// Messages that came for themselves.
    messages: u64,
}

impl<W: Write> Table<W> {
    /// Writes to `out` in lines.
    pub fn new(out: W, shown: Shown) -> Self {
        let shown = Shown { width: shown.width.max(LEAST_WIDTH), ..shown };
        Self { out, kept: Kept::new(shown.rows), shown, messages: 0 }
    }
}

/// Displays narrower than this get lines that they have to wrap: less could not be read anyway.
const LEAST_WIDTH: usize = 60;

impl<W: Write> Report for Table<W> {
    fn begin(&mut self, _inputs: &[CaptureInfo]) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        let is_message = matches!(event.kind, EventKind::Message(_));
        let hidden = self.shown.detail == Detail::Summary && is_message;
        if self.shown.includes(event.connection) {
            self.messages += u64::from(is_message);
            if !hidden {
                self.kept.event(event, &self.shown);
            }
        }
        Ok(())
    }

    fn neighbour(&mut self, event: &Event) -> io::Result<()> {
        if self.shown.includes(event.connection) && self.shown.detail == Detail::Timeline {
            self.kept.event(event, &self.shown);
            self.kept.mark_neighbour(event);
        }
        Ok(())
    }

    fn finish(&mut self, totals: &Totals) -> io::Result<()> {
        let Self { out, shown, kept, messages } = self;
        let mut page = Timeline { out, shown, epoch: epoch(totals), end: end(totals) };
        if kept.connections.is_empty() {
            without_connections(&mut page, totals)?;
        } else {
            summary::write(kept.connections.iter(), shown, page.out)?;
        }
        page.more(kept.more_connections, "connection")?;
        let detailed = if page.shown.detail == Detail::Timeline { Some(&kept.connections) } else { None };
        for (id, connection) in detailed.into_iter().flatten() {
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
        page.reconnects(&totals.reconnects)?;
        page.write(&Line::default())?;
        if page.shown.picked != Picked::All && !kept.connections.is_empty() {
            let connections = kept.connections.len() as u64 + kept.more_connections;
            let connections = words::counted(connections, "connection");
            let selected =
                format!("--where selects {} in {connections}, of:", words::counted(*messages, "message"));
            page.write(&Line::default().plain(selected))?;
        }
        write_totals(&mut page, totals)?;
        page.out.flush()
    }
}

/// What relative times count from: the first packet of all.
fn epoch(totals: &Totals) -> Timestamp {
    totals.inputs.iter().filter_map(|input| input.first_time).min().unwrap_or_default()
}

/// The last packet of all.
fn end(totals: &Totals) -> Timestamp {
    totals.inputs.iter().filter_map(|input| input.last_time).max().unwrap_or_default()
}

fn without_connections(page: &mut Timeline<'_, impl Write>, totals: &Totals) -> io::Result<()> {
    if !page.shown.connections.is_empty() && totals.websocket_connections > 0 {
        let all = words::counted(totals.websocket_connections, "connection");
        let text = format!("None of these connections is there: the capture has {all}.");
        return page.write(&Line::default().styled(BOLD, text));
    }
    if page.shown.picked != Picked::All && totals.websocket_connections > 0 {
        return page.write(&Line::default().styled(BOLD, "--where selects nothing."));
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
    let counts = counts.map(|(number, what)| words::counted(number, what)).join(" · ");
    let found = Severity::ALL.into_iter().map(|each| (each, totals.findings_of(each)));
    let found: Vec<_> = found.filter(|(each, number)| *each != Severity::Info && *number > 0).collect();
    let findings = |line: Line| {
        found.iter().enumerate().fold(line, |line, (n, (each, number))| {
            let dot = if n == 0 { "" } else { " · " };
            line.plain(dot).styled(severity(*each), words::counted(*number, each.name()))
        })
    };
    let mut lines = wrap(&counts, page.shown.width).into_iter().map(|line| Line::default().plain(line));
    let last = lines.next_back().unwrap_or_default();
    lines.try_for_each(|line| page.write(&line))?;
    let separate = findings(Line::default());
    if found.is_empty() {
        page.write(&last)
    } else if last.width() + 3 + separate.width() <= page.shown.width {
        page.write(&findings(last.plain(" · ")))
    } else {
        page.write(&last)?;
        page.write(&separate)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::ConnectionId;
    use crate::packet::{NANOS_PER_SECOND, Side};
    use crate::report::sample::{self, Sample};
    use crate::report::{Color, Frames, PayloadMode, Statistics, TimeStyle};

    #[test]
    fn a_summary_has_a_row_a_connection_and_no_messages() {
        let page = page(&sample::chat(), Shown { detail: Detail::Summary, ..at_width(120) });
        assert!(page.contains("/chat") && page.contains("limit-reached"));
        assert!(!page.contains("welcome") && !page.contains("Connection 1"));
    }

    #[test]
    fn statistics_say_what_bytes_were_spent_on_and_what_compression_saved() {
        let asked = Shown { statistics: Statistics::Shown, ..at_width(120) };
        let shown = page(&sample::chat(), asked);
        assert!(
            shown.contains("↑ handshake 301 B, frame headers 14 B, masking keys 28 B, payload 107 B"),
            "{shown}"
        );
        assert!(shown.contains("2 messages compressed: 4.76 kB sent as 1.19 kB, 75 % saved"), "{shown}");
        assert!(!page(&sample::chat(), at_width(120)).contains("frame headers"));
    }

    fn page(sample: &Sample, shown: Shown) -> String {
        let mut out = Vec::new();
        sample.play(&mut Table::new(&mut out, shown)).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn at_width(width: usize) -> Shown {
        Shown { width, frames: Frames::Listed, payload: PayloadMode::Preview, ..Shown::default() }
    }

    #[test]
    fn a_chat_at_80_columns() {
        insta::assert_snapshot!(page(&sample::chat(), at_width(80)));
    }

    #[test]
    fn a_chat_at_200_columns() {
        insta::assert_snapshot!(page(&sample::chat(), at_width(200)));
    }

    #[test]
    fn trouble_at_80_columns() {
        insta::assert_snapshot!(page(&sample::trouble(), at_width(80)));
    }

    #[test]
    fn trouble_at_200_columns() {
        insta::assert_snapshot!(page(&sample::trouble(), at_width(200)));
    }

    #[test]
    fn a_capture_without_websocket_says_why() {
        insta::assert_snapshot!(page(&sample::only_tls(), at_width(80)));
    }

    #[test]
    fn colour_adds_nothing_but_escape_sequences() {
        let plain = page(&sample::trouble(), at_width(100));
        let coloured = page(&sample::trouble(), Shown { color: Color::Always, ..at_width(100) });
        assert_ne!(plain, coloured);
        let mut stripped = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            stripped.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        stripped.push_str(rest);
        assert_eq!(stripped, plain);
    }

    #[test]
    fn the_worst_finding_has_the_colour_of_its_severity() {
        for width in [80, 200] {
            let coloured = page(&sample::chat(), Shown { color: Color::Always, ..at_width(width) });
            let style = severity(Severity::Warning);
            assert!(coloured.contains(&format!("{style}warning limit-reached{style:#}\n")), "{coloured}");
        }
    }

    #[test]
    fn times_can_be_of_day_in_a_zone_or_only_since_the_message_before() {
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(2));
        let absolute = page(&sample::chat(), Shown { time: TimeStyle::Absolute, zone, ..at_width(80) });
        assert!(absolute.contains("\n  10:46:00.098765"), "{absolute}");
        let delta = page(&sample::chat(), Shown { time: TimeStyle::Delta, ..at_width(80) });
        assert!(delta.contains("\n  12.3 ms  ← text "), "{delta}");
    }

    #[test]
    fn a_new_day_is_said() {
        let mut sample = sample::chat();
        let EventKind::Message(message) = &mut sample.events[9].kind else { panic!("no message") };
        message.message.last.time = message.message.last.time.saturating_add(86_400 * NANOS_PER_SECOND);
        let page = page(&sample, Shown { time: TimeStyle::Absolute, ..at_width(80) });
        assert_eq!(page.matches("\n  2026-11-22 UTC\n").count(), 1, "{page}");
    }

    #[test]
    fn rows_are_bounded_and_what_is_over_is_said() {
        let mut sample = sample::chat();
        let mut said = sample::Timeline { connection: 1, next: 10 };
        sample.events.extend((0..500).map(|_| said.text(Side::Client, 32, "again")));
        let page = page(&sample, Shown { rows: 7, frames: Frames::Counted, ..at_width(80) });
        assert_eq!(page.matches("again").count(), 0);
        assert!(page.contains("\n  … 503 more messages: --format ndjson shows all\n"), "{page}");
        // Findings have a bound of their own: this one is about a message that is not shown.
        assert!(page.contains("limit-reached: payload"), "{page}");
    }

    #[test]
    fn connections_and_findings_over_the_bound_are_said() {
        let page = page(&sample::trouble(), Shown { rows: 2, ..at_width(80) });
        assert!(page.contains("… 2 more connections: --format ndjson shows all"), "{page}");
        assert!(page.contains("… 3 more findings: --format ndjson shows all"), "{page}");
        assert!(page.contains("… 1 more finding: --format ndjson shows all"), "{page}");
    }

    #[test]
    fn one_connection_can_be_picked() {
        let shown = |id| Shown { connections: vec![ConnectionId(id)], ..at_width(80) };
        let picked = page(&sample::trouble(), shown(3));
        assert_eq!(picked.matches("\nConnection ").count(), 1);
        assert!(picked.contains("capture-dropped-packets") && picked.contains("4 WebSocket connections"));
        assert!(
            page(&sample::trouble(), shown(9))
                .starts_with("None of these connections is there: the capture has 4 connections.")
        );
    }

    #[test]
    fn payloads_can_be_hidden() {
        let page = page(&sample::chat(), Shown { payload: PayloadMode::None, ..at_width(80) });
        assert!(!page.contains("Hello") && !page.contains("keepalive") && !page.contains("PNG"));
        assert!(page.contains("1000 normal closure"));
    }

    proptest! {
        // Each case writes whole reports.
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn nothing_of_a_capture_reaches_the_terminal_unsafe(text in any::<String>(), code in any::<u16>(), columns in 60_usize..220) {
            let mut sample = sample::trouble();
            for event in &mut sample.events {
                sample::spoil(event, &text, code);
            }
            let page = page(&sample, at_width(columns));
            let unsafe_or_bidi = |c: char| {
                c != '\n' && (c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
            };
            prop_assert!(!page.contains(unsafe_or_bidi), "{page:?}");
            for line in page.lines() {
                prop_assert!(crate::report::text::width(line) <= columns, "{line}");
            }
        }
    }
}
