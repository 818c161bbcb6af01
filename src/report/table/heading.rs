//! An opening → the heading of a connection.

use std::io::{self, Write};

use super::kept::Opened;
use super::line::{BOLD, DIM, Line};
use super::timeline::{Timeline, zoned};
use super::words;
use crate::event::{ConnectionId, Transport};
use crate::http::Outcome;
use crate::report::text::width;

impl<W: Write> Timeline<'_, W> {
    pub(super) fn heading(&mut self, id: ConnectionId, opened: &Opened) -> io::Result<()> {
        let scheme = match opened.transport {
            Transport::Tcp => "ws",
            Transport::Tls => "wss",
        };
        let parties = format!("{} → {}", opened.client, opened.server);
        let start = zoned(opened.start.time, &self.shown.zone).strftime("%Y-%m-%d %H:%M:%S.%6f %Z");
        let name = Line::default().styled(BOLD, format!("Connection {}", id.0)).plain(format!("  {scheme}"));
        if name.width() + 2 + width(&parties) <= self.shown.width {
            self.write(&name.plain("  ").plain(parties))?;
        } else {
            self.write(&name)?;
            self.text(&parties)?;
        }
        self.write(&Line::indent(2).styled(DIM, format!("from packet {}, {start}", opened.start.number)))?;
        if let Some(tunnel) = &opened.tunnel {
            self.text(&format!("through a proxy to {tunnel}"))?;
        }
        if let Some(request) = &opened.request {
            self.text(request)?;
        }
        let from = [("Host", &opened.host), ("Origin", &opened.origin)];
        let from = from.iter().filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)));
        self.joined(from.collect())?;
        self.joined(answer(opened))?;
        for (name, value) in &opened.headers {
            self.text(&format!("  {name}: {value}"))?;
        }
        Ok(())
    }
}

/// Status, latency and what was agreed.
pub(super) fn answer(opened: &Opened) -> Vec<String> {
    let after = opened.latency.map(|latency| format!(" after {}", words::span(latency))).unwrap_or_default();
    let status = opened.status.map(|status| format!("{status} {}", opened.reason)).unwrap_or_default();
    let status = status.trim_end();
    let mut parts = vec![match opened.outcome {
        Outcome::Accepted => format!("{status}{after}"),
        Outcome::Invalid => format!("{status}{after}, but not a valid handshake"),
        Outcome::Refused => format!("refused: {status}{after}"),
        Outcome::Unanswered => "no answer to the upgrade request".to_owned(),
        Outcome::NotCaptured => "the opening handshake was not captured".to_owned(),
    }];
    parts.extend(opened.subprotocol.as_ref().map(|subprotocol| format!("subprotocol {subprotocol}")));
    parts.extend(opened.extensions.iter().cloned());
    parts
}
