//! Many connections, one order: packets → events of all connections.

mod batch;
mod clock;
mod crew;
mod flows;
mod hold;
mod intake;
mod merge;
mod reconnects;
mod said;
mod shard;
mod summary;

use std::ops::ControlFlow;
use std::thread::{self, Scope};

use crew::{Crew, Step};
use hold::Hold;
use intake::Intake;
use merge::Merge;
use shard::Shard;
use summary::{Cut, Summary};

use crate::capture::{CaptureError, Keep, Next, Source};
use crate::connection::Options;
use crate::event::{Sink, Totals};

/// Reads `source` to its end, and gives everything that is found to `sink`. A source of regular files, whose packets come without
/// waiting, is analysed on `Options::threads`; this one reads it, and speaks to `sink`.
///
/// # Errors
/// When an input could not be read to its end. The other inputs, and what was read before, are finished and reported all
/// the same: the error carries the totals.
pub fn analyze(
    source: &mut dyn Source,
    options: &Options,
    sink: &mut dyn Sink,
) -> Result<Totals, Interrupted> {
    analyze_and_keep(source, options, sink, None)
}

/// As [`analyze`], and gives the packets of WebSocket connections to `keep`: of those that are reported, opened or refused. The start
/// of each waits until it is known, in at most `Limits::undecided_packets`, as do the fragments of an IP datagram until it is whole.
///
/// # Errors
/// As [`analyze`].
pub fn analyze_and_keep(
    source: &mut dyn Source,
    options: &Options,
    sink: &mut dyn Sink,
    keep: Option<&mut dyn Keep>,
) -> Result<Totals, Interrupted> {
    let shards = shard::shards(&options.limits);
    let divided = Options { limits: shard::divided(&options.limits, shards), ..options.clone() };
    let mut hold = keep.map(|keep| Hold::new(keep, options.limits.undecided_packets));
    let team =
        (0..shards).map(|number| Shard::new(&divided, (number, shards), hold.is_some(), sink.scribe()));
    let waits = hold.is_some() || source.position().total.is_none();
    let threads = if waits { 1 } else { options.threads.get().min(shards.into()) };
    let crew = Crew::new(team.collect(), threads);
    let mut analysis = Analysis {
        intake: Intake::new(&options.limits),
        merge: Merge::new(options, shards, sink),
        crew: &crew,
        undecided: 0,
    };
    let result = if waits {
        analysis.one_by_one(source, hold.as_mut())
    } else {
        thread::scope(|scope| {
            let _home = Home(&crew);
            analysis.in_batches(source, &mut Helpers { scope, crew: &crew, missing: threads - 1 })
        })
    };
    analysis.conclude(source, options, result)
}

/// The input could not be read to its end.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Interrupted {
    /// Of what was read.
    pub totals: Box<Totals>,
    /// Why no more could be read.
    pub error: CaptureError,
}

/// The pipeline between packets and events.
struct Analysis<'a, 's> {
    intake: Intake,
    crew: &'s Crew<'a>,
    merge: Merge<'s>,
    /// Packets that were not kept because nobody knew in time what they belong to.
    undecided: u64,
}

impl Analysis<'_, '_> {
    /// Analyses each packet before the next is asked for: somebody waits for what it brings.
    fn one_by_one(&mut self, source: &mut dyn Source, mut hold: Option<&mut Hold<'_>>) -> ControlFlow<()> {
        while let Step::Read(mut batch) = self.crew.next(&mut self.merge, true) {
            match source.next() {
                Ok(Some(Next::Packet(packet))) => {
                    self.intake.packet(&packet, &mut batch);
                    self.crew.give(batch);
                    self.drain()?;
                    self.settle(&mut hold);
                    if let Some(hold) = &mut hold {
                        let pieces = self.intake.decoder.take_pieces();
                        hold.packet(&packet, &pieces, self.merge.known.take());
                    }
                }
                Ok(Some(Next::Pause(time))) => {
                    self.intake.pause(time, &mut batch);
                    self.crew.give(batch);
                    self.drain()?;
                    self.settle(&mut hold);
                    hold.iter_mut().for_each(|hold| hold.pause(self.intake.clock.end().time));
                }
                Ok(None) => break,
                Err(error) => self.intake.fail(error),
            }
        }
        self.crew.finish();
        self.drain()?;
        self.settle(&mut hold);
        if let Some(hold) = hold {
            hold.finish(self.intake.clock.end().time);
            self.undecided = hold.given_up();
        }
        ControlFlow::Continue(())
    }

