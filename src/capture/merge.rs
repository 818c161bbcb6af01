//! Several files → one stream of packets in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Read};
use std::ops::ControlFlow;

use super::input::Input;
use super::stop::Stop;
use super::stored::Stored;
use super::{CaptureError, Position, Source};
use crate::limits::Limits;
use crate::packet::{CaptureInfo, Packet, Timestamp};

/// Capture files as one [`Source`]. The file whose next packet is the earliest goes on; of equal times, the
/// first on the command line. A file whose own packets go back in time keeps its order, as in `mergecap`.
pub struct Inputs {
    inputs: Vec<Input>,
    /// The next packet of each file that has one.
    heads: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// Files whose next packet is not known: at first all, later the one that lent last. Only looked for when
    /// it is asked for, so that a live pipe is not waited for while its packet is in hand.
    due: Vec<usize>,
    packets: u64,
}

impl Inputs {
    pub(super) fn open(paths: &[String], limits: &Limits, stop: Option<&Stop>) -> Result<Self, CaptureError> {
        let open = |path: &String| {
            let failed = |cause: io::Error| CaptureError::Io { path: path.clone(), cause };
            Input::new(path, Stored::open(path, stop).map_err(failed)?, limits, READ)
        };
        Ok(Self::new(paths.iter().map(open).collect::<Result<_, _>>()?))
    }

    pub(super) fn from_reader(
        name: &str,
        reader: impl Read + Send + 'static,
        limits: &Limits,
    ) -> Result<Self, CaptureError> {
        let input = Input::new(name, Stored::new(reader, None), limits, READ)?;
        Ok(Self::new(vec![input]))
    }

    /// Files whose headers were read, in the order of the command line.
    pub(super) fn new(inputs: Vec<Input>) -> Self {
        let due = (0..inputs.len()).rev().collect();
        Self { inputs, heads: BinaryHeap::new(), due, packets: 0 }
    }

    /// The file whose next packet is the earliest. One file that stays ahead never goes through the heap.
    fn earliest(&mut self) -> Result<Option<usize>, CaptureError> {
        while let Some(index) = self.due.pop() {
            let Some(input) = self.inputs.get_mut(index) else { continue };
            let Some(time) = input.advance()? else { continue };
            let ahead = self.heads.peek().is_none_or(|Reverse(head)| (time, index) < *head);
            if ahead && self.due.is_empty() {
                return Ok(Some(index));
            }
            self.heads.push(Reverse((time, index)));
        }
        Ok(self.heads.pop().map(|Reverse((_, index))| index))
    }

    /// With a single input there is nothing to merge.
    fn next_of_one(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        let Some(input) = self.inputs.first_mut() else { return Ok(None) };
        if input.advance()?.is_none() {
            return Ok(None);
        }
        self.packets = self.packets.saturating_add(1);
        Ok(input.lend(self.packets, 0))
    }
}

impl Source for Inputs {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        if self.inputs.len() == 1 {
            return self.next_of_one();
        }
        let Some(index) = self.earliest()? else { return Ok(None) };
        self.due.push(index);
        self.packets = self.packets.saturating_add(1);
        let file = u16::try_from(index).unwrap_or(u16::MAX);
        Ok(self.inputs.get_mut(index).and_then(|input| input.lend(self.packets, file)))
    }

    fn for_each_buffered(&mut self, take: &mut dyn FnMut(&Packet<'_>) -> ControlFlow<()>) {
        if let [input] = &mut *self.inputs {
            self.packets = input.for_each_buffered(self.packets, take);
        }
    }

    fn inputs(&self) -> Vec<CaptureInfo> {
        self.inputs.iter().map(Input::info).collect()
    }

    fn position(&self) -> Position {
        let all = || self.inputs.iter().map(Input::progress);
        Position {
            read: all().map(|progress| progress.read()).sum(),
            total: all().map(|progress| progress.total()).sum(),
        }
    }
}

/// Bytes read at a time. What the operating system copies should still be in the processor's nearest caches when it is looked at,
/// and a thousand rotated files must not take a gigabyte.
const READ: usize = 64 << 10;
