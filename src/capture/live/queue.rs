//! Packets that wait for analysis: bounded, and counted where they find no room.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::capture::CaptureError;
use crate::packet::{LinkType, Timestamp};

/// From the thread that reads to the one that analyses.
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    statistics: Arc<Statistics>,
}

#[derive(Default)]
struct State {
    batches: VecDeque<Batch>,
    /// Of all batches.
    bytes: usize,
    /// Emptied batches, whose memory is used again.
    spare: Vec<Batch>,
    errors: VecDeque<CaptureError>,
    ended: bool,
}

/// What [`Queue::take`] found.
pub(super) enum Given {
    Batch,
    Nothing,
    Error(CaptureError),
    End,
}

impl Queue {
    pub(super) fn new(interfaces: usize) -> Self {
        let losses = (0..interfaces).map(|_| Losses::default()).collect();
        let statistics =
            Arc::new(Statistics { captured: AtomicU64::new(0), losses, notices: Mutex::default() });
        Self { state: Mutex::default(), filled: Condvar::new(), statistics }
    }

    pub(super) fn statistics(&self) -> Arc<Statistics> {
        Arc::clone(&self.statistics)
    }

    /// Adds packets, or drops them where too many wait; leaves an empty batch.
    pub(super) fn put(&self, batch: &mut Batch) {
        self.statistics.captured.fetch_add(batch.len() as u64, Ordering::Relaxed);
        let mut state = self.lock();
        if state.bytes.saturating_add(batch.memory()) > MOST_BYTES {
            drop(state);
            for record in &batch.records {
                self.statistics.overrun(record.file);
            }
            return batch.clear();
        }
        state.bytes += batch.memory();
        let empty = state.spare.pop().unwrap_or_default();
        state.batches.push_back(std::mem::replace(batch, empty));
        drop(state);
        self.filled.notify_one();
    }

    /// Says what went wrong, after the packets that came before it.
    pub(super) fn fail(&self, error: CaptureError) {
        self.lock().errors.push_back(error);
        self.filled.notify_one();
    }

