//! Goose: its users are the workers, and it counts their requests.
//!
//! Goose is a process-wide affair: one killswitch, one logger, one Ctrl-C handler. So one attack runs at a time, and
//! all of it is kept in this file. Two things that Goose prints to standard output, where only results belong, are
//! kept from it: its log, by a silent logger that is there first, and "All users launched", by letting it reset its
//! metrics once all users run; no traffic begins before that has happened.

use crate::GeneratorError;
use crate::lane::Lane;
use crate::worker;
use goose::client::GooseClientBuilder;
use goose::config::GooseConfiguration;
use goose::goose::{GooseUser, Scenario, Transaction, TransactionFunction};
use goose::metrics::GooseMetrics;
use goose::{GooseAttack, GooseError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;

/// Users started per second: in effect, all at once.
const LAUNCH_RATE: &str = "10000";
/// All users run within this time, or something is wrong.
const LAUNCH_BOUND: Duration = Duration::from_secs(120);
/// Goose looks at its killswitch twice a second.
const END_BOUND: Duration = Duration::from_secs(60);
/// A number that no Goose user has.
const NOBODY: usize = usize::MAX;

/// One attack at a time: the killswitch of one would end the other.
static TURN: Mutex<()> = Mutex::const_new(());

/// A running attack. Dropped, it is told to end and does so behind the scenes.
pub(crate) struct Attack {
    task: JoinHandle<Result<GooseMetrics, GooseError>>,
    lanes: Vec<Arc<Lane>>,
}

/// Counts the users that have begun, and calls when all have.
struct Roll {
    expected: usize,
    begun: AtomicUsize,
    all: Notify,
}

impl Attack {
    /// Starts a Goose user for every worker and returns when all of them run.
    pub(crate) async fn launch(lanes: &[Arc<Lane>]) -> Result<Self, GeneratorError> {
        let turn = TURN.lock().await;
        silence();
        let users = lanes.iter().map(|lane| lane.workers.count).sum();
        let roll = Arc::new(Roll { expected: users, begun: AtomicUsize::new(0), all: Notify::new() });
        let mut attack = GooseAttack::initialize_with_config(configuration(lanes, users)?)?
            // One client for all, and no cookies; `begin` puts ours in its place.
            .set_client_builder_without_cookies(GooseClientBuilder::new().without_cookies())?;
        for lane in lanes {
            attack = attack.register_scenario(scenario(lane, &roll)?);
        }
        let task = tokio::spawn(async move {
            let _turn = turn;
            attack.execute().await
        });
        let mut attack = Self { task, lanes: lanes.to_vec() };
        let launched = tokio::time::timeout(LAUNCH_BOUND, attack.during("its users started", roll.all.notified()));
        match launched.await {
            Ok(all) => all.map(|()| attack),
            Err(_) => Err(GeneratorError::GooseStuck { what: format!("started {users} users"), within: LAUNCH_BOUND }),
        }
    }

    /// Waits for `work`, as long as Goose lives.
    pub(crate) async fn during<T>(
        &mut self,
        doing: &'static str,
        work: impl Future<Output = T>,
    ) -> Result<T, GeneratorError> {
        tokio::select! {
            done = work => Ok(done),
            ended = &mut self.task => Err(match ended {
                Ok(Err(error)) => error.into(),
                Ok(Ok(_)) | Err(_) => GeneratorError::GooseEnded { during: doing },
            }),
        }
    }

    /// Ends the attack. The lanes are idle by now; their workers go home.
    pub(crate) async fn end(mut self) -> Result<GooseMetrics, GeneratorError> {
        let began = Instant::now();
        loop {
            self.call_off();
            tokio::select! {
                ended = &mut self.task => {
                    return Ok(ended.map_err(|_| GeneratorError::GooseEnded { during: "it was told to end" })??);
                }
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
            }
            if began.elapsed() > END_BOUND {
                return Err(GeneratorError::GooseStuck { what: "ended".to_owned(), within: END_BOUND });
            }
        }
    }

    fn call_off(&self) {
        self.lanes.iter().for_each(|lane| lane.close());
        if !self.task.is_finished() {
            goose::trigger_killswitch("the traffic has ended");
        }
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        self.call_off();
    }
}

/// How many requests Goose counted for a traffic.
pub(crate) fn counted(metrics: &GooseMetrics, lane: &Lane) -> u64 {
    let prefix = lane.goose_prefix();
    let own = metrics.requests.values().filter(|request| request.path.starts_with(&prefix));
    own.map(|request| (request.success_count + request.fail_count) as u64).sum()
}

fn configuration(lanes: &[Arc<Lane>], users: usize) -> Result<GooseConfiguration, GeneratorError> {
    let host = lanes.first().map_or("", |lane| lane.entry());
    let users = users.to_string();
    let arguments = [
        "--host",
        host,
        "--users",
        &users,
        "--increase-rate",
        LAUNCH_RATE,
        "--quiet",
        "--no-print-metrics",
        "--no-error-summary",
        "--no-status-codes",
        "--no-transaction-metrics",
        "--no-scenario-metrics",
        "--no-telnet",
        "--no-gzip",
    ];
    GooseConfiguration::parse_args_default(&arguments).map_err(|error| {
        // Fixed arguments and two that were checked: a defect.
        GeneratorError::from(GooseError::InvalidOption {
            option: "arguments".to_owned(),
            value: arguments.join(" "),
            detail: error.to_string(),
        })
    })
}

fn scenario(lane: &Arc<Lane>, roll: &Arc<Roll>) -> Result<Scenario, GeneratorError> {
    let (starting, roll) = (Arc::clone(lane), Arc::clone(roll));
    let begin: TransactionFunction = Arc::new(move |user| {
        let (lane, roll) = (Arc::clone(&starting), Arc::clone(&roll));
        Box::pin(async move {
            begin(user, &lane, &roll).await;
            Ok(())
        })
    });
    let serving = Arc::clone(lane);
    let serve: TransactionFunction = Arc::new(move |user| {
        let lane = Arc::clone(&serving);
        Box::pin(async move {
            worker::serve(user, &lane).await;
            Ok(())
        })
    });
    Ok(Scenario::new(&lane.traffic.name)
        .set_weight(lane.workers.count)?
        .register_transaction(Transaction::new(begin).set_on_start())
        .register_transaction(Transaction::new(serve)))
}

/// The first act of a user. The last one to begin waits for Goose to have reset its metrics.
async fn begin(user: &mut GooseUser, lane: &Lane, roll: &Roll) {
    user.client = lane.client.clone();
    if roll.begun.fetch_add(1, Ordering::AcqRel) + 1 < roll.expected {
        return;
    }
    // Goose's main loop resets the metrics in the turn after it has started the last user, and empties the channel in
    // which users say goodbye at the end of every turn. So when two goodbyes of nobody have been taken one after the
    // other, a whole turn has passed, and the reset with it.
    if let Some(door) = user.shutdown_channel.clone() {
        for _ in 0..2 {
            if door.send(NOBODY).is_err() {
                break;
            }
            while !door.is_empty() && !door.is_disconnected() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
    roll.all.notify_one();
}

/// Goose's logger writes to standard output, and gives way to any logger that was there before.
fn silence() {
    struct Silent;

    impl log::Log for Silent {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            false
        }
        fn log(&self, _: &log::Record<'_>) {}
        fn flush(&self) {}
    }

    // An error means that the process has a logger of its own, which is as good.
    let _ = log::set_logger(&Silent);
}
