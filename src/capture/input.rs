//! One file → its packets, one at a time.

use std::io;
use std::mem;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::CaptureError;
use super::buffer::Buffer;
use super::compressed::Compression;
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use super::record::{Garbage, Item, Parsed, Record};
use super::stored::{Progress, Stored};
use super::unknown;
use crate::limits::Limits;
use crate::packet::{CaptureDamage, CaptureInfo, DamageKind, Packet, PacketRef, Timestamp};

/// A capture file whose header was read.
pub(crate) struct Input {
    info: CaptureInfo,
    format: Format,
    compression: Option<Compression>,
    buffer: Buffer,
    progress: Arc<Progress>,
    /// The packet to hand out, and how many bytes of the window it takes up with its header.
    head: Option<Record>,
    head_size: usize,
    /// Where the record or block that is being read begins.
    begun_at: u64,
    ended: bool,
}

impl Input {
    /// Reads as far as the file header, `capacity` bytes at a time.
    pub(crate) fn new(
        path: &str,
        stored: Stored,
        limits: &Limits,
        capacity: usize,
    ) -> Result<Self, CaptureError> {
        let progress = stored.progress();
        let mut opening = Opening { path, progress: &progress, compression: None };
        let mut buffer = Buffer::new(Box::new(stored), capacity);
        opening.gather(&mut buffer, LONGEST_MAGIC)?;
        opening.compression = Compression::of(buffer.window());
        if let Some(compression) = opening.compression {
            buffer = Buffer::new(compression.reader(buffer.into_reader()), capacity);
            opening.gather(&mut buffer, LONGEST_MAGIC)?;
        }
        let format = opening.format(&mut buffer, limits.packet)?;
        let compression = opening.compression;
        let info =
            CaptureInfo { path: path.to_owned(), format: format.name(compression), ..CaptureInfo::default() };
        let begun_at = buffer.offset();
        Ok(Self {
            info,
            format,
            compression,
            buffer,
            progress,
            head: None,
            head_size: 0,
            begun_at,
            ended: false,
        })
    }

    /// Steps to the next packet and gives its time, `None` at the end of what can be read.
    pub(crate) fn advance(&mut self) -> Result<Option<Timestamp>, CaptureError> {
        self.head = None;
        self.buffer.consume(mem::take(&mut self.head_size));
        if let Format::Pcap(file) = &self.format
            && let Some((record, size)) = file.whole(self.buffer.window())
        {
            self.lead(record, size);
        }
        while self.head.is_none() && !self.ended {
            self.step()?;
        }
        Ok(self.head.as_ref().map(|record| record.time))
    }

    /// Lends the packet that [`Input::advance`] came to.
    pub(crate) fn lend(&mut self, number: u64, file: u16) -> Option<Packet<'_>> {
        let record = self.head.as_ref()?;
        count(&mut self.info, record.time);
        Some(Packet {
            at: PacketRef { number, time: record.time, file },
            link: record.link,
            original_len: record.original_len,
            data: self.buffer.window().get(record.data.clone())?,
        })
    }

    /// Lends the packets that are at hand, one after the other: what [`advance`](Self::advance) and [`lend`](Self::lend) do together,
    /// where nothing is unusual. Takes and gives the number of the last packet.
    pub(crate) fn for_each_buffered(
        &mut self,
        mut number: u64,
        take: &mut dyn FnMut(&Packet<'_>) -> ControlFlow<()>,
    ) -> u64 {
        let Format::Pcap(file) = &self.format else { return number };
        self.head = None;
        self.buffer.consume(mem::take(&mut self.head_size));
        let mut rest = self.buffer.window();
        let unread = rest.len();
        while let Some((record, size)) = file.whole(rest)
            && let Some((bytes, behind)) = rest.split_at_checked(size)
            && let Some(data) = bytes.get(record.data)
        {
            number = number.saturating_add(1);
            rest = behind;
            let at = PacketRef { number, time: record.time, file: 0 };
            let Record { link, original_len, .. } = record;
            count(&mut self.info, record.time);
            if take(&Packet { at, link, original_len, data }).is_break() {
                break;
            }
        }
        let read = unread.saturating_sub(rest.len());
        self.buffer.consume(read);
        self.begun_at = self.buffer.offset();
        number
    }

    /// What is known by now.
    pub(crate) fn info(&self) -> CaptureInfo {
        let mut info = self.info.clone();
        if let Format::Pcapng(file) = &self.format {
            info.dropped = file.dropped();
            info.secrets = file.secrets().to_vec();
        }
        info
    }

    /// How much of the file was read.
    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Parses what is at hand, or gets more.
    fn step(&mut self) -> Result<(), CaptureError> {
        let window = self.buffer.window();
        match self.format.next(window) {
            Ok((rest, item)) => {
                let size = window.len().saturating_sub(rest.len());
                self.take(item, size)
            }
            Err(nom::Err::Incomplete(_)) => self.fill(),
            Err(nom::Err::Error(Garbage(detail)) | nom::Err::Failure(Garbage(detail))) => {
                self.damage(DamageKind::Garbage, detail.into_owned());
                Ok(())
            }
        }
    }

    /// The packet that stands next, with its record.
    #[inline]
    fn lead(&mut self, record: Record, size: usize) {
        self.begun_at = self.buffer.offset().saturating_add(u64::try_from(size).unwrap_or(u64::MAX));
        self.head_size = size;
        self.head = Some(record);
    }

    fn take(&mut self, item: Item, size: usize) -> Result<(), CaptureError> {
        if let Item::Packet(record) = item {
            self.lead(record, size);
            return Ok(());
        }
        self.buffer.consume(size);
        match item {
            Item::Skip(count) => match self.buffer.skip(count) {
                Ok(true) => Ok(()),
                Ok(false) => {
                    self.end();
                    Ok(())
                }
                Err(error) => self.fault(&error),
            },
            _ => {
                self.begun_at = self.buffer.offset();
                Ok(())
            }
        }
    }

    fn fill(&mut self) -> Result<(), CaptureError> {
        match self.buffer.fill() {
            Ok(0) => self.end(),
            Ok(_) => {}
            Err(error) => return self.fault(&error),
        }
        Ok(())
    }

    /// No more bytes: the end, or a cut where a record has begun.
    fn end(&mut self) {
        self.ended = true;
        if self.progress.stopped() {
            return;
        }
        let begun = !self.buffer.window().is_empty() || self.buffer.offset() > self.begun_at;
        if begun {
            self.damage(DamageKind::Truncated, "the file ends in the middle of a record".to_owned());
        }
    }

    /// The reader failed: an error only where the operating system did, else the compressed data is at fault.
    fn fault(&mut self, error: &io::Error) -> Result<(), CaptureError> {
        self.ended = true;
        if let Some(cause) = self.progress.take_failure() {
            return Err(CaptureError::Io { path: self.info.path.clone(), cause });
        }
        if self.progress.stopped() {
            return Ok(());
        }
        let packing = self.compression.map_or("packed", Compression::name);
        if self.progress.ended() {
            self.damage(DamageKind::Truncated, format!("the {packing} data is cut off"));
        } else {
            self.damage(DamageKind::Garbage, format!("the {packing} data is damaged: {error}"));
        }
        Ok(())
    }

    fn damage(&mut self, kind: DamageKind, detail: String) {
        self.ended = true;
        self.info.damage = Some(CaptureDamage { kind, offset: self.begun_at, detail });
    }
}

