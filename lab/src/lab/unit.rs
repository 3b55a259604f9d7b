//! One process of the lab with its recipe: started, asked, killed, started again.

use crate::component::{Component, Ground, Service, Site, make};
use crate::process::Process;
use crate::{Instance, LabError, command, host, link, log, tree};
use rustix::process::{Pid, Signal};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One question about readiness may take this long...
const ASK_WITHIN: Duration = Duration::from_secs(5);
/// ...and this long is waited before the next.
const ASK_AGAIN: Duration = Duration::from_millis(25);
/// How long the kernel may take to end killed processes.
const DEAD_WITHIN: Duration = Duration::from_secs(10);

pub(crate) struct Unit {
    /// The instance's name, or `HOST.toxiproxy`: the name of its log, its data and its lines in the journal.
    pub(crate) name: String,
    pub(crate) component: Box<dyn Component>,
    pub(crate) site: Site,
    process: Mutex<Option<Process>>,
}

impl Unit {
    pub(crate) fn new(name: String, component: Box<dyn Component>, site: Site) -> Self {
        Self { name, component, site, process: Mutex::new(None) }
    }

    pub(crate) fn pid(&self) -> Option<Pid> {
        self.lock().as_ref().and_then(Process::pid)
    }

    /// Starts it on the data that it has, or on none, and waits until it is ready.
    pub(crate) async fn start(&self, on_old_data: bool) -> Result<(), LabError> {
        if self.pid().is_some() {
            return Err(LabError::StillRunning { instance: self.name.clone() });
        }
        if !on_old_data {
            self.wipe()?;
            self.component.prepare(&self.site).await?;
        }
        let ground = &self.site.ground;
        let recipe = self.component.recipe(&self.site)?;
        let command = host::process_in(&ground.tools, &self.site.instance.name, &recipe);
        let process = Process::start(&self.name, command, &self.log(), &ground.recorder)?;
        *self.lock() = Some(process.clone());
        self.wait_until_ready(&process).await
    }

    /// SIGKILL to it and to everything that descends from it; returns when nothing of it is left.
    pub(crate) async fn kill(&self) -> Result<(), LabError> {
        let process = self.running("kill")?;
        process.expect_end();
        self.kill_tree(&process).await
    }

