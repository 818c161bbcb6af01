//! A checked expression and values → its value.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use memchr::memmem::Finder;
use regex::bytes::Regex;

use super::object::{Field, Object};
use super::value::Value;
use crate::packet::Timestamp;

/// A checked expression: every value has the kind that its place asks for.
#[derive(Debug)]
pub(super) enum Node {
    Constant(Value<'static>),
    /// One of the variables that the caller gives.
    Root(usize),
    /// A variable of a macro, the innermost being 0.
    Local(usize),
    Field(Box<Self>, &'static Field),
    Has(Box<Self>, &'static Field),
    Not(Box<Self>),
    And(Box<[Self; 2]>),
    Or(Box<[Self; 2]>),
    If(Box<[Self; 3]>),
    Compare(Relation, Box<[Self; 2]>),
    In(Box<[Self; 2]>),
    Arithmetic(Operator, Box<[Self; 2]>, Offset),
    Negate(Box<Self>, Offset),
    Index(Box<[Self; 2]>, Offset),
    List(Vec<Self>),
    Contains(Box<Self>, Box<Finder<'static>>),
    Matches(Box<Self>, Box<Regex>),
    Call(Function, Vec<Self>, Offset),
    Fold(Fold, Box<[Self; 2]>),
}

/// Where in the source a fault would arise, in bytes.
pub(super) type Offset = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// Functions of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    LowerAscii,
    UpperAscii,
    ToInt,
    ToText,
}

/// The macros that go through a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fold {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

/// An evaluation that has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) what: &'static str,
    pub(super) at: Offset,
}

/// The variables in reach.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope<'s, 'a> {
    Roots(&'s [Value<'a>]),
    Inner(&'s Value<'a>, &'s Self),
}

impl<'s, 'a> Scope<'s, 'a> {
    fn root(&self, number: usize) -> Option<&'s Value<'a>> {
        match self {
            Self::Roots(values) => values.get(number),
            Self::Inner(_, outer) => outer.root(number),
        }
    }

    fn local(&self, depth: usize) -> Option<&'s Value<'a>> {
        match (self, depth.checked_sub(1)) {
            (Self::Inner(value, _), None) => Some(value),
            (Self::Inner(_, outer), Some(depth)) => outer.local(depth),
            (Self::Roots(_), _) => None,
        }
    }
}

type Outcome<'a> = Result<Value<'a>, Fault>;

impl Node {
    /// Its value. Faults are those that CEL's have at run time: overflow, division by zero, an index beyond
    /// the end, a text that is no number.
    pub(super) fn evaluate<'a>(&'a self, scope: &Scope<'_, 'a>) -> Outcome<'a> {
        match self {
            Self::Constant(value) => Ok(value.borrowed()),
            Self::Root(number) => scope.root(*number).cloned().ok_or(MISTYPED),
            Self::Local(depth) => scope.local(*depth).cloned().ok_or(MISTYPED),
            Self::Field(object, field) => {
                Ok((field.fact)(object.object(scope)?).unwrap_or_else(|| field.kind.absent()))
            }
            Self::Index(pair, at) => index(pair, scope, *at),
            Self::If(parts) => {
                let [condition, yes, no] = parts.as_ref();
                if condition.holds(scope)? { yes } else { no }.evaluate(scope)
            }
            Self::Arithmetic(operator, pair, at) => {
                let [left, right] = both(pair, scope)?;
                calculate(*operator, &left, &right, *at)
            }
            Self::Negate(operand, at) => match operand.evaluate(scope)? {
                Value::Int(number) => number.checked_neg().map(Value::Int).ok_or(overflow(*at)),
                Value::Span(span) => span.checked_neg().map(Value::Span).ok_or(overflow(*at)),
                _ => Err(MISTYPED),
            },
            Self::List(elements) => {
                let elements: Result<Vec<_>, _> = elements.iter().map(|each| each.evaluate(scope)).collect();
                Ok(Value::List(elements?.into()))
            }
            Self::Call(function, arguments, at) => call(*function, arguments, scope, *at),
            Self::Fold(fold @ (Fold::Filter | Fold::Map), parts) => gather(*fold, parts, scope),
            _ => self.holds(scope).map(Value::Bool),
        }
    }

    /// The value of an expression that is a bool.
    pub(super) fn holds<'a>(&'a self, scope: &Scope<'_, 'a>) -> Result<bool, Fault> {
        match self {
            Self::And(pair) => decided(false, pair, scope),
            Self::Or(pair) => decided(true, pair, scope),
            Self::Not(operand) => operand.holds(scope).map(|value| !value),
            Self::Has(object, field) => Ok((field.fact)(object.object(scope)?).is_some()),
            Self::Compare(relation, pair) => {
                let [left, right] = pair.as_ref();
                let left = left.evaluate(scope)?;
                match right {
                    Self::Constant(right) => Ok(relation.holds(&left, right)),
                    _ => Ok(relation.holds(&left, &right.evaluate(scope)?)),
                }
            }
            Self::In(pair) => match both(pair, scope)? {
                [value, Value::List(list)] => Ok(list.iter().any(|each| each.equals(&value))),
                _ => Err(MISTYPED),
            },
            Self::Contains(text, needle) => Ok(needle.find(&text.text(scope)?).is_some()),
            Self::Matches(text, pattern) => Ok(pattern.is_match(&text.text(scope)?)),
            Self::Fold(fold @ (Fold::All | Fold::Exists | Fold::ExistsOne), parts) => {
                quantify(*fold, parts, scope)
            }
            _ => match self.evaluate(scope)? {
                Value::Bool(value) => Ok(value),
                _ => Err(MISTYPED),
            },
        }
    }

    fn text<'a>(&'a self, scope: &Scope<'_, 'a>) -> Result<Cow<'a, [u8]>, Fault> {
        match self.evaluate(scope)? {
            Value::Text(text) => Ok(text),
            _ => Err(MISTYPED),
        }
    }

    fn object<'a>(&'a self, scope: &Scope<'_, 'a>) -> Result<Object<'a>, Fault> {
        if let Self::Root(number) = self
            && let Some(Value::Object(object)) = scope.root(*number)
        {
            return Ok(*object);
        }
        match self.evaluate(scope)? {
            Value::Object(object) => Ok(object),
            _ => Err(MISTYPED),
        }
    }

    fn list<'a>(&'a self, scope: &Scope<'_, 'a>) -> Result<Arc<[Value<'a>]>, Fault> {
        match self.evaluate(scope)? {
            Value::List(list) => Ok(list),
            _ => Err(MISTYPED),
        }
    }
}

