//! `wspect diff`.

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;

use anyhow::{Context, anyhow, bail};

use super::args::{DiffArguments, DiffFormat};
use super::check::color;
use super::progress::Watched;
use super::read::{create, read_from, width};
use super::selection::{Selection, warn};
use crate::capture;
use crate::connection::Options;
use crate::diff::{Clocks, Comparison, Counting, Recorder, Recording, Verdict, diff};
use crate::event::{Event, Sink};
use crate::pipeline;
use crate::query::{Filter, Selector};
use crate::redact::Redactor;
use crate::report::Shown;
use crate::report::differences::{self, Compared, SideOf};

/// Compares two captures, or two parts of one, and says whether they say the same.
pub(super) fn run(mut arguments: DiffArguments) -> anyhow::Result<bool> {
    read_from(&mut arguments.captures)?;
    let mut options = Options::default();
    options.limits.payload = usize::try_from(arguments.max_payload.as_u64()).context("--max-payload")?;
    options.threads = arguments.threads.threads();
    let wanted = Wanted::new(&arguments)?;
    let redactor = arguments.privacy.redactor(&arguments.captures)?;
    let reading = Reading { options: &options, redactor: redactor.as_ref() };
    let captures = &arguments.captures;
    let (paths, recordings) = match captures.as_slice() {
        [one] => ([one, one], reading.of_one(one, &wanted)?),
        [a, b] if a == "-" && b == "-" => bail!("-: standard input can be one of the two captures only"),
        [a, b] => ([a, b], [reading.record(a, wanted.a.as_ref())?, reading.record(b, wanted.b.as_ref())?]),
        [_, _, unexpected, ..] => {
            bail!("{unexpected}: unexpected, since two captures are compared, or two parts of one")
        }
        [] => bail!("no capture to compare"),
    };
    let [a, b] = &recordings;
    let selected = [&wanted.a, &wanted.b].map(|part| part.as_ref().map(|part| part.expression.as_str()));
    let sides = [(a, paths[0], selected[0]), (b, paths[1], selected[1])]
        .map(|(recording, capture, selected)| SideOf { capture, selected, recording });
    nothing_selected(&sides)?;
    let comparison = Comparison {
        counting: if arguments.strict { Counting::Everything } else { Counting::Substance },
        clocks: if paths[0] == paths[1] { Clocks::One } else { Clocks::Two },
    };
    let found = diff(a, b, &comparison);
    write(&arguments, &Compared { sides, diff: &found })?;
    Ok(found.verdict() == Verdict::Same)
}

/// What is compared of A and of B; all of it where there is no expression.
struct Wanted {
    a: Option<Part>,
    b: Option<Part>,
}

#[derive(Clone)]
struct Part {
    option: &'static str,
    expression: String,
}

impl Wanted {
    fn new(arguments: &DiffArguments) -> anyhow::Result<Self> {
        let both = arguments.r#where.as_ref();
        let part = |option: &'static str, own: Option<&String>| -> anyhow::Result<Option<Part>> {
            // Each by itself, so that a mistake is shown as it was typed.
            both.map(|both| Filter::new(both).context("--where")).transpose()?;
            own.map(|own| Filter::new(own).context(option)).transpose()?;
            Ok(match (both, own) {
                (Some(both), Some(own)) => Some(Part { option, expression: format!("({both}) && ({own})") }),
                (Some(both), None) => Some(Part { option: "--where", expression: both.clone() }),
                (None, own) => own.map(|own| Part { option, expression: own.clone() }),
            })
        };
        Ok(Self {
            a: part("--where-a", arguments.where_a.as_ref())?,
            b: part("--where-b", arguments.where_b.as_ref())?,
        })
    }
}

/// How captures are read.
struct Reading<'a> {
    options: &'a Options,
    redactor: Option<&'a Redactor>,
}

