//! An expression → whether it selects.
//!
//! The language is CEL, the Common Expression Language. The `cel` crate reads its grammar; [`check`] then knows every
//! name, field and type before anything runs, and [`evaluate`] computes without a copy and without a look at a name.
//! Fields are those of the JSON output, absent ones read as CEL's defaults.

mod calls;
mod check;
mod evaluate;
mod names;
mod object;
mod parse;
mod problem;
mod select;
mod value;

pub use problem::Problem;
pub use select::{Ends, EndsOf, Selected, Selector, Standing};

use check::{Checker, Needs, Variable};
use evaluate::{Fault, Node, Scope};
use object::{CONNECTION, Connection, MESSAGE, Object};
use value::{Kind, Value};

use crate::event::TimelineMessage;

/// What `--where` selects by: an expression over `c`, a connection, and `m`, one of its messages.
#[derive(Debug)]
pub struct Filter {
    source: String,
    /// What has to hold, each by itself: of the connection alone, and of the message.
    of_connection: Vec<Part>,
    of_message: Vec<Part>,
}

/// One of the conditions that `&&` joins.
#[derive(Debug)]
struct Part {
    node: Node,
    needs: Needs,
}

impl Filter {
    /// Reads and checks an expression.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn new(source: &str) -> Result<Self, Problem> {
        let variables = [
            Variable { name: "c", kind: Kind::Object(&CONNECTION) },
            Variable { name: "m", kind: Kind::Object(&MESSAGE) },
        ];
        let (of_message, of_connection) = compile(source, &variables)?
            .into_iter()
            .partition(|part| part.needs.variables & MESSAGE_BIT != 0);
        Ok(Self { source: source.to_owned(), of_connection, of_message })
    }

    /// Does it judge messages? Else it judges connections alone.
    pub const fn judges_messages(&self) -> bool {
        !self.of_message.is_empty()
    }

    /// Does it look into payloads? They have to be kept, then.
    pub fn needs_payload(&self) -> bool {
        self.of_message.iter().any(|part| part.needs.payload)
    }

    /// Does it ask for what is known only when a connection has ended ([`Ends`])? Says where it does.
    pub fn needs_end(&self) -> Option<Problem> {
        let mut parts = self.of_connection.iter().chain(&self.of_message);
        let offset = parts.find_map(|part| part.needs.end)?;
        Some(Problem::new(&self.source, offset, "this is known only when a connection has ended"))
    }

    fn connection(&self, connection: Connection<'_>, faults: &mut Faults) -> bool {
        let values = [Value::Object(Object::Connection(connection)), Value::Object(Object::Absent)];
        self.hold(&self.of_connection, &values, faults)
    }

    fn message(&self, connection: Connection<'_>, message: &TimelineMessage, faults: &mut Faults) -> bool {
        let message = Object::Message((connection.id, message));
        let values = [Value::Object(Object::Connection(connection)), Value::Object(message)];
        self.hold(&self.of_message, &values, faults)
    }

    fn hold<'a>(&self, parts: &'a [Part], values: &[Value<'a>], faults: &mut Faults) -> bool {
        parts.iter().all(|part| match part.node.holds(&Scope::Roots(values)) {
            Ok(holds) => holds,
            Err(fault) => {
                faults.add(&self.source, fault);
                false
            }
        })
    }
}

/// The place of `m` among the variables.
const MESSAGE_BIT: u64 = 0b10;

/// How often there was no result, and the first reason: such a message or connection is not selected.
#[derive(Debug, Default)]
struct Faults(Option<(u64, Problem)>);

impl Faults {
    fn add(&mut self, source: &str, fault: Fault) {
        let (number, _) = self.0.get_or_insert_with(|| (0, Problem::new(source, fault.at, fault.what)));
        *number += 1;
    }
}

/// The parts that `&&` joins, each checked. On a stack of its own: the parser needs much of it.
fn compile(source: &str, variables: &[Variable]) -> Result<Vec<Part>, Problem> {
    let failed = |_| Problem::new(source, 0, "the parser could not be started");
    std::thread::scope(|scope| {
        let parser = std::thread::Builder::new().stack_size(parse::STACK);
        let parser = parser.spawn_scoped(scope, || checked(source, variables)).map_err(failed)?;
        parser.join().unwrap_or_else(|_| Err(Problem::new(source, 0, "the parser failed")))
    })
}

fn checked(source: &str, variables: &[Variable]) -> Result<Vec<Part>, Problem> {
    let parsed = parse::parse(source)?;
    let parts = parsed.conditions().into_iter().map(|condition| {
        let mut checker = Checker::new(&parsed, variables);
        let node = checker.condition(condition)?;
        Ok(Part { node, needs: checker.needs })
    });
    parts.collect()
}
