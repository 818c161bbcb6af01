//! wspect's JSON against what the endpoints themselves logged (`NAME.truth.ndjson` beside a capture).

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::support::{read_json, testdata};

#[test]
fn recorded_captures_agree_with_their_endpoints() {
    let captures = captures_in(&testdata(""));
    assert!(!captures.is_empty(), "no captures in testdata/");
    agree(&captures);
}

#[test]
fn further_captures_agree_with_their_endpoints() {
    agree(&further_captures());
}

#[test]
fn a_spoilt_document_disagrees() {
    let capture = testdata("01_seed_ws_hello.pcap");
    let mut document = read_json(&capture);
    assert_eq!(differences(&Truth::beside(&capture), &document), [""; 0]);
    document["connections"][0]["messages"][0]["text"] = "luozhou".into();
    assert_ne!(differences(&Truth::beside(&capture), &document), [""; 0]);
}

/// Captures outside of the repository: those in the folder that `WSPECT_CAPTURES` names.
#[expect(clippy::disallowed_methods, reason = "a test is asked for more captures through its environment")]
#[expect(clippy::print_stdout, reason = "what is skipped is said")]
fn further_captures() -> Vec<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/captures");
    let folder = std::env::var_os("WSPECT_CAPTURES").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    if !folder.is_dir() {
        println!("skipped: WSPECT_CAPTURES names no folder");
        return Vec::new();
    }
    captures_in(&folder)
}

fn captures_in(folder: &Path) -> Vec<PathBuf> {
    let mut captures: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains(".pcap") && truth_path(path).exists())
        .filter(|path| !is_skipped(&path.file_name().unwrap().to_string_lossy()))
        .collect();
    captures.sort();
    captures
}

/// Does `tests/truth.skip` name the capture?
fn is_skipped(name: &str) -> bool {
    let list = include_str!("../truth.skip").lines().filter(|line| !line.starts_with('#'));
    list.into_iter()
        .any(|entry| entry.strip_suffix('*').map_or(name == entry, |start| name.starts_with(start)))
}

fn truth_path(capture: &Path) -> PathBuf {
    let path = capture.to_string_lossy();
    let stem = path.rsplit_once(".pcap").map_or(&*path, |(stem, _)| stem);
    PathBuf::from(format!("{stem}.truth.ndjson"))
}

fn agree(captures: &[PathBuf]) {
    let compare = |capture: &PathBuf| {
        let found = differences(&Truth::beside(capture), &read_json(capture));
        let name = capture.file_name().unwrap().to_string_lossy().into_owned();
        (!found.is_empty()).then(|| format!("{name}:\n  {}", found.join("\n  ")))
    };
    let differing: Vec<_> = captures.iter().filter_map(compare).collect();
    let count = format!("{} of {} captures differ", differing.len(), captures.len());
    assert!(differing.is_empty(), "{count}\n{}", differing.join("\n"));
}

/// The endpoints' log of one capture.
struct Truth {
    connections: Vec<Value>,
    messages: Vec<Value>,
    violations: Vec<Value>,
    has_keys: bool,
}

impl Truth {
    fn beside(capture: &Path) -> Self {
        let text = std::fs::read_to_string(truth_path(capture)).unwrap();
        let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let with = |field: &str| rows.iter().filter(|row| row.get(field).is_some()).cloned().collect();
        let has_keys = capture.with_extension("keylog").exists() || capture.to_string_lossy().contains("dsb");
        Self { connections: with("client"), messages: with("kind"), violations: with("violation"), has_keys }
    }
}