    /// No more comes.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.filled.notify_one();
    }

    /// Exchanges an empty batch for the next one, for which it waits at most so long.
    pub(super) fn take(&self, batch: &mut Batch, most: Duration) -> Given {
        let is_idle = |state: &mut State| state.batches.is_empty() && state.errors.is_empty() && !state.ended;
        let (mut state, _) = self
            .filled
            .wait_timeout_while(self.lock(), most, is_idle)
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = state.batches.pop_front() {
            state.bytes = state.bytes.saturating_sub(next.memory());
            let emptied = std::mem::replace(batch, next);
            if state.spare.len() < MOST_SPARE {
                state.spare.push(emptied);
            }
            return Given::Batch;
        }
        match state.errors.pop_front() {
            Some(error) => Given::Error(error),
            None if state.ended => Given::End,
            None => Given::Nothing,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was captured and what was lost, by now.
#[derive(Debug)]
pub struct Statistics {
    captured: AtomicU64,
    losses: Vec<Losses>,
    notices: Mutex<Vec<String>>,
}

/// Of one interface.
#[derive(Debug, Default)]
struct Losses {
    by_kernel: AtomicU64,
    by_queue: AtomicU64,
}

impl Statistics {
    /// Packets that the kernel gave.
    pub fn captured(&self) -> u64 {
        self.captured.load(Ordering::Relaxed)
    }

    /// Packets that the kernel dropped, because its buffer was full, on all interfaces.
    pub fn dropped_by_kernel(&self) -> u64 {
        self.losses().map(|(kernel, _)| kernel).sum()
    }

    /// Packets that were captured and dropped, because analysis did not keep up, on all interfaces.
    pub fn dropped_by_queue(&self) -> u64 {
        self.losses().map(|(_, own)| own).sum()
    }

    /// What the user should know now, taken out: an interface went away, or came back.
    pub fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn notice(&self, what: String) {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// Both for each interface.
    pub(super) fn losses(&self) -> impl Iterator<Item = (u64, u64)> {
        let read =
            |each: &Losses| (each.by_kernel.load(Ordering::Relaxed), each.by_queue.load(Ordering::Relaxed));
        self.losses.iter().map(read)
    }

    /// Counts packets that the kernel dropped.
    pub(super) fn kernel_dropped(&self, interface: usize, more: u64) {
        if let Some(losses) = self.losses.get(interface) {
            losses.by_kernel.fetch_add(more, Ordering::Relaxed);
        }
    }

    fn overrun(&self, interface: u16) {
        if let Some(losses) = self.losses.get(usize::from(interface)) {
            losses.by_queue.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Packets and their bytes, one after the other.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    records: Vec<Record>,
}

/// A packet, its bytes in the batch.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) time: Timestamp,
    pub(super) file: u16,
    pub(super) link: LinkType,
    pub(super) original_len: usize,
    data: Range<usize>,
}

impl Batch {
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn push(
        &mut self,
        (time, file): (Timestamp, u16),
        link: LinkType,
        original_len: usize,
        data: &[u8],
    ) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(data);
        let original_len = original_len.max(data.len());
        self.records.push(Record { time, file, link, original_len, data: start..self.bytes.len() });
    }

    /// Is it large enough to be passed on?
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= BATCH_BYTES || self.records.len() >= BATCH_PACKETS
    }

    /// In the order of time, where several interfaces were read one after the other.
    pub(super) fn sort(&mut self) {
        self.records.sort_by_key(|record| record.time);
    }

    pub(super) fn packet(&self, place: usize) -> Option<(&Record, &[u8])> {
        let record = self.records.get(place)?;
        Some((record, self.bytes.get(record.data.clone())?))
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
    }

    fn memory(&self) -> usize {
        self.bytes.len() + self.records.len() * size_of::<Record>()
    }
}

/// Packets that wait: half a second of a link of 1 Gbit/s, beside what the kernel's own buffer holds.
const MOST_BYTES: usize = 64 << 20;
/// A batch is passed on when it has so many packets or bytes: enough that the lock does not show, little enough that analysis
/// runs beside reading.
const BATCH_PACKETS: usize = 512;
const BATCH_BYTES: usize = 256 << 10;
/// More than these are given back to the system after a burst.
const MOST_SPARE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(packets: usize, size: usize) -> Batch {
        let mut batch = Batch::default();
        for _ in 0..packets {
            batch.push((Timestamp::default(), 0), LinkType::ETHERNET, 0, &vec![7; size]);
        }
        batch
    }

    #[test]
    fn what_finds_no_room_is_dropped_and_counted() {
        let queue = Queue::new(1);
        let fits = MOST_BYTES / (1 << 20) - 1;
        for _ in 0..fits + 10 {
            queue.put(&mut batch(1, 1 << 20));
        }
        let statistics = queue.statistics();
        assert_eq!(statistics.captured(), fits as u64 + 10);
        assert_eq!((statistics.dropped_by_kernel(), statistics.dropped_by_queue()), (0, 10));
        let mut taken = Batch::default();
        assert!(matches!(queue.take(&mut taken, Duration::ZERO), Given::Batch));
        queue.put(&mut batch(1, 1 << 20));
        assert_eq!(statistics.dropped_by_queue(), 10, "there is room again");
    }

    #[test]
    fn errors_and_the_end_come_after_the_packets() {
        let queue = Queue::new(1);
        queue.put(&mut batch(3, 10));
        queue.fail(CaptureError::Unavailable(String::new()));
        queue.end();
        let mut taken = Batch::default();
        assert!(matches!(queue.take(&mut taken, Duration::ZERO), Given::Batch));
        assert_eq!(taken.len(), 3);
        assert!(matches!(queue.take(&mut taken, Duration::ZERO), Given::Error(_)));
        assert!(matches!(queue.take(&mut taken, Duration::ZERO), Given::End));
    }

    #[test]
    fn packets_of_several_interfaces_come_in_the_order_of_time() {
        let mut batch = Batch::default();
        for (file, nanos) in [(0, 1), (0, 5), (1, 2), (1, 5)] {
            batch.push((Timestamp::from_nanos(nanos), file), LinkType::ETHERNET, 0, &[]);
        }
        batch.sort();
        let order: Vec<_> =
            batch.records.iter().map(|record| (record.time.as_nanos(), record.file)).collect();
        assert_eq!(order, [(1, 0), (2, 1), (5, 0), (5, 1)]);
    }
}
