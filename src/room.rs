//! Room for more values → from the allocator, without a lock where that is possible.

/// Gives `values`, which are no more than `room`, room for so many; takes some away only where that is little. `Vec` changes the size
/// of its memory, for which the C library locks all that other threads took from the same arena (glibc 2.36). Of small memory each
/// thread keeps some, to give and take without.
pub(crate) fn set<Value: Copy>(values: &mut Vec<Value>, room: usize) {
    if room.saturating_mul(size_of::<Value>()) > SMALL {
        // To move much would take longer.
        values.reserve_exact(room.saturating_sub(values.len()));
        return;
    }
    let mut moved = Vec::with_capacity(room);
    moved.extend_from_slice(values);
    *values = moved;
}

/// What a thread keeps of what it gave back, in bytes (`tcache_max_bytes`).
const SMALL: usize = 1032;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_and_there_is_room_for_as_many_as_asked_for() {
        for rooms in [[0, 1, 5], [100, 20, 3], [3, 300, 30_000]] {
            let mut values = vec![7, 8, 9];
            for room in rooms {
                let room = room.max(values.len());
                set(&mut values, room);
                assert_eq!(values, [7, 8, 9]);
                assert!((room..2 * room).contains(&values.capacity()), "{} for {room}", values.capacity());
            }
        }
    }
}
