//! Two recordings, compared → which connections stand for each other, what differs, how the timing moved: for people.

mod messages;
mod timing;

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::grid::{Align, Column, Grid};
use super::line::{BOLD, DIM, Line};
use super::words::{self, counted, safe};
use crate::diff::{Change, ConnectionPair, Counting, Entry, Verdict, Weight};
use crate::report::differences::Compared;
use crate::report::shown::Shown;
use crate::report::text::wrap;

/// Writes the pairs of connections, then what differs with so many messages before and behind, then how the timing moved, and a
/// line that sums up. Of `shown`, width and colour count.
///
/// # Errors
/// What the writer says.
pub fn table(
    compared: &Compared<'_>,
    neighbours: usize,
    shown: &Shown,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page { out, shown, compared, neighbours };
    page.sources()?;
    page.pairs()?;
    for pair in compared.diff.connections.iter().filter(|pair| pair.by.is_some()) {
        page.pair(pair)?;
    }
    page.timing()?;
    page.summary()
}

struct Page<'a> {
    out: &'a mut dyn Write,
    shown: &'a Shown,
    compared: &'a Compared<'a>,
    neighbours: usize,
}

impl Page<'_> {
    fn write(&mut self, line: &Line) -> io::Result<()> {
        line.write(&mut self.out, self.shown.color)
    }

    fn blank(&mut self) -> io::Result<()> {
        self.write(&Line::default())
    }

    /// Text of which nothing is cut.
    fn text(&mut self, indent: usize, text: &str) -> io::Result<()> {
        for (n, line) in wrap(text, self.shown.width.saturating_sub(indent + 2)).into_iter().enumerate() {
            let hanging = if n == 0 { 0 } else { 2 };
            self.write(&Line::indent(indent + hanging).plain(line))?;
        }
        Ok(())
    }

    fn counting(&self) -> Counting {
        self.compared.diff.counting
    }

    fn sources(&mut self) -> io::Result<()> {
        for (name, side) in ["A", "B"].into_iter().zip(self.compared.sides) {
            let selected = side.selected.map(|expression| format!(" where {}", safe(expression)));
            let connections = side.recording.document().connections.len() as u64;
            let counts = [counted(connections, "connection"), counted(side.messages(), "message")].join(", ");
            self.text(
                0,
                &format!("{name}  {}{}: {counts}", safe(side.capture), selected.unwrap_or_default()),
            )?;
            for damage in side.recording.damage() {
                let (offset, detail) = (damage.offset, safe(&damage.detail));
                self.text(3, &format!("damaged at byte {offset}: {detail}; what follows is not compared"))?;
            }
        }
        self.blank()
    }

    fn pairs(&mut self) -> io::Result<()> {
        let pairs = &self.compared.diff.connections;
        let shown = pairs.get(..self.shown.rows).unwrap_or(pairs);
        let lines = self.grid(shown).lines(self.shown.width);
        for (row, text) in lines {
            let verdict = row.and_then(|row| shown.get(row)).map(|pair| pair.verdict(self.counting()));
            let line = match verdict {
                None if text.starts_with('─') => Line::default().styled(DIM, text),
                None => Line::default().styled(BOLD, text),
                Some(Verdict::Same) => Line::default().plain(text),
                Some(verdict) => Line::default().styled(style(verdict), text),
            };
            self.write(&line)?;
        }
        self.more(pairs.len().saturating_sub(shown.len()), "connection")
    }

    fn grid(&self, pairs: &[ConnectionPair]) -> Grid {
        let column = |head, align, least| Column { head, align, least };
        let columns = vec![
            column(&["A"] as &[&str], Align::Right, usize::MAX),
            column(&["B"], Align::Right, usize::MAX),
            column(&["Target"], Align::Left, 8),
            column(&["Server"], Align::Left, 12),
            column(&["Messages"], Align::Right, usize::MAX),
            column(&["Paired by"], Align::Left, usize::MAX),
            column(&["Verdict"], Align::Left, 28),
        ];
        Grid::new(columns, pairs.iter().map(|pair| self.row(pair)).collect()).without_empty_columns()
    }

    fn row(&self, pair: &ConnectionPair) -> Vec<Vec<String>> {
        let [a, b] = self.compared.sides;
        let connections = [a.connection(pair.a), b.connection(pair.b)];
        let numbers = connections.map(|each| each.map(|each| each.id.0.to_string()).unwrap_or_default());
        let both = |words: [Option<String>; 2]| match words {
            [Some(a), Some(b)] if a == b => a,
            [Some(a), Some(b)] => format!("{a} → {b}"),
            [a, b] => a.or(b).unwrap_or_default(),
        };
        let request = connections.map(|each| each.and_then(|each| each.opening.handshake.request.as_ref()));
        let target = both(request.map(|head| head.map(|head| safe(&head.target))));
        let server = both(connections.map(|each| each.map(|each| each.opening.server.to_string())));
        let server = if self.shown.width < WIDE { String::new() } else { server };
        let messages =
            both(connections.map(|each| each.map(|each| words::count(each.messages.len() as u64))));
        let by = pair.by.map(|by| by.name().to_owned()).unwrap_or_default();
        let [a, b] = numbers;
        [a, b, target, server, messages, by, verdict(pair, self.counting())].map(|cell| vec![cell]).into()
    }

    /// What differs between two connections.
    fn pair(&mut self, pair: &ConnectionPair) -> io::Result<()> {
        let counting = self.counting();
        let carried = carriage(pair);
        if pair.verdict(counting) == Verdict::Same && carried.is_empty() {
            return Ok(());
        }
        let [a, b] = self.compared.sides;
        let id = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let [a, b] = [a.connection(pair.a), b.connection(pair.b)].map(|each| id(each.map(|each| each.id.0)));
        self.blank()?;
        self.write(&Line::default().styled(BOLD, format!("Connection {a} of A, {b} of B")))?;
        for change in pair.changes.iter().filter(|change| change.weight != Weight::Carriage) {
            self.change(change)?;
        }
        for line in carried {
            self.text(2, &line)?;
        }
        if pair.by_place {
            self.text(2, "too much differs to align all messages: some are compared place by place")?;
        }
        self.messages(pair)
    }

    fn change(&mut self, change: &Change) -> io::Result<()> {
        let (mark, style) = mark(change);
        let line = format!("{} {}", safe(&change.what), between(change));
        for (n, line) in wrap(&line, self.shown.width.saturating_sub(6)).into_iter().enumerate() {
            let mark = if n == 0 { mark } else { " " };
            self.write(&Line::indent(2).styled(style, mark).plain("  ").plain(line))?;
        }
        Ok(())
    }

    fn more(&mut self, number: usize, what: &str) -> io::Result<()> {
        if number == 0 {
            return Ok(());
        }
        let more = counted(number as u64, &format!("more {what}"));
        self.write(&Line::indent(2).styled(DIM, format!("… {more}: --format json shows all")))
    }

    fn summary(&mut self) -> io::Result<()> {
        let diff = self.compared.diff;
        let verdict = diff.verdict();
        let pairs = diff.connections.iter().filter(|pair| pair.by.is_some()).count() as u64;
        let mut tally = Tally::default();
        diff.connections.iter().for_each(|pair| tally.add(pair, self.counting()));
        let both = tally.both;
        let text = match verdict {
            _ if diff.connections.is_empty() => "there is no WebSocket connection to compare".to_owned(),
            Verdict::Same => {
                let carried = diff.connections.iter().any(|pair| !carriage(pair).is_empty());
                let how = if carried { "; how it was carried differs" } else { "" };
                format!(
                    "{}, {}: all of them are in both{how}",
                    counted(pairs, "connection"),
                    counted(both, "message")
                )
            }
            _ => {
                let damaged = diff.unread.then(|| "what a damaged file lacks can't be compared".to_owned());
                tally.words().into_iter().chain(damaged).collect::<Vec<_>>().join(", ")
            }
        };
        self.blank()?;
        let word = match verdict {
            Verdict::Same => "same",
            Verdict::Unknown => "can't tell",
            Verdict::Differs => "DIFFERS",
        };
        let lines = wrap(&text, self.shown.width.saturating_sub(word.len() + 2));
        for (n, line) in lines.into_iter().enumerate() {
            let beginning =
                if n == 0 { Line::default().styled(style(verdict), word) } else { Line::indent(word.len()) };
            self.write(&beginning.plain("  ").plain(line))?;
        }
        Ok(())
    }
}

