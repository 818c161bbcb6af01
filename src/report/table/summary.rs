//! All connections → a row each: on one line where the display is wide enough, else on two.

use std::io::{self, Write};

use super::grid::{Align, Column, Grid};
use super::kept::{Connection, Note};
use super::line::{BOLD, DIM, Line, PLAIN, severity};
use super::words;
use crate::event::{ConnectionId, Traffic};
use crate::http::Outcome;
use crate::report::shown::Shown;
use crate::rules::Severity;

/// Writes the table of connections.
pub(super) fn write<'a>(
    connections: impl Iterator<Item = (&'a ConnectionId, &'a Connection)>,
    shown: &Shown,
    out: &mut impl Write,
) -> io::Result<()> {
    let entries: Vec<Entry> = connections.map(|(id, connection)| Entry::new(*id, connection)).collect();
    let wide = wide(&entries);
    let grid = if wide.least_width() <= shown.width { wide } else { stacked(&entries) };
    for (row, text) in grid.lines(shown.width) {
        let line = match row.and_then(|row| entries.get(row)) {
            Some(entry) => painted(&text, entry),
            None if text.starts_with('─') => Line::default().styled(DIM, text),
            None => Line::default().styled(BOLD, text),
        };
        line.write(out, shown.color)?;
    }
    Ok(())
}

/// What is said of one connection, as safe text.
struct Entry {
    id: String,
    client: String,
    server: String,
    target: String,
    outcome: String,
    subprotocol: String,
    extensions: String,
    messages: String,
    bytes: String,
    duration: String,
    closed: String,
    worst: String,
    severity: Option<Severity>,
}

impl Entry {
    fn new(id: ConnectionId, connection: &Connection) -> Self {
        let opened = &connection.opened;
        let closing = connection.closing.as_ref();
        let both = |what: fn(&Traffic) -> String| {
            let traffic =
                closing.filter(|_| !matches!(opened.outcome, Outcome::Refused | Outcome::Unanswered));
            traffic.map(|closing| closing.traffic.each_ref().map(what).join(" / ")).unwrap_or_default()
        };
        let name = |extension: &String| extension.split(';').next().unwrap_or_default().to_owned();
        let worst = connection.worst();
        Self {
            id: id.0.to_string(),
            client: opened.client.to_string(),
            server: opened.server.to_string(),
            target: opened.target.clone().unwrap_or_default(),
            outcome: words::outcome(opened.outcome, opened.status),
            subprotocol: opened.subprotocol.clone().unwrap_or_default(),
            extensions: opened.extensions.iter().map(name).collect::<Vec<_>>().join(", "),
            messages: both(messages),
            bytes: both(|traffic| words::bytes(traffic.payload_bytes)),
            duration: closing
                .map(|closing| words::span(closing.end.time.nanos_since(opened.start.time)))
                .unwrap_or_default(),
            closed: closing.and_then(|closing| closing.close.as_ref()).map(words::closed).unwrap_or_default(),
            worst: worst.map(|(note, more)| worst_text(note, more)).unwrap_or_default(),
            severity: worst.map(|(note, _)| note.severity),
        }
    }
}

/// `12`, `12+3` with control frames.
fn messages(traffic: &Traffic) -> String {
    let data = words::count(traffic.messages.saturating_sub(traffic.control_frames));
    match traffic.control_frames {
        0 => data,
        control => format!("{data}+{}", words::count(control)),
    }
}

fn worst_text(note: &Note, more: usize) -> String {
    let more = if more == 0 { String::new() } else { format!(" +{more}") };
    format!("{} {}{more}", note.severity.name(), note.rule)
}

fn wide(entries: &[Entry]) -> Grid {
    let columns = vec![
        column(&["#"], Align::Right, usize::MAX),
        column(&["Client"], Align::Left, usize::MAX),
        column(&["Server"], Align::Left, usize::MAX),
        column(&["Target"], Align::Left, 16),
        column(&["Outcome"], Align::Left, usize::MAX),
        column(&["Subprotocol"], Align::Left, 12),
        column(&["Extensions"], Align::Left, 18),
        column(&["Data+control ↑/↓"], Align::Right, usize::MAX),
        column(&["Bytes ↑/↓"], Align::Right, usize::MAX),
        column(&["Duration"], Align::Right, usize::MAX),
        column(&["Closed"], Align::Left, 18),
        column(&["Worst finding"], Align::Left, 30),
    ];
    let row = |entry: &Entry| {
        let cells = [
            &entry.id,
            &entry.client,
            &entry.server,
            &entry.target,
            &entry.outcome,
            &entry.subprotocol,
            &entry.extensions,
            &entry.messages,
            &entry.bytes,
            &entry.duration,
            &entry.closed,
            &entry.worst,
        ];
        cells.map(|cell| vec![cell.clone()]).into()
    };
    Grid::new(columns, entries.iter().map(row).collect()).without_empty_columns()
}

fn stacked(entries: &[Entry]) -> Grid {
    let columns = vec![
        column(&["#"], Align::Right, usize::MAX),
        column(&["Client → server", "Target · subprotocol"], Align::Left, 36),
        column(&["Outcome · duration", "Closed"], Align::Left, 18),
        column(&["Data+control ↑/↓", "Bytes ↑/↓"], Align::Right, usize::MAX),
    ];
    let row = |entry: &Entry| {
        let mut named = parties(entry);
        named.push(dotted([&entry.target, &entry.subprotocol]));
        named.push(entry.worst.clone());
        named.retain(|line| !line.is_empty());
        vec![
            vec![entry.id.clone()],
            named,
            vec![dotted([&entry.outcome, &entry.duration]), entry.closed.clone()],
            vec![entry.messages.clone(), entry.bytes.clone()],
        ]
    };
    Grid::new(columns, entries.iter().map(row).collect())
}

/// On one line, where both have room on a display of 80 columns.
fn parties(entry: &Entry) -> Vec<String> {
    let line = format!("{} → {}", entry.client, entry.server);
    if line.chars().count() <= 40 {
        vec![line]
    } else {
        vec![entry.client.clone(), format!("→ {}", entry.server)]
    }
}

fn dotted(parts: [&String; 2]) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" · ")
}

const fn column(head: &'static [&'static str], align: Align, least: usize) -> Column {
    Column { head, align, least }
}

/// Paints the finding and nothing beside it: the table itself knows no colours.
fn painted(text: &str, entry: &Entry) -> Line {
    let place = entry.severity.and_then(|severity| text.rfind(&format!("{} ", severity.name())));
    // The finding begins a cell: elsewhere such a word is the capture's.
    let place = place.filter(|place| text.get(..*place).is_some_and(|before| before.ends_with("  ")));
    match place.and_then(|place| text.split_at_checked(place)) {
        Some((before, finding)) => {
            // Within a finding no two spaces follow each other: they separate it from the next cell.
            let (finding, after) =
                finding.find("  ").and_then(|end| finding.split_at_checked(end)).unwrap_or((finding, ""));
            let style = entry.severity.map_or(PLAIN, severity);
            Line::default().plain(before).styled(style, finding).plain(after)
        }
        None => Line::default().plain(text),
    }
}
