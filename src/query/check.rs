//! The tree of CEL's grammar → a checked expression: every name, field, function and type is known before it runs.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use super::calls;
use super::evaluate::{Node, Operator, Relation};
use super::names::{listed, nearest};
use super::object::{Known, Shape};
use super::parse::Parsed;
use super::problem::Problem;
use super::value::{Kind, Value};

/// A variable that an expression may use.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// What an expression asks of the facts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// The variables that it uses, a bit each.
    pub(super) variables: u64,
    /// Something that is known only when a connection has ended: the first place that says so.
    pub(super) end: Option<usize>,
    /// The messages of a connection as a list: the first place that says so.
    pub(super) whole: Option<usize>,
    /// Payloads.
    pub(super) payload: bool,
}

/// Checks one expression.
pub(super) struct Checker<'s> {
    pub(super) parsed: &'s Parsed<'s>,
    variables: &'s [Variable],
    /// The variables of the macros around a place, the innermost last.
    pub(super) locals: Vec<(String, Kind)>,
    pub(super) needs: Needs,
    depth: usize,
}

pub(super) type Checked = Result<(Node, Kind), Problem>;

impl<'s> Checker<'s> {
    pub(super) const fn new(parsed: &'s Parsed<'s>, variables: &'s [Variable]) -> Self {
        Self {
            parsed,
            variables,
            locals: Vec::new(),
            needs: Needs { variables: 0, end: None, whole: None, payload: false },
            depth: 0,
        }
    }

    /// An expression that has to be true or false.
    pub(super) fn condition(&mut self, tree: &IdedExpr) -> Result<Node, Problem> {
        self.of_kind(tree, &Kind::Bool)
    }

    /// An expression of one kind.
    pub(super) fn of_kind(&mut self, tree: &IdedExpr, wanted: &Kind) -> Result<Node, Problem> {
        let (node, kind) = self.node(tree)?;
        if kind.is_like(wanted) {
            Ok(node)
        } else {
            Err(self.parsed.problem(tree, format!("this has to be {wanted}, and is {kind}")))
        }
    }

    /// Any expression.
    pub(super) fn node(&mut self, tree: &IdedExpr) -> Checked {
        if self.depth == MAX_DEPTH {
            return Err(self.parsed.problem(tree, format!("parts nested more than {MAX_DEPTH} deep")));
        }
        self.depth += 1;
        let checked = match &tree.expr {
            Expr::Literal(value) => self.literal(tree, value),
            Expr::Ident(name) => self.variable(tree, name),
            Expr::Select(select) if select.test => self.unsupported(tree, "this test"),
            Expr::Select(select) => {
                let (object, field) = self.field(tree, &select.operand, &select.field)?;
                let kind = field.kind.clone();
                Ok((Node::Field(Box::new(object), field), kind))
            }
            Expr::Call(call) => self.call(tree, call),
            Expr::List(list) => self.list(tree, &list.elements),
            Expr::Map(_) | Expr::Struct(_) => self.unsupported(tree, "`{…}`"),
            Expr::Comprehension(_) | Expr::Unspecified => self.unsupported(tree, "this"),
        };
        self.depth -= 1;
        checked
    }

    pub(super) fn unsupported(&self, tree: &IdedExpr, what: &str) -> Checked {
        Err(self.parsed.problem(tree, format!("{what} has no use here: no fact is of such a type")))
    }

    fn literal(&self, tree: &IdedExpr, literal: &LiteralValue) -> Checked {
        Ok(match literal {
            LiteralValue::Boolean(value) => (Node::Constant(Value::Bool(*value.inner())), Kind::Bool),
            LiteralValue::Int(value) => (Node::Constant(Value::Int(*value.inner())), Kind::Int),
            LiteralValue::String(value) => {
                let text = value.inner().as_bytes().to_vec();
                (Node::Constant(Value::Text(text.into())), Kind::Text)
            }
            LiteralValue::Double(_) => {
                return Err(self.parsed.problem(tree, "every number of a capture is whole: write an int"));
            }
            LiteralValue::UInt(_) => {
                return Err(self
                    .parsed
                    .problem(tree, "every number of a capture is an int: leave out the `u`"));
            }
            LiteralValue::Bytes(_) => return self.unsupported(tree, "a bytes literal"),
            LiteralValue::Null => {
                return Err(self
                    .parsed
                    .problem(tree, "nothing is null: ask with has(…) whether a field is there"));
            }
        })
    }