/// One line for each fact in which the document differs from the log.
fn differences(truth: &Truth, document: &Value) -> Vec<String> {
    let mut unmatched: Vec<&Value> = list(&document["connections"]);
    let mut found = Vec::new();
    for wanted in &truth.connections {
        if wanted["tls"] == true && !truth.has_keys {
            found.extend(encrypted(document));
            continue;
        }
        if wanted["websocket"] == false {
            unmatched.retain(|connection| !same_endpoints(wanted, connection));
            continue;
        }
        let Some(place) = best_match(wanted, &unmatched) else {
            found.push(format!("connection {} {}: not found", wanted["conn"], wanted["path"]));
            continue;
        };
        let connection = Comparison { truth, wanted, got: unmatched.remove(place), found: Vec::new() };
        found.extend(connection.differences());
    }
    let is_known = |got: &&Value| truth.connections.iter().any(|wanted| same_endpoints(wanted, got));
    let strangers = unmatched.iter().filter(|got| !is_known(got));
    found.extend(strangers.map(|got| format!("nobody logged {} → {}", got["client"], got["server"])));
    found
}

/// Nothing can be said of an encrypted connection without keys but that.
fn encrypted(document: &Value) -> Option<String> {
    let connections = list(&document["connections"]);
    let says_so = |findings: &Value| list(findings).iter().any(|finding| finding["rule"] == "tls-no-keys");
    let said = says_so(&document["findings"])
        || connections.iter().any(|connection| says_so(&connection["findings"]));
    let silent = connections.iter().all(|connection| list(&connection["messages"]).is_empty());
    (!said || !silent).then(|| "encrypted: messages, or no finding tls-no-keys".to_owned())
}

/// Of the connections with these endpoints, the one whose target and status fit best.
fn best_match(wanted: &Value, connections: &[&Value]) -> Option<usize> {
    let misfits = |got: &Value| {
        let other_target = got["handshake"]["request"]["target"] != wanted["path"];
        let status = &got["handshake"]["response"]["status"];
        let other_status = wanted.get("status").is_some_and(|wanted| wanted != status);
        u8::from(other_target) + u8::from(other_status)
    };
    let fits = |got: &Value| {
        same_endpoints(wanted, got)
            && wanted.get("h2_stream").is_none_or(|stream| *stream == got["http2_stream"])
    };
    let candidates = (0..connections.len()).filter(|place| fits(connections[*place]));
    candidates.min_by_key(|place| misfits(connections[*place]))
}

fn same_endpoints(wanted: &Value, got: &Value) -> bool {
    let endpoint = |end: &Value| {
        let address = end["address"].as_str().unwrap_or_default();
        let bracketed = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
        [format!("{address}:{}", end["port"]), format!("{bracketed}:{}", end["port"])]
    };
    ["client", "server"].iter().all(|end| endpoint(&got[end]).iter().any(|text| wanted[end] == text.as_str()))
}

/// One connection of the log and the one of the document that is it.
struct Comparison<'a> {
    truth: &'a Truth,
    wanted: &'a Value,
    got: &'a Value,
    found: Vec<String>,
}

