//! Every rule of the registry, broken alone by a capture of its own.
//!
//! To add one: a [`Case`] in the list of its folder file, and its name out of [`PENDING`].

mod capture;
mod control;
mod deflate;
mod frames;
mod handshake;

use std::collections::BTreeSet;

use wspect::connection::Options;
use wspect::event::{Event, EventKind};
use wspect::rules::Blame;

use super::support::{Scenario, Upgrade, close, text};

/// Rules whose captures are not written yet.
const PENDING: &[&str] = &[];

#[test]
fn each_case_breaks_its_rule_and_no_other() {
    let faults: Vec<_> = cases().iter().filter_map(Case::fault).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn every_rule_has_a_case() {
    let shown: BTreeSet<_> = cases().iter().map(|case| case.rule).collect();
    let known: BTreeSet<_> = wspect::rules::all().map(|rule| rule.name).collect();
    let pending: BTreeSet<_> = PENDING.iter().copied().collect();
    let expected: BTreeSet<_> = known.difference(&pending).copied().collect();
    assert_eq!(expected.difference(&shown).collect::<Vec<_>>(), [&""; 0], "rules without a case");
    assert_eq!(shown.difference(&known).collect::<Vec<_>>(), [&""; 0], "cases of no rule");
    assert_eq!(shown.intersection(&pending).collect::<Vec<_>>(), [&""; 0], "cases that are still PENDING");
}

#[test]
fn what_is_legal_breaks_nothing() {
    let legal = [handshake::legal(), frames::legal(), control::legal(), deflate::legal(), capture::legal()];
    for (name, capture) in legal.concat() {
        assert_eq!(findings(&capture, &Options::default()), [], "{name}");
    }
}

#[test]
fn a_case_that_breaks_nothing_is_noticed() {
    assert!(Case::new("frame-rsv2-set", Blame::Client, || chat(&Upgrade::new("/"))).fault().is_some());
    let unmasked = || chat_with(&Upgrade::new("/"), |script| script.client(text("bare").unmasked()));
    assert_eq!(Case::new("frame-client-unmasked", Blame::Client, unmasked).fault(), None);
    assert!(Case::new("frame-client-unmasked", Blame::Server, unmasked).fault().is_some());
    assert!(
        Case::new("frame-client-unmasked", Blame::Client, unmasked).implies(&["tcp-gap"]).fault().is_some()
    );
}

fn cases() -> Vec<Case> {
    [handshake::cases(), frames::cases(), control::cases(), deflate::cases(), capture::cases()]
        .into_iter()
        .flatten()
        .collect()
}

/// A capture in which one rule is broken, once or more.
struct Case {
    rule: &'static str,
    blame: Blame,
    capture: fn() -> Vec<u8>,
    implied: &'static [&'static str],
    options: fn(&mut Options),
}

impl Case {
    fn new(rule: &'static str, blame: Blame, capture: fn() -> Vec<u8>) -> Self {
        Self { rule, blame, capture, implied: &[], options: |_| {} }
    }

    /// Rules that can't but be broken together with this one.
    fn implies(self, implied: &'static [&'static str]) -> Self {
        Self { implied, ..self }
    }

    /// Under other limits or thresholds.
    fn under(self, options: fn(&mut Options)) -> Self {
        Self { options, ..self }
    }

    /// How the findings differ from what the case is for.
    fn fault(&self) -> Option<String> {
        let mut options = Options::default();
        (self.options)(&mut options);
        let found = findings(&(self.capture)(), &options);
        let names: BTreeSet<_> = found.iter().map(|finding| finding.rule).collect();
        let expected: BTreeSet<_> = self.implied.iter().copied().chain([self.rule]).collect();
        let blames_right =
            found.iter().filter(|found| found.rule == self.rule).all(|found| found.blame == self.blame);
        let right = names == expected && blames_right;
        (!right).then(|| format!("{} ({:?}): {found:#?}", self.rule, self.blame))
    }
}

/// A finding, as far as a case looks at it.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    rule: &'static str,
    blame: Blame,
    packet: u64,
    detail: String,
}

fn findings(capture: &[u8], options: &Options) -> Vec<Found> {
    let reader = std::io::Cursor::new(capture.to_vec());
    let mut source = wspect::capture::from_reader("case.pcap", reader, &options.limits).unwrap();
    let mut events: Vec<Event> = Vec::new();
    wspect::pipeline::analyze(&mut source, options, &mut events).unwrap();
    let found = |event: Event| match event.kind {
        EventKind::Finding(finding) => Some(Found {
            rule: finding.rule.name,
            blame: finding.blame,
            packet: finding.at.number,
            detail: finding.detail,
        }),
        _ => None,
    };
    events.into_iter().filter_map(found).collect()
}

/// An opening handshake, a text message each way, and a legal end.
fn chat(upgrade: &Upgrade) -> Vec<u8> {
    chat_with(upgrade, |script| script)
}

/// The same, with something more before the end.
fn chat_with(upgrade: &Upgrade, more: fn(Scenario) -> Scenario) -> Vec<u8> {
    ended(more(opened(upgrade))).pcap()
}

/// An opening handshake and a text message each way.
fn opened(upgrade: &Upgrade) -> Scenario {
    Scenario::new().upgrade_as(upgrade).client(text("LUOZHOU")).server(text("Hello, LUOZHOU"))
}

/// The closing handshake, and the end of the TCP connection.
fn ended(script: Scenario) -> Scenario {
    script.client(close(1000, "bye")).server(close(1000, "")).fin()
}
