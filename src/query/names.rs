//! A name that is not known → what may have been meant.

/// Names like `typed`, the most alike first: `` `text`, `type` ``; empty where none is.
pub(super) fn nearest(typed: &str, names: impl Iterator<Item = &'static str>) -> String {
    let mut near: Vec<_> = names
        .map(|name| (strsim::jaro_winkler(typed, name), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .collect();
    near.sort_by(|left, right| right.0.total_cmp(&left.0));
    listed(near.into_iter().take(MOST).map(|(_, name)| name))
}

/// `` `a`, `b`, `c` ``
pub(super) fn listed(names: impl Iterator<Item = &'static str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Finds `txt` for `text` and `dir` for `direction`.
const ALIKE: f64 = 0.75;
const MOST: usize = 3;