/// A narrower display has no room for addresses.
const WIDE: usize = 120;

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Same => AnsiColor::Green.on_default().bold(),
        Verdict::Unknown => AnsiColor::Yellow.on_default().bold(),
        Verdict::Differs => AnsiColor::Red.on_default().bold(),
    }
}

/// `-` only in A, `+` only in B, `~` changed, `?` where the captures can't tell.
fn mark(change: &Change) -> (&'static str, Style) {
    match (change.weight, &change.a, &change.b) {
        (Weight::Unknown, ..) => ("?", AnsiColor::Yellow.on_default()),
        (_, Some(_), None) => ("-", AnsiColor::Red.on_default()),
        (_, None, Some(_)) => ("+", AnsiColor::Green.on_default()),
        _ => ("~", AnsiColor::Yellow.on_default()),
    }
}

/// `v1 → v2`, `only in B: v2`
fn between(change: &Change) -> String {
    match (change.a.as_deref(), change.b.as_deref()) {
        (Some(a), Some(b)) => format!("{} → {}", safe(a), safe(b)),
        (Some(a), None) => format!("only in A: {}", safe(a)),
        (None, Some(b)) => format!("only in B: {}", safe(b)),
        (None, None) => String::new(),
    }
}

/// What was carried differently, a line each: of messages how many.
fn carriage(pair: &ConnectionPair) -> Vec<String> {
    let is_carriage = |change: &&Change| change.weight == Weight::Carriage;
    let of_connection = pair.changes.iter().filter(is_carriage);
    let line = |change: &Change| format!("carried  {} {}", safe(&change.what), between(change));
    let mut lines: Vec<String> = of_connection.map(line).collect();
    let mut of_messages: BTreeMap<&str, (u64, &Change)> = BTreeMap::new();
    for change in pair.messages.iter().flat_map(|entry| &entry.changes).filter(is_carriage) {
        of_messages.entry(&change.what).or_insert((0, change)).0 += 1;
    }
    lines.extend(of_messages.into_iter().map(|(what, (number, first))| {
        let first = if number > 1 {
            format!("{}, the first {}", counted(number, "message"), between(first))
        } else {
            format!("1 message {}", between(first))
        };
        format!("carried  {what} of {first}")
    }));
    lines
}

