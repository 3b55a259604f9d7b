# The two commands of the README, and what CI does besides.
# Recipes end with proofload's own exit code in their output: make turns every failure into 2.

.PHONY: help setup build demo test lint bench fuzz fuzz-tools mutants

help:
	@echo 'make demo   set up, run the main experiment, print the verdict and the report; RATE=200/s asks for more'
	@echo 'make test   every test'
	@echo 'make lint   formatting and clippy'
	@echo 'make bench  the benchmarks'
	@echo 'make fuzz   the readers of a run against damaged files, FUZZ_SECONDS=60 for each target; needs nightly and cargo-fuzz'
	@echo 'make mutants  whether the tests of verify/ notice when it is changed; takes hours (docs/mutation.md)'

setup:
	./setup $(FOR)

build:
	cargo build --release --locked --package proofload --package lending

# The experiment's own rate; RATE=200/s is about what two cores carry, and where these are slow, recovery takes longer than promised.
RATE ?= 50/s
demo: setup build
	./target/release/proofload run broker-kill --rate $(RATE)

test: FOR = test
test: setup
	cargo test --workspace --locked

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

# The benchmark of the whole system runs `lending` as it is shipped. '*' are the benchmarks alone: without it cargo builds
# every crate's unit tests for them as well.
bench: FOR = bench
bench: setup build
	cargo bench --workspace --bench '*' --locked

# A nightly compiler and cargo-fuzz are needed here alone, so `setup` does not install them.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= operations observations series journal seal harmed_run
# An input longer than this shows nothing that a shorter one does not; a reader that wants more memory than this trusts a length.
FUZZ_LIMITS = -max_len=16384 -malloc_limit_mb=256 -timeout=10
fuzz: fuzz-tools
	cargo run --quiet --locked --package proofload-history --example seeds
	@set -e; for target in $(FUZZ_TARGETS); do \
		echo "fuzzing $$target for $(FUZZ_SECONDS) s"; \
		cargo +nightly fuzz run --fuzz-dir history/fuzz $$target -- -max_total_time=$(FUZZ_SECONDS) $(FUZZ_LIMITS); \
	done

fuzz-tools:
	@cargo +nightly --version >/dev/null 2>&1 || { echo 'make fuzz needs a nightly compiler: rustup toolchain install nightly' >&2; exit 1; }
	@cargo fuzz --version >/dev/null 2>&1 || { echo 'make fuzz needs cargo-fuzz: cargo install --locked cargo-fuzz --version 0.13.2' >&2; exit 1; }

# `./setup` does not bring cargo-mutants: nothing that is run or tested needs it.
mutants:
	@cargo mutants --version >/dev/null 2>&1 || \
		{ echo 'make mutants: cargo-mutants is not installed; run: cargo install --locked cargo-mutants' >&2; exit 1; }
	cargo mutants --package proofload-verify --output target $(MUTANTS)
