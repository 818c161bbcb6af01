//! Values as they come → how they are spread, in memory that does not grow with their number.

use crate::event::statistics::Distribution;

/// All values while they are few, then how many fell into each of at most 1,920 buckets.
#[derive(Debug, Default)]
pub(super) struct Sketch {
    few: Vec<u64>,
    many: Option<Box<Buckets>>,
}

/// Each power of two is divided into 32 parts of the same width, so that the middle of a part is at most a sixty-fourth
/// from every value in it. Values below 64 have a bucket each.
#[derive(Debug)]
pub(super) struct Buckets {
    counts: Vec<u64>,
    count: u64,
    min: u64,
    max: u64,
}

impl Sketch {
    #[inline]
    pub(super) fn push(&mut self, value: u64) {
        if self.few.len() < self.few.capacity() {
            self.few.push(value);
        } else {
            self.push_more(value);
        }
    }

    /// `None` where no value came.
    pub(super) fn distribution(&mut self) -> Option<Distribution> {
        match &mut self.many {
            Some(many) => {
                self.few.drain(..).for_each(|value| many.push(value));
                many.distribution()
            }
            None => Distribution::of(&mut self.few),
        }
    }

    /// Bytes of memory that it takes beside itself.
    pub(super) fn memory(&self) -> usize {
        let many = self.many.as_ref().map_or(0, |many| many.memory());
        self.few.capacity() * size_of::<u64>() + many
    }

    #[inline(never)]
    fn push_more(&mut self, value: u64) {
        if self.many.is_none() && self.few.len() < FEW {
            self.few.reserve_exact(self.few.len().max(FEW / 8));
            return self.few.push(value);
        }
        let many = self.many.get_or_insert_default();
        self.few.drain(..).for_each(|value| many.push(value));
        self.few.shrink_to(FEW / 8);
        self.few.push(value);
    }
}

impl Default for Buckets {
    fn default() -> Self {
        Self { counts: Vec::new(), count: 0, min: u64::MAX, max: 0 }
    }
}

impl Buckets {
    pub(super) fn push(&mut self, value: u64) {
        let place = place_of(value);
        if place >= self.counts.len() {
            self.counts.resize(place + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
        self.count += 1;
        (self.min, self.max) = (self.min.min(value), self.max.max(value));
    }

    /// Bytes of memory that it takes.
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + self.counts.capacity() * size_of::<u64>()
    }

    /// `None` where no value came.
    pub(super) fn distribution(&self) -> Option<Distribution> {
        if self.count == 0 {
            return None;
        }
        let [p50, p90, p99] = [50, 90, 99].map(|percent| self.percentile(percent));
        Some(Distribution { count: self.count, min: self.min, p50, p90, p99, max: self.max })
    }

    fn percentile(&self, percent: u64) -> u64 {
        let mut left = Distribution::rank(self.count, percent);
        let place = self.counts.iter().position(|count| {
            let here = left <= *count;
            left = left.saturating_sub(*count);
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

/// Two to this power parts of each power of two: one bit more halves the error, and doubles the memory (15 KiB at most,
/// usually four).
const PARTS: u32 = 5;
/// Exact up to so many values, 1 KiB: most connections have no more, and what people count by hand should agree.
const FEW: usize = 128;

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
        let buckets = sketch.many.as_deref().unwrap();
        assert!(buckets.counts.len() <= 1920 && sketch.few.capacity() <= FEW / 8);
        assert_eq!(sketch.distribution().unwrap().count, 1_000_000);
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