    fn variable(&mut self, tree: &IdedExpr, name: &str) -> Checked {
        if let Some(depth) = self.locals.iter().rev().position(|(local, _)| local == name) {
            let kind = self.locals.iter().rev().nth(depth).map(|(_, kind)| kind.clone());
            return Ok((Node::Local(depth), kind.unwrap_or(Kind::Bool)));
        }
        if let Some(number) = self.variables.iter().position(|variable| variable.name == name)
            && let Some(variable) = self.variables.get(number)
        {
            self.needs.variables |= 1 << number;
            return Ok((Node::Root(number), variable.kind.clone()));
        }
        let known = self.variables.iter().map(|variable| variable.name);
        Err(self.parsed.problem(tree, format!("there is no `{name}` here: {}", listed(known))))
    }

    /// The object and the field of `object.name`.
    pub(super) fn field(
        &mut self,
        tree: &IdedExpr,
        operand: &IdedExpr,
        name: &str,
    ) -> Result<(Node, &'static super::object::Field), Problem> {
        let (object, kind) = self.node(operand)?;
        let Kind::Object(shape) = kind else {
            return Err(self.parsed.problem(tree, format!("{kind} has no fields")));
        };
        let field = shape.field(name).ok_or_else(|| self.unknown_field(tree, shape, name))?;
        match field.known {
            Known::AtOnce => {}
            Known::Payload => self.needs.payload = true,
            Known::Whole => self.needs.whole = self.needs.whole.or(Some(self.parsed.offset(tree))),
            Known::AtEnd => self.needs.end = self.needs.end.or(Some(self.parsed.offset(tree))),
        }
        Ok((object, field))
    }

    fn unknown_field(&self, tree: &IdedExpr, shape: &Shape, name: &str) -> Problem {
        let names = || shape.fields.iter().map(|field| field.name);
        let near = nearest(name, names());
        let help = if near.is_empty() { listed(names()) } else { format!("did you mean {near}?") };
        self.parsed.problem(tree, format!("{} has no field `{name}`: {help}", shape.name))
    }

    fn list(&mut self, tree: &IdedExpr, elements: &[IdedExpr]) -> Checked {
        let Some((first, rest)) = elements.split_first() else {
            return Err(self.parsed.problem(tree, "an empty list: ask for size(…) == 0"));
        };
        let (node, kind) = self.node(first)?;
        let mut nodes = vec![node];
        for element in rest {
            nodes.push(self.of_kind(element, &kind)?);
        }
        Ok((constant_list(&nodes).unwrap_or(Node::List(nodes)), Kind::Made(kind.into())))
    }

    fn call(&mut self, tree: &IdedExpr, call: &CallExpr) -> Checked {
        let arguments = call.args.as_slice();
        match (call.func_name.as_str(), &call.target, arguments) {
            (operators::LOGICAL_AND, None, [left, right]) => {
                Ok((Node::And([self.condition(left)?, self.condition(right)?].into()), Kind::Bool))
            }
            (operators::LOGICAL_OR, None, [left, right]) => {
                Ok((Node::Or([self.condition(left)?, self.condition(right)?].into()), Kind::Bool))
            }
            (operators::LOGICAL_NOT, None, [operand]) => {
                Ok((Node::Not(self.condition(operand)?.into()), Kind::Bool))
            }
            (operators::NEGATE, None, [operand]) => self.negation(tree, operand),
            (operators::CONDITIONAL, None, [condition, yes, no]) => {
                let condition = self.condition(condition)?;
                let (yes, kind) = self.node(yes)?;
                let no = self.of_kind(no, &kind)?;
                Ok((Node::If([condition, yes, no].into()), kind))
            }
            (operators::INDEX, None, [list, place]) => self.index(tree, list, place),
            (operators::IN, None, [value, list]) => self.membership(tree, value, list),
            (name, None, [left, right]) if let Some(relation) = relation(name) => {
                self.comparison(tree, relation, [left, right])
            }
            (name, None, [left, right]) if let Some(operator) = operator(name) => {
                self.arithmetic(tree, operator, [left, right])
            }
            (name, _, _) if name.starts_with(['_', '-', '@', '!']) => self.unsupported(tree, "this operator"),
            _ => calls::call(self, tree, call),
        }
    }

    fn negation(&mut self, tree: &IdedExpr, operand: &IdedExpr) -> Checked {
        let (node, kind) = self.node(operand)?;
        match kind {
            Kind::Int | Kind::Span => Ok((Node::Negate(node.into(), self.parsed.offset(tree)), kind)),
            _ => Err(self.parsed.problem(tree, format!("{kind} has no negative"))),
        }
    }

    fn index(&mut self, tree: &IdedExpr, list: &IdedExpr, place: &IdedExpr) -> Checked {
        let (node, kind) = self.node(list)?;
        let Some(element) = kind.element().cloned() else {
            return Err(self.parsed.problem(tree, format!("{kind} has no elements")));
        };
        let place = self.of_kind(place, &Kind::Int)?;
        Ok((Node::Index([node, place].into(), self.parsed.offset(tree)), element))
    }

