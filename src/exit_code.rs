//! The exit codes: one exhaustive table, for the code, `--help` and the README.

use proofload_verify::Judgement;

/// How the command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitCode {
    Pass,
    Fail,
    Unknown,
    Usage,
    Environment,
    Defect,
    Interrupted,
    /// That of a command which `up` or `exec` ran inside a lab: its own, whatever it is.
    Command(u8),
}

/// Every exit code with its number and its meaning. 2 is left to shells and make.
pub(crate) const TABLE: &[(ExitCode, u8, &str)] = &[
    (ExitCode::Pass, 0, "pass: every promise was kept, and the evidence suffices to say so"),
    (ExitCode::Fail, 1, "fail: a promise was broken"),
    (ExitCode::Unknown, 3, "unknown: the evidence does not suffice for an answer"),
    (ExitCode::Usage, 64, "the experiment, the manifest or an argument is wrong; nothing was started"),
    (ExitCode::Environment, 69, "the environment cannot be brought up, or a file of the run cannot be written"),
    (ExitCode::Defect, 70, "a defect of proofload itself"),
    (ExitCode::Interrupted, 130, "interrupted, and healed"),
];

impl ExitCode {
    /// The number that a shell sees.
    pub(crate) fn number(self) -> u8 {
        if let Self::Command(own) = self {
            return own;
        }
        TABLE.iter().find(|(code, _, _)| *code == self).map_or(70, |(_, number, _)| *number)
    }

    /// What it means, as the table says; empty for a command's own.
    pub(crate) fn meaning(self) -> &'static str {
        TABLE.iter().find(|(code, _, _)| *code == self).map_or("", |(_, _, meaning)| *meaning)
    }

    /// The code behind a number; one that is in no table is a defect (a conductor that was killed, for example).
    pub(crate) fn of(number: u8) -> Self {
        TABLE.iter().find(|(_, known, _)| *known == number).map_or(Self::Defect, |(code, _, _)| *code)
    }

    /// The code of several runs: whatever kept one from an answer first, then the worst answer.
    pub(crate) fn worst(codes: impl IntoIterator<Item = Self>) -> Self {
        let order =
            [Self::Interrupted, Self::Defect, Self::Environment, Self::Usage, Self::Fail, Self::Unknown, Self::Pass];
        let seen: Vec<Self> = codes.into_iter().collect();
        order.into_iter().find(|code| seen.contains(code)).unwrap_or(Self::Unknown)
    }
}

impl From<Judgement> for ExitCode {
    fn from(judgement: Judgement) -> Self {
        match judgement {
            Judgement::Pass => Self::Pass,
            Judgement::Unknown => Self::Unknown,
            Judgement::Fail => Self::Fail,
        }
    }
}

/// The table as `--help` shows it.
pub(crate) fn help() -> String {
    let rows: Vec<String> = TABLE.iter().map(|(_, number, meaning)| format!("  {number:>3}  {meaning}")).collect();
    format!("Exit codes:\n{}\nA command that `up` or `exec` runs inside a lab ends them with its own.", rows.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fail_outweighs_an_unknown_and_a_missing_environment_outweighs_both() {
        assert_eq!(ExitCode::worst([ExitCode::Pass, ExitCode::Unknown, ExitCode::Fail]), ExitCode::Fail);
        assert_eq!(ExitCode::worst([ExitCode::Fail, ExitCode::Environment]), ExitCode::Environment);
        assert_eq!(ExitCode::worst([ExitCode::Pass, ExitCode::Pass]), ExitCode::Pass);
    }

    #[test]
    fn nothing_run_is_unknown() {
        assert_eq!(ExitCode::worst([]), ExitCode::Unknown);
    }

    #[test]
    fn the_readme_has_the_same_table() {
        let readme = include_str!("../README.md");
        for (_, number, meaning) in TABLE {
            assert!(
                readme.contains(&format!("| {number} | {meaning} |")),
                "README.md lacks `| {number} | {meaning} |`"
            );
        }
    }
}
