//! Prints the JSON Schema of `verdict.json`:
//! `cargo run -p proofload-reports --example verdict_schema > reports/verdict.schema.json`.

fn main() -> Result<(), serde_json::Error> {
    println!("{}", serde_json::to_string_pretty(&proofload_reports::verdict_schema())?);
    Ok(())
}
