//! A value → its JSON on one line, straight into bytes. What `serde_json` behind [`Escaped`](super::escaped::Escaped) writes, at a third
//! of the cost: strings go a block at a time instead of byte by byte, and names of members as they are.

mod string;

use std::fmt::Display;

use itoa::{Buffer, Integer};
use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::Error;
pub(super) use string::{escaped, string};

/// Appends the value. Nothing in it can steer a terminal.
///
/// # Errors
/// Where the value says that it can't be written. What stands behind it in `out` then is no JSON.
pub(super) fn append(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), Error> {
    value.serialize(Compact(out))
}

struct Compact<'a>(&'a mut Vec<u8>);

/// The members of an object, or the elements of an array.
struct Members<'a> {
    out: &'a mut Vec<u8>,
    is_first: bool,
    end: &'static [u8],
}

impl<'a> Compact<'a> {
    fn raw(self, text: &[u8]) -> Result<(), Error> {
        self.0.extend_from_slice(text);
        Ok(())
    }

    fn integer(self, value: impl Integer) -> Result<(), Error> {
        self.raw(Buffer::new().format(value).as_bytes())
    }

    fn members(self, begin: &[u8], end: &'static [u8]) -> Members<'a> {
        self.0.extend_from_slice(begin);
        Members { out: self.0, is_first: true, end }
    }

    /// `{"variant":`
    fn variant(&mut self, variant: &'static str) {
        self.0.extend_from_slice(b"{\"");
        self.0.extend_from_slice(variant.as_bytes());
        self.0.extend_from_slice(b"\":");
    }
}

// Inlined, so that names and commas are known when the program is built.
impl Members<'_> {
    #[inline(always)]
    fn next(&mut self) {
        if !std::mem::take(&mut self.is_first) {
            self.out.push(b',');
        }
    }

    #[inline(always)]
    fn element(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        self.next();
        value.serialize(Compact(self.out))
    }

    /// A member that the program named, by letters that need no escape.
    #[inline(always)]
    fn member(&mut self, name: &'static str, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        self.next();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        value.serialize(Compact(self.out))
    }

    fn close(self) -> Result<(), Error> {
        self.out.extend_from_slice(self.end);
        Ok(())
    }
}

impl<'a> Serializer for Compact<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Members<'a>;
    type SerializeTuple = Members<'a>;
    type SerializeTupleStruct = Members<'a>;
    type SerializeTupleVariant = Members<'a>;
    type SerializeMap = Members<'a>;
    type SerializeStruct = Members<'a>;
    type SerializeStructVariant = Members<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.raw(if value { b"true" } else { b"false" })
    }

    fn serialize_i8(self, value: i8) -> Result<(), Error> {
        self.integer(value)
    }

    fn serialize_i16(self, value: i16) -> Result<(), Error> {
        self.integer(value)
    }

    fn serialize_i32(self, value: i32) -> Result<(), Error> {
        self.integer(value)
    }

    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        self.integer(value)
    }

    fn serialize_u8(self, value: u8) -> Result<(), Error> {
        self.integer(value)
    }

    fn serialize_u16(self, value: u16) -> Result<(), Error> {
        self.integer(value)
    }

    fn serialize_u32(self, value: u32) -> Result<(), Error> {
        self.integer(value)
    }

    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        // Most counts have one digit.
        match u8::try_from(value) {
            Ok(digit @ 0..=9) => self.raw(&[b'0' + digit]),
            _ => self.integer(value),
        }
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        serde_json::to_writer(self.0, &value)
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        serde_json::to_writer(self.0, &value)
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        string(value.as_bytes(), self.0);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.raw(b"null")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.raw(b"null")
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Error> {
        self.raw(b"null")
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        // Named by the program, as members are.
        self.0.push(b'"');
        self.0.extend_from_slice(variant.as_bytes());
        self.raw(b"\"")
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.variant(variant);
        value.serialize(Compact(self.0))?;
        self.raw(b"}")
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Members<'a>, Error> {
        Ok(self.members(b"[", b"]"))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Members<'a>, Error> {
        Ok(self.members(b"[", b"]"))
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<Members<'a>, Error> {
        Ok(self.members(b"[", b"]"))
    }

    fn serialize_tuple_variant(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Members<'a>, Error> {
        self.variant(variant);
        Ok(self.members(b"[", b"]}"))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Members<'a>, Error> {
        Ok(self.members(b"{", b"}"))
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Members<'a>, Error> {
        Ok(self.members(b"{", b"}"))
    }

    fn serialize_struct_variant(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Members<'a>, Error> {
        self.variant(variant);
        Ok(self.members(b"{", b"}}"))
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.serialize_str(&value.to_string())
    }
}

