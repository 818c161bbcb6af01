//! Shards and what they are to do → done, by whichever thread comes.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::batch::Batch;
use super::merge::Merge;
use super::said::{Place, Said};
use super::shard::{Counts, Cursor, ROOM, Shard, Work};

/// The shards of one capture, and the threads that run them. Nobody waits for a shard that another thread has: there are
/// others. Whoever finds nothing to do sleeps.
pub(super) struct Crew<'a> {
    state: Mutex<State<'a>>,
    /// Something to do, for helpers.
    work: Condvar,
    /// Something was done, for the leader.
    news: Condvar,
    /// Batches that may be in hand at the same time.
    most: usize,
}

struct State<'a> {
    lanes: Vec<Lane<'a>>,
    /// Batches that are in hand.
    batches: usize,
    /// Batches and what was said, to be filled again.
    free: Vec<Batch>,
    spent: Vec<Said>,
    helpers_sleep: usize,
    leader_sleeps: bool,
    ended: bool,
    failed: bool,
}

/// A shard, what it is to do, and what it said.
struct Lane<'a> {
    /// `None` while a thread runs it.
    shard: Option<Box<Shard<'a>>>,
    work: VecDeque<Work>,
    cursor: Cursor,
    said: Vec<Said>,
    until: Place,
    /// Bytes that were said, and not passed on yet.
    weight: usize,
    /// The thread that ran it last, whose cache knows it.
    last: usize,
}

/// A shard that a thread has, and its work.
pub(super) struct Task<'a> {
    lane: usize,
    shard: Box<Shard<'a>>,
    work: Work,
    cursor: Cursor,
    said: Said,
}

/// What the leader is to do next.
#[expect(clippy::large_enum_variant, reason = "it is moved once for a shard and a batch")]
pub(super) enum Step<'a> {
    /// There is room for a batch.
    Read(Batch),
    /// Run a shard.
    Run(Task<'a>),
    /// Others have all that is to do.
    Wait,
    /// There is nothing to do.
    Nothing,
}

impl<'a> Crew<'a> {
    pub(super) fn new(shards: Vec<Shard<'a>>, most: usize) -> Self {
        let state = State {
            lanes: (0..).zip(shards).map(|(number, shard)| Lane::new(number, shard)).collect(),
            batches: 0,
            free: Vec::new(),
            spent: Vec::new(),
            helpers_sleep: 0,
            leader_sleeps: false,
            ended: false,
            failed: false,
        };
        Self { state: Mutex::new(state), work: Condvar::new(), news: Condvar::new(), most }
    }

    /// Hands what was said to `merge`, and says what is to be done; with `reading`, more batches come.
    pub(super) fn next(&self, merge: &mut Merge<'_>, reading: bool) -> Step<'a> {
        let mut state = self.lock();
        state.hand_over(merge);
        let room = reading && state.batches < self.most;
        let step = state.step(room);
        // What was passed on makes room.
        self.wake_helpers(&state);
        step
    }

    /// Gives the shards something to do.
    pub(super) fn give(&self, batch: Batch) {
        let mut state = self.lock();
        state.batches += 1;
        state.give(Work::Batch(Arc::new(batch)));
        self.wake_helpers(&state);
    }

    /// No more comes: what is open is to be finished.
    pub(super) fn finish(&self) {
        let mut state = self.lock();
        state.give(Work::Finish);
        self.wake_helpers(&state);
    }

    /// Runs a shard.
    pub(super) fn run(&self, mut task: Task<'a>) {
        let done = task.shard.go_on(&task.work, &mut task.cursor, &mut task.said);
        let mut state = self.lock();
        state.put_back(task, done);
        if state.leader_sleeps {
            self.news.notify_one();
        }
    }

    /// Sleeps until another thread has done something; `Break` when one has failed.
    pub(super) fn wait(&self) -> ControlFlow<()> {
        let mut state = self.lock();
        state.leader_sleeps = true;
        let nothing_new = |state: &mut State<'_>| !state.failed && !state.is_news();
        let mut state = self.news.wait_while(state, nothing_new).unwrap_or_else(PoisonError::into_inner);
        state.leader_sleeps = false;
        if state.failed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Runs shards until all is over.
    pub(super) fn help(&self, helper: usize) {
        let _guard = Guard(self);
        while let Some(task) = self.await_task(helper) {
            self.run(task);
        }
    }

    /// Sends the helpers home.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.work.notify_all();
    }

    /// What the shards did.
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for lane in &self.lock().lanes {
            lane.shard.iter().for_each(|shard| shard.count(&mut counts));
        }
        counts
    }

