//! Packets → a pcapng file, as Wireshark reads it.

use std::io::{self, Write};

use super::block::Kind;
use crate::packet::{LinkType, Packet};

/// Takes the packets that are worth keeping, in the order of the capture.
pub trait Keep {
    /// Keeps a packet. Who can't says so at the end of the run: no error of a disk ends the analysis.
    fn keep(&mut self, packet: &Packet<'_>);

    /// Nothing comes for now: time to write what is at hand.
    fn pause(&mut self) {}
}

/// Writes one section, its times in nanoseconds, with an interface for each input and link type.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    /// Of the inputs, in their order.
    names: Vec<String>,
    /// Those that were described, by their place.
    interfaces: Vec<(u16, LinkType)>,
    block: Vec<u8>,
    written: u64,
}

impl<W: Write> Writer<W> {
    /// Begins the file.
    ///
    /// # Errors
    /// What `out` says.
    pub fn new(out: W, names: Vec<String>) -> io::Result<Self> {
        let mut writer = Self { out, names, interfaces: Vec::new(), block: Vec::new(), written: 0 };
        writer.begin(Kind::SECTION_HEADER);
        writer.put(&BYTE_ORDER.to_le_bytes());
        writer.put(&[1, 0, 0, 0]); // version 1.0
        writer.put(&UNKNOWN_LENGTH.to_le_bytes());
        writer.option(USER_APPLICATION, concat!("wspect ", env!("CARGO_PKG_VERSION")).as_bytes());
        writer.option(END_OF_OPTIONS, &[]);
        writer.end()?;
        Ok(writer)
    }

    /// Adds a packet.
    ///
    /// # Errors
    /// What `out` says, or that the packet is too long for the format.
    pub fn write(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        let interface = self.interface(packet.at.file, packet.link)?;
        let ticks = u64::try_from(packet.at.time.as_nanos()).unwrap_or_default().to_le_bytes();
        let (low, high) = ticks.split_at(4);
        let length = |length: usize| {
            u32::try_from(length)
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a packet of over 4 GiB"))
        };
        self.begin(Kind::ENHANCED_PACKET);
        self.put(&interface.to_le_bytes());
        self.put(high);
        self.put(low);
        self.put(&length(packet.data.len())?.to_le_bytes());
        self.put(&length(packet.original_len)?.to_le_bytes());
        self.put(packet.data);
        self.end()
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Passes on what was written.
    ///
    /// # Errors
    /// What `out` says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The number of an interface, which is described before its first packet.
    fn interface(&mut self, file: u16, link: LinkType) -> io::Result<u32> {
        let known = self.interfaces.iter().position(|each| *each == (file, link));
        if let Some(place) = known {
            return Ok(u32::try_from(place).unwrap_or(u32::MAX));
        }
        self.begin(Kind::INTERFACE);
        self.put(&link.0.to_le_bytes());
        self.put(&[0; 6]); // reserved, and no limit of length
        if let Some(name) = self.names.get(usize::from(file)).cloned() {
            self.option(INTERFACE_NAME, name.as_bytes());
        }
        self.option(TIME_RESOLUTION, &[NANOSECONDS]);
        self.option(END_OF_OPTIONS, &[]);
        self.end()?;
        self.interfaces.push((file, link));
        Ok(u32::try_from(self.interfaces.len() - 1).unwrap_or(u32::MAX))
    }

    fn begin(&mut self, kind: Kind) {
        self.block.clear();
        self.put(&kind.0.to_le_bytes());
        self.put(&[0; 4]); // the length, which is known at the end
    }

    fn put(&mut self, bytes: &[u8]) {
        self.block.extend_from_slice(bytes);
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
        self.put(&code.to_le_bytes());
        self.put(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
        self.put(value);
        self.pad();
    }

    fn pad(&mut self) {
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    /// Writes the block, its length before and after it.
    fn end(&mut self) -> io::Result<()> {
        self.pad();
        let total = u32::try_from(self.block.len() + 4).unwrap_or(u32::MAX).to_le_bytes();
        self.put(&total);
        if let Some(length) = self.block.get_mut(4..8) {
            length.copy_from_slice(&total);
        }
        self.written += self.block.len() as u64;
        self.out.write_all(&self.block)
    }
}

const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const UNKNOWN_LENGTH: u64 = u64::MAX;
const END_OF_OPTIONS: u16 = 0;
const USER_APPLICATION: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const TIME_RESOLUTION: u16 = 9;
const NANOSECONDS: u8 = 9;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::{Source, from_reader};
    use crate::limits::Limits;
    use crate::packet::{PacketRef, Timestamp};

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            packets in prop::collection::vec((0..3_u16, 0..3_u16, 0..i64::MAX, prop::collection::vec(any::<u8>(), 0..50), 0..9_usize), 0..20)
        ) {
            let names = vec!["eth0".to_owned(), "lo".to_owned()];
            let mut writer = Writer::new(Vec::new(), names).unwrap();
            for (file, link, nanos, data, more) in &packets {
                let at = PacketRef { number: 0, time: Timestamp::from_nanos(*nanos), file: *file };
                let original_len = data.len() + more;
                writer.write(&Packet { at, link: LinkType(*link), original_len, data }).unwrap();
            }
            prop_assert_eq!(writer.written(), writer.out.len() as u64);
            let mut source = from_reader("-", io::Cursor::new(writer.out), &Limits::default()).unwrap();
            for (_, link, nanos, data, more) in &packets {
                let packet = source.next_packet().unwrap().unwrap();
                prop_assert_eq!((packet.link.0, packet.at.time.as_nanos()), (*link, *nanos));
                prop_assert_eq!((packet.data, packet.original_len), (&data[..], data.len() + more));
            }
            prop_assert!(source.next_packet().unwrap().is_none());
            prop_assert_eq!(&source.inputs()[0].damage, &None);
        }
    }
}
