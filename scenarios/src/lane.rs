//! Where the pacer of a traffic hands arrivals over to its workers.
//!
//! A short queue: an arrival that waits in it while every worker is busy waits for the system, and its latency shows
//! it; one that does not fit any more is unsent.

use crate::journey::Journey;
use crate::live::Live;
use crate::load::Load;
use crate::stop::Stop;
use crate::tally::Tally;
use crate::traffic::{Traffic, Workers};
use crate::wallet::Wallet;
use proofload_history::{At, Clock, HistoryError, Id, Name, Operation, Recorder};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// A client that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// Which journey of the mix it makes.
    pub(crate) scenario: usize,
    /// The counter of its id.
    pub(crate) counter: u64,
    /// When it was due.
    pub(crate) intended: At,
    /// When the pacer handed it over.
    pub(crate) handed_over: At,
}

/// Why an arrival cannot be handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// Every worker waits for the system.
    WorkersWaiting,
    /// Workers are idle and do not come, or there are too few of them to blame the system.
    Generator,
}

/// What all threads of one traffic share.
pub(crate) struct Lane {
    pub(crate) traffic: Traffic,
    pub(crate) workers: Workers,
    pub(crate) seed: u64,
    journeys: Vec<Arc<Journey>>,
    base_url: String,
    places: BTreeMap<Name, String>,
    pub(crate) client: reqwest::Client,
    pub(crate) wallet: Arc<Wallet>,
    pub(crate) stop: Stop,
    pub(crate) tally: Tally,
    pub(crate) live: Arc<Live>,
    recorder: Arc<Recorder>,
    /// The first failure to record; the traffic stops with it.
    unrecorded: Mutex<Option<HistoryError>>,
    desk: Mutex<Desk>,
    /// A permit for every arrival in the queue.
    waiting: Semaphore,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Desk {
    queue: VecDeque<(Arrival, bool)>,
    busy: usize,
    busy_max: usize,
}

/// An arrival in a worker's hands; the worker is busy until this is dropped.
pub(crate) struct Job {
    pub(crate) arrival: Arrival,
    /// Whether a worker was idle for it when it was handed over.
    pub(crate) awaited: bool,
    lane: Arc<Lane>,
}

impl Lane {
    pub(crate) fn new(
        traffic: Traffic,
        load: &Load,
        client: reqwest::Client,
        wallet: Arc<Wallet>,
        recorder: Arc<Recorder>,
        live: Arc<Live>,
        stop: Stop,
    ) -> Self {
        let workers = traffic.workers(load.max_workers);
        Self {
            seed: load.seed,
            journeys: traffic.mix.journeys().cloned().collect(),
            base_url: load.base_url.trim_end_matches('/').to_owned(),
            places: load.places.clone(),
            client,
            wallet,
            tally: Tally::default(),
            live,
            recorder,
            stop,
            unrecorded: Mutex::default(),
            desk: Mutex::default(),
            waiting: Semaphore::new(0),
            // Small beside the workers, so that waiting shows as busy workers and not as a long queue; large enough
            // for the burst after a pause of the scheduler.
            capacity: (workers.count / 4).max(16),
            traffic,
            workers,
        }
    }

    /// The journey of that number in the mix.
    pub(crate) fn journey(&self, scenario: usize) -> &Journey {
        &self.journeys[scenario]
    }

    /// The id of an arrival: each journey of a mix has a stream of its own, so that what is issued for it counts from 0.
    pub(crate) fn id(&self, scenario: usize, counter: u64) -> Id {
        Id::issued(self.seed, self.stream(scenario), counter)
    }

    /// The stream of the ids of a journey.
    pub(crate) fn stream(&self, scenario: usize) -> u16 {
        // Whether the streams of a traffic fit into ids was checked before there was a lane.
        self.traffic.stream + scenario as u16
    }

    /// Where the requests of `operation` go: scheme, host and port.
    pub(crate) fn base_url(&self, operation: &str) -> &str {
        self.places.get(operation).unwrap_or(&self.base_url)
    }

    /// Where the traffic enters.
    pub(crate) fn entry(&self) -> &str {
        &self.base_url
    }

    /// Hands an arrival over, if there is room for it.
    pub(crate) fn offer(&self, arrival: Arrival) -> Result<(), Unsent> {
        let mut desk = self.desk();
        let idle = self.workers.count - desk.busy;
        if desk.queue.len() >= self.capacity {
            let system = idle == 0 && self.workers.enough;
            return Err(if system { Unsent::WorkersWaiting } else { Unsent::Generator });
        }
        let awaited = desk.queue.len() < idle;
        desk.queue.push_back((arrival, awaited));
        drop(desk);
        self.waiting.add_permits(1);
        Ok(())
    }

    /// The next arrival; `None` once the lane is closed.
    pub(crate) async fn take(self: &Arc<Self>) -> Option<Job> {
        self.waiting.acquire().await.ok()?.forget();
        let mut desk = self.desk();
        let (arrival, awaited) = desk.queue.pop_front()?;
        desk.busy += 1;
        desk.busy_max = desk.busy_max.max(desk.busy);
        self.live.taken();
        Some(Job { arrival, awaited, lane: Arc::clone(self) })
    }

    /// Arrivals that wait for a worker or keep one busy.
    pub(crate) fn unfinished(&self) -> usize {
        let desk = self.desk();
        desk.queue.len() + desk.busy
    }