impl Reading<'_> {
    /// The two parts of one capture, which is read once.
    fn of_one(&self, path: &str, wanted: &Wanted) -> anyhow::Result<[Recording; 2]> {
        match (&wanted.a, &wanted.b) {
            (Some(a), Some(b)) if (a.option, b.option) == ("--where-a", "--where-b") => self.both_of_one(path, [a, b]),
            (Some(part), _) | (_, Some(part)) if part.option != "--where" => {
                bail!("with one capture, --where-a and --where-b go together: they say which of its connections are A, and which B")
            }
            (part, _) => self.record(path, part.as_ref())?.legs().ok_or_else(|| {
                anyhow!(
                    "{path}: no two connections in it have the same Sec-WebSocket-Key; name two captures, or say with --where-a and --where-b \
                     what is to be compared, as in 'c.id == 1'"
                )
            }),
        }
    }

    fn both_of_one(&self, path: &str, parts: [&Part; 2]) -> anyhow::Result<[Recording; 2]> {
        let captures = [path.to_owned()];
        let [a, b] =
            parts.map(|part| Selection::of((part.option, &part.expression), &captures, self.options));
        let (a, b) = (a?, b?);
        let mut source = Watched::new(capture::open(&captures, &self.options.limits)?);
        let [mut of_a, mut of_b] = [(); 2].map(|()| self.recorder());
        let mut both = Both { a: a.selector(&mut of_a), b: b.selector(&mut of_b) };
        let totals = pipeline::analyze(&mut source, self.options, &mut both)
            .map_err(|interrupted| interrupted.error)?;
        warn("--where-a", both.a.faults());
        warn("--where-b", both.b.faults());
        Ok([of_a.finish(Ok(totals.clone()))?, of_b.finish(Ok(totals))?])
    }

    fn record(&self, path: &str, part: Option<&Part>) -> anyhow::Result<Recording> {
        let captures = [path.to_owned()];
        let selection = part
            .map(|part| Selection::of((part.option, &part.expression), &captures, self.options))
            .transpose()?;
        let mut source = Watched::new(capture::open(&captures, &self.options.limits)?);
        let mut recorder = self.recorder();
        let read = match (selection, part) {
            (Some(selection), Some(part)) => {
                let mut selector = selection.selector(&mut recorder);
                let read = pipeline::analyze(&mut source, self.options, &mut selector);
                warn(part.option, selector.faults());
                read
            }
            _ => pipeline::analyze(&mut source, self.options, &mut recorder),
        };
        Ok(recorder.finish(read)?)
    }

    fn recorder(&self) -> Recorder {
        Recorder::new(self.options.limits.document, self.redactor.cloned())
    }
}

/// One reading for two recordings.
struct Both<'a> {
    a: Selector<&'a mut Recorder>,
    b: Selector<&'a mut Recorder>,
}

impl Sink for Both<'_> {
    fn event(&mut self, event: Event) -> ControlFlow<()> {
        self.a.event(event.clone())?;
        self.b.event(event)
    }
}

/// An expression that selects nothing is a mistake, and no comparison.
fn nothing_selected(sides: &[SideOf<'_>]) -> anyhow::Result<()> {
    for side in sides {
        let document = side.recording.document();
        if let (Some(expression), []) = (side.selected, document.connections.as_slice()) {
            let there = document.totals.websocket_connections;
            bail!("{}: {expression} selects none of {there} WebSocket connections", side.capture);
        }
    }
    Ok(())
}

fn write(arguments: &DiffArguments, compared: &Compared<'_>) -> anyhow::Result<()> {
    let mut out: Box<dyn Write> = match &arguments.output {
        Some(path) => Box::new(BufWriter::new(create(path, &arguments.captures)?)),
        None => Box::new(BufWriter::new(io::stdout().lock())),
    };
    match arguments.format {
        DiffFormat::Table => {
            let to_file = arguments.output.is_some();
            let shown = Shown { width: width(to_file), color: color(to_file), ..Shown::default() };
            differences::table(compared, arguments.context, &shown, &mut out)?;
        }
        DiffFormat::Json => differences::json(compared, &mut out)?,
    }
    Ok(out.flush()?)
}
