//! What the tests of the lab start: a conductor of one scenario inside the lab's namespaces, and the service that the
//! scenarios' systems consist of.
//!
//!     inside SCENARIO FOLDER      enters the namespaces and plays the scenario; its files go to FOLDER
//!     inside serve                the service: answers HTTP on $LISTEN

mod autopsy;
mod reading;
mod scenario;
mod secure;
mod service;
mod transaction;

use proofload_lab::{enter, init};
use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let first = args.first().and_then(|arg| arg.to_str()).unwrap_or_default();
    if first == enter::INIT_ARGUMENT {
        return ExitCode::from(init::run(&args[1..]));
    }
    if first == "serve" {
        return finish(runtime().block_on(service::serve()));
    }
    if std::env::var_os(enter::INSIDE_VARIABLE).is_some() {
        let folder = args.get(1).expect("a folder for the scenario's files");
        return finish(runtime().block_on(scenario::play(first, folder.as_ref())));
    }
    match enter::supervise(&args) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(69)
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

fn finish(result: Result<ExitCode, Box<dyn std::error::Error>>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}