    /// Analyses many packets at a time: this thread reads and passes on, and does what the others do when there is nothing to
    /// read or to pass on.
    fn in_batches(&mut self, source: &mut dyn Source, helpers: &mut Helpers<'_, '_>) -> ControlFlow<()> {
        let mut reading = true;
        loop {
            let step = self.crew.next(&mut self.merge, reading);
            let passed = self.merge.advance()?;
            match step {
                Step::Read(mut batch) => {
                    reading = self.intake.fill(&mut batch, source);
                    self.crew.give(batch);
                    if reading {
                        helpers.come();
                    } else {
                        self.crew.finish();
                    }
                }
                Step::Run(task) => self.crew.run(task),
                Step::Wait if passed => {}
                Step::Wait => self.crew.wait()?,
                Step::Nothing => return ControlFlow::Continue(()),
            }
        }
    }

    /// Does all that there is to do on this thread.
    fn drain(&mut self) -> ControlFlow<()> {
        loop {
            let step = self.crew.next(&mut self.merge, false);
            self.merge.advance()?;
            match step {
                Step::Run(task) => self.crew.run(task),
                Step::Read(_) | Step::Wait => {}
                Step::Nothing => return ControlFlow::Continue(()),
            }
        }
    }

    /// Passes on, or gives up, the packets of lives that have ended.
    fn settle(&mut self, hold: &mut Option<&mut Hold<'_>>) {
        let Some(hold) = hold else { return };
        for (life, worth) in self.merge.settled.drain(..) {
            hold.settle(life, worth);
        }
    }

    /// Says what is known at the end, unless no more is wanted.
    fn conclude(
        mut self,
        source: &dyn Source,
        options: &Options,
        result: ControlFlow<()>,
    ) -> Result<Totals, Interrupted> {
        let Intake { clock, decoder, packets, skipped, error, .. } = self.intake;
        (self.merge.totals.packets, self.merge.totals.skipped) = (packets, skipped);
        if result.is_break() || self.merge.say_held_back(clock.end()).is_break() {
            return Ok(self.merge.totals);
        }
        let counts = self.crew.counts();
        let totals = &mut self.merge.totals;
        totals.tcp_connections = counts.seen;
        totals.tls_connections = counts.protocols.tls;
        totals.http_connections = counts.protocols.http;
        totals.http2_connections = counts.protocols.http2;
        totals.searched_in_vain = counts.protocols.searched_in_vain;
        totals.inputs = source.inputs();
        totals.reconnects = self.merge.lives.reconnects();
        let cut = Cut {
            flows: counts.given_up,
            relieved: counts.relieved,
            forgotten: counts.forgotten,
            handshakes: self.merge.handshakes.forgotten(),
            overlooked: self.merge.lives.overlooked(),
            datagrams: decoder.datagrams_given_up(),
            undecided: self.undecided,
        };
        let steps_back = clock.steps_back();
        let summary = Summary { options, totals: &self.merge.totals, last: clock.end(), steps_back, cut };
        for finding in summary.findings() {
            if self.merge.report(None, finding).is_break() {
                break;
            }
        }
        let totals = self.merge.totals;
        match error {
            None => Ok(totals),
            Some(error) => Err(Interrupted { totals: Box::new(totals), error }),
        }
    }
}

/// The other threads, which come when there is enough to do.
struct Helpers<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    crew: &'scope Crew<'env>,
    missing: usize,
}

impl Helpers<'_, '_> {
    fn come(&mut self) {
        for helper in 1..=std::mem::take(&mut self.missing) {
            let crew = self.crew;
            self.scope.spawn(move || crew.help(helper));
        }
    }
}

/// Sends the helpers home, whatever happens to their leader.
struct Home<'c, 'a>(&'c Crew<'a>);

impl Drop for Home<'_, '_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests;
