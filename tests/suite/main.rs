//! wspect as a whole: captures in, output compared. Every capture is either written here by a script
//! ([`support::Scenario`]) or recorded (`testdata/`, with what the endpoints logged).

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking, and so may what it is made of"
)]

/// Scripts → captures in memory; running wspect. Their own tests, tshark's judgement among them.
mod support;
