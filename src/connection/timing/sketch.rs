//! Values as they come → how they are spread, in memory that does not grow with their number.

use crate::event::statistics::Distribution;
use crate::room;

/// All values while they are few, then how many fell into each of at most 1,920 buckets.
#[derive(Debug, Default)]
pub(super) struct Sketch {
    /// The latest, here: where the others are is memory that nobody else needs, and takes as long to reach as all the rest.
    latest: [u16; LATEST],
    /// How many of these there are.
    count: u8,
    before: Few,
    /// Those before these: many at a time, since each of them reaches for another place.
    many: Option<Box<Buckets>>,
}

/// Values as they are: two bytes for each, until one needs more. Lengths hardly ever do.
#[derive(Debug)]
enum Few {
    Short(Vec<u16>),
    Long(Vec<u64>),
}

/// Each power of two is divided into 32 parts of the same width, so that the middle of a part is at most a sixty-fourth
/// from every value in it. Values below 64 have a bucket each.
#[derive(Debug)]
struct Buckets {
    counts: Box<[u32]>,
    count: u64,
    min: u64,
    max: u64,
}

impl Sketch {
    #[inline]
    pub(super) fn push(&mut self, value: u64) {
        match (u16::try_from(value), self.latest.get_mut(usize::from(self.count))) {
            (Ok(value), Some(place)) => {
                *place = value;
                self.count += 1;
            }
            _ => self.push_more(value),
        }
    }

    /// `None` where no value came.
    pub(super) fn distribution(&mut self) -> Option<Distribution> {
        // Of a short connection that is all.
        if self.before.is_empty() && self.many.is_none() {
            return Distribution::of(self.latest.get_mut(..usize::from(self.count))?);
        }
        self.put_away();
        match (&mut self.many, &mut self.before) {
            (Some(many), few) => {
                few.pour(many);
                many.distribution()
            }
            (None, Few::Short(few)) => Distribution::of(few),
            (None, Few::Long(few)) => Distribution::of(few),
        }
    }

    /// Bytes of memory that it takes beside itself.
    pub(super) fn memory(&self) -> usize {
        let few = match &self.before {
            Few::Short(few) => few.capacity() * size_of::<u16>(),
            Few::Long(few) => few.capacity() * size_of::<u64>(),
        };
        few + self.many.as_ref().map_or(0, |many| many.memory())
    }

    #[inline(never)]
    fn push_more(&mut self, value: u64) {
        self.put_away();
        match u16::try_from(value) {
            Ok(_) => self.push(value),
            Err(_) => {
                self.keep_few(1);
                self.before.push(value);
            }
        }
    }

    fn put_away(&mut self) {
        self.keep_few(self.count.into());
        self.before.extend(self.latest.get(..usize::from(self.count)).unwrap_or_default());
        self.count = 0;
    }

    /// Few remain few, and still fewer where there are buckets.
    fn keep_few(&mut self, more: usize) {
        let most = if self.many.is_some() { BESIDE } else { FEW };
        if self.before.len() + more > most {
            self.before.pour(self.many.get_or_insert_default());
        }
    }
}

impl Default for Few {
    fn default() -> Self {
        Self::Short(Vec::new())
    }
}

impl Few {
    const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    const fn len(&self) -> usize {
        match self {
            Self::Short(few) => few.len(),
            Self::Long(few) => few.len(),
        }
    }

    fn extend(&mut self, values: &[u16]) {
        match self {
            Self::Short(few) => {
                make_room(few, values.len());
                few.extend_from_slice(values);
            }
            Self::Long(few) => {
                make_room(few, values.len());
                few.extend(values.iter().copied().map(u64::from));
            }
        }
    }

    /// One that takes more than two bytes.
    fn push(&mut self, value: u64) {
        match self {
            Self::Short(few) => {
                *self = Self::Long(few.iter().copied().map(u64::from).chain([value]).collect());
            }
            Self::Long(few) => {
                make_room(few, 1);
                few.push(value);
            }
        }
    }

    /// All of them into buckets.
    fn pour(&mut self, many: &mut Buckets) {
        match self {
            Self::Short(few) => {
                few.drain(..).for_each(|value| many.push(value.into()));
                if few.capacity() > BESIDE {
                    room::set(few, BESIDE);
                }
            }
            Self::Long(few) => {
                few.iter().for_each(|value| many.push(*value));
                *self = Self::default();
            }
        }
    }
}

/// For values of which there is room in all.
fn make_room<Value: Copy>(few: &mut Vec<Value>, more: usize) {
    if few.capacity() - few.len() < more {
        room::set(few, few.len() + few.len().max(LATEST).min(FEW - few.len()).max(more));
    }
}

impl Default for Buckets {
    fn default() -> Self {
        Self { counts: Box::default(), count: 0, min: u64::MAX, max: 0 }
    }
}

