//! The conductor: carries one run out inside its lab, and records it. It judges nothing.

mod drain;
mod interrupt;
mod keep;
mod machine;
mod obey;
mod observe;
mod start;
mod steady;
mod traffic;

pub(crate) use keep::keep;

use crate::experiment::Experiment;
use crate::progress::Progress;
use anyhow::Context as _;
use drain::{DrainWatch, Left};
use futures::FutureExt as _;
use interrupt::Interrupt;
use proofload_chaos::{Chaos, Schedule, Setting};
use proofload_history::journal::{DrainEnd, LoadAudit};
use proofload_history::{Clock, Event, Phase, Recorder, RunDir};
use proofload_lab::gauge::Gauges;
use proofload_lab::{Lab, sampler, tail};
use proofload_scenarios::{GeneratorError, Handle};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How often the draining gauges are read.
const DRAIN_POLL: Duration = Duration::from_millis(500);

/// How a run ended, as far as its conductor can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Everything was carried out and recorded.
    Recorded,
    /// A signal ended it; it has been healed, and the history so far is recorded.
    Interrupted,
}

/// What a run is carried out with.
struct Run<'a> {
    experiment: &'a Experiment,
    lab: Lab,
    gauges: Gauges,
    recorder: Arc<Recorder>,
    progress: &'a Progress,
    interrupt: Interrupt,
    /// The phase that the run is in, for the faults.
    phase: watch::Sender<Option<Phase>>,
}

/// Carries out the experiment whose resolved files lie in `run`.
pub(crate) async fn conduct(
    experiment: &Experiment,
    run: &RunDir,
    progress: &Progress,
    keep_data: bool,
) -> anyhow::Result<Ended> {
    proofload_scenarios::ctrl_c::reserve()?;
    let interrupt = Interrupt::listen().context("cannot take over SIGINT and SIGTERM")?;
    let recorder = Arc::new(Recorder::create(run, Clock::new())?);
    recorder.event(Event::RunStarted {
        experiment: experiment.name.clone(),
        wall_ms: recorder.clock().wall_start_ms(),
        seed: experiment.header.seed,
        variants: experiment.header.variants.clone(),
        environment: "lab".to_owned(),
        machine: machine::facts(),
    })?;
    let manifest = &experiment.system.manifest;
    let Some(lab) = start::start(manifest, run, &recorder, &interrupt, progress, keep_data).await? else {
        return Ok(Ended::Interrupted);
    };
    let gauges = Gauges::new(&lab, &experiment.system.manifest);
    let phase = watch::Sender::new(None);
    let run = Run { experiment, lab: lab.clone(), gauges, recorder: Arc::clone(&recorder), progress, interrupt, phase };
    let ended = run.carry_out().await;
    lab.stop().await;
    if matches!(ended, Ok(Ended::Recorded)) {
        recorder.event(Event::RunEnded {})?;
    }
    recorder.close()?;
    ended
}

