//! An expression → whether it selects.
//!
//! The language is CEL, the Common Expression Language. The `cel` crate reads its grammar; `check` then knows every
//! name, field and type before anything runs, and `evaluate` computes without a copy and without a look at a name.
//! Fields are those of the JSON output, absent ones read as CEL's defaults.

mod calls;
mod check;
mod evaluate;
mod explain;
mod names;
mod object;
mod parse;
mod problem;
mod select;
mod shapes;
mod value;
mod whole;

pub use problem::Problem;
pub use select::{Ends, EndsOf, Selected, Selector, Standing};
pub use whole::{Condition, Facts, Verdict};

use check::{Checker, Needs, Variable};
use evaluate::{Fault, Node, Scope};
use object::{Connection, Object};
use shapes::{CONNECTION, MESSAGE};
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
        let parts = compile(source, &variables)?;
        if let Some(offset) = parts.iter().find_map(|part| part.needs.whole) {
            return Err(Problem::new(source, offset, "the messages of a connection are `m` here"));
        }
        let (of_message, of_connection) =
            parts.into_iter().partition(|part| part.needs.variables & MESSAGE_BIT != 0);
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

/// The parts that `&&` joins, each checked.
fn compile(source: &str, variables: &[Variable]) -> Result<Vec<Part>, Problem> {
    let failed = || Err(Problem::new(source, 0, "the parser failed"));
    on_large_stack(|| checked(source, variables)).unwrap_or_else(failed)
}

