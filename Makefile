# The two commands of the README, and what CI does besides.
# Recipes end with proofload's own exit code in their output: make turns every failure into 2.

.PHONY: help setup build demo test lint bench mutants

help:
	@echo 'make demo   set up, run the main experiment, print the verdict and the report'
	@echo 'make test   every test'
	@echo 'make lint   formatting and clippy'
	@echo 'make bench  the benchmarks'
	@echo 'make mutants  whether the tests of verify/ notice when it is changed (docs/mutation.md); takes hours'

setup:
	./setup $(FOR)

build:
	cargo build --release --locked --package proofload --package lending

demo: setup build
	./target/release/proofload run broker-kill --rate 200/s

test: FOR = test
test: setup
	cargo test --workspace --locked

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

# The benchmark of the whole system runs `lending` as it is shipped.
bench: FOR = bench
bench: setup build
	cargo bench --workspace --locked

# `./setup` does not bring cargo-mutants: nothing that is run or tested needs it.
mutants:
	@cargo mutants --version >/dev/null 2>&1 || \
		{ echo 'make mutants: cargo-mutants is not installed; run: cargo install --locked cargo-mutants' >&2; exit 1; }
	cargo mutants --package proofload-verify --output target $(MUTANTS)
