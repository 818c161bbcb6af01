//! Events → one JSON object a line, as they come.

use std::io::{self, Write};

use super::Report;
use super::compact;
use super::shown::Shown;
use super::view::{Files, Line, LineWriter, numbered};
use crate::event::{ConnectionId, Event, Scribe, Totals};
use crate::packet::CaptureInfo;

/// The lines of the output contract. Keeps nothing but one line's buffer, whose size a message's kept payload
/// bounds.
pub struct Ndjson<W: Write> {
    out: W,
    shown: Shown,
    files: Files,
    lines: LineWriter,
    line: Vec<u8>,
}

impl<W: Write> Ndjson<W> {
    /// Writes to `out`, and flushes it at the end only.
    pub fn new(out: W, shown: Shown) -> Self {
        let lines = LineWriter::new(shown.clone(), Files::default());
        Self { out, shown, files: Files::default(), lines, line: Vec::new() }
    }
}

impl<W: Write> Report for Ndjson<W> {
    fn begin(&mut self, inputs: &[CaptureInfo]) -> io::Result<()> {
        self.files = Files::new(inputs);
        self.lines = LineWriter::new(self.shown.clone(), self.files.clone());
        for input in inputs {
            write_line(&mut self.out, &mut self.line, &Line::capture(input))?;
        }
        Ok(())
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        if !self.shown.includes(event.connection) {
            return Ok(());
        }
        self.line.clear();
        let before_id = self.lines.event(event, &mut self.line)?;
        let line = match event.connection {
            Some(id) => numbered(&mut self.line, before_id, id),
            None => &self.line,
        };
        self.out.write_all(line)
    }

    fn scribe(&self) -> Option<Box<dyn Scribe>> {
        Some(Box::new(LineWriter::new(self.shown.clone(), self.files.clone())))
    }

    fn written(&mut self, connection: ConnectionId, text: &mut [u8], before_id: usize) -> io::Result<()> {
        if text.is_empty() || !self.shown.includes(Some(connection)) {
            return Ok(());
        }
        self.out.write_all(numbered(text, before_id, connection))
    }

    fn finish(&mut self, totals: &Totals) -> io::Result<()> {
        write_line(&mut self.out, &mut self.line, &Line::totals(totals))?;
        self.out.flush()
    }
}

impl Scribe for LineWriter {
    fn event(&mut self, event: &Event, text: &mut Vec<u8>) -> usize {
        // Memory takes it all.
        Self::event(self, event, text).unwrap_or_default()
    }
}

fn write_line(out: &mut impl Write, buffer: &mut Vec<u8>, line: &Line<'_>) -> io::Result<()> {
    buffer.clear();
    compact::append(line, buffer)?;
    buffer.push(b'\n');
    out.write_all(buffer)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::report::sample::{self, Sample};
    use crate::report::{Frames, Json};

    fn shown() -> Shown {
        Shown { frames: Frames::Listed, ..Shown::default() }
    }

    fn lines(sample: &Sample) -> Vec<Value> {
        let mut out = Vec::new();
        sample.play(&mut Ndjson::new(&mut out, shown())).unwrap();
        assert!(out.ends_with(b"\n"));
        out[..out.len() - 1]
            .split(|byte| *byte == b'\n')
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    fn document(sample: &Sample) -> Value {
        let mut out = Vec::new();
        sample.play(&mut Json::new(&mut out, shown())).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    fn without(mut value: Value, names: &[&str]) -> Value {
        let members: &mut Map<_, _> = value.as_object_mut().unwrap();
        names.iter().for_each(|name| drop(members.remove(*name)));
        value
    }

    #[test]
    fn every_line_begins_with_its_event() {
        let mut out = Vec::new();
        sample::trouble().play(&mut Ndjson::new(&mut out, shown())).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().all(|line| line.starts_with("{\"event\":\"")));
        assert!(text.starts_with("{\"event\":\"capture\",\"schema\":1,"));
        assert!(text.lines().last().unwrap().starts_with("{\"event\":\"totals\","));
    }

    #[test]
    fn the_lines_say_what_the_document_says() {
        for sample in [sample::chat(), sample::trouble(), sample::only_tls()] {
            let mut document = document(&sample);
            for line in lines(&sample) {
                let at = |id: &Value| usize::try_from(id.as_u64().unwrap()).unwrap() - 1;
                match line["event"].as_str().unwrap() {
                    "capture" => {
                        assert_eq!(line["schema"], document["schema"]);
                        assert_eq!(line["generator"], document["generator"]);
                        assert_eq!(line["path"], document["captures"][0]["path"]);
                    }
                    "connection" => {
                        let place = &document["connections"][at(&line["id"])];
                        let kept =
                            without(place.clone(), &["messages", "findings", "close", "traffic", "end_time"]);
                        assert_eq!(without(line, &["event"]), kept);
                    }
                    "message" => {
                        let list = &mut document["connections"][at(&line["connection"])]["messages"];
                        assert_eq!(
                            without(line, &["event", "connection"]),
                            list.as_array_mut().unwrap().remove(0)
                        );
                    }
                    "finding" => {
                        let list = match line.get("connection") {
                            Some(id) => &mut document["connections"][at(id)]["findings"],
                            None => &mut document["findings"],
                        };
                        assert_eq!(without(line, &["event"]), list.as_array_mut().unwrap().remove(0));
                    }
                    "connection_end" => {
                        let place = &document["connections"][at(&line["id"])];
                        for name in ["end_time", "close", "traffic"] {
                            assert_eq!(line[name], place[name]);
                        }
                    }
                    "totals" => assert_eq!(without(line, &["event", "captures"]), document["totals"]),
                    other => panic!("{other}"),
                }
            }
            let left = |connection: &Value| {
                connection["messages"] == json!([]) && connection["findings"] == json!([])
            };
            assert!(document["connections"].as_array().unwrap().iter().all(left));
            assert_eq!(document["findings"], json!([]));
        }
    }

    #[test]
    fn the_totals_do_not_depend_on_how_the_packets_were_stored() {
        let mut sample = sample::chat();
        let before = lines(&sample).pop();
        let input = &mut sample.totals.inputs[0];
        (input.path, input.format, input.dropped) = ("other.pcapng.zst".into(), "pcapng.zst".into(), Some(0));
        assert_eq!(lines(&sample).pop(), before);
    }

    #[test]
    fn the_lines_look_like_this() {
        let mut out = Vec::new();
        sample::trouble().play(&mut Ndjson::new(&mut out, shown())).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }
}
