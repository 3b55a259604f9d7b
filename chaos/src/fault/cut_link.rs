//! `cut_link`: nothing passes on a link, while everything else on the host goes on.

use super::links::{self, LINK_KEY};
use super::{About, Aimed, Draft, Fault, Look, Recipe, Scene, Whole};
use crate::ChaosError;
use crate::spec::{text, unknown};
use crate::target::Target;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use proofload_lab::manifest::SpecError;
use proofload_lab::toxic::{Effect, Stream};
use proofload_lab::{Lab, Link, Toxic};
use std::sync::Arc;
use std::time::Duration;

pub(super) const ABOUT: About = About {
    name: "cut_link",
    sentence: "Lets nothing pass on the links of an instance, or of all instances of a process, to one component: refused at once, or stalled without an answer.",
    needs: &[],
    injected: "Toxiproxy on the source host: mode \"refuse\" disables the proxy, so that connections break and new ones are refused; mode \"stall\" adds the toxic timeout(0), so that connections stay open, and what the component answers is lost, while what it is sent arrives; they are closed with the heal",
    attested: "a client on the link: a question in the component's own protocol is not answered, as it was before",
    healed: "the proxy is enabled, or the toxic removed; a question must be answered",
    beside: links::BESIDE,
    keys: &[
        LINK_KEY,
        ("mode", "\"refuse\": nothing arrives on either side; \"stall\": answers are lost, requests are not"),
    ],
    example: r#"
[fault.no-database]
kind = "cut_link"
link = { from = { any_of = "worker" }, to = "postgres" }
mode = "stall"
for = "10s"
"#,
    parse,
};

/// The modes, by the name that an experiment uses.
const MODES: [(&str, Mode); 2] = [("refuse", Mode::Refuse), ("stall", Mode::Stall)];

/// How a cut link behaves towards the host that uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Refuse,
    Stall,
}

fn parse(draft: &Draft<'_>) -> Result<Aimed, SpecError> {
    let (target, to) = links::parse(draft)?;
    let value = draft.keys.need("mode")?;
    let name = text("`mode`", value)?;
    let mode = MODES.iter().find(|(known, _)| *known == name).map(|(_, mode)| *mode);
    let mode = mode.ok_or_else(|| {
        unknown(value.span(), name, format!("there is no mode `{name}`"), MODES.map(|(known, _)| known))
    })?;
    Ok((target, Arc::new(CutLink { to, mode })))
}

#[derive(Debug)]
struct CutLink {
    to: String,
    mode: Mode,
}

impl Recipe for CutLink {
    fn words(&self, target: &Target) -> String {
        let how = match self.mode {
            Mode::Refuse => "refuse everything",
            Mode::Stall => "stall",
        };
        format!("let the links from {target} to {} {how}", self.to)
    }

    fn seen_after(&self) -> Duration {
        match self.mode {
            Mode::Refuse => Duration::ZERO,
            Mode::Stall => SILENCE,
        }
    }

    fn arm<'a>(&'a self, scene: Scene<'a>) -> BoxFuture<'a, Result<Arc<dyn Fault>, String>> {
        async move {
            let working = links::working(scene, &self.to).await?;
            let links = working.into_iter().map(|(link, _)| link).collect();
            Ok(Arc::new(Cut { lab: scene.lab.clone(), links, mode: self.mode }) as Arc<dyn Fault>)
        }
        .boxed()
    }
}

struct Cut {
    lab: Lab,
    links: Vec<Link>,
    mode: Mode,
}

/// Nothing comes back, and connections stay open.
const STALL: Toxic =
    Toxic { effect: Effect::Timeout { after: Duration::ZERO }, stream: Stream::Downstream, toxicity: 1.0 };

/// How long a question may go without an answer before the link counts as cut.
const SILENCE: Duration = Duration::from_secs(1);

impl Cut {
    async fn cut(&self, link: &Link) -> Result<(), ChaosError> {
        let doing = format!("cut {}", links::words(link));
        match self.mode {
            Mode::Refuse => self.lab.set_link_enabled(link, false).await.map_err(ChaosError::lab(doing)),
            Mode::Stall => self.lab.add_toxic(link, STALL).await.map_err(ChaosError::lab(doing)),
        }
    }

    async fn mend(&self, link: &Link) -> Result<(), ChaosError> {
        let doing = format!("mend {}", links::words(link));
        match self.mode {
            Mode::Refuse => self.lab.set_link_enabled(link, true).await.map_err(ChaosError::lab(doing)),
            Mode::Stall => self.lab.remove_toxic(link, &STALL.name()).await.map_err(ChaosError::lab(doing)),
        }
    }

    /// Whether each link answers, with what was seen.
    async fn answers(&self) -> Vec<(&Link, bool, String)> {
        let ask = async |link: &'_ Link| tokio::time::timeout(SILENCE, links::ping_once(&self.lab, link)).await;
        let asked = join_all(self.links.iter().map(ask)).await;
        let told = self.links.iter().zip(asked).map(|(link, answer)| {
            let (answers, what) = match answer {
                Ok(Ok(took)) => (true, format!("answers in {:.1} ms", took.as_secs_f64() * 1e3)),
                Ok(Err(error)) => (false, format!("does not answer: {error}")),
                Err(_) => (false, format!("does not answer within {} s", SILENCE.as_secs())),
            };
            (link, answers, format!("{} {what}", links::words(link)))
        });
        told.collect()
    }
}

impl Fault for Cut {
    fn holds(&self) -> Vec<String> {
        self.links.iter().map(|link| format!("the cut of {}", links::words(link))).collect()
    }

    fn inject(&self) -> BoxFuture<'_, Result<(), ChaosError>> {
        async move {
            for link in &self.links {
                self.cut(link).await?;
            }
            Ok(())
        }
        .boxed()
    }

    fn look(&self) -> BoxFuture<'_, Vec<Look>> {
        async move {
            let look = |(link, answers, evidence): (&Link, bool, String)| Look {
                effective: !answers,
                observer: format!("a client on {}", links::words(link)),
                evidence,
            };
            self.answers().await.into_iter().map(look).collect()
        }
        .boxed()
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), ChaosError>> {
        async move {
            // Every link is tried, whatever another one's Toxiproxy says.
            join_all(self.links.iter().map(|link| self.mend(link))).await.into_iter().collect()
        }
        .boxed()
    }

    fn look_whole(&self) -> BoxFuture<'_, Whole> {
        async move { Whole::all(self.answers().await.into_iter().map(|(_, answers, evidence)| (answers, evidence))) }
            .boxed()
    }
}
