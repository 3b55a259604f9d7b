//! The arguments, with examples beside them.

use crate::exit_code;
use crate::kept::{Action, CONDUCTOR};
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

const UP_HELP: &str = "\
A command runs inside, where the traffic comes from, and finds what is where in its environment:
  PROOFLOAD_ENTRY            where requests enter: http://198.18.0.7:8080
  PROOFLOAD_HOST_<INSTANCE>  the address of each instance: PROOFLOAD_HOST_ORIGINATION_1
  PROOFLOAD_CA               the certificate to verify its TLS by, where it speaks TLS
  PROOFLOAD_RUN              the folder with logs/ and the manifest as resolved
The system stops when the command ends, and `up` ends with its exit code. Inside, /tmp, /run and /dev/shm are the
system's own; the working folder is kept. No process, mount, interface or rule is left behind, kill -9 included; what
that leaves on disk goes with `proofload heal`.

Without a command there is a shell inside, if this is a terminal; else the system runs until SIGINT or SIGTERM.

Examples:
  proofload up
  proofload up lending --variant acks-one -- ./test.sh
  proofload up -- sh -c 'curl -s $PROOFLOAD_ENTRY/health/ready'
  proofload up --set process.gateway.replicas=3 < /dev/null &";

const SELF_TEST_HELP: &str = "\
Each experiment is run on its good design and on every broken one that it has a control for, with the same seed; the
seed of each further repeat is one more. A broken design is caught if the promise that the control names turns red for
the reason that it states, with every fault attested, and the good design passes beside it.

Every run has a folder of its own. The matrix is written to self-test/<UTC instant>/ beside them, as matrix.html and
matrix.json, anew after each run; an interrupt leaves what was done.

It ends with 0 if every broken design was caught in every repeat and every good one passed, with 1 if one was not caught
or a good design failed, and with 3 if the evidence does not suffice.

Examples:
  proofload self-test
  proofload self-test partition-leader broker-kill --repeat 5
  proofload self-test --tag pr --json > matrix.json";

