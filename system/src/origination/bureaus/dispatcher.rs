//! The loop that asks one bureau, as long as its circuit lets it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{debug, warn};

use super::budget::Budget;
use super::claim::{self, Claimed};
use super::client::Bureau;
use crate::bureau::wire::Question;
use crate::circuit::Circuit;
use crate::config::origination::CallSettings;
use crate::store::Store;

/// How often the table is looked at when nobody says that there is something to ask.
const LOOK: Duration = Duration::from_millis(250);
/// Pause after the database did not answer.
const PAUSE: Duration = Duration::from_millis(500);

/// Asks one bureau.
pub(in crate::origination) struct Dispatcher {
    caller: Arc<Caller>,
    settings: CallSettings,
    budget: Budget,
    /// Says that there is something to ask.
    asked: watch::Receiver<()>,
    calls: JoinSet<()>,
}

/// What is done beside the loop.
struct Caller {
    store: Store,
    bureau: Arc<Bureau>,
    /// None with `LENDING_BREAKER=off`.
    circuit: Option<Circuit>,
}

impl Dispatcher {
    pub(in crate::origination) fn new(
        store: Store,
        bureau: Arc<Bureau>,
        settings: CallSettings,
        asked: watch::Receiver<()>,
    ) -> Self {
        let budget = Budget::new(settings.retry_percent, Instant::now());
        let circuit = settings.breaker.then(|| Circuit::new(bureau.name()));
        let caller = Arc::new(Caller { store, bureau, circuit });
        Self { caller, settings, budget, asked, calls: JoinSet::new() }
    }

    /// Asks until `stopped`, then waits for the calls that are made.
    pub(in crate::origination) async fn run(mut self, mut stopped: watch::Receiver<bool>) -> anyhow::Result<()> {
        while !*stopped.borrow_and_update() {
            let pause = self.turn().await;
            tokio::select! {
                () = self.idle(pause) => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        }
        while self.calls.join_next().await.is_some() {}
        Ok(())
    }

    /// Waits for so long, or, where there was nothing to do, until somebody says that there is; and in any case until
    /// there is room for another call.
    async fn idle(&mut self, pause: Duration) {
        if pause == LOOK {
            // The sender lives as long as what commits; without it only looking is left.
            let _ = tokio::time::timeout(LOOK, self.asked.changed()).await;
        } else {
            tokio::time::sleep(pause).await;
        }
        while self.calls.try_join_next().is_some() {}
        while self.calls.len() >= self.settings.concurrency {
            self.calls.join_next().await;
        }
    }

    /// Claims what is due and asks it beside this loop. Returns how long to wait before the next.
    async fn turn(&mut self) -> Duration {
        if self.caller.circuit.as_ref().is_some_and(|circuit| !circuit.allows(Instant::now())) {
            return LOOK;
        }
        let room = self.settings.batch_max;
        let again = i64::try_from(self.budget.left(Instant::now())).unwrap_or(i64::MAX).min(room);
        self.asked.mark_unchanged();
        let claimed = claim::claim(&self.caller.store, self.caller.bureau.name(), room, again, self.settings.repeat);
        match claimed.await {
            Ok(claimed) if claimed.questions.is_empty() => LOOK,
            Ok(claimed) => {
                self.call(claimed);
                // What is asked in the meantime goes together.
                self.settings.linger
            }
            Err(error) => {
                warn!(%error, bureau = self.caller.bureau.name(), "nothing is claimed for a bureau; trying again");
                PAUSE
            }
        }
    }

    fn call(&mut self, claimed: Claimed) {
        let Claimed { questions, again } = claimed;
        let all = u64::try_from(questions.len()).unwrap_or(u64::MAX);
        self.budget.asked(Instant::now(), all.saturating_sub(again), again);
        let name = self.caller.bureau.name();
        metrics::counter!("lending_bureau_questions_total", "bureau" => name.to_owned(), "attempt" => "first")
            .increment(all.saturating_sub(again));
        metrics::counter!("lending_bureau_questions_total", "bureau" => name.to_owned(), "attempt" => "again")
            .increment(again);
        self.calls.spawn(Arc::clone(&self.caller).call(questions));
    }
}

impl Caller {
    async fn call(self: Arc<Self>, questions: Vec<Question>) {
        let started = Instant::now();
        let all: Vec<&Question> = questions.iter().collect();
        let answer = self.bureau.ask(&all).await;
        let name = self.bureau.name();
        let result = if answer.is_ok() { "accepted" } else { "failed" };
        metrics::histogram!("lending_bureau_call_duration_seconds", "bureau" => name.to_owned(), "result" => result)
            .record(started.elapsed().as_secs_f64());
        match answer {
            Ok(()) => self.heard(Circuit::succeeded),
            Err(error) => {
                self.heard(|circuit| circuit.failed(Instant::now()));
                debug!(%error, bureau = name, questions = questions.len(), "a bureau did not take questions");
                if let Err(error) = claim::put_back(&self.store, name, &questions).await {
                    // They are due again in any case.
                    debug!(%error, bureau = name, "questions are not given back");
                }
            }
        }
    }

    /// Tells the circuit, where there is one, how a call went.
    fn heard(&self, tell: impl FnOnce(&Circuit)) {
        if let Some(circuit) = &self.circuit {
            tell(circuit);
        }
    }
}
