//! What came out of a stream → as much of it as what follows can refer to.

/// The last bytes that came out, in a ring: of what comes, only so much is written.
#[derive(Debug, Default)]
pub(super) struct History {
    bytes: Vec<u8>,
    /// Where the oldest of them is, once the ring is closed.
    oldest: usize,
}

impl History {
    /// Puts `plain` behind what came before; no more than `most` bytes are kept.
    pub(super) fn push(&mut self, plain: &[u8], most: usize) {
        let plain = plain.get(plain.len().saturating_sub(most)..).unwrap_or_default();
        if self.bytes.len() != most {
            self.open(most);
        }
        let (behind, mut rest) = plain.split_at_checked(most - self.bytes.len()).unwrap_or((plain, &[]));
        self.append(behind, most);
        while !rest.is_empty() {
            let room = self.bytes.len().saturating_sub(self.oldest);
            let (now, later) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            let places = self.bytes.get_mut(self.oldest..).and_then(|places| places.get_mut(..now.len()));
            places.into_iter().for_each(|places| places.copy_from_slice(now));
            self.oldest = (self.oldest + now.len()) % most;
            rest = later;
        }
    }

    /// What there is: the older part, then the newer one.
    pub(super) fn parts(&self) -> [&[u8]; 2] {
        let (newer, older) = self.bytes.split_at_checked(self.oldest).unwrap_or_default();
        [older, newer]
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.oldest = 0;
    }

    /// Bytes of memory that it takes beside itself.
    pub(super) const fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// Makes it a list again, oldest first, of no more than `most`.
    fn open(&mut self, most: usize) {
        self.bytes.rotate_left(self.oldest);
        self.oldest = 0;
        let gone = self.bytes.len().saturating_sub(most);
        self.bytes.drain(..gone);
    }

    fn append(&mut self, plain: &[u8], most: usize) {
        let wanted = self.bytes.len() + plain.len();
        if wanted > self.bytes.capacity() {
            let capacity = wanted.max(2 * self.bytes.capacity()).min(most);
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(plain);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_last_bytes_are_kept_in_order_whatever_their_number(
            pushes in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..40), 1_usize..24), 0..20)
        ) {
            let (mut history, mut all) = (History::default(), Vec::new());
            for (plain, most) in pushes {
                history.push(&plain, most);
                all.extend_from_slice(&plain);
                let gone = all.len().saturating_sub(most);
                all.drain(..gone);
                prop_assert_eq!(history.parts().concat(), all.as_slice());
            }
        }
    }

    #[test]
    fn it_takes_no_more_memory_than_it_may_keep() {
        let mut history = History::default();
        history.push(&[1; 3], 100);
        assert_eq!(history.memory(), 3);
        (0..40).for_each(|n| history.push(&[n; 7], 100));
        assert_eq!(history.memory(), 100);
        history.clear();
        assert!(history.is_empty());
    }
}
