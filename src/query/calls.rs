//! Calls of functions and macros → checked calls.

use cel::common::ast::{CallExpr, Expr, IdedExpr};
use memchr::memmem::Finder;
use regex::bytes::RegexBuilder;

use super::check::{Checked, Checker};
use super::evaluate::{Fold, Function, Node};
use super::names::{listed, nearest};
use super::problem::Problem;
use super::value::{Kind, Value};

/// `name(…)` and `target.name(…)`.
pub(super) fn call(checker: &mut Checker<'_>, tree: &IdedExpr, call: &CallExpr) -> Checked {
    let name = call.func_name.as_str();
    let target = call.target.as_deref();
    match (name, target, call.args.as_slice()) {
        ("has", None, [field]) => has(checker, tree, field),
        ("timestamp", None, [text]) => timestamp(checker, text),
        ("duration", None, [text]) => duration(checker, text),
        ("matches", Some(text), [pattern]) | ("matches", None, [text, pattern]) => {
            matches(checker, text, pattern)
        }
        ("map", Some(list), [variable, filter, body]) => {
            let chosen = folded(checker, Fold::Filter, list, [variable, filter])?;
            map(checker, chosen, [variable, body])
        }
        ("map", Some(list), [variable, body]) => {
            let list = checker.node(list)?;
            map(checker, list, [variable, body])
        }
        (_, Some(list), [variable, body]) if let Some(fold) = fold(name) => {
            folded(checker, fold, list, [variable, body])
        }
        (_, Some(target), arguments) => {
            let all: Vec<_> = std::iter::once(target).chain(arguments).collect();
            function(checker, tree, name, &all)
        }
        (_, None, arguments) => function(checker, tree, name, &arguments.iter().collect::<Vec<_>>()),
    }
}

/// Functions as they are written, with what they take and give; of the alternatives the first that fits.
const FUNCTIONS: &[(&str, Function, &[Kind], Kind)] = &[
    ("size", Function::Size, &[Kind::Text], Kind::Int),
    ("contains", Function::Contains, &[Kind::Text, Kind::Text], Kind::Bool),
    ("startsWith", Function::StartsWith, &[Kind::Text, Kind::Text], Kind::Bool),
    ("endsWith", Function::EndsWith, &[Kind::Text, Kind::Text], Kind::Bool),
    ("lowerAscii", Function::LowerAscii, &[Kind::Text], Kind::Text),
    ("upperAscii", Function::UpperAscii, &[Kind::Text], Kind::Text),
    ("int", Function::ToInt, &[Kind::Text], Kind::Int),
    ("int", Function::ToInt, &[Kind::Int], Kind::Int),
    ("int", Function::ToInt, &[Kind::Time], Kind::Int),
    ("string", Function::ToText, &[Kind::Text], Kind::Text),
    ("string", Function::ToText, &[Kind::Int], Kind::Text),
    ("string", Function::ToText, &[Kind::Bool], Kind::Text),
    ("string", Function::ToText, &[Kind::Time], Kind::Text),
];

/// What is not in the list of functions.
const MACROS: [&str; 9] =
    ["has", "all", "exists", "exists_one", "filter", "map", "matches", "timestamp", "duration"];

