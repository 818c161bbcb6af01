//! Bytes that somebody made up → a parser, and what must hold whatever they are. Each target is fuzzed by `scripts/fuzz`, and
//! reads its seeds in `tests/suite/fuzz.rs`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a target fails by panicking"
)]
#![allow(unreachable_pub, reason = "public for the programs of `fuzz/`, not for the tests")]

mod capture;
mod chain;
mod config;
mod conversation;
mod feed;
mod frames;
mod http;
mod link;
mod messages;
mod tcp;

pub use capture::capture;
pub use chain::chain;
pub use config::{config, expression};
pub use conversation::conversation;
pub use frames::{frames, search};
pub use http::{extensions, http};
pub use link::link;
pub use messages::{inflate, messages};
pub use tcp::tcp;

/// Panics on bytes for which something does not hold that has to.
pub type Target = fn(&[u8]);

/// Each target with its name: that of its folder of seeds, and of its program.
pub const TARGETS: &[(&str, Target)] = &[
    ("capture", capture),
    ("link", link),
    ("tcp", tcp),
    ("http", http),
    ("extensions", extensions),
    ("frames", frames),
    ("search", search),
    ("messages", messages),
    ("inflate", inflate),
    ("expression", expression),
    ("config", config),
    ("conversation", conversation),
    ("chain", chain),
];
