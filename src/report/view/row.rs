//! Short pieces → bytes that follow each other.

mod text;

use itoa::Buffer;

use crate::decimal::Short;

/// What is written of a line before it is known how long it is. Where each piece goes needs no check, and its size is known when the
/// program is built: a few instructions for each, where to append it to a vector takes several times as many.
pub(in crate::report::view) struct Row<'a> {
    room: &'a mut Room,
    length: usize,
}

/// What rows are written in, one after the other.
pub(in crate::report::view) type Room = [u8; MOST + PIECE];

impl<'a> Row<'a> {
    pub(in crate::report::view) const fn new(room: &'a mut Room) -> Self {
        Self { room, length: 0 }
    }

    #[inline]
    pub(in crate::report::view) fn put<const SIZE: usize>(&mut self, piece: &[u8; SIZE]) {
        self.put_first(SIZE, piece);
    }

    /// So many bytes of a piece. All of it is copied: the next one goes over what is too much.
    #[inline]
    pub(in crate::report::view) fn put_first<const SIZE: usize>(
        &mut self,
        length: usize,
        piece: &[u8; SIZE],
    ) {
        const { assert!(SIZE <= PIECE) };
        debug_assert!(self.length + length <= MOST);
        let start = self.length % MOST;
        if let Some(place) = self.room.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
            *place = *piece;
        }
        self.length = start + length;
    }

    #[inline]
    pub(in crate::report::view) fn number(&mut self, value: u64) {
        match Short::of(value) {
            Some(digits) => self.digits(digits),
            None => {
                let (digits, count) = long(value);
                self.put_first(count, &digits);
            }
        }
    }

    #[inline]
    pub(in crate::report::view) fn digits(&mut self, Short { digits, count }: Short) {
        self.put_first(count, &digits);
    }

    /// A word of the program's own.
    #[inline]
    pub(in crate::report::view) fn word(&mut self, word: &'static str) {
        debug_assert!(self.length + word.len() <= MOST);
        let start = self.length % MOST;
        if let Some(place) = self.room.get_mut(start..start + word.len()) {
            place.copy_from_slice(word.as_bytes());
        }
        self.length = start + word.len();
    }

    /// Where the next piece goes.
    pub(in crate::report::view) const fn length(&self) -> usize {
        self.length
    }

    /// Writes over a byte that was put.
    pub(in crate::report::view) fn replace(&mut self, place: usize, byte: u8) {
        if let Some(place) = self.room.get_mut(place) {
            *place = byte;
        }
    }

    /// Appends all of it, and begins again.
    #[inline]
    pub(in crate::report::view) fn pass_on(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.room.get(..self.length).unwrap_or_default());
        self.length = 0;
    }
}

/// The digits of a large number, and how many. It is not written by a method of the row: what is called by reference can't stay in registers.
#[cold]
fn long(value: u64) -> ([u8; DIGITS], usize) {
    let (mut buffer, mut digits) = (Buffer::new(), [0; DIGITS]);
    let written = buffer.format(value).as_bytes();
    digits.iter_mut().zip(written).for_each(|(digit, of_value)| *digit = *of_value);
    (digits, written.len())
}

/// More than all that stands between two texts of a line takes together; a power of two, so that a remainder is a mask. And the
/// longest piece.
const MOST: usize = 4096;
const PIECE: usize = 64;

/// The most that a number has.
const DIGITS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_and_numbers_follow_each_other() {
        let (mut room, mut out) = ([0; MOST + PIECE], b"before ".to_vec());
        let mut row = Row::new(&mut room);
        row.put(b"a ");
        for number in [0, 7, 10, 99_999_999, 100_000_000, u64::MAX] {
            row.number(number);
            row.put_first(1, b" too much");
        }
        row.pass_on(&mut out);
        row.put(b"b");
        row.pass_on(&mut out);
        assert_eq!(out, b"before a 0 7 10 99999999 100000000 18446744073709551615 b");
    }
}
