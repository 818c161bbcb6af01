//! Header fields by name: single values, lists, tokens (RFC 9110 §5).

use super::Headers;

impl Headers {
    /// The value of the first field of that name, in any case; found soonest where it is written as here.
    pub fn first(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().find(|field| is_same(&field.name, name));
        field.map(|field| field.value.as_str())
    }

    /// The values of all fields of that name, in wire order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let fields = self.0.iter().filter(move |field| is_same(&field.name, name));
        fields.map(|field| field.value.as_str())
    }

    /// The elements of a comma list that may be spread over several fields, without the white space around
    /// them and without empty ones. A comma in a quoted string separates nothing. // RFC 9110 §5.6.1
    pub fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.all(name).flat_map(|value| unquoted_parts(value, ',')).filter(|element| !element.is_empty())
    }

    /// Does the list have that element, in any case?
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        let is_it = |text: &str| is_same(text, token);
        // Most lists are that one element, and need not be taken apart.
        self.all(name).any(|value| is_it(value) || unquoted_parts(value, ',').any(is_it))
    }
}

/// In any case. Few names are written in another one than here, and only those are compared letter by letter.
fn is_same(written: &str, name: &str) -> bool {
    written.len() == name.len() && (written == name || written.eq_ignore_ascii_case(name))
}

/// The trimmed parts of `value` between separators that stand outside quoted strings. A quoted string that
/// is not closed reaches to the end. // RFC 9110 §5.6.4
pub(super) fn unquoted_parts(value: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut place = Place::Outside;
    let parts = value.split(move |c: char| {
        place = place.after(c);
        c == separator && place == Place::Outside
    });
    parts.map(|part| part.trim_matches(WHITE_SPACE))
}

/// SP and HTAB, all that may stand between the parts of a value. // RFC 9110 §5.6.3
pub(super) const WHITE_SPACE: [char; 2] = [' ', '\t'];

/// Where a character stands in regard to quoted strings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    Quoted,
    Escaped,
}

impl Place {
    fn after(self, c: char) -> Self {
        match (self, c) {
            (Self::Outside, '"') | (Self::Escaped, _) => Self::Quoted,
            (Self::Quoted, '"') => Self::Outside,
            (Self::Quoted, '\\') => Self::Escaped,
            (unchanged, _) => unchanged,
        }
    }
}

/// A character of a token. // RFC 9110 §5.6.2
pub(super) const fn is_token_byte(byte: u8) -> bool {
    let bits = if byte < 64 { TOKEN_BYTES[0] } else { TOKEN_BYTES[1] };
    byte.is_ascii() && bits >> (byte % 64) & 1 == 1
}

/// A bit for each: names of fields are looked at byte by byte.
static TOKEN_BYTES: [u64; 2] = [token_bytes(0), token_bytes(64)];

const fn token_bytes(first: u8) -> u64 {
    let (mut bits, mut place) = (0, 0);
    while place < 64 {
        if is_alphanumeric_or_mark(first + place) {
            bits |= 1 << place;
        }
        place += 1;
    }
    bits
}

const fn is_alphanumeric_or_mark(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// Is it a token: one or more letters, digits or marks that separate nothing? // RFC 9110 §5.6.2
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

#[cfg(test)]
mod tests {
    use super::super::Header;
    use super::*;

    fn headers(fields: &[(&str, &str)]) -> Headers {
        let header = |&(name, value): &(&str, &str)| Header { name: name.into(), value: value.into() };
        Headers(fields.iter().map(header).collect())
    }

    #[test]
    fn a_name_is_found_in_any_case() {
        let headers = headers(&[("Host", "a"), ("host", "b"), ("Hos", "c")]);
        assert_eq!(headers.first("HOST"), Some("a"));
        assert_eq!(headers.all("hOst").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(headers.first("origin"), None);
    }

    #[test]
    fn a_list_over_several_fields_is_one_list_without_empty_elements() {
        let headers = headers(&[("P", "a, b,, "), ("X", "no"), ("p", " ,\tc\t"), ("P", "")]);
        assert_eq!(headers.list("p").collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn a_comma_in_a_quoted_string_separates_nothing() {
        let headers = headers(&[("E", r#"x; a="b,c", y; q="\",", z; open="1,2"#), ("E", "next")]);
        let elements: Vec<_> = headers.list("e").collect();
        assert_eq!(elements, [r#"x; a="b,c""#, r#"y; q="\",""#, r#"z; open="1,2"#, "next"]);
    }

    #[test]
    fn a_token_is_a_whole_element_in_any_case() {
        let headers = headers(&[("Connection", "keep-alive, UPGRADE"), ("Upgrade", "websocket2")]);
        assert!(headers.has_token("connection", "upgrade"));
        assert!(!headers.has_token("upgrade", "websocket"));
        assert!(!headers.has_token("origin", ""));
    }
}