/// Checking leaves no way here; nothing depends on it that could harm.
const MISTYPED: Fault = Fault { what: "a value of another type than was checked", at: 0 };

const fn overflow(at: Offset) -> Fault {
    Fault { what: "overflow", at }
}

fn both<'a>(pair: &'a [Node; 2], scope: &Scope<'_, 'a>) -> Result<[Value<'a>; 2], Fault> {
    let [left, right] = pair;
    Ok([left.evaluate(scope)?, right.evaluate(scope)?])
}

/// `&&` (decided by false) and `||` (by true): a fault on one side does not matter where the other decides.
fn decided<'a>(by: bool, pair: &'a [Node; 2], scope: &Scope<'_, 'a>) -> Result<bool, Fault> {
    let [left, right] = pair;
    match left.holds(scope) {
        Ok(value) if value == by => Ok(by),
        Ok(_) => right.holds(scope),
        Err(fault) => {
            if right.holds(scope) == Ok(by) {
                Ok(by)
            } else {
                Err(fault)
            }
        }
    }
}

impl Relation {
    fn holds(self, left: &Value<'_>, right: &Value<'_>) -> bool {
        let is = |wanted: fn(Ordering) -> bool| left.compare(right).is_some_and(wanted);
        match self {
            Self::Equal => left.equals(right),
            Self::NotEqual => !left.equals(right),
            Self::Less => is(Ordering::is_lt),
            Self::LessOrEqual => is(Ordering::is_le),
            Self::Greater => is(Ordering::is_gt),
            Self::GreaterOrEqual => is(Ordering::is_ge),
        }
    }
}

fn calculate<'a>(operator: Operator, left: &Value<'a>, right: &Value<'a>, at: Offset) -> Outcome<'a> {
    use Operator::{Add, Subtract};
    let value = match (operator, left, right) {
        (_, Value::Int(left), Value::Int(right)) => return whole(operator, *left, *right, at),
        (Add, Value::Text(left), Value::Text(right)) => {
            return Ok(Value::Text([left.as_ref(), right.as_ref()].concat().into()));
        }
        (Add, Value::List(left), Value::List(right)) => {
            return Ok(Value::List(left.iter().chain(right.iter()).cloned().collect()));
        }
        (Add, Value::Time(time), Value::Span(span)) | (Add, Value::Span(span), Value::Time(time)) => {
            time.checked_add(*span).map(Value::Time)
        }
        (Subtract, Value::Time(time), Value::Span(span)) => time.checked_sub(*span).map(Value::Time),
        (Subtract, Value::Time(left), Value::Time(right)) => left.checked_sub(*right).map(Value::Span),
        (Add, Value::Span(left), Value::Span(right)) => left.checked_add(*right).map(Value::Span),
        (Subtract, Value::Span(left), Value::Span(right)) => left.checked_sub(*right).map(Value::Span),
        _ => return Err(MISTYPED),
    };
    value.ok_or(overflow(at))
}

