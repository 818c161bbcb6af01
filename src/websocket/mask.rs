//! Masked payload → plain payload (RFC 6455 §5.3).

/// Unmasks (or masks) `bytes` in place; `offset` is where they begin in the payload of their frame.
pub fn unmask(bytes: &mut [u8], key: [u8; 4], offset: u64) {
    unmask_and_look(bytes, rotated(key, offset));
}

/// Unmasks a whole payload. Is all of it ASCII, with no NUL? Most text is, and needs no other look.
#[inline]
pub(super) fn unmask_and_look(bytes: &mut [u8], key: [u8; 4]) -> bool {
    unmask_lanes::<4>(bytes, key)
        .or_else(|| unmask_lanes::<1>(bytes, key))
        .unwrap_or_else(|| unmask_few(bytes, key))
}

/// So many words at once; `None` where there are not as many.
#[inline]
fn unmask_lanes<const WORDS: usize>(bytes: &mut [u8], key: [u8; 4]) -> Option<bool> {
    let length = bytes.len();
    let last = *bytes.as_rchunks().1.last_chunk::<WORDS>()?;
    let mut seen = [0; WORDS];
    for lane in bytes.as_chunks_mut().0.as_chunks_mut().0 {
        unmask_lane(lane, key, &mut seen);
    }
    // The last lane overlaps the one before it.
    if let Some(place) = bytes.as_rchunks_mut().1.last_chunk_mut() {
        *place = last;
        unmask_lane(place, rotated(key, length as u64), &mut seen);
    }
    Some(is_plain(seen.into_iter().fold(0, |all, seen| all | seen)))
}

#[inline]
fn unmask_lane<const WORDS: usize>(lane: &mut [[u8; 8]; WORDS], key: [u8; 4], seen: &mut [u64; WORDS]) {
    let key = u64::from(u32::from_ne_bytes(key));
    for (word, seen) in lane.iter_mut().zip(seen) {
        let plain = u64::from_ne_bytes(*word) ^ (key << 32 | key);
        *seen |= seen_in(plain);
        *word = plain.to_ne_bytes();
    }
}

#[cold]
fn unmask_few(bytes: &mut [u8], key: [u8; 4]) -> bool {
    let mut seen = 0;
    for (byte, key) in bytes.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
        seen |= seen_in(u64::from_ne_bytes([*byte; 8]));
    }
    is_plain(seen)
}

/// The highest bits are set where a byte is no ASCII, or NUL.
const fn seen_in(word: u64) -> u64 {
    word | word.wrapping_sub(ONES)
}

const fn is_plain(seen: u64) -> bool {
    seen & (ONES << 7) == 0
}

/// 1 in each byte.
const ONES: u64 = u64::MAX / 0xff;

/// The key as it applies from `offset` on.
const fn rotated(key: [u8; 4], offset: u64) -> [u8; 4] {
    let bits = match offset % 4 {
        0 => 0,
        1 => 8,
        2 => 16,
        _ => 24,
    };
    u32::from_le_bytes(key).rotate_right(bits).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_masked_hello_of_rfc_6455_is_read() {
        // RFC 6455 §5.7
        let mut payload = [0x7f, 0x9f, 0x4d, 0x51, 0x58];
        unmask(&mut payload, [0x37, 0xfa, 0x21, 0x3d], 0);
        assert_eq!(&payload, b"Hello");
    }

    proptest! {
        #[test]
        fn a_whole_payload_is_unmasked_as_its_parts_are(
            text in prop_oneof!["[ -~]{0,80}", "[\\x00-\\x7f]{0,80}", ".{0,30}"],
            key: [u8; 4],
        ) {
            let mut masked = text.clone().into_bytes();
            unmask(&mut masked, key, 0);
            let is_plain = unmask_and_look(&mut masked, key);
            prop_assert_eq!(&masked, text.as_bytes());
            prop_assert_eq!(is_plain, text.is_ascii() && !text.contains('\0'));
        }

        #[test]
        fn words_give_what_single_bytes_give(
            bytes in prop::collection::vec(any::<u8>(), 0..100),
            key: [u8; 4],
            offset: u64,
        ) {
            let offset = offset >> 1;
            let by_byte: Vec<u8> =
                bytes.iter().zip(offset..).map(|(byte, i)| byte ^ key[(i % 4) as usize]).collect();
            let mut by_word = bytes;
            unmask(&mut by_word, key, offset);
            prop_assert_eq!(by_word, by_byte);
        }
    }
}
