//! Prints the JSON Schema of `matrix.json`:
//! `cargo run -p proofload-reports --example matrix_schema > reports/matrix.schema.json`.

fn main() -> Result<(), serde_json::Error> {
    println!("{}", serde_json::to_string_pretty(&proofload_reports::matrix_schema())?);
    Ok(())
}
