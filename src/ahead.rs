//! Memory that will be read soon → on its way to the processor, which goes on meanwhile.

use std::ops::Range;
use std::slice;

use prefetch_index::prefetch_index;

/// Asks for the cache lines of some bytes, at least one, of a value that has `field`, a small number, at this offset. Between two
/// packets of a connection come those of many others, so that nothing of it is at hand.
#[inline(always)]
pub(crate) fn fetch<Field>(field: &Field, offset: usize, bytes: Range<usize>) {
    // Places beside the slice are fine: nothing is read.
    let ask = |byte: usize| {
        let place = (byte / size_of::<Field>()).wrapping_sub(offset / size_of::<Field>());
        prefetch_index(slice::from_ref(field), place);
    };
    // Where the bounds are constants, so is each of these: an instruction each.
    (0..bytes.len().div_ceil(LINE)).for_each(|line| ask(bytes.start + line * LINE));
    ask(bytes.end - 1);
}

/// Bytes in a cache line.
const LINE: usize = 64;

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    #[test]
    fn a_value_is_only_looked_at() {
        struct Value {
            before: [u64; 20],
            field: u64,
            behind: [u64; 20],
        }
        let value = Value { before: [1; 20], field: 2, behind: [3; 20] };
        fetch(&value.field, offset_of!(Value, field), 0..size_of::<Value>());
        assert_eq!((value.before, value.field, value.behind), ([1; 20], 2, [3; 20]));
    }
}