fn whole<'a>(operator: Operator, left: i64, right: i64, at: Offset) -> Outcome<'a> {
    let divides = matches!(operator, Operator::Divide | Operator::Modulo);
    if divides && right == 0 {
        return Err(Fault { what: "division by zero", at });
    }
    let value = match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide => left.checked_div(right),
        Operator::Modulo => left.checked_rem(right),
    };
    value.map(Value::Int).ok_or(overflow(at))
}

fn index<'a>(pair: &'a [Node; 2], scope: &Scope<'_, 'a>, at: Offset) -> Outcome<'a> {
    let [list, place] = pair;
    let (list, Value::Int(place)) = (list.list(scope)?, place.evaluate(scope)?) else { return Err(MISTYPED) };
    let value = usize::try_from(place).ok().and_then(|place| list.get(place));
    value.cloned().ok_or(Fault { what: "an index beyond the end of its list", at })
}

fn call<'a>(function: Function, arguments: &'a [Node], scope: &Scope<'_, 'a>, at: Offset) -> Outcome<'a> {
    let argument = |n: usize| arguments.get(n).ok_or(MISTYPED).and_then(|node| node.evaluate(scope));
    let value = argument(0)?;
    let two_texts = |judge: fn(&[u8], &[u8]) -> bool| match (&value, argument(1)?) {
        (Value::Text(text), Value::Text(part)) => Ok(Value::Bool(judge(text, &part))),
        _ => Err(MISTYPED),
    };
    match (function, &value) {
        (Function::Size, Value::Text(text)) => Ok(Value::count(code_points(text))),
        (Function::Size, Value::List(list)) => Ok(Value::count(list.len() as u64)),
        (Function::Contains, _) => two_texts(|text, part| memchr::memmem::find(text, part).is_some()),
        (Function::StartsWith, _) => two_texts(<[u8]>::starts_with),
        (Function::EndsWith, _) => two_texts(<[u8]>::ends_with),
        (Function::LowerAscii, Value::Text(text)) => Ok(Value::Text(text.to_ascii_lowercase().into())),
        (Function::UpperAscii, Value::Text(text)) => Ok(Value::Text(text.to_ascii_uppercase().into())),
        (Function::ToInt, Value::Text(text)) => std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok())
            .map(Value::Int)
            .ok_or(Fault { what: "a text that is no whole number", at }),
        (Function::ToInt, Value::Time(time)) => Ok(Value::Int(time.div_euclid(1_000_000_000))),
        (Function::ToInt, Value::Int(_)) | (Function::ToText, Value::Text(_)) => Ok(value),
        (Function::ToText, Value::Int(number)) => Ok(written(number)),
        (Function::ToText, Value::Bool(flag)) => Ok(written(flag)),
        (Function::ToText, Value::Time(time)) => Ok(written(&Timestamp::from_nanos(*time))),
        _ => Err(MISTYPED),
    }
}

/// `size` of a text counts these.
fn code_points(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte & 0xc0 != 0x80).count() as u64
}

fn written<'a>(value: &impl ToString) -> Value<'a> {
    Value::Text(value.to_string().into_bytes().into())
}

/// `all`, `exists`: as `&&` and `||` over the elements. `exists_one`: any fault is one.
fn quantify<'a>(fold: Fold, parts: &'a [Node; 2], scope: &Scope<'_, 'a>) -> Result<bool, Fault> {
    let [range, body] = parts;
    let mut fault = None;
    let mut found = 0_u64;
    for element in range.list(scope)?.iter() {
        match body.holds(&Scope::Inner(element, scope)) {
            Ok(holds) if fold != Fold::ExistsOne && holds == (fold == Fold::Exists) => return Ok(holds),
            Ok(holds) => found += u64::from(holds),
            Err(later) => fault = fault.or(Some(later)),
        }
    }
    match fault {
        Some(fault) => Err(fault),
        None => Ok(match fold {
            Fold::All => true,
            Fold::ExistsOne => found == 1,
            _ => false,
        }),
    }
}

fn gather<'a>(fold: Fold, parts: &'a [Node; 2], scope: &Scope<'_, 'a>) -> Outcome<'a> {
    let [range, body] = parts;
    let mut gathered = Vec::new();
    for element in range.list(scope)?.iter() {
        let inner = Scope::Inner(element, scope);
        match fold {
            Fold::Map => gathered.push(body.evaluate(&inner)?),
            _ if body.holds(&inner)? => gathered.push(element.clone()),
            _ => {}
        }
    }
    Ok(Value::List(gathered.into()))
}
