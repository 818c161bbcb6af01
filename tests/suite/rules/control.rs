//! Captures that break the rules about control frames and closing.

use super::Case;

pub(super) fn cases() -> Vec<Case> {
    vec![]
}

/// What comes close to breaking a rule, and breaks none.
pub(super) fn legal() -> Vec<(&'static str, Vec<u8>)> {
    vec![]
}
