# What a person at a desk and the build server (.ci/run) both run. `make` alone tells what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help deps build release run test lint format size bench clean

# --no-export-dynamic: Swift's static runtime asks for every symbol to be visible to plugins that we do not have (1 %).
RELEASE := -c release --static-swift-stdlib -Xswiftc -Osize -Xlinker --no-export-dynamic

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s%s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

deps: ## install what is missing to build, test and measure (Debian, Ubuntu)
	@scripts/deps.sh

build: ## the debug build
	@scripts/deps.sh build
	swift build

release: ## the binary to ship, as .build/ais-hostd
	@scripts/deps.sh build
	swift build $(RELEASE)
	strip -o .build/ais-hostd.new .build/release/ais-hostd
	mv .build/ais-hostd.new .build/ais-hostd

run: release ## the story: check this host, then tune, drift and revert in a world of its own (root)
	@scripts/deps.sh run
	@scripts/story.sh .build/ais-hostd

test: ## lint, then every test that can run here; with CI=true those that can't are failures
	@scripts/deps.sh test
	@scripts/lint-test.sh
	@scripts/lint.sh
	swift test --disable-xctest

lint: ## the formatter's rules and our own
	@scripts/lint.sh

format: ## let the formatter do it
	swift format --in-place --recursive --parallel Package.swift Sources $(wildcard Tests)

size: release ## the binary's size, and that it holds no full Foundation
	@scripts/check-binary.sh .build/release/ais-hostd .build/ais-hostd

bench: release ## how long the commands take here
	@scripts/deps.sh bench
	@benchmarks/commands.sh .build/ais-hostd

clean: ## forget what was built
	rm -rf .build
