//! Text → the tree of CEL's grammar, with the place of each node.

use cel::common::ast::{Expr, IdedExpr, SourceInfo, operators};
use cel::{Env, ParseError};

use super::problem::Problem;

/// A tree and where its nodes stand.
pub(super) struct Parsed<'s> {
    pub(super) source: &'s str,
    pub(super) expression: IdedExpr,
    places: SourceInfo,
}

impl Parsed<'_> {
    /// A problem at a node.
    pub(super) fn problem(&self, node: &IdedExpr, what: impl Into<String>) -> Problem {
        Problem::new(self.source, self.offset(node), what)
    }

    /// The conditions that `&&` joins at the top.
    pub(super) fn conditions(&self) -> Vec<&IdedExpr> {
        let mut waiting = vec![&self.expression];
        let mut conditions = Vec::new();
        while let Some(tree) = waiting.pop() {
            match &tree.expr {
                Expr::Call(call) if call.func_name == operators::LOGICAL_AND => {
                    waiting.extend(call.args.iter().rev());
                }
                _ => conditions.push(tree),
            }
        }
        conditions
    }

    /// Where a node stands, in bytes: the name of a field or a function, an operator, the first byte of anything else.
    pub(super) fn offset(&self, node: &IdedExpr) -> usize {
        let place = self.places.offset_for(node.id).map(|(start, _)| usize::try_from(start));
        let place = place.and_then(Result::ok).unwrap_or_default();
        // The parser names the dot before a field, and the bracket behind a function's name.
        match &node.expr {
            Expr::Select(_) => place + 1,
            Expr::Call(call) => {
                let before = self.source.get(..place).unwrap_or_default();
                before.strip_suffix(call.func_name.as_str()).map_or(place, str::len)
            }
            _ => place,
        }
    }
}

/// Macros are left as the calls they are written as: they are checked like functions.
pub(super) fn parse(source: &str) -> Result<Parsed<'_>, Problem> {
    if source.len() > MAX_SOURCE {
        return Err(Problem::new(source, MAX_SOURCE, format!("longer than {MAX_SOURCE} bytes")));
    }
    let parser = Env::default().parser().max_recursion_depth(MAX_NESTING);
    match parser.parse_with_source_info(source) {
        Ok((expression, places)) => Ok(Parsed { source, expression, places }),
        Err(errors) => Err(first_problem(source, &errors.errors)),
    }
}

/// Nobody types more. The parser calls itself for each link of a chain like `1+1+1`.
const MAX_SOURCE: usize = 4096;

/// Brackets in brackets.
const MAX_NESTING: u16 = 24;

/// Stack for the parser, which takes 170 KB for each level of brackets in a debug build.
pub(super) const STACK: usize = 32 << 20;

/// One cause is enough: the parser's later errors mostly follow from the first.
fn first_problem(source: &str, errors: &[ParseError]) -> Problem {
    match errors.iter().min_by_key(|error| error.pos) {
        Some(error) => Problem::new(source, offset_of(source, error.pos), in_words(&error.msg)),
        None => Problem::new(source, 0, "not an expression"),
    }
}

/// The parser counts lines and characters from 1.
fn offset_of(source: &str, (line, column): (isize, isize)) -> usize {
    let less_one = |count: isize| usize::try_from(count.saturating_sub(1)).unwrap_or_default();
    let before: usize = source.split_inclusive('\n').take(less_one(line)).map(str::len).sum();
    let rest = source.get(before..).unwrap_or_default();
    before + rest.char_indices().nth(less_one(column)).map_or(rest.len(), |(offset, _)| offset)
}

/// What the parser generator says, for people.
fn in_words(message: &str) -> String {
    let said = message.strip_prefix("Syntax error: ").unwrap_or(message);
    if said.contains("Recursion") {
        return format!("brackets nested more than {MAX_NESTING} deep");
    }
    let missing = said.strip_prefix("missing ").and_then(|rest| rest.split_once(" at '"));
    let (missing, input) = match missing {
        Some((missing, input)) => (Some(missing.trim_matches('\'')), input),
        None => match said.split_once('\'') {
            Some((_, input)) => (None, input),
            None => return said.to_owned(),
        },
    };
    let input = input.split("' expecting").next().unwrap_or_default();
    let input = input.strip_suffix('\'').unwrap_or(input);
    match (missing, input) {
        (Some(missing), "<EOF>") => return format!("the expression ends too early: `{missing}` is missing"),
        (None, "<EOF>") => return "the expression ends too early".to_owned(),
        (Some(missing), _) => return format!("`{missing}` is missing before `{}`", input.trim_end()),
        (None, _) => {}
    }
    if said.starts_with("token recognition") && input.starts_with(['"', '\'']) {
        return "this string has no end".to_owned();
    }
    let hint = HINTS.iter().find(|(wrong, _)| input.trim_end() == *wrong);
    let hint = hint.map(|(_, right)| format!(": write `{right}`")).unwrap_or_default();
    format!("unexpected `{}`{hint}", input.trim_end())
}

/// What other languages write, and CEL's way.
const HINTS: [(&str, &str); 8] = [
    ("=", "=="),
    ("&", "&&"),
    ("|", "||"),
    ("and", "&&"),
    ("or", "||"),
    ("not", "!"),
    ("matches", "text.matches(\"…\")"),
    ("contains", "text.contains(\"…\")"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_parser_misses_is_said_with_its_own_quotes_only() {
        let said = |message| in_words(&format!("Syntax error: {message}"));
        assert_eq!(said("missing ')' at '<EOF>'"), "the expression ends too early: `)` is missing");
        assert_eq!(said("missing ')' at 'm'"), "`)` is missing before `m`");
        assert_eq!(said("missing IDENTIFIER at '.'"), "`IDENTIFIER` is missing before `.`");
        assert_eq!(said("extraneous input ')' expecting <EOF>"), "unexpected `)`");
    }
}
