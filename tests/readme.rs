//! The README is true: every command in it is one that the program knows, and every file that it names is there.

#![expect(clippy::unwrap_used, reason = "a test ends where its preparation fails")]

use assert_cmd::Command;
use std::path::Path;

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

#[test]
fn every_command_in_the_readme_is_known() {
    let text = readme();
    let lines = text.lines().filter_map(|line| line.strip_prefix("    proofload "));
    let verbs: Vec<&str> = lines.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(verbs.len() > 8, "only {verbs:?} were found");
    for verb in verbs {
        Command::cargo_bin("proofload").unwrap().args([verb, "--help"]).assert().code(0);
    }
}

#[test]
fn every_make_target_in_the_readme_exists() {
    let makefile = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Makefile")).unwrap();
    let text = readme();
    let targets: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("    make ")?.split_whitespace().next()).collect();
    assert!(targets.len() >= 2, "only {targets:?} were found");
    for target in targets {
        assert!(makefile.contains(&format!("\n{target}:")), "the Makefile has no target `{target}`");
    }
}

#[test]
fn every_file_that_the_readme_links_to_is_there() {
    let text = readme();
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    for link in links.filter(|link| !link.contains("://")) {
        assert!(
            Path::new(env!("CARGO_MANIFEST_DIR")).join(link).exists(),
            "README.md links to {link}, which is not there"
        );
    }
}
