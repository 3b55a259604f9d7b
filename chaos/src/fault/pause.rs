//! `pause`: processes are stopped where they stand, and go on later.

use super::victim::{BESIDE, PROBE_BOUND, Victim, held, names, serving, unanswered, victims};
use super::{About, Aimed, Draft, Fault, Look, Recipe, Scene, TARGET_KEY, Whole};
use crate::ChaosError;
use crate::target::Target;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use proofload_lab::manifest::SpecError;
use proofload_lab::{Lab, Signal};
use std::sync::Arc;
use std::time::Duration;

pub(super) const ABOUT: About = About {
    name: "pause",
    sentence: "Stops the processes of an instance where they stand, as a long garbage collection or a frozen virtual machine does; its connections stay open and silent.",
    needs: &[],
    injected: "SIGSTOP to every process of the instance",
    attested: "the kernel: all its processes are in state T in /proc; and a client: a request in its own protocol is not answered in time",
    healed: "SIGCONT; no process may be in state T, it must answer in its own protocol, and every Kafka replica must be back in sync",
    beside: BESIDE,
    keys: &[TARGET_KEY],
    example: r#"
[fault.frozen]
kind = "pause"
target = { any_of = "worker" }
at = { phase = "fault", after = "2s" }
for = "12s"
"#,
    parse,
};

fn parse(draft: &Draft<'_>) -> Result<Aimed, SpecError> {
    Ok((draft.target()?, Arc::new(Pause)))
}

#[derive(Debug)]
struct Pause;

impl Recipe for Pause {
    fn words(&self, target: &Target) -> String {
        format!("pause {target}")
    }

    fn seen_after(&self) -> Duration {
        PROBE_BOUND
    }

    fn arm<'a>(&'a self, scene: Scene<'a>) -> BoxFuture<'a, Result<Arc<dyn Fault>, String>> {
        async move {
            let victims = victims(scene)?;
            Ok(Arc::new(Paused { lab: scene.lab.clone(), victims }) as Arc<dyn Fault>)
        }
        .boxed()
    }
}

struct Paused {
    lab: Lab,
    victims: Vec<Victim>,
}

impl Fault for Paused {
    fn holds(&self) -> Vec<String> {
        held(&self.victims)
    }

    fn inject(&self) -> BoxFuture<'_, Result<(), ChaosError>> {
        async move {
            for Victim { instance, .. } in &self.victims {
                let stop = self.lab.signal(instance, Signal::STOP);
                stop.map_err(ChaosError::lab(format!("stop {instance}")))?;
            }
            Ok(())
        }
        .boxed()
    }

    fn look(&self) -> BoxFuture<'_, Vec<Look>> {
        async move {
            let stopped = self.victims.iter().map(|victim| {
                let (stopped, left) = victim.stopped();
                Look {
                    effective: left > 0 && stopped == left,
                    observer: format!("/proc, for {}", victim.instance),
                    evidence: format!("{stopped} of {left} processes are stopped"),
                }
            });
            let silent = self.victims.iter().map(|victim| unanswered(&self.lab, &victim.instance));
            stopped.chain(join_all(silent).await).collect()
        }
        .boxed()
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), ChaosError>> {
        async move {
            for Victim { instance, .. } in &self.victims {
                // One that ended meanwhile, by itself or by hand, has nothing to go on with.
                if self.lab.pid(instance).is_some() {
                    let go_on = self.lab.signal(instance, Signal::CONT);
                    go_on.map_err(ChaosError::lab(format!("let {instance} go on")))?;
                }
            }
            Ok(())
        }
        .boxed()
    }

    fn look_whole(&self) -> BoxFuture<'_, Whole> {
        async move {
            let awake = self.victims.iter().map(|victim| {
                let (stopped, left) = victim.stopped();
                (stopped == 0, format!("{stopped} of {left} processes of {} are stopped", victim.instance))
            });
            let serving = serving(&self.lab, &names(&self.victims)).await;
            Whole::all(awake.chain(serving))
        }
        .boxed()
    }
}
