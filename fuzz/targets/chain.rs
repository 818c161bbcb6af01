use serde_json::Value;
use wspect::connection::Options;
use wspect::event::{Event, Totals};
use wspect::limits::Limits;
use wspect::packet::CaptureInfo;
use wspect::redact::{Key, Redact, Redactor};
use wspect::report::{Frames, Json, Ndjson, Report, Shown, Statistics, Table};

/// A capture file of any kind gives lines of JSON, of which the last are the totals, a document of JSON, and a table that is
/// safe to print.
pub fn chain(bytes: &[u8]) {
    let Some(read) = events(bytes) else { return };
    let shown = || Shown { frames: Frames::Listed, statistics: Statistics::Shown, ..Shown::default() };
    let mut lines = Vec::new();
    play(&read, &mut Ndjson::new(&mut lines, shown()));
    let lines = parsed(&lines);
    assert_eq!(lines[0]["event"], "capture");
    assert_eq!(lines[lines.len() - 1]["event"], "totals");
    assert_eq!(kinds(&lines), kinds(&redacted(&read, shown())), "without secrets");
    let mut document = Vec::new();
    play(&read, &mut Json::new(&mut document, shown()));
    let document: Value = serde_json::from_slice(&document).unwrap();
    let connections = document["connections"].as_array().unwrap();
    assert_eq!(connections.len() as u64, read.totals.websocket_connections);
    let messages = connections.iter().map(|connection| connection["messages"].as_array().unwrap().len());
    assert_eq!(messages.sum::<usize>() as u64, read.totals.messages);
    let mut table = Vec::new();
    play(&read, &mut Table::new(&mut table, shown()));
    let table = String::from_utf8(table).unwrap();
    let unsafe_character = table.chars().find(|c| c.is_control() && *c != '\n' || BIDIRECTIONAL.contains(c));
    assert_eq!(unsafe_character, None, "{table}");
}

/// The lines of a report in which nothing is shown.
fn redacted(read: &Analysis, shown: Shown) -> Vec<Value> {
    let mut redactor = Redactor::new(Redact::Payloads, &Key::of("key"));
    let events = read.events.iter().map(|event| redactor.event(event.clone())).collect();
    let Analysis { inputs, totals, .. } = read;
    let mut lines = Vec::new();
    let read = Analysis { inputs: inputs.clone(), events, totals: totals.clone() };
    play(&read, &mut Ndjson::new(&mut lines, shown));
    parsed(&lines)
}

fn parsed(lines: &[u8]) -> Vec<Value> {
    let lines = lines.split_inclusive(|byte| *byte == b'\n');
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// What each line is about, and how long what was said is.
fn kinds(lines: &[Value]) -> Vec<[&Value; 4]> {
    lines.iter().map(|line| ["event", "rule", "type", "length"].map(|name| &line[name])).collect()
}

struct Analysis {
    inputs: Vec<CaptureInfo>,
    events: Vec<Event>,
    totals: Totals,
}

fn events(bytes: &[u8]) -> Option<Analysis> {
    let limits = Limits { packet: 1 << 20, inflated: 1 << 20, payload: 1 << 16, ..Limits::default() };
    let options = Options { limits, frames: true, ..Options::default() };
    let mut source =
        wspect::capture::from_reader("fuzz", std::io::Cursor::new(bytes.to_vec()), &options.limits).ok()?;
    let inputs = wspect::capture::Source::inputs(&source);
    let mut events = Vec::new();
    let totals = wspect::pipeline::analyze(&mut source, &options, &mut events).ok()?;
    Some(Analysis { inputs, events, totals })
}

fn play(read: &Analysis, report: &mut impl Report) {
    report.begin(&read.inputs).unwrap();
    read.events.iter().for_each(|event| report.event(event).unwrap());
    report.finish(&read.totals).unwrap();
}

const BIDIRECTIONAL: [char; 12] = [
    '\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}',
    '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}',
];
