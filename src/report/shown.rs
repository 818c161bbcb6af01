//! What of the events is shown, and how: the choices of the caller that the reports share.

use jiff::tz::TimeZone;

use crate::event::ConnectionId;

/// The caller's choices. Nothing here is looked up in the environment: terminal, zone and colour come from outside.
#[derive(Clone, Debug)]
pub struct Shown {
    /// How much of each payload.
    pub payload: PayloadMode,
    /// Only these connections, all where there are none; totals stay whole and findings about the capture stay.
    pub connections: Vec<ConnectionId>,
    /// Table: is what comes all that there is?
    pub picked: Picked,
    /// The frames of each message, where the events carry them.
    pub frames: Frames,
    /// With messages or without.
    pub detail: Detail,
    /// Table: what the bytes of each connection were spent on.
    pub statistics: Statistics,
    /// Table: which time a row begins with.
    pub time: TimeStyle,
    /// Table: zone of absolute times. Machine-readable formats are always UTC.
    pub zone: TimeZone,
    /// Table: columns of the display.
    pub width: usize,
    /// Table: with escape sequences for colour or without.
    pub color: Color,
    /// Table: how many connections, messages (with their frames) and findings are kept, each.
    pub rows: usize,
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            payload: PayloadMode::Full,
            connections: Vec::new(),
            picked: Picked::All,
            frames: Frames::Counted,
            detail: Detail::Timeline,
            statistics: Statistics::Hidden,
            time: TimeStyle::Relative,
            zone: TimeZone::UTC,
            width: 80,
            color: Color::Never,
            // About 50 MB of rows: more than anybody reads, less than any machine has.
            rows: 100_000,
        }
    }
}

impl Shown {
    /// Are events of this connection shown? Those of no connection always are.
    pub fn includes(&self, connection: Option<ConnectionId>) -> bool {
        self.connections.is_empty() || connection.is_none_or(|id| self.connections.contains(&id))
    }
}

/// Are statistics shown?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Statistics {
    /// No.
    #[default]
    Hidden,
    /// Below each connection.
    Shown,
}

/// How much of each payload is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayloadMode {
    /// All that was kept: in the table on as many lines as it takes.
    #[default]
    Full,
    /// The first 200 characters of text, 150 bytes of anything else; in the table no more than the line holds.
    Preview,
    /// Nothing: the length is there all the same.
    None,
}

/// Which messages come, of all in the capture. The totals are always those of the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Picked {
    /// All.
    #[default]
    All,
    /// Those that an expression selects.
    Matching,
    /// Those, and messages beside them ([`Report::neighbour`](super::Report::neighbour)).
    WithNeighbours,
}

/// Are the frames of each message shown?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Frames {
    /// Only their number.
    #[default]
    Counted,
    /// Each with its header.
    Listed,
}

/// How much of each connection is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Table: a row in the summary. JSON: all but its messages.
    Summary,
    /// Its messages too.
    #[default]
    Timeline,
}

/// Which time a row of the table begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeStyle {
    /// Seconds since the first packet of the capture.
    #[default]
    Relative,
    /// Only the time since the message before.
    Delta,
    /// Time of day in the zone of choice.
    Absolute,
}

/// With escape sequences for colour or without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// Plain text.
    #[default]
    Never,
    /// ANSI escape sequences.
    Always,
}
