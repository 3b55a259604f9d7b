//! A PostgreSQL server of the process that asks for it.
//!
//! It is the one that `./setup` puts into the cache folder (`PROOFLOAD_HOME`, else `$XDG_CACHE_HOME/proofload`, else
//! `~/.cache/proofload`). It starts when it is first asked for, listens on a socket in a folder of its own and does not
//! sync; it ends, and its folder goes, when the process ends, however that ends.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use uuid::Uuid;

/// The version that `./setup` installs.
const VERSION: &str = "18.1.0";
/// How long a start may take on a loaded machine.
const BOUND: Duration = Duration::from_secs(120);

/// Serves until its input ends, which it does when the tests' process does; then nothing of it is left.
/// Arguments: the folder, the folder of programs, and what is put before a program.
const SUPERVISE: &str = r#"
folder=$1 programs=$2
shift 2
trap 'rm -rf "$folder"' EXIT
"$@" "$programs/initdb" --pgdata="$folder/data" --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync \
    >"$folder/log" 2>&1 || { sleep 1; exit 1; }
"$@" "$programs/postgres" -D "$folder/data" -c listen_addresses= -c unix_socket_directories="$folder" -c fsync=off \
    -c dynamic_shared_memory_type=mmap -c max_connections=300 -c shared_buffers=64MB -c timezone=UTC >>"$folder/log" 2>&1 &
server=$!
cat >/dev/null
kill -QUIT $server
wait $server
"#;

struct Server {
    folder: PathBuf,
    /// Its input is open as long as this process lives.
    _supervisor: Child,
}

static SERVER: OnceLock<Server> = OnceLock::new();

/// The folder of its socket.
pub(crate) fn folder() -> &'static Path {
    &SERVER.get_or_init(start).folder
}

fn start() -> Server {
    let programs = programs();
    let folder = std::env::temp_dir().join(format!("lending-postgres-{}", Uuid::new_v4().simple()));
    std::fs::create_dir(&folder).expect("a folder in the temporary folder");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SUPERVISE, "sh"]).arg(&folder).arg(&programs).args(as_user());
    // An interrupt in the terminal ends the tests; the supervisor sees that by its input.
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut supervisor = command.spawn().expect("a shell");
    let started = Instant::now();
    // The socket is there when the server takes connections, or will within the moment that a connection waits.
    while !folder.join(".s.PGSQL.5432").exists() || !folder.join("data/postmaster.pid").exists() {
        let ended = supervisor.try_wait().expect("a child of this process");
        let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(ended.is_none() && started.elapsed() < BOUND, "PostgreSQL did not start:\n{}", log());
        std::thread::sleep(Duration::from_millis(20));
    }
    while !ready(&folder) {
        assert!(started.elapsed() < BOUND, "PostgreSQL started and did not get ready within {BOUND:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Server { folder, _supervisor: supervisor }
}

/// `postmaster.pid` says in its eighth line how far the server is.
fn ready(folder: &Path) -> bool {
    let status = std::fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
    status.lines().nth(7).is_some_and(|line| line.trim() == "ready")
}

/// PostgreSQL refuses to be root: then it is another user in a user namespace, with root's own files.
fn as_user() -> &'static [&'static str] {
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if root { &["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"] } else { &[] }
}

fn programs() -> PathBuf {
    let folder = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = folder("PROOFLOAD_HOME")
        .or_else(|| Some(folder("XDG_CACHE_HOME")?.join("proofload")))
        .or_else(|| Some(folder("HOME")?.join(".cache/proofload")))
        .unwrap_or_else(|| PathBuf::from("/var/cache/proofload"));
    let programs = home.join("postgres").join(VERSION).join("bin");
    assert!(programs.join("postgres").exists(), "there is no PostgreSQL in {}: run ./setup", programs.display());
    programs
}
