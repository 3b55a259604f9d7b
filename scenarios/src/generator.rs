//! Runs traffic: from the first credential to the load audit.

use crate::attack::{self, Attack};
use crate::ids::Ids;
use crate::lane::Lane;
use crate::live::{Live, LiveCounts};
use crate::pacer::Pacer;
use crate::stop::Stop;
use crate::wallet::{PATIENCE, Wallet};
use crate::{GeneratorError, Load, client, ctrl_c};
use proofload_history::journal::LoadAudit;
use proofload_history::{At, Clock, Event, HistoryError, Recorder};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Between the decision to start and the first arrival, so that the pacers' threads are there.
const LEAD: Duration = Duration::from_millis(20);
/// Beyond the longest that a client can wait, for what is in flight to end.
const GRACE: Duration = Duration::from_secs(5);
/// How often it is looked whether anything is in flight.
const POLL: Duration = Duration::from_millis(20);

/// Runs a load once.
pub struct Generator {
    load: Load,
    recorder: Arc<Recorder>,
    live: Arc<Live>,
    stop: Stop,
    start: watch::Sender<Option<At>>,
}

/// Watches and stops a generator while it runs.
#[derive(Clone)]
pub struct Handle {
    clock: Clock,
    live: Arc<Live>,
    stop: Stop,
    start: watch::Receiver<Option<At>>,
}

impl Handle {
    /// How the traffic stands.
    #[must_use]
    pub fn counts(&self) -> LiveCounts {
        self.live.counts(self.clock.now())
    }

    /// Waits until `holds` of the counts; they are looked at whenever something is counted.
    pub async fn until(&self, holds: impl Fn(LiveCounts) -> bool) {
        loop {
            let changed = self.live.changed();
            if holds(self.counts()) {
                return;
            }
            changed.await;
        }
    }

    /// Ends the traffic early: nothing more is offered, nobody thinks or waits any longer, and [`Generator::run`] returns
    /// when the requests in flight have ended.
    pub fn stop(&self) {
        self.stop.stop();
    }

    /// Waits until the workers are there and tells the instant that the schedules count from; `None` if it never came
    /// to that.
    pub async fn started(&mut self) -> Option<At> {
        self.start.wait_for(Option::is_some).await.ok().and_then(|start| *start)
    }
}

impl Generator {
    /// Prepares a load whose history goes to `recorder`.
    ///
    /// # Errors
    /// If the load contradicts itself. Nothing has been started then.
    pub fn new(load: Load, recorder: Arc<Recorder>) -> Result<Self, GeneratorError> {
        load.check()?;
        let (start, _) = watch::channel(None);
        Ok(Self { load, recorder, live: Arc::new(Live::new()), stop: Stop::default(), start })
    }

