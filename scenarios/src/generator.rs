//! Runs traffic: from the first user to the load audit.

use crate::attack::{self, Attack};
use crate::ids::Ids;
use crate::lane::Lane;
use crate::live::{Live, LiveCounts};
use crate::pacer::Pacer;
use crate::traffic::Traffic;
use crate::{GeneratorError, ctrl_c};
use proofload_history::journal::LoadAudit;
use proofload_history::{At, Clock, Event, HistoryError, Recorder};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Between the decision to start and the first arrival, so that the pacers' threads are there.
const LEAD: Duration = Duration::from_millis(20);
/// Beyond the longest that a client can wait, for what is in flight to end.
const GRACE: Duration = Duration::from_secs(5);
/// How often it is looked whether anything is in flight.
const POLL: Duration = Duration::from_millis(20);
/// Bits of a stream's number within an id.
const STREAMS: u16 = 1 << 12;

/// What is to be asked of a system.
#[derive(Clone, Debug)]
pub struct Load {
    /// Where the traffic enters: `http://198.18.0.10:8080`.
    pub base_url: String,
    /// The seed of arrivals, ids and choices.
    pub seed: u64,
    /// The traffics, which run at the same time.
    pub traffics: Vec<Traffic>,
    /// The most workers that a traffic may have; [`MAX_WORKERS`](crate::traffic::MAX_WORKERS) is sensible.
    pub max_workers: usize,
}

/// Runs a load once.
pub struct Generator {
    load: Load,
    recorder: Arc<Recorder>,
    live: Arc<Live>,
    stop: Arc<AtomicBool>,
    start: watch::Sender<Option<At>>,
}

/// Watches and stops a generator while it runs.
#[derive(Clone)]
pub struct Handle {
    clock: Clock,
    live: Arc<Live>,
    stop: Arc<AtomicBool>,
    start: watch::Receiver<Option<At>>,
}

impl Handle {
    /// How the traffic stands.
    #[must_use]
    pub fn counts(&self) -> LiveCounts {
        self.live.counts(self.clock.now())
    }

