//! `kill`: processes end by SIGKILL, and are started again later.

use super::victim::{BESIDE, Victim, held, names, serving, unanswered, victims};
use super::{About, Aimed, Draft, Fault, Look, Recipe, Scene, TARGET_KEY, Whole};
use crate::ChaosError;
use crate::spec::wrong;
use crate::target::Target;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all, try_join_all};
use proofload_history::Period;
use proofload_lab::Lab;
use proofload_lab::manifest::SpecError;
use std::sync::Arc;
use std::time::Duration;

pub(super) const ABOUT: About = About {
    name: "kill",
    sentence: "Ends the processes of an instance without warning, and starts it again later, on its old data or on none.",
    needs: &[],
    injected: "SIGKILL to every process of the instance. The page cache survives, so it cannot show the loss of writes that were not yet on the disk.",
    attested: "the kernel: none of its processes is in /proc any more; and a client: a request in its own protocol is not answered",
    healed: "started again by its own recipe; it must answer in its own protocol, and every Kafka replica must be back in sync",
    beside: BESIDE,
    keys: &[
        TARGET_KEY,
        ("restart_after", "how long until it is started again; says the same as `for`"),
        (
            "wipe",
            "true: its data are removed before it starts again, and a broker keeps the id of its disk; false, the default: it keeps them",
        ),
    ],
    example: r#"
[fault.broker-dies]
kind = "kill"
target = { leader_of = "orders/0" }
at = "fault"
restart_after = "10s"
"#,
    parse,
};

fn parse(draft: &Draft<'_>) -> Result<Aimed, SpecError> {
    let restart_after = draft.keys.period("restart_after")?;
    if let (Some(Duration::ZERO), Some(value)) = (restart_after, draft.keys.get("restart_after")) {
        return Err(wrong(value.span(), "`restart_after` is zero: nobody would notice"));
    }
    Ok((draft.target()?, Arc::new(Kill { restart_after, wipe: draft.keys.flag("wipe")? })))
}

#[derive(Debug)]
struct Kill {
    restart_after: Option<Duration>,
    wipe: bool,
}

impl Recipe for Kill {
    fn words(&self, target: &Target) -> String {
        let after = self.restart_after.map_or("later".to_owned(), |after| format!("after {}", Period(after)));
        let data = if self.wipe { " without its data" } else { "" };
        format!("kill {target}, start again {after}{data}")
    }

    fn lasts(&self) -> Option<Duration> {
        self.restart_after
    }

    fn arm<'a>(&'a self, scene: Scene<'a>) -> BoxFuture<'a, Result<Arc<dyn Fault>, String>> {
        async move {
            let victims = victims(scene)?;
            let killed = Killed { lab: scene.lab.clone(), victims, wipe: self.wipe };
            Ok(Arc::new(killed) as Arc<dyn Fault>)
        }
        .boxed()
    }
}

struct Killed {
    lab: Lab,
    victims: Vec<Victim>,
    wipe: bool,
}

impl Fault for Killed {
    fn holds(&self) -> Vec<String> {
        held(&self.victims)
    }

    fn inject(&self) -> BoxFuture<'_, Result<(), ChaosError>> {
        let kill = async |victim: &Victim| {
            let name = &victim.instance;
            self.lab.kill(name).await.map_err(ChaosError::lab(format!("kill {name}")))
        };
        async move { try_join_all(self.victims.iter().map(kill)).await.map(drop) }.boxed()
    }

    fn look(&self) -> BoxFuture<'_, Vec<Look>> {
        async move {
            let gone = self.victims.iter().map(|victim| {
                let left = victim.processes.iter().filter(|process| process.state().is_some()).count();
                let main = victim.processes.first().map_or(0, |process| process.pid);
                Look {
                    effective: left == 0,
                    observer: format!("/proc, for {}", victim.instance),
                    evidence: format!("{left} of {} processes left (the first was {main})", victim.processes.len()),
                }
            });
            let silent = self.victims.iter().map(|victim| unanswered(&self.lab, &victim.instance));
            gone.chain(join_all(silent).await).collect()
        }
        .boxed()
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), ChaosError>> {
        let start = async |victim: &Victim| {
            let name = &victim.instance;
            // Whatever runs by now is there already: started by hand, or by this heal, done twice.
            if self.lab.pid(name).is_some() {
                return Ok(());
            }
            self.lab.start_again(name, self.wipe).await.map_err(ChaosError::lab(format!("start {name} again")))
        };
        async move { try_join_all(self.victims.iter().map(start)).await.map(drop) }.boxed()
    }

    fn look_whole(&self) -> BoxFuture<'_, Whole> {
        async move { Whole::all(serving(&self.lab, &names(&self.victims)).await) }.boxed()
    }
}
