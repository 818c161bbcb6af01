//! What a direction keeps between compressed messages, in bytes, and how to make it less.

use super::{Inflater, Reach};

impl Inflater {
    /// Puts away what is not needed between messages; does nothing while one is open.
    pub(in crate::websocket) fn sleep(&mut self) {
        if self.is_in_message() {
            return;
        }
        self.reach = None;
        if let Some(stream) = self.stream.take().filter(|_| self.compression.takeover) {
            self.asleep = stream.histories(self.window());
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

    /// Bytes of memory.
    pub(in crate::websocket) fn memory(&self) -> usize {
        let stream = self.stream.as_ref().map_or(0, |stream| stream.memory());
        let reach = self.reach.as_ref().map_or(0, |_| Reach::MEMORY);
        let other = self.asleep.other.as_ref().map_or(0, |other| other.len());
        size_of::<Self>() + stream + reach + self.asleep.own.len() + other
    }

    const fn is_in_message(&self) -> bool {
        self.stream.is_some() && self.unit.end.is_none()
    }
}
