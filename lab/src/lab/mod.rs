//! A running system.

mod migrate;
mod order;
mod unit;

use crate::authority::{self, Authority};
use crate::component::{Ground, Way, client};
use crate::manifest::Manifest;
use crate::plan::Plan;
use crate::{Instance, LabError, Link, Toolbox, Toxic, command, enter, host, link, mounts, network, toxic, tree};
use proofload_history::{Event, Recorder, RunDir};
use rustix::process::{Pid, Resource, Signal, getrlimit, setrlimit};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use unit::Unit;

/// How long the answer to a direct question may take...
const PROBE_WITHIN: Duration = Duration::from_secs(5);
/// ...and to one through a link, which may have been slowed by seconds.
const PROBE_LINK_WITHIN: Duration = Duration::from_secs(30);
/// Open files enough for every connection of a run, if the machine lets us have them.
const OPEN_FILES: u64 = 65_536;

/// A running system: every component and process of a manifest, each on a host of its own. Cheap to clone.
#[derive(Clone)]
pub struct Lab {
    inner: Arc<Inner>,
}

struct Inner {
    ground: Arc<Ground>,
    /// In the order of the plan's instances.
    units: Vec<Unit>,
    proxies: Vec<Unit>,
    keep_data: bool,
    stopped: AtomicBool,
}

impl Lab {
    /// Makes the hosts, starts everything in the order of what needs what, and waits until all of it is ready.
    ///
    /// To be called inside the lab's namespaces (`enter::supervise`), once: the hosts go with the namespaces. The data of
    /// the components lies in `run.data()` and is removed when the lab is stopped, unless `keep_data` is set.
    ///
    /// # Errors
    /// If this process is not inside, or a part cannot be started or does not get ready: with its last words. What was
    /// started is stopped.
    pub async fn start(
        manifest: &Manifest,
        run: &RunDir,
        recorder: Arc<Recorder>,
        tools: &Toolbox,
        keep_data: bool,
        progress: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Self, LabError> {
        let begun = Instant::now();
        let mut ground = ground(manifest, run, recorder, tools)?;
        make_hosts(&ground).await?;
        ground.authority = Authority::establish(Path::new(authority::FOLDER), &ground.manifest, &ground.plan)?;
        let ground = Arc::new(ground);
        progress(&format!("{} hosts ready after {:.1} s", ground.plan.instances.len(), begun.elapsed().as_secs_f64()));
        let instances = &ground.plan.instances;
        let units = instances.iter().filter_map(|instance| unit::of_instance(&ground, instance)).collect();
        let proxies = instances.iter().filter_map(|instance| unit::of_toxiproxy(&ground, instance)).collect();
        let stopped = AtomicBool::new(false);
        let lab = Self { inner: Arc::new(Inner { ground, units, proxies, keep_data, stopped }) };
        if let Err(error) = order::start(&lab.inner, progress).await {
            lab.stop().await;
            return Err(error);
        }
        lab.inner.ground.recorder.event(Event::SystemReady { seconds: begun.elapsed().as_secs_f64() })?;
        Ok(lab)
    }

    /// Stops everything, those that need others first, and removes the data. Harmless the second time.
    pub async fn stop(&self) {
        if self.inner.stopped.swap(true, Ordering::SeqCst) {
            return;
        }
        order::stop(&self.inner).await;
        if !self.inner.keep_data {
            // What cannot be removed is in the way of nobody: every run has a folder of its own.
            let _ = std::fs::remove_dir_all(self.inner.ground.run.data());
        }
    }

    /// All instances.
    #[must_use]
    pub fn instances(&self) -> &[Instance] {
        &self.inner.ground.plan.instances
    }

    /// The instance called `name`.
    #[must_use]
    pub fn instance(&self, name: &str) -> Option<&Instance> {
        self.inner.ground.plan.instance(name)
    }

    /// The address of an instance's host.
    #[must_use]
    pub fn address(&self, instance: &str) -> Option<Ipv4Addr> {
        self.instance(instance).map(|instance| instance.address)
    }

    /// The manifest that the lab runs.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.inner.ground.manifest
    }

    /// The files of the run.
    #[must_use]
    pub fn run_dir(&self) -> &RunDir {
        &self.inner.ground.run
    }

    /// The data folder of an instance. Kafka's log folder is `log` in it, PostgreSQL's cluster is `cluster`.
    #[must_use]
    pub fn data(&self, instance: &str) -> PathBuf {
        self.inner.ground.run.data().join(instance)
    }

