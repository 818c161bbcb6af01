//! What a capture hands out: a packet, its number, its time and its link type.

use std::fmt;
use std::net::IpAddr;

use crate::decimal;

/// Nanoseconds since the Unix epoch on the capture's clock. Negative before 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// No time is later.
    pub const MAX: Self = Self(i64::MAX);

    /// A time from nanoseconds since the Unix epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Nanoseconds from `earlier` to this time; negative when this time is the earlier one.
    pub const fn nanos_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This time and `nanos` more, held at the bounds of the type.
    pub const fn saturating_add(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// `2026-11-21T08:46:00.123456789Z`: RFC 3339, UTC, always nine fractional digits, always 30 bytes
    /// (an `i64` of nanoseconds lies between the years 1677 and 2262).
    pub fn rfc3339(self) -> Rfc3339 {
        Rfc3339::new(self)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rfc3339().as_str())
    }
}

/// The 30 ASCII bytes of a time in RFC 3339, made without allocation: each JSON line carries one.
#[derive(Clone, Copy, Debug)]
pub struct Rfc3339([u8; 30]);

impl Rfc3339 {
    fn new(time: Timestamp) -> Self {
        let seconds = time.0.div_euclid(NANOS_PER_SECOND);
        let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
        let of_day = seconds.rem_euclid(86_400);
        let [[y, e], [a, r]] = [year / 100, year % 100].map(two_digits);
        let [[o, n], [d, t]] = [month, day].map(two_digits);
        let [[h, u], [m, i], [s, c]] = [of_day / 3600, of_day / 60 % 60, of_day % 60].map(two_digits);
        let mut text = Self(*b"0000-00-00T00:00:00.000000000Z");
        let second = [y, e, a, r, b'-', o, n, b'-', d, t, b'T', h, u, b':', m, i, b':', s, c];
        if let Some(start) = text.0.first_chunk_mut() {
            *start = second;
        }
        text.put_fraction(time.0.rem_euclid(NANOS_PER_SECOND));
        text
    }

    fn put_fraction(&mut self, nanos: i64) {
        if let Some((_, fraction)) = self.0.split_first_chunk_mut::<20>()
            && let Some(fraction) = fraction.first_chunk_mut()
        {
            *fraction = nine_digits(nanos);
        }
    }

    /// The text as bytes.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Writes times of which most lie in the same second as the one before: all but the fraction is kept.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    second: i64,
    text: Rfc3339,
}

impl Default for Clock {
    fn default() -> Self {
        Self { second: 0, text: Timestamp::default().rfc3339() }
    }
}

impl Clock {
    /// [`Timestamp::rfc3339`] in two parts: what stands before the digits of the fraction, and these. A `Z` follows.
    #[inline]
    pub fn rfc3339(&mut self, time: Timestamp) -> (&[u8; 20], [u8; 9]) {
        let second = time.0.div_euclid(NANOS_PER_SECOND);
        if second != self.second {
            *self = Self { second, text: time.rfc3339() };
        }
        (self.text.0.first_chunk().unwrap_or(&[0; 20]), nine_digits(time.0.rem_euclid(NANOS_PER_SECOND)))
    }
}

/// The fraction of a second.
#[inline]
fn nine_digits(nanos: i64) -> [u8; 9] {
    let nanos = u32::try_from(nanos).unwrap_or_default();
    let [a, b, c, d, e, f, g, h] = decimal::eight(nanos % decimal::SHORT);
    let first = u8::try_from(nanos / decimal::SHORT).unwrap_or_default();
    [b'0' + first, a, b, c, d, e, f, g, h]
}

/// Nanoseconds in a second.
pub const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Of a value from 0 to 99: all that a time has are.
fn two_digits(value: i64) -> [u8; 2] {
    let value = u8::try_from(value).unwrap_or_default();
    [b'0' + value / 10, b'0' + value % 10]
}

/// Year, month and day of the proleptic Gregorian calendar for a count of days since 1970-01-01. Years are
/// counted from March within 400-year eras, so that the leap day is the last of its year.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Which packet: all that a fact keeps of where it came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketRef {
    /// 1-based over the whole input, as Wireshark (and, for several files, `mergecap`) numbers packets.
    pub number: u64,
    /// When it was captured.
    pub time: Timestamp,
    /// Which input file it came from, counted from 0 in the order of the command line.
    pub file: u16,
}

/// One captured packet, lent by a capture source until the next one is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Its number, time and file.
    pub at: PacketRef,
    /// What `data` begins with.
    pub link: LinkType,
    /// Bytes that were on the wire; more than `data` holds when the snap length cut the packet.
    pub original_len: usize,
    /// The captured bytes, link header first.
    pub data: &'a [u8],
}

/// A `LINKTYPE_` value as pcap and pcapng files carry it (<https://www.tcpdump.org/linktypes.html>).
/// Unknown values survive: decoding counts such packets, it does not refuse them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

