//! Labs that run now, found where nothing can be left behind: among the processes of this user.

use super::INIT_ARGUMENT;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A lab that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Its PID 1, as this process sees it.
    pub(super) init: u32,
    /// The arguments that its conductor was started with.
    pub conductor: Vec<OsString>,
}

/// The labs of this user that run now, in the order of their process ids. From the inside of a lab that is the lab
/// itself.
#[must_use]
pub fn running() -> Vec<Running> {
    let own = rustix::process::geteuid().as_raw();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut found: Vec<Running> = entries
        .filter(|entry| entry.metadata().is_ok_and(|data| data.uid() == own))
        .filter_map(|entry| {
            let init = entry.file_name().to_str()?.parse().ok()?;
            let conductor = conductor(&std::fs::read(entry.path().join("cmdline")).ok()?)?;
            Some(Running { init, conductor })
        })
        .collect();
    found.sort_by_key(|lab| lab.init);
    found
}

impl Running {
    /// A file of the lab, `path` being absolute there, as this process reaches it.
    #[must_use]
    pub fn file(&self, path: &Path) -> PathBuf {
        self.proc("root").join(path.strip_prefix("/").unwrap_or(path))
    }

    pub(super) fn proc(&self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.init.to_string()).join(name)
    }
}

/// The arguments of the conductor from the command line of a PID 1, as /proc shows it; `None` if it is another process.
fn conductor(command_line: &[u8]) -> Option<Vec<OsString>> {
    let words = command_line.strip_suffix(b"\0")?.split(|byte| *byte == 0);
    let mut words = words.map(|word| OsString::from_vec(word.to_vec())).skip(1);
    (words.next()? == INIT_ARGUMENT).then(|| words.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_is_known_by_its_first_argument_and_by_no_later_one() {
        let keep = conductor(b"/usr/bin/proofload\0lab-init\0keep\0/runs/a b\0\0").unwrap();
        assert_eq!(keep, ["keep", "/runs/a b", ""]);
        assert_eq!(conductor(b"unshare\0--net\0--\0/usr/bin/proofload\0lab-init\0keep\0"), None);
        assert_eq!(conductor(b"sh\0"), None);
        assert_eq!(conductor(b""), None, "a thread of the kernel");
    }
}