/// The parser needs much of it.
fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new().stack_size(parse::STACK);
        worker.spawn_scoped(scope, work).ok()?.join().ok()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::{ConnectionId, Opening, PayloadNote, Transport};
    use crate::http::{Handshake, Outcome, RequestHead, ResponseHead};
    use crate::packet::{Endpoint, PacketRef, Side, Timestamp};
    use crate::websocket::{Message, Opcode, TextState};

    #[test]
    fn an_absent_field_reads_as_the_default_of_its_type_and_has_tells() {
        for holds in [
            "m.missing_bytes == 0 && !has(m.missing_bytes)",
            "!m.compressed && !has(m.compressed)",
            "m.close.code == 0 && m.close.reason == '' && !has(m.close) && !has(m.close.code)",
            "c.handshake.subprotocols_offered.size() == 0",
            "!c.handshake.subprotocols_offered.exists(each, true)",
            "m.base64 == '' && has(m.text)",
        ] {
            assert!(selects(holds), "{holds}");
        }
    }

    #[test]
    fn the_fields_are_those_of_the_output() {
        for holds in [
            "m.type == 'text' && m.opcode == 1 && m.direction == 'client_to_server'",
            "m.text == 'Hello, 柳州' && size(m.text) == 9 && m.length == 13",
            "m.time - m.start_time == duration('2ms')",
            "m.time == timestamp('1970-01-01T00:00:01.005Z') && int(m.time) == 1",
            "m.time > c.start_time && c.start_time + duration('1s5ms') == m.time",
            "m.packets.first == 6 && m.packets.last == 7",
            "c.client.address == '192.0.2.1' && c.client.port == 50000 && c.transport == 'tcp'",
            "c.handshake.request.headers.exists(h, h[0].lowerAscii() == 'host' && h[1] == 'example.com')",
            "c.handshake.request.headers.map(h, h[0]) == ['Host', 'Origin']",
            "c.handshake.request.headers.filter(h, h[0] == 'Host').size() == 1",
            "c.handshake.request.headers.map(h, h[0] == 'Host', h[1]) == ['example.com']",
            "c.handshake.request.headers.exists_one(h, h[0] == 'Host')",
            "c.handshake.request.headers.all(h, h[0] in ['Host', 'Origin'])",
            "c.handshake.request.headers.exists(h, c.handshake.request.headers.exists(i, h[0] < i[0]))",
            "c.handshake.response.status == 101 && c.handshake.latency_ns == 3000000",
            "m.text.matches('^Hello, \\\\p{Han}+$') && !m.text.matches('x')",
            "(m.length > 5 ? m.text : 'none').startsWith('Hell')",
            "string(m.length) + '!' == '13!' && int('13') == m.length",
        ] {
            assert!(selects(holds), "{holds}");
        }
    }

    #[test]
    fn every_field_of_the_output_can_be_asked_for_and_stands_on_the_page() {
        let page = include_str!("../../docs/expressions.md");
        let schema = crate::report::schema::schema();
        // Only one input has no `file`; frames are listed where `--frames` asks for them; to look for unknown bytes, their
        // number will do; what is redacted is so for reports only.
        let left_out = ["file", "last_file", "fragments", "unknown_ranges", "redacted"];
        let mut waiting =
            vec![(&CONNECTION, "Connection"), (&MESSAGE, "Message"), (&shapes::TOTALS, "Totals")];
        while let Some((shape, definition)) = waiting.pop() {
            for field in shape.fields {
                assert!(page.contains(&format!("`{}`", field.name)), "{} of {}", field.name, shape.name);
            }
            for (name, schema) in schema["$defs"][definition]["properties"].as_object().unwrap() {
                if left_out.contains(&name.as_str()) {
                    continue;
                }
                let field = shape
                    .field(name)
                    .unwrap_or_else(|| panic!("{name} of {} is not in shapes.rs", shape.name));
                let inner = field.kind.element().unwrap_or(&field.kind);
                if let Kind::Object(inner) = inner {
                    let schema = schema.get("items").unwrap_or(schema);
                    let reference = schema["$ref"].as_str().unwrap_or_else(|| panic!("{name}: {schema}"));
                    waiting.push((inner, reference.trim_start_matches("#/$defs/")));
                }
            }
        }
    }

    #[test]
    fn a_problem_says_where_and_what() {
        for (source, column, what) in [
            ("m.txt == 'x'", 3, "message has no field `txt`: did you mean `text`?"),
            ("'柳州' == m.txt", 11, "message has no field `txt`: did you mean `text`?"),
            ("c.handshake.hots == 'x'", 13, "handshake has no field `hots`: did you mean `host`"),
            ("n.text == 'x'", 1, "there is no `n` here: `c`, `m`"),
            ("m.type ==", 10, "the expression ends too early"),
            ("(m.masked", 10, "the expression ends too early: `)` is missing"),
            ("(m.masked m", 11, "unexpected `m`"),
            ("m.text in ['a'", 15, "the expression ends too early"),
            ("size(m.text == 1", 17, "the expression ends too early: `)` is missing"),
            ("m.type = 'text'", 8, "unexpected `=`: write `==`"),
            ("m.masked and m.compressed", 10, "unexpected `and`: write `&&`"),
            ("m.text == 'x", 11, "this string has no end"),
            ("m.type == 'txt'", 8, "`type` is never `txt`: `text`, `binary`"),
            ("m.type in ['text', 'bin']", 8, "`type` is never `bin`"),
            ("m.length > '5'", 10, "int can't be compared with string"),
            ("m.time > '2026-11-21'", 8, "timestamp can't be compared with string: write timestamp("),
            ("m.text.contans('x')", 8, "there is no function `contans`: did you mean `contains`?"),
            ("size(m.length) == 1", 1, "`size` does not take int"),
            ("m.text.matches('(')", 16, "not a regular expression: unclosed group"),
            ("m.text.matches(m.text)", 18, "this has to be a text in quotes"),
            ("m.text", 3, "this has to be bool, and is string"),
            ("m.masked && m.length", 15, "this has to be bool, and is int"),
            ("m.length == 1.5", 13, "every number of a capture is whole"),
            ("m.text == null", 11, "nothing is null"),
            ("m.text.all(x, true)", 3, "string has no elements"),
            ("has(m)", 1, "`has` asks for a field"),
            ("m == m", 3, "message can't be compared"),
            ("m.time > timestamp('yesterday')", 20, "not a time in RFC 3339"),
            ("m.time - c.start_time > duration('5')", 34, "not a duration"),
            ("{'a': 1} == {'a': 1}", 1, "`{…}` has no use here"),
            ("", 1, "the expression ends too early"),
        ] {
            let problem = Filter::new(source).unwrap_err();
            assert_eq!(problem.column(), column, "{source}: {problem}");
            assert!(problem.what().starts_with(what), "{source}: {problem}");
        }
    }

    #[test]
    fn the_caret_stands_under_the_place() {
        let problem = Filter::new("'柳州' == m.txt").unwrap_err().to_string();
        assert_eq!(problem.lines().nth(1), Some("  '柳州' == m.txt"));
        assert_eq!(problem.lines().nth(2), Some("              ^"));
    }

    #[test]
    fn deep_and_long_expressions_are_refused_not_followed() {
        let deep = [
            format!("{}true{}", "(".repeat(1000), ")".repeat(1000)),
            format!("{}1 > 0", "1+".repeat(2000)),
            format!("{}true", "!".repeat(4000)),
            format!("{}true", "true?true:".repeat(400)),
            format!("m.masked{}", " ".repeat(5000)),
        ];
        for source in deep {
            // An even number of negations is none.
            if let Ok(filter) = Filter::new(&source) {
                assert!(filter.of_connection.len() == 1, "{source}");
            }
        }
        assert!(Filter::new(&format!("{}m.masked", "m.masked && ".repeat(300))).is_ok());
    }

    #[test]
    fn a_fault_selects_nothing_and_is_counted_once_said() {
        let mut faults = Faults::default();
        for source in ["10 / (m.length - 13) > 0", "m.length + 9223372036854775807 > 0", "[1][m.length] == 1"]
        {
            let filter = Filter::new(source).unwrap();
            assert!(!holds(&filter, &mut faults), "{source}");
        }
        let (number, first) = faults.0.unwrap();
        assert_eq!((number, first.column(), first.what()), (3, 4, "division by zero"));
    }

    #[test]
    fn a_fault_on_one_side_does_not_matter_where_the_other_decides() {
        assert!(selects("1 / 0 == 1 || m.masked"));
        assert!(selects("!(1 / 0 == 1 && !m.masked)"));
        assert!(!selects("1 / 0 == 1 || !m.masked"));
        assert!(selects("[0, 1].exists(x, 1 / x == 1)"));
        assert!(!selects("[0, 1].exists(x, 1 / x == 2)"));
    }

    #[test]
    fn only_what_an_expression_asks_for_is_needed() {
        let filter = |source| Filter::new(source).unwrap();
        assert!(!filter("m.length > 1").needs_payload() && filter("m.text == ''").needs_payload());
        assert!(!filter("c.id == 1").judges_messages() && filter("c.id == 1 && m.masked").judges_messages());
        assert!(filter("c.start_time < m.time").needs_end().is_none());
        let place = filter("m.masked && c.close.code == 1006").needs_end().unwrap();
        assert_eq!(place.column(), 15);
    }

    fn selects(source: &str) -> bool {
        let filter = Filter::new(source).unwrap_or_else(|problem| panic!("{problem}"));
        holds(&filter, &mut Faults::default())
    }

    fn holds(filter: &Filter, faults: &mut Faults) -> bool {
        let opening = opening();
        let connection = Connection::opened(ConnectionId(1), &opening);
        filter.connection(connection, faults) && filter.message(connection, &message(TEXT), faults)
    }

    const TEXT: &str = "Hello, 柳州";

    fn at(number: u64, nanos: i64) -> PacketRef {
        PacketRef { number, time: Timestamp::from_nanos(nanos), ..PacketRef::default() }
    }

    fn message(text: &str) -> TimelineMessage {
        let message = Message {
            opcode: Opcode::TEXT,
            first: at(6, 1_003_000_000),
            last: at(7, 1_005_000_000),
            length: text.len() as u64,
            frames: 1,
            masked: true,
            payload: text.into(),
            text: TextState::Valid,
            ..Message::default()
        };
        TimelineMessage {
            index: 0,
            sender: Side::Client,
            message: Box::new(message),
            note: PayloadNote::None,
        }
    }

    fn opening() -> Opening {
        let headers = [("Host", "example.com"), ("Origin", "http://example.com")].into_iter().collect();
        let request = RequestHead { headers, last: at(4, 0), ..RequestHead::default() };
        let response = ResponseHead { status: 101, last: at(5, 3_000_000), ..ResponseHead::default() };
        let endpoint = |address: [u8; 4], port| Endpoint { address: address.into(), port };
        Opening {
            client: endpoint([192, 0, 2, 1], 50000),
            server: endpoint([192, 0, 2, 2], 80),
            transport: Transport::Tcp,
            start: at(1, 0),
            handshake: Handshake {
                outcome: Outcome::Accepted,
                request: Some(request),
                response: Some(response),
            },
            tunnel: None,
        }
    }

    /// The judge: the `cel` crate's own interpreter, with the same fields as a map.
    fn judged(source: &str, text: &str) -> Option<bool> {
        on_large_stack(|| interpreted(source, text)).unwrap()
    }

    fn interpreted(source: &str, text: &str) -> Option<bool> {
        let program = cel::Program::compile(source).unwrap_or_else(|error| panic!("{source}: {error}"));
        let mut context = cel::Context::default();
        let fields: std::collections::HashMap<&str, cel::Value> = [
            ("type", "text".into()),
            ("text", text.into()),
            ("length", cel::Value::Int(text.len().try_into().unwrap())),
            ("masked", true.into()),
        ]
        .into();
        context.add_variable_from_value("m", fields);
        match program.execute(&context) {
            Ok(cel::Value::Bool(value)) => Some(value),
            Ok(other) => panic!("{source}: {other:?}"),
            Err(_) => None,
        }
    }

    fn evaluated(source: &str, text: &str) -> Option<bool> {
        let filter = Filter::new(source).unwrap_or_else(|problem| panic!("{problem}"));
        let (opening, message) = (opening(), message(text));
        let connection = Connection::opened(ConnectionId(1), &opening);
        let values = [
            Value::Object(Object::Connection(connection)),
            Value::Object(Object::Message((connection.id, &message))),
        ];
        let parts = filter.of_connection.iter().chain(&filter.of_message);
        let parts: Vec<_> = parts.map(|part| part.node.holds(&Scope::Roots(&values))).collect();
        // What `&&` joins may be judged in any order: false decides, then a fault.
        if parts.contains(&Ok(false)) { Some(false) } else { parts.iter().all(Result::is_ok).then_some(true) }
    }

    fn integers() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            (-3_i64..20).prop_map(|number| format!("({number})")),
            Just("m.length".to_owned()),
            Just("size(m.text)".to_owned()),
            Just("9223372036854775807".to_owned()),
        ];
        leaf.prop_recursive(3, 12, 2, |inner| {
            (inner.clone(), prop::sample::select(vec!["+", "-", "*", "/", "%"]), inner)
                .prop_map(|(left, operator, right)| format!("({left} {operator} {right})"))
        })
    }

    fn texts() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("m.text".to_owned()),
            Just("m.type".to_owned()),
            "[a-c柳州]{0,3}".prop_map(|text| format!("'{text}'")),
        ];
        leaf.prop_recursive(2, 6, 2, |inner| {
            (inner.clone(), inner).prop_map(|(left, right)| format!("({left} + {right})"))
        })
    }

    fn conditions() -> impl Strategy<Value = String> {
        let relation = || prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
        let search = prop::sample::select(vec!["contains", "startsWith", "endsWith"]);
        let walk = prop::sample::select(vec!["all", "exists", "exists_one"]);
        let leaf = prop_oneof![
            Just("m.masked".to_owned()),
            (integers(), relation(), integers()).prop_map(|(a, relation, b)| format!("{a} {relation} {b}")),
            // `type` against a constant that it never is would be refused.
            (texts(), relation(), texts()).prop_map(|(a, relation, b)| format!("('' + {a}) {relation} {b}")),
            (texts(), search, texts()).prop_map(|(a, search, b)| format!("{a}.{search}({b})")),
            (integers(), integers(), walk, integers())
                .prop_map(|(a, b, walk, c)| format!("[{a}, {b}].{walk}(x, x < {c} || 6 / x > 1)")),
            (integers(), integers()).prop_map(|(a, b)| format!("{a} in [{b}, 3].map(x, x + 1)")),
            (texts(), texts()).prop_map(|(a, b)| format!("[{a}].filter(x, x != {b}) == [{b}]")),
        ];
        leaf.prop_recursive(4, 16, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|a| format!("!({a})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(({a}) && ({b}))")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(({a}) || ({b}))")),
                (inner.clone(), inner.clone(), inner)
                    .prop_map(|(a, b, c)| format!("(({a}) ? ({b}) : ({c}))")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { max_shrink_iters: 200, ..ProptestConfig::with_cases(256) })]

        #[test]
        fn an_expression_has_the_value_that_the_cel_crate_gives_it(source in conditions(), text in "[a-c柳州]{0,4}") {
            prop_assert_eq!(evaluated(&source, &text), judged(&source, &text), "{}", source);
        }

        #[test]
        fn no_text_is_too_odd_to_be_refused(source in "([mc]\\.?|[a-z]{1,4}|[-+*/%!<>=&|?:.,()\\[\\]{}'\"0-9 ]|\\PC){0,24}") {
            let _ = Filter::new(&source);
        }
    }
}
