//! What a direction keeps between compressed messages, in bytes, and how to make it less.

use super::{History, Inflater, Reach, Stream, WINDOW};

impl Inflater {
    /// Puts away what is not needed between messages; does nothing while one is open.
    pub(in crate::websocket) fn sleep(&mut self) {
        if self.is_in_message() {
            return;
        }
        self.reach = None;
        let most = self.window();
        match self.stream.take() {
            Some(mut stream) if self.compression.takeover => {
                if self.history == History::Known {
                    // What is kept is known.
                    stream.doubt_no_more();
                }
                stream.put_away(&mut self.asleep, most);
            }
            Some(stream) => stream.spare(),
            None => {}
        }
    }

    /// Forgets what messages may refer to; `false` where that is nothing, or a message is open.
    pub(in crate::websocket) fn forget(&mut self) -> bool {
        self.sleep();
        let forgets = !self.asleep.own.is_empty();
        if forgets {
            self.lose_history();
        }
        forgets
    }

    pub(in crate::websocket) const fn is_awake(&self) -> bool {
        self.stream.is_some()
    }

    /// Would it keep less, asleep, than DEFLATE can refer to?
    pub(in crate::websocket) const fn is_strict(&self) -> bool {
        self.stream.is_some() && (!self.compression.takeover || self.window() < WINDOW)
    }

    /// Bytes of memory.
    pub(in crate::websocket) fn memory(&self) -> usize {
        let stream = self.stream.as_ref().map_or(0, |stream| stream.memory());
        let reach = self.reach.as_ref().map_or(0, |_| Reach::MEMORY);
        let other = self.asleep.other.as_ref().map_or(0, |other| other.memory());
        size_of::<Self>() + stream + reach + self.asleep.own.memory() + other
    }

    const fn is_in_message(&self) -> bool {
        self.stream.is_some() && self.unit.end.is_none()
    }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        self.stream.take().into_iter().for_each(Stream::spare);
    }
}
