//! Figures of a connection and of the capture → lines of numbers.

use std::cmp::Reverse;
use std::io::{self, Write};

use super::line::{BOLD, DIM, Line, PLAIN};
use super::timeline::Timeline;
use super::words;
use crate::event::statistics::{Backoff, Distribution, Reconnects, SideStatistics, Statistics};
use crate::packet::Side;
use crate::report::shown;

impl<W: Write> Timeline<'_, W> {
    /// How long messages, answers and the waits of one connection were.
    pub(super) fn figures(&mut self, statistics: &Statistics) -> io::Result<()> {
        let [client, server] = statistics.sides.each_ref().map(Option::as_deref);
        let sides = [("↑", Side::Client, client), ("↓", Side::Server, server)];
        let sides = || sides.into_iter().filter_map(|(arrow, side, of)| Some((arrow, side, of?)));
        let rows: Vec<_> = sides().flat_map(|(arrow, _, of)| distributions(arrow, of)).collect();
        if !rows.is_empty() {
            self.write(&self.columns(LABEL, &HEAD.map(str::to_owned)).dimmed())?;
        }
        for (label, of, unit) in rows {
            let cells = [of.min, of.p50, of.p90, of.p99, of.max].map(unit);
            // Of one value alone there is no spread.
            let [min, p50, p90, p99, max] = if of.count > 1 { cells } else { alone(cells) };
            self.write(&self.columns(&label, &[words::count(of.count), min, p50, p90, p99, max]).line())?;
        }
        for (arrow, side, of) in sides() {
            self.joined(said(side, of).into_iter().map(|said| format!("{arrow} {said}")).collect())?;
        }
        Ok(())
    }

    /// Clients that connected again and again.
    pub(super) fn reconnects(&mut self, reconnects: &[Reconnects]) -> io::Result<()> {
        if self.shown.statistics == shown::Statistics::Hidden || reconnects.is_empty() {
            return Ok(());
        }
        self.write(&Line::default())?;
        self.write(&Line::default().styled(BOLD, "Reconnects"))?;
        let mut most: Vec<&Reconnects> = reconnects.iter().collect();
        most.sort_by_key(|each| Reverse(each.connections));
        for again in most.iter().take(MOST) {
            self.joined(again_and_again(again))?;
        }
        let more = most.len().saturating_sub(MOST) as u64;
        self.more(more, "client")
    }

    /// A row; the narrowest displays do without the 90th percentile.
    fn columns<'a>(&self, label: &'a str, cells: &'a [String; 6]) -> Row<'a> {
        let [count, min, p50, p90, p99, max] = cells.each_ref().map(String::as_str);
        let p90 = (self.shown.width >= WIDE).then_some(p90);
        Row { label, count, cells: [Some(min), Some(p50), p90, Some(p99), Some(max)] }
    }
}

/// A row in the making.
struct Row<'a> {
    label: &'a str,
    count: &'a str,
    cells: [Option<&'a str>; 5],
}

impl Row<'_> {
    fn line(&self) -> Line {
        self.styled(PLAIN)
    }

    fn dimmed(&self) -> Line {
        self.styled(DIM)
    }

    fn styled(&self, style: anstyle::Style) -> Line {
        let row = Line::indent(2).left(style, self.label, LABEL_COLUMNS).right(style, self.count, 10);
        self.cells.iter().flatten().fold(row, |row, cell| row.right(style, cell, 8))
    }
}

fn alone([value, ..]: [String; 5]) -> [String; 5] {
    [String::new(), value, String::new(), String::new(), String::new()]
}

type Unit = fn(u64) -> String;

fn distributions(arrow: &str, of: &SideStatistics) -> Vec<(String, Distribution, Unit)> {
    let all: [(&str, Option<Distribution>, Unit); 4] = [
        ("message length", of.lengths, words::bytes),
        ("messages/s", of.rates, words::count),
        ("transfer", of.transfers, nanos),
        ("Ping to Pong", of.round_trips, nanos),
    ];
    let told =
        |(what, of, unit): (&str, Option<Distribution>, Unit)| Some((format!("{arrow} {what}"), of?, unit));
    all.into_iter().filter_map(told).collect()
}

fn nanos(nanos: u64) -> String {
    words::span(i64::try_from(nanos).unwrap_or(i64::MAX))
}

/// What is no distribution.
fn said(side: Side, of: &SideStatistics) -> Vec<String> {
    let mut said = Vec::new();
    if of.interleaved > 0 {
        let frames = words::counted(of.interleaved, "control frame");
        said.push(format!("{frames} between the fragments of a message"));
    }
    if of.delayed_pongs.count > 0 {
        let pongs = words::counted(of.delayed_pongs.count, "Pong");
        let longest = nanos(of.delayed_pongs.longest);
        said.push(format!("{pongs} waited for the end of a message, at most {longest}"));
    }
    if of.stalls.count > 0 {
        let receiver = if side == Side::Client { "server" } else { "client" };
        let times = words::counted(of.stalls.count.into(), "time");
        let (total, longest) = (words::span(of.stalls.total), words::span(of.stalls.longest));
        said.push(format!("the {receiver} had no room {times}: {total} in all, {longest} the longest"));
    }
    said
}

fn again_and_again(again: &Reconnects) -> Vec<String> {
    let tunnel = again.tunnel.as_ref().map(|tunnel| format!(" through a tunnel to {}", words::safe(tunnel)));
    let host = again.host.as_ref().map(|host| format!(" (Host {})", words::safe(host)));
    let who = format!(
        "{} to {}{} {}{}",
        again.client,
        again.server,
        tunnel.unwrap_or_default(),
        words::safe(&again.path),
        host.unwrap_or_default()
    );
    let of = &again.intervals;
    let spread = match of.count {
        1 => format!("after {}", nanos(of.min)),
        times if of.min == of.max => {
            format!("{} times again, each after {}", words::count(times), nanos(of.min))
        }
        times => format!(
            "{} times again, after {} to {}, median {}",
            words::count(times),
            nanos(of.min),
            nanos(of.max),
            nanos(of.p50)
        ),
    };
    let backoff = again.backoff.map(|backoff| match backoff {
        Backoff::Immediate => "at once: no backoff".to_owned(),
        Backoff::Constant => "constant: no backoff".to_owned(),
        Backoff::Growing => "growing: a backoff".to_owned(),
        Backoff::Irregular => "irregular".to_owned(),
    });
    let connections = words::counted(again.connections, "connection");
    [Some(who), Some(connections), Some(spread), backoff].into_iter().flatten().collect()
}

const LABEL: &str = "";
const LABEL_COLUMNS: usize = 16;
const HEAD: [&str; 6] = ["count", "min", "median", "p90", "p99", "max"];
/// From this width on a row has room for all.
const WIDE: usize = 2 + LABEL_COLUMNS + 10 + 5 * 8;
/// Clients that are listed, those with the most connections first: nobody reads more.
const MOST: usize = 20;
