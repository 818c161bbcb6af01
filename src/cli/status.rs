//! How a live capture stands → one line on standard error, while it runs.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::outlet::{Display, Outlet};
use crate::capture::live::Statistics;

/// What analysis has found by now.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) opened: AtomicU64,
    pub(super) closed: AtomicU64,
    pub(super) messages: AtomicU64,
}

/// Writes the report, and the status line below it where somebody sees one. Both by one thread, so that neither gets into the
/// other's line.
pub(super) struct Screen {
    out: Box<dyn Write + Send>,
    /// Do both stand on one terminal?
    shared: Shared,
    bar: ProgressBar,
    counts: Counts,
    /// Captured at the last look, and at what time of the bar.
    before: (u64, Duration),
}

/// Do the report and the status line stand on one terminal?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shared {
    No,
    Yes,
}

/// Where the numbers are.
pub(super) struct Counts {
    pub(super) packets: Arc<Statistics>,
    pub(super) found: Arc<Found>,
    /// Set as soon as there is one.
    pub(super) outlet: Arc<std::sync::OnceLock<Outlet>>,
}

impl Screen {
    pub(super) fn new(out: Box<dyn Write + Send>, to_terminal: bool, counts: Counts) -> Self {
        let bar = if io::stderr().is_terminal() {
            let style =
                ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new_spinner().with_style(style)
        } else {
            ProgressBar::hidden()
        };
        let shared = if to_terminal { Shared::Yes } else { Shared::No };
        Self { out, shared, bar, counts, before: (0, Duration::ZERO) }
    }

    fn line(&self, rate: u64) -> String {
        let Counts { packets, found, outlet } = &self.counts;
        let (opened, closed) = (found.opened.load(Ordering::Relaxed), found.closed.load(Ordering::Relaxed));
        let drops = [
            (packets.dropped_by_kernel(), "by the kernel"),
            (packets.dropped_by_queue(), "by wspect"),
            (outlet.get().map_or(0, Outlet::dropped), "lines by the reader of the output"),
        ];
        let drops = drops.iter().filter(|(number, _)| *number > 0);
        let drops = drops.map(|(number, whose)| format!("{number} {whose}")).collect::<Vec<_>>().join(", ");
        let drops = if drops.is_empty() { "none".to_owned() } else { drops };
        format!(
            "{} packets, {rate}/s · {opened} connections, {} open · {} messages · dropped: {drops}",
            packets.captured(),
            opened.saturating_sub(closed),
            found.messages.load(Ordering::Relaxed),
        )
    }
}

impl Display for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let out = &mut self.out;
        let mut write = || out.write_all(bytes).and_then(|()| out.flush());
        match self.shared {
            Shared::Yes => self.bar.suspend(write),
            Shared::No => write(),
        }
    }

    fn tick(&mut self) {
        for notice in self.counts.packets.take_notices() {
            self.bar.suspend(|| super::say(&format!("wspect: {notice}")));
        }
        if self.bar.is_hidden() {
            return;
        }
        let now = self.bar.elapsed();
        let (captured, then) = self.before;
        let since = now.saturating_sub(then);
        if since < A_LOOK {
            return;
        }
        let more = u128::from(self.counts.packets.captured().saturating_sub(captured));
        let rate = more * 1000 / since.as_millis().max(1);
        self.before = (self.counts.packets.captured(), now);
        self.bar.set_message(self.line(u64::try_from(rate).unwrap_or(u64::MAX)));
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A number that changes faster can't be read.
const A_LOOK: Duration = Duration::from_millis(500);
