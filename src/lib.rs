//! A passive packet-capture analyzer for WebSocket. The modules stand in layer order: each may use those above
//! it, as `docs/architecture.md` says and `tests/layers.rs` holds.

pub mod limits;
pub mod packet;

pub mod capture;

pub mod decode;
pub mod tcp;

pub mod http;
pub mod websocket;

pub mod rules;

pub mod event;

pub mod connection;
pub mod pipeline;

pub mod report;

pub mod cli;
