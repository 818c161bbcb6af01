//! Captures that break the rules about frames, fragments and text.

use wspect::rules::Blame;

use super::{Case, chat_with};
use crate::support::{Upgrade, text};

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new("frame-client-unmasked", Blame::Client, || {
        chat_with(&Upgrade::new("/"), |script| script.client(text("bare").unmasked()))
    })]
}

/// What comes close to breaking a rule, and breaks none.
pub(super) fn legal() -> Vec<(&'static str, Vec<u8>)> {
    vec![]
}
