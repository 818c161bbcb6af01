//! Makes captures of generated WebSocket traffic, and verifies what wspect finds in them.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use workload::verify::{Content, Row, Tally};
use workload::{Expected, Kind, Workload};

/// Captures of generated WebSocket traffic, and what an analyzer has to find in them.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a capture, and what is to be found in it to standard output.
    Generate {
        /// What traffic.
        kind: Kind,
        /// The pcap file to write.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
        /// About how large.
        #[arg(long, default_value_t = 4_000_000)]
        bytes: u64,
        /// How many connections are open at the same time [default: by kind].
        #[arg(long)]
        connections: Option<usize>,
        /// Another seed gives another capture.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Compare what wspect found, NDJSON on standard input, with what is to be found. Exit status: 0 all agrees, 1 it does not.
    Verify {
        /// What `generate` wrote of the capture.
        expected: PathBuf,
        /// The output was not written with `--payload full`: compare no content.
        #[arg(long)]
        no_content: bool,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().command {
        Command::Generate { kind, output, bytes, connections, seed } => {
            let connections = connections.unwrap_or(kind.connections());
            let workload = Workload { kind, bytes, connections, seed };
            let file = File::create(&output).with_context(|| output.display().to_string())?;
            let expected = workload.write(BufWriter::with_capacity(1 << 20, file))?;
            writeln!(io::stdout(), "{}", serde_json::to_string(&expected)?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Verify { expected, no_content } => {
            let text = std::fs::read(&expected).with_context(|| expected.display().to_string())?;
            let expected: Expected = serde_json::from_slice(&text)?;
            let content = if no_content { Content::Absent } else { Content::Full };
            let rows = Tally::read(io::stdin().lock())?.against(&expected, content);
            print(&rows)?;
            let agrees = rows.iter().all(Row::holds);
            Ok(if agrees { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

fn print(rows: &[Row]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{:36}{:>22}{:>22}", "", "expected", "found")?;
    for row in rows {
        let remark = match (row.holds(), row.at_most) {
            (false, _) => "  DIFFERS",
            (true, true) => "  (at most)",
            (true, false) => "",
        };
        writeln!(out, "{:36}{:22}{:22}{remark}", row.name, row.expected, row.found)?;
    }
    Ok(())
}