impl Buckets {
    fn push(&mut self, value: u64) {
        let place = place_of(value);
        if place >= self.counts.len() {
            self.grow(place);
        }
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
            if *count == u32::MAX {
                // What is told of them is their shares.
                self.counts.iter_mut().for_each(|count| *count /= 2);
            }
        }
        self.count += 1;
        (self.min, self.max) = (self.min.min(value), self.max.max(value));
    }

    #[cold]
    fn grow(&mut self, place: usize) {
        // Some more: the next larger values are not far.
        let all = (place + 1).next_multiple_of(8);
        let mut counts = std::mem::take(&mut self.counts).into_vec();
        room::set(&mut counts, all);
        counts.resize(all, 0);
        self.counts = counts.into_boxed_slice();
    }

    /// Bytes of memory that it takes.
    fn memory(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.counts)
    }

    /// `None` where no value came.
    fn distribution(&self) -> Option<Distribution> {
        if self.count == 0 {
            return None;
        }
        // Less than was pushed, where counts were halved.
        let counted = self.counts.iter().copied().map(u64::from).sum();
        let [p50, p90, p99] = [50, 90, 99].map(|percent| self.ranked(Distribution::rank(counted, percent)));
        Some(Distribution { count: self.count, min: self.min, p50, p90, p99, max: self.max })
    }

    /// The value of this rank.
    fn ranked(&self, rank: u64) -> u64 {
        let mut left = rank;
        let place = self.counts.iter().copied().map(u64::from).position(|count| {
            let here = left <= count;
            left = left.saturating_sub(count);
            here
        });
        place.map_or(self.max, middle_of).clamp(self.min, self.max)
    }
}

/// Which bucket holds a value.
#[inline]
fn place_of(value: u64) -> usize {
    let shift = (value | 1).ilog2().saturating_sub(PARTS);
    let place = (u64::from(shift) << PARTS) + (value >> shift);
    // 1919 at most.
    usize::try_from(place).unwrap_or_default()
}

/// The value that stands for those of a bucket.
fn middle_of(place: usize) -> u64 {
    let place = place as u64;
    let shift = (place >> PARTS).saturating_sub(1);
    ((place - (shift << PARTS)) << shift) + ((1 << shift) >> 1)
}

/// Two to this power parts of each power of two: one bit more halves the error, and doubles the memory (7.5 KiB at most,
/// usually half of one).
const PARTS: u32 = 5;
/// Exact up to so many values, a quarter of a KiB: most connections have no more, and what people count by hand should agree.
const FEW: usize = 128;
/// So many values wait for buckets that are there, which have left the processor's cache each time that they are needed.
const BESIDE: usize = 4 * LATEST;
/// Enough that what was before is seldom needed; of short connections these are all.
const LATEST: usize = 11;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn few_values_are_told_exactly() {
        let mut sketch = Sketch::default();
        (0..128).for_each(|n| sketch.push(n * 1_000_003));
        let told = sketch.distribution().unwrap();
        assert_eq!((told.p50, told.p90, told.max), (63 * 1_000_003, 115 * 1_000_003, 127 * 1_000_003));
        assert_eq!(Sketch::default().distribution(), None);
    }

    #[test]
    fn buckets_follow_each_other_from_the_least_value_to_the_largest() {
        let mut before = 0;
        for value in (0..4096).chain((12..64).flat_map(|bit| [(1 << bit) - 1, 1 << bit])).chain([u64::MAX]) {
            let place = place_of(value);
            assert!(place == before || place == before + 1 || value > 4096, "{value}");
            assert!(place >= before);
            before = place;
        }
        assert_eq!(before, 1919);
    }

    #[test]
    fn memory_does_not_grow_with_the_number_of_values() {
        let mut sketch = Sketch::default();
        (0..1_000_000_u64).for_each(|n| sketch.push(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        assert!(sketch.memory() <= size_of::<Buckets>() + 1920 * size_of::<u32>() + FEW * size_of::<u64>());
        assert_eq!(sketch.distribution().unwrap().count, 1_000_000);
    }

    #[test]
    fn few_values_wait_for_buckets_that_are_there() {
        let mut sketch = Sketch::default();
        (0..10_000).for_each(|n| sketch.push(n % 50));
        assert_eq!(sketch.memory() - sketch.many.as_ref().unwrap().memory(), 2 * BESIDE);
        assert_eq!(sketch.distribution().unwrap().count, 10_000);
    }

    #[test]
    fn short_values_take_two_bytes_each_until_one_is_long() {
        let mut sketch = Sketch::default();
        (0..60).for_each(|_| sketch.push(65_535));
        assert_eq!(sketch.memory(), 2 * 88);
        sketch.push(65_536);
        let told = sketch.distribution().unwrap();
        assert_eq!((told.count, told.min, told.p99, told.max), (61, 65_535, 65_536, 65_536));
    }

    #[test]
    fn counts_that_are_full_keep_their_shares() {
        let mut buckets = Buckets::default();
        [1, 2, 3].iter().for_each(|value| buckets.push(*value));
        let full = [0, u32::MAX - 1, u32::MAX / 2, 2];
        buckets.counts.iter_mut().zip(full).for_each(|(count, full)| *count = full);
        buckets.push(1);
        assert_eq!(buckets.counts[..5], [0, u32::MAX / 2, u32::MAX / 4, 1, 0]);
        let told = buckets.distribution().unwrap();
        assert_eq!((told.count, told.p50, told.p90, told.max), (4, 1, 2, 3));
    }

    proptest! {
        #[test]
        fn a_percentile_is_off_by_at_most_a_sixty_fourth(
            mut values in prop::collection::vec(prop_oneof![0..100_u64, 0..1_000_000_u64, any::<u64>()], 129..600)
        ) {
            let mut sketch = Sketch::default();
            values.iter().for_each(|value| sketch.push(*value));
            let told = sketch.distribution().unwrap();
            let exact = Distribution::of(&mut values).unwrap();
            prop_assert_eq!((told.count, told.min, told.max), (exact.count, exact.min, exact.max));
            for (told, exact) in [(told.p50, exact.p50), (told.p90, exact.p90), (told.p99, exact.p99)] {
                prop_assert!(told.abs_diff(exact) <= exact / 64, "{told} for {exact}");
            }
        }
    }
}
