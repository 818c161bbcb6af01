//! `wspect read` and `wspect schema`.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, LineWriter, Write};
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, bail};
use jiff::tz::TimeZone;

use super::args::{AssumeArguments, Format, Payload, ReadArguments, ThresholdArguments, Time, When};
use super::progress::Watched;
use super::say;
use super::selection::Selection;
use super::signals::stop_on_signals;
use super::store::Store;
use crate::capture::{self, Keep, Source};
use crate::connection::{Assumed, Assumptions, Options};
use crate::event::{ConnectionId, Event, Scribe, Sink};
use crate::pipeline;
use crate::query::{Selected, Standing};
use crate::redact::Redactor;
use crate::report::schema::schema as json_schema;
use crate::report::{
    Color, Detail, Frames, Json, Ndjson, PayloadMode, Picked, Report, Shown, Statistics, Table, TimeStyle,
};
use crate::rules::thresholds::Thresholds;

/// Reads the captures and writes the report.
pub(super) fn run(mut arguments: ReadArguments) -> anyhow::Result<()> {
    read_from(&mut arguments.captures)?;
    let arguments = &arguments;
    let mut options = options(arguments)?;
    let stop = stop_on_signals()?;
    let selection = Selection::new(arguments, &mut options, &stop)?;
    let redactor = arguments.privacy.redactor(&arguments.captures)?;
    let source = match capture::open_until(&arguments.captures, &options.limits, &stop) {
        Err(_) if stop.is_asked() => {
            say(&stopped(0));
            return Ok(());
        }
        source => source?,
    };
    arguments.privacy.warn_of(&arguments.store);
    let mut store = Store::open(&arguments.store, &source.inputs())?;
    let out = Output::open(arguments)?;
    let mut reporting = Reporting { report: report(arguments, out), redactor, error: None };
    reporting.report.begin(&source.inputs()).with_context(|| unwritten(arguments))?;
    let mut source = Watched::new(source).until(Some(stop.clone()));
    let keep = store.as_mut().map(|store| store as &mut dyn Keep);
    let result = match selection {
        None => pipeline::analyze_and_keep(&mut source, &options, &mut reporting, keep),
        Some(selection) => selection.analyze(&mut source, &options, &mut reporting, keep),
    };
    store.map_or(Ok(()), Store::finish)?;
    if let Some(error) = reporting.error {
        return Err(error).with_context(|| unwritten(arguments));
    }
    // What was read before an error is shown before the error.
    let (totals, error) = match result {
        Ok(totals) => (totals, None),
        Err(interrupted) => (*interrupted.totals, Some(interrupted.error)),
    };
    let missing = missing(&arguments.connection, totals.websocket_connections);
    let nothing_to_show = !missing.is_empty() && missing.len() == arguments.connection.len();
    if !nothing_to_show {
        reporting.report.finish(&totals).with_context(|| unwritten(arguments))?;
    }
    if stop.is_asked() {
        say(&stopped(totals.packets));
    }
    match (error, missing.as_slice()) {
        (Some(error), _) => Err(error.into()),
        (None, []) => Ok(()),
        (None, missing) => bail!(no_such(missing, totals.websocket_connections)),
    }
}

/// Without a name the capture comes through a pipe. Nobody types one in.
pub(super) fn read_from(captures: &mut Vec<String>) -> anyhow::Result<()> {
    let typed = io::stdin().is_terminal();
    if captures.is_empty() && typed {
        bail!("no capture to read: name a file, or pipe one in");
    }
    if captures.is_empty() {
        captures.push("-".to_owned());
    }
    if typed && captures.iter().any(|path| path == "-") {
        bail!("-: standard input is a terminal: pipe a capture in, or name a file");
    }
    Ok(())
}

fn missing(asked: &[u64], there: u64) -> Vec<u64> {
    asked.iter().copied().filter(|id| *id > there).collect()
}

/// `there is no connection 99: the capture has 3 connections`
fn no_such(missing: &[u64], there: u64) -> String {
    let missing = missing.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let connections = if there == 1 { "WebSocket connection" } else { "WebSocket connections" };
    format!("there is no connection {missing}: the capture has {there} {connections}")
}

