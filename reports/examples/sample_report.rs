//! Writes the reports of three runs made by hand (pass, fail, unknown) into a folder, to look at and to design with:
//! `cargo run -p proofload-reports --example sample_report -- FOLDER`.

#[path = "../tests/sample/mod.rs"]
mod sample;

use proofload_reports::{EXPORTERS, Judged};
use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name the folder to write into")?);
    for (name, run) in [("pass", sample::pass()), ("fail", sample::fail()), ("unknown", sample::unknown())] {
        let judged = Judged {
            verdict: &run.verdict,
            history: &run.history,
            chains: &sample::CHAINS,
            run: sample::RUN.to_owned(),
        };
        std::fs::create_dir_all(folder.join(name))?;
        for exporter in EXPORTERS {
            let file = folder.join(name).join(exporter.file());
            exporter.render(&judged, &mut std::fs::File::create(&file)?)?;
            println!("{}", file.display());
        }
    }
    Ok(())
}
