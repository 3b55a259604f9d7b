//! The command as an operator drives it.

use std::process::{Command, Output};

fn lending(arguments: &[&str], environment: &[(&str, &str)]) -> std::io::Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lending"));
    command.args(arguments).env_clear().envs(environment.iter().copied()).output()
}

#[test]
fn a_variable_with_the_prefix_that_is_no_setting_is_refused_by_name() -> std::io::Result<()> {
    let output = lending(&["bureau"], &[("LENDING_LISTNE", "127.0.0.1:0")])?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success());
    assert!(said.contains("LENDING_LISTNE"), "{said}");
    Ok(())
}

#[test]
fn the_settings_are_listed_with_their_safe_defaults() -> std::io::Result<()> {
    let output = lending(&["settings"], &[])?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success());
    assert!(said.contains("LENDING_KAFKA_ACKS") && said.contains("`all`"), "{said}");
    Ok(())
}
