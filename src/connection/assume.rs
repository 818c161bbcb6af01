//! What the user knows of connections whose opening handshake the capture does not show.

use crate::http::Extension;
use crate::packet::Endpoint;

/// What is taken for granted where the opening handshake is not in the capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assumptions {
    /// Which connections are WebSocket, whether or not their frames prove it.
    pub websocket: Assumed,
    /// Which extensions are in use; `None` where RSV1 is to tell.
    pub extensions: Option<Vec<Extension>>,
}

/// Connections that are WebSocket, because somebody says so. One that begins with HTTP or TLS is read as that all the
/// same. Of the others, a legal frame header where a segment begins is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Assumed {
    /// None.
    #[default]
    None,
    /// Whatever is neither HTTP nor TLS.
    All,
    /// Those to servers on these ports.
    Ports(Vec<u16>),
}

impl Assumed {
    pub(super) fn covers(&self, ends: [Endpoint; 2]) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Ports(_) => ends.iter().any(|end| self.names(*end)),
        }
    }

    /// Which of two endpoints is the server, as far as the ports tell.
    pub(super) fn server(&self, ends: [Endpoint; 2]) -> Option<Endpoint> {
        match ends.map(|end| self.names(end)) {
            [true, false] => ends.first().copied(),
            [false, true] => ends.last().copied(),
            _ => None,
        }
    }

    fn names(&self, end: Endpoint) -> bool {
        matches!(self, Self::Ports(ports) if ports.contains(&end.port))
    }
}