    /// Ends the traffic early: nothing more is offered, and [`Generator::run`] returns when what is in flight has ended.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
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
        check(&load)?;
        let (start, _) = watch::channel(None);
        Ok(Self { load, recorder, live: Arc::new(Live::new()), stop: Arc::default(), start })
    }

    /// A handle that stays good while the generator runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle {
            clock: self.recorder.clock(),
            live: Arc::clone(&self.live),
            stop: Arc::clone(&self.stop),
            start: self.start.subscribe(),
        }
    }

    /// Makes the traffic, waits for the last answer, and audits itself. Journals [`Event::IdsIssued`] before any of
    /// those ids is sent, [`Event::TrafficEnded`] and an [`Event::LoadAudited`] for every traffic, whose audits it
    /// returns. Dropped before its end, it stops.
    ///
    /// # Errors
    /// If Goose fails, or the history cannot be written.
    pub async fn run(self) -> Result<Vec<LoadAudit>, GeneratorError> {
        if !ctrl_c::reserved() {
            return Err(GeneratorError::CtrlC);
        }
        let lanes = self.lanes()?;
        for lane in &lanes {
            self.note_cap(lane)?;
        }
        let _stops = StopOnDrop(Arc::clone(&self.stop));
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

    fn lanes(&self) -> Result<Vec<Arc<Lane>>, GeneratorError> {
        let client = client(&self.load)?;
        let lane = |traffic: &Traffic| {
            Arc::new(Lane::new(
                traffic.clone(),
                &self.load,
                client.clone(),
                Arc::clone(&self.recorder),
                Arc::clone(&self.live),
                Arc::clone(&self.stop),
            ))
        };
        Ok(self.load.traffics.iter().map(lane).collect())
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
            let operation = traffic.steps[0].name().to_string();
            let ids = Ids::new(Arc::clone(&self.recorder), traffic.stream, name.clone(), operation);
            // Traffics of one run must not arrive in step.
            let seed = self.load.seed ^ (u64::from(traffic.stream) << 48);
            let pacer = Pacer::new(Arc::clone(lane), traffic.arrivals.schedule(seed, traffic.lasts), ids, start);
            let (done, ended) = oneshot::channel();
            let stop = Arc::clone(&self.stop);
            let pace = move || {
                let paced = pacer.run();
                if paced.is_err() {
                    stop.store(true, Ordering::Release);
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
                "traffic `{}` would take {} workers for all its clients to wait for {} s; it has {}, the most there \
                 are, and an arrival that finds all of them busy counts as {blame} failure",
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

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Waits until nothing is in flight, at most as long as a client can wait.
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

/// The one HTTP client of a load.
fn client(load: &Load) -> Result<reqwest::Client, GeneratorError> {
    let timeouts = load.traffics.iter().flat_map(|traffic| &traffic.steps).map(|step| step.timeout());
    let shortest = timeouts.min().unwrap_or(Duration::from_secs(10));
    reqwest::Client::builder()
        .user_agent("proofload")
        // Only what the load asks for reaches the system: a redirect would ask again, a proxy would answer for it.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .no_gzip()
        .tcp_nodelay(true)
        // A little before the request's own time-out, so that a connection that was never made is told apart.
        .connect_timeout(shortest.mul_f64(0.9))
        // Below the keep-alive of common servers: fewer requests meet a connection that is being closed.
        .pool_idle_timeout(Duration::from_secs(15))
        .pool_max_idle_per_host(usize::MAX)
        .build()
        .map_err(GeneratorError::Client)
}

fn check(load: &Load) -> Result<(), GeneratorError> {
    let url = reqwest::Url::parse(&load.base_url).ok();
    if !url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
        return Err(GeneratorError::BaseUrl { url: load.base_url.clone() });
    }
    if load.traffics.is_empty() {
        return Err(GeneratorError::NoTraffic);
    }
    for (index, traffic) in load.traffics.iter().enumerate() {
        let others = &load.traffics[..index];
        let wrong = if traffic.steps.is_empty() {
            "has no step: name at least one operation"
        } else if traffic.stream >= STREAMS {
            "has a stream that does not fit into an id: they are 0 to 4095"
        } else if others.iter().any(|other| other.stream == traffic.stream) {
            "has the stream of another traffic, so their ids would collide"
        } else if others.iter().any(|other| other.name == traffic.name) {
            "has the name of another traffic"
        } else {
            continue;
        };
        return Err(GeneratorError::Traffic { traffic: traffic.name.to_string(), wrong });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrivals::Arrivals;
    use crate::request::{Request, RequestSpec};
    use crate::traffic::MAX_WORKERS;

    fn traffic(name: &str, stream: u16) -> Traffic {
        let spec: RequestSpec = toml::from_str("method = 'GET'\npath = '/'\nok = [200]\ntimeout = '1s'").unwrap();
        Traffic {
            name: name.into(),
            stream,
            arrivals: Arrivals::Constant("1/s".parse().unwrap()),
            lasts: Duration::from_secs(1),
            steps: vec![Arc::new(Request::new("read", &spec).unwrap())],
        }
    }

    fn checked(base_url: &str, traffics: Vec<Traffic>) -> Result<(), String> {
        let load = Load { base_url: base_url.to_owned(), seed: 7, traffics, max_workers: MAX_WORKERS };
        check(&load).map_err(|error| error.to_string())
    }

    #[test]
    fn a_load_that_contradicts_itself_is_refused_before_anything_starts() {
        let url = "http://127.0.0.1:8080";
        let mut idle = traffic("idle", 1);
        idle.steps.clear();
        for (base_url, traffics, said) in [
            ("127.0.0.1:8080", vec![traffic("a", 1)], "is not where traffic can be sent"),
            ("file:///etc", vec![traffic("a", 1)], "is not where traffic can be sent"),
            (url, vec![], "no traffic"),
            (url, vec![idle], "`idle` has no step"),
            (url, vec![traffic("a", 4_096)], "`a` has a stream that does not fit"),
            (url, vec![traffic("a", 1), traffic("b", 1)], "`b` has the stream of another"),
            (url, vec![traffic("a", 1), traffic("a", 2)], "`a` has the name of another"),
        ] {
            let error = checked(base_url, traffics).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        assert_eq!(checked(url, vec![traffic("a", 1), traffic("b", 2)]), Ok(()));
    }
}
