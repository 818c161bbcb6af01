//! Memory that will be read soon → on its way to the processor, which goes on meanwhile.

use std::ops::Range;
use std::slice;

use prefetch_index::prefetch_index;

/// Asks for the cache lines of some bytes of a value that has `field` at this offset; both begin at multiples of the field's size.
/// Between two packets of a connection come those of many others, so that nothing of it is at hand.
#[inline(always)]
pub(crate) fn fetch<Field>(field: &Field, offset: usize, bytes: Range<usize>) {
    places(bytes).for_each(|byte| {
        // Places beside the slice are fine: nothing is read.
        let place = (byte / size_of::<Field>()).wrapping_sub(offset / size_of::<Field>());
        prefetch_index(slice::from_ref(field), place);
    });
}

/// One byte at least of each line, wherever lines begin. Where the bounds are constants, so are these: an instruction each.
#[inline(always)]
fn places(bytes: Range<usize>) -> impl Iterator<Item = usize> {
    let last = (!bytes.is_empty()).then(|| bytes.end - 1);
    (0..bytes.len().div_ceil(LINE)).map(move |line| bytes.start + line * LINE).chain(last)
}

/// Bytes in a cache line.
const LINE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_the_bytes_is_asked_for_and_no_other() {
        for (start, length) in
            (0..200).step_by(8).flat_map(|start| (0..400).map(move |length| (start, length)))
        {
            for first in (0..LINE).step_by(8) {
                let line = |byte: usize| (first + byte) / LINE;
                let mut asked: Vec<usize> = places(start..start + length).map(line).collect();
                asked.dedup();
                let wanted: Vec<usize> =
                    if length == 0 { vec![] } else { (line(start)..=line(start + length - 1)).collect() };
                assert_eq!(asked, wanted, "{start} {length} {first}");
            }
        }
    }
}
