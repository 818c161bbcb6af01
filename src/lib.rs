//! A passive packet-capture analyzer for WebSocket: capture file → TCP streams → HTTP upgrade → frames → messages, with
//! findings about what either side did wrong.
//!
//! A capture is a [`capture::Source`] of packets, [`pipeline::analyze`] reads it to its end, and what it finds comes as
//! a stream of [`event::Event`]s into a [`event::Sink`]; a `Vec` is one.
//!
//! ```
//! use wspect::event::EventKind;
//!
//! let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/01_seed_ws_hello.pcap");
//! let options = wspect::connection::Options::default();
//! let mut source = wspect::capture::open(&[path.to_owned()], &options.limits)?;
//! let mut events = Vec::new();
//! wspect::pipeline::analyze(&mut source, &options, &mut events)?;
//! for event in &events {
//!     if let EventKind::Message(timeline) = &event.kind {
//!         println!("{:?}: {}", timeline.sender, String::from_utf8_lossy(&timeline.message.payload));
//!     }
//! }
//! # assert!(events.iter().any(|event| format!("{event:?}").contains("Client")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A test, or whoever has the memory, takes a capture as one value: [`read`]. [`check`] judges it, and [`diff`] compares two.
//!
//! The modules stand in layer order: each may use those above it, as `docs/architecture.md` says and
//! `tests/layers.rs` holds.

mod ahead;
mod decimal;
pub mod limits;
pub mod packet;
mod room;
mod word;

pub mod capture;

pub mod decode;
pub mod tcp;

pub mod http;
pub mod websocket;

pub mod rules;

pub mod event;

pub mod connection;
pub mod pipeline;

pub mod document;
pub mod query;
pub mod redact;

mod align;
pub mod check;
pub mod diff;
pub mod report;

pub mod cli;

pub use document::read;
