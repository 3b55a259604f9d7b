//! The life of one fault: journalled before it is injected, attested while active, healed on every way out.
//!
//! This is the guard of invariant 6. Its state changes under one lock, so that a heal asked for in the middle of an
//! injection waits for it (it is bounded), and a heal asked for twice happens once.

use crate::ChaosError;
use crate::fault::{Fault, Look};
use crate::holds::Holds;
use futures::future::BoxFuture;
use proofload_history::{Event, Recorder};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as StdMutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// How long an injection may take.
const INJECT_BOUND: Duration = Duration::from_secs(15);
/// How long it may take to keep what the heal would destroy: a fault must not last because of it.
const KEEP_BOUND: Duration = Duration::from_secs(15);
/// How long one try to heal may take: a killed broker is healed when it serves again.
const HEAL_BOUND: Duration = Duration::from_secs(60);
/// How often a heal is tried, and how long after a failure it is tried again.
const HEAL_TRIES: u32 = 5;
const HEAL_PAUSE: Duration = Duration::from_millis(500);
/// Time between two looks at a fault's effect.
const LOOK_PAUSE: Duration = Duration::from_millis(200);
/// How long a healed system may take to be whole, and how long that is waited for when the run is being ended.
const WHOLE_BOUND: Duration = Duration::from_secs(60);
const WHOLE_BOUND_STOPPED: Duration = Duration::from_secs(5);

/// Keeps what the heal of a fault would destroy in the instances that it holds: by the fault's name in the journal.
pub(crate) type Keep = Arc<dyn Fn(&str, &[String]) -> BoxFuture<'static, ()> + Send + Sync>;

/// Why and on what a fault fires.
#[derive(Clone, Debug)]
pub(crate) struct Firing {
    pub(crate) targets: Vec<String>,
    pub(crate) because: String,
}

/// What became of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was not injected.
    Skipped {
        /// Why.
        because: String,
    },
    /// Its injection failed; what had been done was undone.
    Failed {
        /// Why.
        because: String,
    },
    /// It was injected.
    Injected {
        /// Whether every observer saw its effect.
        attested: bool,
        /// Whether it was undone and the system seen whole.
        healed: bool,
    },
}

enum State {
    /// Nothing has been touched.
    Waiting,
    /// Something may have been touched: it must be healed.
    Active(Arc<dyn Fault>),
    /// Healed; nobody has looked yet whether all is whole.
    Healed(Arc<dyn Fault>),
    /// Nothing more will happen.
    Over,
}

/// A fault of the run, or one occurrence of one that is repeated, from its plan to its end.
pub(crate) struct Life {
    /// What the journal calls it: `crash`, `crash#7`.
    pub(crate) fault: String,
    pub(crate) kind: &'static str,
    recorder: Arc<Recorder>,
    state: Mutex<State>,
    /// Whether the state is [`State::Active`], for those that cannot wait for its lock.
    active: AtomicBool,
    /// Whether nobody saw the system whole after the heal.
    left_broken: AtomicBool,
    fate: StdMutex<Option<Fate>>,
    /// The newest look of each observer, and whether it is in the journal.
    looks: StdMutex<BTreeMap<String, (Look, bool)>>,
    /// The instances that it holds, from its injection on.
    held: OnceLock<Vec<String>>,
    /// What faults have in hand: its own is let go when nothing of it can be in effect any more.
    holds: Arc<Holds>,
    keep: Keep,
    kept: AtomicBool,
    /// Set when the run is being ended: bounds shrink.
    stop: watch::Receiver<Option<String>>,
}

impl Life {
    pub(crate) fn new(
        fault: &str,
        kind: &'static str,
        recorder: Arc<Recorder>,
        holds: Arc<Holds>,
        keep: Keep,
        stop: watch::Receiver<Option<String>>,
    ) -> Self {
        Self {
            fault: fault.to_owned(),
            kind,
            recorder,
            state: Mutex::new(State::Waiting),
            active: AtomicBool::new(false),
            left_broken: AtomicBool::new(false),
            fate: StdMutex::new(None),
            looks: StdMutex::new(BTreeMap::new()),
            held: OnceLock::new(),
            holds,
            keep,
            kept: AtomicBool::new(false),
            stop,
        }
    }

    /// What became of it; `None` while that is open.
    pub(crate) fn fate(&self) -> Option<Fate> {
        lock(&self.fate).clone()
    }

