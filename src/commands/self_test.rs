//! `proofload self-test`: whether the experiments catch what is broken, and only that.

use crate::cli::SelfTestArgs;
use crate::exit_code::ExitCode;
use crate::experiment::{self, Experiment, Overrides};
use crate::files::shown;
use crate::interrupts::Interrupts;
use crate::self_test::{Done, End, Record, Subject, Trial, answer, table, tally, trials};
use crate::single_run::{Manner, SingleRun};
use crate::{capabilities, out, selection};
use anyhow::Context as _;
use proofload_lab::{LabError, Toolbox};
use proofload_reports::Matrix;

/// Why it ended before its last run.
enum Stop {
    /// A run ended in a way that no further run would mend, or an interrupt came.
    Code(ExitCode),
    /// A run could not be made.
    Error(anyhow::Error),
}

impl Stop {
    /// Why, as a clause.
    fn why(&self) -> String {
        match self {
            Self::Code(ExitCode::Interrupted) => "it was interrupted".to_owned(),
            Self::Code(code) => format!("a run ended with {}: {}", code.number(), code.meaning()),
            Self::Error(error) => format!("{error:#}"),
        }
    }
}

pub(super) fn self_test(arguments: &SelfTestArgs) -> anyhow::Result<ExitCode> {
    let selected = select(arguments)?;
    let subjects: Vec<Subject> = selected.iter().map(|(_, experiment)| Subject::of(experiment)).collect();
    let planned = plan(&selected, &subjects, arguments.repeat)?;
    if !planned.is_empty() {
        // Found out before anything starts, and once for all runs.
        Toolbox::find().map_err(LabError::from)?;
        capabilities::check(planned.iter().map(|(_, experiment)| experiment))?;
    }
    let mut session = Session {
        arguments,
        subjects,
        done: Vec::new(),
        record: Record::create(&arguments.out)?,
        planned: planned.len(),
    };
    let stop = session.try_all(&planned);
    let matrix = session.matrix(stop.as_ref());
    let written = session.record.write(&matrix);
    session.tell(&matrix)?;
    written?;
    match stop {
        None => Ok(matrix.judgement.into()),
        Some(Stop::Code(code)) => Ok(ExitCode::worst([code, matrix.judgement.into()])),
        Some(Stop::Error(error)) => Err(error),
    }
}

/// The experiments whose controls are tried: those that are named or carry the tag, else all.
fn select(arguments: &SelfTestArgs) -> anyhow::Result<Vec<selection::Selected>> {
    let overrides = Overrides::default();
    if arguments.experiments.is_empty() && arguments.tag.is_none() {
        return selection::all(&overrides);
    }
    selection::select(&arguments.experiments, arguments.tag.as_deref(), &overrides)
}

/// Every run with its experiment as it will be run: what is wrong in one of them is said before the first one starts,
/// and whoever changes a file in the meantime changes nothing.
fn plan(
    selected: &[selection::Selected],
    subjects: &[Subject],
    repeats: u32,
) -> anyhow::Result<Vec<(Trial, Experiment)>> {
    let mut planned = Vec::new();
    for trial in trials(subjects, repeats) {
        let (Some((path, _)), Some(subject)) = (selected.get(trial.subject), subjects.get(trial.subject)) else {
            continue;
        };
        planned.push((trial, experiment::load(path, &subject.overrides(trial))?));
    }
    Ok(planned)
}

/// A self-test that goes on.
struct Session<'a> {
    arguments: &'a SelfTestArgs,
    subjects: Vec<Subject>,
    planned: usize,
    done: Vec<Done>,
    record: Record,
}

impl Session<'_> {
    /// Makes every run, one after the other; says why not, if it ends early.
    fn try_all(&mut self, planned: &[(Trial, Experiment)]) -> Option<Stop> {
        let mut interrupts = match Interrupts::listen() {
            Ok(interrupts) => interrupts,
            Err(error) => return Some(Stop::Error(error)),
        };
        for (trial, experiment) in planned {
            if interrupts.came() {
                return Some(Stop::Code(ExitCode::Interrupted));
            }
            match self.try_one(*trial, experiment) {
                Ok(ExitCode::Pass | ExitCode::Fail | ExitCode::Unknown) => {}
                Ok(code) => return Some(Stop::Code(code)),
                Err(error) => return Some(Stop::Error(error)),
            }
        }
        None
    }

    /// Makes one run, and writes the matrix of all so far: a self-test lasts hours, and may be killed.
    fn try_one(&mut self, trial: Trial, experiment: &Experiment) -> anyhow::Result<ExitCode> {
        self.announce(trial);
        let arguments = self.arguments;
        let manner = Manner { out: &arguments.out, quiet: arguments.json, keep_data: false };
        let SingleRun { run, code, judged } = SingleRun::make(experiment, manner)?;
        let end = match judged {
            // Half a run is no answer, whatever it shows.
            Some((_, verdict)) if code != ExitCode::Interrupted => End::Judged(Box::new(verdict)),
            _ => End::NoAnswer(Stop::Code(code).why()),
        };
        let folder = run.root().strip_prefix(&arguments.out).unwrap_or(run.root());
        let done = Done { trial, run: folder.display().to_string(), end };
        self.done.push(done);
        if let Some(done) = self.done.last() {
            let (answer, sentence) = answer(&self.subjects, &self.done, done);
            out::aside(format_args!("{}: {sentence}", answer.word()));
        }
        self.record.write(&self.matrix(None))?;
        Ok(code)
    }

    /// Says which run begins.
    fn announce(&self, trial: Trial) {
        let Some(subject) = self.subjects.get(trial.subject) else { return };
        out::aside(format_args!(
            "run {} of {}: {}, {}, repeat {} of {}, seed {}",
            self.done.len() + 1,
            self.planned,
            subject.experiment,
            subject.design(trial.design),
            trial.repeat,
            self.arguments.repeat,
            trial.seed,
        ));
    }

    fn matrix(&self, stop: Option<&Stop>) -> Matrix {
        tally(&self.subjects, self.arguments.repeat, &self.done, stop.map(Stop::why))
    }

    /// The result on stdout: with `--json` the matrix and nothing else.
    fn tell(&self, matrix: &Matrix) -> anyhow::Result<()> {
        if self.arguments.json {
            out::line(matrix.json().context("cannot write the matrix")?.trim_end())?;
        } else {
            out::line(format_args!("{}\nmatrix:   {}", table(matrix), shown(&self.record.page()).display()))?;
        }
        Ok(())
    }
}