    /// The certificate, in PEM, of the authority that has signed every certificate of this run; `None` if nothing in it
    /// listens with TLS. The file goes with the lab's namespaces.
    #[must_use]
    pub fn ca(&self) -> Option<&Path> {
        self.inner.ground.authority.as_ref().map(Authority::root)
    }

    /// Where the traffic enters: `http://198.18.0.7:8080`, with `https` if who is there listens with TLS.
    ///
    /// # Errors
    /// If the manifest's entry has no instance; reading the manifest has found that out.
    pub fn entry_url(&self) -> Result<String, LabError> {
        let entry = &self.manifest().entry;
        let first = self.inner.ground.plan.of(entry.host.get_ref()).next();
        let scheme = if self.manifest().speaks_tls(entry.host.get_ref()) { "https" } else { "http" };
        first
            .map(|instance| format!("{scheme}://{}:{}", instance.address, entry.port))
            .ok_or_else(|| self.unknown("enter at", entry.host.get_ref()))
    }

    /// The port on which an instance serves its clients.
    #[must_use]
    pub fn port(&self, instance: &str) -> Option<u16> {
        self.unit("find", instance).ok().map(|unit| unit.component.port())
    }

    /// The log of an instance: its stdout and stderr.
    #[must_use]
    pub fn log(&self, instance: &str) -> PathBuf {
        crate::log::path(self.run_dir(), instance)
    }

    /// The process id of an instance, while it runs.
    #[must_use]
    pub fn pid(&self, instance: &str) -> Option<i32> {
        self.unit("find", instance).ok()?.pid().map(Pid::as_raw_pid)
    }

    /// The process ids of an instance and of everything that descends from it; empty while it does not run.
    #[must_use]
    pub fn pids(&self, instance: &str) -> Vec<i32> {
        let pid = self.unit("find", instance).ok().and_then(Unit::pid);
        pid.map(tree::members).unwrap_or_default().into_iter().map(Pid::as_raw_pid).collect()
    }

    /// Kills an instance with all its processes (SIGKILL), and returns when they are gone. Its Toxiproxy lives on.
    ///
    /// # Errors
    /// If there is no such instance, it does not run, or it does not end.
    pub async fn kill(&self, instance: &str) -> Result<(), LabError> {
        self.unit("kill", instance)?.kill().await
    }

    /// Sends a signal to an instance. STOP and CONT reach all its processes.
    ///
    /// # Errors
    /// If there is no such instance, it does not run, or the signal cannot be sent.
    pub fn signal(&self, instance: &str, signal: Signal) -> Result<(), LabError> {
        self.unit("signal", instance)?.signal(signal)
    }

    /// Starts an instance that has ended, by its own recipe, on its old data or (`wipe`) on none, and waits until it is
    /// ready.
    ///
    /// # Errors
    /// If there is no such instance, it runs, or it does not come up.
    pub async fn start_again(&self, instance: &str, wipe: bool) -> Result<(), LabError> {
        self.unit("start", instance)?.start(!wipe).await
    }

    /// Keeps what the heal of `fault`, which holds `instance`, would destroy: in the run's folder of autopsies, bounded in
    /// size and time. Nothing to do for most instances, and for a name that is none. What could not be kept is journalled.
    pub async fn keep(&self, instance: &str, fault: &str) {
        if let Ok(unit) = self.unit("keep", instance) {
            unit.component.keep(&unit.site, fault).await;
        }
    }

    /// Asks an instance a question of its own protocol, directly: how long the answer took.
    ///
    /// # Errors
    /// What was wrong: refused, no answer within 5 s, another answer.
    pub async fn probe(&self, instance: &str) -> Result<Duration, String> {
        let unit = self.unit("probe", instance).map_err(|error| error.to_string())?;
        let at = SocketAddr::from((unit.site.instance.address, unit.component.port()));
        unit.probe(at, PROBE_WITHIN).await
    }

    /// Asks the instance at the end of a link, through the link, and so through its toxics: how long the answer took.
    ///
    /// # Errors
    /// What was wrong: refused, no answer within 30 s, another answer.
    pub async fn probe_link(&self, link: &Link) -> Result<Duration, String> {
        let unit = self.unit("probe", &link.to).map_err(|error| error.to_string())?;
        unit.probe(link.listen, PROBE_LINK_WITHIN).await
    }

    /// Runs a command of the harness's own in a host's network, and returns its stdout.
    ///
    /// # Errors
    /// If there is no such host, or the command cannot be started or fails; with what it said.
    pub async fn in_host(&self, host: &str, argv: &[&str], stdin: Option<&str>) -> Result<String, LabError> {
        self.unit("run a command in", host)?;
        let command = host::command_in(&self.inner.ground.tools, host, argv);
        command::output(&format!("run `{}` in {host}", argv.join(" ")), command, stdin).await
    }

