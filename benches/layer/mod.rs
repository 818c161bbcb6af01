//! Each layer by itself, on the same items every time: what `layers` times and what `instructions` counts.
//!
//! A layer that is private to the library is measured through the nearest public one, as its comment says.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "what is measured is made here"
)]

mod network;
mod output;
mod websocket;

/// One layer and what it is given.
pub(crate) struct Layer {
    /// What one run takes.
    pub(crate) items: u64,
    pub(crate) bytes: u64,
    run: Box<dyn FnMut() -> u64>,
}

impl Layer {
    fn new(items: u64, bytes: u64, run: impl FnMut() -> u64 + 'static) -> Self {
        Self { items, bytes, run: Box::new(run) }
    }

    /// Takes all items once; says something that depends on each.
    pub(crate) fn run(&mut self) -> u64 {
        (self.run)()
    }
}

/// The names of all, from the packet to the line.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    LAYERS.iter().map(|(name, _)| *name)
}

/// The layer of that name, ready to run.
pub(crate) fn named(name: &str) -> Option<Layer> {
    LAYERS.iter().find(|(known, _)| *known == name).map(|(_, make)| make())
}

type Make = fn() -> Layer;

const LAYERS: &[(&str, Make)] = &[
    ("records", network::records),
    ("decode", network::decode),
    ("decode uncommon", network::decode_uncommon),
    ("flow look-up", network::flows),
    ("reassembly in order", network::in_order),
    ("reassembly out of order", network::out_of_order),
    ("frames 16 B", || websocket::frames(16)),
    ("frames 128 B", || websocket::frames(128)),
    ("frames 64 KiB", || websocket::frames(1 << 16)),
    ("unmask 16 B", || websocket::unmasking(16)),
    ("unmask 128 B", || websocket::unmasking(128)),
    ("unmask 64 KiB", || websocket::unmasking(1 << 16)),
    ("messages 128 B", || websocket::messages(128)),
    ("messages 64 KiB", || websocket::messages(1 << 16)),
    ("inflate", websocket::inflate),
    ("UTF-8 128 B ASCII", || websocket::utf8(websocket::ASCII, 128)),
    ("UTF-8 128 B mixed", || websocket::utf8(websocket::MIXED, 128)),
    ("UTF-8 64 KiB ASCII", || websocket::utf8(websocket::ASCII, 1 << 16)),
    ("UTF-8 64 KiB mixed", || websocket::utf8(websocket::MIXED, 1 << 16)),
    ("JSON 128 B text", || output::json(websocket::ASCII, 128)),
    ("JSON 128 B to escape", || output::json(output::TO_ESCAPE, 128)),
    ("JSON 64 KiB text", || output::json(websocket::ASCII, 1 << 16)),
    ("JSON 64 KiB binary", output::json_binary),
];
