//! `wspect check`.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, bail};

use super::args::{CheckArguments, CheckFormat};
use super::config::Config;
use super::progress::Watched;
use super::read::{assumptions, create, read_from, thresholds, width};
use super::selection::{Selection, warn};
use super::{rules, say};
use crate::capture;
use crate::check::{Baseline, Demands, Levels, check, expectations};
use crate::connection::Options;
use crate::document::{Document, Extent, Gathering};
use crate::pipeline;
use crate::redact::Redactor;
use crate::report::Color;
use crate::report::checked::{self, Checked};
use crate::rules::Severity;

/// Judges the captures, and says whether they are as demanded.
pub(super) fn run(mut arguments: CheckArguments) -> anyhow::Result<bool> {
    read_from(&mut arguments.captures)?;
    let arguments = &arguments;
    let (config, levels) = Config::read(arguments.config.as_deref())?;
    let redactor = redactor(arguments)?;
    let mark = redactor.as_ref().map(Redactor::mark);
    let mut demands = demands(arguments, &config, levels, mark.as_deref())?;
    let mut options =
        Options { thresholds: thresholds(&config.thresholds(&arguments.thresholds)), ..Options::default() };
    options.limits = arguments.limits.limits()?;
    options.assume = assumptions(&arguments.assume);
    options.threads = arguments.threads.threads();
    let extent = if arguments.bless { Extent::Whole } else { demands.extent() };
    let document = document(arguments, options, extent)?;
    let shown = redactor.as_ref().map(|redactor| redactor.document(document.clone()));
    let shown = shown.as_ref().unwrap_or(&document);
    if let Some(path) = arguments.baseline.as_deref().filter(|_| arguments.bless) {
        demands.baseline = Some(bless(path, arguments, shown, mark)?);
    }
    let mut outcome = check(&document, &demands);
    if redactor.is_some() {
        outcome = outcome.told_as(check(shown, &demands));
    }
    let baseline = arguments.baseline.as_ref().map(|path| path.display().to_string());
    write(
        arguments,
        &Checked {
            captures: &arguments.captures,
            document: shown,
            fail_on: demands.fail_on,
            baseline: baseline.as_deref(),
            outcome: &outcome,
        },
    )?;
    Ok(outcome.passed())
}

/// What is judged of the captures.
fn document(arguments: &CheckArguments, mut options: Options, extent: Extent) -> anyhow::Result<Document> {
    let wanted = arguments.r#where.as_ref();
    let selection = wanted.map(|wanted| Selection::of((WHERE, wanted), &arguments.captures, &options));
    let selection = selection.transpose()?;
    if extent == Extent::WithoutMessages && selection.is_none() {
        options.payload = 0;
    }
    let mut source = Watched::new(capture::open(&arguments.captures, &options.limits)?);
    let Some(selection) = selection else { return Ok(Document::of(&mut source, &options, extent)?) };
    let mut gathering = Gathering::new(options.limits.document, extent);
    let mut selector = selection.selector(&mut gathering);
    let read = pipeline::analyze(&mut source, &options, &mut selector);
    warn(WHERE, selector.faults());
    Ok(gathering.finish(read)?)
}

const WHERE: &str = "--where";

/// Fingerprints of two runs are equal only by the same key.
fn redactor(arguments: &CheckArguments) -> anyhow::Result<Option<Redactor>> {
    let privacy = &arguments.privacy;
    if privacy.redact.is_some() && arguments.baseline.is_some() && privacy.redact_key.is_none() {
        bail!("--redact with --baseline needs --redact-key: fingerprints by a random key can't be compared");
    }
    privacy.redactor(&arguments.captures)
}

fn demands(
    arguments: &CheckArguments,
    config: &Config,
    mut levels: Levels,
    mark: Option<&str>,
) -> anyhow::Result<Demands> {
    for (name, level) in &arguments.rule {
        levels.set(name, *level).map_err(|_| rules::unknown(name)).context("--rule")?;
    }
    let mut demands = Demands {
        levels,
        fail_on: arguments.fail_on.or(config.fail_on).map_or(Severity::Error, Severity::from),
        ..Demands::default()
    };
    for path in &arguments.expect {
        demands.expectations.extend(expectations(&path.display().to_string(), &text(path)?)?);
    }
    if let Some(path) = arguments.baseline.as_deref().filter(|_| !arguments.bless) {
        let json = text(path);
        let json = if path.exists() { json? } else { json.context("--bless records a baseline")? };
        let baseline = Baseline::from_json(&json).with_context(|| path.display().to_string())?;
        if baseline.mark() != mark {
            bail!("{}: was recorded with another --redact or --redact-key", path.display());
        }
        demands.baseline = Some(baseline);
    }
    Ok(demands)
}

fn text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

/// Records the baseline.
fn bless(
    path: &Path,
    arguments: &CheckArguments,
    document: &Document,
    mark: Option<String>,
) -> anyhow::Result<Baseline> {
    let baseline = Baseline::of(document);
    let baseline = match mark {
        Some(mark) => baseline.redacted_by(mark),
        None => baseline,
    };
    let mut file = create(path, &arguments.captures)?;
    checked::baseline(&baseline, &mut file).with_context(|| path.display().to_string())?;
    say(&format!("wspect: {} is the baseline now", path.display()));
    Ok(baseline)
}

fn write(arguments: &CheckArguments, result: &Checked<'_>) -> anyhow::Result<()> {
    let mut out: Box<dyn Write> = match &arguments.output {
        Some(path) => Box::new(BufWriter::new(create(path, &arguments.captures)?)),
        None => Box::new(BufWriter::new(io::stdout().lock())),
    };
    match arguments.format {
        CheckFormat::Table => {
            let to_file = arguments.output.is_some();
            checked::table(result, width(to_file), color(to_file), &mut out)?;
        }
        CheckFormat::Json => checked::json(result, &mut out)?,
        CheckFormat::Junit => checked::junit(result, &mut out)?,
        CheckFormat::Sarif => checked::sarif(result, &mut out)?,
        CheckFormat::Github => checked::github(result, &mut out)?,
    }
    Ok(out.flush()?)
}

pub(super) fn color(to_file: bool) -> Color {
    match anstream::AutoStream::choice(&io::stdout()) {
        _ if to_file => Color::Never,
        anstream::ColorChoice::Never => Color::Never,
        _ => Color::Always,
    }
}
