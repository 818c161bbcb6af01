//! A reader → a window of its bytes that slides and grows.

use std::io::{self, Read};

/// The unread bytes at hand. Records are lent out of the window, never copied.
pub(crate) struct Buffer {
    reader: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
}

impl Buffer {
    /// Reads up to `capacity` bytes at a time.
    pub(crate) fn new(reader: Box<dyn Read + Send>, capacity: usize) -> Self {
        Self { reader, bytes: vec![0; capacity.max(1)], start: 0, end: 0, offset: 0 }
    }

    /// All bytes at hand.
    pub(crate) fn window(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Where the window begins, from the first byte of the reader.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads once, so that a live pipe is never waited for longer than it must; gives the number of bytes,
    /// 0 at the end. A window that fills the buffer makes it grow: by what was read, not by what a header
    /// claims, so a lie about a length costs nothing.
    pub(crate) fn fill(&mut self) -> io::Result<usize> {
        self.slide();
        if self.end == self.bytes.len() {
            self.bytes.resize(self.bytes.len().saturating_mul(2), 0);
        }
        let count = self.reader.read(self.bytes.get_mut(self.end..).unwrap_or_default())?;
        self.end = self.end.saturating_add(count).min(self.bytes.len());
        Ok(count)
    }

    /// Steps over `count` bytes of the window.
    pub(crate) fn consume(&mut self, count: usize) {
        let count = count.min(self.end.saturating_sub(self.start));
        self.start = self.start.saturating_add(count);
        self.offset = self.offset.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// Steps over `count` bytes, of which no more than a buffer is held; false when the reader ends before.
    pub(crate) fn skip(&mut self, mut count: usize) -> io::Result<bool> {
        loop {
            let step = count.min(self.window().len());
            self.consume(step);
            count = count.saturating_sub(step);
            if count == 0 {
                return Ok(true);
            }
            if self.fill()? == 0 {
                return Ok(false);
            }
        }
    }

    /// All that is still to come, the window first.
    pub(crate) fn into_reader(self) -> impl Read + Send {
        let window = self.window().to_vec();
        io::Cursor::new(window).chain(self.reader)
    }

    /// Moves the window to the front. It holds less than one record then, and is moved once for it.
    fn slide(&mut self) {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end = self.end.saturating_sub(self.start);
            self.start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Dribble(u8);

    impl Read for Dribble {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            out[0] = self.0;
            Ok(1)
        }
    }

    #[test]
    fn each_fill_reads_once() {
        let mut buffer = Buffer::new(Box::new(Dribble(0)), 64);
        assert_eq!(buffer.fill().unwrap(), 1);
        assert_eq!(buffer.fill().unwrap(), 1);
        assert_eq!(buffer.window(), [1, 2]);
    }

    #[test]
    fn the_window_slides_and_then_grows() {
        let all: Vec<u8> = (0..=255).collect();
        let mut buffer = Buffer::new(Box::new(io::Cursor::new(all.clone())), 8);
        buffer.fill().unwrap();
        buffer.consume(5);
        buffer.fill().unwrap();
        assert_eq!((buffer.window(), buffer.offset()), (&all[5..13], 5));
        buffer.fill().unwrap();
        assert_eq!(buffer.window(), &all[5..21]);
    }

    #[test]
    fn a_skip_beyond_the_buffer_holds_no_more_than_the_buffer() {
        let all: Vec<u8> = (0..=255).collect();
        let mut buffer = Buffer::new(Box::new(io::Cursor::new(all)), 8);
        assert!(buffer.skip(100).unwrap());
        buffer.fill().unwrap();
        assert_eq!((buffer.window().first(), buffer.offset(), buffer.bytes.len()), (Some(&100), 100, 8));
        assert!(!buffer.skip(200).unwrap());
        assert_eq!(buffer.offset(), 256);
    }

    #[test]
    fn what_was_looked_at_is_not_lost_to_the_next_reader() {
        let mut buffer = Buffer::new(Box::new(io::Cursor::new(b"abcdef".to_vec())), 4);
        buffer.fill().unwrap();
        let mut all = String::new();
        buffer.into_reader().read_to_string(&mut all).unwrap();
        assert_eq!(all, "abcdef");
    }
}
