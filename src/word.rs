//! Eight bytes as one word: a few instructions look at all of them. What is looked for sets the highest bit of its byte.

/// The word of this byte alone.
pub(crate) const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// With this bit turned, a quotation mark is a space, and all other printable characters of ASCII are higher.
pub(crate) const TURNED: u8 = 0x02;

/// The highest bit of each byte.
pub(crate) const HIGHEST: u64 = each(0x80);
