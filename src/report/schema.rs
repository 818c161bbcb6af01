//! The types of the output → their JSON Schema.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::checked::CheckDocument;
use super::differences::DiffDocument;
use super::view::{
    Capture, Closing, Finding, Generator, Handshake, Line, Message, Parties, Rule, Time, Totals,
};

/// The JSON Schema (draft 2020-12) of `--format json` (`#/$defs/Document`) and of each line of `--format ndjson`
/// (`#/$defs/Line`), of `wspect check --format json` (`#/$defs/CheckDocument`), of `wspect diff --format json` (`#/$defs/DiffDocument`), and of
/// an element of `wspect rules --format json` (`#/$defs/Rule`). The same on every run.
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let document = generator.subschema_for::<Document<'_>>();
    let line = generator.subschema_for::<Line<'_>>();
    let check = generator.subschema_for::<CheckDocument<'_>>();
    let diff = generator.subschema_for::<DiffDocument<'_>>();
    let rule = generator.subschema_for::<Rule>();
    let mut definitions = Value::Object(generator.take_definitions(true));
    without_null(&mut definitions);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "wspect output",
        "description": "A document of --format json, a line of --format ndjson, or what wspect check, diff and rules --format json write.",
        "anyOf": [document, line, check, diff, {"type": "array", "items": rule}],
        "$defs": definitions,
    })
}

/// Takes `null` out of the types: what is unknown is absent, never null.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(without_null);
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    members.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = members.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
                if let [Value::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    members.remove("anyOf");
                    members.extend(only);
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_null),
        _ => {}
    }
}

/// What `--format json` writes.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "the shape of what json.rs writes piece by piece")]
struct Document<'a> {
    /// Version of this format.
    schema: u32,
    generator: Generator,
    captures: Vec<Capture<'a>>,
    /// In the order in which they opened.
    connections: Vec<Connection<'a>>,
    /// Those that belong to no connection.
    findings: Vec<Finding<'a>>,
    totals: Totals,
}

/// A WebSocket connection, opened or refused.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "the shape of what json.rs writes piece by piece")]
struct Connection<'a> {
    #[schemars(flatten)]
    parties: Parties<'a>,
    /// Of its last packet.
    end_time: Time,
    handshake: Handshake<'a>,
    /// Both directions, control frames included, in capture order of their last frame.
    messages: Vec<Message<'a>>,
    #[schemars(flatten)]
    closing: Closing<'a>,
    findings: Vec<Finding<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::report::{Frames, Json, Ndjson, Shown};

    /// What is wrong with `value`, by the part of JSON Schema that is used here; nothing when it fits.
    fn faults(root: &Value, schema: &Value, value: &Value) -> Vec<String> {
        let mut found = faults_but_names(root, schema, value);
        let known = properties(root, schema);
        if let (Some(members), false) = (value.as_object(), known.is_empty()) {
            found.extend(
                members.keys().filter(|name| !known.contains(name)).map(|name| format!("unknown {name}")),
            );
        }
        found
    }

    fn faults_but_names(root: &Value, schema: &Value, value: &Value) -> Vec<String> {
        let mut found =
            referenced(root, schema).map_or(Vec::new(), |other| faults_but_names(root, other, value));
        let choices = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array);
        let fits = |choice| faults(root, choice, value).is_empty();
        if choices.is_some_and(|choices| !choices.iter().any(fits))
            || schema.get("enum").and_then(Value::as_array).is_some_and(|allowed| !allowed.contains(value))
            || schema.get("const").is_some_and(|constant| constant != value)
        {
            found.push(format!("{value} is none of the choices"));
        }
        if let (Some(items), Some(elements)) = (schema.get("items"), value.as_array()) {
            found.extend(elements.iter().flat_map(|element| faults(root, items, element)));
        }
        if let (Some(known), Some(members)) = (schema.get("properties"), value.as_object()) {
            let typed = members.iter().filter_map(|(name, member)| Some((known.get(name)?, member)));
            found.extend(typed.flat_map(|(schema, member)| faults(root, schema, member)));
            let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
            let missing = required.filter(|name| !members.contains_key(name.as_str().unwrap()));
            found.extend(missing.map(|name| format!("missing {name}")));
        }
        found
    }

    fn properties<'a>(root: &'a Value, schema: &'a Value) -> Vec<&'a String> {
        let own =
            schema.get("properties").and_then(Value::as_object).into_iter().flat_map(|known| known.keys());
        own.chain(referenced(root, schema).into_iter().flat_map(|other| properties(root, other))).collect()
    }

    fn referenced<'a>(root: &'a Value, schema: &Value) -> Option<&'a Value> {
        root.pointer(schema.get("$ref")?.as_str()?.trim_start_matches('#'))
    }

    #[test]
    fn what_is_written_fits_the_schema() {
        let root = schema();
        let shown = Shown { frames: Frames::Listed, ..Shown::default() };
        for sample in [sample::chat(), sample::trouble(), sample::only_tls()] {
            let mut out = Vec::new();
            sample.play(&mut Json::new(&mut out, shown.clone())).unwrap();
            let document = serde_json::from_slice(&out).unwrap();
            assert_eq!(faults(&root, &root["$defs"]["Document"], &document), Vec::<String>::new());
            out.clear();
            sample.play(&mut Ndjson::new(&mut out, shown.clone())).unwrap();
            for line in String::from_utf8(out).unwrap().lines() {
                let line = serde_json::from_str(line).unwrap();
                assert_eq!(faults(&root, &root["$defs"]["Line"], &line), Vec::<String>::new(), "{line}");
            }
        }
    }

    #[test]
    fn a_comparison_fits_the_schema() {
        use crate::diff::{Comparison, Recording, diff};
        use crate::report::differences::{self, Compared, SideOf};

        let read = |name: &str| {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
            Recording::from(crate::read(folder.join(name)).unwrap())
        };
        let [plain, packed, holed] =
            ["01_seed_ws_hello.pcap", "01_seed_ws_hello_deflate.pcap", "17_mid_connection.pcap"].map(read);
        let legs = read("13_connect_proxy.pcap").legs().unwrap();
        for [a, b] in [[&plain, &packed], [&plain, &holed], [&legs[0], &legs[1]]] {
            let found = diff(a, b, &Comparison::default());
            let sides = [a, b].map(|recording| SideOf { capture: "a", selected: Some("true"), recording });
            let mut out = Vec::new();
            differences::json(&Compared { sides, diff: &found }, &mut out).unwrap();
            let document = serde_json::from_slice(&out).unwrap();
            let root = schema();
            assert_eq!(faults(&root, &root["$defs"]["DiffDocument"], &document), Vec::<String>::new());
        }
    }

    #[test]
    fn the_check_of_the_schema_can_fail() {
        let root = schema();
        let fits = |line: Value| faults(&root, &root["$defs"]["Line"], &line).is_empty();
        assert!(!fits(json!({"event": "finding"})));
        assert!(!fits(json!({"event": "surprise"})));
        let capture = json!({
            "event": "capture", "schema": 1, "generator": {"name": "wspect", "version": "1"}, "path": "a", "format": "pcap"
        });
        assert!(fits(capture.clone()));
        let mut surprise = capture;
        surprise["surprise"] = json!(1);
        assert!(!fits(surprise));
    }

    #[test]
    fn null_is_never_written() {
        assert!(!schema().to_string().contains("null\""));
    }

    #[test]
    fn the_schema_looks_like_this() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&schema()).unwrap());
    }
}