/// What stands in an array is written in the same way, whatever it is called.
macro_rules! array {
    ($($kind:ident :: $method:ident),+) => {$(
        impl $kind for Members<'_> {
            type Ok = ();
            type Error = Error;

            #[inline(always)]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.element(value)
            }

            fn end(self) -> Result<(), Error> {
                self.close()
            }
        }
    )+};
}

array!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

/// And so are the members of an object whose names the program knows.
macro_rules! object {
    ($($kind:ident),+) => {$(
        impl $kind for Members<'_> {
            type Ok = ();
            type Error = Error;

            #[inline(always)]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.member(name, value)
            }

            fn end(self) -> Result<(), Error> {
                self.close()
            }
        }
    )+};
}

object!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.next();
        let start = self.out.len();
        key.serialize(Compact(self.out))?;
        // RFC 8259 §4
        if self.out.get(start) == Some(&b'"') {
            Ok(())
        } else {
            Err(Error::custom("a name must be a string"))
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.out.push(b':');
        value.serialize(Compact(self.out))
    }

    fn end(self) -> Result<(), Error> {
        self.close()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::packet::CaptureInfo;
    use crate::report::escaped::Escaped;
    use crate::report::sample;
    use crate::report::view::{Files, Line};
    use crate::report::{Frames, Shown};

    fn both(value: &impl Serialize) -> (String, String) {
        let (mut compact, mut general) = (Vec::new(), Vec::new());
        append(value, &mut compact).unwrap();
        serde_json::to_writer(Escaped::new(&mut general), value).unwrap();
        (String::from_utf8(compact).unwrap(), String::from_utf8(general).unwrap())
    }

    #[derive(serde::Serialize)]
    struct Unit;

    #[derive(serde::Serialize)]
    struct Pair(i8, f32);

    #[derive(serde::Serialize)]
    enum Variant {
        Unit,
        Newtype(u16),
        Tuple(char, bool),
        Struct { name: Option<i64> },
    }

    #[test]
    fn every_kind_of_value_is_written_as_the_general_serializer_writes_it() {
        let variants = [
            Variant::Unit,
            Variant::Newtype(7),
            Variant::Tuple('\u{202e}', false),
            Variant::Struct { name: None },
        ];
        let value =
            ((Unit, Pair(-1, 0.5)), variants, BTreeMap::from([("a\"b", 1), ("c", 2)]), [(); 0], f64::NAN);
        let (compact, general) = both(&value);
        assert_eq!(compact, general);
        assert!(append(&BTreeMap::from([(1, 2)]), &mut Vec::new()).is_err());
    }

    #[test]
    fn all_lines_are_written_as_the_general_serializer_writes_them() {
        let files = Files::new(
            &["a", "b \"c\""].map(|path| CaptureInfo { path: path.into(), ..CaptureInfo::default() }),
        );
        let shown = Shown { frames: Frames::Listed, ..Shown::default() };
        for event in [sample::chat(), sample::trouble()].into_iter().flat_map(|sample| sample.events) {
            let line = Line::event(&event, &shown, &files);
            let (compact, general) = both(&line);
            assert_eq!(compact, general);
        }
    }

    fn value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<u64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            let list = prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into);
            let object = prop::collection::hash_map(any::<String>(), inner, 0..6);
            prop_oneof![list, object.prop_map(|members| members.into_iter().collect::<serde_json::Value>())]
        })
    }

    proptest! {
        #[test]
        fn any_value_is_written_as_the_general_serializer_writes_it(value in value()) {
            let (compact, general) = both(&value);
            prop_assert_eq!(compact, general);
        }
    }
}
