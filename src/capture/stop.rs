//! The wish to end a run → whoever waits for packets.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(unix)]
use std::time::Duration;

#[cfg(unix)]
use std::os::{
    fd::{AsFd, BorrowedFd},
    unix::net::UnixStream,
};

/// Ends reading before the input does: a signal, a deadline, or enough of what was looked for. What was captured until
/// then is analysed and reported. Clones are one.
#[derive(Clone, Debug)]
pub struct Stop(Arc<Wish>);

#[derive(Debug)]
struct Wish {
    asked: Arc<AtomicBool>,
    /// What waits for analysis is not wanted any more either.
    at_once: AtomicBool,
    /// Readable from the moment on that the wish is there: nobody ever reads it.
    #[cfg(unix)]
    seen: UnixStream,
    #[cfg(unix)]
    told: UnixStream,
}

impl Stop {
    /// A wish that nobody has yet.
    ///
    /// # Errors
    /// The system has no more file descriptors.
    pub fn new() -> io::Result<Self> {
        #[cfg(unix)]
        let (seen, told) = UnixStream::pair()?;
        Ok(Self(Arc::new(Wish {
            asked: Arc::default(),
            at_once: AtomicBool::new(false),
            #[cfg(unix)]
            seen,
            #[cfg(unix)]
            told,
        })))
    }

    /// Asks to end after the packets that were captured by now.
    pub fn ask(&self) {
        self.0.asked.store(true, Ordering::SeqCst);
        #[cfg(unix)]
        {
            // A full pipe is readable already.
            let _ = io::Write::write(&mut &self.0.told, b"!");
        }
    }

    /// Asks to end without the packets that wait.
    pub fn ask_at_once(&self) {
        self.0.at_once.store(true, Ordering::SeqCst);
        self.ask();
    }

    /// Is the end wanted?
    pub fn is_asked(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// Is it wanted without the packets that wait?
    pub fn is_at_once(&self) -> bool {
        self.0.at_once.load(Ordering::SeqCst)
    }

    /// What [`Stop::is_asked`] looks at, for a signal handler to set.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0.asked)
    }

    /// A handler that sets the flag also writes a byte here, to wake whoever waits.
    ///
    /// # Errors
    /// The system has no more file descriptors.
    #[cfg(unix)]
    pub fn waker(&self) -> io::Result<UnixStream> {
        self.0.told.try_clone()
    }

    /// Waits until one of `sources` can be read, the end is wanted, or `most` has passed.
    #[cfg(unix)]
    pub(crate) fn wait_for(&self, sources: &[BorrowedFd<'_>], most: Option<Duration>) -> io::Result<()> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let watched = sources.iter().copied().chain([self.0.seen.as_fd()]);
        let mut watched: Vec<_> =
            watched.map(|source| PollFd::from_borrowed_fd(source, PollFlags::IN)).collect();
        let most = most.and_then(|most| Timespec::try_from(most).ok());
        rustix::io::retry_on_intr(|| poll(&mut watched, most.as_ref()))?;
        Ok(())
    }
}