fn function(checker: &mut Checker<'_>, tree: &IdedExpr, name: &str, arguments: &[&IdedExpr]) -> Checked {
    if MACROS.contains(&name) {
        return Err(checker
            .parsed
            .problem(tree, format!("`{name}` is used in another way: {}", usage(name))));
    }
    if !FUNCTIONS.iter().any(|(known, ..)| *known == name) {
        return Err(unknown_function(checker, tree, name));
    }
    let checked: Result<Vec<_>, Problem> = arguments.iter().map(|each| checker.node(each)).collect();
    let (nodes, kinds): (Vec<_>, Vec<_>) = checked?.into_iter().unzip();
    if let ("size", [kind]) = (name, kinds.as_slice())
        && kind.element().is_some()
    {
        return Ok((Node::Call(Function::Size, nodes, checker.parsed.offset(tree)), Kind::Int));
    }
    let fitting = FUNCTIONS.iter().find(|(known, _, takes, _)| *known == name && *takes == kinds.as_slice());
    let Some((_, function, _, gives)) = fitting else {
        let kinds: Vec<_> = kinds.iter().map(ToString::to_string).collect();
        let what = format!(
            "`{name}` does not take {}",
            if kinds.is_empty() { "nothing".into() } else { kinds.join(" and ") }
        );
        return Err(checker.parsed.problem(tree, what));
    };
    Ok((specialised(*function, nodes, checker.parsed.offset(tree)), gives.clone()))
}

/// A text that is searched for in each message is prepared once.
fn specialised(function: Function, mut nodes: Vec<Node>, at: usize) -> Node {
    if function == Function::Contains
        && matches!(nodes.last(), Some(Node::Constant(_)))
        && let (Some(Node::Constant(Value::Text(needle))), Some(text)) = (nodes.pop(), nodes.pop())
    {
        return Node::Contains(text.into(), Finder::new(&needle).into_owned().into());
    }
    Node::Call(function, nodes, at)
}

fn unknown_function(checker: &Checker<'_>, tree: &IdedExpr, name: &str) -> Problem {
    let mut names: Vec<_> = FUNCTIONS.iter().map(|(name, ..)| *name).chain(MACROS).collect();
    names.dedup();
    let near = nearest(name, names.iter().copied());
    let help = if near.is_empty() { listed(names.into_iter()) } else { format!("did you mean {near}?") };
    checker.parsed.problem(tree, format!("there is no function `{name}`: {help}"))
}

fn usage(name: &str) -> &'static str {
    match name {
        "has" => "has(m.text)",
        "matches" => "m.text.matches(\"^a.*z$\")",
        "timestamp" => "timestamp(\"2026-11-21T09:45:00Z\")",
        "duration" => "duration(\"1.5s\")",
        "map" => "list.map(x, …)",
        "filter" => "list.filter(x, …)",
        "all" => "list.all(x, …)",
        "exists" => "list.exists(x, …)",
        _ => "list.exists_one(x, …)",
    }
}

fn has(checker: &mut Checker<'_>, tree: &IdedExpr, argument: &IdedExpr) -> Checked {
    let Expr::Select(select) = &argument.expr else {
        return Err(checker.parsed.problem(tree, format!("`has` asks for a field: {}", usage("has"))));
    };
    let (object, field) = checker.field(argument, &select.operand, &select.field)?;
    Ok((Node::Has(object.into(), field), Kind::Bool))
}

/// A regular expression of RE2's sort, which never takes more than linear time; it is compiled once.
fn matches(checker: &mut Checker<'_>, text: &IdedExpr, pattern: &IdedExpr) -> Checked {
    let text = checker.of_kind(text, &Kind::Text)?;
    let source = constant_text(checker, pattern)?;
    let compiled = RegexBuilder::new(&source).size_limit(REGEX_SIZE).build();
    match compiled {
        Ok(regex) => Ok((Node::Matches(text.into(), regex.into()), Kind::Bool)),
        Err(error) => {
            let said = error.to_string();
            let why = said.lines().last().unwrap_or_default().trim_start_matches("error: ");
            Err(checker.parsed.problem(pattern, format!("not a regular expression: {why}")))
        }
    }
}

/// Of the compiled form, in bytes: more than any pattern that a person types.
const REGEX_SIZE: usize = 1 << 20;

