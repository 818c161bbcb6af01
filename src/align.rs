//! Two sequences → which element of one stands for which of the other.

use std::collections::{BTreeMap, BTreeSet};

/// An element of the former and the latter sequence, by their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pair {
    /// Not equal, but each in the other's place.
    Changed(usize, usize),
    /// Only in the former.
    Gone(usize),
    /// Only in the latter.
    New(usize),
}

/// What differs, in order. Equal elements are found by [`common`]; between those, elements stand for each other in their order.
pub(crate) fn align<T: Ord>(former: &[T], latter: &[T]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut done = (0, 0);
    let ends = (former.len(), latter.len());
    for (i, j) in common(former, latter).pairs.into_iter().chain([ends]) {
        let changed = (i - done.0).min(j - done.1);
        pairs.extend((0..changed).map(|n| Pair::Changed(done.0 + n, done.1 + n)));
        pairs.extend((done.0 + changed..i).map(Pair::Gone));
        pairs.extend((done.1 + changed..j).map(Pair::New));
        done = (i + 1, j + 1);
    }
    pairs
}

/// What two sequences have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Common {
    /// Equal elements, by their places in both, in order.
    pub(crate) pairs: Vec<(usize, usize)>,
    /// Stretches differed too much to be aligned: of those, only what is equal at the same place is there.
    pub(crate) by_place: bool,
}

/// A longest common subsequence, where there are up to [`MOST_EDITS`] differences; beyond that, elements that each has only once are
/// taken for fixed points, and what is between them is looked at by itself.
pub(crate) fn common<T: Ord>(former: &[T], latter: &[T]) -> Common {
    let mut numbers = BTreeMap::new();
    let mut number = |element| {
        let next = numbers.len();
        *numbers.entry(element).or_insert(next)
    };
    let former: Vec<usize> = former.iter().map(&mut number).collect();
    let latter: Vec<usize> = latter.iter().map(&mut number).collect();
    // What only one of them has stands in no pair, and would only make the search longer.
    let (left, left_places) = also_in(&latter, &former);
    let (right, right_places) = also_in(&former, &latter);
    let mut found = Common::default();
    found.stretch(Stretch { left: &left, right: &right, at: (0, 0), depth: 0 });
    let place = |(i, j): &(usize, usize)| Some((*left_places.get(*i)?, *right_places.get(*j)?));
    Common { pairs: found.pairs.iter().filter_map(place).collect(), ..found }
}

/// The elements that `other` has too, and their places.
fn also_in(other: &[usize], elements: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let other: BTreeSet<&usize> = other.iter().collect();
    let shared = elements.iter().enumerate().filter(|(_, element)| other.contains(element));
    shared.map(|(place, element)| (*element, place)).unzip()
}

/// A part of both sequences.
#[derive(Clone, Copy)]
struct Stretch<'a> {
    left: &'a [usize],
    right: &'a [usize],
    /// Where it begins in each.
    at: (usize, usize),
    /// How many stretches it is a part of.
    depth: usize,
}

impl Stretch<'_> {
    fn part(&self, from: (usize, usize), to: (usize, usize), depth: usize) -> Self {
        Self {
            left: self.left.get(from.0..to.0).unwrap_or_default(),
            right: self.right.get(from.1..to.1).unwrap_or_default(),
            at: (self.at.0 + from.0, self.at.1 + from.1),
            depth,
        }
    }
}

impl Common {
    fn stretch(&mut self, all: Stretch<'_>) {
        let same = |(a, b): &(&usize, &usize)| a == b;
        let before = all.left.iter().zip(all.right).take_while(same).count();
        let rest = all.part((before, before), (all.left.len(), all.right.len()), all.depth);
        let after = rest.left.iter().rev().zip(rest.right.iter().rev()).take_while(same).count();
        let ends = (rest.left.len() - after, rest.right.len() - after);
        self.push(all.at, (0..before).map(|n| (n, n)));
        self.middle(rest.part((0, 0), ends, all.depth));
        self.push(rest.at, (0..after).map(|n| (ends.0 + n, ends.1 + n)));
    }

    fn middle(&mut self, stretch: Stretch<'_>) {
        let Stretch { left, right, at, depth } = stretch;
        if left.is_empty() || right.is_empty() {
            return;
        }
        if let Some(pairs) = shortest_edit(left, right) {
            return self.push(at, pairs.into_iter());
        }
        let points = if depth < DEEPEST { fixed_points(left, right) } else { Vec::new() };
        if points.is_empty() {
            self.by_place = true;
            let places = left.iter().zip(right).enumerate().filter(|(_, (a, b))| a == b);
            return self.push(at, places.map(|(n, _)| (n, n)));
        }
        let mut done = (0, 0);
        for point in points {
            self.stretch(stretch.part(done, point, depth + 1));
            self.push(at, std::iter::once(point));
            done = (point.0 + 1, point.1 + 1);
        }
        self.stretch(stretch.part(done, (left.len(), right.len()), depth + 1));
    }