fn count(info: &mut CaptureInfo, time: Timestamp) {
    info.packets = info.packets.saturating_add(1);
    info.first_time = Some(info.first_time.map_or(time, |first| first.min(time)));
    info.last_time = Some(info.last_time.map_or(time, |last| last.max(time)));
}

/// Which parser reads the records.
enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl Format {
    fn name(&self, compression: Option<Compression>) -> String {
        let name = match self {
            Self::Pcap(_) => "pcap",
            Self::Pcapng(_) => "pcapng",
        };
        compression.map_or_else(|| name.to_owned(), |compression| format!("{name}.{}", compression.suffix()))
    }

    fn next<'a>(&mut self, window: &'a [u8]) -> Parsed<'a, Item> {
        match self {
            Self::Pcap(file) => file.next(window),
            Self::Pcapng(file) => file.next(window),
        }
    }

    /// `None` where the first bytes are those of neither.
    fn header(window: &[u8], packet_limit: usize) -> Option<Parsed<'_, Self>> {
        if Pcap::begins(window) {
            let parsed = Pcap::header(window, packet_limit);
            return Some(parsed.map(|(rest, file)| (rest, Self::Pcap(file))));
        }
        Pcapng::begins(window).then(|| {
            let parsed = Pcapng::header(window, packet_limit);
            parsed.map(|(rest, file)| (rest, Self::Pcapng(file)))
        })
    }
}

/// A file of which not even the header was read, so that any trouble is the user's to know.
struct Opening<'a> {
    path: &'a str,
    progress: &'a Progress,
    compression: Option<Compression>,
}

impl Opening<'_> {
    /// Reads until the window holds `wanted` bytes or all there are.
    fn gather(&self, buffer: &mut Buffer, wanted: usize) -> Result<(), CaptureError> {
        while buffer.window().len() < wanted && self.fill(buffer)? > 0 {}
        Ok(())
    }

    fn fill(&self, buffer: &mut Buffer) -> Result<usize, CaptureError> {
        buffer.fill().map_err(|error| self.fault(&error))
    }

    /// Reads the file header.
    fn format(&self, buffer: &mut Buffer, packet_limit: usize) -> Result<Format, CaptureError> {
        loop {
            match Format::header(buffer.window(), packet_limit) {
                Some(Ok((rest, format))) => {
                    let size = buffer.window().len().saturating_sub(rest.len());
                    buffer.consume(size);
                    return Ok(format);
                }
                Some(Err(nom::Err::Incomplete(_))) => {
                    if self.fill(buffer)? == 0 {
                        return Err(self.unknown("a capture that is cut off in its file header"));
                    }
                }
                Some(Err(nom::Err::Error(Garbage(detail)) | nom::Err::Failure(Garbage(detail)))) => {
                    return Err(self.unknown(&detail));
                }
                None => {
                    self.gather(buffer, DESCRIBED)?;
                    return Err(self.unknown(&self.described(buffer.window())));
                }
            }
        }
    }

    fn described(&self, first: &[u8]) -> String {
        match (self.path, first) {
            ("-", []) => "standard input ended before anything came".to_owned(),
            _ => unknown::describe(first),
        }
    }

    fn fault(&self, error: &io::Error) -> CaptureError {
        match self.progress.take_failure() {
            Some(cause) => CaptureError::Io { path: self.path.to_owned(), cause },
            None if self.progress.ended() => self.unknown("cut off before a capture begins"),
            None => self.unknown(&format!("damaged: {error}")),
        }
    }

    fn unknown(&self, found: &str) -> CaptureError {
        let found = match self.compression {
            Some(compression) => format!("{} data: {found}", compression.name()),
            None => found.to_owned(),
        };
        CaptureError::UnknownFormat { path: self.path.to_owned(), found }
    }
}

/// Of the magic numbers that are looked for, that of xz.
const LONGEST_MAGIC: usize = 6;
/// Bytes that are waited for to say what a file looks like.
const DESCRIBED: usize = 32;
