//! `--where` and `--context` → the analysis of what they select.

use anyhow::{Context, anyhow, bail};

use super::args::{Format, ReadArguments};
use super::progress::Watched;
use super::{read::Reporting, say};
use crate::capture::{self, Keep, Source, Stop};
use crate::connection::Options;
use crate::event::Totals;
use crate::pipeline::{self, Interrupted};
use crate::query::{Ends, EndsOf, Filter, Problem, Selected, Selector};

/// What is selected, and how many neighbours are shown.
pub(super) struct Selection {
    option: &'static str,
    filter: Filter,
    neighbours: usize,
    ends: Option<Ends>,
}

impl Selection {
    /// `None` where everything is shown. Reads the captures once already, where the expression asks for what is known only at
    /// the end of connections; `options` then ask for what it needs.
    pub(super) fn new(
        arguments: &ReadArguments,
        options: &mut Options,
        stop: &Stop,
    ) -> anyhow::Result<Option<Self>> {
        let Some(expression) = &arguments.r#where else { return Ok(None) };
        if arguments.context > 0 && arguments.format != Format::Table {
            bail!(
                "--context is for the table: with --format json or ndjson, the selected messages stand alone"
            );
        }
        let selection = Self::until(Some(stop), ("--where", expression), &arguments.captures, options)?;
        if selection.filter.needs_payload() {
            options.payload = usize::MAX;
        }
        Ok(Some(Self { neighbours: arguments.context, ..selection }))
    }

    /// What an option's expression selects of the captures.
    pub(super) fn of(
        (option, expression): (&'static str, &str),
        captures: &[String],
        options: &Options,
    ) -> anyhow::Result<Self> {
        Self::until(None, (option, expression), captures, options)
    }

    /// The same; where the end is wanted before, of what was read by then.
    fn until(
        stop: Option<&Stop>,
        (option, expression): (&'static str, &str),
        captures: &[String],
        options: &Options,
    ) -> anyhow::Result<Self> {
        let filter = Filter::new(expression).context(option)?;
        let ends = match filter.needs_end() {
            Some(place) => Some(ends(stop, (option, &filter), place, captures, options)?),
            None => None,
        };
        Ok(Self { option, filter, neighbours: 0, ends })
    }

    /// Passes on to `out` what is selected.
    pub(super) fn selector<S: Selected>(self, out: S) -> Selector<S> {
        Selector::new(self.filter, self.neighbours, self.ends, out)
    }

    /// Shows what is selected.
    pub(super) fn analyze<S: Source>(
        self,
        source: &mut Watched<S>,
        options: &Options,
        reporting: &mut Reporting,
        keep: Option<&mut dyn Keep>,
    ) -> Result<Totals, Interrupted> {
        let option = self.option;
        let mut selector = self.selector(reporting);
        let result = pipeline::analyze_and_keep(source, options, &mut selector, keep);
        warn(option, selector.faults());
        result
    }
}

/// The first of two readings.
fn ends(
    stop: Option<&Stop>,
    (option, filter): (&str, &Filter),
    place: Problem,
    captures: &[String],
    options: &Options,
) -> anyhow::Result<Ends> {
    if let Some(path) = captures.iter().find(|path| !is_file(path)) {
        let why = "and the captures are read twice for it: save this one to a file first";
        return Err(anyhow!("{path}: {why}").context(place).context(option.to_owned()));
    }
    let source = capture::open(captures, &options.limits)?;
    let mut ends = EndsOf::new(filter);
    let options = Options { payload: 0, ..options.clone() };
    // An input that fails in the middle is reported by the second reading.
    let mut source = Watched::new(source).until(stop.cloned());
    let _ = pipeline::analyze(&mut source, &options, &mut ends);
    let (ends, faults) = ends.finish();
    warn(option, faults.as_ref());
    Ok(ends)
}

/// Not standard input and no pipe, which can be read only once.
fn is_file(path: &str) -> bool {
    path != "-" && std::fs::metadata(path).is_ok_and(|file| file.is_file())
}

/// An expression that has no result for a message is no reason to stop; it is said once.
pub(super) fn warn(option: &str, faults: Option<&(u64, Problem)>) {
    if let Some((number, first)) = faults {
        say(&format!(
            "wspect: {option} had no result {number} times, and selected nothing there; the first, {first}"
        ));
    }
}
