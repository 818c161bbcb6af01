//! How the timing moved → a table of what took how long.

use std::io;

use super::Page;
use crate::diff::{Basis, Spread, Timing};
use crate::report::table::grid::{Align, Column, Grid};
use crate::report::table::line::{BOLD, DIM, Line, PLAIN};
use crate::report::table::words::{count, span};

impl Page<'_> {
    pub(super) fn timing(&mut self) -> io::Result<()> {
        let summary = &self.compared.diff.timing;
        let [client, server] = summary.since;
        let measured = [("handshake", summary.handshake), ("→", client), ("←", server)];
        let rows: Vec<_> =
            measured.into_iter().filter_map(|(name, timing)| Some(rows(name, timing?))).flatten().collect();
        if rows.is_empty() {
            return Ok(());
        }
        let column = |head, align| Column { head, align, least: usize::MAX };
        let columns = vec![
            column(&["Timing"] as &[&str], Align::Left),
            column(&["A"], Align::Right),
            column(&["B"], Align::Right),
            column(&["moved by"], Align::Right),
        ];
        self.blank()?;
        for (row, text) in Grid::new(columns, rows).lines(self.shown.width) {
            let style = match row {
                None if text.starts_with('─') => DIM,
                None => BOLD,
                Some(_) => PLAIN,
            };
            self.write(&Line::default().styled(style, text))?;
        }
        self.text(1, "→ ← time since the message before, where that is the same one in both")?;
        self.worst()?;
        self.way()
    }

    fn worst(&mut self) -> io::Result<()> {
        let diff = self.compared.diff;
        let found = diff.timing.worst.and_then(|(pair, entry)| {
            let pair = diff.connections.get(pair)?;
            Some((pair, pair.messages.get(entry)?))
        });
        let Some((pair, entry)) = found else { return Ok(()) };
        let [a, b] = self.compared.sides;
        let both = [(a, pair.a, entry.a), (b, pair.b, entry.b)].map(|(side, connection, place)| {
            Some((side.message(connection, place)?.index, side.connection(connection)?.id.0))
        });
        let ([Some(of_a), Some(of_b)], Some([was, is])) = (both, entry.shift.since) else { return Ok(()) };
        let text = format!(
            "moved most: message {} (connection {}) of A, message {} (connection {}) of B: {} → {}",
            of_a.0,
            of_a.1,
            of_b.0,
            of_b.1,
            span(was),
            span(is)
        );
        self.text(1, &text)
    }

    /// How long messages took from one place to the other.
    fn way(&mut self) -> io::Result<()> {
        let diff = self.compared.diff;
        let [client, server] = diff.timing.way;
        let word = |arrow: &str, spread: Option<Spread>| {
            let median = spread?.median;
            let than = if median < 0 { "earlier" } else { "later" };
            Some(format!("{arrow} {} {than}", span(median.saturating_abs())))
        };
        let both: Vec<_> = [word("→", client), word("←", server)].into_iter().flatten().collect();
        if !both.is_empty() {
            self.text(1, &format!("in B than in A: {} (median)", both.join(", ")))?;
        }
        let offsets = diff.connections.iter().filter_map(|pair| pair.clock);
        let mut offsets: Vec<i64> =
            offsets.filter(|clock| clock.basis == Basis::BothDirections).map(|clock| clock.offset).collect();
        offsets.sort_unstable();
        match offsets.get(offsets.len() / 2) {
            None => Ok(()),
            Some(offset) => {
                let ahead = if *offset < 0 { "behind" } else { "ahead of" };
                let text = format!(
                    "the clock of B is {} {ahead} that of A, as far as both directions tell",
                    span(offset.saturating_abs())
                );
                self.text(1, &text)
            }
        }
    }
}

fn rows(name: &str, timing: Timing) -> Vec<Vec<Vec<String>>> {
    let row = |what: String, value: fn(&Spread) -> i64| {
        let cells = [timing.a, timing.b, timing.moved].each_ref().map(|spread| span(value(spread)));
        std::iter::once(what).chain(cells).map(|cell| vec![cell]).collect()
    };
    if timing.count == 1 {
        return vec![row(name.to_owned(), |spread| spread.median)];
    }
    vec![
        row(format!("{name} median of {}", count(timing.count as u64)), |spread| spread.median),
        row(format!("{name} 95 %"), |spread| spread.p95),
        row(format!("{name} most"), |spread| spread.max),
    ]
}