    /// Whether its injection has begun, and it has not been healed.
    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::SeqCst)
    }

    /// Whether there is nothing of it: it was healed and the system seen whole, or nothing was touched.
    pub(crate) fn left_whole(&self) -> bool {
        !self.is_active() && !self.left_broken.load(Ordering::SeqCst)
    }

    /// Injects `fault`, journalled before anything is touched. Returns whether it is in effect now: not if it has been
    /// called off before, or if the injection failed; what a failed one had done has been undone.
    pub(crate) async fn inject(&self, fault: Arc<dyn Fault>, firing: Firing) -> bool {
        let mut state = self.state.lock().await;
        if !matches!(*state, State::Waiting) {
            return false;
        }
        self.held.get_or_init(|| firing.targets.clone());
        let injecting = Event::FaultInjecting {
            fault: self.fault.clone(),
            kind: self.kind.to_owned(),
            targets: firing.targets,
            because: firing.because,
        };
        if let Err(error) = self.recorder.event(injecting) {
            self.set_fate(Fate::Failed { because: ChaosError::Journal(error).to_string() });
            *state = State::Over;
            return false;
        }
        *state = State::Active(Arc::clone(&fault));
        self.active.store(true, Ordering::SeqCst);
        // In a task of its own: what it asked of another process cannot be called back by dropping it.
        let mut injecting = tokio::spawn({
            let fault = Arc::clone(&fault);
            async move { fault.inject().await }
        });
        let (error, under_way) = match timeout(INJECT_BOUND, &mut injecting).await {
            Ok(Ok(Ok(()))) => {
                self.set_fate(Fate::Injected { attested: false, healed: false });
                self.journal(Event::FaultInjected { fault: self.fault.clone() });
                return true;
            }
            Ok(Ok(Err(error))) => (error.to_string(), false),
            Ok(Err(broken)) => (format!("it broke, a defect of proofload: {broken}"), false),
            Err(_) => (slow("inject it", INJECT_BOUND).to_string(), true),
        };
        let because = format!("its injection failed: {error}");
        self.set_fate(Fate::Failed { because: because.clone() });
        self.heal_locked(&mut state, &because).await;
        if under_way {
            self.heal_what_came_late(&mut state, injecting).await;
        }
        self.journal(Event::FaultSkipped { fault: self.fault.clone(), because });
        false
    }

    /// An injection that was given up may take effect behind its heal. So it is healed once more when it has ended, or when
    /// nobody waits for that any longer.
    async fn heal_what_came_late(&self, state: &mut State, mut injecting: JoinHandle<Result<(), ChaosError>>) {
        let State::Healed(fault) = &*state else { return };
        let fault = Arc::clone(fault);
        let ended = timeout(INJECT_BOUND, &mut injecting).await.is_ok();
        if !ended {
            injecting.abort();
            self.left_broken.store(true, Ordering::SeqCst);
        }
        let behind = if ended { "ended behind its heal" } else { "has not ended: it may still take effect" };
        let again = match bounded("heal it", HEAL_BOUND, fault.heal()).await {
            Ok(()) => "it was healed once more".to_owned(),
            Err(error) => {
                // As with any heal that fails, a later call tries again.
                *state = State::Active(fault);
                self.active.store(true, Ordering::SeqCst);
                format!("healing it once more failed: {error}")
            }
        };
        self.journal(Event::Noted { note: format!("the injection of `{}` {behind}; {again}", self.fault) });
    }

    /// Looks for the fault's effect until every observer has seen it, and journals each when it does. Never returns
    /// early because of a look that fails: whoever calls it bounds it by the fault's end.
    pub(crate) async fn attest(&self, fault: &dyn Fault) {
        loop {
            let looks = fault.look().await;
            let seen = !looks.is_empty() && looks.iter().all(|look| look.effective);
            looks.into_iter().for_each(|look| self.take_look(look));
            if seen {
                return;
            }
            sleep(LOOK_PAUSE).await;
        }
    }

    /// Heals what was injected, and waits until the system is seen whole. A fault that has not been injected never
    /// will be. Harmless at any time, and any number of times.
    pub(crate) async fn finish(&self, because: &str) {
        let mut state = self.state.lock().await;
        match &*state {
            State::Waiting => self.skip_locked(&mut state, because),
            State::Active(_) => self.heal_locked(&mut state, because).await,
            State::Healed(_) | State::Over => {}
        }
        if !matches!(&*state, State::Active(_)) {
            self.holds.let_go(&self.fault);
        }
        if let State::Healed(fault) = &*state {
            let fault = Arc::clone(fault);
            self.attest_heal(&*fault).await;
            *state = State::Over;
        }
    }

    fn skip_locked(&self, state: &mut State, because: &str) {
        *state = State::Over;
        self.set_fate(Fate::Skipped { because: because.to_owned() });
        self.journal(Event::FaultSkipped { fault: self.fault.clone(), because: because.to_owned() });
    }

    async fn heal_locked(&self, state: &mut State, because: &str) {
        let State::Active(fault) = &*state else { return };
        let fault = Arc::clone(fault);
        self.close_looks();
        self.keep_what_is_held().await;
        let began = Some(self.recorder.clock().now());
        for attempt in 1..=HEAL_TRIES {
            match bounded("heal it", HEAL_BOUND, fault.heal()).await {
                Ok(()) => {
                    *state = State::Healed(fault);
                    self.active.store(false, Ordering::SeqCst);
                    let (fault, because) = (self.fault.clone(), because.to_owned());
                    self.journal(Event::FaultHealed { fault, because, began });
                    return;
                }
                Err(error) => {
                    let note = format!("healing fault `{}` failed, try {attempt} of {HEAL_TRIES}: {error}", self.fault);
                    self.journal(Event::Noted { note });
                    sleep(HEAL_PAUSE).await;
                }
            }
        }
        // It stays active: a later call tries again, and the end of the lab ends it in any case.
        let evidence = format!("could not be healed in {HEAL_TRIES} tries");
        self.journal(Event::HealAttested { fault: self.fault.clone(), healed: false, evidence });
    }

    /// Once, before the first try to heal: afterwards it is gone.
    async fn keep_what_is_held(&self) {
        let Some(held) = self.held.get() else { return };
        if self.kept.swap(true, Ordering::SeqCst) {
            return;
        }
        if timeout(KEEP_BOUND, (self.keep)(&self.fault, held)).await.is_err() {
            let note = format!("what `{}` held could not be kept within {} s", self.fault, KEEP_BOUND.as_secs());
            self.journal(Event::Noted { note });
        }
    }

    async fn attest_heal(&self, fault: &dyn Fault) {
        let since = Instant::now();
        let mut last = "nobody could look in time".to_owned();
        let healed = loop {
            let stopped = self.stop.borrow().is_some();
            let bound = if stopped { WHOLE_BOUND_STOPPED } else { WHOLE_BOUND };
            let Some(left) = bound.checked_sub(since.elapsed()) else { break false };
            // A run that is being ended shortens the wait that is under way.
            let mut stop = self.stop.clone();
            let whole = tokio::select! {
                whole = timeout(left, fault.look_whole()) => whole,
                Ok(_) = stop.wait_for(Option::is_some), if !stopped => continue,
            };
            if let Ok(whole) = whole {
                last = whole.evidence;
                if whole.healed {
                    break true;
                }
            }
            sleep(LOOK_PAUSE).await;
        };
        if let Some(Fate::Injected { healed: fate, .. }) = &mut *lock(&self.fate) {
            *fate = healed;
        }
        self.left_broken.fetch_or(!healed, Ordering::SeqCst);
        let evidence = format!("{last} ({:.1} s after the heal)", since.elapsed().as_secs_f64());
        self.journal(Event::HealAttested { fault: self.fault.clone(), healed, evidence });
    }

    /// Keeps a look; the first effective one of each observer goes to the journal.
    fn take_look(&self, look: Look) {
        let mut looks = lock(&self.looks);
        let known = looks.get(&look.observer).is_some_and(|(_, journalled)| *journalled);
        if known {
            return;
        }
        let effective = look.effective;
        if effective {
            self.journal_look(&look);
        }
        looks.insert(look.observer.clone(), (look, effective));
    }

    /// Before the heal: whoever has not seen the effect by now has looked in vain.
    fn close_looks(&self) {
        let mut looks = lock(&self.looks);
        if let Some(Fate::Injected { attested, .. }) = &mut *lock(&self.fate) {
            *attested = !looks.is_empty() && looks.values().all(|(look, _)| look.effective);
            if looks.is_empty() {
                let evidence = "no look was completed before the heal".to_owned();
                self.journal_look(&Look { effective: false, observer: "nobody".to_owned(), evidence });
            }
        }
        for (look, journalled) in looks.values_mut().filter(|(_, journalled)| !journalled) {
            self.journal_look(look);
            *journalled = true;
        }
    }

    fn journal_look(&self, look: &Look) {
        self.journal(Event::FaultAttested {
            fault: self.fault.clone(),
            effective: look.effective,
            observer: look.observer.clone(),
            evidence: look.evidence.clone(),
        });
    }

    fn set_fate(&self, fate: Fate) {
        *lock(&self.fate) = Some(fate);
    }

    /// What has been injected is healed whether or not the journal can be written; a journal that lacks lines gives no
    /// verdict of pass, because nothing in it is attested.
    fn journal(&self, event: Event) {
        let _ = self.recorder.event(event);
    }
}

async fn bounded(
    doing: &str,
    bound: Duration,
    step: impl Future<Output = Result<(), ChaosError>>,
) -> Result<(), ChaosError> {
    timeout(bound, step).await.unwrap_or_else(|_| Err(slow(doing, bound)))
}

fn slow(doing: &str, bound: Duration) -> ChaosError {
    ChaosError::Slow { doing: doing.to_owned(), seconds: bound.as_secs() }
}

/// A panic while the lock was held leaves a whole value behind: setting it is all that happens under it.
fn lock<T>(mutex: &StdMutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