/// `same`, `differs ~2 +1, close code`
fn verdict(pair: &ConnectionPair, counting: Counting) -> String {
    if pair.by.is_none() {
        return if pair.a.is_some() { "only in A" } else { "only in B" }.to_owned();
    }
    let mut tally = Tally::default();
    tally.add(pair, counting);
    match pair.verdict(counting) {
        Verdict::Same if carriage(pair).is_empty() => "same".to_owned(),
        Verdict::Same => "same, carried differently".to_owned(),
        Verdict::Unknown => format!("can't tell {}", tally.marks()),
        Verdict::Differs => format!("differs {}", tally.marks()),
    }
}

/// Differences in numbers.
#[derive(Default)]
struct Tally {
    connections: [u64; 2],
    /// Messages in both.
    both: u64,
    only: [u64; 2],
    changed: u64,
    unknown: u64,
    /// What else differs.
    attributes: BTreeMap<String, u64>,
}

impl Tally {
    fn add(&mut self, pair: &ConnectionPair, counting: Counting) {
        let [only_a, only_b] = &mut self.connections;
        match (pair.a, pair.b) {
            (Some(_), None) => *only_a += 1,
            (None, Some(_)) => *only_b += 1,
            _ => {
                pair.messages.iter().for_each(|entry| self.message(entry, counting));
                let counts = |change: &&Change| counting.verdict([change.weight]) != Verdict::Same;
                for change in pair.changes.iter().filter(counts) {
                    *self.attributes.entry(change.what.to_string()).or_default() += 1;
                }
            }
        }
    }

    fn message(&mut self, entry: &Entry, counting: Counting) {
        let [only_a, only_b] = &mut self.only;
        self.both += u64::from(entry.a.is_some() && entry.b.is_some());
        match (entry.verdict(counting), entry.a, entry.b) {
            (Verdict::Same, ..) => {}
            (Verdict::Unknown, ..) => self.unknown += 1,
            (Verdict::Differs, Some(_), None) => *only_a += 1,
            (Verdict::Differs, None, Some(_)) => *only_b += 1,
            (Verdict::Differs, ..) => self.changed += 1,
        }
    }

    /// `~2 +1, close code`
    fn marks(&self) -> String {
        let [only_a, only_b] = self.only;
        let counts = [("~", self.changed), ("-", only_a), ("+", only_b), ("?", self.unknown)];
        let counts = counts.into_iter().filter(|(_, number)| *number > 0);
        let counts: Vec<_> = counts.map(|(mark, number)| format!("{mark}{}", words::count(number))).collect();
        let attributes = self.attributes.keys().map(|what| safe(what));
        let counts = Some(counts.join(" ")).filter(|counts| !counts.is_empty());
        counts.into_iter().chain(attributes).collect::<Vec<_>>().join(", ")
    }

    fn words(&self) -> Vec<String> {
        let [a, b] = self.connections;
        let [only_a, only_b] = self.only;
        let counts = [
            (a, "connection", " only in A"),
            (b, "connection", " only in B"),
            (self.changed, "message", " changed"),
            (only_a, "message", " only in A"),
            (only_b, "message", " only in B"),
            (self.unknown, "message", " can't be compared"),
        ];
        let counts = counts.into_iter().filter(|(number, ..)| *number > 0);
        let attributes = self.attributes.iter().map(|(what, number)| match number {
            1 => safe(what),
            _ => format!("{} ({number} times)", safe(what)),
        });
        counts
            .map(|(number, what, where_)| format!("{}{where_}", counted(number, what)))
            .chain(attributes)
            .collect()
    }
}
