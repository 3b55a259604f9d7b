//! One thread per traffic that hands every arrival over at its instant, or says why it could not.

use crate::ids::Ids;
use crate::lane::{Arrival, Lane, Unsent};
use crate::schedule::Schedule;
use crate::tally::too_late;
use proofload_history::operation::{UNSENT_GENERATOR, UNSENT_WORKERS_WAITING};
use proofload_history::{At, HistoryError, Name, Operation, Outcome};
use std::iter::Peekable;
use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most ids that are issued at once...
const BLOCK: usize = 256;
/// ...and how far ahead of the first of them: a traffic that is stopped leaves few ids that were never sent.
const BLOCK_SPAN: Duration = Duration::from_millis(500);
/// A pacer looks whether it is to stop at least this often.
const NAP: Duration = Duration::from_millis(50);
/// Unsent arrivals that get a row, per traffic. More are only counted: at 200,000/s a minute of rows would fill memory
/// and disk with what a number says.
pub(crate) const UNSENT_ROWS: u64 = 50_000;

/// The pacer of a traffic.
pub(crate) struct Pacer {
    lane: Arc<Lane>,
    schedule: Peekable<Schedule>,
    /// The number of the next arrival of the schedule, from 0.
    number: u64,
    /// The ids of each journey of the mix.
    ids: Vec<Ids>,
    start: At,
    rows_left: u64,
    words: [Name; 2],
}

impl Pacer {
    pub(crate) fn new(lane: Arc<Lane>, schedule: Schedule, ids: Vec<Ids>, start: At) -> Self {
        let words = [UNSENT_WORKERS_WAITING.into(), UNSENT_GENERATOR.into()];
        Self { lane, schedule: schedule.peekable(), number: 0, ids, start, rows_left: UNSENT_ROWS, words }
    }

    /// Runs to the end of the schedule, or until the traffic is stopped. It never falls behind for good: what it is too
    /// late for it skips, so it ends when its schedule does.
    pub(crate) fn run(mut self) -> Result<(), HistoryError> {
        // The kernel may delay a sleeper by its timer slack, 50 us by default. Less is better, and not needed.
        let _ = rustix::thread::set_current_timer_slack(NonZero::new(1));
        loop {
            let block = self.next_block();
            if block.is_empty() {
                // The traffic lasts as long as it was said to, even if nobody comes at its end.
                self.sleep_until(self.start + self.lane.traffic.lasts);
                return Ok(());
            }
            for (scenario, ids) in self.ids.iter_mut().enumerate() {
                ids.provide(block.iter().filter(|(_, drawn)| *drawn == scenario).count() as u64)?;
            }
            for (offset, scenario) in block {
                let intended = self.start + offset;
                if !self.sleep_until(intended) {
                    return Ok(());
                }
                self.due(intended, scenario)?;
            }
        }
    }

    /// The next arrivals: when each is due, and which journey it makes.
    fn next_block(&mut self) -> Vec<(Duration, usize)> {
        let Some(first) = self.schedule.next() else { return Vec::new() };
        let mut block = vec![(first, self.draw())];
        while let Some(offset) = self.schedule.next_if(|offset| *offset < first + BLOCK_SPAN) {
            block.push((offset, self.draw()));
            if block.len() == BLOCK {
                break;
            }
        }
        block
    }

    fn draw(&mut self) -> usize {
        let traffic = &self.lane.traffic;
        let drawn = traffic.mix.draw(self.lane.seed, traffic.stream, self.number);
        self.number += 1;
        drawn
    }

    /// Whether `intended` came before the traffic was stopped.
    fn sleep_until(&self, intended: At) -> bool {
        let due = self.lane.clock().moment(intended);
        loop {
            if self.lane.stop.stopping() {
                return false;
            }
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            std::thread::sleep(left.min(NAP));
        }
    }

    fn due(&mut self, intended: At, scenario: usize) -> Result<(), HistoryError> {
        let now = self.lane.clock().now();
        let tally = &self.lane.tally;
        tally.scheduled.add_one();
        tally.pacer_lag.record(now.since(intended));
        self.lane.live.offered();
        if too_late(intended, now) {
            return self.unsent(intended, scenario, Unsent::Generator);
        }
        let counter = self.ids[scenario].next()?;
        match self.lane.offer(Arrival { scenario, counter, intended, handed_over: now }) {
            Ok(()) => {
                self.ids[scenario].take();
                Ok(())
            }
            Err(why) => self.unsent(intended, scenario, why),
        }
    }

    fn unsent(&mut self, intended: At, scenario: usize, why: Unsent) -> Result<(), HistoryError> {
        let tally = &self.lane.tally;
        let (count, word) = match why {
            Unsent::WorkersWaiting => (&tally.unsent_workers_waiting, &self.words[0]),
            Unsent::Generator => (&tally.unsent_generator, &self.words[1]),
        };
        count.add_one();
        if self.rows_left == 0 {
            return Ok(());
        }
        self.rows_left -= 1;
        let counter = self.ids[scenario].next()?;
        self.ids[scenario].take();
        let journey = self.lane.journey(scenario);
        let unsent = Operation {
            intent: journey.first_id(self.lane.id(scenario, counter)),
            attempt: 0,
            name: Name::clone(journey.first().name()),
            intended,
            sent: None,
            done: self.lane.clock().now(),
            outcome: Outcome::Fail,
            status: None,
            error: Some(Name::clone(word)),
            answer: None,
        };
        self.lane.record(unsent, false);
        Ok(())
    }
}