#[expect(missing_docs, reason = "the names are those of the registry")]
impl LinkType {
    pub const NULL: Self = Self(0);
    pub const ETHERNET: Self = Self(1);
    pub const PPP: Self = Self(9);
    pub const PPP_HDLC: Self = Self(50);
    pub const PPP_ETHER: Self = Self(51);
    pub const RAW: Self = Self(101);
    pub const C_HDLC: Self = Self(104);
    pub const IEEE802_11: Self = Self(105);
    pub const LOOP: Self = Self(108);
    pub const LINUX_SLL: Self = Self(113);
    pub const IEEE802_11_PRISM: Self = Self(119);
    pub const IEEE802_11_RADIOTAP: Self = Self(127);
    pub const IEEE802_11_AVS: Self = Self(163);
    pub const PPP_PPPD: Self = Self(166);
    pub const PPI: Self = Self(192);
    pub const IPV4: Self = Self(228);
    pub const IPV6: Self = Self(229);
    pub const NFLOG: Self = Self(239);
    pub const LINUX_SLL2: Self = Self(276);
}

/// An IP address and a TCP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// IPv4 or IPv6 address of the innermost IP header.
    pub address: IpAddr,
    /// TCP port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddr::V4(address) => write!(f, "{address}:{}", self.port),
            IpAddr::V6(address) => write!(f, "[{address}]:{}", self.port),
        }
    }
}

/// A role in a WebSocket connection: the client is who sent the upgrade request. Of a message, its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Sent the upgrade request; masks its frames.
    Client,
    /// Answered it.
    Server,
}

impl Side {
    /// The other role.
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// 0 for the client and 1 for the server: the place in an array of both.
    pub const fn index(self) -> usize {
        match self {
            Self::Client => 0,
            Self::Server => 1,
        }
    }
}

/// What is known of one input file. Counts and times are filled in while it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureInfo {
    /// As the user gave it; `-` for standard input.
    pub path: String,
    /// `pcap` or `pcapng`, with the compression around it: `pcap.gz`, `pcapng.zst`, `pcap.lz4`, `pcap.xz`.
    pub format: String,
    /// Packets read so far.
    pub packets: u64,
    /// Time of the earliest packet.
    pub first_time: Option<Timestamp>,
    /// Time of the latest packet.
    pub last_time: Option<Timestamp>,
    /// Packets that interfaces or the kernel dropped, by the file's own statistics (pcapng `isb_ifdrop` and
    /// `isb_osdrop`); `None` when the file has none.
    pub dropped: Option<u64>,
    /// Packets that wspect dropped itself, because its analysis could not keep up with a live capture.
    pub overrun: u64,
    /// Why reading ended before the end of what the file was meant to hold; `None` for a whole file.
    pub damage: Option<CaptureDamage>,
    /// TLS key log lines and other secrets that the file carries (pcapng Decryption Secrets Block), each with
    /// its type; kept for decryption.
    pub secrets: Vec<CaptureSecrets>,
}

/// Where and why a capture file stopped making sense. All packets before that place were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureDamage {
    /// Cut off, or garbage.
    pub kind: DamageKind,
    /// Byte offset in the (decompressed) file.
    pub offset: u64,
    /// What was found there: a lower-case fragment for one line.
    pub detail: String,
}

/// How a capture file is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamageKind {
    /// The file ends in the middle of a record.
    Truncated,
    /// A record can't be what it says it is.
    Garbage,
}

/// The body of a pcapng Decryption Secrets Block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureSecrets {
    /// `0x544c534b` for a TLS key log.
    pub kind: u32,
    /// The secrets as the file has them.
    pub data: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_rfc_3339_with_nine_digits() {
        let at = |nanos| Timestamp::from_nanos(nanos).to_string();
        assert_eq!(at(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(at(951_827_696_000_000_001), "2000-02-29T12:34:56.000000001Z");
        assert_eq!(at(-1), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(at(i64::MAX), "2262-04-11T23:47:16.854775807Z");
        assert_eq!(at(i64::MIN), "1677-09-21T00:12:43.145224192Z");
    }

    #[test]
    fn a_clock_writes_each_time_as_the_time_itself_does() {
        let mut clock = Clock::default();
        for nanos in [5, 0, 999_999_999, 1_000_000_000, 1_000_000_007, -1, -2, 7, i64::MAX, i64::MIN] {
            let time = Timestamp::from_nanos(nanos);
            let (second, fraction) = clock.rfc3339(time);
            assert_eq!([second, fraction.as_slice(), b"Z"].concat(), time.rfc3339().as_bytes());
        }
    }

    #[test]
    fn every_day_of_four_centuries_agrees_with_another_calendar() {
        for day in -60_000..100_000_i64 {
            let ours = Timestamp::from_nanos(day * 86_400 * NANOS_PER_SECOND).to_string();
            let theirs = jiff::Timestamp::from_second(day * 86_400).unwrap().to_string();
            assert_eq!(ours.get(..19), theirs.get(..19));
        }
    }
}
