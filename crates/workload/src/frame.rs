//! Opcode and payload → one WebSocket frame (RFC 6455 §5.2).

/// What stands in a frame's header beside its length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) fin: bool,
    /// RSV1: the message is compressed.
    pub(crate) compressed: bool,
    pub(crate) opcode: u8,
    pub(crate) masking_key: Option<[u8; 4]>,
}

pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// Appends a frame.
pub(crate) fn write(out: &mut Vec<u8>, header: Header, payload: &[u8]) {
    let mask_bit = if header.masking_key.is_some() { 0x80 } else { 0 };
    out.push(u8::from(header.fin) << 7 | u8::from(header.compressed) << 6 | header.opcode);
    match payload.len() {
        length @ 0..126 => out.push(mask_bit | length as u8),
        length @ 126..0x1_0000 => {
            out.push(mask_bit | 126);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(mask_bit | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    let Some(key) = header.masking_key else {
        out.extend(payload);
        return;
    };
    out.extend(key);
    let (words, rest) = payload.as_chunks::<4>();
    let key_word = u32::from_ne_bytes(key);
    out.extend(words.iter().flat_map(|word| (u32::from_ne_bytes(*word) ^ key_word).to_ne_bytes()));
    out.extend(rest.iter().zip(key).map(|(byte, key)| byte ^ key));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_6455_are_written() {
        // RFC 6455 §5.7
        let frame = |masking_key| {
            let mut out = Vec::new();
            write(&mut out, Header { fin: true, compressed: false, opcode: TEXT, masking_key }, b"Hello");
            out
        };
        assert_eq!(frame(None), [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
        assert_eq!(
            frame(Some([0x37, 0xfa, 0x21, 0x3d])),
            [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
        );
    }

    #[test]
    fn the_length_takes_the_shortest_form() {
        let header = Header { fin: true, compressed: false, opcode: BINARY, masking_key: None };
        for (length, start) in [
            (125, vec![0x82, 125]),
            (126, vec![0x82, 126, 0, 126]),
            (0xffff, vec![0x82, 126, 0xff, 0xff]),
            (0x1_0000, vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut out = Vec::new();
            write(&mut out, header, &vec![0; length]);
            assert_eq!(out[..start.len()], start);
            assert_eq!(out.len(), start.len() + length);
        }
    }
}
