//! The programs that the lab runs on, and what to do about a missing one.

use crate::LabError;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Versions of what `./setup` puts into the cache folder; the same as there.
const KAFKA: &str = "4.3.0";
const POSTGRES: &str = "18.1.0";
const TOXIPROXY: &str = "2.12.0";

/// The oldest Java that Kafka's brokers run on.
const JAVA_MIN: u32 = 17;

const SETUP: &str = "run ./setup";

/// Something that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The program or folder: `redis-server`.
    pub what: String,
    /// What it is for: `components of kind "redis"`.
    pub enables: String,
    /// How to get it.
    pub how: String,
}

impl From<Vec<Missing>> for LabError {
    /// All that is missing in one message: whoever installs things wants to know at once.
    fn from(missing: Vec<Missing>) -> Self {
        let mut ways: Vec<String> = missing.iter().map(|missing| missing.how.clone()).collect();
        ways.dedup();
        let what = missing.into_iter().map(|missing| missing.what).collect::<Vec<_>>().join(", ");
        Self::MissingBinary { what, how: ways.join("; ") }
    }
}

/// The programs that the lab runs on, as absolute paths.
#[derive(Clone, Debug)]
pub struct Toolbox {
    /// `ip` of iproute2.
    pub ip: PathBuf,
    /// `nft`.
    pub nft: PathBuf,
    /// `nsenter`.
    pub nsenter: PathBuf,
    /// `unshare`.
    pub unshare: PathBuf,
    /// `redis-server`.
    pub redis: PathBuf,
    /// `nginx`.
    pub nginx: PathBuf,
    /// `java`.
    pub java: PathBuf,
    /// The folder of `postgres` and `initdb`.
    pub postgres: PathBuf,
    /// `toxiproxy-server`.
    pub toxiproxy: PathBuf,
    /// Kafka's own parts.
    pub kafka: KafkaTools,
    /// The cache folder that `./setup` fills.
    pub home: PathBuf,
    /// PATH for everything that is started: the user's, and the system folders that an ordinary user's may lack.
    pub path: OsString,
}

/// What brokers are started from.
#[derive(Clone, Debug)]
pub struct KafkaTools {
    /// The sorted class path: the archive below was trained with exactly this one.
    pub class_path: OsString,
    /// Where brokers log to.
    pub log4j: PathBuf,
    /// A formatted folder, to be copied.
    pub formatted: PathBuf,
    /// The archive of loaded classes for this very build of Java, if `./setup` made one; brokers start without it too,
    /// in twice the time.
    pub archive: Option<PathBuf>,
}

impl Toolbox {
    /// Looks for everything, in PATH and in the folder that `./setup` fills: `PROOFLOAD_HOME`, else
    /// `$XDG_CACHE_HOME/proofload`, else `~/.cache/proofload`.
    ///
    /// # Errors
    /// What is missing, all of it.
    pub fn find() -> Result<Self, Vec<Missing>> {
        Self::find_in(&home(), std::env::var_os("PATH").unwrap_or_default())
    }

    /// The same with a given cache folder and PATH.
    ///
    /// # Errors
    /// What is missing, all of it.
    pub fn find_in(home: &Path, path: OsString) -> Result<Self, Vec<Missing>> {
        let mut search = Search { path: with_system_folders(path), missing: Vec::new() };
        let ip = search.program("ip", "iproute2", "the lab's network");
        let nft = search.program("nft", "nftables", "partitions and packet loss");
        let nsenter = search.program("nsenter", "util-linux", "running something in a host");
        let unshare = search.program("unshare", "util-linux", "entering namespaces");
        let redis = search.program("redis-server", "redis-server", "components of kind `redis`");
        let nginx = search.program("nginx", "nginx-light", "components of kind `nginx`");
        let (java, build) = search.java();
        let kafka = search.kafka(&home.join("kafka").join(KAFKA), build.as_deref());
        let postgres = search.file(&home.join("postgres").join(POSTGRES).join("bin"), "components of kind `postgres`");
        let toxiproxy = home.join("toxiproxy").join(TOXIPROXY).join("toxiproxy-server");
        let toxiproxy = search.file(&toxiproxy, "links");
        let Search { path, missing } = search;
        if !missing.is_empty() {
            return Err(missing);
        }
        let home = home.to_owned();
        Ok(Self { ip, nft, nsenter, unshare, redis, nginx, java, postgres, toxiproxy, kafka, home, path })
    }

    /// The program `name` of a system under test: beside this executable, else in PATH.
    #[must_use]
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let beside = std::env::current_exe().ok()?.parent()?.join(name);
        if is_program(&beside) { Some(beside) } else { in_path(&self.path, name) }
    }
}

/// The cache folder that `./setup` fills.
fn home() -> PathBuf {
    let folder = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    folder("PROOFLOAD_HOME")
        .or_else(|| Some(folder("XDG_CACHE_HOME")?.join("proofload")))
        .or_else(|| Some(folder("HOME")?.join(".cache/proofload")))
        .unwrap_or_else(|| PathBuf::from("/var/cache/proofload"))
}