fn timestamp(checker: &mut Checker<'_>, text: &IdedExpr) -> Checked {
    let source = constant_text(checker, text)?;
    let time = source.parse::<jiff::Timestamp>().ok();
    let nanos = time.and_then(|time| i64::try_from(time.as_nanosecond()).ok());
    match nanos {
        Some(nanos) => Ok((Node::Constant(Value::Time(nanos)), Kind::Time)),
        None => {
            let what = "not a time in RFC 3339, like 2026-11-21T09:45:00Z";
            Err(checker.parsed.problem(text, what))
        }
    }
}

fn duration(checker: &mut Checker<'_>, text: &IdedExpr) -> Checked {
    let source = constant_text(checker, text)?;
    match span(&source) {
        Some(nanos) => Ok((Node::Constant(Value::Span(nanos)), Kind::Span)),
        None => Err(checker.parsed.problem(text, "not a duration, like 1h30m, 1.5s or 250ms")),
    }
}

/// `1h30m`, `-1.5s`, `250ms`: nanoseconds.
fn span(text: &str) -> Option<i64> {
    let (sign, mut rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    if rest == "0" {
        return Some(0);
    }
    let mut nanos = 0_i128;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(letters)?;
        let unit = UNITS.iter().find(|(name, _)| *name == unit)?.1;
        nanos = nanos.checked_add(scaled(number, unit)?)?;
        rest = after;
    }
    Some(text).filter(|text| text.len() > usize::from(sign < 0))?;
    i64::try_from(sign * nanos).ok()
}

/// A decimal number times a unit; what is smaller than a nanosecond is dropped.
fn scaled(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction = fraction.get(..fraction.len().min(15))?;
    let part: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    whole.checked_mul(unit)?.checked_add(part.checked_mul(unit)? / scale)
}

const UNITS: [(&str, i128); 7] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
];

/// A text that is known before the run.
fn constant_text(checker: &mut Checker<'_>, tree: &IdedExpr) -> Result<String, Problem> {
    match checker.node(tree)? {
        (Node::Constant(Value::Text(text)), _) => Ok(String::from_utf8_lossy(&text).into_owned()),
        _ => Err(checker.parsed.problem(tree, "this has to be a text in quotes")),
    }
}

fn fold(name: &str) -> Option<Fold> {
    Some(match name {
        "all" => Fold::All,
        "exists" => Fold::Exists,
        "exists_one" => Fold::ExistsOne,
        "filter" => Fold::Filter,
        _ => return None,
    })
}

/// `list.all(x, …)` and the like, whose body is a condition.
fn folded(
    checker: &mut Checker<'_>,
    fold: Fold,
    list: &IdedExpr,
    [variable, body]: [&IdedExpr; 2],
) -> Checked {
    let (range, kind) = checker.node(list)?;
    let Some(element) = kind.element().cloned() else {
        return Err(checker.parsed.problem(list, format!("{kind} has no elements to go through")));
    };
    let body = within(checker, variable, element, |checker| checker.condition(body))?;
    let result = if fold == Fold::Filter { kind } else { Kind::Bool };
    Ok((Node::Fold(fold, [range, body].into()), result))
}

fn map(checker: &mut Checker<'_>, (range, kind): (Node, Kind), [variable, body]: [&IdedExpr; 2]) -> Checked {
    let Some(element) = kind.element().cloned() else {
        return Err(checker.parsed.problem(variable, format!("{kind} has no elements to go through")));
    };
    let (body, kind) = within(checker, variable, element, |checker| checker.node(body))?;
    Ok((Node::Fold(Fold::Map, [range, body].into()), Kind::Made(kind.into())))
}

/// Checks what stands where the macro's variable is in reach.
fn within<'s, T>(
    checker: &mut Checker<'s>,
    variable: &IdedExpr,
    kind: Kind,
    check: impl FnOnce(&mut Checker<'s>) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let Expr::Ident(name) = &variable.expr else {
        return Err(checker.parsed.problem(variable, "this has to be a name for the elements"));
    };
    checker.locals.push((name.clone(), kind));
    let checked = check(checker);
    checker.locals.pop();
    checked
}
