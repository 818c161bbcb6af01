//! A pcapng interface: what its packets begin with, its clock, what it lost.

use nom::number::Endianness;

use super::block::{self, Options};
use super::record::Parsed;
use crate::packet::{LinkType, NANOS_PER_SECOND, Timestamp};

/// What an Interface Description Block says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) link: LinkType,
    /// 0 is no limit.
    pub(crate) snap_length: u32,
    pub(crate) clock: Clock,
    pub(crate) losses: Losses,
}

impl Interface {
    /// Reads the body of an Interface Description Block.
    pub(crate) fn parse(body: &[u8], order: Endianness) -> Parsed<'_, Self> {
        let (rest, (link, snap_length)) = block::interface(body, order)?;
        let mut clock = Clock::default();
        for (code, value) in Options::new(rest, order) {
            match (code, value) {
                (IF_TSRESOL, &[resolution]) => clock.unit = Unit::of(resolution),
                (IF_TSOFFSET, value) => clock.offset = seconds(value, order).unwrap_or_default(),
                _ => {}
            }
        }
        Ok((&[], Self { link: LinkType(link), snap_length, clock, losses: Losses::default() }))
    }
}

/// Ticks of a packet block → time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clock {
    unit: Unit,
    /// Seconds to add.
    offset: i64,
}

impl Clock {
    /// The time, held at the bounds of its type.
    pub(crate) fn time(self, ticks: u64) -> Timestamp {
        let nanos =
            self.unit.nanos(ticks).saturating_add(i128::from(self.offset) * i128::from(NANOS_PER_SECOND));
        let bounded = nanos.clamp(i64::MIN.into(), i64::MAX.into());
        Timestamp::from_nanos(i64::try_from(bounded).unwrap_or_default())
    }
}

/// The length of a tick, reduced to one step so that a packet costs one multiplication or division.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// So many nanoseconds.
    Nanos(u64),
    /// So many make a nanosecond.
    PerNano(u128),
    /// 2 to this power make a second.
    Binary(u8),
}

impl Unit {
    /// From `if_tsresol`: the top bit tells powers of two from powers of ten.
    fn of(resolution: u8) -> Self {
        let exponent = resolution & 0x7f;
        if resolution & 0x80 != 0 {
            return Self::Binary(exponent);
        }
        match NANO_EXPONENT.checked_sub(exponent) {
            Some(more) => Self::Nanos(10_u64.saturating_pow(more.into())),
            None => Self::PerNano(10_u128.saturating_pow((exponent - NANO_EXPONENT).into())),
        }
    }

    fn nanos(self, ticks: u64) -> i128 {
        let ticks = i128::from(ticks);
        match self {
            Self::Nanos(nanos) => ticks * i128::from(nanos),
            Self::PerNano(count) => ticks / i128::try_from(count).unwrap_or(i128::MAX),
            Self::Binary(exponent) => (ticks * i128::from(NANOS_PER_SECOND)) >> exponent,
        }
    }
}

/// Microseconds, where `if_tsresol` says nothing else.
impl Default for Unit {
    fn default() -> Self {
        Self::Nanos(1000)
    }
}

/// Packets that never reached the file. The statistics of an interface count from its start and hold all
/// that single packets report, so the greater of both is what was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Losses {
    by_interface: Option<u64>,
    by_system: Option<u64>,
    by_packets: Option<u64>,
}

impl Losses {
    /// Takes up the options of an Interface Statistics Block; a later one replaces an earlier one.
    pub(crate) fn statistics(&mut self, options: Options<'_>, order: Endianness) {
        for (code, value) in options {
            match code {
                ISB_IFDROP => self.by_interface = block::number(value, order),
                ISB_OSDROP => self.by_system = block::number(value, order),
                _ => {}
            }
        }
    }

    /// Takes up what one packet says was lost before it.
    pub(crate) const fn before_packet(&mut self, count: u64) {
        let sum = match self.by_packets {
            Some(so_far) => so_far.saturating_add(count),
            None => count,
        };
        self.by_packets = Some(sum);
    }

    /// All that was lost; `None` where nothing was said.
    pub(crate) fn total(self) -> Option<u64> {
        add(self.by_interface, self.by_system).max(self.by_packets)
    }
}

/// The sum of what is known.
pub(crate) fn add(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        _ => one.or(other),
    }
}

fn seconds(value: &[u8], order: Endianness) -> Option<i64> {
    block::number(value, order).map(u64::cast_signed)
}

const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;
const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;
const NANO_EXPONENT: u8 = 9;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nanos(resolution: u8, offset: i64, ticks: u64) -> i64 {
        Clock { unit: Unit::of(resolution), offset }.time(ticks).as_nanos()
    }

    #[test]
    fn powers_of_ten_are_units_of_time() {
        assert_eq!(nanos(0, 0, 3), 3_000_000_000);
        assert_eq!(nanos(6, 0, 1_500_000), 1_500_000_000);
        assert_eq!(nanos(9, 0, 7), 7);
        assert_eq!(nanos(12, 0, 7_999), 7);
        assert_eq!(nanos(127, 0, u64::MAX), 0);
    }

    #[test]
    fn powers_of_two_are_units_of_time() {
        assert_eq!(nanos(0x80, 0, 3), 3_000_000_000);
        assert_eq!(nanos(0x80 | 10, 0, 1536), 1_500_000_000);
        assert_eq!(nanos(0x80 | 64, 0, 1 << 63), 500_000_000);
        assert_eq!(nanos(0xff, 0, u64::MAX), 0);
    }

    #[test]
    fn the_offset_is_in_seconds_and_may_be_negative() {
        assert_eq!(nanos(9, 2, 5), 2_000_000_005);
        assert_eq!(nanos(9, -2, 5), -1_999_999_995);
    }

    #[test]
    fn losses_are_the_greater_of_statistics_and_packets() {
        let losses = |interface, system, packets| {
            Losses { by_interface: interface, by_system: system, by_packets: packets }.total()
        };
        assert_eq!(losses(None, None, None), None);
        assert_eq!(losses(Some(0), None, None), Some(0));
        assert_eq!(losses(Some(2), Some(3), Some(4)), Some(5));
        assert_eq!(losses(None, Some(3), Some(4)), Some(4));
    }

    proptest! {
        #[test]
        fn any_clock_has_a_time(resolution: u8, offset: i64, ticks: u64) {
            let value = nanos(resolution, offset, ticks);
            if offset >= 0 {
                prop_assert!(value >= 0);
            }
        }
    }
}
