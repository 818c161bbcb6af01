use std::io::Read;

use wspect::capture::{Source, from_reader};
use wspect::limits::Limits;
use wspect::packet::{CaptureInfo, PacketRef};

/// A capture file gives the same packets whatever sizes it is read in, none larger than the limit, numbered from 1.
pub fn capture(bytes: &[u8]) {
    let at_once = packets(Slow { bytes: bytes.to_vec(), at: 0, step: usize::MAX });
    let step = 1 + bytes.len() % 7;
    let slowly = packets(Slow { bytes: bytes.to_vec(), at: 0, step });
    if [&at_once, &slowly].iter().any(|file| loses_some(file)) {
        let of = |file: Result<File, String>| file.map(|file| file.packets).unwrap_or_default();
        let (some, others) = (of(at_once), of(slowly));
        assert!(some.iter().zip(&others).all(|(one, other)| one == other), "read {step} bytes at a time");
    } else {
        // What a file is that is no capture is guessed from the bytes at hand.
        assert_eq!(at_once.ok(), slowly.ok(), "read {step} bytes at a time");
    }
}

#[derive(Debug, PartialEq)]
struct File {
    packets: Vec<(PacketRef, u16, usize, Vec<u8>)>,
    inputs: Vec<CaptureInfo>,
}

/// Decoders of compressed data that meet a fault give up what they unpacked of the piece at hand.
fn loses_some(file: &Result<File, String>) -> bool {
    match file {
        Ok(file) => {
            let damages = file.inputs.iter().filter_map(|input| input.damage.as_ref());
            damages.into_iter().any(|damage| damage.detail.contains("data is"))
        }
        Err(error) => error.contains("data: "),
    }
}

fn packets(file: Slow) -> Result<File, String> {
    let limits = Limits { packet: MOST_PACKET, ..Limits::default() };
    let mut source = from_reader("fuzz", file, &limits).map_err(|error| error.to_string())?;
    let mut read = File { packets: Vec::new(), inputs: Vec::new() };
    let mut size = 0;
    while size < MOST_READ {
        let Some(packet) = source.next_packet().map_err(|error| error.to_string())? else { break };
        assert!(packet.data.len() <= MOST_PACKET, "{} bytes", packet.data.len());
        assert_eq!(packet.at.number, read.packets.len() as u64 + 1);
        size += packet.data.len() + 64;
        read.packets.push((packet.at, packet.link.0, packet.original_len, packet.data.to_vec()));
    }
    read.inputs = source.inputs();
    Ok(read)
}

/// A file that gives some bytes at a time.
struct Slow {
    bytes: Vec<u8>,
    at: usize,
    step: usize,
}

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = &self.bytes[self.at..];
        let size = left.len().min(buffer.len()).min(self.step);
        buffer[..size].copy_from_slice(&left[..size]);
        self.at += size;
        Ok(size)
    }
}

const MOST_PACKET: usize = 1 << 20;

/// A compressed file of a few bytes can hold any number of packets.
const MOST_READ: usize = 4 << 20;
