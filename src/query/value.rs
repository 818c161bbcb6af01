//! What an expression is made of while it is evaluated: values and their kinds.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::object::{Object, Shape};

/// A value. It borrows from the facts and from the expression; nothing is copied on the common path.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Bool(bool),
    Int(i64),
    /// UTF-8 by its origin: never checked again.
    Text(Cow<'a, [u8]>),
    /// Nanoseconds since the epoch.
    Time(i64),
    /// Nanoseconds.
    Span(i64),
    List(Arc<[Self]>),
    Object(Object<'a>),
}

/// What a value is, known before any evaluation.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Bool,
    Int,
    Text,
    Time,
    Span,
    /// A list of the facts.
    List(&'static Self),
    /// A list that the expression made.
    Made(Arc<Self>),
    Object(&'static Shape),
}

impl<'a> Value<'a> {
    pub(super) const fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text.as_bytes()))
    }

    /// Counts reach 2^64 - 1 on the wire: what is more than CEL's int holds is its largest.
    pub(super) fn count(count: u64) -> Self {
        Self::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// The same, borrowed from where it stands.
    pub(super) fn borrowed(&'a self) -> Self {
        match self {
            Self::Text(text) => Self::Text(Cow::Borrowed(text)),
            other => other.clone(),
        }
    }

    /// Equal in CEL's sense; values of different kinds were refused before.
    pub(super) fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(left), Self::List(right)) => {
                left.len() == right.len() && left.iter().zip(right.iter()).all(|(a, b)| a.equals(b))
            }
            _ => self.compare(other) == Some(Ordering::Equal),
        }
    }

    /// Strings by code point, which is the order of their bytes.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        Some(match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => left.cmp(right),
            (Self::Int(left), Self::Int(right))
            | (Self::Time(left), Self::Time(right))
            | (Self::Span(left), Self::Span(right)) => left.cmp(right),
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            _ => return None,
        })
    }
}

impl Kind {
    /// What stands for an absent fact: CEL's default of the type, as for an unset field of a protocol buffer.
    pub(super) fn absent<'a>(&self) -> Value<'a> {
        match self {
            Self::Bool => Value::Bool(false),
            Self::Int => Value::Int(0),
            Self::Text => Value::text(""),
            Self::Time => Value::Time(0),
            Self::Span => Value::Span(0),
            Self::List(_) | Self::Made(_) => Value::List(Arc::default()),
            Self::Object(_) => Value::Object(Object::Absent),
        }
    }

    /// What its elements are, of a list.
    pub(super) fn element(&self) -> Option<&Self> {
        match self {
            Self::List(element) => Some(element),
            Self::Made(element) => Some(element),
            _ => None,
        }
    }

    /// Can values of the two be equal?
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self.element(), other.element()) {
            (Some(left), Some(right)) => left.is_like(right),
            _ => self == other,
        }
    }

    /// Do they have an order?
    pub(super) const fn is_ordered(&self) -> bool {
        matches!(self, Self::Bool | Self::Int | Self::Text | Self::Time | Self::Span)
    }

    /// Can they be told equal?
    pub(super) fn is_comparable(&self) -> bool {
        self.is_ordered() || self.element().is_some_and(Self::is_comparable)
    }
}

/// As CEL calls it, and a shape by its own name.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Text => f.write_str("string"),
            Self::Time => f.write_str("timestamp"),
            Self::Span => f.write_str("duration"),
            Self::List(element) => write!(f, "list({element})"),
            Self::Made(element) => write!(f, "list({element})"),
            Self::Object(shape) => f.write_str(shape.name),
        }
    }
}