    /// A handle that stays good while the generator runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle {
            clock: self.recorder.clock(),
            live: Arc::clone(&self.live),
            stop: self.stop.clone(),
            start: self.start.subscribe(),
        }
    }

    /// Gets the credentials, makes the traffic, waits for the last answer, and audits itself. Journals
    /// [`Event::IdsIssued`] before any of those ids is sent, [`Event::TrafficEnded`] and an [`Event::LoadAudited`] for
    /// every traffic, whose audits it returns. Dropped before its end, it stops.
    ///
    /// # Errors
    /// If a credential cannot be got, Goose fails, or the history cannot be written.
    pub async fn run(self) -> Result<Vec<LoadAudit>, GeneratorError> {
        if !ctrl_c::reserved() {
            return Err(GeneratorError::CtrlC);
        }
        let client = client::client(&self.load)?;
        let (wallet, _renewal) = Wallet::fill(&self.load, &client, &self.recorder, PATIENCE).await?;
        let lanes = self.lanes(&client, &wallet);
        for lane in &lanes {
            self.note_cap(lane)?;
        }
        let _stops = StopOnDrop(self.stop.clone());
        let mut attack = Attack::launch(&lanes).await?;
        let start = self.recorder.clock().now() + LEAD;
        self.start.send_replace(Some(start));
        let pacing = self.pace(&lanes, start)?;
        attack.during("traffic was made", pacing).await??;
        attack.during("the last requests were in flight", quiet(&lanes)).await?;
        self.recorder.event(Event::TrafficEnded {})?;
        self.note_unfinished(&lanes)?;
        let metrics = attack.end().await?;
        let audits = lanes.iter().map(|lane| {
            let goose_requests = attack::counted(&metrics, lane);
            let (workers, busy) = (lane.workers.count as u64, lane.busy_max() as u64);
            lane.tally.audit(&lane.traffic.name, workers, busy, goose_requests)
        });
        let audits: Vec<LoadAudit> = audits.collect();
        for audit in &audits {
            self.recorder.event(Event::LoadAudited(audit.clone()))?;
        }
        match lanes.iter().find_map(|lane| lane.unrecorded()) {
            Some(error) => Err(error.into()),
            None => Ok(audits),
        }
    }

    fn lanes(&self, client: &reqwest::Client, wallet: &Arc<Wallet>) -> Vec<Arc<Lane>> {
        let lanes = self.load.traffics.iter().map(|traffic| {
            let (client, wallet, recorder) = (client.clone(), Arc::clone(wallet), Arc::clone(&self.recorder));
            let (live, stop) = (Arc::clone(&self.live), self.stop.clone());
            Arc::new(Lane::new(traffic.clone(), &self.load, client, wallet, recorder, live, stop))
        });
        lanes.collect()
    }

    /// Starts a pacer for every lane; the future ends when all of them have. The first that fails stops the others.
    fn pace(
        &self,
        lanes: &[Arc<Lane>],
        start: At,
    ) -> Result<impl Future<Output = Result<(), GeneratorError>> + use<>, GeneratorError> {
        let mut pacers = Vec::new();
        for lane in lanes {
            let traffic = &lane.traffic;
            let name = traffic.name.to_string();
            let ids = traffic.mix.journeys().enumerate().map(|(scenario, journey)| {
                let operation = journey.issues_for().to_owned();
                Ids::new(Arc::clone(&self.recorder), lane.stream(scenario), name.clone(), operation)
            });
            let ids = ids.collect();
            // Traffics of one run must not arrive in step.
            let seed = self.load.seed ^ (u64::from(traffic.stream) << 48);
            let pacer = Pacer::new(Arc::clone(lane), traffic.arrivals.schedule(seed, traffic.lasts), ids, start);
            let (done, ended) = oneshot::channel();
            let stop = self.stop.clone();
            let pace = move || {
                let paced = pacer.run();
                if paced.is_err() {
                    stop.stop();
                }
                // Nobody listens if the run was given up.
                let _ = done.send(paced);
            };
            std::thread::Builder::new().name(format!("pacer-{name}")).spawn(pace).map_err(GeneratorError::Thread)?;
            pacers.push((name, ended));
        }
        Ok(async move {
            let mut outcome = Ok(());
            for (traffic, ended) in pacers {
                let paced = ended.await.map_err(|_| GeneratorError::PacerDied { traffic });
                outcome = outcome.and(paced.and_then(|paced| paced.map_err(GeneratorError::History)));
            }
            outcome
        })
    }

    fn note_cap(&self, lane: &Lane) -> Result<(), HistoryError> {
        let workers = lane.workers;
        if workers.count == workers.wanted {
            return Ok(());
        }
        let blame = if workers.enough { "the system's" } else { "the generator's" };
        self.recorder.event(Event::Noted {
            note: format!(
                "traffic `{}` would take {} workers for all its clients to be kept as long as they can be, {} s at \
                 most; it has {}, the most there are, and an arrival that finds all of them busy counts as {blame} failure",
                lane.traffic.name,
                workers.wanted,
                lane.traffic.longest().as_secs(),
                workers.count,
            ),
        })
    }

    fn note_unfinished(&self, lanes: &[Arc<Lane>]) -> Result<(), HistoryError> {
        for lane in lanes {
            let left = lane.unfinished();
            if left > 0 {
                let note = format!(
                    "{left} arrivals of traffic `{}` had not ended when their clients' time was over; nobody knows \
                     what became of them",
                    lane.traffic.name
                );
                self.recorder.event(Event::Noted { note })?;
            }
        }
        Ok(())
    }
}

struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Waits until nothing is in flight, at most as long as a journey can take.
async fn quiet(lanes: &[Arc<Lane>]) {
    let longest = lanes.iter().map(|lane| lane.traffic.longest()).max().unwrap_or_default();
    let settled = async {
        while lanes.iter().any(|lane| lane.unfinished() > 0) {
            tokio::time::sleep(POLL).await;
        }
    };
    // Out of time is told by `note_unfinished`.
    let _ = tokio::time::timeout(longest + GRACE, settled).await;
}
