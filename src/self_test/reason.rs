//! A control's reason in words.

use proofload_verify::{Because, Beyond};

/// What must be seen of a broken design: `10 or more lost at log.submitted during leader-cut`.
pub(super) fn reason(because: &Because) -> String {
    match because {
        Because::Offenders { defect, stage, during, at_least } => {
            let during = during.as_ref().map_or_else(String::new, |fault| format!(" during {fault}"));
            format!("{at_least} or more {} at {stage}{during}", defect.name())
        }
        Because::Figure { figure, beyond: Beyond::Above(bound) } => format!("{figure} above {bound}"),
        Because::Figure { figure, beyond: Beyond::Below(bound) } => format!("{figure} below {bound}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(because: &str) -> String {
        let text = format!("must_fail = \"it\"\nbecause = {{ {because} }}\n");
        reason(&toml::from_str::<proofload_verify::Control>(&text).unwrap().because)
    }

    #[test]
    fn a_reason_is_told_in_words() {
        let lost = "lost_at = \"log.in\", during = \"leader-cut\", at_least = 10";
        assert_eq!(words(lost), "10 or more lost at log.in during leader-cut");
        assert_eq!(words("repeated_at = \"db.row\""), "1 or more repeated at db.row");
        assert_eq!(words("figure = \"p95_ms\", above = 500.0"), "p95_ms above 500");
        assert_eq!(words("figure = \"served\", below = 0.5"), "served below 0.5");
    }
}
