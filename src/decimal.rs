//! Numbers → decimal digits, eight at once and without a branch: each line of a report has half a dozen.

/// The eight digits of a number below 10⁸, zeros before it included.
#[inline]
pub(crate) fn eight(value: u32) -> [u8; 8] {
    (separate(value) | ZEROS).to_le_bytes()
}

/// The digits of a number below 10⁸, from the first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Short {
    /// What stands behind them is of no use.
    pub(crate) digits: [u8; 8],
    pub(crate) count: usize,
}

impl Short {
    #[inline]
    pub(crate) fn of(value: u64) -> Option<Self> {
        let value = u32::try_from(value).ok().filter(|value| *value < SHORT)?;
        if let Some([a, b, c, count]) = usize::try_from(value).ok().and_then(|value| SMALL.get(value)) {
            return Some(Self { digits: [*a, *b, *c, 0, 0, 0, 0, 0], count: usize::from(*count) });
        }
        let digits = separate(value);
        // Of a zero the last digit stays.
        let zeros = (digits | 1 << 56).trailing_zeros() / 8;
        let count = 8 - usize::try_from(zeros).unwrap_or_default();
        Some(Self { digits: ((digits | ZEROS) >> (8 * zeros)).to_le_bytes(), count })
    }
}

/// One digit a byte, the first in the lowest. Each step halves what is in the parts of a register, all of them at once; a division by a
/// constant is a multiplication.
#[inline]
fn separate(value: u32) -> u64 {
    let value = u64::from(value);
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = hundreds | ((fours - 100 * hundreds) << 16);
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((twos - 10 * tens) << 8)
}

/// What is below has as many digits as are written at once.
pub(crate) const SHORT: u32 = 100_000_000;

/// The digits of the numbers that there are most of, and how many: half the work, of what is in the processor's cache.
static SMALL: [[u8; 4]; 1000] = {
    let mut table = [[0; 4]; 1000];
    let mut places: &mut [[u8; 4]] = &mut table;
    let [mut hundreds, mut tens, mut ones] = [b'0'; 3];
    while let Some((place, later)) = places.split_first_mut() {
        *place = match (hundreds, tens) {
            (b'0', b'0') => [ones, 0, 0, 1],
            (b'0', _) => [tens, ones, 0, 2],
            _ => [hundreds, tens, ones, 3],
        };
        places = later;
        (tens, ones) = if ones == b'9' { (tens + 1, b'0') } else { (tens, ones + 1) };
        (hundreds, tens) = if tens > b'9' { (hundreds + 1, b'0') } else { (hundreds, tens) };
    }
    table
};

const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_standard_library() {
        let around = |power: u32| [power.saturating_sub(1), power, power + 1, 5 * power, 7 * power + 3];
        let powers = (0..8).flat_map(|exponent| around(10_u32.pow(exponent)));
        let all =
            (0..20_000).chain((0..SHORT).step_by(9_973)).chain((0..10_000).map(|low| low * 10_000 + 99));
        for value in all.chain(powers).chain([SHORT - 1]).filter(|value| *value < SHORT) {
            assert_eq!(eight(value), *format!("{value:08}").as_bytes());
            let Short { digits, count } = Short::of(value.into()).unwrap();
            assert_eq!(digits[..count], *value.to_string().as_bytes());
        }
        assert!(Short::of(SHORT.into()).is_none());
        assert!(Short::of(1 << 32).is_none());
    }
}
