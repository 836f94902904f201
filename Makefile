# The commands of the project. `make demo` and `make test` are all a newcomer needs.

CARGO ?= cargo
DEMO  := target/demo
# What the tests left out, a line each.
SKIPPED = $${CARGO_TARGET_DIR:-target}/tmp/skipped.txt

.PHONY: help demo test setup lint docs bench fuzz samples dist ci

help: ## what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## installs libpcap's headers, if they are missing
	@scripts/setup.sh

demo: setup ## builds igorscope, analyzes the sample site survey and shows the result
	@echo "Building igorscope (some four minutes on two cores the first time), then analyzing a sample site survey."
	$(CARGO) build --release --locked
	target/release/igorscope analyze captures/site-survey.pcapng --inventory captures/site-survey.toml -o $(DEMO)
	@echo; echo "The same as files, in $(DEMO):"; ls -1 $(DEMO)

test: setup ## builds and passes all tests
	@rm -f $(SKIPPED)
	$(CARGO) test --locked
	@test ! -s $(SKIPPED) || { echo; echo "Not checked, for lack of a tool ($$(sort -u $(SKIPPED) | wc -l)):"; sort -u $(SKIPPED); }

lint: ## format and clippy, as CI runs them
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --locked -- -D warnings
	$(CARGO) clippy --all-targets --locked --no-default-features -- -D warnings

docs: ## the crate's own documentation
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --locked

bench: ## the benchmarks (criterion)
	$(CARGO) bench --locked

fuzz: ## every fuzz target for a minute
	scripts/fuzz.sh 60

samples: ## makes the captures in captures/ again
	$(CARGO) run --locked --example generate -- samples captures

dist: ## the packages for Debian, any Linux and Windows, built twice, each installed and run (some 40 minutes on 2 cores)
	scripts/dist.sh

ci: ## everything that CI runs
	.ci/run
