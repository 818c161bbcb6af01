//! Messages that were written → room for those that come.

use std::cell::RefCell;

use super::Message;

thread_local! {
    /// Most messages are written soon after they came, by the same thread: their memory is still at hand.
    #[expect(clippy::vec_box, reason = "they go from one owner to the next as they are")]
    static SPARE: RefCell<Vec<Box<Message>>> = const { RefCell::new(Vec::new()) };
}

impl Message {
    /// A message of which nothing is known, for one that is all here. Its payload may have room, where messages are given
    /// [back](Self::spare): one that stays open must not keep that, since nobody counts it.
    #[inline]
    pub(super) fn fresh() -> Box<Self> {
        SPARE.with_borrow_mut(Vec::pop).unwrap_or_default()
    }

    /// Nobody needs it any more.
    pub(crate) fn spare(mut self: Box<Self>) {
        let mut payload = std::mem::take(&mut self.payload);
        if payload.capacity() > MOST_ROOM {
            return;
        }
        payload.clear();
        *self = Self { payload, ..Self::default() };
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < MOST {
                spare.push(self);
            }
        });
    }
}

/// As many as wait to be written, with some to spare.
const MOST: usize = 8;

/// Room of a payload that is worth keeping.
const MOST_ROOM: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_in_the_place_of_another_has_nothing_of_it() {
        let length = 7;
        Box::new(Message { length, payload: vec![1; 100], unfinished: true, ..Message::default() }).spare();
        let next = Message::fresh();
        assert_eq!((&*next, next.payload.capacity()), (&Message::default(), 100));
        Box::new(Message { payload: vec![1; MOST_ROOM + 1], ..Message::default() }).spare();
        assert_eq!(Message::fresh().payload.capacity(), 0);
    }
}
