//! Header fields by name: single values, lists, tokens (RFC 9110 §5).

mod plain;

use std::fmt;
use std::ops::Range;

pub(super) use plain::printable;

use super::FieldName;

/// Header fields in wire order, names as written.
#[derive(Clone, Default)]
pub struct Headers {
    /// What names and values lie in: the lines of a head as they came, or one after the other.
    text: String,
    fields: Vec<Field>,
    known: Known,
    /// Is all that names and values are made of printable ASCII, as far as it was looked at?
    printable: bool,
}

/// One header field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header<'a> {
    /// As written; compared without case.
    pub name: &'a str,
    /// Without the white space around it. Bytes that are not UTF-8 are read as Latin-1.
    pub value: &'a str,
}

/// What is asked of a head more than once.
#[derive(Clone, Debug, Default)]
struct Known {
    /// Where the first field of each name is: its number, counted from 1; 0 where there is none. The last number stands
    /// for all that are as high or higher.
    firsts: [u8; FieldName::COUNT],
    /// Is `websocket` in the list of `Upgrade`?
    upgrade: bool,
    /// Is `Upgrade` in the list of `Connection`?
    connection: bool,
}

/// Where a field lies in the text.
#[derive(Clone, Copy, Debug)]
struct Field {
    name: Span,
    value: Span,
    known: Option<FieldName>,
}

/// From one byte to another.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: u32,
    to: u32,
}

impl Headers {
    /// The value of the first field of that name.
    pub fn first(&self, name: FieldName) -> Option<&str> {
        let place = self.known.first(name)?;
        match self.fields.get(place) {
            Some(field) if field.known == Some(name) => Some(self.text_of(field.value)),
            // It stands behind more fields than are counted.
            _ => self.all(name).next(),
        }
    }

    /// Is there a field of that name?
    pub fn has(&self, name: FieldName) -> bool {
        self.known.first(name).is_some()
    }

    /// The values of all fields of that name, in wire order.
    pub fn all(&self, name: FieldName) -> impl Iterator<Item = &str> {
        let fields = self.known.first(name).and_then(|first| self.fields.get(first..)).unwrap_or_default();
        fields.iter().filter(move |field| field.known == Some(name)).map(|field| self.text_of(field.value))
    }

    /// The elements of a comma list that may be spread over several fields, without the white space around
    /// them and without empty ones. A comma in a quoted string separates nothing. // RFC 9110 §5.6.1
    pub fn list(&self, name: FieldName) -> impl Iterator<Item = &str> {
        self.all(name).flat_map(|value| unquoted_parts(value, ',')).filter(|element| !element.is_empty())
    }

    /// Does `Upgrade` name `websocket`, in any case? // RFC 6455 §4.1, §4.2.2
    pub const fn upgrades_to_websocket(&self) -> bool {
        self.known.upgrade
    }

    /// Does `Connection` name `Upgrade`, in any case? // RFC 6455 §4.1, §4.2.2
    pub const fn connection_upgrades(&self) -> bool {
        self.known.connection
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = Header<'_>> + Clone {
        self.fields.iter().map(|field| self.header(field))
    }

    /// The text in which all names and values lie, and the places of each field's name and value there; `None` where these may
    /// have anything but printable ASCII.
    pub fn printable(&self) -> Option<(&str, impl Iterator<Item = [Range<usize>; 2]>)> {
        let places = self.fields.iter().map(|field| [field.name.range(), field.value.range()]);
        self.printable.then_some((self.text.as_str(), places))
    }

    /// The field of that number, counted from 0.
    pub fn get(&self, index: usize) -> Option<Header<'_>> {
        self.fields.get(index).map(|field| self.header(field))
    }

    /// Adds a field behind the others.
    pub fn push(&mut self, name: &str, value: &str) {
        let known = FieldName::of(name.as_bytes());
        self.known.note(known, self.fields.len(), || value.as_bytes());
        let (name, value) = (self.append(name), self.append(value));
        self.printable = false;
        self.fields.push(Field { name, value, known });
    }

    /// How many fields there are.
    pub(super) fn count(&self) -> usize {
        self.fields.len()
    }

    /// Bytes of memory that it takes beside itself, of a head of so many bytes on the wire. By what it is, not by how it was read: the text
    /// of a head that was read in one pass has more than its names and values, but no more than the wire.
    pub(super) fn memory(&self, size: u64) -> usize {
        let wire = usize::try_from(size).unwrap_or(usize::MAX);
        self.text.len().max(wire).saturating_add(size_of_val(self.fields.as_slice()))
    }

    /// Gives back the room that it does not need.
    pub(super) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.fields.shrink_to_fit();
    }

    fn append(&mut self, text: &str) -> Span {
        let from = offset(self.text.len());
        self.text.push_str(text);
        Span { from, to: offset(self.text.len()) }
    }

    fn header(&self, field: &Field) -> Header<'_> {
        Header { name: self.text_of(field.name), value: self.text_of(field.value) }
    }

    fn text_of(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }
}

