//! How far a long run has come, on standard error.

use std::io::IsTerminal;
use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressStyle};

use crate::capture::{CaptureError, Position, Source, Stop};
use crate::packet::{CaptureInfo, Packet};

/// A source that shows how much of it was read.
pub(super) struct Watched<S> {
    source: S,
    bar: ProgressBar,
    packets: u64,
    stop: Option<Stop>,
}

impl<S: Source> Watched<S> {
    /// A bar where it helps: standard error is a terminal, and the input is long enough to wait for.
    pub(super) fn new(source: S) -> Self {
        let bar = match source.position().total {
            Some(total) if total >= WORTH_A_BAR && std::io::stderr().is_terminal() => bar_of(total),
            _ => ProgressBar::hidden(),
        };
        Self { source, bar, packets: 0, stop: None }
    }

    /// Ends where `stop` asks for it.
    pub(super) fn until(mut self, stop: Option<Stop>) -> Self {
        self.stop = stop;
        self
    }
}

impl<S: Source> Source for Watched<S> {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        if self.stop.as_ref().is_some_and(Stop::is_asked) {
            return Ok(None);
        }
        self.packets += 1;
        if self.packets.is_multiple_of(PACKETS_A_STEP) {
            self.bar.set_position(self.source.position().read);
        }
        self.source.next_packet()
    }

    fn for_each_buffered(&mut self, take: &mut dyn FnMut(&Packet<'_>) -> ControlFlow<()>) {
        if self.stop.as_ref().is_some_and(Stop::is_asked) {
            return;
        }
        self.bar.set_position(self.source.position().read);
        self.source.for_each_buffered(take);
    }

    fn inputs(&self) -> Vec<CaptureInfo> {
        self.source.inputs()
    }

    fn position(&self) -> Position {
        self.source.position()
    }
}

impl<S> Drop for Watched<S> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn bar_of(total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{bar:30} {percent:>3} %  {binary_bytes} of {binary_total_bytes}  {binary_bytes_per_sec}  {eta} left",
    );
    ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Shorter files are done before a bar can be read.
const WORTH_A_BAR: u64 = 64 << 20;

/// Often enough to look smooth, seldom enough to cost nothing.
const PACKETS_A_STEP: u64 = 1 << 14;
