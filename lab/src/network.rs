//! The lab's network: a bridge in the conductor's namespace, and a namespace with one address per host.

use crate::LabError;
use crate::command::output;
use crate::host::command_in;
use crate::plan::{CONDUCTOR, Instance, Plan};
use crate::toolbox::Toolbox;
use futures::future::try_join_all;
use std::fmt::Write as _;
use std::path::Path;
use tokio::process::Command;

const BRIDGE: &str = "lab";

/// Settings of every host. Ephemeral ports begin above the ports of links; an ordinary user in the nested namespace may
/// listen on port 80.
const SETTINGS: &[(&str, &str)] = &[
    ("net/ipv4/ip_unprivileged_port_start", "0"),
    ("net/ipv4/ip_local_port_range", "25000 65000"),
    ("net/ipv4/tcp_tw_reuse", "1"),
];

/// With a bound on the time between retransmissions, connections feel a heal within a second. The two counts keep
/// connections and connects alive through a cut: without them the bound would make them die after 15 s.
const BOUNDED: &[(&str, &str)] =
    &[("net/ipv4/tcp_rto_max_ms", "1000"), ("net/ipv4/tcp_retries2", "120"), ("net/ipv4/tcp_syn_retries", "100")];

/// Kernels without the bound: give up connects soon (7 s), so that a fresh one is tried after the heal.
const UNBOUNDED: &[(&str, &str)] = &[("net/ipv4/tcp_syn_retries", "2")];

/// Whether this kernel can bound the time between retransmissions.
pub(crate) fn bounds_retransmission() -> bool {
    Path::new("/proc/sys").join(BOUNDED[0].0).exists()
}

/// Makes the bridge and the hosts of `plan`, with addresses and settings.
pub(crate) async fn build(tools: &Toolbox, plan: &Plan) -> Result<(), LabError> {
    let hosts = &plan.instances;
    batch(tools, None, &bridge_and_links(hosts)).await?;
    try_join_all(hosts.iter().map(|host| furnish(tools, host))).await?;
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &settings_script()]);
    output("set up the conductor's network", command, None).await?;
    Ok(())
}

fn bridge_and_links(hosts: &[Instance]) -> String {
    let mut lines = format!(
        "link set lo up\nlink add {BRIDGE} type bridge\nlink set {BRIDGE} up\naddr add {CONDUCTOR}/24 dev {BRIDGE}\n"
    );
    for host in hosts {
        let _ = writeln!(lines, "netns add {}", host.name);
    }
    for (number, host) in hosts.iter().enumerate() {
        let _ = writeln!(lines, "link add h{number} type veth peer name eth0 netns {}", host.name);
        let _ = writeln!(lines, "link set h{number} master {BRIDGE} up");
    }
    lines
}

async fn furnish(tools: &Toolbox, host: &Instance) -> Result<(), LabError> {
    let lines = format!("link set lo up\naddr add {}/24 dev eth0\nlink set eth0 up\n", host.address);
    batch(tools, Some(&host.name), &lines).await?;
    let command = command_in(tools, &host.name, &["/bin/sh", "-c", &settings_script()]);
    output(&format!("set up the network of {}", host.name), command, None).await?;
    Ok(())
}

async fn batch(tools: &Toolbox, within: Option<&str>, lines: &str) -> Result<String, LabError> {
    let mut command = Command::new(&tools.ip);
    if let Some(name) = within {
        command.args(["-n", name]);
    }
    command.args(["-batch", "-"]);
    output("make the lab's network", command, Some(lines)).await
}

/// /proc/sys/net shows the network of whoever opens it.
fn settings_script() -> String {
    let bounds = if bounds_retransmission() { BOUNDED } else { UNBOUNDED };
    let lines = SETTINGS.iter().chain(bounds).map(|(name, value)| format!("echo '{value}' > /proc/sys/{name}"));
    lines.collect::<Vec<_>>().join(" && ")
}
