//! The file that keys and revocations are kept in. It is replaced as a whole and on the disk before anybody hears of
//! what it says: after a crash it is the old one or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::kept::{Kept, StoredKept};

const NAME: &str = "identity.json";
/// What a write has not finished; the next one begins it again.
const UNFINISHED: &str = "identity.json.new";
/// The file has private keys.
const OWNER_ONLY: u32 = 0o600;

/// The file, in its folder.
#[derive(Debug, Clone)]
pub(super) struct KeptFile {
    folder: PathBuf,
}

impl KeptFile {
    /// The file in `folder`, which is made where it is not there.
    pub(super) fn new(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Reads it; none where there is none.
    pub(super) fn read(&self, lifetime_seconds: i64) -> anyhow::Result<Option<Kept>> {
        let path = self.folder.join(NAME);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let stored: StoredKept =
            serde_json::from_slice(&text).with_context(|| format!("cannot understand {}", path.display()))?;
        Ok(Some(Kept::restore(stored, lifetime_seconds)?))
    }

    /// Replaces it; on the disk when this returns.
    pub(super) fn write(&self, kept: &Kept) -> anyhow::Result<()> {
        self.replace(kept).with_context(|| format!("cannot write {}", self.folder.join(NAME).display()))
    }

    fn replace(&self, kept: &Kept) -> anyhow::Result<()> {
        let unfinished = self.folder.join(UNFINISHED);
        let text = serde_json::to_vec(&kept.stored())?;
        // A file that is there keeps its permissions, whatever they are: the private keys go into a new one.
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(&unfinished)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&unfinished, self.folder.join(NAME))?;
        // The folder has the file's name.
        File::open(&self.folder)?.sync_all()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::kept::Revoked;
    use super::*;

    #[test]
    fn what_was_written_is_read_whatever_an_earlier_crash_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = KeptFile::new(&folder.path().join("data")).expect("a folder");
        assert!(file.read(300).expect("readable").is_none());
        fs::write(folder.path().join("data").join(UNFINISHED), "{\"id\":").expect("writable");
        let kept = Kept::new(300).expect("a key").revoked(Revoked::Client("c".to_owned()), 1_700_000_000);
        file.write(&kept).expect("writable");
        let read = file.read(300).expect("readable").expect("there");
        assert_eq!((read.id, &read.revocations), (kept.id, &kept.revocations));
        assert_eq!(read.signing().kid(), kept.signing().kid());
        let mode = fs::metadata(folder.path().join("data").join(NAME)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, OWNER_ONLY);
    }

    #[test]
    fn a_file_that_nobody_understands_is_not_taken_for_none() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(NAME), "poison").expect("writable");
        let error = KeptFile::new(folder.path()).expect("a folder").read(300).map(drop).expect_err("poison");
        assert!(error.to_string().contains(NAME), "{error}");
    }
}
