//! The end of TCP → the end of a WebSocket connection without a Close.

use crate::event::{Close, CloseHow, Initiator};
use crate::packet::{PacketRef, Side};
use crate::rules::ending::TcpClose;
use crate::rules::handshake::End;

/// How a TCP connection ended.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// Its last packet.
    pub at: PacketRef,
    /// `Fin`, `Reset`, `Idle`, `GivenUp` or `CaptureEnded`.
    pub how: CloseHow,
    /// The first FIN or RST.
    pub(super) first: Option<TcpClose>,
}

impl Ending {
    /// What there is to say of the end when no Close frame was seen.
    pub(super) fn without_close_frame(&self) -> Close {
        let initiator = self.first.map_or(Initiator::Unknown, |first| first.side.into());
        let begun = self.first.map_or(self.at, |first| first.at);
        Close { initiator, how: self.how, tcp: self.first, begun, ..Close::default() }
    }
}

impl From<&Ending> for End {
    fn from(ending: &Ending) -> Self {
        match ending.how {
            CloseHow::CaptureEnded => Self::Capture(ending.at),
            CloseHow::GivenUp => Self::GivenUp(ending.at),
            _ => Self::Connection(ending.at),
        }
    }
}

impl From<Side> for Initiator {
    fn from(side: Side) -> Self {
        match side {
            Side::Client => Self::Client,
            Side::Server => Self::Server,
        }
    }
}