    /// Sends a signal. To stop and go on is for all its descendants; the others are for the process itself, which is
    /// then expected to end.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), LabError> {
        let process = self.running("signal")?;
        let Some(pid) = process.pid() else {
            return Err(LabError::NotRunning { doing: "signal", instance: self.name.clone() });
        };
        let sent = if signal == Signal::STOP || signal == Signal::CONT {
            tree::signal(pid, signal).map(|_| ())
        } else {
            process.expect_end();
            rustix::process::kill_process(pid, signal)
        };
        sent.map_err(|error| self.failed("signal", error.to_string()))
    }

    /// Asks it to end, and kills it if it does not. Nothing to do if it does not run.
    pub(crate) async fn stop(&self) {
        let Some(process) = self.lock().clone() else { return };
        let Some(pid) = process.pid() else { return };
        process.expect_end();
        let asked = rustix::process::kill_process(pid, self.component.stop_signal());
        let ended = tokio::time::timeout(self.component.stops_within(), process.wait()).await;
        if asked.is_err() || ended.is_err() {
            // What is still there goes with the namespaces.
            let _ = self.kill_tree(&process).await;
        }
    }

    /// One question and its answer, directly: how long it took.
    pub(crate) async fn probe(&self, at: std::net::SocketAddr, within: Duration) -> Result<Duration, String> {
        let asked = Instant::now();
        match tokio::time::timeout(within, self.component.ping(&self.site, at)).await {
            Ok(Ok(())) => Ok(asked.elapsed()),
            Ok(Err(said)) => Err(said),
            Err(_) => Err(format!("no answer from {at} within {within:?}")),
        }
    }

    fn log(&self) -> PathBuf {
        log::path(&self.site.ground.run, &self.name)
    }

    fn wipe(&self) -> Result<(), LabError> {
        let data = &self.site.data;
        match std::fs::remove_dir_all(data) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(LabError::file("remove", data)(error));
            }
            _ => {}
        }
        std::fs::create_dir_all(data).map_err(LabError::file("create", data))
    }

    async fn wait_until_ready(&self, process: &Process) -> Result<(), LabError> {
        let within = self.component.ready_within();
        let deadline = Instant::now() + within;
        loop {
            let last = tokio::select! {
                () = process.wait() => return Err(self.exited(process)),
                answer = tokio::time::timeout(ASK_WITHIN, self.component.ready(&self.site)) => match answer {
                    // The answer may have come from something else that has its port.
                    Ok(Ok(())) if process.status().is_none() => return Ok(()),
                    Ok(Ok(())) => return Err(self.exited(process)),
                    Ok(Err(said)) => said,
                    Err(_) => format!("no answer within {ASK_WITHIN:?}"),
                },
            };
            if Instant::now() >= deadline {
                let (log, instance) = (self.log(), self.name.clone());
                return Err(LabError::NotReady { instance, within, last, tail: log::tail(&log), log });
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    fn exited(&self, process: &Process) -> LabError {
        let status = process.status().map_or_else(String::new, command::status_words);
        let log = self.log();
        let tail = log::tail(&log);
        LabError::Exited { instance: self.name.clone(), status, hint: log::hint(&tail), log, tail }
    }

    async fn kill_tree(&self, process: &Process) -> Result<(), LabError> {
        let Some(pid) = process.pid() else {
            return Err(LabError::NotRunning { doing: "kill", instance: self.name.clone() });
        };
        let members = match tree::signal(pid, Signal::KILL) {
            Ok(members) => members,
            // It ended by itself just now.
            Err(rustix::io::Errno::SRCH) => Vec::new(),
            Err(error) => return Err(self.failed("kill", error.to_string())),
        };
        let gone = async {
            process.wait().await;
            while members.iter().any(|member| tree::lives(*member)) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let ended = tokio::time::timeout(DEAD_WITHIN, gone).await;
        ended.map_err(|_| self.failed("kill", format!("it is still there after {DEAD_WITHIN:?}")))
    }

    fn running(&self, doing: &'static str) -> Result<Process, LabError> {
        let process = self.lock().clone().filter(|process| process.status().is_none());
        process.ok_or_else(|| LabError::NotRunning { doing, instance: self.name.clone() })
    }

    fn failed(&self, doing: &'static str, what: String) -> LabError {
        LabError::Signal { doing, instance: self.name.clone(), what }
    }

    /// Whoever panicked while holding it left a whole value behind.
    fn lock(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The unit of an instance.
pub(crate) fn of_instance(ground: &Arc<Ground>, instance: &Instance) -> Option<Unit> {
    let (manifest, of) = (&ground.manifest, &*instance.of);
    let component: Box<dyn Component> = match manifest.processes.get(of) {
        Some(spec) => Box::new(Service::new(of, spec)),
        None => make(&instance.kind, manifest.components.get(of)?)?,
    };
    Some(at(ground, instance, instance.name.to_string(), component))
}

/// The unit of an instance's Toxiproxy, if the instance has links.
pub(crate) fn of_toxiproxy(ground: &Arc<Ground>, instance: &Instance) -> Option<Unit> {
    let proxy = link::toxiproxy(&ground.manifest, &ground.plan, instance)?;
    Some(at(ground, instance, link::proxy_name(&instance.name), Box::new(proxy)))
}

fn at(ground: &Arc<Ground>, instance: &Instance, name: String, component: Box<dyn Component>) -> Unit {
    let site = Site { instance: instance.clone(), data: ground.run.data().join(&name), ground: Arc::clone(ground) };
    Unit::new(name, component, site)
}
