//! `wspect live`.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::thread;

use anyhow::{Context, anyhow};
use jiff::tz::TimeZone;

use super::args::{CaptureArguments, EndArguments, LiveArguments, LiveFormat, Payload, Time, When};
use super::outlet::{self, Outlet, Writing};
use super::privileges::{self, Needs};
use super::read::{thresholds, width};
use super::signals::stop_on_signals;
use super::status::{Counts, Found, Screen};
use super::store::Store;
use crate::capture::live::{self, Absence, Delivery, Live, Promiscuous, Settings};
use crate::capture::{CaptureError, Keep, Source, Stop};
use crate::connection::Options;
use crate::event::{Event, EventKind, Sink, Totals};
use crate::packet::PacketRef;
use crate::pipeline;
use crate::query::{Filter, Selected, Selector, Standing};
use crate::redact::Redactor;
use crate::report::{Color, Ndjson, PayloadMode, Report, Scroll, Shown, TimeStyle};
use crate::rules::capture::LIMIT_REACHED;
use crate::rules::{Blame, Severity};

/// Captures until the end is wanted.
pub(super) fn run(arguments: &LiveArguments) -> anyhow::Result<()> {
    let options = options(arguments)?;
    let filter = filter(arguments, &options)?;
    let redactor = arguments.privacy.redactor(&arguments.filter)?;
    let stop = stop_on_signals()?;
    let opened = live::open(&arguments.interface, &settings(arguments)?)?;
    let needs = if arguments.capture.wait { Needs::Reopening } else { Needs::Nothing };
    privileges::give_up(arguments.capture.user.as_deref(), needs)?;
    let out = Out::open(arguments)?;
    arguments.privacy.warn_of(&arguments.store);
    let store = Store::open(&arguments.store, &opened.inputs())?;
    if let Some(duration) = arguments.end.duration {
        let stop = stop.clone();
        thread::spawn(move || {
            thread::sleep(duration);
            stop.ask();
        });
    }
    let source = opened.start(&stop);
    let showing = Showing { redactor, ..Showing::new(arguments, out, &source, stop.clone()) };
    follow(source, filter, (&options, store), showing)
}

/// Shows what comes, to the end.
fn follow(
    mut source: Live,
    filter: Option<Filter>,
    (options, mut store): (&Options, Option<Store>),
    mut showing: Showing,
) -> anyhow::Result<()> {
    showing.report.begin(&source.inputs())?;
    let keep = store.as_mut().map(|store| store as &mut dyn Keep);
    let result = match filter {
        None => pipeline::analyze_and_keep(&mut source, options, &mut showing, keep),
        Some(filter) => {
            let mut selector = Selector::new(filter, 0, None, &mut showing);
            pipeline::analyze_and_keep(&mut source, options, &mut selector, keep)
        }
    };
    drop(source);
    let (totals, error) = match result {
        Ok(totals) => (totals, None),
        Err(interrupted) => (*interrupted.totals, Some(interrupted.error)),
    };
    showing.finish(totals)?;
    store.map_or(Ok(()), Store::finish)?;
    error.map_or(Ok(()), |error: CaptureError| Err(error.into()))
}

/// The report as the sink of events, and what ends the capture.
struct Showing {
    report: Box<dyn Report>,
    redactor: Option<Redactor>,
    error: Option<io::Error>,
    writing: Writing,
    found: Arc<Found>,
    end: EndArguments,
    stop: Stop,
}

impl Showing {
    fn new(arguments: &LiveArguments, out: Out, source: &Live, stop: Stop) -> Self {
        let found = Arc::new(Found::default());
        let outlet = Arc::new(OnceLock::new());
        let counts =
            Counts { packets: source.statistics(), found: Arc::clone(&found), outlet: Arc::clone(&outlet) };
        let shown = shown(arguments, &out);
        let on_error = {
            let stop = stop.clone();
            move || stop.ask_at_once()
        };
        let writing = outlet::open(Screen::new(out.writer, out.to_terminal, counts), on_error);
        let _ = outlet.set(writing.outlet());
        let report = report(arguments.format, writing.outlet(), shown);
        Self { report, redactor: None, error: None, writing, found, end: arguments.end.clone(), stop }
    }

    /// Writes the totals and waits until all is written.
    fn finish(mut self, mut totals: Totals) -> anyhow::Result<()> {
        let dropped = self.writing.be_patient();
        if dropped > 0 {
            let detail = format!("{dropped} lines are missing in this output: whoever reads it was too slow");
            let finding = LIMIT_REACHED.broken(Blame::Capture, PacketRef::default(), detail);
            let place = Severity::ALL.iter().position(|severity| *severity == finding.rule.severity);
            if let Some(count) = place.and_then(|place| totals.findings.get_mut(place)) {
                *count += 1;
            }
            self.show(&Event {
                at: finding.at,
                connection: None,
                kind: EventKind::Finding(Box::new(finding)),
            });
        }
        let written = match self.error {
            Some(error) => Err(error),
            None => self.report.finish(&totals),
        };
        drop(self.report);
        self.writing.finish().and(written).context("cannot write the output")
    }

    fn show(&mut self, event: &Event) {
        if self.error.is_none() {
            self.error = self.report.event(event).err();
        }
    }

