//! `Sec-WebSocket-Extensions` → extensions with their parameters (RFC 6455 §9.1).

use std::fmt;

use nom::branch::alt;
use nom::bytes::complete::take_while1;
use nom::character::complete::{anychar, char, none_of, space0};
use nom::combinator::{all_consuming, map, opt};
use nom::multi::fold_many0;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use super::headers::{is_token, is_token_byte, unquoted_parts};
use super::{Extension, FieldName, Headers};

/// The extensions that a head offers or accepts, in order, and what could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtensionList {
    /// Each with those of its parameters that could be read.
    pub extensions: Vec<Extension>,
    /// What does not fit the grammar, with the offending text quoted: lower-case fragments for one line. An
    /// endpoint must fail the connection then.
    pub faults: Vec<String>,
    /// Quoted values that stand for no token, in the same way. The grammar allows them, the comment beside it does not,
    /// and endpoints accept them.
    pub loose_values: Vec<String>,
}

/// An extension that was in use and never became a standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obsolete {
    /// Frames compressed one by one. // draft-tyoshino-hybi-websocket-perframe-deflate
    DeflateFrame,
    /// The first form of permessage-deflate.
    DeflateMessage,
    /// All bytes after the handshake compressed as a whole. // draft-ietf-hybi-thewebsocketprotocol-10 §9.2.1
    DeflateStream,
    /// Several connections in one. // draft-ietf-hybi-websocket-multiplexing
    Mux,
}

impl Obsolete {
    /// By the name under which it is agreed.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "deflate-frame" | "x-webkit-deflate-frame" => Some(Self::DeflateFrame),
            "x-webkit-deflate-message" => Some(Self::DeflateMessage),
            "deflate-stream" => Some(Self::DeflateStream),
            "mux" | "x-google-mux" => Some(Self::Mux),
            _ => None,
        }
    }
}

impl ExtensionList {
    /// Reads a field's value, as `Sec-WebSocket-Extensions` has it.
    pub fn read(value: &str) -> Self {
        Self::of(&Headers::from_iter([(FIELD.as_str(), value)]))
    }

    /// All fields of a head make one list.
    pub(super) fn of(headers: &Headers) -> Self {
        let mut list = Self::default();
        if !headers.has(FIELD) {
            return list;
        }
        for element in headers.list(FIELD) {
            list.element(element);
        }
        if headers.list(FIELD).next().is_none() {
            list.faults.push("the list is empty".to_owned());
        }
        list
    }

    fn element(&mut self, element: &str) {
        let mut parts = unquoted_parts(element, ';');
        let name = parts.next().unwrap_or_default();
        if !is_token(name) {
            self.faults.push(format!("{name:?} is not the name of an extension"));
            return;
        }
        let params = parts.filter_map(|part| self.param(part)).collect();
        self.extensions.push(Extension { name: name.to_owned(), params });
    }

    fn param(&mut self, part: &str) -> Option<(String, Option<String>)> {
        let Ok((_, (name, value))) = all_consuming(param).parse(part) else {
            self.faults.push(format!("{part:?} is not a parameter"));
            return None;
        };
        if let Some(value) = value.as_deref().filter(|value| !is_token(value)) {
            self.loose_values.push(format!("the value {value:?} of {name} is not a token"));
        }
        Some((name.to_owned(), value))
    }
}

/// `permessage-deflate; server_max_window_bits=12`: a value that is no token is quoted again.
impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.params.iter().try_for_each(|(name, value)| match value.as_deref() {
            None => write!(f, "; {name}"),
            Some(value) if is_token(value) => write!(f, "; {name}={value}"),
            Some(value) => write!(f, "; {name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")),
        })
    }
}

/// A token, and perhaps a value. White space around `=` is allowed: the grammar is RFC 2616's. // RFC 6455 §9.1
fn param(input: &str) -> IResult<&str, (&str, Option<String>)> {
    let value = alt((quoted_string, map(token, str::to_owned)));
    (token, opt(preceded((space0, char('='), space0), value))).parse(input)
}

fn token(input: &str) -> IResult<&str, &str> {
    take_while1(|c| u8::try_from(c).is_ok_and(is_token_byte)).parse(input)
}

