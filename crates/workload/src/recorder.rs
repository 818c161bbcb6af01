//! Ethernet frames → a pcap file in time.

use std::io::{self, Write};

use crate::random::Random;

/// Writes a capture of microsecond resolution, a packet every ten microseconds on average.
#[derive(Debug)]
pub(crate) struct Recorder<W> {
    out: W,
    micros: u64,
    pub(crate) bytes: u64,
    pub(crate) packets: u64,
}

impl<W: Write> Recorder<W> {
    pub(crate) fn begin(mut out: W) -> io::Result<Self> {
        out.write_all(&0xa1b2_c3d4_u32.to_le_bytes())?;
        out.write_all(&[2, 0, 4, 0])?;
        out.write_all(&[0; 8])?;
        out.write_all(&SNAP_LENGTH.to_le_bytes())?;
        out.write_all(&ETHERNET.to_le_bytes())?;
        Ok(Self { out, micros: START, bytes: FILE_HEADER, packets: 0 })
    }

    /// Records a frame; says how many bytes of the file it took.
    pub(crate) fn record(&mut self, frame: &[u8], random: &mut Random) -> io::Result<u64> {
        self.micros += u64::from(random.between(1, 19));
        let length = (frame.len() as u32).to_le_bytes();
        self.out.write_all(&((self.micros / 1_000_000) as u32).to_le_bytes())?;
        self.out.write_all(&((self.micros % 1_000_000) as u32).to_le_bytes())?;
        self.out.write_all(&length)?;
        self.out.write_all(&length)?;
        self.out.write_all(frame)?;
        let taken = RECORD_HEADER + frame.len() as u64;
        self.bytes += taken;
        self.packets += 1;
        Ok(taken)
    }

    /// The time of the last packet.
    pub(crate) const fn micros(&self) -> u64 {
        self.micros
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

const FILE_HEADER: u64 = 24;
const RECORD_HEADER: u64 = 16;
const SNAP_LENGTH: u32 = 262_144;
const ETHERNET: u32 = 1;
/// 2026-01-01, in microseconds.
const START: u64 = 1_767_225_600_000_000;
