//! The command line: what was typed → source, pipeline, reports → exit status.

pub mod args;
mod check;
mod config;
mod diff;
#[cfg(all(feature = "live", target_os = "linux"))]
mod interfaces;
#[cfg(all(feature = "live", target_os = "linux"))]
mod live;
#[cfg(all(feature = "live", target_os = "linux"))]
mod outlet;
#[cfg(all(feature = "live", target_os = "linux"))]
mod privileges;
mod progress;
mod read;
mod rules;
mod selection;
mod signals;
#[cfg(all(feature = "live", target_os = "linux"))]
mod status;
mod store;

use std::ffi::OsString;
use std::process::ExitCode;

use args::{Arguments, Command};
use clap::Parser;
use clap::error::{ContextKind, ErrorKind};

use crate::report::text::{Rest, fit};

/// Runs the command that `arguments` (the program's name first) ask for, and says how it ended: 0 done, 1 a check
/// failed or two captures differ, 2 the input could not be read or the command line is wrong.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return refuse(error),
    };
    let result = match arguments.command {
        Command::Read(arguments) => read::run(arguments).map(|()| true),
        #[cfg(all(feature = "live", target_os = "linux"))]
        Command::Live(arguments) => live::run(&arguments).map(|()| true),
        #[cfg(all(feature = "live", target_os = "linux"))]
        Command::Interfaces(arguments) => interfaces::run(&arguments).map(|()| true),
        #[cfg(not(all(feature = "live", target_os = "linux")))]
        Command::Live(_) | Command::Interfaces(_) => Err(anyhow::anyhow!(
            "this wspect was built without live capture, which is for Linux (feature `live`)"
        )),
        Command::Check(arguments) => check::run(arguments),
        Command::Diff(arguments) => diff::run(arguments),
        Command::Rules(arguments) => rules::run(&arguments).map(|()| true),
        Command::Schema => read::schema().map(|()| true),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("wspect: {error:#}"));
            ExitCode::from(2)
        }
    }
}

/// Help and version go to standard output with status 0, everything else to standard error with status 2.
fn refuse(mut error: clap::Error) -> ExitCode {
    if error.kind() == ErrorKind::ValueValidation {
        // The first line says which value of which option, and what is accepted; the rest only names --help.
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        say(&format!("wspect: {}", line.strip_prefix("error: ").unwrap_or(line)));
        return ExitCode::from(2);
    }
    if error.kind() == ErrorKind::UnknownArgument {
        drop_misleading(&mut error);
    }
    if error.use_stderr() && is_unsafe(&error) {
        say(error.to_string().trim_end());
    } else {
        // Nothing sensible is left to do when the message itself can't be written.
        let _ = error.print();
    }
    if let (ErrorKind::InvalidSubcommand, Some(word)) = (error.kind(), invalid_word(&error))
        && std::path::Path::new(&word).exists()
    {
        say(&format!("\nTo read a capture: wspect read {word}"));
    }
    if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
}

/// Clap takes every mistyped option for a value, and suggests options that hardly look like it.
fn drop_misleading(error: &mut clap::Error) {
    error.remove(ContextKind::Suggested);
    let said = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let (typed, suggested) = (said(ContextKind::InvalidArg), said(ContextKind::SuggestedArg));
    let bare = |option: &str| option.trim_start_matches('-').to_lowercase();
    if strsim::jaro_winkler(&bare(&typed), &bare(&suggested)) < ALIKE
        && error.remove(ContextKind::SuggestedArg).is_some()
    {
        error.remove(ContextKind::Usage);
    }
}

/// `were` is like `where`, and `filter` not like `idle`.
const ALIKE: f64 = 0.8;

/// Does it quote something that must not reach a terminal? Its own colours don't count.
fn is_unsafe(error: &clap::Error) -> bool {
    let text = error.to_string();
    text.lines().any(|line| fit(line.as_bytes(), usize::MAX, Rest::End) != line)
}

fn invalid_word(error: &clap::Error) -> Option<String> {
    error.get(ContextKind::InvalidSubcommand).map(ToString::to_string)
}

/// Who reads our output may stop reading at any time: that is no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// The one place that speaks to the user about the run itself. What it says can quote names of files, and what stands in them.
fn say(text: &str) {
    for line in text.split('\n') {
        anstream::eprintln!("{}", fit(line.as_bytes(), usize::MAX, Rest::End));
    }
}
