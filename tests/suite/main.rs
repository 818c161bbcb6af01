//! wspect as a whole: captures in, output compared. Every capture is either written here by a script
//! ([`support::Scenario`]) or recorded (`testdata/`, with what the endpoints logged).

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking, and so may what it is made of"
)]

/// Bounds as the command line sets them.
mod bounds;
/// `wspect check`: exit status, expectations, baselines, levels and formats.
mod check;
/// The command line as a user types it: arguments, input and output files, exit status, what is said on stderr.
mod command;
/// `wspect diff`: what is the same, what differs, what can't be told.
mod diff;
/// The expressions of the page about them; `--where` and `--context`.
mod expressions;
/// The targets of `fuzz/` on their seeds.
mod fuzz;
/// Captures with holes: what is said of the messages and of the end beside them.
mod holes;
/// Secrets that are not shown, and what can't steer a terminal.
mod privacy;
/// What must hold for every segmentation, order and encapsulation (proptest).
mod properties;
/// The examples of the README.
mod readme;
/// Captures that begin too late or lack packets.
mod recovery;
/// The pages of the rules and their count.
mod rule_pages;
/// Each rule broken alone, and what breaks none.
mod rules;
/// How much of a capture is shown, and how a command line is answered.
mod shown;
/// Ctrl-C and SIGTERM.
#[cfg(unix)]
mod signals;
/// Scripts → captures in memory; running wspect. Their own tests, tshark's judgement among them.
mod support;
/// One thread or several.
mod threads;
/// Times and figures, some against tshark's.
mod timing;
/// Recorded captures against the endpoints' own log.
mod truth;
/// Generated traffic, of which every number is known.
mod workloads;
