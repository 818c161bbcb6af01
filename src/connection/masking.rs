//! The masking keys of one direction → what is wrong with them.

use crate::rules::mask::KeyFault;

/// What is remembered of a client's masking keys: a few numbers, however many frames there are.
#[derive(Debug, Default)]
pub(super) struct MaskingKeys {
    last: Option<u32>,
    /// The difference of the last two keys, and how many times in succession it was the same.
    step: u32,
    repeated: u8,
    /// Bits that were 1 in some key, and those that were 0 in some key.
    ever_one: u32,
    ever_zero: u32,
    keys: u8,
    said: Said,
}

/// Each fault is said once.
#[derive(Debug, Default)]
struct Said {
    zero: bool,
    reused: bool,
    predictable: bool,
}

impl MaskingKeys {
    /// Takes the key of the next frame with payload.
    #[inline]
    pub(super) fn next(&mut self, key: [u8; 4]) -> Option<KeyFault> {
        let number = u32::from_be_bytes(key);
        let step = self.last.map(|last| number.wrapping_sub(last));
        self.last = Some(number);
        if number == 0 {
            return first(&mut self.said.zero, KeyFault::Zero);
        }
        if step == Some(0) {
            return first(&mut self.said.reused, KeyFault::Reused(key));
        }
        self.foretell(number, step)
    }

    /// Frames were lost: the next key is not the one after the last.
    pub(super) const fn interrupt(&mut self) {
        self.last = None;
        self.repeated = 0;
    }

    fn foretell(&mut self, key: u32, step: Option<u32>) -> Option<KeyFault> {
        self.repeated = if step == Some(self.step) { self.repeated.saturating_add(1) } else { 0 };
        self.step = step.unwrap_or_default();
        if self.repeated >= STEPS {
            return first(&mut self.said.predictable, KeyFault::Step(self.step));
        }
        if self.keys == KEYS {
            return None;
        }
        self.ever_one |= key;
        self.ever_zero |= !key;
        self.keys += 1;
        let fixed = (self.ever_one & self.ever_zero).count_zeros();
        // A few constant keys have no random bits, but that was said.
        if self.keys < KEYS || fixed == 0 || self.said.reused {
            return None;
        }
        first(&mut self.said.predictable, KeyFault::FixedBits(fixed))
    }
}

fn first(said: &mut bool, fault: KeyFault) -> Option<KeyFault> {
    (!std::mem::replace(said, true)).then_some(fault)
}

/// Equal steps in succession: by chance once in 2^96 tries.
const STEPS: u8 = 3;
/// Keys after which a bit that never changed is no chance: one connection in 2^58.
const KEYS: u8 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(keys: impl IntoIterator<Item = u32>) -> Vec<KeyFault> {
        let mut seen = MaskingKeys::default();
        keys.into_iter().filter_map(|key| seen.next(key.to_be_bytes())).collect()
    }

    /// Numbers without a pattern.
    fn random(count: u64) -> impl Iterator<Item = u32> {
        let mix = |n: u64| {
            let mut x = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            x ^ x >> 31
        };
        (1..=count).map(move |n| u32::try_from(mix(n) >> 32).unwrap())
    }

    #[test]
    fn random_keys_have_no_fault() {
        assert_eq!(faults(random(10_000)), []);
    }

    #[test]
    fn zero_and_a_repeated_key_are_said_once() {
        assert_eq!(faults([0; 100]), [KeyFault::Zero]);
        assert_eq!(faults([7; 100]), [KeyFault::Reused([0, 0, 0, 7])]);
        assert_eq!(faults([5, 7, 5, 7]), []);
    }

    #[test]
    fn keys_that_count_are_foretold_in_whatever_byte_order() {
        assert_eq!(faults(1..50), [KeyFault::Step(1)]);
        assert_eq!(faults((1u32..50).map(u32::swap_bytes)), [KeyFault::Step(1 << 24)]);
        assert_eq!(faults((0..50).map(|n: u32| n.wrapping_mul(0xffff_fff0).wrapping_sub(1))).len(), 1);
    }

    #[test]
    fn bits_that_never_change_show_after_enough_keys() {
        let low = || random(200).map(|key| key & 0x7fff_ffff);
        assert_eq!(faults(low()), [KeyFault::FixedBits(1)]);
        assert_eq!(faults(low().take(63)), []);
        assert_eq!(faults(random(100).map(|key| key | 0xff00)), [KeyFault::FixedBits(8)]);
    }

    #[test]
    fn keys_before_and_after_lost_frames_are_not_compared() {
        let mut seen = MaskingKeys::default();
        assert_eq!(seen.next([1; 4]), None);
        seen.interrupt();
        assert_eq!(seen.next([1; 4]), None);
    }
}
