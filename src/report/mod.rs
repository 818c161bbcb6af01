//! Events → what people and programs read: the only output.

pub mod catalogue;
pub mod checked;
mod compact;
pub mod differences;
mod escaped;
pub mod json;
pub mod ndjson;
#[cfg(test)]
mod sample;
pub mod schema;
mod shown;
pub mod table;
pub mod text;
mod view;

use std::io;

use crate::event::{ConnectionId, Event, Scribe, Totals};
use crate::packet::CaptureInfo;

pub(crate) use escaped::json as escaped_json;
pub use json::Json;
pub use ndjson::Ndjson;
pub use shown::{Color, Detail, Frames, PayloadMode, Picked, Shown, Statistics, TimeStyle};
pub use table::{Scroll, Table};

/// One way to show the events of a capture. Errors are those of the writer behind it.
pub trait Report {
    /// Before the first event: the inputs as known at the start (path and format).
    ///
    /// # Errors
    /// What the writer says.
    fn begin(&mut self, inputs: &[CaptureInfo]) -> io::Result<()>;

    /// Takes one event.
    ///
    /// # Errors
    /// What the writer says.
    fn event(&mut self, event: &Event) -> io::Result<()>;

    /// Takes one event that is shown only for standing beside a selected message.
    ///
    /// # Errors
    /// What the writer says.
    fn neighbour(&mut self, event: &Event) -> io::Result<()> {
        self.event(event)
    }

    /// Who writes events on whichever thread finds them ([`Sink::scribe`](crate::event::Sink::scribe)).
    fn scribe(&self) -> Option<Box<dyn Scribe>> {
        None
    }

    /// Takes an event as a scribe wrote it, with room for the id of its connection behind so many bytes.
    ///
    /// # Errors
    /// What the writer says.
    fn written(&mut self, connection: ConnectionId, text: &mut [u8], before_id: usize) -> io::Result<()> {
        let _ = (connection, text, before_id);
        Ok(())
    }

    /// After the last event.
    ///
    /// # Errors
    /// What the writer says.
    fn finish(&mut self, totals: &Totals) -> io::Result<()>;
}