    fn membership(&mut self, tree: &IdedExpr, value: &IdedExpr, list: &IdedExpr) -> Checked {
        let (value, kind) = self.node(value)?;
        let (nodes, list_kind) = self.node(list)?;
        if !kind.is_comparable() || !list_kind.element().is_some_and(|element| element.is_like(&kind)) {
            return Err(self.parsed.problem(tree, format!("{kind} can't be in {list_kind}")));
        }
        if let Node::Constant(Value::List(elements)) = &nodes {
            elements.iter().try_for_each(|element| self.known_value(tree, &value, element))?;
        }
        Ok((Node::In([value, nodes].into()), Kind::Bool))
    }

    fn comparison(&mut self, tree: &IdedExpr, relation: Relation, sides: [&IdedExpr; 2]) -> Checked {
        let ((left, kind), (right, other)) = (self.node(sides[0])?, self.node(sides[1])?);
        if !kind.is_like(&other) {
            return Err(self
                .parsed
                .problem(tree, format!("{kind} can't be compared with {other}{}", hint(&kind, &other))));
        }
        let equality = matches!(relation, Relation::Equal | Relation::NotEqual);
        if !(kind.is_ordered() || equality && kind.is_comparable()) {
            return Err(self.parsed.problem(tree, format!("{kind} can't be compared: compare its parts")));
        }
        for (field, constant) in [(&left, &right), (&right, &left)] {
            if let Node::Constant(constant) = constant {
                self.known_value(tree, field, constant)?;
            }
        }
        Ok((Node::Compare(relation, [left, right].into()), Kind::Bool))
    }

    /// A value that a field never takes is a slip, which would be false without a word.
    fn known_value(&self, tree: &IdedExpr, field: &Node, constant: &Value<'_>) -> Result<(), Problem> {
        if let (Node::Field(_, field), Value::Text(text)) = (field, constant)
            && !field.values.is_empty()
            && !field.values.iter().any(|value| value.as_bytes() == text.as_ref())
        {
            let text = String::from_utf8_lossy(text);
            let what =
                format!("`{}` is never `{text}`: {}", field.name, listed(field.values.iter().copied()));
            return Err(self.parsed.problem(tree, what));
        }
        Ok(())
    }

    fn arithmetic(&mut self, tree: &IdedExpr, operator: Operator, sides: [&IdedExpr; 2]) -> Checked {
        use Operator::{Add, Subtract};
        let ((left, kind), (right, other)) = (self.node(sides[0])?, self.node(sides[1])?);
        let result = match (operator, &kind, &other) {
            (_, Kind::Int, Kind::Int) => Kind::Int,
            (Add, Kind::Text, Kind::Text) => Kind::Text,
            (Add | Subtract, Kind::Time, Kind::Span) | (Add, Kind::Span, Kind::Time) => Kind::Time,
            (Subtract, Kind::Time, Kind::Time) | (Add | Subtract, Kind::Span, Kind::Span) => Kind::Span,
            (Add, _, _) if kind.element().is_some() && kind.is_like(&other) => kind.clone(),
            _ => {
                let what = format!("{kind} and {other} can't be taken together here");
                return Err(self.parsed.problem(tree, what));
            }
        };
        Ok((Node::Arithmetic(operator, [left, right].into(), self.parsed.offset(tree)), result))
    }
}

/// A list that is the same for every message is made once.
fn constant_list(nodes: &[Node]) -> Option<Node> {
    let values = nodes.iter().map(|node| match node {
        Node::Constant(value) => Some(value.clone()),
        _ => None,
    });
    Some(Node::Constant(Value::List(values.collect::<Option<Vec<_>>>()?.into())))
}

/// Deeper ones would be hard to read; evaluation calls itself for each level.
const MAX_DEPTH: usize = 200;

/// What is mostly meant.
fn hint(left: &Kind, right: &Kind) -> &'static str {
    let is = |kind: &Kind| left == kind || right == kind;
    if is(&Kind::Time) && is(&Kind::Text) {
        ": write timestamp(\"2026-11-21T09:45:00Z\")"
    } else if is(&Kind::Span) {
        ": write duration(\"1.5s\")"
    } else {
        ""
    }
}

fn relation(name: &str) -> Option<Relation> {
    Some(match name {
        operators::EQUALS => Relation::Equal,
        operators::NOT_EQUALS => Relation::NotEqual,
        operators::LESS => Relation::Less,
        operators::LESS_EQUALS => Relation::LessOrEqual,
        operators::GREATER => Relation::Greater,
        operators::GREATER_EQUALS => Relation::GreaterOrEqual,
        _ => return None,
    })
}

fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        operators::ADD => Operator::Add,
        operators::SUBSTRACT => Operator::Subtract,
        operators::MULTIPLY => Operator::Multiply,
        operators::DIVIDE => Operator::Divide,
        operators::MODULO => Operator::Modulo,
        _ => return None,
    })
}
