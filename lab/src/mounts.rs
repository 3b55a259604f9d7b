//! The lab's own /dev/shm, /tmp and /run: what processes leave there goes with the lab.

use crate::LabError;
use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, mount, mount_bind, mount_bind_recursive};
use std::fs::DirBuilder;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// The folders that are the lab's own, with their modes.
const PRIVATE: &[(&str, &std::ffi::CStr)] =
    &[("/dev/shm", c"mode=1777"), ("/tmp", c"mode=1777"), ("/run", c"mode=0755")];

/// Covers the private folders with empty ones that live in memory. What of `keep` (absolute paths) lies below one of
/// them, the run directory for example, stays where it is.
pub(crate) fn cover(keep: &[PathBuf]) -> Result<(), LabError> {
    for (folder, mode) in PRIVATE {
        let folder = Path::new(folder);
        if !folder.is_dir() {
            continue;
        }
        // Opened before the folder is covered: afterwards the paths lead into the empty one.
        let kept = outermost(keep, folder).into_iter().map(|path| Ok((path, open(path)?)));
        let kept = kept.collect::<Result<Vec<(&PathBuf, OwnedFd)>, LabError>>()?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount("tmpfs", folder, "tmpfs", flags, *mode).map_err(|error| LabError::file("mount", folder)(error.into()))?;
        for (path, below) in kept {
            DirBuilder::new().recursive(true).mode(0o755).create(path).map_err(LabError::file("create", path))?;
            let source = format!("/proc/self/fd/{}", below.as_raw_fd());
            mount_bind_recursive(source, path).map_err(|error| LabError::file("mount", path)(error.into()))?;
        }
    }
    Ok(())
}

/// Puts `file` in the place of /etc/hosts, for everybody in the lab who has none of their own.
pub(crate) fn cover_hosts(file: &Path) -> Result<(), LabError> {
    mount_bind(file, "/etc/hosts").map_err(|error| LabError::file("mount", "/etc/hosts")(error.into()))
}

/// Those of `keep` that lie below `folder` and exist, without those that lie below another of them.
fn outermost<'a>(keep: &'a [PathBuf], folder: &Path) -> Vec<&'a PathBuf> {
    let mut below: Vec<&PathBuf> =
        keep.iter().filter(|path| path.starts_with(folder) && *path != folder && path.is_dir()).collect();
    below.sort();
    // Sorted, a folder comes before what lies below it.
    below.dedup_by(|later, earlier| later.starts_with(&**earlier));
    below
}

fn open(path: &Path) -> Result<OwnedFd, LabError> {
    rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| LabError::file("read", path)(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_below_another_kept_folder_is_kept_with_it() {
        let root = tempfile::tempdir().unwrap();
        let (outer, inner) = (root.path().join("a"), root.path().join("a/b"));
        std::fs::create_dir_all(&inner).unwrap();
        let keep = [inner, outer.clone(), root.path().join("gone"), PathBuf::from("/elsewhere")];
        assert_eq!(outermost(&keep, root.path()), [&outer]);
    }
}
