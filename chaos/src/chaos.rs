//! Drives the faults of a run: waits for each one's moment, aims it, lets it live, and ends it.

use crate::fault::{Fault, Scene};
use crate::holds::Holds;
use crate::life::{Fate, Firing, Keep, Life};
use crate::plan::FaultPlan;
use crate::resolve::{Resolved, resolve};
use crate::schedule::Schedule;
use crate::wait;
use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all};
use proofload_history::{Event, Phase, Recorder};
use proofload_lab::Lab;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// Reads a gauge of the manifest: its value, or why it cannot be read.
pub type ReadGauge = Arc<dyn Fn(&str) -> BoxFuture<'static, Result<f64, String>> + Send + Sync>;

/// What the faults act on and are driven by.
#[derive(Clone)]
pub struct Setting {
    /// Where the system runs.
    pub lab: Lab,
    /// The history of the run.
    pub recorder: Arc<Recorder>,
    /// Reads the gauges that conditions are about.
    pub gauges: ReadGauge,
    /// Decides what is drawn.
    pub seed: u64,
}

/// What became of a fault of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its id in the experiment, or the name of its occurrence: `crash#7`.
    pub fault: String,
    /// Its kind.
    pub kind: &'static str,
    /// What became of it.
    pub fate: Fate,
}

/// The faults of a run. Cheap to clone; every clone is the same.
#[derive(Clone)]
pub struct Chaos {
    inner: Arc<Inner>,
}

/// How far a fault has come, for those that wait for it.
#[derive(Clone, Debug, Default)]
pub(crate) enum Milestone {
    /// It may still be injected.
    #[default]
    Ahead,
    /// It was injected, into these.
    Injected(Resolved),
    /// It was not, and will not be.
    Missed,
}

struct Inner {
    setting: Setting,
    schedule: Schedule,
    /// In the order of the schedule: one for every occurrence.
    lives: Vec<Vec<Arc<Life>>>,
    milestones: Vec<watch::Sender<Milestone>>,
    holds: Arc<Holds>,
    stop: watch::Sender<Option<String>>,
}

impl Chaos {
    /// The faults of `schedule`, none of them injected.
    #[must_use]
    pub fn new(setting: Setting, schedule: Schedule) -> Self {
        let stop = watch::Sender::new(None);
        let (holds, keep) = (Arc::new(Holds::default()), keep(&setting.lab));
        let lives = |plan: &FaultPlan| {
            let names = plan.occurrences().into_iter();
            let (recorder, holds, keep) = (&setting.recorder, &holds, &keep);
            let life = |name: String| {
                let (recorder, holds, keep) = (Arc::clone(recorder), Arc::clone(holds), Arc::clone(keep));
                Life::new(&name, plan.about.name, recorder, holds, keep, stop.subscribe())
            };
            names.map(life).map(Arc::new).collect()
        };
        let lives = schedule.plans().iter().map(lives).collect();
        let milestones = schedule.plans().iter().map(|_| watch::Sender::default()).collect();
        Self { inner: Arc::new(Inner { setting, schedule, lives, milestones, holds, stop }) }
    }

    /// Lets every fault happen at its moment, and returns when all are over: healed and the system seen whole, or
    /// skipped. `phases` tells the phase that the run is in, `None` before the first.
    ///
    /// Every fault has a task of its own that goes on if this future is dropped; [`Self::heal_all`] ends them.
    pub async fn run(&self, phases: watch::Receiver<Option<Phase>>) -> Vec<Outcome> {
        let tasks: Vec<_> = (0..self.inner.lives.len())
            .map(|index| {
                let (inner, phases) = (Arc::clone(&self.inner), phases.clone());
                tokio::spawn(async move {
                    // Healed at once, and not when all others are over.
                    if AssertUnwindSafe(inner.drive(index, phases)).catch_unwind().await.is_err() {
                        inner.broke(index).await;
                    }
                })
            })
            .collect();
        for task in join_all(tasks).await {
            // Not even the heal of a fault whose task broke came to its end: whoever runs this ends the lab.
            if let Some(panic) = task.err().and_then(|broken| broken.try_into_panic().ok()) {
                std::panic::resume_unwind(panic);
            }
        }
        self.outcomes()
    }

