//! Paths → bytes as they are stored, counted.

use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::stop::Stop;

/// The bytes of one input as they are stored, before any decompression.
pub(crate) struct Stored {
    reader: Box<dyn Read + Send>,
    progress: Arc<Progress>,
    /// Of a pipe, which can keep silent for ever: what to wait for beside it.
    #[cfg(unix)]
    awaited: Option<(std::os::fd::OwnedFd, Stop)>,
}

/// What the layers above a [`Stored`] have to know of it when a decompressor stands between: how much was
/// read, and whether an error is the operating system's, the end of the file, or the data's own.
#[derive(Default)]
pub(crate) struct Progress {
    read: AtomicU64,
    total: Option<u64>,
    ended: AtomicBool,
    stopped: AtomicBool,
    failure: Mutex<Option<io::Error>>,
}

impl Stored {
    /// Opens a file, or standard input for `-`.
    pub(crate) fn open(path: &str, stop: Option<&Stop>) -> io::Result<Self> {
        if path == "-" {
            return Self::standard_input(stop);
        }
        #[expect(clippy::disallowed_methods, reason = "this is where captures are opened")]
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::IsADirectory,
                "is a directory; name the capture files in it",
            ));
        }
        if !metadata.is_file() {
            return Self::pipe(file, stop);
        }
        Ok(Self::new(file, Some(metadata.len())))
    }

    /// Unbuffered: what a buffer holds back, no wait for more would see.
    #[cfg(unix)]
    fn standard_input(stop: Option<&Stop>) -> io::Result<Self> {
        use std::os::fd::AsFd;
        Self::pipe(File::from(io::stdin().as_fd().try_clone_to_owned()?), stop)
    }

    #[cfg(not(unix))]
    fn standard_input(_stop: Option<&Stop>) -> io::Result<Self> {
        Ok(Self::new(io::stdin(), None))
    }

    #[cfg(unix)]
    fn pipe(file: File, stop: Option<&Stop>) -> io::Result<Self> {
        let awaited = match stop {
            Some(stop) => Some((file.try_clone()?.into(), stop.clone())),
            None => None,
        };
        Ok(Self { awaited, ..Self::new(file, None) })
    }

    #[cfg(not(unix))]
    fn pipe(file: File, _stop: Option<&Stop>) -> io::Result<Self> {
        Ok(Self::new(file, None))
    }

    /// Bytes from `reader`, `total` of them when that is known.
    pub(crate) fn new(reader: impl Read + Send + 'static, total: Option<u64>) -> Self {
        Self {
            reader: Box::new(reader),
            progress: Arc::new(Progress { total, ..Progress::default() }),
            #[cfg(unix)]
            awaited: None,
        }
    }

    /// Waits until there is something to read; the end, where the end is wanted.
    #[cfg(unix)]
    fn wait(&self) -> io::Result<()> {
        use std::os::fd::AsFd;
        let Some((pipe, stop)) = &self.awaited else { return Ok(()) };
        stop.wait_for(&[pipe.as_fd()], None)?;
        self.progress.stopped.store(stop.is_asked(), Ordering::Relaxed);
        Ok(())
    }

    #[cfg(not(unix))]
    const fn wait(&self) -> io::Result<()> {
        Ok(())
    }

    /// Stays valid when the reader itself has gone into a decompressor.
    pub(crate) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }
}

impl Read for Stored {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.wait().and_then(|()| match self.progress.stopped() {
                true => Ok(0),
                false => self.reader.read(out),
            });
            match read {
                Ok(count) => {
                    self.progress.advance(count, out.len());
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.progress.fail(error)),
            }
        }
    }
}

impl Progress {
    /// Bytes read.
    pub(crate) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Size of the file, when it is a regular one.
    pub(crate) const fn total(&self) -> Option<u64> {
        self.total
    }

    /// Whether the last byte was read and more was asked for.
    pub(crate) fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Whether reading ended because the end was wanted, not because there was no more.
    pub(crate) fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// The operating system's error, if it was that which stopped reading.
    pub(crate) fn take_failure(&self) -> Option<io::Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn advance(&self, count: usize, asked: usize) {
        self.read.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
        if count == 0 && asked > 0 {
            self.ended.store(true, Ordering::Relaxed);
        }
    }

    /// Keeps the error for whoever asks, since decompressors wrap or replace it, and gives them a stand-in.
    fn fail(&self, error: io::Error) -> io::Error {
        let stand_in = error.kind().into();
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        stand_in
    }
}
