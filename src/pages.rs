//! A page per check and per fault, written from the tables that the parser uses.

use proofload_chaos::{COMMON_KEYS, FAULTS};
use proofload_verify::{CHECKS, Class};
use std::fmt::Write as _;

/// Every page: where it lies below the folder of the documentation, and its text.
pub(crate) fn pages() -> Vec<(String, String)> {
    let checks = CHECKS.iter().map(|about| (format!("checks/{}.md", about.name), check(about)));
    let faults = FAULTS.iter().map(|about| (format!("faults/{}.md", about.name), fault(about)));
    checks.chain(faults).collect()
}

fn check(about: &proofload_verify::About) -> String {
    let class = match about.class {
        Class::Safety => "Safety: it stands whatever the load was.",
        Class::Performance => "Performance: it is unknown when the load was not the one asked for.",
    };
    let mut page = format!("# {}\n\n{}\n\n{class}\n\n", about.name, about.invariant);
    let _ = write!(page, "**Counterexample.** {}\n\n**Cost.** {}\n\n", about.counterexample, about.cost);
    keys(&mut page, &[("check", "the name of this check")], about.keys);
    figures(&mut page, about.figures.iter().copied().flatten());
    example(&mut page, &format!("[expect.some-name]\ncheck = \"{}\"\n{}", about.name, about.example.trim()));
    page
}

fn fault(about: &proofload_chaos::About) -> String {
    let mut page = format!("# {}\n\n{}\n\n", about.name, about.sentence);
    let needs = if about.needs.is_empty() { "nothing".to_owned() } else { about.needs.join(", ") };
    let _ = write!(page, "**Needs of the environment.** {needs}\n\n**Injected.** {}\n\n", about.injected);
    let _ = write!(page, "**Attested.** {}\n\n**Healed.** {}\n\n", about.attested, about.healed);
    let _ = write!(page, "**Beside other faults.** {}\n\n", about.beside);
    keys(&mut page, COMMON_KEYS, about.keys);
    example(&mut page, about.example.trim());
    page
}

/// What a control can name: `because = { figure = "...", above = 1 }`.
fn figures<'a>(page: &mut String, figures: impl Iterator<Item = &'a (&'a str, &'a str)>) {
    page.push_str("\n| figure of its finding | meaning |\n| --- | --- |\n");
    for (figure, meaning) in figures {
        let _ = writeln!(page, "| `{figure}` | {meaning} |");
    }
}

fn keys(page: &mut String, common: &[(&str, &str)], own: &[(&str, &str)]) {
    page.push_str("| key | meaning |\n| --- | --- |\n");
    for (key, meaning) in common.iter().chain(own) {
        let _ = writeln!(page, "| `{key}` | {} |", meaning.replace('|', "\\|"));
    }
}

fn example(page: &mut String, text: &str) {
    let _ = write!(page, "\n```toml\n{text}\n```\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_pages_in_the_repository_are_those_of_the_tables() {
        for (place, text) in pages() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(&place);
            let written = std::fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(written, text, "docs/{place} is out of date: run `proofload pages docs`");
        }
    }
}