/// Proves, or disproves, that an event-driven system keeps its promises while it is loaded and broken.
#[derive(Debug, Parser)]
#[command(name = "proofload", version, after_help = exit_code::help(), max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say what this machine offers; what each missing thing would enable, and how to get it
    Doctor,
    /// List what can be named in a file
    #[command(after_help = "Examples:\n  proofload list\n  proofload list faults")]
    List {
        /// What to list; experiments if left out
        #[arg(value_enum, default_value = "experiments")]
        kind: ListKind,
        /// The experiment or manifest whose variants are listed
        #[arg(long, value_name = "SYSTEM", default_value = "lending")]
        system: String,
    },
    /// Parse and resolve an experiment, print its timeline, start nothing
    #[command(
        after_help = "Examples:\n  proofload plan broker-kill\n  proofload plan partition-leader --variant acks-one"
    )]
    Plan {
        /// Its name, or the path of its file
        experiment: String,
        #[command(flatten)]
        changes: Changes,
    },
    /// Run experiments and judge them
    #[command(after_help = "Examples:\n  proofload run broker-kill\n  proofload run --tag pr --json\n  \
        proofload run partition-leader --variant acks-one --repeat 10\n  \
        proofload run broker-kill --set 'component.kafka.settings.\"broker.session.timeout.ms\"=9000'")]
    Run(RunArgs),
    /// Test the experiments: does each catch the broken designs that it must catch, and pass the good one
    #[command(after_help = SELF_TEST_HELP)]
    SelfTest(SelfTestArgs),
    /// Start a system and keep it: for a command, with a shell inside, or until a signal
    #[command(after_help = UP_HELP)]
    Up(UpArgs),
    /// Run a command inside a system that `up` keeps, from another terminal
    #[command(after_help = "It runs where the traffic comes from, or on the host of an instance, with the variables \
        that `up` gives its command.\n\nExamples:\n  proofload exec -- sh -c 'curl -i $PROOFLOAD_ENTRY'\n  \
        proofload exec --host origination-1 -- ss -tn\n  proofload exec --run runs/up/latest -- bash")]
    Exec {
        /// The folder of the run, where several systems are kept
        #[arg(long, value_name = "DIR")]
        run: Option<PathBuf>,
        /// The instance on whose host it runs
        #[arg(long, value_name = "INSTANCE")]
        host: Option<String>,
        /// The command and its arguments
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
    /// Kill, start, pause, resume, cut, heal: by hand, in a system that `up` keeps
    #[command(after_help = "Examples:\n  proofload lab kill origination-1\n  proofload lab start origination-1\n  \
        proofload lab cut gateway kafka-2")]
    Lab {
        /// The folder of the run, where several systems are kept
        #[arg(long, value_name = "DIR", global = true)]
        run: Option<PathBuf>,
        #[command(subcommand)]
        action: Action,
    },
    /// Judge a stored run again
    #[command(after_help = "Example:\n  proofload judge runs/broker-kill/latest")]
    Judge {
        /// The directory of the run
        run: PathBuf,
        /// Print the verdict as JSON, and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Render the reports of a stored run again
    #[command(after_help = "Example:\n  proofload report runs/broker-kill/latest")]
    Report {
        /// The directory of the run
        run: PathBuf,
    },
    /// Follow one id through the system, with what was injected then
    #[command(after_help = "Example:\n  proofload trace runs/broker-kill/latest 00000000-0007-8001-8000-00000000002a")]
    Trace {
        /// The directory of the run
        run: PathBuf,
        /// The id of an intent
        id: String,
        /// Print it as JSON, and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Undo what interrupted runs left behind
    #[command(after_help = "Example:\n  proofload heal --out runs")]
    Heal {
        /// The folder of the runs
        #[arg(long, default_value = "runs")]
        out: PathBuf,
    },
    /// Write a page per check and per fault, from the tables that the code uses
    #[command(hide = true)]
    Pages {
        /// The folder of the documentation
        folder: PathBuf,
    },
    /// PID 1 of a lab; started by `run` and `up`
    #[command(hide = true, name = "lab-init", disable_help_flag = true)]
    LabInit {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        conductor: Vec<OsString>,
    },
    /// The conductor of a system that is kept, inside its lab; started by `up`
    #[command(hide = true, name = CONDUCTOR)]
    Keep {
        run: PathBuf,
        /// The folder that relative paths in the manifest start from
        #[arg(long)]
        folder: PathBuf,
    },
    /// The conductor of a run inside its lab; started by `run`
    #[command(hide = true)]
    Conduct {
        run: PathBuf,
        /// The folder that relative paths in the manifest start from
        #[arg(long)]
        folder: PathBuf,
        #[arg(long)]
        quiet: bool,
        #[arg(long)]
        keep_data: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ListKind {
    Experiments,
    Checks,
    Faults,
    Components,
    Variants,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Names of experiments, or paths of their files
    #[arg(required_unless_present = "tag")]
    pub(crate) experiments: Vec<String>,
    /// Run every experiment that carries this tag
    #[arg(long)]
    pub(crate) tag: Option<String>,
    /// Where the system runs
    #[arg(long, default_value = "lab", value_parser = ["lab"])]
    pub(crate) env: String,
    #[command(flatten)]
    pub(crate) changes: Changes,
    /// Run each experiment N times
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) repeat: u32,
    /// The folder of the runs
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) out: PathBuf,
    /// Print the verdict as JSON, and nothing else; of several runs, one line each
    #[arg(long)]
    pub(crate) json: bool,
    /// Keep the data folders of the components beside the run
    #[arg(long)]
    pub(crate) keep_data: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SelfTestArgs {
    /// Names of experiments, or paths of their files; all if neither these nor a tag are given
    pub(crate) experiments: Vec<String>,
    /// Test every experiment that carries this tag
    #[arg(long)]
    pub(crate) tag: Option<String>,
    /// Run each design N times, each time with another seed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) repeat: u32,
    /// The folder of the runs
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) out: PathBuf,
    /// Print the matrix as JSON, and nothing else
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// The system's name, or the path of its manifest; if left out, the only one that can be found
    pub(crate) system: Option<String>,
    /// Apply a variant of the system; may be repeated
    #[arg(long = "variant", value_name = "NAME")]
    pub(crate) variants: Vec<String>,
    /// Change a setting of the manifest: `process.gateway.replicas=3`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub(crate) sets: Vec<(String, String)>,
    /// The folder of the runs
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) out: PathBuf,
    /// A command to run inside, and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// What a run changes in its experiment and in its system.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Changes {
    /// Apply a variant of the system; may be repeated
    #[arg(long = "variant", value_name = "NAME")]
    pub(crate) variants: Vec<String>,
    /// Change a setting of the manifest: `process.gateway.replicas=3`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub(crate) sets: Vec<(String, String)>,
    /// Give every traffic this rate, whatever its arrivals: `400/s`; refused where one has a ramp
    #[arg(long, value_name = "RATE")]
    pub(crate) rate: Option<String>,
    /// The seed of arrivals, ids and choices, in place of the experiment's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=crate::experiment::MAX_SEED))]
    pub(crate) seed: Option<u64>,
    /// Leave the faults out: the baseline that the experiment is compared with
    #[arg(long)]
    pub(crate) without_faults: bool,
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("`{text}` has no `=`: write KEY=VALUE"))?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}
