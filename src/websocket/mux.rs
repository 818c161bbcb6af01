//! Messages of the multiplexing extension → the channels that they carry (draft-ietf-hybi-websocket-multiplexing-11).

use std::collections::BTreeSet;

use super::Message;

/// The channels of a connection, by the numbers that its messages begin with. What is inside of them is not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channels {
    seen: BTreeSet<u32>,
    more: bool,
}

impl Channels {
    /// Notes the channel of a data message; the control frames are those of the connection itself.
    pub fn note(&mut self, message: &Message) {
        if message.opcode.is_control() || message.first_missing == Some(0) || message.undecoded {
            return;
        }
        let Some(channel) = channel(&message.payload) else { return };
        if self.seen.len() < KEPT {
            self.seen.insert(channel);
        } else {
            self.more |= !self.seen.contains(&channel);
        }
    }

    /// Bytes of memory.
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.seen.len() * 16
    }

    /// In ascending order; 0 carries the control blocks of the extension.
    pub fn seen(&self) -> impl Iterator<Item = u32> {
        self.seen.iter().copied()
    }

    /// Were there more than are kept?
    pub const fn more(&self) -> bool {
        self.more
    }
}

/// 7, 14, 21 or 29 bits, as the first bits say.
fn channel(payload: &[u8]) -> Option<u32> {
    let (size, bits) = match payload.first()? {
        0..0x80 => (1, 7),
        0x80..0xc0 => (2, 14),
        0xc0..0xe0 => (3, 21),
        0xe0.. => (4, 29),
    };
    let number = payload.get(..size)?.iter().fold(0, |number: u32, byte| number << 8 | u32::from(*byte));
    Some(number & !(u32::MAX << bits))
}

/// Channels kept of a connection: more than fit in a line.
const KEPT: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::Opcode;

    fn note(channels: &mut Channels, opcode: Opcode, payload: &[u8]) {
        channels.note(&Message { opcode, payload: payload.into(), ..Message::default() });
    }

    #[test]
    fn a_channel_number_takes_one_to_four_bytes() {
        let mut channels = Channels::default();
        for payload in [&[0x7f, 1][..], &[0x80, 0x80], &[0xc0, 0x40, 0x00], &[0xff; 5], &[0xc0, 0x40], &[]] {
            note(&mut channels, Opcode::BINARY, payload);
        }
        note(&mut channels, Opcode::PING, &[5]);
        assert_eq!(channels.seen().collect::<Vec<_>>(), [127, 128, 1 << 14, (1 << 29) - 1]);
    }

    #[test]
    fn channels_are_kept_up_to_a_bound() {
        let mut channels = Channels::default();
        for channel in 0..=127 {
            note(&mut channels, Opcode::BINARY, &[channel]);
        }
        assert_eq!((channels.seen().count(), channels.more()), (KEPT, true));
    }
}
