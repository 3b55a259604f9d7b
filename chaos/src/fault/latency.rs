//! `latency`: what is sent over a link arrives later.

use super::links::{self, LINK_KEY};
use super::{About, Aimed, Draft, Fault, Look, Recipe, Scene, Whole};
use crate::ChaosError;
use crate::spec::wrong;
use crate::target::Target;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use proofload_history::Period;
use proofload_lab::manifest::SpecError;
use proofload_lab::toxic::{Effect, Stream};
use proofload_lab::{Lab, Link, Toxic};
use std::sync::Arc;
use std::time::Duration;

pub(super) const ABOUT: About = About {
    name: "latency",
    sentence: "Makes every answer on the links of an instance, or of all instances of a process, later by a fixed time.",
    needs: &[],
    injected: "a Toxiproxy toxic on the way back from the component, on the source host: it adds the whole latency to each round trip, on established connections too",
    attested: "a client on the link: a question in the component's own protocol takes longer than before, by at least 0.7 of (latency - jitter)",
    healed: "the toxic is removed; a question must be answered in less than before plus 0.3 of (latency - jitter)",
    beside: links::BESIDE,
    keys: &[
        LINK_KEY,
        ("latency", "the time that is added to each round trip"),
        ("jitter", "by how much that varies to either side; 0, the default"),
    ],
    example: r#"
[fault.slow-database]
kind = "latency"
link = { from = "worker", to = "postgres" }
latency = "2s"
for = "15s"
"#,
    parse,
};

/// How much of the latency must be felt before it counts as effective, and may be felt still after the heal.
const FELT: f64 = 0.7;
const FELT_STILL: f64 = 0.3;
/// The longest latency: a question over the link must be answered while somebody waits for it.
const LONGEST: Duration = Duration::from_secs(8);

fn parse(draft: &Draft<'_>) -> Result<Aimed, SpecError> {
    let (target, to) = links::parse(draft)?;
    let value = draft.keys.need("latency")?;
    let latency = draft.keys.period("latency")?.unwrap_or_default();
    if latency < Duration::from_millis(1) || latency > LONGEST {
        return Err(wrong(value.span(), format!("`latency` must be between 1ms and {}", Period(LONGEST))));
    }
    let jitter = draft.keys.period("jitter")?.unwrap_or_default();
    if let (true, Some(value)) = (jitter >= latency, draft.keys.get("jitter")) {
        return Err(wrong(value.span(), "`jitter` must be less than `latency`"));
    }
    Ok((target, Arc::new(Latency { to, latency, jitter })))
}

#[derive(Debug)]
struct Latency {
    to: String,
    latency: Duration,
    jitter: Duration,
}

impl Recipe for Latency {
    fn words(&self, target: &Target) -> String {
        format!("slow the links from {target} to {} by {}", self.to, Period(self.latency))
    }

    fn seen_after(&self) -> Duration {
        self.latency + self.jitter
    }

    fn arm<'a>(&'a self, scene: Scene<'a>) -> BoxFuture<'a, Result<Arc<dyn Fault>, String>> {
        async move {
            let slowed = Slowed {
                lab: scene.lab.clone(),
                links: links::working(scene, &self.to).await?,
                toxic: Toxic {
                    effect: Effect::Latency { latency: self.latency, jitter: self.jitter },
                    stream: Stream::Downstream,
                    toxicity: 1.0,
                },
                felt: self.latency - self.jitter,
            };
            Ok(Arc::new(slowed) as Arc<dyn Fault>)
        }
        .boxed()
    }
}

struct Slowed {
    lab: Lab,
    toxic: Toxic,
    /// Each with how long a question took before.
    links: Vec<(Link, Duration)>,
    /// The least that is added to a round trip.
    felt: Duration,
}

impl Slowed {
    /// How long one question takes on each link now: the link, before, and now.
    async fn pings(&self) -> Vec<(&Link, Duration, Result<Duration, String>)> {
        let pinged = join_all(self.links.iter().map(|(link, _)| links::ping_once(&self.lab, link))).await;
        self.links.iter().zip(pinged).map(|((link, before), now)| (link, *before, now)).collect()
    }
}

fn evidence(link: &Link, before: Duration, now: &Result<Duration, String>) -> String {
    let ms = |duration: &Duration| format!("{:.1} ms", duration.as_secs_f64() * 1e3);
    match now {
        Ok(now) => format!("{} answers in {}, before the fault in {}", links::words(link), ms(now), ms(&before)),
        Err(error) => format!("{} does not answer: {error}", links::words(link)),
    }
}

impl Fault for Slowed {
    fn holds(&self) -> Vec<String> {
        self.links.iter().map(|(link, _)| format!("the latency of {}", links::words(link))).collect()
    }

    fn inject(&self) -> BoxFuture<'_, Result<(), ChaosError>> {
        async move {
            for (link, _) in &self.links {
                let added = self.lab.add_toxic(link, self.toxic).await;
                added.map_err(ChaosError::lab(format!("slow {}", links::words(link))))?;
            }
            Ok(())
        }
        .boxed()
    }

    fn look(&self) -> BoxFuture<'_, Vec<Look>> {
        async move {
            let look = |(link, before, now): (&Link, Duration, Result<Duration, String>)| Look {
                effective: now.as_ref().is_ok_and(|now| *now >= before + self.felt.mul_f64(FELT)),
                observer: format!("a client on {}", links::words(link)),
                evidence: evidence(link, before, &now),
            };
            self.pings().await.into_iter().map(look).collect()
        }
        .boxed()
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), ChaosError>> {
        async move {
            let removals = self.links.iter().map(async |(link, _)| {
                let removed = self.lab.remove_toxic(link, &self.toxic.name()).await;
                removed.map_err(ChaosError::lab(format!("no longer slow {}", links::words(link))))
            });
            // Every link is tried, whatever another one's Toxiproxy says.
            join_all(removals).await.into_iter().collect()
        }
        .boxed()
    }

    fn look_whole(&self) -> BoxFuture<'_, Whole> {
        async move {
            let whole = |(link, before, now): (&Link, Duration, Result<Duration, String>)| {
                let fast = now.as_ref().is_ok_and(|now| *now < before + self.felt.mul_f64(FELT_STILL));
                (fast, evidence(link, before, &now))
            };
            Whole::all(self.pings().await.into_iter().map(whole))
        }
        .boxed()
    }
}
