use std::sync::LazyLock;

use wspect::check::{Baseline, expectations};
use wspect::document::{Document, Extent};
use wspect::query::{Condition, Facts, Filter};

/// An expression is refused at a place that it has, or judges a capture.
pub fn expression(bytes: &[u8]) {
    let Ok(source) = std::str::from_utf8(bytes) else { return };
    let longest_line = source.split('\n').map(|line| line.chars().count()).max().unwrap_or_default();
    match Condition::new(source) {
        Ok(condition) => {
            condition.judge(&Facts::of(&CHAT));
        }
        Err(problem) => assert!(problem.column() <= longest_line + 1, "{problem}"),
    }
    if let Err(problem) = Filter::new(source) {
        assert!(problem.column() <= longest_line + 1, "{problem}");
    }
}

/// A file of expectations is refused or read; a baseline written out reads as itself.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = expectations("fuzz.toml", text);
    if let Ok(baseline) = Baseline::from_json(text) {
        let again = Baseline::from_json(&baseline.json().unwrap()).unwrap();
        assert_eq!(again, baseline);
        assert!(baseline.differences(&again).is_empty());
        let _ = baseline.differences(&Baseline::of(&CHAT));
    }
}

static CHAT: LazyLock<Document> = LazyLock::new(|| {
    let options = wspect::connection::Options::default();
    let file: &[u8] = include_bytes!("../../testdata/01_seed_ws_hello.pcap");
    let mut source = wspect::capture::from_reader("chat", file, &options.limits).unwrap();
    Document::of(&mut source, &options, Extent::Whole).unwrap()
});
