//! What the tests of the faults start: a small system inside the lab's namespaces, with faults injected into it.
//!
//!     breaking MANIFEST FAULTS FOLDER [interrupt]   both are files; the journal goes to FOLDER
//!     breaking serve                               the service that the systems consist of: answers HTTP on $LISTEN
//!
//! With `interrupt`, everything is healed as soon as the first fault is active, as on SIGINT.

mod service;

use proofload_chaos::{Chaos, FaultPlan, Names, Schedule, Setting};
use proofload_history::{Clock, Phase, Recorder, RunDir};
use proofload_lab::manifest::Manifest;
use proofload_lab::{Lab, Toolbox, enter, init};
use std::error::Error;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use toml::de::DeTable;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let first = args.first().and_then(|arg| arg.to_str()).unwrap_or_default();
    if first == enter::INIT_ARGUMENT {
        return init::run(&args[1..]).into();
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let done = if first == "serve" {
        runtime.block_on(service::serve())
    } else if std::env::var_os(enter::INSIDE_VARIABLE).is_some() {
        runtime.block_on(play(&args))
    } else {
        // Its threads must not be there when the namespaces are entered.
        drop(runtime);
        return enter::supervise(&args).map_or_else(|error| failed(&error), ExitCode::from);
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&*error),
    }
}

fn failed(error: &dyn Error) -> ExitCode {
    eprintln!("{error}");
    ExitCode::FAILURE
}

async fn play(args: &[OsString]) -> Result<(), Box<dyn Error>> {
    let [manifest, faults, folder, rest @ ..] = args else { return Err("MANIFEST FAULTS FOLDER".into()) };
    let manifest = Manifest::parse(&std::fs::read_to_string(manifest)?)?;
    let schedule = schedule(&std::fs::read_to_string(faults)?, &manifest)?;
    let run = RunDir::at(Path::new(folder));
    let recorder = Arc::new(Recorder::create(&run, Clock::new())?);
    let tools = Toolbox::find().map_err(|missing| format!("{missing:?}"))?;
    let lab = Lab::start(&manifest, &run, Arc::clone(&recorder), &tools, false, &|said| eprintln!("{said}")).await?;
    let gauges: proofload_chaos::ReadGauge = Arc::new(|_| Box::pin(async { Ok(0.0) }));
    let chaos = Chaos::new(Setting { lab: lab.clone(), recorder, gauges, seed: 7 }, schedule);
    let phases = watch::Sender::new(Some(Phase::Fault));
    let outcomes = if rest.is_empty() {
        chaos.run(phases.subscribe()).await
    } else {
        let (outcomes, ()) = tokio::join!(chaos.run(phases.subscribe()), interrupt(&chaos));
        outcomes
    };
    for outcome in outcomes {
        eprintln!("{outcome:?}");
    }
    lab.stop().await;
    Ok(())
}

async fn interrupt(chaos: &Chaos) {
    while chaos.active().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    chaos.heal_all("interrupted").await;
    chaos.heal_all("run ended").await;
}

fn schedule(text: &str, manifest: &Manifest) -> Result<Schedule, Box<dyn Error>> {
    let document = DeTable::parse(text)?;
    let faults = document.get_ref().get("fault").and_then(|value| value.get_ref().as_table()).ok_or("no faults")?;
    let names = Names::of(manifest, faults.keys().map(|name| name.get_ref().to_string()));
    let plans = faults.iter().map(|(name, value)| FaultPlan::parse(name, value, &names));
    let plans = plans.collect::<Result<Vec<_>, _>>()?;
    Ok(Schedule::new(plans, &[(Phase::Fault, Duration::from_secs(600))])?)
}
