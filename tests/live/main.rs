//! `wspect live` on real networks: two network namespaces, a WebSocket server and clients in them, and what wspect says held
//! against what the endpoints logged. Skipped, with the reason, where namespaces are not allowed.

#![cfg(all(feature = "live", target_os = "linux"))]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may fail by panicking, and these meet real files, clocks and networks"
)]

/// Ctrl-C, limits, broken pipes, interfaces that go away.
mod ends;
/// libpcap, there and not there; what is typed wrong.
mod loading;
/// What the capture must hold, on a good link, on a bad one and under load.
mod messages;
/// Two or three network namespaces and their links.
mod network;
/// The WebSocket endpoints, each a process of this test.
mod peers;
/// `--redact`, in both formats.
mod privacy;
/// What root has left when the interfaces are open.
mod privileges;
/// A link that loses and reorders.
mod relay;
/// Half an hour of connections, when it is asked for.
mod soak;
/// `--write`, judged by tshark.
mod stored;
/// wspect as a process that is watched.
mod watcher;
