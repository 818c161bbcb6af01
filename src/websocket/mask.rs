//! Masked payload → plain payload (RFC 6455 §5.3).

/// Unmasks (or masks) `bytes` in place; `offset` is where they begin in the payload of their frame.
pub fn unmask(bytes: &mut [u8], key: [u8; 4], offset: u64) {
    let key = rotated(key, offset);
    let [a, b, c, d] = key;
    let word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut();
    for each in words {
        *each = (u64::from_ne_bytes(*each) ^ word).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

/// The key as it applies from `offset` on.
const fn rotated([a, b, c, d]: [u8; 4], offset: u64) -> [u8; 4] {
    match offset % 4 {
        0 => [a, b, c, d],
        1 => [b, c, d, a],
        2 => [c, d, a, b],
        _ => [d, a, b, c],
    }
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
