//! Files that a command leaves: each of them whole, or as it was before. And how a reader types where they are.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file or a folder of the command's own that could not be written: the environment's failure, not the user's input.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unwritten(String);

impl Unwritten {
    /// With all that is to be said of it.
    pub(crate) fn of(error: impl Display) -> Self {
        Self(error.to_string())
    }
}

/// Puts what `write` gives at `path` in one step: whoever reads it, and whatever happens in between, meets what was there
/// before, or all of it.
///
/// # Errors
/// [`Unwritten`] if it cannot be written; else whatever `write` says.
pub(crate) fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let fresh = path.with_file_name(format!(".{}.part", path.file_name().unwrap_or_default().to_string_lossy()));
    let cannot = |error: io::Error| Unwritten(format!("cannot write {}: {error}", path.display()));
    let mut out = Watched { to: BufWriter::new(File::create(&fresh).map_err(cannot)?), failed: None };
    let written = write(&mut out).and_then(|()| Ok(out.flush()?));
    let written = match out.failed.take() {
        Some(error) => Err(cannot(error).into()),
        None => written.and_then(|()| Ok(std::fs::rename(&fresh, path).map_err(cannot)?)),
    };
    if written.is_err() {
        // What is left of it is nothing to anybody.
        let _ = std::fs::remove_file(&fresh);
    }
    written
}

/// Puts `text` at `path`, as [`replace`] does.
///
/// # Errors
/// [`Unwritten`] if it cannot be written.
pub(crate) fn write(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    replace(path, |out| Ok(out.write_all(text)?))
}

/// Makes the folder of `path`, and those above it.
///
/// # Errors
/// [`Unwritten`] if it cannot be made.
pub(crate) fn make_folder_of(path: &Path) -> Result<(), Unwritten> {
    let Some(folder) = path.parent() else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|error| Unwritten(format!("cannot create {}: {error}", folder.display())))
}

/// Remembers that it could not write: who renders into it may say less.
struct Watched<W> {
    to: W,
    failed: Option<io::Error>,
}

impl<W> Watched<W> {
    fn seen<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        done.map_err(|error| {
            let (kind, said) = (error.kind(), error.to_string());
            self.failed = Some(error);
            io::Error::new(kind, said)
        })
    }
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes);
        self.seen(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.to.flush();
        self.seen(flushed)
    }
}

/// A folder as a reader would type it.
pub(crate) fn shown(folder: &Path) -> PathBuf {
    let working = std::env::current_dir().unwrap_or_default();
    folder.strip_prefix(&working).map_or_else(|_| folder.to_owned(), Path::to_owned)
}

/// Where a path leads that is a link itself, as `latest` is: the link may lead elsewhere tomorrow.
pub(crate) fn behind_link(path: &Path) -> PathBuf {
    let path: PathBuf = path.components().collect();
    match std::fs::read_link(&path) {
        Ok(target) => path.parent().unwrap_or(Path::new("")).join(target),
        Err(_) => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_in_full_leaves_what_was_there_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("matrix.json");
        write(&path, b"whole").unwrap();
        let error = replace(&path, |out| {
            out.write_all(b"ha")?;
            anyhow::bail!("it cannot be rendered")
        });
        assert_eq!(error.unwrap_err().to_string(), "it cannot be rendered");
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named_with_the_file() {
        let error = write(Path::new("/nowhere/report.html"), b"x").unwrap_err();
        assert!(error.is::<Unwritten>());
        assert!(error.to_string().starts_with("cannot write /nowhere/report.html: "), "{error}");
    }

    #[test]
    fn a_disk_that_is_full_is_told_whatever_the_writer_makes_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        std::os::unix::fs::symlink("/dev/full", folder.path().join(".report.html.part")).unwrap();
        let error = replace(&path, |out| {
            let _ = out.write_all(&[b'x'; 100_000]);
            anyhow::bail!("a format's own library says this")
        });
        let error = error.unwrap_err();
        assert!(error.is::<Unwritten>() && error.to_string().contains("report.html: No space left"), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn a_link_is_followed_once_and_a_folder_stays_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (run, latest) = (folder.path().join("2026-01-01T00-00-00Z"), folder.path().join("latest"));
        std::fs::create_dir(&run).unwrap();
        std::os::unix::fs::symlink("2026-01-01T00-00-00Z", &latest).unwrap();
        assert_eq!([&latest, &latest.join(""), &run].map(|path| behind_link(path)), [run.clone(), run.clone(), run]);
    }
}