impl Span {
    const fn range(self) -> Range<usize> {
        self.from as usize..self.to as usize
    }
}

impl Span {
    /// What lies there.
    fn of(self, text: &[u8]) -> &[u8] {
        text.get(self.from as usize..self.to as usize).unwrap_or_default()
    }
}

impl Known {
    /// The index from which on there are fields of that name.
    fn first(&self, name: FieldName) -> Option<usize> {
        let number = self.firsts.get(name as usize).copied().unwrap_or_default();
        usize::from(number).checked_sub(1)
    }

    /// The field with this index, which comes next, has that name and value.
    fn note<'a>(&mut self, name: Option<FieldName>, index: usize, value: impl FnOnce() -> &'a [u8]) {
        let Some(name) = name else { return };
        if let Some(first @ 0) = self.firsts.get_mut(name as usize) {
            *first = u8::try_from(index + 1).unwrap_or(u8::MAX);
        }
        match name {
            FieldName::Upgrade => self.upgrade |= lists(value(), "websocket"),
            FieldName::Connection => self.connection |= lists(value(), "Upgrade"),
            _ => {}
        }
    }
}

/// Has a list that element, in any case?
fn lists(value: &[u8], token: &str) -> bool {
    // Most lists are that one element, and need not be taken apart.
    value == token.as_bytes()
        || value.eq_ignore_ascii_case(token.as_bytes())
        || std::str::from_utf8(value)
            .is_ok_and(|value| unquoted_parts(value, ',').any(|part| part.eq_ignore_ascii_case(token)))
}

/// Heads are smaller than that: see [`LARGEST_HEAD`].
fn offset(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// What a place in a head's text can be counted to, whatever the limits allow; read as Latin-1, bytes take two.
pub(super) const LARGEST_HEAD: usize = u32::MAX as usize / 2;

/// From pairs of name and value.
impl<Name: AsRef<str>, Value: AsRef<str>> FromIterator<(Name, Value)> for Headers {
    fn from_iter<Fields: IntoIterator<Item = (Name, Value)>>(fields: Fields) -> Self {
        let mut headers = Self::default();
        fields.into_iter().for_each(|(name, value)| headers.push(name.as_ref(), value.as_ref()));
        headers
    }
}

/// Equal are those with the same fields, wherever these lie.
impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|field| (field.name, field.value))).finish()
    }
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
    use super::*;

    const HOST: FieldName = FieldName::Host;
    const UPGRADE: FieldName = FieldName::Upgrade;

    fn headers(fields: &[(&str, &str)]) -> Headers {
        fields.iter().copied().collect()
    }

    #[test]
    fn a_name_is_found_in_any_case() {
        let headers = headers(&[("Host", "a"), ("host", "b"), ("Hos", "c")]);
        assert_eq!(headers.first(HOST), Some("a"));
        assert_eq!(headers.all(HOST).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(headers.first(FieldName::Origin), None);
        assert!(headers.has(HOST) && !headers.has(FieldName::Origin));
    }

    #[test]
    fn a_name_is_found_behind_however_many_fields() {
        for before in [0, 1, 253, 254, 255, 256, 300] {
            let mut headers: Headers = (0..before).map(|number| ("X", number.to_string())).collect();
            headers.push("host", "a");
            headers.push("Host", "b");
            assert_eq!(headers.all(HOST).collect::<Vec<_>>(), ["a", "b"], "{before}");
        }
    }

    #[test]
    fn a_list_over_several_fields_is_one_list_without_empty_elements() {
        let headers =
            headers(&[("Upgrade", "a, b,, "), ("X", "no"), ("upgrade", " ,\tc\t"), ("Upgrade", "")]);
        assert_eq!(headers.list(UPGRADE).collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn a_comma_in_a_quoted_string_separates_nothing() {
        let headers = headers(&[("Upgrade", r#"x; a="b,c", y; q="\",", z; open="1,2"#), ("Upgrade", "next")]);
        let elements: Vec<_> = headers.list(UPGRADE).collect();
        assert_eq!(elements, [r#"x; a="b,c""#, r#"y; q="\",""#, r#"z; open="1,2"#, "next"]);
    }

    #[test]
    fn a_token_is_a_whole_element_in_any_case() {
        let headers = headers(&[("Connection", "keep-alive, UPGRADE"), ("Upgrade", "websocket2")]);
        assert!(headers.connection_upgrades() && !headers.upgrades_to_websocket());
        for (value, expected) in
            [("a, WebSocket ", true), ("\"websocket\"", false), ("web, socket", false), ("", false)]
        {
            assert_eq!(
                self::headers(&[("upgrade", "a"), ("Upgrade", value)]).upgrades_to_websocket(),
                expected
            );
        }
    }
}
