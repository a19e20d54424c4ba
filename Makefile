# `make demo` and `make test` do all set-up themselves; see README.md.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# The build cache lies outside the clone, so that another clone starts warm.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/medproof/target
export RUSTDOCFLAGS ?= -D warnings
NEXTEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo yes)
LOCKED := --locked

.PHONY: help setup tools build demo test fmt lint doc unit kernels bench bench-ledger fuzz soak

help:
	@echo "make demo   set everything up and play the three journeys"
	@echo "make build  compile the command and link it as bin/medproof"
	@echo "make test   set everything up and run every check that CI runs"
	@echo "make bench  print constraint counts, times and sizes"
	@echo "make bench-ledger   print a ledger's durable entries a second, times to an acknowledgement, and what mirrors do"
	@echo "make soak   the long checks: every acceptance case through proofs, the large tier, 500 kills of a ledger, an audit of 100,000 statements"
	@echo "make fuzz   every decoder under a fuzzer, FUZZ_SECONDS (60) each; make soak includes it"
	@echo "make fmt | lint | doc   formatting, clippy, documentation"

# RocksDB is compiled from source and needs a C++ compiler and libclang.
setup:
	@./.ci/setup

# snarkjs, circom and circomlib check our files and gadgets in the tests, Chromium the ledger's explorer page, and strace lets a
# ledger's calls fail; nothing else needs them.
tools: setup
	@./.ci/circom
	@./.ci/setup chromium chromedriver=chromium-driver strace

# A test among the targets makes cargo choose the features of `make test`: neither compiles again what the other has built.
build: setup
	cargo build $(LOCKED) --workspace --bin medproof --test proofs_and_keys
	@mkdir -p bin && ln -sf $(abspath $(CARGO_TARGET_DIR))/debug/medproof bin/medproof

demo: build
	bin/medproof demo

test: setup tools
	cargo fmt --all --check
	cargo clippy $(LOCKED) --workspace --all-targets -- -D warnings
	cargo doc $(LOCKED) --workspace --no-deps --quiet
	$(MAKE) --no-print-directory unit
	$(MAKE) --no-print-directory kernels

unit:
ifeq ($(NEXTEST),yes)
	cargo nextest run $(LOCKED) --workspace --no-fail-fast
else
	cargo test $(LOCKED) --workspace --no-fail-fast
endif

# The tests of kernels and engine once more with the scalar kernels as the default, whole proofs without ADX too, and which
# kernels this machine's tests took. `cargo test -p` would choose other features and compile all anew: without nextest the
# workspace's own binaries of the two are run.
PROOFS := unblinded_proofs
kernels:
ifeq ($(NEXTEST),yes)
	MEDPROOF_ENGINE=scalar cargo nextest run $(LOCKED) --workspace -E 'package(medproof-kernels) | package(medproof-engine)'
	MEDPROOF_ENGINE=portable cargo nextest run $(LOCKED) --workspace -E 'package(medproof-engine) & test($(PROOFS))'
	cargo nextest run $(LOCKED) --workspace -E 'test(the_kernels_under_test_are_named)' --success-output final
else
	@tests=$$(cargo test $(LOCKED) --workspace --no-run --message-format=json \
	  | sed -n '/prover\/\(kernels\|engine\)#.*"test":true/s/.*"executable":"\([^"]*\)".*/\1/p'); \
	test $$(wc -w <<< "$$tests") -ge 3 || { echo "no tests of kernels and engine found"; exit 1; }; \
	for test in $$tests; do \
	  MEDPROOF_ENGINE=scalar $$test --quiet && MEDPROOF_ENGINE=portable $$test --quiet $(PROOFS) || exit 1; \
	done
	cargo test $(LOCKED) --workspace the_kernels_under_test_are_named -- --show-output
endif

fmt:
	cargo fmt --all

lint: setup
	cargo clippy $(LOCKED) --workspace --all-targets -- -D warnings

doc: setup
	cargo doc $(LOCKED) --workspace --no-deps

# Sizes of `bench kernels` and `bench plot` by binary logarithm; 20 takes many minutes and some gigabytes.
BENCH_MAX_LOG ?= 16

bench: build
	bin/medproof bench circuits
	bin/medproof bench verify
	bin/medproof bench service
	bin/medproof bench kernels --max-log $(BENCH_MAX_LOG)
	bin/medproof bench plot --max-log $(BENCH_MAX_LOG) --out "$(CARGO_TARGET_DIR)/time-by-size.svg"
	cargo bench $(LOCKED) --quiet --profile dev --workspace --bench primitives
	@echo "end to end, from challenge to durable receipt: see the table of the demo"
	bin/medproof demo

# Powers of ten of entries to which the ledger grows; 7 takes many minutes and some gigabytes. BENCH_LEDGER_DIRECTORY
# chooses the disk.
BENCH_LEDGER_MAX_LOG ?= 6

bench-ledger: build
	bin/medproof bench ledger --max-log $(BENCH_LEDGER_MAX_LOG) $(if $(BENCH_LEDGER_DIRECTORY),--directory "$(BENCH_LEDGER_DIRECTORY)")
	bin/medproof bench mirror $(if $(BENCH_LEDGER_DIRECTORY),--directory "$(BENCH_LEDGER_DIRECTORY)")

fuzz: setup
	@./.ci/fuzz

soak: setup tools
ifeq ($(NEXTEST),yes)
	cargo nextest run $(LOCKED) --workspace --run-ignored ignored-only --no-fail-fast --success-output final
else
	cargo test $(LOCKED) --workspace --no-fail-fast -- --ignored --show-output
endif
	$(MAKE) --no-print-directory fuzz
