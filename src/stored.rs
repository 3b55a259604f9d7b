//! A stored run: found, judged, rendered. Nothing here needs a running system.

use crate::experiment::{self, Experiment};
use crate::files;
use anyhow::Context as _;
use proofload_history::{Event, History, RunDir};
use proofload_lab::{Manifest, manifest};
use proofload_reports::{EXPORTERS, Judged};
use proofload_verify::{Chain, ChainStage, Condition, Control, JudgeInput, Plan, PlannedFault, Verdict, judge};
use std::collections::BTreeMap;
use std::path::Path;

/// A stored run, read.
pub(crate) struct Stored {
    pub(crate) run: RunDir,
    pub(crate) plan: Plan,
    pub(crate) history: History,
    /// The negative controls of the experiment, by the name of their variant.
    controls: Vec<(String, Control)>,
}

impl Stored {
    /// Reads the run at `path`.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let run = RunDir::at(files::behind_link(path));
        let experiment = experiment::load_stored(&run)?;
        let history = History::read(&run).with_context(|| format!("cannot read the run {}", path.display()))?;
        let mut experiment = experiment;
        let controls = std::mem::take(&mut experiment.controls);
        let plan = plan(experiment, &history);
        Ok(Self { run, plan, history, controls })
    }

    /// What the history comes to.
    pub(crate) fn judge(&self) -> Verdict {
        judge(&JudgeInput { history: &self.history, plan: &self.plan })
    }

    /// The control that this run is, if exactly one variant was applied and the experiment has a control for it.
    pub(crate) fn control(&self) -> Option<&Control> {
        let [variant] = self.plan.variants.as_slice() else { return None };
        self.controls.iter().find(|(of, _)| of == variant).map(|(_, control)| control)
    }

    /// The run with what it came to, for reports.
    pub(crate) fn judged<'a>(&'a self, verdict: &'a Verdict) -> Judged<'a> {
        Judged {
            verdict,
            history: &self.history,
            chains: &self.plan.chains,
            run: files::shown(self.run.root()).display().to_string(),
        }
    }

    /// Renders every report of the run into its directory, each in place of what it was.
    ///
    /// # Errors
    /// [`files::Unwritten`] if one cannot be written; or if the history cannot be read.
    pub(crate) fn render(&self, verdict: &Verdict) -> anyhow::Result<()> {
        let judged = self.judged(verdict);
        for exporter in EXPORTERS {
            files::replace(&self.run.root().join(exporter.file()), |out| {
                exporter.render(&judged, out).with_context(|| format!("cannot render {}", exporter.file()))
            })?;
        }
        Ok(())
    }
}

/// What the experiment set out to do, as the judge wants it. A run is called as its journal says: its directory may
/// have been moved.
fn plan(experiment: Experiment, history: &History) -> Plan {
    let started = history.journal.entries.iter().find_map(|entry| match &entry.event {
        Event::RunStarted { experiment, .. } => Some(experiment.clone()),
        _ => None,
    });
    let faults = experiment.schedule.plans().iter();
    let faults = faults.map(|plan| PlannedFault { id: plan.name.clone(), kind: plan.about.name.to_owned() });
    Plan {
        experiment: started.unwrap_or_else(|| experiment.name.clone()),
        faults: faults.collect(),
        chains: chains(&experiment.system.manifest),
        sets: experiment.header.sets().to_vec(),
        title: experiment.header.title,
        hypothesis: experiment.header.hypothesis,
        variants: experiment.header.variants,
        without_faults: experiment.header.without_faults,
        expectations: experiment.expectations,
    }
}

/// The chains of the system, as the checks want them.
fn chains(manifest: &Manifest) -> BTreeMap<String, Chain> {
    let title = |stage: &str| manifest.stages.get(stage).map(|stage| stage.title.clone()).unwrap_or_default();
    let stages = |chain: &manifest::Chain| {
        let steps = chain.stages.iter().map(|step| ChainStage {
            stage: step.stage.get_ref().clone(),
            title: title(step.stage.get_ref()),
            repeats_allowed: step.repeats == manifest::Repeats::Allowed,
            only_if: step
                .only_if
                .as_ref()
                .map(|only_if| Condition { stage: only_if.stage.get_ref().clone(), states: only_if.states.clone() }),
        });
        steps.collect()
    };
    let chains = manifest.chains.iter().map(|(name, chain)| {
        (name.clone(), Chain { operation: chain.operation.get_ref().clone(), stages: stages(chain) })
    });
    chains.collect()
}
