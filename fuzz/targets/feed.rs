//! Bytes → choices, and pieces of all sizes.

/// Takes numbers and bytes off the front; zeros and nothing at the end.
pub(super) struct Feed<'a>(pub(super) &'a [u8]);

impl<'a> Feed<'a> {
    pub(super) fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    pub(super) fn half(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    pub(super) fn word(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    /// As many as there are of so many.
    pub(super) fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.take(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }
}

/// `bytes` in pieces whose sizes follow from `seed`: some of one byte, some of many.
pub(super) fn pieces(bytes: &[u8], seed: u8) -> Vec<&[u8]> {
    let mut feed = Feed(bytes);
    let mut state = u32::from(seed);
    let mut pieces = Vec::new();
    while !feed.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let size = [1, 1, 2, 3, 5, 13, 64, 700][(state >> 29) as usize];
        pieces.push(feed.take(size));
    }
    pieces
}
