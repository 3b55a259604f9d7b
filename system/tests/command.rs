//! The command as an operator drives it.

use std::io::{BufRead, BufReader, ErrorKind, Lines, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

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

/// A rail that runs, with a request in flight: its head is with the rail, which waits for its body.
struct Rail {
    process: Child,
    log: Lines<BufReader<ChildStdout>>,
    request: TcpStream,
    _folder: TempDir,
}

const BODY: &str = r#"{"transfers":[]}"#;

impl Rail {
    fn start(shutdown: &str) -> std::io::Result<Self> {
        let folder = tempfile::tempdir()?;
        // Between looking for a free port and listening on it somebody else may take it.
        for _ in 0..5 {
            let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
            let mut command = Command::new(env!("CARGO_BIN_EXE_lending"));
            command
                .arg("rail")
                .env_clear()
                .env("LENDING_LISTEN", listen.to_string())
                .env("LENDING_DATA", folder.path());
            command.env("LENDING_SHUTDOWN", shutdown).env("LENDING_SHUTDOWN_TIMEOUT", "60s").stdout(Stdio::piped());
            let mut process = command.spawn()?;
            let stdout = process.stdout.take().ok_or(ErrorKind::BrokenPipe)?;
            let mut log = BufReader::new(stdout).lines();
            if says(&mut log, "listening")? {
                let request = in_flight(TcpStream::connect(listen)?)?;
                return Ok(Self { process, log, request, _folder: folder });
            }
            process.wait()?;
        }
        Err(ErrorKind::AddrInUse.into())
    }

    fn terminate(&self) -> std::io::Result<()> {
        Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().map(drop)
    }
}

/// Whether the log says `text` before it ends.
fn says(log: &mut Lines<BufReader<ChildStdout>>, text: &str) -> std::io::Result<bool> {
    for line in log {
        if line?.contains(text) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Sends the head of a request that waits to be told to send its body: that it is told means that it is in work.
fn in_flight(mut request: TcpStream) -> std::io::Result<TcpStream> {
    request.set_read_timeout(Some(Duration::from_secs(60)))?;
    let length = BODY.len();
    let head = format!(
        "POST /v1/transfers HTTP/1.1\r\nHost: rail\r\nContent-Type: application/json\r\n\
        Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    );
    request.write_all(head.as_bytes())?;
    let mut told = [0; 25];
    request.read_exact(&mut told)?;
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    Ok(request)
}

#[test]
fn a_graceful_stop_finishes_what_is_in_flight() -> std::io::Result<()> {
    let mut rail = Rail::start("graceful")?;
    rail.terminate()?;
    assert!(says(&mut rail.log, "told to stop by SIGTERM")?);
    rail.request.write_all(BODY.as_bytes())?;
    let mut answer = String::new();
    rail.request.read_to_string(&mut answer)?;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let ended = rail.process.wait()?;
    assert!(ended.success(), "{ended}");
    Ok(())
}

#[test]
fn an_abrupt_stop_drops_what_is_in_flight() -> std::io::Result<()> {
    let mut rail = Rail::start("abrupt")?;
    rail.terminate()?;
    // Nobody sends the body: who waited for it would wait for a minute.
    assert_eq!(rail.process.wait()?.code(), Some(143));
    assert!(says(&mut rail.log, "what is in flight is dropped")?);
    let mut answer = String::new();
    let read = rail.request.read_to_string(&mut answer);
    assert!(answer.is_empty(), "{read:?}: {answer}");
    Ok(())
}