/// `wspect: stopped by a signal after 12 packets: what follows was not read`
fn stopped(packets: u64) -> String {
    let place = match packets {
        0 => "before the first packet".to_owned(),
        1 => "after 1 packet".to_owned(),
        _ => format!("after {packets} packets"),
    };
    format!("wspect: stopped by a signal {place}: what follows was not read")
}

/// Says where the report could not go.
fn unwritten(arguments: &ReadArguments) -> String {
    match &arguments.output {
        Some(path) => format!("cannot write {}", path.display()),
        None => "cannot write to standard output".to_owned(),
    }
}

/// Prints the JSON Schema.
pub(super) fn schema() -> anyhow::Result<()> {
    let schema = json_schema();
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &schema).map_err(io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

/// A report as the sink of events. A report that can't be written ends the analysis.
pub(super) struct Reporting {
    report: Box<dyn Report>,
    redactor: Option<Redactor>,
    error: Option<io::Error>,
}

impl Sink for Reporting {
    fn event(&mut self, event: Event) -> ControlFlow<()> {
        Selected::event(self, event, Standing::Selected)
    }

    /// What is to be redacted comes as events.
    fn scribe(&self) -> Option<Box<dyn Scribe>> {
        if self.redactor.is_some() { None } else { self.report.scribe() }
    }

    fn written(&mut self, connection: ConnectionId, text: &mut [u8], before_id: usize) -> ControlFlow<()> {
        let written = self.report.written(connection, text, before_id);
        self.result(written)
    }
}

impl Selected for Reporting {
    fn event(&mut self, event: Event, standing: Standing) -> ControlFlow<()> {
        let event = match &mut self.redactor {
            Some(redactor) => redactor.event(event),
            None => event,
        };
        let written = match standing {
            Standing::Selected => self.report.event(&event),
            Standing::Neighbour => self.report.neighbour(&event),
        };
        self.result(written)
    }
}

impl Reporting {
    fn result(&mut self, written: io::Result<()>) -> ControlFlow<()> {
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.error = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

fn options(arguments: &ReadArguments) -> anyhow::Result<Options> {
    let mut options = Options { frames: arguments.frames, ..Options::default() };
    options.limits = arguments.limits.limits()?;
    options.thresholds = thresholds(&arguments.thresholds);
    options.assume = assumptions(&arguments.assume);
    options.threads = arguments.threads.threads();
    options.payload = match payload(arguments) {
        Payload::Full => usize::MAX,
        Payload::Preview if arguments.privacy.needs_payload() => usize::MAX,
        Payload::Preview => PREVIEW,
        Payload::None => 0,
    };
    Ok(options)
}

pub(super) fn assumptions(arguments: &AssumeArguments) -> Assumptions {
    let websocket = match arguments.assume_websocket.as_deref() {
        None => Assumed::None,
        Some([]) => Assumed::All,
        Some(ports) => Assumed::Ports(ports.to_vec()),
    };
    let extensions = arguments.assume_extensions.as_ref().map(|list| list.extensions.clone());
    Assumptions { websocket, extensions }
}

pub(super) fn thresholds(arguments: &ThresholdArguments) -> Thresholds {
    let usual = Thresholds::default();
    Thresholds {
        slow_handshake: arguments.slow_handshake.unwrap_or(usual.slow_handshake),
        slow_answer: arguments.slow_answer.unwrap_or(usual.slow_answer),
        silent_ping: arguments.silent_ping.unwrap_or(usual.silent_ping),
        idle: arguments.idle.unwrap_or(usual.idle),
        large_message: arguments.large_message.map_or(usual.large_message, |size| size.as_u64()),
        ..usual
    }
}

/// The table shows a line a message, where nothing else is asked for.
fn payload(arguments: &ReadArguments) -> Payload {
    if arguments.summary {
        return Payload::None;
    }
    let usual = if arguments.format == Format::Table { Payload::Preview } else { Payload::Full };
    arguments.payload.unwrap_or(usual)
}

/// Room for the 200 characters of a preview, each of up to four bytes, and for a wide terminal's line.
const PREVIEW: usize = 1024;

fn report(arguments: &ReadArguments, out: Output) -> Box<dyn Report> {
    let shown = Shown {
        payload: match payload(arguments) {
            Payload::Full => PayloadMode::Full,
            Payload::Preview => PayloadMode::Preview,
            Payload::None => PayloadMode::None,
        },
        connections: arguments.connection.iter().copied().map(ConnectionId).collect(),
        picked: match arguments.r#where {
            None => Picked::All,
            Some(_) if arguments.context == 0 => Picked::Matching,
            Some(_) => Picked::WithNeighbours,
        },
        frames: if arguments.frames { Frames::Listed } else { Frames::Counted },
        statistics: if arguments.statistics { Statistics::Shown } else { Statistics::Hidden },
        detail: if arguments.summary { Detail::Summary } else { Detail::Timeline },
        time: match arguments.time {
            Time::Relative => TimeStyle::Relative,
            Time::Delta => TimeStyle::Delta,
            Time::Absolute => TimeStyle::Absolute,
        },
        zone: zone(arguments),
        width: out.width,
        color: out.color,
        ..Shown::default()
    };
    match arguments.format {
        Format::Table => Box::new(Table::new(out.writer, shown)),
        Format::Json => Box::new(Json::new(out.writer, shown)),
        Format::Ndjson => Box::new(Ndjson::new(out.writer, shown)),
    }
}

/// JSON is in UTC anyway, and to find out the system's time zone costs a walk through its database.
fn zone(arguments: &ReadArguments) -> TimeZone {
    if arguments.utc || arguments.format != Format::Table { TimeZone::UTC } else { TimeZone::system() }
}

/// Where the report goes, and how it may look there.
struct Output {
    writer: Box<dyn Write>,
    width: usize,
    color: Color,
}

impl Output {
    fn open(arguments: &ReadArguments) -> anyhow::Result<Self> {
        let color = match arguments.color {
            When::Always => Color::Always,
            When::Never => Color::Never,
            When::Auto if arguments.output.is_some() => Color::Never,
            When::Auto => match anstream::AutoStream::choice(&io::stdout()) {
                anstream::ColorChoice::Never => Color::Never,
                _ => Color::Always,
            },
        };
        let file = arguments.output.as_deref().map(|path| create(path, &arguments.captures)).transpose()?;
        // Somebody is watching: a line at a time. Else as much as possible at once.
        let live = io::stdout().is_terminal() || arguments.captures.iter().any(|path| path == "-");
        let writer: Box<dyn Write> = match file {
            Some(file) => Box::new(BufWriter::with_capacity(BLOCK, file)),
            None if live => Box::new(LineWriter::new(io::stdout())),
            None => Box::new(BufWriter::with_capacity(BLOCK, io::stdout())),
        };
        Ok(Self { writer, width: width(arguments.output.is_some()), color })
    }
}

#[expect(clippy::disallowed_methods, reason = "the output file is the command line's to create")]
pub(super) fn create(path: &Path, captures: &[String]) -> anyhow::Result<File> {
    let same = |capture: &String| {
        std::fs::canonicalize(capture)
            .is_ok_and(|capture| std::fs::canonicalize(path).is_ok_and(|path| path == capture))
    };
    if captures.iter().any(same) {
        bail!("{}: is one of the captures to read; choose another name for --output", path.display());
    }
    File::create(path).with_context(|| format!("cannot write {}", path.display()))
}

/// Columns of the terminal; `COLUMNS` when it is set, and a common width when the output is no terminal.
#[expect(clippy::disallowed_methods, reason = "the environment is the command line's to read")]
pub(super) fn width(to_file: bool) -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let terminal =
        || terminal_size::terminal_size().filter(|_| !to_file).map(|(width, _)| usize::from(width.0));
    said.or_else(terminal).unwrap_or(WITHOUT_TERMINAL).max(40)
}

const WITHOUT_TERMINAL: usize = 120;

/// Large enough that the cost of a system call does not show, and small enough to stay in the processor's cache.
const BLOCK: usize = 32 << 10;
