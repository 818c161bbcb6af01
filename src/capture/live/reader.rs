//! Interfaces → the queue: the thread that never waits for analysis.

use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::InterfaceFlags;

use super::interface::{Absence, DELAY, Interface, Reading, Settings};
use super::now;
use super::queue::{Batch, Queue};
use crate::capture::{CaptureError, Stop};
use crate::packet::Timestamp;

/// All interfaces of a capture.
pub(super) struct Reader {
    places: Vec<Place>,
    settings: Settings,
    /// Which interface is read first.
    first: usize,
    /// When the interfaces were looked at.
    looked: Timestamp,
}

/// An interface by its name, whether it is there or not.
struct Place {
    name: String,
    interface: Option<Interface>,
}

impl Reader {
    /// Opens them all; one that is not there is waited for, if that is wanted.
    pub(super) fn open(names: &[String], settings: &Settings) -> Result<Self, CaptureError> {
        let open = |name: &String| {
            let interface = match Interface::open(name, settings) {
                Ok(interface) => Some(interface),
                Err(_) if settings.absence == Absence::IsWaitedFor && !is_up(name) => None,
                Err(error) => return Err(error),
            };
            Ok(Place { name: name.clone(), interface })
        };
        let places = names.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { places, settings: settings.clone(), first: 0, looked: now() })
    }

    /// Reads until the end is wanted, or no interface is left.
    pub(super) fn run(mut self, queue: &Queue, stop: &Stop) {
        for missing in self.places.iter().filter(|place| place.interface.is_none()) {
            queue.statistics().notice(format!("{}: not there; waiting for it", missing.name));
        }
        let mut batch = Batch::default();
        let mut rounds = 0_u32;
        while !stop.is_asked() && self.is_any_left() {
            let open = self.places.iter().filter_map(|place| place.interface.as_ref()).map(AsFd::as_fd);
            if stop.wait_for(&open.collect::<Vec<_>>(), Some(TICK)).is_err() {
                thread::sleep(DELAY);
            }
            let is_busy = self.round(&mut batch, queue);
            rounds = rounds.wrapping_add(1);
            if !is_busy || rounds.is_multiple_of(ROUNDS_A_COUNT) {
                self.count_drops(queue);
            }
            if now().nanos_since(self.looked) >= LOOK {
                self.looked = now();
                self.look(queue);
            }
        }
        self.drain(&mut batch, queue);
        self.count_drops(queue);
        queue.end();
    }

    /// Reads a batch of each interface; `true` when one had more.
    fn round(&mut self, batch: &mut Batch, queue: &Queue) -> bool {
        let (mut is_busy, mut lost) = (false, Vec::new());
        let several = self.places.len() > 1;
        for turn in 0..self.places.len() {
            let number = (self.first + turn) % self.places.len();
            let (Ok(file), Some(place)) = (u16::try_from(number), self.places.get_mut(number)) else {
                continue;
            };
            let Some(interface) = &mut place.interface else { continue };
            match interface.read(file, batch) {
                Ok(Reading::Empty) => {}
                Ok(Reading::Full) => is_busy = true,
                Err(error) => {
                    interface.count_drops(file.into(), &queue.statistics());
                    place.interface = None;
                    lost.push(error);
                }
            }
        }
        if several {
            batch.sort();
        }
        if batch.len() > 0 {
            queue.put(batch);
        }
        // Each has its turn to be the first, for which the batch has most room.
        self.first = (self.first + 1) % self.places.len().max(1);
        lost.into_iter().for_each(|error| self.give_up(error, queue));
        is_busy
    }

    /// Says that an interface is gone: now, where the capture goes on; in any case at the end, if it is not waited for.
    fn give_up(&self, error: CaptureError, queue: &Queue) {
        if self.settings.absence == Absence::IsWaitedFor {
            return queue.statistics().notice(format!("{error}; waiting for it"));
        }
        if self.is_any_left() {
            queue.statistics().notice(format!("{error}; the other interfaces go on"));
        }
        queue.fail(error);
    }

    /// Takes what was captured before now: the kernel passes it on a little later.
    fn drain(&mut self, batch: &mut Batch, queue: &Queue) {
        let until = now();
        thread::sleep(2 * DELAY);
        loop {
            let is_busy = self.round(batch, queue);
            // A flood never ends; what comes after the wish to end is not part of the capture.
            if !is_busy || now().nanos_since(until) > LONGEST_DRAIN {
                return;
            }
        }
    }

    fn count_drops(&mut self, queue: &Queue) {
        let statistics = queue.statistics();
        for (number, place) in self.places.iter_mut().enumerate() {
            if let Some(interface) = &mut place.interface {
                interface.count_drops(number, &statistics);
            }
        }
    }

    fn is_any_left(&self) -> bool {
        self.settings.absence == Absence::IsWaitedFor
            || self.places.iter().any(|place| place.interface.is_some())
    }

    /// Looks which interfaces have gone down, and which that are waited for are there again.
    fn look(&mut self, queue: &Queue) {
        let mut down = Vec::new();
        for (number, place) in self.places.iter_mut().enumerate() {
            if let Some(mut interface) = place.interface.take_if(|_| !is_up(&place.name)) {
                interface.count_drops(number, &queue.statistics());
                let cause = "the capture ended: the interface went down".to_owned();
                down.push(CaptureError::Interface { name: place.name.clone(), cause });
            }
        }
        down.into_iter().for_each(|error| self.give_up(error, queue));
        if self.settings.absence == Absence::IsWaitedFor {
            self.reopen(queue);
        }
    }

    fn reopen(&mut self, queue: &Queue) {
        for place in self.places.iter_mut().filter(|place| place.interface.is_none()) {
            if !is_up(&place.name) {
                continue;
            }
            if let Ok(interface) = Interface::open(&place.name, &self.settings) {
                queue.statistics().notice(format!("{}: capturing", place.name));
                place.interface = Some(interface);
            }
        }
    }
}

/// Is the interface there, and switched on? libpcap would wait in silence for one that goes down.
fn is_up(name: &str) -> bool {
    let is_it =
        |each: &InterfaceAddress| each.interface_name == name && each.flags.contains(InterfaceFlags::IFF_UP);
    name == "any" || getifaddrs().is_ok_and(|mut all| all.any(|each| is_it(&each)))
}

/// The longest wait: for statistics, and for interfaces that come back.
const TICK: Duration = Duration::from_millis(200);
/// How often interfaces are looked at, in nanoseconds.
const LOOK: i64 = crate::packet::NANOS_PER_SECOND / 2;
/// Under load statistics are asked for so often.
const ROUNDS_A_COUNT: u32 = 64;
/// A second, in nanoseconds of the system's clock.
const LONGEST_DRAIN: i64 = crate::packet::NANOS_PER_SECOND;