impl Run<'_> {
    /// From the first request to the last reading.
    async fn carry_out(&self) -> anyhow::Result<Ended> {
        let manifest = &self.experiment.system.manifest;
        let sampler = sampler::start(&self.lab, manifest, &self.gauges, &self.recorder);
        let tail = tail::start(&self.lab, manifest, &self.recorder);
        let chaos = self.chaos();
        let ended = tokio::select! {
            done = self.every_phase(&chaos) => done.map(|()| Ended::Recorded),
            by = self.interrupt.wait() => {
                self.progress.say(&format!("{by}: healing, then ending"));
                self.recorder.event(Event::Interrupted { by: by.to_owned() }).map(|()| Ended::Interrupted).map_err(Into::into)
            }
        };
        // Healed on every way out, before anything else can fail.
        chaos.heal_all(if matches!(ended, Ok(Ended::Recorded)) { "run ended" } else { "interrupted" }).await;
        tail.stop().await;
        sampler.stop().await;
        ended
    }

    async fn every_phase(&self, chaos: &Chaos) -> anyhow::Result<()> {
        self.load_and_break(chaos).await?;
        chaos.heal_all("run ended").await;
        self.begin(Phase::Drain)?;
        self.drain().await?;
        self.begin(Phase::Observe)?;
        observe::observe(self).await
    }

    fn chaos(&self) -> Chaos {
        let gauges = self.gauges.clone();
        let read = Arc::new(move |name: &str| {
            let (gauges, name) = (gauges.clone(), name.to_owned());
            async move { gauges.read(&name).await }.boxed()
        });
        let setting = Setting {
            lab: self.lab.clone(),
            recorder: Arc::clone(&self.recorder),
            gauges: read,
            seed: self.experiment.header.seed,
        };
        let without = self.experiment.header.without_faults;
        Chaos::new(setting, if without { Schedule::default() } else { self.experiment.schedule.clone() })
    }

    /// Traffic in all its phases, and the faults within theirs.
    async fn load_and_break(&self, chaos: &Chaos) -> anyhow::Result<()> {
        let generator = traffic::generator(self.experiment, &self.lab, &self.recorder)?;
        let mut handle = generator.handle();
        // Aborted when an interrupt drops this future: the traffic must not outlive the wish to end it.
        let mut traffic = JoinSet::new();
        traffic.spawn(generator.run());
        if handle.started().await.is_none() {
            return ended(&mut traffic).await.context("the traffic cannot start");
        }
        self.progress.follow(handle.clone(), self.experiment.header.phases.traffic());
        let phases = self.phases(chaos, &handle);
        tokio::pin!(phases);
        tokio::select! {
            passed = &mut phases => {
                passed?;
                ended(&mut traffic).await
            }
            // As a rule the traffic ends with the last phase; a generator that fails ends the run at once.
            done = ended(&mut traffic) => {
                done?;
                phases.await
            }
        }
        .context("the traffic could not be carried out")
    }

    /// The phases with traffic, and the faults within theirs.
    async fn phases(&self, chaos: &Chaos, traffic: &Handle) -> anyhow::Result<()> {
        let breaking = tokio::spawn({
            let (chaos, phases) = (chaos.clone(), self.phase.subscribe());
            async move { chaos.run(phases).await }
        });
        let [(_, warm_up), (_, steady), (_, fault), (_, recovery)] = self.experiment.header.phases.lengths();
        self.pass(Phase::WarmUp, warm_up).await?;
        let (passed, holds) = tokio::join!(self.pass(Phase::Steady, steady), steady::watch(self, traffic, steady));
        passed?;
        let holds = holds?;
        if self.experiment.header.without_faults {
            self.skip_faults("run without faults")?;
        } else if !holds {
            chaos.heal_all("no steady state before the faults").await;
        }
        self.pass(Phase::Fault, fault).await?;
        self.pass(Phase::Recovery, recovery).await?;
        // What lasts "to the end of its phase" ends now.
        self.phase.send_replace(Some(Phase::Drain));
        breaking.await.context("the faults ended in a panic")?;
        Ok(())
    }

    /// One phase, from its first instant to its last; one that lasts no time is passed over.
    async fn pass(&self, phase: Phase, lasts: Duration) -> anyhow::Result<()> {
        if !lasts.is_zero() {
            let end = Instant::now() + lasts;
            self.begin(phase)?;
            tokio::time::sleep_until(end.into()).await;
        }
        Ok(())
    }

    fn begin(&self, phase: Phase) -> anyhow::Result<()> {
        self.recorder.event(Event::PhaseStarted { phase })?;
        self.phase.send_replace(Some(phase));
        self.progress.phase(phase);
        Ok(())
    }

    fn skip_faults(&self, because: &str) -> anyhow::Result<()> {
        for plan in self.experiment.schedule.plans() {
            let skipped = Event::FaultSkipped { fault: plan.name.clone(), because: because.to_owned() };
            self.recorder.event(skipped)?;
        }
        Ok(())
    }

    async fn drain(&self) -> anyhow::Result<()> {
        let answered = self.experiment.system.manifest.is_done_when_answered();
        let end = if answered { drain::of_answers() } else { self.rest().await };
        self.progress.say(&format!("drain: {}", end.evidence));
        self.recorder.event(Event::Drained(end))?;
        Ok(())
    }

    /// Waits until the system is quiet, stuck, or out of time.
    async fn rest(&self) -> DrainEnd {
        let phases = self.experiment.header.phases;
        let mut watch = DrainWatch::new(Instant::now(), phases.drain_max.0, phases.stuck_after.0);
        loop {
            let reading = self.draining_gauges().await;
            if let Some(end) = watch.take(Instant::now(), reading) {
                return end;
            }
            tokio::time::sleep(DRAIN_POLL).await;
        }
    }

    /// The gauges that come to rest when the system has nothing left to do.
    async fn draining_gauges(&self) -> Result<Left, String> {
        let drains = self.experiment.system.manifest.gauges.iter().filter(|(_, gauge)| gauge.drains);
        // Side by side: one after the other, a dozen of them take seconds on a busy machine.
        let reads = drains.map(|(name, _)| async move {
            let value = self.gauges.read(name).await.map_err(|why| format!("{name}: {why}"))?;
            Ok((name.clone(), value))
        });
        futures::future::try_join_all(reads).await.map(|values| values.into_iter().collect())
    }
}

/// Waits for the one task of `traffic`.
async fn ended(traffic: &mut JoinSet<Result<Vec<LoadAudit>, GeneratorError>>) -> anyhow::Result<()> {
    let ended = traffic.join_next().await.context("there is no traffic")?;
    ended.context("the traffic ended in a panic")??;
    Ok(())
}