    /// Heals every active fault and calls off those that have not fired, and returns when that is done. Harmless at any
    /// time, in the middle of an injection too, and any number of times. `because` goes to the journal:
    /// `interrupted`, `run ended`, `no steady state`.
    pub async fn heal_all(&self, because: &str) {
        self.inner.stop.send_if_modified(|stop| {
            let first = stop.is_none();
            stop.get_or_insert_with(|| because.to_owned());
            first
        });
        join_all(self.inner.lives().map(|life| life.finish(because))).await;
    }

    /// What became of every occurrence of every fault, in the order of the schedule; one that is still open counts as skipped.
    #[must_use]
    pub fn outcomes(&self) -> Vec<Outcome> {
        let open = || Fate::Skipped { because: "the run ended before it fired".to_owned() };
        let outcome = |life: &Arc<Life>| Outcome {
            fault: life.fault.clone(),
            kind: life.kind,
            fate: life.fate().unwrap_or_else(open),
        };
        self.inner.lives().map(outcome).collect()
    }

    /// The faults that are injected and not healed, now.
    #[must_use]
    pub fn active(&self) -> Vec<String> {
        self.inner.lives().filter(|life| life.is_active()).map(|life| life.fault.clone()).collect()
    }
}

/// Has the lab keep what a heal would destroy.
fn keep(lab: &Lab) -> Keep {
    let lab = lab.clone();
    Arc::new(move |fault, held| {
        let (lab, fault, held) = (lab.clone(), fault.to_owned(), held.to_vec());
        async move { drop(join_all(held.iter().map(|instance| lab.keep(instance, &fault))).await) }.boxed()
    })
}

/// Injects in a task of its own: an injection that is under way when the run is ended comes to its end, and is healed
/// then. Half of one could take effect after its heal.
async fn inject(life: &Arc<Life>, fault: &Arc<dyn Fault>, firing: Firing) -> bool {
    let (life, fault) = (Arc::clone(life), Arc::clone(fault));
    // A panic leaves the fault active, and so to be healed.
    tokio::spawn(async move { life.inject(fault, firing).await }).await.unwrap_or(false)
}

impl Inner {
    fn lives(&self) -> impl Iterator<Item = &Arc<Life>> {
        self.lives.iter().flatten()
    }

    /// One fault from its plan to the end of its last occurrence. The next one begins when the last is over: healed, and
    /// the system seen whole.
    async fn drive(&self, index: usize, phases: watch::Receiver<Option<Phase>>) {
        let mut broken: Option<&Life> = None;
        for (nth, life) in self.lives[index].iter().enumerate() {
            // What it breaks would not be its own doing.
            if let Some(last) = broken {
                life.finish(&format!("the system was not seen whole after `{}`", last.fault)).await;
                continue;
            }
            let mut stop = self.stop.subscribe();
            let because = tokio::select! {
                biased;
                Ok(because) = stop.wait_for(Option::is_some) => because.clone().unwrap_or_default(),
                because = self.happen(index, nth, phases.clone()) => because,
            };
            life.finish(&because).await;
            broken = (!life.left_whole()).then_some(&**life);
        }
        self.missed(index);
    }

    /// Whoever waits for a fault that never came to be waits no longer.
    fn missed(&self, index: usize) {
        self.milestones[index].send_if_modified(|milestone| match milestone {
            Milestone::Ahead => {
                *milestone = Milestone::Missed;
                true
            }
            Milestone::Injected(_) | Milestone::Missed => false,
        });
    }

    /// Ends a fault whose task panicked.
    async fn broke(&self, index: usize) {
        let note = format!("the task of fault `{}` broke, a defect of proofload", self.schedule.plans()[index].name);
        // The heal matters more than a line in the journal.
        let _ = self.setting.recorder.event(Event::Noted { note });
        join_all(self.lives[index].iter().map(|life| life.finish("its task broke"))).await;
        self.missed(index);
    }