impl Comparison<'_> {
    fn differences(mut self) -> Vec<String> {
        self.handshake();
        self.messages("c2s", "client_to_server");
        self.messages("s2c", "server_to_client");
        self.violations();
        self.false_alarms();
        self.found
    }

    fn equal(&mut self, what: &str, wanted: &Value, got: &Value) {
        if wanted != got {
            self.say(&format!("{what}: logged {wanted}, wspect {got}"));
        }
    }

    fn say(&mut self, what: &str) {
        self.found.push(format!("connection {}: {what}", self.wanted["conn"]));
    }

    fn handshake(&mut self) {
        let (wanted, handshake) = (self.wanted, &self.got["handshake"]);
        if wanted["handshake_visible"] == false {
            return self.equal("outcome", &"not_captured".into(), &handshake["outcome"]);
        }
        self.equal("target", &wanted["path"], &handshake["request"]["target"]);
        self.equal("host", &wanted["host"], &handshake["host"]);
        if wanted.get("status").is_some() {
            self.equal("status", &wanted["status"], &handshake["response"]["status"]);
        }
        if wanted["upgraded"] == false {
            if !["refused", "unanswered", "invalid"].iter().any(|word| handshake["outcome"] == *word) {
                self.equal("outcome", &"refused".into(), &handshake["outcome"]);
            }
            return;
        }
        let subprotocol = handshake["subprotocol"].as_str().unwrap_or_default();
        self.equal("subprotocol", &wanted["subprotocol"], &subprotocol.into());
        if wanted.get("accept").is_some() {
            self.equal("accept", &wanted["accept"], &handshake["accept"]["value"]);
            self.equal("accept valid", &wanted["accept_ok"], &handshake["accept"]["valid"]);
        }
        let outcome = if wanted["accept_ok"] == true { "accepted" } else { "invalid" };
        self.equal("outcome", &outcome.into(), &handshake["outcome"]);
    }

    fn messages(&mut self, logged: &str, direction: &str) {
        let of_this = |row: &&Value| row["conn"] == self.wanted["conn"] && row["dir"] == logged;
        let mut rows: Vec<&Value> = self.truth.messages.iter().filter(of_this).collect();
        rows.sort_by_key(|row| row["seq"].as_u64());
        let mut messages = list(&self.got["messages"]);
        messages.retain(|message| message["direction"] == direction);
        if self.is_altered() {
            rows.retain(|row| row["visible"] == "full");
        }
        if self.is_altered() || self.is_abnormal() || self.has_violations() {
            self.in_order(logged, &rows, &messages);
        } else {
            self.one_by_one(logged, &rows, &messages);
        }
    }

    fn one_by_one(&mut self, logged: &str, rows: &[&Value], messages: &[&Value]) {
        if rows.len() != messages.len() {
            self.say(&format!("{logged}: logged {} messages, wspect {}", rows.len(), messages.len()));
        }
        for (row, message) in rows.iter().zip(messages) {
            for what in what_differs(row, message) {
                self.say(&format!("{logged} {}: {what}", row["seq"]));
            }
        }
    }

    /// Where the log says less than the capture shows: each row is found, one after the other.
    fn in_order(&mut self, logged: &str, rows: &[&Value], messages: &[&Value]) {
        let mut rest = messages.iter();
        for row in rows {
            let mut after = rest.clone();
            if after.any(|message| what_differs(row, message).is_empty()) {
                rest = after;
            } else {
                self.say(&format!(
                    "{logged} {}: {} of {} bytes not found",
                    row["seq"], row["kind"], row["len"]
                ));
            }
        }
        let whole = |message: &&&Value| message["incomplete"] != true && message["type"] != "reserved";
        if self.is_abnormal() && !self.has_violations() && rest.clone().any(|message| whole(&message)) {
            self.say(&format!("{logged}: more messages than were sent"));
        }
    }

    fn violations(&mut self) {
        let findings = list(&self.got["findings"]);
        for row in self.truth.violations.iter().filter(|row| row["conn"] == self.wanted["conn"]) {
            let blame = if row["dir"] == "c2s" { "client" } else { "server" };
            let name = row["violation"].as_str().unwrap_or_default();
            let rules = RULES.iter().find(|(violation, _)| *violation == name).map_or("", |(_, rules)| rules);
            let says_so = |finding: &&Value| {
                finding["blame"] == blame && rules.split(' ').any(|rule| finding["rule"] == rule)
            };
            if !findings.iter().any(says_so) {
                self.say(&format!("{blame} did {name}: no finding {rules}"));
            }
        }
    }

    fn false_alarms(&mut self) {
        let is_early = |row: &Value| row["conn"] == self.wanted["conn"] && row["early"] == true;
        let has_reason = self.is_altered()
            || self.is_abnormal()
            || self.has_violations()
            || self.truth.messages.iter().any(is_early)
            || self.wanted["upgraded"] == false
            || self.wanted["accept_ok"] == false;
        let findings = list(&self.got["findings"]);
        if let Some(error) = findings.iter().find(|finding| finding["severity"] == "error" && !has_reason) {
            self.say(&format!("false alarm: {} {}", error["rule"], error["detail"]));
        }
    }

    fn is_altered(&self) -> bool {
        self.wanted["capture_altered"] == true
    }

    fn is_abnormal(&self) -> bool {
        self.wanted.get("abnormal").is_some()
    }

    fn has_violations(&self) -> bool {
        self.truth.violations.iter().any(|row| row["conn"] == self.wanted["conn"])
    }
}

