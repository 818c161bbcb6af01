//! A line with room for the id of its connection → the line.

use crate::decimal::Short;
use crate::event::ConnectionId;
use crate::report::view::message::BEFORE_ID;

/// What stands in a line where the id belongs, as long as that is not known.
pub(in crate::report::view) const ROOM_FOR_ID: &[u8; MOST] = &[b' '; MOST];

/// The line with the id at the end of its room, which begins behind so many bytes: these are moved up to it, so that the line is in one
/// piece. What stood first in the text is of no use then.
#[inline]
pub(in crate::report) fn numbered(text: &mut [u8], before_id: usize, id: ConnectionId) -> &[u8] {
    let Some(room) = text.get_mut(before_id..).and_then(<[u8]>::first_chunk_mut) else { return text };
    let unused = MOST - fill(room, id);
    match text.first_chunk::<BEFORE_ID>() {
        // A message's, as most are: where the size is known, to copy is two instructions.
        Some(beginning) if before_id == BEFORE_ID => {
            let beginning = *beginning;
            let place = text.get_mut(unused..).and_then(<[u8]>::first_chunk_mut);
            place.into_iter().for_each(|place| *place = beginning);
        }
        _ => text.copy_within(..before_id, unused),
    }
    text.get(unused..).unwrap_or_default()
}

/// Ends the room with the digits of the id. How many are they?
fn fill(room: &mut [u8; MOST], ConnectionId(id): ConnectionId) -> usize {
    if let (Some(Short { digits, count }), Some(end)) = (Short::of(id), room.last_chunk_mut()) {
        *end = (u64::from_le_bytes(digits) << (8 * (8 - count))).to_le_bytes();
        return count;
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(id).as_bytes();
    room.iter_mut().rev().zip(digits.iter().rev()).for_each(|(place, digit)| *place = *digit);
    digits.len()
}

/// The digits that the largest id has.
const MOST: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_any_size_stands_between_what_was_before_and_behind_its_room() {
        let ids = (0..20).map(|exponent| 10_u64.pow(exponent)).flat_map(|power| [power - 1, power]);
        for id in ids.chain([u64::MAX]) {
            for before in [
                "",
                "a",
                "{\"event\":\"message\",\"connection\":",
                "{\"event\":\"finding\",\"rule\":\"a-long-one\",\"connection\":",
            ] {
                let mut text = [before.as_bytes(), ROOM_FOR_ID, b",behind"].concat();
                let line = numbered(&mut text, before.len(), ConnectionId(id));
                assert_eq!(line, format!("{before}{id},behind").as_bytes());
            }
        }
    }
}