    /// Counts what was found, and asks for the end when it is enough.
    fn count(&self, event: &Event) -> Wanted {
        let (counter, enough) = match &event.kind {
            EventKind::Opened(_) => (&self.found.opened, None),
            EventKind::Closed(_) => (&self.found.closed, self.end.connections),
            EventKind::Message(_) => (&self.found.messages, self.end.count),
            EventKind::Finding(_) => return Wanted::Yes,
        };
        let number = counter.fetch_add(1, Ordering::Relaxed) + 1;
        if enough == Some(number) {
            self.stop.ask_at_once();
        }
        let is_over =
            matches!(event.kind, EventKind::Message(_)) && enough.is_some_and(|enough| number > enough);
        if is_over { Wanted::No } else { Wanted::Yes }
    }
}

/// Is an event to be shown?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Yes,
    No,
}

impl Sink for Showing {
    fn event(&mut self, event: Event) -> ControlFlow<()> {
        if self.count(&event) == Wanted::Yes {
            let event = match &mut self.redactor {
                Some(redactor) => redactor.event(event),
                None => event,
            };
            self.show(&event);
        }
        if self.error.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Selected for &mut Showing {
    fn event(&mut self, event: Event, _: Standing) -> ControlFlow<()> {
        Sink::event(*self, event)
    }
}

fn options(arguments: &LiveArguments) -> anyhow::Result<Options> {
    let mut options = Options { limits: arguments.limits.limits()?, ..Options::default() };
    options.limits.reorder_packets = REORDERED;
    options.limits.hole_time = PATIENCE;
    options.limits.handshakes = REMEMBERED;
    options.thresholds = thresholds(&arguments.thresholds);
    options.payload = match payload(arguments) {
        PayloadMode::Full => usize::MAX,
        PayloadMode::Preview if arguments.privacy.needs_payload() => usize::MAX,
        PayloadMode::Preview => PREVIEW,
        PayloadMode::None => 0,
    };
    if arguments.r#where.is_some() {
        options.payload = usize::MAX;
    }
    Ok(options)
}

/// An interface shows packets in order, but for a few places between the queues of a card: who looks at them now should not
/// wait for 32 more.
const REORDERED: u32 = 8;

/// The queues of a card are some milliseconds apart, in nanoseconds.
const PATIENCE: i64 = crate::packet::NANOS_PER_SECOND;

/// Who reconnects does so soon: of a run that lasts for weeks, the latest handshakes are enough to compare new ones with.
const REMEMBERED: usize = 1 << 13;

/// Room for a preview, and for a wide terminal's line.
const PREVIEW: usize = 1024;

fn filter(arguments: &LiveArguments, _options: &Options) -> anyhow::Result<Option<Filter>> {
    let Some(expression) = &arguments.r#where else { return Ok(None) };
    let filter = Filter::new(expression).context("--where")?;
    match filter.needs_end() {
        Some(place) => {
            Err(anyhow!("that is known only at the end of a connection").context(place).context("--where"))
        }
        None => Ok(Some(filter)),
    }
}

fn settings(arguments: &LiveArguments) -> anyhow::Result<Settings> {
    let CaptureArguments { snaplen, promiscuous, buffer_size, immediate, wait, .. } = &arguments.capture;
    Ok(Settings {
        filter: arguments.filter.join(" "),
        snap_length: *snaplen,
        promiscuous: if *promiscuous { Promiscuous::Yes } else { Promiscuous::No },
        buffer: u32::try_from(buffer_size.as_u64()).context("--buffer-size: at most 2 GiB")?,
        delivery: if *immediate { Delivery::Immediate } else { Delivery::Together },
        absence: if *wait { Absence::IsWaitedFor } else { Absence::Ends },
    })
}

fn payload(arguments: &LiveArguments) -> PayloadMode {
    match (arguments.payload, arguments.format) {
        (Some(Payload::Full), _) | (None, LiveFormat::Ndjson) => PayloadMode::Full,
        (Some(Payload::Preview), _) | (None, LiveFormat::Table) => PayloadMode::Preview,
        (Some(Payload::None), _) => PayloadMode::None,
    }
}

fn shown(arguments: &LiveArguments, out: &Out) -> Shown {
    Shown {
        payload: payload(arguments),
        time: match arguments.time {
            Time::Relative => TimeStyle::Relative,
            Time::Delta => TimeStyle::Delta,
            Time::Absolute => TimeStyle::Absolute,
        },
        zone: if arguments.utc || arguments.format == LiveFormat::Ndjson {
            TimeZone::UTC
        } else {
            TimeZone::system()
        },
        width: width(arguments.output.is_some()),
        color: out.color,
        ..Shown::default()
    }
}

fn report(format: LiveFormat, outlet: Outlet, shown: Shown) -> Box<dyn Report> {
    match format {
        LiveFormat::Table => Box::new(Scroll::new(outlet, shown)),
        LiveFormat::Ndjson => Box::new(Ndjson::new(outlet, shown)),
    }
}

/// Where the report goes, and how it may look there.
struct Out {
    writer: Box<dyn Write + Send>,
    to_terminal: bool,
    color: Color,
}

impl Out {
    #[expect(clippy::disallowed_methods, reason = "the output file is the command line's to create")]
    fn open(arguments: &LiveArguments) -> anyhow::Result<Self> {
        let (writer, to_terminal): (Box<dyn Write + Send>, _) = match &arguments.output {
            None => (Box::new(io::stdout()), io::stdout().is_terminal()),
            Some(path) => {
                let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
                (Box::new(file), false)
            }
        };
        let color = match arguments.color {
            When::Always => Color::Always,
            When::Never => Color::Never,
            When::Auto if arguments.output.is_some() => Color::Never,
            When::Auto => match anstream::AutoStream::choice(&io::stdout()) {
                anstream::ColorChoice::Never => Color::Never,
                _ => Color::Always,
            },
        };
        Ok(Self { writer, to_terminal, color })
    }
}