    fn await_task(&self, helper: usize) -> Option<Task<'a>> {
        let mut state = self.lock();
        loop {
            if state.ended {
                return None;
            }
            if let Some(task) = state.take(helper) {
                return Some(task);
            }
            state.helpers_sleep += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.helpers_sleep -= 1;
        }
    }

    fn wake_helpers(&self, state: &State<'_>) {
        for _ in 0..state.ready().count().min(state.helpers_sleep) {
            self.work.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> State<'a> {
    fn hand_over(&mut self, merge: &mut Merge<'_>) {
        self.spent.extend(merge.spent().map(|mut said| {
            said.clear();
            said
        }));
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            let passed = merge.take(number, lane.said.drain(..), lane.until);
            lane.weight = lane.weight.saturating_sub(passed);
        }
    }

    fn step(&mut self, room: bool) -> Step<'a> {
        if room {
            let shards = u8::try_from(self.lanes.len()).unwrap_or(u8::MAX);
            return Step::Read(self.free.pop().unwrap_or_else(|| Batch::new(shards)));
        }
        match self.take(LEADER) {
            Some(task) => Step::Run(task),
            None if self.lanes.iter().all(Lane::is_idle) => Step::Nothing,
            None => Step::Wait,
        }
    }

    fn give(&mut self, work: Work) {
        for (number, lane) in (0..).zip(&mut self.lanes) {
            match &work {
                Work::Batch(batch) if lane.is_idle() && batch.is_nothing_for(number) => {
                    lane.until = Place::at(batch.last.saturating_add(1), number);
                }
                _ => lane.work.push_back(work.clone()),
            }
        }
        self.reclaim(work);
    }

    /// One of the shards that the thread ran last, or any other: of these the one that is the farthest behind, since what the
    /// others said waits for it.
    fn take(&mut self, thread: usize) -> Option<Task<'a>> {
        let number = self.ready().min_by_key(|(_, lane)| (lane.last != thread, lane.until))?.0;
        let lane = self.lanes.get_mut(number)?;
        lane.last = thread;
        let (shard, work) = (lane.shard.take()?, lane.work.front()?.clone());
        let said = self.spent.pop().unwrap_or_else(Said::new);
        Some(Task { lane: number, shard, work, cursor: lane.cursor, said })
    }

    /// The shards that a thread can run now. Where much was said already, only the one that the rest waits for.
    fn ready(&self) -> impl Iterator<Item = (usize, &Lane<'a>)> {
        let is_much = self.lanes.iter().map(|lane| lane.weight).sum::<usize>() >= MUCH;
        let last = self.lanes.iter().map(|lane| lane.until).min().filter(|_| is_much);
        let lanes = self.lanes.iter().enumerate();
        lanes.filter(move |(_, lane)| lane.is_ready() && last.is_none_or(|last| lane.until == last))
    }

    fn put_back(&mut self, task: Task<'a>, done: bool) {
        let Task { lane, shard, work, cursor, said } = task;
        let Some(lane) = self.lanes.get_mut(lane) else { return };
        lane.shard = Some(shard);
        lane.until = said.until;
        lane.weight += said.weight;
        lane.said.push(said);
        lane.cursor = if done { Cursor::default() } else { cursor };
        if done {
            lane.work.pop_front();
        }
        self.reclaim(work);
    }

    /// A batch that no shard needs any more is filled again.
    fn reclaim(&mut self, work: Work) {
        if let Work::Batch(batch) = work
            && let Some(mut batch) = Arc::into_inner(batch)
        {
            batch.clear();
            self.free.push(batch);
            self.batches -= 1;
        }
    }

    fn is_news(&self) -> bool {
        self.ready().next().is_some() || self.lanes.iter().any(|lane| !lane.said.is_empty())
    }
}

impl<'a> Lane<'a> {
    fn new(number: u8, shard: Shard<'a>) -> Self {
        Self {
            shard: Some(Box::new(shard)),
            work: VecDeque::new(),
            cursor: Cursor::default(),
            said: Vec::new(),
            until: Place::at(0, number),
            weight: 0,
            last: 0,
        }
    }

    /// Can a thread run it now?
    fn is_ready(&self) -> bool {
        self.shard.is_some() && !self.work.is_empty() && self.weight < ROOM
    }

    fn is_idle(&self) -> bool {
        self.shard.is_some() && self.work.is_empty()
    }
}

/// A helper that panics must not leave the leader waiting for the shard that it had.
struct Guard<'c, 'a>(&'c Crew<'a>);

impl Drop for Guard<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().failed = true;
            self.0.news.notify_one();
        }
    }
}

/// The thread that reads, and passes on what was said; helpers count from 1.
const LEADER: usize = 0;

/// Bytes that all shards together may have said while others are behind: a single packet can set free very much.
const MUCH: usize = 8 << 20;
