//! `--write`: packets → pcapng files, one after the other.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::args::{Rotate, StoreArguments};
use crate::capture::{Keep, Writer};
use crate::packet::{CaptureInfo, Packet, Timestamp};

/// The files of `--write`.
pub(super) struct Store {
    path: PathBuf,
    /// Of the inputs.
    names: Vec<String>,
    rotate: Vec<Rotate>,
    /// How many files stay.
    most: usize,
    file: Open,
    /// When its first packet was captured.
    begun: Option<Timestamp>,
    number: u64,
    /// Those that are complete, oldest first.
    complete: VecDeque<PathBuf>,
}

enum Open {
    Writing(Writer<BufWriter<File>>),
    Failed(io::Error),
}

impl Store {
    /// Creates the first file; `None` where none is asked for.
    pub(super) fn open(arguments: &StoreArguments, inputs: &[CaptureInfo]) -> anyhow::Result<Option<Self>> {
        let Some(path) = &arguments.write else { return Ok(None) };
        if inputs.iter().any(|input| is_same(Path::new(&input.path), path)) {
            bail!("{}: is one of the captures to read; choose another name for --write", path.display());
        }
        let names: Vec<_> = inputs.iter().map(|input| input.path.clone()).collect();
        let first = if arguments.rotate.is_empty() { path.clone() } else { numbered(path, 1) };
        let writer = create(&first, &names).with_context(|| format!("cannot write {}", first.display()))?;
        Ok(Some(Self {
            path: path.clone(),
            names,
            rotate: arguments.rotate.clone(),
            most: arguments.keep.unwrap_or(usize::MAX),
            file: Open::Writing(writer),
            begun: None,
            number: 1,
            complete: VecDeque::new(),
        }))
    }

    /// Writes what is left.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        let written = match self.file {
            Open::Writing(mut writer) => writer.flush(),
            Open::Failed(error) => Err(error),
        };
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn write(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        let Open::Writing(writer) = &self.file else { return Ok(()) };
        let age = self.begun.map_or(0, |begun| packet.at.time.nanos_since(begun));
        let (size, age) = (writer.written(), u128::try_from(age).unwrap_or_default());
        let is_due = |rotate: &Rotate| match rotate {
            Rotate::Size(most) => size >= *most,
            Rotate::Time(most) => age >= most.as_nanos(),
        };
        if self.begun.is_some() && self.rotate.iter().any(is_due) {
            self.next_file()?;
        }
        self.begun.get_or_insert(packet.at.time);
        match &mut self.file {
            Open::Writing(writer) => writer.write(packet),
            Open::Failed(_) => Ok(()),
        }
    }

    fn next_file(&mut self) -> io::Result<()> {
        if let Open::Writing(writer) = &mut self.file {
            writer.flush()?;
        }
        self.complete.push_back(numbered(&self.path, self.number));
        while self.complete.len() >= self.most {
            let Some(oldest) = self.complete.pop_front() else { break };
            // Somebody else may have moved it away.
            let _ = std::fs::remove_file(oldest);
        }
        self.number += 1;
        self.file = Open::Writing(create(&numbered(&self.path, self.number), &self.names)?);
        self.begun = None;
        Ok(())
    }

    fn noted(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            super::say(&format!("wspect: no more packets are written to {}: {error}", self.path.display()));
            self.file = Open::Failed(error);
        }
    }
}

impl Keep for Store {
    fn keep(&mut self, packet: &Packet<'_>) {
        let written = self.write(packet);
        self.noted(written);
    }

    fn pause(&mut self) {
        if let Open::Writing(writer) = &mut self.file {
            let flushed = writer.flush();
            self.noted(flushed);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the output file is the command line's to create")]
fn create(path: &Path, names: &[String]) -> io::Result<Writer<BufWriter<File>>> {
    Writer::new(BufWriter::with_capacity(BLOCK, File::create(path)?), names.to_vec())
}

fn is_same(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// `chat.pcapng` → `chat.00001.pcapng`
fn numbered(path: &Path, number: u64) -> PathBuf {
    let extension = path.extension().map(|extension| extension.to_string_lossy().into_owned());
    path.with_extension(format!("{number:05}.{}", extension.as_deref().unwrap_or("pcapng")))
}

const BLOCK: usize = 256 << 10;
