//! Two sequences → which element of one stands for which of the other.

use std::collections::BTreeMap;

/// An element of the former and the latter sequence, by their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pair {
    /// Not equal, but each in the other's place.
    Changed(usize, usize),
    /// Only in the former.
    Gone(usize),
    /// Only in the latter.
    New(usize),
}

/// What differs, in order. Equal elements are found by their longest common subsequence; between those, elements stand for each other
/// in their order.
pub(super) fn align<T: Ord>(former: &[T], latter: &[T]) -> Vec<Pair> {
    let mut numbers = BTreeMap::new();
    let mut number = |element| {
        let next = numbers.len();
        *numbers.entry(element).or_insert(next)
    };
    let former: Vec<usize> = former.iter().map(&mut number).collect();
    let latter: Vec<usize> = latter.iter().map(&mut number).collect();
    let mut pairs = Vec::new();
    let mut done = (0, 0);
    let ends = (former.len(), latter.len());
    for (i, j) in common(&former, &latter).into_iter().chain([ends]) {
        let changed = (i - done.0).min(j - done.1);
        pairs.extend((0..changed).map(|n| Pair::Changed(done.0 + n, done.1 + n)));
        pairs.extend((done.0 + changed..i).map(Pair::Gone));
        pairs.extend((done.1 + changed..j).map(Pair::New));
        done = (i + 1, j + 1);
    }
    pairs
}

/// The places of a longest common subsequence.
fn common(former: &[usize], latter: &[usize]) -> Vec<(usize, usize)> {
    let same = |(a, b): &(&usize, &usize)| a == b;
    let before = former.iter().zip(latter).take_while(same).count();
    let (left, right) = (former.get(before..).unwrap_or_default(), latter.get(before..).unwrap_or_default());
    let after = left.iter().rev().zip(right.iter().rev()).take_while(same).count();
    let left = left.get(..left.len() - after).unwrap_or_default();
    let right = right.get(..right.len() - after).unwrap_or_default();
    let inner = middle(left, right).into_iter().map(|(i, j)| (before + i, before + j));
    let tail = (0..after).map(|n| (former.len() - after + n, latter.len() - after + n));
    (0..before).map(|n| (n, n)).chain(inner).chain(tail).collect()
}

/// By the table of lengths, where that is not too large; else what is equal at the same place.
fn middle(left: &[usize], right: &[usize]) -> Vec<(usize, usize)> {
    let width = right.len() + 1;
    if left.len().saturating_mul(width) > LARGEST_TABLE {
        let places = left.iter().zip(right).enumerate();
        return places.filter(|(_, (a, b))| a == b).map(|(n, _)| (n, n)).collect();
    }
    // `lengths[i][j]`: of the longest common subsequence of `left[i..]` and `right[j..]`.
    let mut lengths = vec![vec![0_u32; width]; left.len() + 1];
    let length = |lengths: &[Vec<u32>], i: usize, j: usize| {
        lengths.get(i).and_then(|row| row.get(j)).copied().unwrap_or_default()
    };
    for (i, a) in left.iter().enumerate().rev() {
        for (j, b) in right.iter().enumerate().rev() {
            let best = if a == b {
                length(&lengths, i + 1, j + 1) + 1
            } else {
                length(&lengths, i + 1, j).max(length(&lengths, i, j + 1))
            };
            if let Some(cell) = lengths.get_mut(i).and_then(|row| row.get_mut(j)) {
                *cell = best;
            }
        }
    }
    let mut pairs = Vec::new();
    let (mut i, mut j) = (0, 0);
    while let (Some(a), Some(b)) = (left.get(i), right.get(j)) {
        if a == b {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if length(&lengths, i + 1, j) >= length(&lengths, i, j + 1) {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// 4 MiB of table: two stretches of a thousand messages each that differ.
const LARGEST_TABLE: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Pair::{Changed, Gone, New};
    use super::*;

    fn of(former: &str, latter: &str) -> Vec<Pair> {
        align(&former.chars().collect::<Vec<_>>(), &latter.chars().collect::<Vec<_>>())
    }

    #[test]
    fn what_is_equal_is_no_difference_wherever_it_stands() {
        assert_eq!(of("abc", "abc"), []);
        assert_eq!(of("abcd", "abd"), [Gone(2)]);
        assert_eq!(of("abd", "abcd"), [New(2)]);
        assert_eq!(of("abcd", "axcd"), [Changed(1, 1)]);
        assert_eq!(of("abcdef", "xabdyf"), [New(0), Gone(2), Changed(4, 4)]);
        assert_eq!(of("", "ab"), [New(0), New(1)]);
        assert_eq!(of("ab", ""), [Gone(0), Gone(1)]);
    }

    #[test]
    fn long_stretches_that_differ_are_compared_place_by_place() {
        let former: Vec<_> = (0..2000).collect();
        let latter: Vec<_> = (0..2000).map(|n| if n % 2 == 0 { n } else { n + 5000 }).rev().rev().collect();
        let pairs = align(&former, &latter);
        assert!(pairs.iter().all(|pair| matches!(pair, Changed(i, j) if i == j)) && pairs.len() == 1000);
    }

    proptest! {
        #[test]
        fn every_element_is_equal_to_another_or_named_once(former in "[abc]{0,12}", latter in "[abc]{0,12}") {
            let pairs = of(&former, &latter);
            let gone: Vec<_> = pairs.iter().filter_map(|p| match p { Changed(i, _) | Gone(i) => Some(*i), New(_) => None }).collect();
            let new: Vec<_> = pairs.iter().filter_map(|p| match p { Changed(_, j) | New(j) => Some(*j), Gone(_) => None }).collect();
            let rest = |text: &str, without: &[usize]| -> String {
                text.chars().enumerate().filter(|(n, _)| !without.contains(n)).map(|(_, c)| c).collect()
            };
            prop_assert_eq!(rest(&former, &gone), rest(&latter, &new));
            prop_assert!(gone.is_sorted() && new.is_sorted());
        }
    }
}
