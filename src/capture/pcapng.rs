//! pcapng: bytes → records, section after section, each with its byte order and its interfaces.

use std::ops::Range;

use nom::number::Endianness;

use super::block::{self, BlockPacket, Kind, Options};
use super::interface::{Clock, Interface, add};
use super::record::{Garbage, Item, Parsed, Record, length};
use crate::packet::{CaptureSecrets, LinkType, Timestamp};

/// A pcapng file whose first section header was read.
#[derive(Clone, Debug)]
pub(crate) struct Pcapng {
    order: Endianness,
    /// Of this section; a packet names its own by place.
    interfaces: Vec<Interface>,
    /// Lost in the sections before this one.
    lost_before: Option<u64>,
    secrets: Vec<CaptureSecrets>,
    secret_bytes: usize,
    /// Length of a block whose body was stepped over, so that its end is next.
    skipped: Option<u32>,
    last_time: Timestamp,
    packet_limit: usize,
}

impl Pcapng {
    /// Whether a file that begins so is meant to be pcapng.
    pub(crate) fn begins(window: &[u8]) -> bool {
        window.starts_with(&Kind::SECTION_HEADER.0.to_be_bytes())
    }

    /// Reads the first section header. Packets longer than `packet_limit` will be taken for garbage.
    pub(crate) fn header(input: &[u8], packet_limit: usize) -> Parsed<'_, Self> {
        let mut file = Self {
            order: Endianness::Little,
            interfaces: Vec::new(),
            lost_before: None,
            secrets: Vec::new(),
            secret_bytes: 0,
            skipped: None,
            last_time: Timestamp::default(),
            packet_limit,
        };
        let (rest, _) = file.section(input)?;
        Ok((rest, file))
    }

    /// Reads one block.
    pub(crate) fn next<'a>(&mut self, input: &'a [u8]) -> Parsed<'a, Item> {
        if let Some(total) = self.skipped {
            let (rest, ()) = block::trailer(input, self.order, total)?;
            self.skipped = None;
            return Ok((rest, Item::Other));
        }
        let (rest, (kind, total)) = match block::head(input, self.order) {
            // A section may change the byte order, so its header stands for itself.
            _ if Self::begins(input) => return self.section(input),
            head => head?,
        };
        if !self.wanted(kind, total) {
            self.skipped = Some(total);
            return Ok((rest, Item::Skip(block::body_length(total))));
        }
        self.bounded(total)?;
        let (rest, body) = block::body(rest, self.order, total)?;
        let item = self.block(kind, body)?;
        Ok((rest, item))
    }

    /// Packets that interfaces and the kernel dropped, by the file's own count.
    pub(crate) fn dropped(&self) -> Option<u64> {
        self.interfaces.iter().map(|interface| interface.losses.total()).fold(self.lost_before, add)
    }

    /// The secrets read so far.
    pub(crate) fn secrets(&self) -> &[CaptureSecrets] {
        &self.secrets
    }

    /// Begins a section: the interfaces of the one before are gone.
    fn section<'a>(&mut self, input: &'a [u8]) -> Parsed<'a, Item> {
        let (_, order) = block::section_order(input)?;
        let (rest, (_, total)) = block::head(input, order)?;
        self.bounded(total)?;
        let (rest, body) = block::body(rest, order, total)?;
        block::section_version(body, order)?;
        self.order = order;
        self.lost_before = self.dropped();
        self.interfaces.clear();
        Ok((rest, Item::Other))
    }

    /// Whether a block is worth holding. Blocks of names, unknown and oversized ones are stepped over.
    fn wanted(&self, kind: Kind, total: u32) -> bool {
        match kind {
            Kind::INTERFACE | Kind::PACKET | Kind::SIMPLE_PACKET | Kind::ENHANCED_PACKET => true,
            Kind::SECRETS => length(total) <= MAX_SECRETS.saturating_sub(self.secret_bytes),
            Kind::STATISTICS => length(total) <= MAX_OPTIONS,
            _ => false,
        }
    }

    fn bounded(&self, total: u32) -> Result<(), nom::Err<Garbage>> {
        if length(total) > self.packet_limit.saturating_add(MAX_OPTIONS) {
            return Garbage::found(format!("a block of {total} bytes"));
        }
        Ok(())
    }

    fn block(&mut self, kind: Kind, body: &[u8]) -> Result<Item, nom::Err<Garbage>> {
        match kind {
            Kind::INTERFACE => self.interface(body)?,
            Kind::STATISTICS => self.statistics(body),
            Kind::SECRETS => self.keep_secrets(body),
            Kind::PACKET => return self.packet(block::packet(body, self.order)?),
            Kind::SIMPLE_PACKET => {
                let snap_length = self.interfaces.first().map_or(0, |interface| interface.snap_length);
                return self.packet(block::simple_packet(body, self.order, snap_length)?);
            }
            _ => return self.packet(block::enhanced_packet(body, self.order)?),
        }
        Ok(Item::Other)
    }

    /// Keeps the interface; packets of one beyond the bound have no known link type.
    fn interface(&mut self, body: &[u8]) -> Result<(), nom::Err<Garbage>> {
        let (_, interface) = Interface::parse(body, self.order)?;
        if self.interfaces.len() < MAX_INTERFACES {
            self.interfaces.push(interface);
        }
        Ok(())
    }

    fn statistics(&mut self, body: &[u8]) {
        let Ok((options, id)) = block::statistics(body, self.order) else { return };
        if let Some(interface) = self.interfaces.get_mut(length(id)) {
            interface.losses.statistics(Options::new(options, self.order), self.order);
        }
    }

    fn keep_secrets(&mut self, body: &[u8]) {
        if let Ok((_, (kind, data))) = block::secrets(body, self.order) {
            self.secret_bytes = self.secret_bytes.saturating_add(body.len());
            self.secrets.push(CaptureSecrets { kind, data: data.to_vec() });
        }
    }

    /// A packet of an interface that was never described is a packet all the same.
    fn packet(&mut self, (options, packet): (&[u8], BlockPacket)) -> Result<Item, nom::Err<Garbage>> {
        if packet.data.len() > self.packet_limit {
            return Garbage::found(format!("a packet of {} bytes", packet.data.len()));
        }
        let interface = self.interfaces.get_mut(length(packet.interface));
        let clock = interface.as_ref().map_or_else(Clock::default, |interface| interface.clock);
        let link = interface.as_ref().map_or(UNKNOWN_LINK, |interface| interface.link);
        if let Some(interface) = interface
            && let Some(count) = drops(&packet, options, self.order)
        {
            interface.losses.before_packet(count);
        }
        self.last_time = packet.ticks.map_or(self.last_time, |ticks| clock.time(ticks));
        Ok(Item::Packet(Record {
            time: self.last_time,
            link,
            original_len: length(packet.original).max(packet.data.len()),
            data: in_window(&packet.data),
        }))
    }
}

/// Lost since the packet before.
fn drops(packet: &BlockPacket, options: &[u8], order: Endianness) -> Option<u64> {
    let said = || Options::new(options, order).find(|&(code, _)| code == EPB_DROPCOUNT);
    packet.drops.map(u64::from).or_else(|| said().and_then(|(_, value)| block::number(value, order)))
}

fn in_window(in_body: &Range<usize>) -> Range<usize> {
    in_body.start.saturating_add(block::HEAD)..in_body.end.saturating_add(block::HEAD)
}

const UNKNOWN_LINK: LinkType = LinkType(u16::MAX);
const EPB_DROPCOUNT: u16 = 4;
/// Room for the options of a block beside its packet: sixteen of the longest.
const MAX_OPTIONS: usize = 1 << 20;
/// Secrets kept of a file. A key log line is some 200 bytes, so this is the keys of 40,000 connections.
const MAX_SECRETS: usize = 16 << 20;
/// Interfaces kept of a section: all that an obsolete Packet Block can name, and far more than any host has.
const MAX_INTERFACES: usize = 1 << 16;
