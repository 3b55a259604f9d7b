//! What this machine lets us do, found out by doing it.

use super::unshare;
use crate::network::bounds_retransmission;
use std::process::{Output, Stdio};
use std::time::Duration;

/// How long one attempt may take.
const WITHIN: Duration = Duration::from_secs(10);

/// What to do where namespaces are refused.
const ALLOW_NAMESPACES: &str = "run as root; on Ubuntu 23.10 and newer: `sudo sysctl -w \
    kernel.apparmor_restrict_unprivileged_userns=0`; elsewhere: `sudo sysctl -w user.max_user_namespaces=15000`; in a \
    container: start it with --privileged";

/// Something that the lab needs or can use of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// What: `network namespaces`.
    pub name: &'static str,
    /// What it is for: `every host of the lab`.
    pub enables: &'static str,
    /// Whether nothing can run without it.
    pub needed: bool,
    /// What went wrong when it was tried; `None` if it works.
    pub problem: Option<String>,
    /// How to get it.
    pub how: &'static str,
}

impl Capability {
    /// Whether this machine has it.
    #[must_use]
    pub fn works(&self) -> bool {
        self.problem.is_none()
    }
}

struct Attempt {
    name: &'static str,
    enables: &'static str,
    needed: bool,
    /// What is run, by a shell, in fresh namespaces like those of a lab.
    script: &'static str,
    how: &'static str,
}

const ATTEMPTS: &[Attempt] = &[
    Attempt { name: "namespaces", enables: "the lab", needed: true, script: "true", how: ALLOW_NAMESPACES },
    Attempt {
        name: "mounts",
        enables: "the lab's own /tmp, /run and /dev/shm, and a hosts file per host",
        needed: true,
        script: "mount -t tmpfs tmpfs /run && : > /run/hosts && mount --bind /run/hosts /etc/hosts",
        how: ALLOW_NAMESPACES,
    },
    Attempt {
        name: "network",
        enables: "hosts: a bridge and a network namespace for each",
        needed: true,
        script: "mount -t tmpfs tmpfs /run && ip link add lab type bridge && ip netns add a && \
                 ip link add h0 type veth peer name eth0 netns a && ip link set h0 master lab up && \
                 nsenter --net=/run/netns/a sh -c 'echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start'",
        how: "a kernel with bridge and veth (`sudo modprobe bridge veth`), and leave to make namespaces",
    },
    Attempt {
        name: "nested user namespace",
        enables: "components of kind `postgres` and `nginx`, which refuse to be root",
        needed: true,
        script: "unshare --user --map-user=1000 --map-group=1000 sh -c 'test \"$(id -u)\" = 1000'",
        how: ALLOW_NAMESPACES,
    },
    Attempt {
        name: "nftables",
        enables: "partitions and packet loss",
        needed: false,
        script: "ip link set lo up && nft 'add table inet t; \
                 add chain inet t o { type filter hook output priority 0; }; add rule inet t o ip daddr 198.18.0.1 counter drop'",
        how: "a kernel with nf_tables (`sudo modprobe nf_tables`), and the package nftables: run ./setup",
    },
    Attempt {
        name: "netem",
        enables: "delay, reordering and duplicates of packets between any two hosts; links are slowed by Toxiproxy without it",
        needed: false,
        script: "ip link set lo up && tc qdisc add dev lo root netem delay 1ms",
        how: "a kernel with sch_netem (`sudo modprobe sch_netem`; on Ubuntu the package linux-modules-extra), and root",
    },
    Attempt {
        name: "tbf",
        enables: "a bound on the bandwidth between any two hosts",
        needed: false,
        script: "ip link set lo up && tc qdisc add dev lo root tbf rate 1mbit burst 32kbit latency 50ms",
        how: "a kernel with sch_tbf (`sudo modprobe sch_tbf`)",
    },
];

/// Tries everything that the lab needs or can use, in fresh namespaces that are gone afterwards.
#[must_use]
pub fn probe() -> Vec<Capability> {
    let mut found: Vec<Capability> = ATTEMPTS.iter().map(attempt).collect();
    let problem = (!bounds_retransmission()).then(|| "/proc/sys/net/ipv4/tcp_rto_max_ms is not there".to_owned());
    found.push(Capability {
        name: "tcp_rto_max_ms",
        enables: "connections that feel the end of a cut within a second, instead of after many",
        needed: false,
        problem,
        how: "Linux 6.15 or newer",
    });
    found
}

fn attempt(attempt: &Attempt) -> Capability {
    let Attempt { name, enables, needed, how, .. } = *attempt;
    Capability { name, enables, needed, problem: run(attempt.script).err(), how }
}

fn run(script: &str) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let output = runtime.block_on(async {
        let mut command = unshare();
        command.args(["/bin/sh", "-c", script]).env("PATH", path()).stdin(Stdio::null()).kill_on_drop(true);
        tokio::time::timeout(WITHIN, command.output()).await
    });
    match output {
        Ok(Ok(Output { status, .. })) if status.success() => Ok(()),
        Ok(Ok(output)) => Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")),
        Ok(Err(error)) => Err(format!("cannot start unshare: {error}")),
        Err(_) => Err(format!("no result after {WITHIN:?}")),
    }
}

/// The user's PATH, and the system folders that an ordinary user's may lack.
fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}
