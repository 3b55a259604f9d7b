//! A host: a network namespace with a name, an address and a hosts file, and the way to run something in it.

use crate::LabError;
use crate::plan::{CONDUCTOR, Instance, Plan, link_name};
use crate::toolbox::Toolbox;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Where `ip netns` keeps the handles of network namespaces.
const NAMESPACES: &str = "/run/netns";
/// Where the hosts files lie, on the lab's private /run.
const HOSTS_FILES: &str = "/run/proofload-hosts";

/// What is run in a host, before the host's own prefix is put before it.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    /// On top of PATH, HOME, LANG and TZ; nothing else of the conductor's environment is handed down.
    pub(crate) env: BTreeMap<String, String>,
    /// As an ordinary user: PostgreSQL and nginx's workers refuse to be root.
    pub(crate) as_user: bool,
    pub(crate) folder: PathBuf,
}

/// The handle of a host's network namespace.
pub(crate) fn namespace(host: &str) -> PathBuf {
    Path::new(NAMESPACES).join(host)
}

/// A command of the harness's own in the host's network, with the conductor's files and names.
pub(crate) fn command_in(tools: &Toolbox, host: &str, argv: &[&str]) -> Command {
    let mut command = Command::new(&tools.nsenter);
    command.arg(net_argument(host)).args(argv).env("PATH", &tools.path);
    command
}

/// `recipe` as a process of the host: in its network, with its hosts file. The process that is started is the recipe's
/// own, for every program of the prefix replaces itself by the next.
pub(crate) fn process_in(tools: &Toolbox, host: &str, recipe: &Recipe) -> Command {
    let [nsenter, rest @ ..] = prefix(tools.nsenter.as_os_str(), tools.unshare.as_os_str(), host);
    let mut command = Command::new(nsenter);
    command.args(rest);
    if recipe.as_user {
        command.arg(&tools.unshare).args(["--user", "--map-user=1000", "--map-group=1000", "--"]);
    }
    command.arg(&recipe.program).args(&recipe.args);
    command.env_clear().env("PATH", &tools.path).env("HOME", &recipe.folder).env("LANG", "C.UTF-8").env("TZ", "UTC");
    command.envs(&recipe.env).current_dir(&recipe.folder);
    command
}

/// What is put before a command, so that it runs in the host's network and with its hosts file.
pub(crate) fn prefix(nsenter: &OsStr, unshare: &OsStr, host: &str) -> [OsString; 10] {
    let bind_and_go_on = r#"mount --bind "$1" /etc/hosts && shift && exec "$@""#;
    [
        nsenter.into(),
        net_argument(host),
        unshare.into(),
        "--mount".into(),
        "--".into(),
        "/bin/sh".into(),
        "-c".into(),
        bind_and_go_on.into(),
        "sh".into(),
        hosts_file(host).into(),
    ]
}

fn net_argument(host: &str) -> OsString {
    let mut argument = OsString::from("--net=");
    argument.push(namespace(host));
    argument
}

fn hosts_file(host: &str) -> PathBuf {
    Path::new(HOSTS_FILES).join(host)
}

/// Writes the hosts file of every host, and the conductor's own, whose path is returned.
pub(crate) fn write_hosts_files(plan: &Plan) -> Result<PathBuf, LabError> {
    std::fs::create_dir_all(HOSTS_FILES).map_err(LabError::file("create", HOSTS_FILES))?;
    let everybody = names_of_everybody(plan);
    for host in &plan.instances {
        let file = hosts_file(&host.name);
        std::fs::write(&file, format!("{everybody}{}", own_links(plan, host)))
            .map_err(LabError::file("write", &file))?;
    }
    let conductor = hosts_file("conductor");
    std::fs::write(&conductor, everybody).map_err(LabError::file("write", &conductor))?;
    Ok(conductor)
}

fn names_of_everybody(plan: &Plan) -> String {
    let mut text = format!("127.0.0.1 localhost\n{CONDUCTOR} conductor\n");
    for instance in &plan.instances {
        let _ = writeln!(text, "{} {}", instance.address, instance.name);
    }
    text
}

/// The host's own ways to the others end at the host itself, where its Toxiproxy listens.
fn own_links(plan: &Plan, host: &Instance) -> String {
    let mut text = String::new();
    for target in &plan.instances {
        let _ = writeln!(text, "{} {}", host.address, link_name(&target.name));
    }
    text
}
