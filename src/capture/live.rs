//! Network interfaces → packets as they happen, by libpcap.
//!
//! A thread of its own takes packets from the kernel into a bounded queue and never waits for analysis: what the queue has no
//! room for is dropped and counted. So are the packets that the kernel drops, apart.

mod interface;
mod list;
mod queue;
mod reader;

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

pub use interface::{Absence, Delivery, Promiscuous, Settings};
pub use list::{Listed, interfaces};
pub use queue::Statistics;
use queue::{Batch, Given, Queue};
use reader::Reader;

use super::{CaptureError, Next, Position, Source, Stop};
use crate::packet::{CaptureInfo, Packet, PacketRef, Timestamp};

/// Interfaces as one [`Source`]. Packets come in the order of time, as far as the interfaces are read together.
pub struct Live {
    interfaces: Vec<CaptureInfo>,
    queue: Arc<Queue>,
    stop: Stop,
    batch: Batch,
    /// Of the batch, the next packet.
    next: usize,
    packets: u64,
    thread: Option<JoinHandle<()>>,
}

/// Interfaces that are open, and not yet read: the time to give up privileges.
pub struct Opened {
    reader: Reader,
    names: Vec<String>,
}

/// Opens interfaces by name, `any` being all of them.
///
/// # Errors
/// One of them can't be captured, or libpcap is not there.
pub fn open(names: &[String], settings: &Settings) -> Result<Opened, CaptureError> {
    libpcap_loader::available().map_err(|missing| CaptureError::Unavailable(missing.to_owned()))?;
    Ok(Opened { reader: Reader::open(names, settings)?, names: names.to_vec() })
}

impl Opened {
    /// The interfaces, as inputs of which nothing was read.
    pub fn inputs(&self) -> Vec<CaptureInfo> {
        self.names.iter().map(|name| input(name)).collect()
    }

    /// Begins to read. Ends where `stop` asks for it, with what was captured until then.
    pub fn start(self, stop: &Stop) -> Live {
        let interfaces = self.inputs();
        let queue = Arc::new(Queue::new(self.names.len()));
        let of_thread = (Arc::clone(&queue), stop.clone());
        let thread = thread::spawn(move || self.reader.run(&of_thread.0, &of_thread.1));
        Live {
            interfaces,
            queue,
            stop: stop.clone(),
            batch: Batch::default(),
            next: 0,
            packets: 0,
            thread: Some(thread),
        }
    }
}

fn input(name: &str) -> CaptureInfo {
    CaptureInfo { path: name.to_owned(), format: "live".to_owned(), ..CaptureInfo::default() }
}

impl Live {
    /// What was captured and dropped by now, for others to look at while this source is read.
    pub fn statistics(&self) -> Arc<Statistics> {
        self.queue.statistics()
    }

    /// Steps to the next packet, or says why there is none.
    fn advance(&mut self) -> Result<Step, CaptureError> {
        if self.stop.is_at_once() {
            return Ok(Step::End);
        }
        if self.next >= self.batch.len() {
            self.next = 0;
            self.batch.clear();
            match self.queue.take(&mut self.batch, PAUSE) {
                Given::Batch => {}
                Given::Nothing => return Ok(Step::Pause),
                Given::Error(error) => return Err(error),
                Given::End => return Ok(Step::End),
            }
        }
        Ok(Step::Packet)
    }

    /// Lends the packet that [`Live::advance`] came to.
    fn lend(&mut self) -> Option<Packet<'_>> {
        let (record, data) = self.batch.packet(self.next)?;
        self.next += 1;
        self.packets += 1;
        let info = self.interfaces.get_mut(usize::from(record.file))?;
        info.packets += 1;
        info.first_time = Some(info.first_time.map_or(record.time, |first| first.min(record.time)));
        info.last_time = Some(info.last_time.map_or(record.time, |last| last.max(record.time)));
        Some(Packet {
            at: PacketRef { number: self.packets, time: record.time, file: record.file },
            link: record.link,
            original_len: record.original_len,
            data,
        })
    }
}

enum Step {
    Packet,
    Pause,
    End,
}

impl Source for Live {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        loop {
            match self.advance()? {
                Step::Packet => return Ok(self.lend()),
                Step::Pause => {}
                Step::End => return Ok(None),
            }
        }
    }

    fn next(&mut self) -> Result<Option<Next<'_>>, CaptureError> {
        Ok(match self.advance()? {
            Step::Packet => self.lend().map(Next::Packet),
            Step::Pause => Some(Next::Pause(now())),
            Step::End => None,
        })
    }

    fn inputs(&self) -> Vec<CaptureInfo> {
        let statistics = self.queue.statistics();
        let losses = statistics.losses();
        let with = |(info, (kernel, own)): (&CaptureInfo, (u64, u64))| CaptureInfo {
            dropped: Some(kernel),
            overrun: own,
            ..info.clone()
        };
        self.interfaces.iter().zip(losses).map(with).collect()
    }

    fn position(&self) -> Position {
        Position::default()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.stop.ask_at_once();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// The time of the system's clock, by which the kernel marks packets.
#[expect(clippy::disallowed_methods, reason = "a live capture's clock is that of the system")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Silence after which time passes without a packet: what is shown of time, and what is written in the background, is
/// never older.
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Options;
    use crate::event::{Event, EventKind};
    use crate::packet::LinkType;
    use crate::pipeline;

    /// An interface that nobody reads, and a queue that is filled before anything is taken out.
    fn filled(packets: usize, kernel: u64) -> Live {
        let queue = Arc::new(Queue::new(1));
        let mut batch = Batch::default();
        for _ in 0..packets {
            batch.push((now(), 0), LinkType::ETHERNET, 0, &[0; 100_000]);
            if batch.is_full() {
                queue.put(&mut batch);
            }
        }
        queue.put(&mut batch);
        queue.statistics().kernel_dropped(0, kernel);
        queue.end();
        let (interfaces, stop) = (vec![input("eth0")], Stop::new().unwrap());
        Live { interfaces, queue, stop, batch: Batch::default(), next: 0, packets: 0, thread: None }
    }

    #[test]
    fn what_analysis_was_too_slow_for_is_said_apart_and_adds_up() {
        let mut live = filled(1000, 7);
        let statistics = live.statistics();
        let mut events: Vec<Event> = Vec::new();
        let totals = pipeline::analyze(&mut live, &Options::default(), &mut events).unwrap();
        let own = statistics.dropped_by_queue();
        assert!(own > 0 && totals.packets > 0);
        assert_eq!((statistics.captured(), totals.packets + own), (1000, 1000));
        let [eth0] = totals.inputs.as_slice() else { panic!("{:?}", totals.inputs) };
        assert_eq!((eth0.packets, eth0.dropped, eth0.overrun), (totals.packets, Some(7), own));
        let said: Vec<_> = events
            .into_iter()
            .filter_map(|event| match event.kind {
                EventKind::Finding(finding) => Some((finding.rule.name, finding.detail)),
                _ => None,
            })
            .collect();
        let dropped = |detail: String| ("capture-dropped-packets", detail);
        assert_eq!(
            said,
            [
                dropped("7 packets were dropped while the capture was made".to_owned()),
                dropped(format!("{own} more were dropped by wspect: analysis could not keep up")),
            ]
        );
    }

    #[test]
    fn what_was_kept_up_with_is_all_there_and_nothing_is_said() {
        let mut live = filled(100, 0);
        let mut events: Vec<Event> = Vec::new();
        let totals = pipeline::analyze(&mut live, &Options::default(), &mut events).unwrap();
        assert_eq!((totals.packets, events.len()), (100, 0));
    }
}
