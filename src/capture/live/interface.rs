//! One interface, as libpcap captures it.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use pcap::{Active, Capture, Precision};

use super::queue::{Batch, Statistics};
use crate::capture::CaptureError;
use crate::packet::{LinkType, NANOS_PER_SECOND, Timestamp};

/// How interfaces are captured.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A filter in the language of pcap-filter(7); empty for all packets.
    pub filter: String,
    /// Bytes captured of each packet.
    pub snap_length: u32,
    /// Does the card pass on what is meant for others?
    pub promiscuous: Promiscuous,
    /// Bytes of the kernel's buffer, for each interface.
    pub buffer: u32,
    /// When the kernel passes packets on.
    pub delivery: Delivery,
    /// What happens when an interface goes away, or is not there yet.
    pub absence: Absence,
}

/// Which packets a card passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promiscuous {
    /// Those of this machine.
    No,
    /// All that it sees.
    Yes,
}

/// When the kernel passes packets on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Several together, 50 ms late at most.
    Together,
    /// Each as it comes. Takes a slot of the snap length for each packet, so that the buffer holds few.
    Immediate,
}

/// What happens when an interface goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// Its capture ends.
    Ends,
    /// It is waited for.
    IsWaitedFor,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            filter: String::new(),
            snap_length: SNAP_LENGTH,
            promiscuous: Promiscuous::No,
            buffer: BUFFER,
            delivery: Delivery::Together,
            absence: Absence::Ends,
        }
    }
}

/// An open interface.
pub(super) struct Interface {
    capture: Capture<Active>,
    name: String,
    link: LinkType,
    /// What the kernel has said to have dropped, of 32 bits.
    dropped: u32,
}

/// What reading came to.
pub(super) enum Reading {
    /// Nothing is left for now.
    Empty,
    /// The batch is full.
    Full,
}

impl Interface {
    pub(super) fn open(name: &str, settings: &Settings) -> Result<Self, CaptureError> {
        let failed = |error: pcap::Error| CaptureError::Interface {
            name: name.to_owned(),
            cause: cause(name, &error),
        };
        let capture = Capture::from_device(name)
            .map_err(failed)?
            .snaplen(i32::try_from(settings.snap_length).unwrap_or(i32::MAX))
            .promisc(settings.promiscuous == Promiscuous::Yes)
            .buffer_size(i32::try_from(settings.buffer).unwrap_or(i32::MAX))
            .timeout(i32::try_from(DELAY.as_millis()).unwrap_or(i32::MAX))
            .immediate_mode(settings.delivery == Delivery::Immediate)
            .precision(Precision::Nano)
            .open()
            .and_then(Capture::setnonblock);
        let mut capture = capture.map_err(failed)?;
        if !settings.filter.is_empty() {
            let refused = |error| CaptureError::Interface {
                name: name.to_owned(),
                cause: format!("filter {:?}: {}", settings.filter, said(name, &error)),
            };
            capture.filter(&settings.filter, true).map_err(refused)?;
        }
        let link = u16::try_from(capture.get_datalink().0).map_or(LinkType(u16::MAX), link_type);
        Ok(Self { capture, name: name.to_owned(), link, dropped: 0 })
    }

    /// Takes packets as long as there are some and the batch has room.
    pub(super) fn read(&mut self, file: u16, batch: &mut Batch) -> Result<Reading, CaptureError> {
        while !batch.is_full() {
            match self.capture.next_packet() {
                Ok(packet) => {
                    let time = time(packet.header.ts.tv_sec, packet.header.ts.tv_usec);
                    let length = usize::try_from(packet.header.len).unwrap_or(usize::MAX);
                    batch.push((time, file), self.link, length, packet.data);
                }
                Err(pcap::Error::TimeoutExpired | pcap::Error::NoMorePackets) => return Ok(Reading::Empty),
                Err(error) => {
                    let cause = format!("the capture ended: {}", said(&self.name, &error));
                    return Err(CaptureError::Interface { name: self.name.clone(), cause });
                }
            }
        }
        Ok(Reading::Full)
    }

    /// Counts what the kernel dropped since the last time.
    pub(super) fn count_drops(&mut self, place: usize, statistics: &Statistics) {
        if let Ok(now) = self.capture.stats() {
            statistics.kernel_dropped(place, now.dropped.wrapping_sub(self.dropped).into());
            self.dropped = now.dropped;
        }
    }
}

impl AsFd for Interface {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.capture.as_fd()
    }
}

/// libpcap's `DLT_` values are the `LINKTYPE_` values of files, but for raw IP, whose value differs between systems.
const fn link_type(data_link: u16) -> LinkType {
    match data_link {
        12 | 14 => LinkType::RAW,
        other => LinkType(other),
    }
}

/// With the precision that was asked for, the second part is in nanoseconds.
fn time(seconds: impl Into<i64>, fraction: impl Into<i64>) -> Timestamp {
    Timestamp::from_nanos(seconds.into().saturating_mul(NANOS_PER_SECOND)).saturating_add(fraction.into())
}

/// In one line: why an interface can't be opened, and what to do.
fn cause(name: &str, error: &pcap::Error) -> String {
    let said = said(name, error);
    let lower = said.to_lowercase();
    if lower.contains("permission") || lower.contains("not permitted") {
        return format!("{said}; {}", super::list::privileges());
    }
    if lower.contains("no such device") {
        return format!("{said}; `wspect interfaces` lists those that there are");
    }
    said
}

/// What libpcap says, in one line and without the name, which stands before it anyway.
fn said(name: &str, error: &pcap::Error) -> String {
    let text = match error {
        pcap::Error::PcapError(text) => text.clone(),
        other => other.to_string(),
    };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.strip_prefix(name).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&text).to_owned()
}

/// The largest that libpcap takes: whole packets, also where the card has joined several.
const SNAP_LENGTH: u32 = 262_144;
/// Half a second of 0.5 Gbit/s, in which the reading thread may get no processor.
const BUFFER: u32 = 32 << 20;
/// Packets are passed on together, at most so late. Shorter costs a wake-up each time, longer is seen.
pub(super) const DELAY: Duration = Duration::from_millis(50);
