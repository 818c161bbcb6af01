//! An expression that does not hold → the element of the capture and the comparison that decide.

use super::evaluate::{Fold, Node, Relation, Scope};
use super::object::Object;
use super::value::Value;

/// From the outside to the inside, a phrase each.
pub(super) fn explain<'a>(node: &'a Node, scope: &Scope<'_, 'a>) -> Vec<String> {
    let mut said = Vec::new();
    look(node, false, scope, &mut said);
    said
}

/// Why `node` is what it is. What can't be told any more is left out: this only illustrates.
fn look<'a>(node: &'a Node, is: bool, scope: &Scope<'_, 'a>, said: &mut Vec<String>) {
    match node {
        Node::Not(operand) => look(operand, !is, scope, said),
        Node::And(pair) | Node::Or(pair) => {
            let deciding = pair.iter().filter(|side| side.holds(scope) == Ok(is));
            deciding.for_each(|side| look(side, is, scope, said));
        }
        Node::If(parts) => {
            let [condition, yes, no] = parts.as_ref();
            if let Ok(holds) = condition.holds(scope) {
                look(if holds { yes } else { no }, is, scope, said);
            }
        }
        Node::Compare(relation, pair) => {
            let [left, right] = pair.as_ref();
            if let (Ok(left), Ok(right)) = (left.evaluate(scope), right.evaluate(scope)) {
                said.push(format!("{} {} {}", shown(&left), symbol(*relation), shown(&right)));
            }
        }
        Node::Fold(fold, parts) => quantified(*fold, parts, is, scope, said),
        Node::Has(_, field) => {
            said.push(format!("{} is {}", field.name, if is { "there" } else { "absent" }));
        }
        Node::Field(_, field) => said.push(format!("{} is {is}", field.name)),
        Node::Contains(text, _) | Node::Matches(text, _) => value(text, scope, said),
        Node::In(pair) => {
            let [element, _] = pair.as_ref();
            value(element, scope, said);
        }
        Node::Call(_, arguments, _) => {
            if let Some(first) = arguments.first() {
                value(first, scope, said);
            }
        }
        _ => {}
    }
}

fn value<'a>(node: &'a Node, scope: &Scope<'_, 'a>, said: &mut Vec<String>) {
    said.extend(node.evaluate(scope).ok().map(|value| shown(&value)));
}

/// The first element that decides, and why it does; how many, where none does.
fn quantified<'a>(fold: Fold, parts: &'a [Node; 2], is: bool, scope: &Scope<'_, 'a>, said: &mut Vec<String>) {
    let [range, body] = parts;
    let Ok(Value::List(elements)) = range.evaluate(scope) else { return };
    let of = |wanted: bool| {
        elements.iter().filter(move |element| body.holds(&Scope::Inner(element, scope)) == Ok(wanted))
    };
    match (fold, is) {
        (Fold::All, false) | (Fold::Exists, true) => {
            if let Some(element) = of(is).next() {
                said.push(shown(element));
                look(body, is, &Scope::Inner(element, scope), said);
            }
        }
        (Fold::Exists, false) => said.push(format!("none of {}", elements.len())),
        (Fold::ExistsOne, _) => said.push(format!("{} of {}", of(true).count(), elements.len())),
        _ => {}
    }
}

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => quoted(text),
        Value::Time(nanos) => crate::packet::Timestamp::from_nanos(*nanos).to_string(),
        Value::Span(nanos) => format!("{nanos} ns"),
        Value::List(elements) => {
            let first: Vec<_> = elements.iter().take(SHOWN_ELEMENTS).map(shown).collect();
            let more = if elements.len() > SHOWN_ELEMENTS { ", …" } else { "" };
            format!("[{}{more}]", first.join(", "))
        }
        Value::Object(object) => named(*object),
    }
}

fn named(object: Object<'_>) -> String {
    match object {
        Object::Connection(connection) => format!("connection {}", connection.id.0),
        Object::Message((id, message)) => format!("message {} of connection {}", message.index, id.0),
        Object::Finding((_, finding)) => format!("{}: {}", finding.rule.name, finding.detail),
        _ => "an object".to_owned(),
    }
}

fn quoted(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let first: String = text.chars().take(SHOWN_CHARACTERS).collect();
    format!("{first:?}{}", if first.len() < text.len() { "…" } else { "" })
}

const fn symbol(relation: Relation) -> &'static str {
    match relation {
        Relation::Equal => "==",
        Relation::NotEqual => "!=",
        Relation::Less => "<",
        Relation::LessOrEqual => "<=",
        Relation::Greater => ">",
        Relation::GreaterOrEqual => ">=",
    }
}

/// Of a text and of a list: what fits beside the rest in a line.
const SHOWN_CHARACTERS: usize = 60;
const SHOWN_ELEMENTS: usize = 5;
