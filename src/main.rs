//! The `wspect` command: parses the command line, runs it, exits.

use std::process::ExitCode;

fn main() -> ExitCode {
    wspect::cli::run(std::env::args_os())
}