    fn push(&mut self, at: (usize, usize), pairs: impl Iterator<Item = (usize, usize)>) {
        self.pairs.extend(pairs.map(|(i, j)| (at.0 + i, at.1 + j)));
    }
}

/// The places of a longest common subsequence by Myers' greedy search; `None` where it takes more than [`MOST_EDITS`].
///
/// Row `d` says how far `d` edits lead at most: its element `p` counts the elements of `left` that are behind, of which `p` were
/// left out; of `right`, `d - p` were.
fn shortest_edit(left: &[usize], right: &[usize]) -> Option<Vec<(usize, usize)>> {
    let mut rows: Vec<Vec<usize>> = Vec::new();
    let mut steps = MOST_STEPS;
    for d in 0..=MOST_EDITS.min(left.len() + right.len()) {
        let mut row = Vec::with_capacity(d + 1);
        for p in 0..=d {
            let x = rows.last().map_or(0, |before| furthest(before, p).0);
            let equal = equal_from(left, right, x, (x + d).saturating_sub(2 * p));
            steps = usize::checked_sub(steps, equal)?;
            row.push(x + equal);
            if x + equal >= left.len() && x + equal + d >= 2 * p + right.len() {
                rows.push(row);
                return Some(walk_back(&rows, p));
            }
        }
        rows.push(row);
    }
    None
}

/// How far one edit more than `before` leads, and the element of `before` that it starts from.
fn furthest(before: &[usize], p: usize) -> (usize, usize) {
    let skips_right = before.get(p).copied();
    let skips_left = p.checked_sub(1).and_then(|q| Some((before.get(q)? + 1, q)));
    match (skips_right, skips_left) {
        (Some(x), Some((other, q))) if other > x => (other, q),
        (Some(x), _) => (x, p),
        (None, other) => other.unwrap_or((0, p)),
    }
}

fn equal_from(left: &[usize], right: &[usize], x: usize, y: usize) -> usize {
    let (left, right) = (left.get(x..).unwrap_or_default(), right.get(y..).unwrap_or_default());
    left.iter().zip(right).take_while(|(a, b)| a == b).count()
}

fn walk_back(rows: &[Vec<usize>], mut p: usize) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (d, row) in rows.iter().enumerate().rev() {
        let before = d.checked_sub(1).and_then(|d| rows.get(d));
        let (start, from) = before.map_or((0, 0), |before| furthest(before, p));
        let end = row.get(p).copied().unwrap_or(start);
        pairs.extend((start..end).rev().map(|x| (x, (x + d).saturating_sub(2 * p))));
        p = from;
    }
    pairs.reverse();
    pairs
}

/// Elements that stand once in each, as far as they come in the same order: the longest increasing subsequence of their places.
fn fixed_points(left: &[usize], right: &[usize]) -> Vec<(usize, usize)> {
    let places = |elements: &[usize]| {
        let mut places: BTreeMap<usize, Option<usize>> = BTreeMap::new();
        for (place, element) in elements.iter().enumerate() {
            places.entry(*element).and_modify(|place| *place = None).or_insert(Some(place));
        }
        places
    };
    let (in_left, in_right) = (places(left), places(right));
    let place = |element| Some((*in_left.get(element)?.as_ref()?, *in_right.get(element)?.as_ref()?));
    let once: Vec<(usize, usize)> = left.iter().filter_map(place).collect();
    // `ends[n]`: of the increasing runs of n + 1 points so far, the last point of the one that ends lowest; `links`: the point before it.
    let mut ends: Vec<usize> = Vec::new();
    let mut links: Vec<Option<usize>> = Vec::with_capacity(once.len());
    for (n, (_, j)) in once.iter().enumerate() {
        let length = ends.partition_point(|end| once.get(*end).is_some_and(|(_, other)| other < j));
        links.push(length.checked_sub(1).and_then(|before| ends.get(before).copied()));
        match ends.get_mut(length) {
            Some(end) => *end = n,
            None => ends.push(n),
        }
    }
    let run = std::iter::successors(ends.last().copied(), |n| links.get(*n).copied().flatten());
    let mut points: Vec<_> = run.filter_map(|n| once.get(n).copied()).collect();
    points.reverse();
    points
}

/// Elements left out on both sides, of those that the other side has too: 4 MiB of rows.
const MOST_EDITS: usize = 1024;

