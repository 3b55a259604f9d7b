//! What is wrong in a file that somebody wrote: where, what, and the nearest valid name.

use proofload_lab::SpecError;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A file that cannot be used as it is, with everything that its author needs to mend it.
#[derive(Debug, thiserror::Error)]
#[error("{rendered}")]
pub(crate) struct FileProblem {
    rendered: String,
}

/// The mistake as a problem of the file at `path`, whose content is `text`.
pub(crate) fn in_file(mistake: &SpecError, path: &Path, text: &str) -> FileProblem {
    let mut rendered = match mistake.position(text) {
        Some((line, column)) => format!("{}:{line}:{column}: {}", path.display(), mistake.message),
        None => format!("{}: {}", path.display(), mistake.message),
    };
    if let Some(nearest) = mistake.nearest() {
        let _ = write!(rendered, "; did you mean `{nearest}`?");
    }
    if let (Some((line, column)), Some(span)) = (mistake.position(text), mistake.span.clone()) {
        let gutter = " ".repeat(line.to_string().len());
        let shown = text.lines().nth(line - 1).unwrap_or_default();
        let width = text.get(span).map_or(1, |marked| marked.lines().next().unwrap_or_default().chars().count().max(1));
        let _ = write!(rendered, "\n {gutter} |\n {line} | {shown}");
        let _ = write!(rendered, "\n {gutter} | {}{}", " ".repeat(column - 1), "^".repeat(width));
    }
    if !mistake.valid.is_empty() {
        let _ = write!(rendered, "\n   valid here: {}", mistake.valid.join(", "));
    }
    FileProblem { rendered }
}

/// The mistake in the text `changed`, as a problem of the file at `path`, whose content is `text`. Where variants or
/// overrides have made them differ it points nowhere: its author does not see the changed text.
pub(crate) fn in_changed_file(mistake: SpecError, changed: &str, path: &Path, text: &str) -> FileProblem {
    let span = mistake.span.clone().filter(|_| changed == text);
    in_file(&SpecError { span, ..mistake }, path, text)
}

/// Reads a file that somebody wrote.
pub(crate) fn read(path: &Path) -> Result<String, FileProblem> {
    std::fs::read_to_string(path)
        .map_err(|error| FileProblem { rendered: format!("{}: cannot read the file: {error}", path.display()) })
}

/// Which of several is meant, or what there is none of, when no name was given.
pub(crate) fn not_one(what: &str, found: &[PathBuf]) -> FileProblem {
    let Some((first, rest)) = found.split_first() else {
        return FileProblem { rendered: format!("no {what} can be found from here: give the path of its file") };
    };
    let all = rest.iter().fold(first.display().to_string(), |all, path| format!("{all}, {}", path.display()));
    FileProblem {
        rendered: format!("more than one {what} can be found: name the one that is meant\n   there are: {all}"),
    }
}

/// No file of that name; what was looked for, and where.
pub(crate) fn not_found(what: &str, name: &str, looked: &[PathBuf], valid: &[String]) -> FileProblem {
    let looked: Vec<String> = looked.iter().map(|path| path.display().to_string()).collect();
    let mut rendered = format!("no {what} called `{name}`");
    if let Some(nearest) = SpecError::unknown(what, name, None, valid.to_vec()).nearest() {
        let _ = write!(rendered, "; did you mean `{nearest}`?");
    }
    if !looked.is_empty() {
        let _ = write!(rendered, "\n   looked in: {}", looked.join(", "));
    }
    if !valid.is_empty() {
        let _ = write!(rendered, "\n   there are: {}", valid.join(", "));
    }
    FileProblem { rendered }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_the_line_the_column_and_the_nearest_name() {
        let text = "format = 1\ntaget = \"x\"\n";
        let mistake = SpecError::unknown("key", "taget", Some(11..16), vec!["title".to_owned(), "target".to_owned()]);
        assert_eq!(
            in_file(&mistake, Path::new("a.toml"), text).to_string(),
            "a.toml:2:1: there is no key `taget`; did you mean `target`?\n   |\n 2 | taget = \"x\"\n   | ^^^^^\n   valid here: title, target"
        );
    }

    #[test]
    fn a_file_that_is_missing_is_named_with_what_there_is() {
        let shown =
            not_found("experiment", "broker-kil", &[PathBuf::from("x")], &["broker-kill".to_owned()]).to_string();
        assert!(shown.contains("did you mean `broker-kill`?"), "{shown}");
    }
}
