//! Memory that will be read soon → on its way to the processor, which goes on meanwhile.

use std::ops::Range;
use std::{ptr, slice};

use prefetch_index::prefetch_index;

/// Asks for the cache lines of some bytes of a value that has `field`, a small number, at this offset. Between two packets of a
/// connection come those of many others, so that nothing of it is at hand.
pub(crate) fn fetch<Field>(field: &Field, offset: usize, bytes: Range<usize>) {
    let place = |byte: usize| byte / size_of::<Field>();
    let address = ptr::from_ref(field).addr().wrapping_sub(offset).wrapping_add(bytes.start);
    // No line more than the bytes lie in.
    let lines = (address % LINE + bytes.len()).div_ceil(LINE);
    for line in 0..lines {
        // Places beside the slice are fine: nothing is read.
        prefetch_index(slice::from_ref(field), place(bytes.start + line * LINE).wrapping_sub(place(offset)));
    }
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
