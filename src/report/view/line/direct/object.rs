//! Members → the line that they make.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

use serde::Serialize;

use crate::packet::{Clock, Endpoint, PacketRef, Timestamp};
use crate::report::compact::{self, escaped};
use crate::report::view::Files;
use crate::report::view::line::ROOM_FOR_ID;
use crate::report::view::row::Row;

/// A line that is being written: in a row that is passed on where there is something of which the length has no bound. The name of a
/// member comes with all that stands before its value.
pub(super) struct Object<'a> {
    pub(super) row: Row<'a>,
    pub(super) clock: &'a mut Clock,
    pub(super) files: &'a Files,
    pub(super) out: &'a mut Vec<u8>,
}

impl Object<'_> {
    #[inline]
    pub(super) fn put<const SIZE: usize>(&mut self, piece: &[u8; SIZE]) {
        self.row.put(piece);
    }

    #[inline]
    pub(super) fn number<const SIZE: usize>(&mut self, name: &[u8; SIZE], value: u64) {
        self.row.put(name);
        self.row.number(value);
    }

    /// Room for the id of the connection, which is not known yet. Gives back how many bytes stand before it.
    #[inline]
    pub(super) fn id<const SIZE: usize>(&mut self, name: &[u8; SIZE]) -> usize {
        self.row.put(name);
        let before_id = self.row.length();
        self.row.put(ROOM_FOR_ID);
        before_id
    }

    #[inline]
    pub(super) fn known<const SIZE: usize>(&mut self, name: &[u8; SIZE], value: Option<u64>) {
        if let Some(value) = value {
            self.number(name, value);
        }
    }

    /// Absent where there is nothing to count.
    #[inline]
    pub(super) fn counted<const SIZE: usize>(&mut self, name: &[u8; SIZE], count: u64) {
        self.known(name, Some(count).filter(|count| *count > 0));
    }

    #[inline]
    pub(super) fn signed<const SIZE: usize>(&mut self, name: &[u8; SIZE], value: Option<i64>) {
        let Some(value) = value else { return };
        self.row.put(name);
        if value < 0 {
            self.row.put(b"-");
        }
        self.row.number(value.unsigned_abs());
    }

    /// A text of the program's own, in which there is nothing to escape.
    #[inline]
    pub(super) fn word<const SIZE: usize>(&mut self, name: &[u8; SIZE], value: &'static str) {
        self.row.put(name);
        self.row.word(value);
        self.row.put(b"\"");
    }

    #[inline]
    pub(super) fn text<const SIZE: usize>(&mut self, name: &[u8; SIZE], value: &str) {
        self.row.put(name);
        self.content(value);
        self.row.put(b"\"");
    }

    #[inline]
    pub(super) fn known_text<const SIZE: usize>(&mut self, name: &[u8; SIZE], value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// What stands between the quotes of a text.
    pub(super) fn content(&mut self, text: &str) {
        // Calls stand last, so that nothing is kept for what comes behind them.
        if !self.row.short(text.as_bytes()) {
            self.long(text.as_bytes());
        } else if self.row.length() > FULL {
            self.pass_on();
        }
    }

    /// A part of a text in which there is nothing to escape. Where there is text behind it too, that much is copied as well and written
    /// over: of a size that is known, this takes a few instructions.
    #[inline]
    pub(super) fn part(&mut self, text: &str, place: Range<usize>) {
        let length = place.len();
        match text.as_bytes().get(place.start..).and_then(<[u8]>::first_chunk::<PART>) {
            Some(block) if length <= PART => {
                self.row.put_first(length, block);
                if self.row.length() > FULL {
                    self.pass_on();
                }
            }
            _ => self.content(text.get(place).unwrap_or_default()),
        }
    }

    /// A block at a time, up to one for which there is only the general way.
    #[inline(never)]
    fn long(&mut self, text: &[u8]) {
        let Some(end) = text.last_chunk() else { return self.escaped(text) };
        let (blocks, tail) = text.as_chunks();
        for (number, block) in blocks.iter().enumerate() {
            if !self.row.block(block, block.len()) {
                return self.escaped(text.get(number * block.len()..).unwrap_or_default());
            }
            if self.row.length() > FULL {
                self.pass_on();
            }
        }
        if !self.row.block(end, tail.len()) {
            self.escaped(tail);
        }
    }

    fn escaped(&mut self, text: &[u8]) {
        self.pass_on();
        escaped(text, self.out);
    }

    #[inline(never)]
    fn pass_on(&mut self) {
        self.row.pass_on(self.out);
    }

    #[inline]
    pub(super) fn time<const SIZE: usize>(&mut self, name: &[u8; SIZE], time: Timestamp) {
        let (second, fraction) = self.clock.rfc3339(time);
        self.row.put(name);
        self.row.put(second);
        self.row.put(&fraction);
        self.row.put(b"Z\"");
    }

    pub(super) fn packet(&mut self, at: PacketRef) {
        self.number(b",\"packet\":", at.number);
        self.known_text(b",\"file\":\"", self.files.of(at));
    }

    pub(super) fn endpoint<const SIZE: usize>(
        &mut self,
        name: &[u8; SIZE],
        endpoint: Endpoint,
    ) -> io::Result<()> {
        match endpoint.address {
            IpAddr::V4(address) => self.address(name, address),
            IpAddr::V6(address) => self.member(name, &address)?,
        }
        self.number(b",\"port\":", endpoint.port.into());
        self.put(b"}");
        Ok(())
    }

    fn address<const SIZE: usize>(&mut self, name: &[u8; SIZE], address: Ipv4Addr) {
        let [first, others @ ..] = address.octets();
        self.put(name);
        self.number(b"\"", first.into());
        for octet in others {
            self.number(b".", octet.into());
        }
        self.put(b"\"");
    }

    /// An object of members any of which may be absent. There is a comma before each, of which the first gives way to the brace.
    #[inline]
    pub(super) fn object<const SIZE: usize>(&mut self, name: &[u8; SIZE], members: impl FnOnce(&mut Self)) {
        self.row.put(name);
        let brace = self.row.length();
        members(self);
        if self.row.length() == brace {
            self.row.put(b"{");
        }
        self.row.replace(brace, b'{');
        self.row.put(b"}");
    }

    /// A member that is rare enough for the general way.
    pub(super) fn member<const SIZE: usize>(
        &mut self,
        name: &[u8; SIZE],
        value: &impl Serialize,
    ) -> io::Result<()> {
        self.row.put(name);
        self.row.pass_on(self.out);
        Ok(compact::append(value, self.out)?)
    }

    pub(super) fn end<const SIZE: usize>(&mut self, piece: &[u8; SIZE]) {
        self.row.put(piece);
        self.row.pass_on(self.out);
    }
}

/// Most fields of heads are no longer.
const PART: usize = 32;

/// Where a row is passed on behind a text: what comes up to the end of the next one has room then.
pub(super) const FULL: usize = 512;