struct Search {
    path: OsString,
    missing: Vec<Missing>,
}

impl Search {
    /// A program of the system; an empty path if it is missing.
    fn program(&mut self, name: &str, package: &str, enables: &str) -> PathBuf {
        in_path(&self.path, name).unwrap_or_else(|| {
            let how = format!("{SETUP} (it installs the package {package})");
            self.lacks(name, enables, how);
            PathBuf::new()
        })
    }

    /// A file or folder that `./setup` makes.
    fn file(&mut self, path: &Path, enables: &str) -> PathBuf {
        if !path.exists() {
            self.lacks(&path.display().to_string(), enables, SETUP.to_owned());
        }
        path.to_owned()
    }

    /// Java, and its build as `java -version` names it.
    fn java(&mut self) -> (PathBuf, Option<String>) {
        let own = std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
        let Some(java) = own.filter(|java| is_program(java)).or_else(|| in_path(&self.path, "java")) else {
            let how = format!("{SETUP} (it installs a Java runtime)");
            self.lacks("java", "components of kind `kafka`", how);
            return (PathBuf::new(), None);
        };
        let said = Command::new(&java).arg("-version").output();
        let said = said.map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).unwrap_or_default();
        if java_major(&said).is_none_or(|major| major < JAVA_MIN) {
            let what = format!("Java {JAVA_MIN} or newer ({} is older)", java.display());
            self.lacks(&what, "components of kind `kafka`", format!("{SETUP}, or point JAVA_HOME to a newer one"));
        }
        (java, java_build(&said))
    }

    fn kafka(&mut self, folder: &Path, java_build: Option<&str>) -> KafkaTools {
        let enables = "components of kind `kafka`";
        let libs = self.file(&folder.join("libs"), enables);
        let formatted = self.file(&folder.join("formatted"), enables);
        let log4j = self.file(&folder.join("log4j2.properties"), enables);
        let archive = java_build.map(|build| folder.join(format!("broker-{build}.jsa"))).filter(|it| it.is_file());
        KafkaTools { class_path: class_path(&libs), log4j, formatted, archive }
    }

    fn lacks(&mut self, what: &str, enables: &str, how: String) {
        self.missing.push(Missing { what: what.to_owned(), enables: enables.to_owned(), how });
    }
}

/// `17` of `openjdk version "17.0.15" 2025-04-15`.
fn java_major(said: &str) -> Option<u32> {
    said.split('"').nth(1)?.split(['.', '-', '+']).next()?.parse().ok()
}

/// `17.0.15+6-Debian-1deb12u1` of the second line's `(build 17.0.15+6-Debian-1deb12u1)`, as `./setup` writes it.
fn java_build(said: &str) -> Option<String> {
    let build = said.lines().nth(1)?.split_once("(build ")?.1.split([',', ')']).next()?;
    let plain = |c: char| if c.is_ascii_alphanumeric() || ".+_-".contains(c) { c } else { '_' };
    Some(build.chars().map(plain).collect())
}

fn class_path(libs: &Path) -> OsString {
    let entries = std::fs::read_dir(libs).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut jars: Vec<PathBuf> = entries.filter(|path| path.extension() == Some(OsStr::new("jar"))).collect();
    jars.sort();
    std::env::join_paths(jars).unwrap_or_default()
}

fn with_system_folders(path: OsString) -> OsString {
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    for folder in ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"] {
        if !folders.iter().any(|it| it == Path::new(folder)) {
            folders.push(folder.into());
        }
    }
    std::env::join_paths(folders).unwrap_or(path)
}

fn in_path(path: &OsStr, name: &str) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(name)).find(|file| is_program(file))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = "openjdk version \"17.0.15\" 2025-04-15\n\
        OpenJDK Runtime Environment (build 17.0.15+6-Debian-1deb12u1)\n\
        OpenJDK 64-Bit Server VM (build 17.0.15+6-Debian-1deb12u1, mixed mode, sharing)\n";

    #[test]
    fn the_archive_is_named_by_the_build_of_java() {
        assert_eq!(java_build(DEBIAN).as_deref(), Some("17.0.15+6-Debian-1deb12u1"));
        assert_eq!(java_major(DEBIAN), Some(17));
        assert_eq!(java_major("openjdk version \"21-ea\" 2023"), Some(21));
    }

    #[test]
    fn what_is_missing_says_to_run_setup() {
        let nowhere = tempfile::tempdir().unwrap();
        let missing = Toolbox::find_in(nowhere.path(), nowhere.path().into()).unwrap_err();
        let toxiproxy = missing.iter().find(|it| it.what.contains("toxiproxy-server")).unwrap();
        assert_eq!((toxiproxy.how.as_str(), toxiproxy.enables.as_str()), ("run ./setup", "links"));
    }
}