    /// The links from the instance `from` to each instance of `to` (a component, or one of its instances). Empty if it
    /// has none.
    #[must_use]
    pub fn links(&self, from: &str, to: &str) -> Vec<Link> {
        link::between(&self.inner.ground, from, to)
    }

    /// Puts a toxic on a link.
    ///
    /// # Errors
    /// If the Toxiproxy of its host does not do it, or has one of the same name on this link already.
    pub async fn add_toxic(&self, link: &Link, toxic: Toxic) -> Result<(), LabError> {
        toxic::add(&self.inner.ground.http, link, toxic).await
    }

    /// Takes the toxic called `name` ([`Toxic::name`]) from a link. Harmless if it is not there.
    ///
    /// # Errors
    /// If the Toxiproxy of its host does not do it.
    pub async fn remove_toxic(&self, link: &Link, name: &str) -> Result<(), LabError> {
        toxic::remove(&self.inner.ground.http, link, name).await
    }

    /// Opens or closes a link: a closed one refuses new connections and breaks those it had.
    ///
    /// # Errors
    /// If its Toxiproxy cannot be reached or refuses.
    pub async fn set_link_enabled(&self, link: &Link, enabled: bool) -> Result<(), LabError> {
        toxic::set_enabled(&self.inner.ground.http, link, enabled).await
    }

    /// The programs that it runs on.
    pub(crate) fn tools(&self) -> &Toolbox {
        &self.inner.ground.tools
    }

    /// The way to a port of an instance, for reading answers of any length.
    pub(crate) fn way(&self, instance: &Instance, port: u16, stall: Duration) -> Result<Way, String> {
        Way::to_read(&self.inner.ground, instance, SocketAddr::from((instance.address, port)), stall)
    }

    fn unit(&self, doing: &'static str, name: &str) -> Result<&Unit, LabError> {
        self.inner.units.iter().find(|unit| unit.name == name).ok_or_else(|| self.unknown(doing, name))
    }

    fn unknown(&self, doing: &'static str, name: &str) -> LabError {
        let known = self.instances().iter().map(|instance| instance.name.to_string()).collect();
        LabError::UnknownInstance { doing, name: name.to_owned(), known }
    }
}

fn ground(manifest: &Manifest, run: &RunDir, recorder: Arc<Recorder>, tools: &Toolbox) -> Result<Ground, LabError> {
    if !enter::inside() {
        let what = "this process is not inside a lab's namespaces; enter them by `supervise`".to_owned();
        return Err(LabError::Enter { what });
    }
    // Processes start in folders of their own: relative paths would lead elsewhere.
    let root = std::path::absolute(run.root()).map_err(LabError::file("read", run.root()))?;
    let mut manifest = manifest.clone();
    manifest.folder = std::path::absolute(&manifest.folder).unwrap_or(manifest.folder);
    let plan = Plan::new(&manifest)?;
    let http = client().map_err(|error| LabError::Enter { what: format!("no HTTP client: {error}") })?;
    Ok(Ground { manifest, plan, tools: tools.clone(), run: RunDir::at(root), recorder, http, authority: None })
}

async fn make_hosts(ground: &Ground) -> Result<(), LabError> {
    raise_open_files();
    mounts::cover(&kept_folders(ground))?;
    let hosts_file = host::write_hosts_files(&ground.plan)?;
    mounts::cover_hosts(&hosts_file)?;
    network::build(&ground.tools, &ground.plan).await?;
    for folder in [ground.run.data(), ground.run.logs()] {
        std::fs::create_dir_all(&folder).map_err(LabError::file("create", &folder))?;
    }
    Ok(())
}

/// The folders that the run needs, wherever they lie.
fn kept_folders(ground: &Ground) -> Vec<PathBuf> {
    let mut folders = vec![ground.run.root().to_owned(), ground.tools.home.clone(), ground.manifest.folder.clone()];
    folders.extend(std::env::current_dir());
    folders.extend(std::env::current_exe().ok().and_then(|path| Some(path.parent()?.to_owned())));
    folders.extend(std::env::split_paths(&ground.tools.path));
    folders
}

/// As many open files as the machine lets us have: every process inherits it.
fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(OPEN_FILES, |maximum| maximum.min(OPEN_FILES));
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(wanted);
        // Refused, the limit stays as it is; a thousand is enough for brokers.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}