/// Equal elements looked at in one search: less than a second.
const MOST_STEPS: usize = 1 << 26;

/// Stretches in each other: beyond that, fixed points would be found one by one.
const DEEPEST: usize = 4;

/// An element with its place.
pub(crate) type Numbered<'a, T> = (usize, &'a T);

/// Takes out those that have the same key, the first for the first. What has none stays.
pub(crate) fn matched<'a, T, K: Ord>(
    left: &mut Vec<Numbered<'a, T>>,
    right: &mut Vec<Numbered<'a, T>>,
    key: impl Fn(Numbered<'a, T>) -> Option<K>,
) -> Vec<(Numbered<'a, T>, Numbered<'a, T>)> {
    let mut waiting: BTreeMap<K, Vec<Numbered<'a, T>>> = BTreeMap::new();
    let mut rest = Vec::new();
    for each in left.drain(..).rev() {
        match key(each) {
            Some(key) => waiting.entry(key).or_default().push(each),
            None => rest.push(each),
        }
    }
    let mut pairs = Vec::new();
    right.retain(|each| match key(*each).and_then(|key| waiting.get_mut(&key)).and_then(Vec::pop) {
        Some(former) => {
            pairs.push((former, *each));
            false
        }
        None => true,
    });
    left.extend(waiting.into_values().flatten().chain(rest));
    left.sort_by_key(|(number, _)| *number);
    pairs
}

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
    fn a_long_stretch_in_which_every_other_element_differs_is_aligned() {
        let former: Vec<_> = (0..2000).collect();
        let latter: Vec<_> = (0..2000).map(|n| if n % 2 == 0 { n } else { n + 5000 }).collect();
        let pairs = align(&former, &latter);
        assert!(pairs.iter().all(|pair| matches!(pair, Changed(i, j) if i == j)) && pairs.len() == 1000);
    }

    #[test]
    fn two_elements_missing_far_apart_move_nothing_between_them() {
        let former: Vec<_> = (0..200_000).map(|n| n % 2).collect();
        let mut latter = former.clone();
        latter.remove(180_000);
        latter.remove(10);
        assert_eq!(common(&former, &latter).pairs.len(), latter.len());
    }

    #[test]
    fn fixed_points_hold_where_too_much_differs_between_them() {
        // Ten thousand that come once, in order, and between them what comes again and again, in another order.
        let side =
            |step: usize| (0..10_000).flat_map(move |n| [100 + n, n * step % 97]).collect::<Vec<usize>>();
        let found = common(&side(1), &side(2));
        assert!(found.pairs.len() >= 10_000 && !found.by_place);
    }

    #[test]
    fn what_has_no_fixed_point_is_compared_place_by_place_and_said() {
        let side =
            |swapped: usize| (0..20_000).map(move |n| (n * 7919 + n / 3 * swapped) % 5).collect::<Vec<_>>();
        let found = common(&side(1), &side(2));
        assert!(found.by_place && !found.pairs.is_empty());
    }

    #[test]
    fn the_first_stands_for_the_first_and_what_has_no_key_stays() {
        const FORMER: [&str; 4] = ["a", "b", "", "a"];
        const LATTER: [&str; 4] = ["", "a", "a", "c"];
        let (mut left, mut right) = ((0..).zip(&FORMER).collect(), (0..).zip(&LATTER).collect());
        let pairs = matched(&mut left, &mut right, |(_, word)| Some(*word).filter(|word| !word.is_empty()));
        assert_eq!(pairs, [((0, &"a"), (1, &"a")), ((3, &"a"), (2, &"a"))]);
        assert_eq!((left, right), (vec![(1, &"b"), (2, &"")], vec![(0, &""), (3, &"c")]));
    }

    /// By the table of lengths, which is quadratic and plainly right.
    fn longest(left: &[char], right: &[char]) -> usize {
        let mut row = vec![0; right.len() + 1];
        for a in left {
            let mut diagonal = 0;
            for (j, b) in right.iter().enumerate() {
                let above = row[j + 1];
                row[j + 1] = if a == b { diagonal + 1 } else { above.max(row[j]) };
                diagonal = above;
            }
        }
        row[right.len()]
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

        #[test]
        fn as_much_as_can_be_is_common(former in "[abcd]{0,20}", latter in "[abcd]{0,20}") {
            let [former, latter]: [Vec<char>; 2] = [former, latter].map(|text| text.chars().collect());
            let found = common(&former, &latter);
            prop_assert_eq!(found.pairs.len(), longest(&former, &latter));
            prop_assert!(found.pairs.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 < two[1].1));
            prop_assert!(found.pairs.iter().all(|(i, j)| former[*i] == latter[*j]));
        }
    }
}
