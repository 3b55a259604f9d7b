//! Writes the page of a matrix made by hand, to look at and to design with:
//! `cargo run -p proofload-reports --example sample_matrix > matrix.html`.

#[path = "../tests/sample_matrix/mod.rs"]
mod sample_matrix;

fn main() {
    print!("{}", sample_matrix::matrix().html("../.."));
}