    /// The most workers that were busy at once.
    pub(crate) fn busy_max(&self) -> usize {
        self.desk().busy_max
    }

    /// Sends the workers home; what is still in the queue stays there.
    pub(crate) fn close(&self) {
        self.waiting.close();
    }

    pub(crate) fn clock(&self) -> Clock {
        self.recorder.clock()
    }

    /// Records an operation, which `waits` if it asked for what its client waits for. If that fails the traffic stops:
    /// what cannot be recorded must not be sent.
    pub(crate) fn record(&self, operation: Operation, waits: bool) {
        self.live.ended(&operation, waits);
        if let Err(error) = self.recorder.operation(operation) {
            lock(&self.unrecorded).get_or_insert(error);
            self.stop.stop();
        }
    }

    /// What could not be recorded, if anything.
    pub(crate) fn unrecorded(&self) -> Option<HistoryError> {
        lock(&self.unrecorded).take()
    }

    /// The name under which Goose counts a step: its own for every traffic, so that they can be told apart.
    pub(crate) fn goose_name(&self, step: &Name) -> String {
        format!("{}{step}", self.goose_prefix())
    }

    /// What the names of this traffic's steps begin with in Goose.
    pub(crate) fn goose_prefix(&self) -> String {
        format!("{}/", self.traffic.name)
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        lock(&self.desk)
    }
}

/// A worker that panicked while it held the lock left the desk whole: all that is done under it is counting.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Job {
    fn drop(&mut self) {
        self.lane.desk().busy -= 1;
        self.lane.live.finished();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrivals::Arrivals;
    use crate::request::{Request, RequestSpec};
    use proofload_history::RunDir;
    use std::time::Duration;

    /// A lane of `workers` workers for `rate`, whose clients wait so long that it would take more.
    fn lane(rate: &str, workers: usize) -> Arc<Lane> {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path(), "lane").unwrap();
        let recorder = Arc::new(Recorder::create(&run, Clock::new()).unwrap());
        let spec: RequestSpec = toml::from_str("method = 'GET'\npath = '/'\nok = [200]\ntimeout = '1h'").unwrap();
        let traffic = Traffic {
            name: "browse".into(),
            stream: 1,
            arrivals: Arrivals::Constant(rate.parse().unwrap()),
            lasts: Duration::from_secs(10),
            mix: Journey::of(Arc::new(Request::new("read", &spec).unwrap())).unwrap().into(),
        };
        let load = Load { max_workers: workers, ..Load::new("http://127.0.0.1:1", 7, vec![traffic.clone()]) };
        let (client, live) = (reqwest::Client::new(), Arc::new(Live::new()));
        Arc::new(Lane::new(traffic, &load, client, Arc::default(), recorder, live, Stop::default()))
    }

    fn arrival(counter: u64) -> Arrival {
        Arrival { scenario: 0, counter, intended: At(counter), handed_over: At(counter) }
    }

    /// Offers until one does not fit, and tells how many did and why the last did not.
    fn fill(lane: &Lane) -> (u64, Unsent) {
        let mut counter = 0;
        loop {
            match lane.offer(arrival(counter)) {
                Ok(()) => counter += 1,
                Err(why) => return (counter, why),
            }
        }
    }

    async fn busy(lane: &Arc<Lane>) -> Vec<Job> {
        let mut jobs = Vec::new();
        for counter in 0..lane.workers.count as u64 {
            lane.offer(arrival(counter)).unwrap();
            jobs.push(lane.take().await.unwrap());
        }
        jobs
    }

    #[tokio::test]
    async fn a_full_lane_whose_workers_all_wait_is_the_systems_failure() {
        let lane = lane("10/s", 20);
        let _jobs = busy(&lane).await;
        assert_eq!(fill(&lane), (16, Unsent::WorkersWaiting));
    }

    #[tokio::test]
    async fn a_full_lane_with_an_idle_worker_is_the_generators_failure() {
        let lane = lane("10/s", 20);
        let mut jobs = busy(&lane).await;
        jobs.pop();
        assert_eq!(fill(&lane).1, Unsent::Generator);
    }

    #[tokio::test]
    async fn workers_too_few_to_wait_a_second_each_never_blame_the_system() {
        let lane = lane("1000/s", 20);
        let _jobs = busy(&lane).await;
        assert_eq!(fill(&lane).1, Unsent::Generator);
    }

    #[tokio::test]
    async fn an_arrival_is_awaited_only_if_a_worker_is_idle_for_it() {
        let lane = lane("10/s", 2);
        for counter in 0..3 {
            lane.offer(arrival(counter)).unwrap();
        }
        let jobs = [lane.take().await.unwrap(), lane.take().await.unwrap()];
        assert!(jobs.iter().all(|job| job.awaited));
        drop(jobs);
        assert!(!lane.take().await.unwrap().awaited, "two idle workers cannot await three arrivals");
    }

    #[tokio::test]
    async fn a_job_that_is_dropped_frees_its_worker() {
        let lane = lane("10/s", 2);
        drop(busy(&lane).await);
        assert_eq!((lane.unfinished(), lane.busy_max()), (0, 2));
    }

    #[tokio::test]
    async fn a_closed_lane_sends_its_workers_home() {
        let lane = lane("10/s", 2);
        lane.offer(arrival(0)).unwrap();
        lane.close();
        assert!(lane.take().await.is_none());
    }
}
