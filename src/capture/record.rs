//! What the parsers of both capture formats say to their reader.

use std::borrow::Cow;
use std::ops::Range;

use nom::error::{ErrorKind, ParseError};

use crate::packet::{LinkType, Timestamp};

/// A parser's answer. `Incomplete` asks for more bytes; an error is final: what stands there is garbage.
pub(crate) type Parsed<'a, T> = nom::IResult<&'a [u8], T, Garbage>;

/// What stood at the front of the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// A packet.
    Packet(Record),
    /// Something else, which the parser took note of.
    Other,
    /// The beginning of something that nobody needs; so many bytes after it are to be stepped over.
    Skip(usize),
}

/// A packet, its bytes still in the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) time: Timestamp,
    pub(crate) link: LinkType,
    /// Never less than the length of `data`: some writers leave it 0.
    pub(crate) original_len: usize,
    /// Where in the window the captured bytes are.
    pub(crate) data: Range<usize>,
}

/// Why bytes can't be what they should be: a lower-case fragment for one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Garbage(pub(crate) Cow<'static, str>);

impl Garbage {
    /// The verdict as a parser returns it.
    pub(crate) fn found<T>(detail: impl Into<Cow<'static, str>>) -> Result<T, nom::Err<Self>> {
        Err(nom::Err::Failure(Self(detail.into())))
    }
}

impl<I> ParseError<I> for Garbage {
    fn from_error_kind(_: I, _: ErrorKind) -> Self {
        Self(Cow::Borrowed("a record that contradicts itself"))
    }

    fn append(_: I, _: ErrorKind, first: Self) -> Self {
        first
    }
}

/// A length field of the file as a length in memory.
pub(crate) fn length(field: u32) -> usize {
    usize::try_from(field).unwrap_or(usize::MAX)
}