/// A quoted string, as what it stands for. // RFC 9110 §5.6.4
fn quoted_string(input: &str) -> IResult<&str, String> {
    let escaped = preceded(char('\\'), anychar);
    let content = fold_many0(alt((escaped, none_of("\"\\"))), String::new, |mut text, c| {
        text.push(c);
        text
    });
    delimited(char('"'), content, char('"')).parse(input)
}

const FIELD: FieldName = FieldName::SecWebSocketExtensions;

#[cfg(test)]
mod tests {
    use super::*;

    fn list(values: &[&str]) -> ExtensionList {
        ExtensionList::of(&values.iter().map(|value| (FIELD.as_str(), value)).collect())
    }

    fn shown(values: &[&str]) -> Vec<String> {
        let list = list(values);
        assert_eq!(list.faults, [""; 0]);
        list.extensions.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn several_fields_make_one_list() {
        // RFC 6455 §9.1 gives this example.
        assert_eq!(shown(&["foo", "bar; baz=2"]), shown(&["foo, bar; baz=2"]));
    }

    #[test]
    fn a_quoted_value_is_the_same_as_a_token() {
        let expected = ["permessage-deflate; server_max_window_bits=12; client_no_context_takeover"];
        let quoted = [r#"permessage-deflate;server_max_window_bits="12";client_no_context_takeover"#];
        assert_eq!(shown(&quoted), expected);
        assert_eq!(
            shown(&[r#"permessage-deflate; server_max_window_bits="1\2"; client_no_context_takeover"#]),
            expected
        );
        assert_eq!(
            shown(&["permessage-deflate ;server_max_window_bits = 12\t; client_no_context_takeover ,"]),
            expected
        );
    }

    #[test]
    fn offers_of_one_extension_stay_apart_and_in_order() {
        let offers = shown(&["permessage-deflate; client_max_window_bits, permessage-deflate", "x"]);
        assert_eq!(offers, ["permessage-deflate; client_max_window_bits", "permessage-deflate", "x"]);
    }

    #[test]
    fn what_does_not_fit_the_grammar_is_named_and_the_rest_is_kept() {
        let list = list(&["a b, x; =5; y; z=, , permessage-deflate;"]);
        let shown: Vec<_> = list.extensions.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["x; y", "permessage-deflate"]);
        let faults = [
            r#""a b" is not the name of an extension"#,
            r#""=5" is not a parameter"#,
            r#""z=" is not a parameter"#,
            r#""" is not a parameter"#,
        ];
        assert_eq!(list.faults, faults);
    }

    #[test]
    fn a_quoted_string_must_hold_a_token() {
        let list = list(&[r#"x-foo; a="b,c"; q="\"\\""#]);
        assert_eq!(
            list.extensions[0].params,
            [("a".into(), Some("b,c".into())), ("q".into(), Some(r#""\"#.into()))]
        );
        assert_eq!(list.extensions[0].to_string(), r#"x-foo; a="b,c"; q="\"\\""#);
        assert_eq!((list.faults.len(), list.loose_values.len()), (0, 2));
        assert_eq!(list.loose_values[0], r#"the value "b,c" of a is not a token"#);
    }

    #[test]
    fn a_quoted_string_without_end_is_a_fault() {
        let list = list(&[r#"x; a="b, y"#]);
        assert_eq!(list.extensions, [Extension { name: "x".into(), params: Vec::new() }]);
        assert_eq!(list.faults, [r#""a=\"b, y" is not a parameter"#]);
    }

    #[test]
    fn a_list_needs_an_element() {
        assert_eq!(list(&[]), ExtensionList::default());
        assert_eq!(list(&["", " , "]).faults, ["the list is empty"]);
    }

    proptest::proptest! {
        #[test]
        fn what_is_shown_reads_back(value in r#"[ -~é,;="\\a]{0,60}"#) {
            let first = list(&[&value]);
            let texts: Vec<_> = first.extensions.iter().map(ToString::to_string).collect();
            let again = list(&[&texts.join(", ")]);
            if !first.extensions.is_empty() {
                proptest::prop_assert_eq!(again.extensions, first.extensions);
            }
        }
    }
}