/// The facts of a logged message that `message` does not have.
fn what_differs(row: &Value, message: &Value) -> Vec<String> {
    let mut pairs = vec![(&row["kind"], &message["type"])];
    if row["kind"] == "close" {
        pairs.push((&row["code"], &message["close"]["code"]));
    } else {
        pairs.push((&row["len"], &message["length"]));
    }
    if row.get("text").is_some() && row["kind"] == "text" && row["len"] != 0 && message["incomplete"] != true
    {
        pairs.push((&row["text"], &message["text"]));
    }
    if row.get("frames").is_some() {
        pairs.push((&row["frames"], &message["frames"]));
    }
    let mut found: Vec<_> = pairs
        .iter()
        .filter(|(wanted, got)| wanted != got)
        .map(|(wanted, got)| format!("logged {wanted}, wspect {got}"))
        .collect();
    let reason = |of: &Value| of["reason"].as_str().unwrap_or_default().to_owned();
    if reason(row) != reason(&message["close"]) {
        found.push(format!("close reason: logged {:?}, wspect {:?}", reason(row), reason(&message["close"])));
    }
    if row.get("compressed").is_some() && (row["compressed"] == true) != (message["compressed"] == true) {
        found.push(format!("compressed: logged {}, wspect {}", row["compressed"], message["compressed"]));
    }
    found
}

fn list(value: &Value) -> Vec<&Value> {
    value.as_array().into_iter().flatten().collect()
}

/// What an endpoint did on purpose, and the rules any of which says so.
const RULES: &[(&str, &str)] = &[
    ("wrong_accept", "handshake-accept-mismatch"),
    ("missing_accept", "handshake-accept-missing"),
    ("extension_not_offered", "handshake-extension-unrequested"),
    ("subprotocol_not_offered", "handshake-subprotocol-unrequested"),
    ("unmasked_client_frame", "frame-client-unmasked"),
    ("masked_server_frame", "frame-server-masked"),
    ("rsv_without_extension", "frame-rsv1-unnegotiated frame-rsv2-set frame-rsv3-set"),
    ("reserved_opcode", "frame-opcode-reserved-data frame-opcode-reserved-control"),
    ("non_minimal_length", "frame-length-not-minimal"),
    ("length_high_bit", "frame-length-msb-set"),
    ("fragmented_control", "fragment-control-fragmented"),
    ("control_too_long", "control-too-long"),
    ("continuation_without_start", "fragment-continuation-unexpected"),
    ("data_frame_inside_fragmented_message", "fragment-data-while-open"),
    ("invalid_utf8", "text-invalid-utf8 text-truncated-utf8"),
    ("invalid_utf8_across_fragments", "text-invalid-utf8 text-truncated-utf8"),
    ("incomplete_utf8_at_end", "text-invalid-utf8 text-truncated-utf8"),
    ("close_payload_one_byte", "close-payload-one-byte"),
    (
        "invalid_close_code",
        "close-code-reserved-on-wire close-code-out-of-range close-code-unassigned close-code-1004",
    ),
    ("invalid_utf8_close_reason", "close-reason-invalid-utf8"),
    ("data_after_close", "frame-after-close-sent"),
    ("rsv1_on_continuation", "deflate-rsv1-on-continuation"),
    ("rsv1_on_control", "deflate-rsv1-on-control"),
    ("invalid_deflate_data", "deflate-inflate-error"),
];