    /// Waits for the moment of the fault's `nth` occurrence, injects it and keeps it until it is due. Returns why it is to be healed, or why
    /// it was not injected. Dropping this future at any point leaves nothing that [`Life::finish`] does not heal.
    async fn happen(&self, index: usize, nth: usize, phases: watch::Receiver<Option<Phase>>) -> String {
        let (plan, life) = (&self.schedule.plans()[index], &self.lives[index][nth]);
        let phase = self.schedule.phase_of(plan);
        let repeat = plan.repeat.as_ref().filter(|_| nth > 0);
        let again = repeat.map(|repeat| repeat.pause(self.setting.seed, &life.fault));
        let now = match self.moment(plan, phase, &phases, again).await {
            Ok(because) => because,
            Err(why_not) => return why_not,
        };
        let (resolved, fault) = match self.aim(plan, &life.fault).await {
            Ok(aimed) => aimed,
            Err(why_not) => return why_not,
        };
        if let Err(why_not) = self.holds.take(&life.fault, fault.holds()) {
            return format!("{why_not}: let it fire later, or aim it at another");
        }
        let firing = Firing { targets: resolved.instances.clone(), because: format!("{}; {now}", resolved.because) };
        if !inject(life, &fault, firing).await {
            return "its injection failed".to_owned();
        }
        self.milestones[index].send_replace(Milestone::Injected(resolved));
        tokio::select! {
            // An attestation that ends early leaves the wait to the other branch.
            () = async { life.attest(&*fault).await; std::future::pending().await } => String::new(),
            because = self.due(plan, phase, &phases) => because,
        }
    }

    /// Waits for the moment when `plan` fires, or fires `again` after a pause, and says why then; or why it never will.
    async fn moment(
        &self,
        plan: &FaultPlan,
        phase: Phase,
        phases: &watch::Receiver<Option<Phase>>,
        again: Option<Duration>,
    ) -> Result<String, String> {
        let milestone = |name: &str| self.index(name).map(|index| self.milestones[index].subscribe());
        wait::moment(plan, phase, phases, milestone, &self.setting.gauges, again).await
    }

    /// Finds what `plan` hits now, in the occurrence of this name, and aims at it; or says why that cannot be.
    async fn aim(&self, plan: &FaultPlan, occurrence: &str) -> Result<(Resolved, Arc<dyn Fault>), String> {
        let Setting { lab, seed, .. } = &self.setting;
        let resolved = resolve(&plan.target, occurrence, *seed, lab, |other| self.resolved(other)).await;
        let resolved = resolved.map_err(|why_not| format!("no target: {why_not}"))?;
        let scene = Scene { lab, fault: &plan.name, resolved: &resolved };
        let fault = plan.recipe.arm(scene).await.map_err(|why_not| format!("it would have no effect: {why_not}"))?;
        Ok((resolved, fault))
    }

    /// Waits until the fault is to be healed, and says why.
    async fn due(&self, plan: &FaultPlan, phase: Phase, phases: &watch::Receiver<Option<Phase>>) -> String {
        match plan.lasts {
            None => {
                wait::end_of(phase, phases.clone()).await;
                "due".to_owned()
            }
            Some(lasts) => tokio::select! {
                () = sleep(lasts) => "due".to_owned(),
                () = wait::end_of(phase, phases.clone()) => format!("the phase {phase} ended"),
            },
        }
    }

    /// What the fault called `name` was resolved to, if it has been injected.
    fn resolved(&self, name: &str) -> Option<Resolved> {
        match &*self.milestones[self.index(name)?].borrow() {
            Milestone::Injected(resolved) => Some(resolved.clone()),
            Milestone::Ahead | Milestone::Missed => None,
        }
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.schedule.plans().iter().position(|plan| plan.name == name)
    }
}
