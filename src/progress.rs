//! What happens, on stderr: a live display on a terminal, plain lines where there is none.

use crate::out;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use proofload_history::Phase;
use proofload_scenarios::Handle;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How often plain lines tell of the traffic.
const PLAIN_EVERY: Duration = Duration::from_secs(5);
/// How often the live display does.
const LIVE_EVERY: Duration = Duration::from_millis(500);

/// The display of one run.
#[derive(Clone)]
pub(crate) struct Progress {
    bar: ProgressBar,
    began: Instant,
    quiet: bool,
    live: bool,
}

impl Progress {
    /// A display that says nothing at all if `quiet`.
    pub(crate) fn new(quiet: bool) -> Self {
        Self::of(quiet, !quiet && std::io::stderr().is_terminal())
    }

    /// Plain lines on a terminal too: for who shares it with a user's shell.
    pub(crate) fn plain() -> Self {
        Self::of(false, false)
    }

    fn of(quiet: bool, live: bool) -> Self {
        let target = if live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        // indicatif honours NO_COLOR by itself.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {prefix:.bold} {msg}") {
            bar.set_style(style);
        }
        Self { bar, began: Instant::now(), quiet, live }
    }

    /// Tells one thing that happened.
    pub(crate) fn say(&self, line: &str) {
        let line = format!("{:>6.1} s  {line}", self.began.elapsed().as_secs_f64());
        if self.live {
            self.bar.println(line);
        } else if !self.quiet {
            out::aside(format_args!("{line}"));
        }
    }

    /// Tells that a phase began.
    pub(crate) fn phase(&self, phase: Phase) {
        self.bar.set_prefix(phase.name());
        self.say(&format!("phase {phase}"));
    }

    /// Tells of the traffic, as long as it lasts.
    pub(crate) fn follow(&self, traffic: Handle, lasts: Duration) {
        if self.quiet {
            return;
        }
        let display = self.clone();
        let every = if self.live { LIVE_EVERY } else { PLAIN_EVERY };
        tokio::spawn(async move {
            let end = Instant::now() + lasts;
            let mut tick = tokio::time::interval(every);
            tick.tick().await;
            while Instant::now() < end {
                tick.tick().await;
                let now = traffic.counts();
                let line = format!(
                    "offered {} ok {} failed {} indeterminate {} in flight {} p95 {}",
                    now.offered,
                    now.ok,
                    now.fail,
                    now.indeterminate,
                    now.in_flight,
                    p95(now.p95),
                );
                if display.live {
                    display.bar.set_message(line);
                    display.bar.tick();
                } else {
                    display.say(&line);
                }
            }
            display.bar.set_message("");
        });
    }
}

/// The p95 of the last second for a reader.
fn p95(latency: Option<Duration>) -> String {
    match latency {
        None => "-".to_owned(),
        Some(Duration::MAX) => "no answer".to_owned(),
        Some(latency) => format!("{:.0} ms", latency.as_secs_f64() * 1e3),
    }
}
