//! Reports → a slow reader, by a thread of its own, so that analysis never waits for it.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A bounded buffer in front of a terminal, a pipe or a file. What is written in one piece is kept in one piece, or dropped and
/// counted where the reader is too slow. All that is at hand is passed on together, then flushed.
#[derive(Clone)]
pub(super) struct Outlet(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    filled: Condvar,
    emptied: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    dropped: u64,
    /// No packets wait any more: now the writer may.
    patient: bool,
    ended: bool,
    error: Option<io::Error>,
}

/// What stands behind the buffer: writes what came since the last time, which can be nothing, and shows how things stand.
pub(super) trait Display: Send {
    /// Writes and flushes.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Comes every so often, whether there is something to write or not.
    fn tick(&mut self);
}

/// The thread that writes.
pub(super) struct Writing {
    outlet: Outlet,
    thread: JoinHandle<()>,
}

/// Begins to write to `display`.
pub(super) fn open(mut display: impl Display + 'static, on_error: impl FnOnce() + Send + 'static) -> Writing {
    let shared = Shared { state: Mutex::default(), filled: Condvar::new(), emptied: Condvar::new() };
    let outlet = Outlet(Arc::new(shared));
    let of_thread = outlet.clone();
    let thread = thread::spawn(move || of_thread.run(&mut display, on_error));
    Writing { outlet, thread }
}

impl Writing {
    /// For a report to write to.
    pub(super) fn outlet(&self) -> Outlet {
        self.outlet.clone()
    }

    /// From now on the writer waits for its reader, and nothing is dropped; gives how many pieces were.
    pub(super) fn be_patient(&self) -> u64 {
        let mut state = self.outlet.lock();
        state.patient = true;
        state.dropped
    }

    /// Waits until all is written.
    pub(super) fn finish(self) -> io::Result<()> {
        self.outlet.lock().ended = true;
        self.outlet.0.filled.notify_one();
        // A thread that panicked has said so.
        let _ = self.thread.join();
        self.outlet.lock().error.take().map_or(Ok(()), Err)
    }
}

impl Outlet {
    /// Pieces that were dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn run(&self, display: &mut impl Display, on_error: impl FnOnce()) {
        let mut batch = Vec::new();
        loop {
            let ended = {
                let is_idle = |state: &mut State| state.waiting.is_empty() && !state.ended;
                let waited = self.0.filled.wait_timeout_while(self.lock(), TICK, is_idle);
                let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
                std::mem::swap(&mut batch, &mut state.waiting);
                state.ended && batch.is_empty()
            };
            self.0.emptied.notify_one();
            if ended {
                return;
            }
            if !batch.is_empty()
                && let Err(error) = display.write(&batch)
            {
                self.lock().error = Some(error);
                self.0.emptied.notify_one();
                return on_error();
            }
            batch.clear();
            batch.shrink_to(USUAL);
            display.tick();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Outlet {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let has_room = |state: &State| state.waiting.is_empty() || state.waiting.len() + piece.len() <= MOST;
        let mut state = self.lock();
        if state.patient {
            let is_full = |state: &mut State| !has_room(state) && state.error.is_none();
            state = self.0.emptied.wait_while(state, is_full).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(error) = &state.error {
            return Err(error.kind().into());
        }
        if has_room(&state) {
            state.waiting.extend_from_slice(piece);
        } else {
            state.dropped += 1;
        }
        drop(state);
        self.0.filled.notify_one();
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What waits to be written: some hundred thousand lines, seconds of a busy server.
const MOST: usize = 64 << 20;
/// Memory that is kept after a burst.
const USUAL: usize = 1 << 20;
/// Often enough for a status line.
const TICK: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Writes only when it is told to.
    struct Slow(Receiver<()>, Sender<usize>);

    impl Display for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.0.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            self.1.send(bytes.len()).unwrap();
            Ok(())
        }

        fn tick(&mut self) {}
    }

    #[test]
    fn what_a_slow_reader_has_no_room_for_is_dropped_in_whole_pieces_and_counted() {
        let (go, told) = channel();
        let (said, written) = channel();
        let writing = open(Slow(told, said), || {});
        let mut outlet = writing.outlet();
        let piece = vec![b'x'; MOST / 4];
        for _ in 0..20 {
            outlet.write_all(&piece).unwrap();
        }
        let dropped = writing.be_patient();
        assert!((12..=16).contains(&dropped), "{dropped}");
        drop(outlet);
        (0..20).for_each(|_| go.send(()).unwrap());
        writing.finish().unwrap();
        let all: usize = written.try_iter().sum();
        assert_eq!(all, (20 - usize::try_from(dropped).unwrap()) * piece.len());
    }

    #[test]
    fn an_error_reaches_who_writes_and_who_waits() {
        let (go, told) = channel();
        let (said, _written) = channel();
        let (failed, failure) = channel();
        let writing = open(Slow(told, said), move || failed.send(()).unwrap());
        writing.outlet().write_all(b"one").unwrap();
        drop(go);
        failure.recv().unwrap();
        let error = writing.outlet().write_all(b"two").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(writing.finish().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
