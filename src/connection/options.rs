//! What whoever asks for an analysis may choose.

use std::num::NonZero;

use super::Assumptions;
use crate::limits::Limits;
use crate::rules::thresholds::Thresholds;

/// What analysis keeps, and its bounds.
#[derive(Clone, Debug)]
pub struct Options {
    /// Every bound.
    pub limits: Limits,
    /// Payload bytes of each message that the reports want; `usize::MAX` for all. `Limits::payload` holds anyway.
    pub payload: usize,
    /// Are the frames of each message wanted?
    pub frames: bool,
    /// When something legal becomes worth a finding.
    pub thresholds: Thresholds,
    /// What is taken for granted where the capture does not show it.
    pub assume: Assumptions,
    /// On so many threads files are analysed, which changes nothing but the time that it takes.
    pub threads: NonZero<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            payload: usize::MAX,
            frames: false,
            thresholds: Thresholds::default(),
            assume: Assumptions::default(),
            threads: NonZero::<usize>::MIN,
        }
    }
}
